"""Verify versions and variants of a statement against its posts."""

from collections.abc import Iterator

from digest.reading.mentions import (
    Mentions,
    Numbered,
    find_bare_versions,
    find_variants,
    find_versions,
)
from digest.reading.names import VARIANTS, is_common, opens_sentence
from digest.reading.sounds import unaccent


def find_missing_versions(text: str, mentions: Mentions) -> Iterator[str]:
    """Yield versions and variants that the posts do not have for this product: "Veo 4" is not
    Veo 3."""
    yield from (v.text for v in find_versions(text) if not _has_version(v, text, mentions))
    for words, number in find_bare_versions(text):
        if number.removesuffix(".0") not in mentions.segments:
            yield words
    for version in find_variants(text):
        number, variant = version.number.removesuffix(".0"), version.variant.lower()
        variants = mentions.followers.get(number, frozenset()) & VARIANTS
        if (number, variant) not in mentions.near and (variants or variant not in mentions.words):
            yield version.text


def _has_version(version: Numbered, text: str, mentions: Mentions) -> bool:
    """Return True if the number follows the name in the posts, or if they have the number and no
    other version of that name."""
    name, number = unaccent(version.name).lower(), version.number.removesuffix(".0")
    if (name, number) in mentions.near:
        return True
    capital = version.name[0].isupper() and not opens_sentence(text, version.start)
    apart = version.text[len(version.name)] == " " or version.name.islower()
    if (
        is_common(name)
        and name not in VARIANTS
        and apart
        and not (capital and "." in version.number)
    ):
        return True  # "top 10" and the like: the number is verified as a figure
    behind = text[version.start + len(version.text) :].lower().split()[:1]
    if VARIANTS & mentions.followers.get(number, frozenset()) & {*behind}:
        return name in mentions.words  # "iPhone 15 Pro" for "my iPhone, a 15 Pro"
    others = any(other[0].isdigit() for other in mentions.followers.get(name, ()))
    return number in mentions.segments and not others
