"""Drop duplicates: one post in several streams, copies, re-posts, cut versions and near copies.

Near copies are found by shingles: candidates share entries of a bottom-k sketch (Broder, 1997) and
are then compared in full. The cost is linear, and the sketch can miss copies but never invent them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from digest.models import Dropped, Post
from digest.reading import Reading
from digest.reading.contrast import is_opposite
from digest.reading.sentences import is_repost, strip_addressees, strip_repost
from digest.reading.tokens import find_digits, squeeze_words
from digest.select.embed import Hashes, hash_runs
from digest.text import EMOJI, replace_links

JACCARD = 0.65
"""Jaccard similarity of shingles from which two texts are edited copies."""
CONTAINED = 0.9
"""Share of a cut text's shingles that the full text must contain."""
SHINGLE = 5
SKETCH = 24
SHARED = 3
"""Common sketch entries from which two texts are compared."""
MIN_CHARS = 24
"""Minimum characters of a copy, because short texts ("Wow") are alike by chance; equal texts by one
author are always copies."""
COMMON = 40
"""Maximum texts per sketch entry; more common entries are no evidence."""

_BLOCK = 256
"""Texts that are hashed at once."""


def merge_streams(posts: Iterable[Post]) -> tuple[list[Post], list[Dropped]]:
    """Return each post once, with its longest text and largest counts in all streams."""
    by_key: dict[str, Post] = {}
    dropped = []
    for post in posts:
        if post.key in by_key:
            dropped.append(Dropped(post.key, "duplicates", "same_post", of=post.key))
            post = merge_versions(by_key[post.key], post)
        by_key[post.key] = post
    return list(by_key.values()), dropped


def merge_versions(first: Post, second: Post) -> Post:
    """Merge two versions of a post: the longer text with its links, every known field, the larger
    counts."""
    longer, other = (second, first) if len(second.text) > len(first.text) else (first, second)
    names = {*first.metrics, *second.metrics}
    return replace(
        longer,
        author=longer.author or other.author,
        author_name=longer.author_name or other.author_name,
        url=longer.url or other.url,
        lang=longer.lang or other.lang,
        metrics={n: max(first.metrics.get(n, 0), second.metrics.get(n, 0)) for n in sorted(names)},
    )


@dataclass(frozen=True, slots=True)
class _Print:
    """The features by which a post is compared."""

    reading: Reading
    words: str
    shingles: Hashes
    """Sorted and unique."""
    numbers: frozenset[str]
    cut: bool


def drop_copies(
    readings: Sequence[Reading],
) -> tuple[list[Reading], list[Dropped], Mapping[str, int]]:
    """Return the readings without copies, the copies with the posts they copy, and for each
    remaining post the number of other authors who repeated it.

    Of several copies the one kept is complete rather than cut, an original rather than a re-post,
    then the earliest, then the one with most likes (a copy may have more likes than its original).
    """
    posts = [reading.post for reading in readings]
    prints = _make_prints(readings)
    common = _find_common(prints)
    order = sorted(range(len(posts)), key=lambda i: _rate_print(prints[i]))
    index: defaultdict[int, list[int]] = defaultdict(list)
    by_words: dict[str, int] = {}
    copy_of: dict[int, int] = {}
    for i in order:
        original = _find_original(i, prints, by_words, index)
        if original is not None:
            copy_of[i] = original
            continue
        by_words.setdefault(prints[i].words, i)
        for entry in common.intersection(prints[i].shingles[:SKETCH].tolist()):
            if len(index[entry]) < COMMON:
                index[entry].append(i)
    originals = [reading for i, reading in enumerate(readings) if i not in copy_of]
    dropped = [
        Dropped(posts[i].key, "duplicates", "copy", of=posts[original].key)
        for i, original in sorted(copy_of.items())
    ]
    return originals, dropped, _count_echoes(posts, copy_of)


def _make_prints(readings: Sequence[Reading]) -> list[_Print]:
    prints: list[_Print] = []
    for start in range(0, len(readings), _BLOCK):
        block = readings[start : start + _BLOCK]
        texts = [reading.text for reading in block]
        words = [_normalize_words(text) for text in texts]
        shingles = _shingles([each.replace(" ", "") for each in words])
        prints += [
            _Print(reading, text, hashes, frozenset(find_digits(text)), _is_cut(reading.text))
            for reading, text, hashes in zip(block, words, shingles, strict=True)
        ]
    return prints


