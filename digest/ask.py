"""Answer questions from the archive without a model, by full-text search.

The chat process runs this module. `digest.write.model.reply` lets a model answer from its hits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from digest.models import Hit
from digest.publish import hit_as_dict
from digest.store import Store

MAX_HITS, MAX_NEAREST = 14, 5
"""Items shown to the model, and items shown to the user when there is no answer."""
DAY_TOLERANCE = timedelta(days=1)
"""A date in a question may be the day of the event or the day of the report."""
NEAR_COVERAGE = 0.6
"""Share of the question's terms an item must cover to count as an answer without a model."""

Verdict = Literal["answer", "premise", "nothing", "items", "unsure"]
"""`items` and `unsure` come from code alone: the items match the question, or none matches well."""


@dataclass(frozen=True, slots=True)
class ProvedSentence:
    """One sentence of an answer, with the 1-based positions of its items in the reply."""

    text: str
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ArchiveAnswer:
    """The answer to a question: sentences and items, cited items first."""

    verdict: Verdict
    sentences: tuple[ProvedSentence, ...] = ()
    hits: tuple[Hit, ...] = ()


async def find_hits(
    store: Store, question: str, today: date, *, topic: str = ""
) -> tuple[list[Hit], list[Hit]]:
    """Return two lists, best first: items that match most of the question, and items that only
    share a name with it."""
    # Imported here to keep the bot's start fast.
    from digest.reading.days import blank_days
    from digest.reading.names import find_names

    span, words = _span(question, today), blank_days(question)
    hits: list[Hit] = []
    for first, last in [span, (None, None)] if span else [(None, None)]:
        hits += await store.search(words, topic=topic, first=first, last=last, limit=MAX_HITS)
    near: list[Hit] = []
    for name in dict.fromkeys(name.text for _, name in find_names(question)):
        near += await store.search(name, topic=topic, limit=MAX_NEAREST)
    # An overview item whose own text does not match only repeats other items.
    hits = _each_once([hit for hit in hits if hit.section != "overview" or not hit.in_posts])
    return hits, _each_once([*hits, *sorted(near, key=lambda hit: -hit.score)])[len(hits) :]


def _span(question: str, today: date) -> tuple[date, date] | None:
    """Return DAY_TOLERANCE on each side of the first full date in the question."""
    from digest.reading.days import find_days

    for day in find_days(question):
        if day.day and day.month:
            try:
                named = date(day.year or today.year, day.month, day.day)
                if not day.year and named > today:
                    named = named.replace(year=named.year - 1)
            except ValueError:
                continue
            return named - DAY_TOLERANCE, named + DAY_TOLERANCE
    return None


def _each_once(hits: Sequence[Hit]) -> list[Hit]:
    once: dict[tuple[str, date, date, int], Hit] = {}
    for hit in hits:
        once.setdefault((hit.topic, hit.first, hit.last, hit.number), hit)
    return list(once.values())


def answer_without_model(hits: Sequence[Hit], near: Sequence[Hit]) -> ArchiveAnswer:
    """Return the best matching items, or the nearest ones with the verdict `unsure`."""
    best = [hit for hit in hits if hit.coverage >= NEAR_COVERAGE][:MAX_NEAREST]
    if best:
        return ArchiveAnswer("items", hits=tuple(best))
    return ArchiveAnswer("unsure", hits=tuple([*hits, *near][:MAX_NEAREST]))


def as_dict(reply: ArchiveAnswer) -> dict[str, object]:
    """Return the reply as the JSON object that the command line prints."""
    return {
        "verdict": reply.verdict,
        "sentences": [{"text": s.text, "items": list(s.places)} for s in reply.sentences],
        "items": [hit_as_dict(hit) for hit in reply.hits],
    }
