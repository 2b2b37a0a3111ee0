"""Evaluate the verifier on labelled items about real posts: half with one planted error, half
true."""

from __future__ import annotations

import json
from pathlib import Path

from digest.write.judge import judge_by_code
from tools.evaluate_data import Row

MEANING = ("causal", "negation", "role_swap", "rumour_named_source")
"""Kinds of errors that code is not expected to detect; the model's check decides them."""


def rows(data: Path) -> list[Row]:
    """Return a row on errors that code can detect and one on errors of meaning.

    The rules were written with these items in view. docs/figures.md has the figures of unseen sets.
    """
    path = data / "labels" / "verify_dev.jsonl"
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    labels = [json.loads(line) for line in lines]
    verdicts = [json.loads(verdict)["ok"] for verdict in judge_by_code(lines, path.name)]
    pairs = list(zip(labels, verdicts, strict=True))
    true = [ok for row, ok in pairs if row["label"] == "clean"]
    planted = [(row["kind"] in MEANING, ok) for row, ok in pairs if row["label"] == "planted"]
    seen = [ok for meaning, ok in planted if not meaning]
    others = [ok for meaning, ok in planted if meaning]
    return [
        Row(
            "verify_dev: items with a wrong figure, day, name, speaker or version, and true items",
            "caught; true ones refused",
            f"{seen.count(False)} of {len(seen)}; {true.count(False)} of {len(true)}",
            "unseen sets: see below",
            bar="85 %; 4 %",
        ),
        Row(
            "verify_dev: items with a wrong cause, negation, role or rumour (for the model's check)",
            "caught by code alone",
            f"{others.count(False)} of {len(others)}",
        ),
    ]
