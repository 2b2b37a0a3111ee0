"""True translations of posts of the made-up sample, and the same with one planted error each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from digest.models import Item, Post
from digest.sources.jsonl import PostRows
from digest.write.verify import verify

ROOT = Path(__file__).parents[1]


def planted_rows() -> Iterator[tuple[str, bool, Item, Post]]:
    """Yield the kind of error ("" for none), True for a view, the item and its post.

    The rows are true translations of posts of the made-up sample, and the same with one error.
    """
    sample = ROOT / "digest/sources/sample.jsonl"
    posts = PostRows(sample.name).parse(sample.read_text("utf-8").splitlines())
    cited = {post.id: post for post in sorted(posts, key=lambda post: len(post.text))}
    for line in (ROOT / "tests/data/planted.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        source = cited[row["cites"]]
        item = Item(row["text"], row["title"], cites=(source.key,), status="new")
        yield row["kind"], row["view"], item, source


def test_the_labelled_set_meets_its_thresholds() -> None:
    verdicts = [
        (kind, verify(item, [cited], view=view).ok) for kind, view, item, cited in planted_rows()
    ]
    planted = [ok for kind, ok in verdicts if kind]
    true = [ok for kind, ok in verdicts if not kind]
    assert len(verdicts) >= 200
    assert planted.count(False) >= 0.98 * len(planted)
    assert true.count(False) <= 0.02 * len(true)
