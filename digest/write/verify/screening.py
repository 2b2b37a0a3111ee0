"""Checks that an item of a model must pass before it is printed, in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from digest.models import Language, Post
from digest.reading.injection import talks_to_programs
from digest.reading.names import find_names
from digest.text import clean, language
from digest.write.model.candidates import Candidate, pieces, without
from digest.write.verify import Verdict
from digest.write.verify.nearness import prove

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
"""Names with a dot: chats make links of them. Only those that the posts speak of, without a
path."""
_TELLS = re.compile(r"\d|[A-Z][\w.+-]*|[《“「\"']")


def checked(
    candidates: Sequence[Candidate], shown: Mapping[str, Post], spoken: Language
) -> list[Candidate]:
    """Return the candidates with what is wrong with each: nothing for those that may be printed."""
    posts = list(shown.values())
    verdicts = prove(
        [(candidate.item, posts, candidate.section == "views") for candidate in candidates]
    )
    return [
        replace(candidate, problems=_problems(candidate, verdict, spoken))
        for candidate, verdict in zip(candidates, verdicts, strict=True)
    ]


def trimmed(
    candidates: Sequence[Candidate], shown: Mapping[str, Post], spoken: Language
) -> list[Candidate]:
    """Return the candidates, those that failed without the sentences that did, where the others
    can stand."""
    wrong = [
        at for at, candidate in enumerate(candidates) if candidate.problems and candidate.posts
    ]
    parts = {at: pieces(candidates[at]) for at in wrong}
    judged = iter(checked([part for at in wrong for part in parts[at]], shown, spoken))
    shorter = {}
    for at in wrong:
        failed = [bool(set(next(judged).problems) - {GENERIC}) for _ in parts[at]]
        if not all(failed):
            shorter[at] = without(candidates[at], failed)
    better = dict(zip(shorter, checked(list(shorter.values()), shown, spoken), strict=True))
    return [
        better[at] if at in better and not better[at].problems else candidate
        for at, candidate in enumerate(candidates)
    ]


def _problems(candidate: Candidate, verdict: Verdict, spoken: Language) -> tuple[str, ...]:
    if not candidate.item.text and not candidate.item.title:
        return ("no text",)
    problems = [
        f"{UNRELATED}: {claim.words}" if claim.kind == "unrelated" else claim.words
        for claim in verdict.claims
    ]
    if not _speaks(candidate.item.text or candidate.item.title, spoken):
        problems.append(_LANGUAGE[spoken])
    problems += _addresses(candidate)
    if talks_to_programs(candidate.said):
        problems.append("speaks to a program")
    if not problems and generic(candidate):
        problems.append(GENERIC)
    return tuple(dict.fromkeys(problems))


def _speaks(text: str, spoken: Language) -> bool:
    """Return True for a text in the report's language; a Japanese name makes no Chinese text
    Japanese."""
    written = language(text)
    if written == "ja" and spoken == "zh":
        return len(_KANA.findall(text)) * 2 < len(_HAN.findall(text))
    return written in (spoken, "other")


def _addresses(candidate: Candidate) -> list[str]:
    posted = "\n".join(
        f"{p.author} {p.author_name} {clean(p.text)}" for p in candidate.posts
    ).casefold()
    matches = _ADDRESS.finditer(candidate.said)
    return [f"{m[0]}: no links" for m in matches if m[1] or m[0].casefold() not in posted]


def generic(candidate: Candidate) -> bool:
    """Return True for an item that would fit any other day: a stock phrase, or no name, number
    or quotation."""
    text = candidate.said if candidate.section != "views" else candidate.item.text
    if _EMPTY_PHRASES.search(text):
        return True
    first = re.sub(r"^[A-Z](?=[a-z])", "", text.strip())  # a capital that only starts the sentence
    return candidate.section != "views" and not _TELLS.search(first) and not _has_han_name(text)


def _has_han_name(text: str) -> bool:
    return any(not name.text.isascii() for _, name in find_names(text))
