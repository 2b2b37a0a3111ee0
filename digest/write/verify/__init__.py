"""Is a statement proved by the posts it cites? Pure: the same item and posts give the same answer.

Every number, percentage, amount, date, version, ticker and name of the item must occur in the cited
posts, in whatever language or notation they write it; a view must belong to the author of a cited
post or to somebody that post names. What cannot be found is listed, in the item's own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.models import Item, Post
from digest.text import MAX_CHARS, URL
from digest.write.verify.evidence import HANDLES, Evidence, evidence
from digest.write.verify.facts import Amount, amounts, folded
from digest.write.verify.known import ticker_name
from digest.write.verify.names import missing_names
from digest.write.verify.times import (
    Day,
    days,
    months,
    of_day,
    spans_told,
    terms,
    without_days,
    without_months,
    years,
)
from digest.write.verify.versions import missing_versions
from digest.write.verify.wordnumbers import checked, vague

_TICKER = re.compile(
    r"\$([A-Za-z][A-Za-z]{0,9}(?:\.[A-Z])?)\b|\b(\d{6}\.(?:SH|SZ|SS)|\d{4,5}\.HK|\d{4}\.TW)\b"
)
_MARKED = re.compile(
    r"\b(?:NASDAQ|NYSE|AMEX|HKEX|纳斯达克|纽交所|港交所|股票代码|代码)\s?[:：]\s?([A-Z]{1,6}|\d{4,6})\b"
)
_MONEY = frozenset("usd usdt usdc us hk nt".split())
_LINK = re.compile(
    r"https?://|www\.|\]\(|<[a-z/!]|\*\*|```|__\w|^#{1,6}\s", re.IGNORECASE | re.MULTILINE
)
_COMMAND = re.compile(r"(?<![\w/.\u3400-\u9fff<])/[a-z][a-z_]{2,31}(?![\w/.-])")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the cited posts do not support, in the item's own words; empty where all is proved."""

    unsupported: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.unsupported


def verify(item: Item, posts: Sequence[Post], *, view: bool = False) -> Verdict:
    """What of the item its posts do not support. `posts` are those it was given; only the cited ones
    prove it. With `view`, the item's title names who holds the view."""
    by_key = {post.key: post for post in posts}
    unknown = [key for key in item.cites if key not in by_key]
    cited = [by_key[key] for key in dict.fromkeys(item.cites) if key in by_key]
    missing = [f"cites {key}, which is not among the posts" for key in unknown]
    if not cited:
        return Verdict((*missing, "cites no post"))
    if len(item.title) + len(item.text) > MAX_CHARS:
        return Verdict((*missing, f"longer than {MAX_CHARS} characters"))
    text = folded(f"{item.title}\n{item.text}")
    found = evidence(cited)
    missing += _missing(text, found)
    if view:
        missing += _missing_speaker(item, found)
    return Verdict(_short(missing))


def _short(missing: Sequence[str]) -> tuple[str, ...]:
    """Each once."""
    return tuple(dict.fromkeys(said.strip() for said in missing if said.strip()))


def _missing(text: str, found: Evidence) -> Iterator[str]:
    yield from _markup(text, found)
    yield from _missing_days(text, found)
    yield from _missing_amounts(text, found)
    yield from missing_versions(without_days(text), found.names)
    yield from _missing_tickers(text, found)
    plain = HANDLES.sub(" ", _TICKER.sub(" ", text))
    chinese, english = "zh" in found.language, "en" in found.language
    yield from missing_names(plain, found.names, english=english, chinese=chinese)


def _markup(text: str, found: Evidence) -> Iterator[str]:
    """What a chat would act on, and handles of nobody in the posts."""
    if _LINK.search(text) or URL.search(text):
        yield "a link, markup or mention"
    for handle in HANDLES.findall(text):
        if handle.lower() in ("everyone", "here", "channel", "all"):
            yield "a link, markup or mention"
        elif handle.lower() not in found.handles:
            yield f"@{handle}"
    yield from _COMMAND.findall(text)


def _missing_days(text: str, found: Evidence) -> Iterator[str]:
    wanted = days(text)
    shared = any(day.supported_by(other) for day in wanted for other in found.days)
    # The post's own day is a fact too, unless the posts name days and the item names none of them.
    own = [] if found.told_days and not shared else [_own(made) for made in found.made]
    for day in wanted:
        if not any(day.supported_by(other) for other in (*found.days, *own)):
            yield day.said
    bare = without_days(text)
    here = found.months or {made.month for made in found.made}
    yield from (said for said, month in months(bare) if month not in here)
    mine = {made.year for made in found.made}
    told = found.years or mine
    yield from (
        said for said, year in years(bare) if year not in told and not _as_number(year, found)
    )
    yield from (said for said, kind in terms(text) if kind not in found.terms)


def _own(made: datetime) -> Day:
    return of_day(made.date())


def _as_number(year: int, found: Evidence) -> bool:
    return any(reading[0] == year for amount in found.amounts for reading in amount.readings)


def _missing_amounts(text: str, found: Evidence) -> Iterator[str]:
    bare = without_months(without_days(text))
    told = {said for said, _ in years(bare)}
    for amount in amounts(bare):
        value, unit = amount.readings[0]
        if (
            amount.said in told
            or amount.readings[0][0] == 0
            or (unit in ("year", "") and value in found.years)
        ):
            continue
        if not any(amount.supported_by(other) for other in found.amounts) and not _listed(
            amount, found
        ):
            yield amount.said
    for amount in checked(bare):
        if not any(amount.supported_by(other) for other in found.amounts) and not _listed(
            amount, found
        ):
            yield amount.said
    for said, low, below in vague(bare):
        if not _sized(low, below, found):
            yield said
    spans = found.spans
    yield from (said for unit, said in spans_told(bare).items() if spans and unit not in spans)


def _listed(amount: Amount, found: Evidence) -> bool:
    """A small bare count that is the length of a list in the posts."""
    value, unit = amount.readings[0]
    worth = unit == "count" or (not unit and (amount.counts or not amount.said[:1].isdigit()))
    return worth and 2 <= value <= 20 and int(value) in found.lists and value == int(value)


def _sized(low: float, below: float, found: Evidence) -> bool:
    if any(low < other_below and other_low < below for other_low, other_below in found.sizes):
        return True
    return any(low <= reading[0] < below for amount in found.amounts for reading in amount.readings)


def _missing_tickers(text: str, found: Evidence) -> Iterator[str]:
    for match in (*_TICKER.finditer(text), *_MARKED.finditer(text)):
        ticker = next(group for group in match.groups() if group).upper()
        name = ticker_name(ticker)
        written = re.search(
            rf"(?<![A-Za-z0-9]){re.escape(ticker)}(?![A-Za-z0-9])", found.text, re.IGNORECASE
        )
        if (
            ticker.lower() not in _MONEY
            and not written
            and not (name and id(name) in found.names.known)
        ):
            yield match.group()


def _missing_speaker(item: Item, found: Evidence) -> Iterator[str]:
    """The person in the title: author of a cited post, or named in one."""
    title = folded(item.title)
    handles = {handle.lower() for handle in HANDLES.findall(title)}
    name = re.sub(r"[(（@].*", "", title).strip()
    if handles and not handles <= found.handles:
        yield item.title
    elif name and not handles and not _spoken_of(name.lower(), found):
        yield name


def _spoken_of(name: str, found: Evidence) -> bool:
    if name in found.authors or name in found.text.lower():
        return True
    return not list(
        missing_names(f"x {name.title()}", found.names, english=True, chinese=False)
    ) and bool(set(re.findall(r"\w{3,}", name)) & found.names.words)
