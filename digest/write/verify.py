"""Is a statement proved by the posts it cites? Pure: the same item and posts give the same answer.

Every number, percentage, amount, date, version, ticker and name of the item must occur in the cited
posts, in whatever language or notation they write it; a view must belong to the author of a cited
post or to somebody that post names. What cannot be found is listed, in the item's own words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from digest.models import Item, Post
from digest.text import language
from digest.words import stop_words
from digest.write.companies import han_names, same_names
from digest.write.facts import (
    Amount,
    Day,
    amounts,
    days,
    durations,
    normalised,
    of_day,
    rates,
    spelled,
    without_days,
)

_VERSION = re.compile(
    r"([A-Za-z][A-Za-z]+)[\s-]?v?(\d+(?:\.\d+)+|\d+(?=[\s-](?:Pro|Mini|Max|Ultra|Flash|Lite|Large|Turbo)))"
)
_LONG_VERSION = re.compile(r"\b\d+(?:\.\d+){2,}\b")
_TICKER = re.compile(r"\$([A-Za-z][A-Za-z.]{0,9})\b|\b(\d{6}\.(?:SH|SZ)|\d{4,5}\.HK)\b")
_HANDLE = re.compile(r"@(\w{2,})")
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:['.&+-][A-Za-z0-9]+)*")
_QUOTED = re.compile(r"《([^》]{2,40})》")
_LINK = re.compile(r"https?://|www\.|\]\(|<[a-z/!]|@(?:everyone|here)\b", re.IGNORECASE)
_MARK = re.compile(r"@\w{2,}|(?<![\w/.])/[a-z]{3,}(?![\w/])", re.IGNORECASE)
_CAPITAL = re.compile(r"[A-Z0-9]")
_ENDING = re.compile(r"(?:ing|ed|tions?|ments?|ness|ly|ity|ous|ful|able|ers?|ists?|ics|ings|ies)$")
_TITLED = re.compile(
    r"(?:\b[A-Z][a-z]+\s){1,4}(?:Act|Law|Hospital|University|Institute|Office|Bank|Court|Ministry|Agency|Commission|Parliament|"
    r"School|College|Museum|Library|Council|Committee)\b"
)
"""An institution or law by an English name made of words."""
_STEM = re.compile(r"(?:'s|s|es|ed|ing|d|er|ers|ly)$")
_COMMON = frozenset(
    "a about according after all also america american an and another any april are around as at august away back based because been before being below"
    " between billion both but by can chief company could court day days december did do does down during each early eight english europe european"
    " even every executive february few fifth first five for former four fourth free friday from full further general global government group had half"
    " has have having he her here his how however human hundred if in including into is it its january july june just largest last late later latest"
    " launch less like made main make makes making many march may meanwhile members million model models monday month months more most mr mrs ms much must"
    " near nearly new next nine no nor not november now october of off officer old on once one only open or other others our out over own part people per"
    " percent plan plans post posts pre price public report reports research researchers same saturday says second security september series service"
    " seven several shares she short should show shows since six small so software some source state still such sunday system team ten than that the"
    " their them then there these they third this those thousand three through thursday to today together tomorrow too total trial tuesday two under unlike"
    " until up update upon us use used users using version very via view was we week weeks wednesday well were what when where which while who whose why"
    " will with within without work workers world would year years yesterday yet you your users user data video videos image images language speech code"
    " coding agent agents tool tools test tests phone app apps platform product products chip chips card cards robot robots paper study method market"
    " markets stock bank law act office parliament ministry university institute hospital school city country north south east west national international"
    " federal central minister president ceo cto cfo founder professor doctor author analysts analyst investors investor customers developers developer"
    " engineers engineer students teachers families homes home house rooms pilot demo release releases released announced introduced support supports"
    " ai it tv uk eu usa api apis gpu gpus cpu cpus llm llms vs etc ok pdf web wrote licence license weights lab labs act agency council".split()
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the cited posts do not support, in the item's own words; empty where all is proved."""

    unsupported: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.unsupported


