"""Is what a model wrote fit to print? Every check that an item must pass, in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from digest.models import Language, Post, SectionName
from digest.reading.injection import talks_to_programs
from digest.reading.names import find_names
from digest.select.embed import embed
from digest.text import clean, language
from digest.write.model.candidates import Candidate, pieces, without
from digest.write.verify import Verdict
from digest.write.verify.nearness import prove

SAME = 0.58
"""Cosine from which two items that share a name tell the same. Of ten points of a real day no two were
nearer than 0.35; five of six pairs that told one event in other words lay between 0.52 and 0.72."""
SAME_WORDS = 0.92
"""Cosine from which they do so in nearly the same words."""
TELLING: tuple[SectionName, ...] = ("points", "markets", "finance", "events", "ai")
"""Who tells an event first where two sections do; overview and views may speak of it as well."""

_HAN, _KANA = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[\u3041-\u30fa]")
_LANGUAGE = {"zh": "not written in Chinese", "en": "not written in English"}
UNRELATED = "is not about the posts it cites"
GENERIC = "would fit any day: name who and what, or leave it out"
_EMPTY_PHRASES = re.compile(
    r"引发.{0,8}?(?:关注|热议|讨论|思考|反响)|值得(?:关注|期待|深思)|未来可期|拭目以待|持续(?:升温|发酵|演进)|"
    r"(?:开启|迎来)(?:了)?.{0,8}新(?:纪元|时代|篇章|阶段)|具有(?:重要|里程碑).{0,4}意义|里程碑式|前景广阔|"
    r"\b(?:game[- ]chang\w+|remains to be seen|continues? to evolve|marks? a (?:milestone|new era|significant)|sparks? (?:debate|discussion|interest)|"
    r"draws? (?:wide|much|significant) attention|paves? the way|in today's|ever-evolving|rapidly evolving|exciting (?:times|future)|only time will tell)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"(?<![\w@.-])(?:[a-z0-9-]+\.)+[a-z]{2,12}(?![\w.-]|\.\w)(/\S)?", re.IGNORECASE
)
"""Names with a dot: chats make links of them. Only those that the posts speak of, without a path."""
_TELLS = re.compile(r"\d|[A-Z][\w.+-]*|[《“「\"']")


def checked(
    found: Sequence[Candidate], shown: Mapping[str, Post], spoken: Language
) -> list[Candidate]:
    """Return the candidates with what is wrong with each: nothing for those that may be printed."""
    posts = list(shown.values())
    verdicts = prove([(one.item, posts, one.section == "views") for one in found])
    return [
        replace(one, problems=_problems(one, verdict, spoken))
        for one, verdict in zip(found, verdicts, strict=True)
    ]


def trimmed(
    found: Sequence[Candidate], shown: Mapping[str, Post], spoken: Language
) -> list[Candidate]:
    """The candidates, those that failed without the sentences that did, where the rest can stand."""
    wrong = [at for at, one in enumerate(found) if one.problems and one.posts]
    parts = {at: pieces(found[at]) for at in wrong}
    judged = iter(checked([part for at in wrong for part in parts[at]], shown, spoken))
    shorter = {}
    for at in wrong:
        failed = [bool(set(next(judged).problems) - {GENERIC}) for _ in parts[at]]
        if not all(failed):
            shorter[at] = without(found[at], failed)
    better = dict(zip(shorter, checked(list(shorter.values()), shown, spoken), strict=True))
    return [
        better[at] if at in better and not better[at].problems else one
        for at, one in enumerate(found)
    ]


def _problems(one: Candidate, verdict: Verdict, spoken: Language) -> tuple[str, ...]:
    if not one.item.text and not one.item.title:
        return ("no text",)
    problems = [
        f"{UNRELATED}: {claim.words}" if claim.kind == "unrelated" else claim.words
        for claim in verdict.claims
    ]
    if not _speaks(one.item.text or one.item.title, spoken):
        problems.append(_LANGUAGE[spoken])
    problems += _addresses(one)
    if talks_to_programs(one.said):
        problems.append("speaks to a program")
    if not problems and generic(one):
        problems.append(GENERIC)
    return tuple(dict.fromkeys(problems))


def _speaks(text: str, spoken: Language) -> bool:
    """Whether the text is in the report's language; a Japanese name makes no Chinese text Japanese."""
    found = language(text)
    if found == "ja" and spoken == "zh":
        return len(_KANA.findall(text)) * 2 < len(_HAN.findall(text))
    return found in (spoken, "other")


def _addresses(one: Candidate) -> list[str]:
    posted = "\n".join(f"{p.author} {p.author_name} {clean(p.text)}" for p in one.posts).casefold()
    found = _ADDRESS.finditer(one.said)
    return [f"{m[0]}: no links" for m in found if m[1] or m[0].casefold() not in posted]


def generic(one: Candidate) -> bool:
    """Whether the item would fit any other day: a stock phrase, or no name, number or quotation."""
    text = one.said if one.section != "views" else one.item.text
    if _EMPTY_PHRASES.search(text):
        return True
    first = re.sub(r"^[A-Z](?=[a-z])", "", text.strip())  # a capital that only starts the sentence
    return one.section != "views" and not _TELLS.search(first) and not _han_names(text)


def without_repeats(
    found: Sequence[Candidate], event: Mapping[str, int]
) -> tuple[list[Candidate], int]:
    """The candidates of which none tells what an earlier one told, and how many did.

    `event` is the number of the event that a post tells of, by key. Overview and views may speak of
    an event that the points tell, but not in the same words; of an asset several things may be told.
    """
    vectors = embed([one.said for one in found])
    told: set[int] = set()
    kept: list[int] = []
    for at, one in enumerate(found):
        own = {event[post.key] for post in one.posts[:1] if post.key in event}
        near = [i for i in kept if _same(one, found[i], float(vectors[at] @ vectors[i]))]
        if near or (one.section in TELLING and one.section != "markets" and own & told):
            continue
        kept.append(at)
        if one.section in TELLING:
            told |= own
    return [found[i] for i in kept], len(found) - len(kept)


def _same(one: Candidate, other: Candidate, cosine: float) -> bool:
    if cosine >= SAME_WORDS:
        return True
    if "markets" in (one.section, other.section) or {one.section, other.section} - set(TELLING):
        return False
    return cosine >= SAME and bool(_names(one.said) & _names(other.said))


def _names(text: str) -> set[str]:
    return {name.key for _, name in find_names(text)}


def _han_names(text: str) -> list[str]:
    return [name.text for _, name in find_names(text) if not name.text.isascii()]
