"""Questions to the archive: the items that may answer, found by code. The process that talks to
people does this; `digest.write.model.reply` has a model answer from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from digest.models import Hit
from digest.publish import hit_as_dict
from digest.store import Store

MAX_HITS, MAX_NEAREST = 14, 5
"""Items that a model is shown, and that a reader is shown where there is no answer."""
AROUND = timedelta(days=1)
"""A day that a question names may be that of the event or of the report."""
NEAR_COVERAGE = 0.6
"""Share of the question that an item must hold to answer it without a model's word."""

Verdict = Literal["answer", "premise", "nothing", "items", "unsure"]
"""`items`, `unsure`: no model judged, these items match the question, or none does well enough."""


@dataclass(frozen=True, slots=True)
class ProvedSentence:
    """A sentence of an answer, with the places of its items in the reply, from 1."""

    text: str
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ArchiveAnswer:
    """What the archive says to a question: sentences, and items, the cited ones first."""

    verdict: Verdict
    sentences: tuple[ProvedSentence, ...] = ()
    hits: tuple[Hit, ...] = ()


async def find_hits(
    store: Store, question: str, today: date, *, topic: str = ""
) -> tuple[list[Hit], list[Hit]]:
    """Return the items that hold most of what a question asks for, best first, and those that only
    share a name with it."""
    # Imported here: a start does not wait for it.
    from digest.reading.days import blank_days
    from digest.reading.names import find_names

    span, words = _span(question, today), blank_days(question)
    hits: list[Hit] = []
    for first, last in [span, (None, None)] if span else [(None, None)]:
        hits += await store.search(words, topic=topic, first=first, last=last, limit=MAX_HITS)
    near: list[Hit] = []
    for name in dict.fromkeys(name.text for _, name in find_names(question)):
        near += await store.search(name, topic=topic, limit=MAX_NEAREST)
    # The overview repeats in passing what other items tell.
    hits = _each_once([hit for hit in hits if hit.section != "overview" or not hit.in_posts])
    return hits, _each_once([*hits, *sorted(near, key=lambda hit: -hit.score)])[len(hits) :]


def _span(question: str, today: date) -> tuple[date, date] | None:
    """Return the days around one that the question names."""
    from digest.reading.days import find_days

    for day in find_days(question):
        if day.day and day.month:
            try:
                named = date(day.year or today.year, day.month, day.day)
                if not day.year and named > today:
                    named = named.replace(year=named.year - 1)
            except ValueError:
                continue
            return named - AROUND, named + AROUND
    return None


def _each_once(hits: Sequence[Hit]) -> list[Hit]:
    once: dict[tuple[str, date, date, int], Hit] = {}
    for hit in hits:
        once.setdefault((hit.topic, hit.first, hit.last, hit.number), hit)
    return list(once.values())


def answer_without_model(hits: Sequence[Hit], near: Sequence[Hit]) -> ArchiveAnswer:
    """Return the best items, or that none is surely an answer and the nearest ones."""
    best = [hit for hit in hits if hit.coverage >= NEAR_COVERAGE][:MAX_NEAREST]
    if best:
        return ArchiveAnswer("items", hits=tuple(best))
    return ArchiveAnswer("unsure", hits=tuple([*hits, *near][:MAX_NEAREST]))


def as_dict(reply: ArchiveAnswer) -> dict[str, object]:
    """Return the reply as the command line prints it."""
    return {
        "verdict": reply.verdict,
        "sentences": [{"text": s.text, "items": list(s.places)} for s in reply.sentences],
        "items": [hit_as_dict(hit) for hit in reply.hits],
    }
