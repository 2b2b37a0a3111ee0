"""Screen a model's items: all checks that an item must pass before it is printed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from digest.models import Language, Post
from digest.reading.injection import has_injection
from digest.reading.markup import find_addresses
from digest.reading.names import find_names
from digest.reading.vocabulary import has_phrase
from digest.text import clean, language
from digest.write.model.candidates import Candidate, drop_failed, is_printable, split_pieces
from digest.write.verify import Verdict
from digest.write.verify.nearness import prove

_LANGUAGE = {"zh": "not written in Chinese", "en": "not written in English"}
UNRELATED = "is not about the posts it cites"
GENERIC = "would fit any day: name who and what, or leave it out"


def screen_items(
    candidates: Sequence[Candidate], shown: Mapping[str, Post], language: Language
) -> list[Candidate]:
    """Return the candidates with the problems of each; without problems it may be printed."""
    posts = list(shown.values())
    verdicts = prove(
        [(candidate.item, posts, candidate.section == "views") for candidate in candidates]
    )
    return [
        replace(candidate, problems=_list_problems(candidate, verdict, language))
        for candidate, verdict in zip(candidates, verdicts, strict=True)
    ]


def trim_items(
    candidates: Sequence[Candidate], shown: Mapping[str, Post], language: Language
) -> list[Candidate]:
    """Return the candidates; failed ones without their failed sentences, if what is left passes."""
    wrong = [
        at for at, candidate in enumerate(candidates) if candidate.problems and candidate.posts
    ]
    parts = {at: split_pieces(candidates[at]) for at in wrong}
    screened = iter(screen_items([part for at in wrong for part in parts[at]], shown, language))
    shorter = {}
    for at in wrong:
        failed = [bool(set(next(screened).problems) - {GENERIC}) for _ in parts[at]]
        if not all(failed):
            shorter[at] = drop_failed(candidates[at], failed)
    retried = dict(zip(shorter, screen_items(list(shorter.values()), shown, language), strict=True))
    return [
        retried[at] if at in retried and not retried[at].problems else candidate
        for at, candidate in enumerate(candidates)
    ]


def _list_problems(candidate: Candidate, verdict: Verdict, language: Language) -> tuple[str, ...]:
    if not is_printable(candidate):
        return ("no text",)
    problems = [
        f"{UNRELATED}: {claim.words}" if claim.kind == "unrelated" else claim.words
        for claim in verdict.claims
    ]
    if not _is_in_language(candidate.item.text or candidate.item.title, language):
        problems.append(_LANGUAGE[language])
    problems += _find_links(candidate)
    if has_injection(candidate.full_text):
        problems.append("speaks to a program")
    if not problems and is_generic(candidate):
        problems.append(GENERIC)
    return tuple(dict.fromkeys(problems))


def _is_in_language(text: str, expected: Language) -> bool:
    """Return True if a text is in the report's language; a Japanese name in a Chinese text does
    not make it Japanese."""
    written = language(text)
    if written == "ja" and expected == "zh":
        kana, han = (
            sum(first <= char <= last for char in text)
            for first, last in (("\u3041", "\u30fa"), ("\u4e00", "\u9fff"))
        )
        return kana * 2 < han
    return written in (expected, "other")


def _find_links(candidate: Candidate) -> list[str]:
    posted = "\n".join(
        f"{p.author} {p.author_name} {clean(p.text)}" for p in candidate.posts
    ).casefold()
    return [
        f"{address}: no links"
        for address, path in find_addresses(candidate.full_text)
        if path or address.casefold() not in posted
    ]


def is_generic(candidate: Candidate) -> bool:
    """Return True for an item that would fit any day: with a stock phrase, or without name, number
    and quotation."""
    text = candidate.full_text if candidate.section != "views" else candidate.item.text
    if has_phrase(text, "stock_phrases"):
        return True
    words = text.strip()
    later = words[words[1:2].islower() :]  # skip the capital at the start of the sentence
    is_specific = any(char.isdigit() or "A" <= char <= "Z" or char in "《“「\"'" for char in later)
    return candidate.section != "views" and not is_specific and not any(find_names(text))