@dataclass(slots=True)
class _Evidence:
    """What the cited posts say."""

    text: str
    words: set[str] = field(default_factory=set)
    english: bool = True
    chinese: bool = True
    amounts: list[Amount] = field(default_factory=list)
    days: list[Day] = field(default_factory=list)
    rates: set[str] = field(default_factory=set)
    versions: dict[str, set[str]] = field(default_factory=dict)


def verify(item: Item, posts: Sequence[Post], *, view: bool = False) -> Verdict:
    """What of the item its posts do not support. `posts` are those it was given; only the cited ones
    prove it. With `view`, the item's title names who holds the view."""
    by_key = {post.key: post for post in posts}
    unknown = [key for key in item.cites if key not in by_key]
    cited = [by_key[key] for key in item.cites if key in by_key]
    missing = [f"cites {key}, which is not among the posts" for key in unknown]
    if not cited:
        return Verdict((*missing, "cites no post"))
    text = normalised(f"{item.title}\n{item.text}")
    found = _evidence(cited)
    if _LINK.search(text) or _missing_marks(text, found):
        missing.append("a link, markup or mention")
    missing += _missing_days(text, found)
    missing += _missing_amounts(text, found)
    missing += _missing_versions(text, found)
    missing += _missing_tickers(text, found)
    missing += _missing_names(text, found)
    if view:
        missing += _missing_speaker(item, cited, found)
    return Verdict(tuple(dict.fromkeys(missing)))


def _evidence(posts: Sequence[Post]) -> _Evidence:
    texts = [normalised(f"{post.author_name} @{post.author}\n{post.text}") for post in posts]
    text = "\n".join(texts)
    found = _Evidence(
        text,
        _words(text),
        any(language(post.text) == "en" for post in posts),
        any(language(post.text) == "zh" for post in posts),
    )
    for post in posts:
        said = normalised(post.text)
        found.amounts += [*amounts(said), *amounts(without_days(said)), *spelled(said)]
        found.days += days(said)
        found.amounts += [
            Amount(float(n), "", "") for day in days(said) for n in (day.day, day.month)
        ]
        # "Today" and "yesterday" are days that the post's own time tells.
        made = post.created_at.date()
        found.days += [of_day(made + timedelta(days=n)) for n in (-1, 0, 1)]
    years = {day.year for day in found.days} | {
        p.created_at.year + n for p in posts for n in (0, 1)
    }
    found.amounts += [Amount(float(year), "", "") for year in years]
    found.rates = rates(text)
    for name, version in _VERSION.findall(text):
        found.versions.setdefault(name.lower(), set()).add(version)
    return found


def _words(text: str) -> set[str]:
    """Latin words in lower case, whole and by their parts: "GPT-5.2" gives gpt too."""
    words = {word.lower() for word in _LATIN.findall(text)}
    return words | {part for word in words for part in re.split(r"[-.&+']", word) if part}


def _missing_days(text: str, found: _Evidence) -> list[str]:
    return [d.said for d in days(text) if not any(d.supported_by(other) for other in found.days)]


def _missing_amounts(text: str, found: _Evidence) -> list[str]:
    bare = without_days(text)
    wanted = [*amounts(bare), *durations(bare)]
    missing = [a.said for a in wanted if not any(a.supported_by(other) for other in found.amounts)]
    # "$0.02 a minute" is not "$0.02 an hour".
    return missing + [f"per {unit}" for unit in sorted(rates(text) - found.rates) if found.rates]


def _missing_versions(text: str, found: _Evidence) -> list[str]:
    """A version of a thing of which the posts know other versions, but not this one."""
    missing = [long for long in _LONG_VERSION.findall(text) if long not in found.text]
    for name, version in _VERSION.findall(text):
        known = found.versions.get(name.lower())
        if known is not None and version not in known:
            missing.append(f"{name} {version}")
    return missing


