"""What posts say, read once: numbers, days, names, authors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from digest.models import Post
from digest.text import language
from digest.write.verify.facts import Amount, amounts, folded
from digest.write.verify.postnames import Names, read_names
from digest.write.verify.times import (
    Day,
    days,
    months,
    of_day,
    short_days,
    spans_in,
    terms,
    without_days,
    years,
)
from digest.write.verify.wordnumbers import list_sizes, vague, worded

HANDLES = re.compile(r"(?<![\w@.])@(\w{2,})")
_SHORT_LINK = re.compile(r"https?://t\.co/\S+")


@dataclass(slots=True)
class Evidence:
    """What one post says; several are added up."""

    text: str = ""
    language: set[str] = field(default_factory=set)
    names: Names = field(default_factory=Names)
    amounts: list[Amount] = field(default_factory=list)
    sizes: list[tuple[float, float]] = field(default_factory=list)
    days: list[Day] = field(default_factory=list)
    told_days: bool = False
    made: list[datetime] = field(default_factory=list)
    months: set[int] = field(default_factory=set)
    years: set[int] = field(default_factory=set)
    terms: set[str] = field(default_factory=set)
    spans: set[str] = field(default_factory=set)
    lists: set[int] = field(default_factory=set)
    handles: set[str] = field(default_factory=set)
    authors: set[str] = field(default_factory=set)


def evidence(posts: Sequence[Post]) -> Evidence:
    parts = [_read(post.author, post.author_name, post.text, post.created_at) for post in posts]
    if len(parts) == 1:
        return parts[0]
    whole = Evidence("\n".join(part.text for part in parts))
    for part in parts:
        whole.names = _added(whole.names, part.names)
        for name in ("amounts", "sizes", "days", "made"):
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
        for name in (
            "language",
            "months",
            "years",
            "terms",
            "spans",
            "lists",
            "handles",
            "authors",
        ):
            setattr(whole, name, getattr(whole, name) | getattr(part, name))
        whole.told_days |= part.told_days
    whole.lists.add(len(parts))
    return whole


def _added(one: Names, other: Names) -> Names:
    after = {key: set(value) for key, value in one.after.items()}
    for key, value in other.after.items():
        after[key] = after.get(key, set()) | value
    return Names(
        f"{one.text}\n{other.text}",
        one.words | other.words,
        one.glued | other.glued,
        one.known | other.known,
        one.places + other.places,
        after,
        one.near | other.near,
        one.segments | other.segments,
    )


@lru_cache(maxsize=512)
def _read(author: str, author_name: str, posted: str, made: datetime) -> Evidence:
    said = _SHORT_LINK.sub(" ", folded(posted))
    text = f"{folded(author_name)} @{folded(author)}\n{said}"
    bare = without_days(said)
    found = Evidence(text, {language(posted)}, read_names(text))
    found.made = [made]
    found.amounts = [
        *amounts(said, names=True),
        *amounts(bare, names=True),
        *worded(said),
        *amounts(author_name, names=True),
    ]
    found.sizes = [(low, below) for _, low, below in vague(said)]
    told = days(said)
    found.told_days = bool(told)
    found.days = [*told, *short_days(bare)]
    found.months = {day.month for day in found.days} | {number for _, number in months(bare)}
    found.years = {year for _, year in years(said)} | {day.year for day in told if day.year}
    found.terms = {kind for _, kind in terms(said)}
    found.amounts += [Amount(day.said, ((float(day.day), "day"),)) for day in found.days]
    found.spans, found.lists = spans_in(said), list_sizes(said)
    found.handles = {author.lower(), *(handle.lower() for handle in HANDLES.findall(text))}
    found.authors = {name for name in (folded(author_name).lower(), author.lower()) if name}
    _add_relative(found, said, made)
    return found


_RELATIVE = ((-1, re.compile(r"yesterday|last night|昨", re.IGNORECASE)), (1, re.compile(r"tomorrow|tmrw|tmr\b|明天|明日|明晚|次日", re.IGNORECASE)))  # fmt: skip


def _add_relative(found: Evidence, said: str, made: datetime) -> None:
    """Yesterday, next year, weekdays: what the post's own time makes of its words."""
    for shift, pattern in _RELATIVE:
        if pattern.search(said):
            found.days.append(of_day((made + timedelta(days=shift)).date()))
    if re.search(r"next year|明年|coming year\b", said, re.IGNORECASE):
        found.years.add(made.year + 1)
    if re.search(r"last year|去年", said, re.IGNORECASE):
        found.years.add(made.year - 1)
    found.terms |= {f"D{(made + timedelta(days=shift)).weekday()}" for shift in (0, -1, 1)}
