"""Versions of a statement against those of its posts: "Veo 4" is not Veo 3, "2.5 Pro" is not 2.5 Flash."""

from __future__ import annotations

import re
from collections.abc import Iterator

from digest.write.verify.known import common, opens
from digest.write.verify.postnames import VARIANTS, Names, unaccented

_VERSIONED = re.compile(
    r"([A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]{2,})[\s.-]?v?(\d+(?:\.\d+)*)(?!\.?\d|,\d|(?:st|nd|rd|th)\b|\s?(?:%|million|billion|万|亿|美元|月|日|年))",
    re.IGNORECASE,
)
_VARIED = re.compile(
    rf"\b([A-Z][A-Za-z]+)[\s-]?v?(\d+(?:\.\d+)*)(?:\s(?=[A-Z])|-)((?i:{'|'.join(sorted(VARIANTS))}))\b",
)
_LONG = re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}(?![\d.]*\d)")
_BARE = re.compile(
    r"(?<![A-Za-z0-9])(?:v|versions?\s|版本?\s?)(\d+(?:\.\d+)*)(?!\s?[%月日年万亿])|(?<![\d.])(\d+\.\d+(?:\.\d+)*)\s?版",
    re.IGNORECASE,
)


def missing_versions(text: str, posts: Names) -> Iterator[str]:
    """Versions and variants that the posts do not have of this thing."""
    yield from (long for long in _LONG.findall(text) if long not in posts.text)
    for match in _VERSIONED.finditer(text):
        if not _numbered(match, posts):
            yield match.group()
    for match in _BARE.finditer(text):
        if (match[1] or match[2]).removesuffix(".0") not in posts.segments:
            yield match.group()
    for match in _VARIED.finditer(text):
        if not _varied(match, posts):
            yield match.group()


def _numbered(match: re.Match[str], posts: Names) -> bool:
    """The number follows the name in the posts; or the posts have it, and no other number of that name."""
    name, number = unaccented(match[1]).lower(), match[2].removesuffix(".0")
    if (name, number) in posts.near:
        return True
    named = "." in match[2] and match[1][0].isupper() and not opens(match.string, match.start())
    if common(name) and name not in VARIANTS and match.group()[len(match[1])] == " " and not named:
        return True  # "top 10" and the like: the number alone is looked up elsewhere
    others = any(other[0].isdigit() for other in posts.after.get(name, ()))
    return number in posts.segments and not others


def _varied(match: re.Match[str], posts: Names) -> bool:
    """The variant follows the number in the posts, or they name none for it."""
    number, variant = match[2].removesuffix(".0"), match[3].lower()
    if (number, variant) in posts.near:
        return True
    return variant in posts.words and not posts.after.get(number, set()) & VARIANTS