def _missing_tickers(text: str, found: _Evidence) -> list[str]:
    missing = []
    for match in _TICKER.finditer(text):
        ticker = (match.group(1) or match.group(2)).upper()
        if ticker.lower() in ("usd", "usdt"):
            continue
        named = re.search(
            rf"(?<![A-Za-z0-9]){re.escape(ticker)}(?![A-Za-z0-9])", found.text, re.IGNORECASE
        )
        if not named and not _alias(ticker, found):
            missing.append(match.group())
    return missing


def _missing_marks(text: str, found: _Evidence) -> bool:
    """Whether the item has a mention or a command that no cited post has."""
    marks = [match.group().lower() for match in _MARK.finditer(text)]
    return any(mark not in found.text.lower() for mark in marks)


def _missing_names(text: str, found: _Evidence) -> list[str]:
    missing = [f"《{title}》" for title in _QUOTED.findall(text) if not _quoted(title, found)]
    plain = _TICKER.sub(" ", text)
    if not found.english:
        # "Synthetic Media Act" stands for 《合成媒体法》: a translated title cannot be looked up.
        plain = _TITLED.sub(" ", plain)
    for match in _LATIN.finditer(plain):
        name = match.group()
        first = not re.search(r"[^\s.!?:;。！？：；“\"'(（-]\s*$", plain[: match.start()])
        if _is_name(name, first) and not _named(name, found) and not _alias(name, found):
            missing.append(name)
    missing += [
        name for name in han_names(text) if name not in found.text and not _alias(name, found)
    ]
    return missing


def _quoted(title: str, found: _Evidence) -> bool:
    """A title stands in the posts as it is, or its Latin words do; a translated one cannot be checked."""
    if title.lower() in found.text.lower():
        return True
    words = [word.lower() for word in _LATIN.findall(title)]
    return all(word in found.words for word in words) if words else not found.chinese


def _is_name(word: str, first: bool) -> bool:
    """A Latin word that is a name: with a capital or a digit, and no common word. The first word of a
    sentence has a capital anyway, so there a common ending is enough to let it pass."""
    telling = [p for p in re.split(r"[-.&+']", word) if _CAPITAL.search(p) and len(p) > 1]
    lower = word.lower()
    if not telling or all(_is_common(part.lower()) for part in telling) or _is_common(lower):
        return False
    return not (first and word[1:].islower() and _ENDING.search(lower))


def _is_common(word: str) -> bool:
    common = _COMMON | stop_words()
    stem = _STEM.sub("", word)
    return word in common or stem in common or f"{stem}e" in common


def _named(name: str, found: _Evidence) -> bool:
    """Whether the posts have the name, or for a compound all of its parts."""
    word = name.lower()
    if word in found.words or _STEM.sub("", word) in found.words:
        return True
    parts = [part for part in re.split(r"[-.&+']", word) if len(part) > 1 and not part.isdigit()]
    return bool(parts) and all(
        part in found.words or _is_common(part) or _STEM.sub("", part) in found.words
        for part in parts
    )


def _alias(name: str, found: _Evidence) -> bool:
    """Whether the posts name the same company or coin in another way: 谷歌, Google, GOOGL."""
    lower = found.text.lower()
    return any(
        (
            other.lower() in found.words
            if other.isascii() and " " not in other
            else other.lower() in lower
        )
        for other in same_names(name)
    )


def _missing_speaker(item: Item, cited: Sequence[Post], found: _Evidence) -> list[str]:
    """The person in the title: author of a cited post, or named in one."""
    handles = {handle.lower() for handle in _HANDLE.findall(normalised(item.title))}
    name = normalised(re.sub(r"[(（].*", "", item.title)).strip()
    if not name and not handles:
        return []
    authors = {post.author.lower() for post in cited}
    if (
        handles
        and not handles & authors
        and not all(f"@{h}" in found.text.lower() for h in handles)
    ):
        return [item.title]
    if name and not handles:
        names = {normalised(post.author_name).lower() for post in cited} | authors
        if name.lower().lstrip("@") not in names and name.lower() not in found.text.lower():
            return [name]
    return []