def _normalize_words(text: str) -> str:
    # Handles inside a sentence belong to it ("now tracking @lighter"); those of a reply do not.
    words = EMOJI.sub(" ", replace_links(strip_addressees(strip_repost(text)), " ")).casefold()
    return squeeze_words(words)


def _is_cut(text: str) -> bool:
    has_mark = "…" in text or "..." in text
    return has_mark and replace_links(text, "").rstrip().endswith(("…", "..."))


def _shingles(texts: Sequence[str]) -> list[Hashes]:
    """Return for each text the sorted unique hashes of its runs of SHINGLE characters."""
    hashes, owner = hash_runs(texts, SHINGLE)
    starts = np.searchsorted(owner, np.arange(1, len(texts)))
    return [np.unique(own) for own in np.split(hashes, starts)]


def _find_common(prints: Sequence[_Print]) -> frozenset[int]:
    """Return the entries by which at least two texts are looked up: only these can find a copy."""
    lookups = np.concatenate([_list_lookups(p) for p in prints] or [np.empty(0, np.uint32)])
    entries, counts = np.unique(lookups, return_counts=True)
    return frozenset(entries[counts > 1].tolist())


def _list_lookups(mine: _Print) -> Hashes:
    """Return the shingles to look a text up by: all of a cut text, because it shares few of its
    smallest shingles with the full text."""
    return mine.shingles if mine.cut else mine.shingles[:SKETCH]


def _rate_print(print_: _Print) -> tuple[bool, bool, float, int, str]:
    """Return a sort key; the smallest of several copies is kept."""
    post = print_.reading.post
    reposted = is_repost(post.text)
    likes = post.metrics.get("likes", 0)
    return print_.cut, reposted, post.created_at.timestamp(), -likes, post.key


def _find_original(
    i: int, prints: Sequence[_Print], by_words: Mapping[str, int], index: Mapping[int, list[int]]
) -> int | None:
    """Return the index of the earlier post that post `i` copies, or None."""
    mine = prints[i]
    equal = by_words.get(mine.words)
    if equal is not None and mine.words:
        same_author = prints[equal].reading.post.author == mine.reading.post.author
        if same_author or len(mine.words) >= MIN_CHARS:
            return equal
    if len(mine.words) < MIN_CHARS:
        return None
    entries = sorted(index.keys() & _list_lookups(mine).tolist())
    if len(entries) < SHARED:
        return None
    shared = Counter(j for entry in entries for j in index[entry])
    for j, count in shared.most_common(8):
        if count < SHARED:
            break
        if _is_copy(mine, prints[j]):
            return j
    return None


def _is_copy(copy: _Print, original: _Print) -> bool:
    common = len(np.intersect1d(copy.shingles, original.shingles, assume_unique=True))
    if copy.cut and common >= CONTAINED * len(copy.shingles):
        return True
    if common < JACCARD * (len(copy.shingles) + len(original.shingles) - common):
        return False
    # One template with different figures ("Scores 81.2 %", "scores 74.0 %") or names makes two
    # statements; so do a statement and its denial.
    pairs = ((copy.numbers, original.numbers), (_list_names(copy), _list_names(original)))
    is_other = any(first - second and second - first for first, second in pairs)
    return not is_other and not is_opposite(copy.reading.text, original.reading.text)


def _list_names(print_: _Print) -> frozenset[str]:
    """Return the parts of the names: "Qwen3-Max" and "Qwen3-Omni" share one and differ in one."""
    return frozenset(part for key in print_.reading.name_keys for part in key.split())


def _count_echoes(posts: Sequence[Post], copy_of: Mapping[int, int]) -> dict[str, int]:
    voices: defaultdict[str, set[str]] = defaultdict(set)
    for i, original in copy_of.items():
        if posts[i].author != posts[original].author:
            voices[posts[original].key].add(posts[i].author)
    return {key: len(authors) for key, authors in voices.items()}
