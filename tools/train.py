"""`make train`: train the heads from labelled texts, reproducibly to the byte.

    python -m tools.train [--data DIR] [--without DAY]... [--out DIR] [HEAD]...

`--without` omits a day's labels, to evaluate the product on a day its heads were not trained on.
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from collections.abc import Collection
from functools import cache
from pathlib import Path

import numpy as np

from digest.reading.heads.linear import FOLDER, Head
from digest.reading.heads.ngrams import hash_text
from digest.select.embed import embed, has_encoder
from digest.text import clean
from tools.train_labels import TASKS, Labelled
from tools.train_linear import Examples, count_steps, fit, make_head, scale_by_rarity

DATA = Path(__file__).parents[2] / "shared" / "data"
FIXED_DATE = (2025, 1, 1, 0, 0, 0)
"""Timestamp of the archive members; the current time would make each file different."""


@cache
def encode_labelled(name: str, data: Path) -> tuple[tuple[Labelled, ...], Examples]:
    """Return the head's labelled texts, and their features in the same order."""
    task = TASKS[name]
    labelled = tuple(task.read(data))
    texts = [row.text for row in labelled]
    vectors = embed(texts, threads=1) if task.encoded else np.zeros((len(texts), 0), np.float32)
    return labelled, Examples.of([hash_text(clean(text)) for text in texts], vectors, task.buckets)


def train_head(name: str, data: Path, without: Collection[str] = ()) -> Head:
    """Train the head of that name, without the days in `without`."""
    labelled, examples = encode_labelled(name, data)
    chosen = np.array([row.day not in without for row in labelled], np.bool_)
    labels = np.array([row.label for row in labelled], np.bool_)[chosen]
    importance = np.array([row.importance for row in labelled], np.float64)[chosen]
    examples = examples.select(chosen)
    if TASKS[name].rarity:
        examples = scale_by_rarity(examples)
    return make_head(fit(examples, labels, TASKS[name].penalty, importance), examples)


def pack_head(head: Head) -> bytes:
    """Serialise a head; equal heads give equal bytes."""
    ngrams, ngram_step = count_steps(head.ngrams)
    vector, vector_step = count_steps(head.vector)
    parts = {
        "ngrams": ngrams,
        "vector": vector,
        "numbers": np.array([ngram_step, vector_step, head.bias, head.usual]),
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, values in parts.items():
            array = io.BytesIO()
            np.save(array, values, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", FIXED_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, array.getvalue())
    return content.getvalue()


def main() -> None:
    """Train and write the heads."""
    parser = argparse.ArgumentParser(prog="python -m tools.train")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--without", action="append", default=[], metavar="DAY")
    parser.add_argument("heads", nargs="*", default=[], metavar="HEAD", help=", ".join(TASKS))
    options = parser.parse_args()
    if not has_encoder():
        parser.error("the sentence encoder is not installed: run make test once")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.heads or TASKS:
        content = pack_head(train_head(name, options.data, options.without))
        (options.out / f"{name}.npz").write_bytes(content)
        sys.stdout.write(f"{name}.npz: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
