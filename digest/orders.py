"""Text that talks to programs instead of people: hidden orders to whoever summarises it.

Such posts are left out before anything reads them, and what a model writes is checked once more. It is
a filter, not the defence: order, links and ids are made by code, and items are proved by their posts.

An order is known by what it needs to work: it takes back what the program was told, it speaks to the
program, it speaks of what the program writes, or it is markup or a command that only programs read.
News about such orders quotes them; a quotation inside news is no order.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cache, lru_cache

from digest.disguise import folded, spelled_out, turned, unmasked
from digest.order_signs import (
    ADDRESS,
    ANYWHERE,
    DENSE,
    MARKUP,
    SENTENCES,
    SIGNS,
    SUBJECTS,
    TOGETHER,
)
from digest.sieve import Sieve, packed

WINDOW = 4
"""Pieces over which one order may be spread."""
MOST_PIECES = 200
"""Pieces of a text beyond which they are not searched one by one; honest posts have fewer."""
CALL = 60
"""Characters of a call ("Hi there, bot!") that is read together with the sentence after it."""

_FORCED = re.compile(
    "[\u202d\u202e]|(?<![\U0001f3f4\U000e0061-\U000e007a])[\U000e0000-\U000e007f]"  # flags use tags too
)
"""Marks that force the direction of text or hide it altogether: honest posts have no use for them."""
_QUOTED = re.compile(
    r"[\"“「『][^\"”」』\n]{1,160}[\"”」』]|(?<!\w)['‘][^'’\n]{3,160}['’](?!\w)|`[^`\n]{1,160}`"
)
_NEWS = re.compile(
    r"\b(?:papers?|researchers?|study|injections?|attack(?:s|ers)?|jailbreaks?|leak(?:s|ed)?|vulnerabilit(?:y|ies)|tell(?:s|ing)|prompts?:)\b|"
    r"论文|研究|注入|攻击|越狱|泄露|漏洞|提示词",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[\n。！？!?；;]+|(?<=[^\d\s])\.(?:\s+|$)")
_PIECE = re.compile(r"\n+|(?<=[。！？；])|(?<=[!?;.])\s+")
_SIGN_OF = [name for name, patterns in SIGNS.items() for _ in patterns]
_PATTERNS = (
    *(_NEWS.pattern, *ANYWHERE, *SENTENCES, *MARKUP, DENSE),
    *(pattern for patterns in SIGNS.values() for pattern in patterns),
)
_FLOWING = range(1, 1 + len(ANYWHERE))
_STANDING = range(_FLOWING.stop, _FLOWING.stop + len(SENTENCES))
_MARKUP = range(_STANDING.stop, _STANDING.stop + len(MARKUP))
_SIGNS = range(_MARKUP.stop + 1, len(_PATTERNS))
Signs = Mapping[str, Sequence[int]]
"""Signs that a text may hold, and the places of the patterns that would find them."""


@cache
def _sieve() -> Sieve:
    """All of them: of 2,000 posts, most need no search."""
    return Sieve(_PATTERNS, re.IGNORECASE | re.MULTILINE)


@cache
def _turned() -> Sieve:
    return Sieve([DENSE])


@lru_cache(maxsize=8192)
def gives_orders(text: str) -> bool:
    """Whether the text talks to a program: hidden orders, roles, markup, commands of a bot."""
    return _orders(text, quoted=False)


def without_orders(text: str) -> str:
    """The text without the sentences that talk to a program, and without what only programs read.

    Sterner than `gives_orders`: what follows an order in its paragraph goes with it, and news about
    orders loses their words. Where an order cannot be told from the rest, nothing is left.
    """
    if not _orders(text, quoted=True):
        return text
    pieces = [_unquoted(piece, "…") for piece in _pieces(text)]
    if len(pieces) > MOST_PIECES:
        return ""
    kept = "".join(_said_to_people(pieces)).strip()
    return "" if _orders(kept, quoted=True) else kept


def _orders(text: str, *, quoted: bool) -> bool:
    """Whether there are orders; with `quoted`, also those that news quotes."""
    plain = folded(text)
    letters = packed(plain)
    possible = _sieve().among(letters)
    if (not text.isascii() and _FORCED.search(text)) or _is_marked(text, plain, possible):
        return True
    if _MARKUP.stop in possible and _turned().finds(spelled_out(plain), [0]):
        return True
    if any(_turned().finds(turn, _turned().among(turn)) for turn in turned(letters)):
        return True
    return _ordering(plain, possible, quoted=quoted) or any(
        _ordering(one, _sieve().possible(one), quoted=quoted) for one in unmasked(plain)
    )


def _is_marked(text: str, plain: str, possible: Sequence[int]) -> bool:
    """Whether there is markup or a role, which may follow a true sentence."""
    found = [place for place in possible if place in _MARKUP]
    lines = plain.replace(". ", ".\n").replace("。", "。\n")
    return _sieve().finds(text, found) or (lines != text and _sieve().finds(lines, found))


def _ordering(text: str, possible: Sequence[int], *, quoted: bool) -> bool:
    signs = _signs(possible)
    told = any(place in _FLOWING or place in _STANDING for place in possible)
    if not told and "machine" not in signs and not _is_order(signs.keys()):
        return False
    said = [part.strip() for part in _SENTENCE.split(text) if part.strip()]
    if not quoted and 0 in possible and _QUOTED.search(text):
        said = [_unquoted(part, " ") for part in said]
        possible = _sieve().possible(" ".join(said))
        signs = _signs(possible)
    if _sieve().finds("\n".join(said), (place for place in possible if place in _STANDING)):
        return True
    if _sieve().finds(" ".join(said), (place for place in possible if place in _FLOWING)):
        return True
    if "machine" in signs:
        machine = signs["machine"]
        calls = (
            f"{one}, {two}"
            for one, two in itertools.pairwise(said)
            if len(one) <= CALL and _sieve().finds(f"{one},", machine)
        )
        if any(_adds_up(call, signs) for call in calls):
            return True
    return _is_order(signs.keys()) and any(_adds_up(part, signs) for part in said)


def _signs(possible: Sequence[int]) -> Signs:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for place in possible:
        if place in _SIGNS:
            found[_SIGN_OF[place - _SIGNS.start]].append(place)
    return dict(found)


def _adds_up(sentence: str, signs: Signs) -> bool:
    """Whether the sentence has such of these signs as are an order together."""
    found = _shown(sentence, signs, SUBJECTS)
    return bool(found) and _is_order(found | _shown(sentence, signs, ADDRESS))


def _shown(sentence: str, signs: Signs, names: Sequence[str]) -> set[str]:
    """Which of the named signs the sentence shows."""
    return {name for name in names if name in signs and _sieve().finds(sentence, signs[name])}


def _is_order(signs: Set[str]) -> bool:
    return any(together <= signs for together in TOGETHER)


def _unquoted(part: str, instead: str) -> str:
    """The sentence without its quotations, where it is news about such orders."""
    return _QUOTED.sub(instead, part) if _NEWS.search(part) else part


def _pieces(text: str) -> list[str]:
    """Sentences and lines, each with the gap before it: joined they are the text again."""
    cuts = [0, *(m.start() for m in _PIECE.finditer(text) if m.start()), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(cuts) if start < end]


def _said_to_people(pieces: Sequence[str]) -> Iterator[str]:
    """The pieces outside of orders. What follows one goes with it: the rest of the paragraph, and
    after a role or a tag the rest of the text."""
    ordered = _ordered(pieces)
    skipping = role = False
    for place, piece in enumerate(pieces):
        if place in ordered:
            skipping, role = True, role or _sieve().finds(piece.strip(), _MARKUP)
        elif piece.startswith("\n\n"):
            skipping = role
        if not skipping:
            yield piece


def _ordered(pieces: Sequence[str]) -> set[int]:
    """Places of the pieces that give an order alone, or else with the next few."""
    found: set[int] = set()
    for size in range(1, WINDOW + 1):
        for at in range(len(pieces) - size + 1):
            places = set(range(at, at + size))
            if not places & found and _orders("".join(pieces[at : at + size]), quoted=True):
                found |= places
    return found
