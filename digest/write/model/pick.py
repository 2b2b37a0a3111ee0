"""Which stories matter: the model's choice among all stories of the day, put together with our
rank.

The model answers with numbers only. It can raise a story and unite stories that mean the same; an
answer that turns our order upside down is not believed, so that a post which talks to the model
gains at most its own story's place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from digest.reading import Story
from digest.select.embed import embed
from digest.write.model.context import MUST, Event, is_stub
from digest.write.model.schemas import Pick

MAX_STORIES = 150
SAME_MEANING = 0.55
"""Cosine from which two stories that are said to be one event are one; it settled 14 pairs of
14."""
SAME_PICKED, SAME_NAMED = 0.30, 0.15
"""The same where the model says so: two languages and two headlines may lie this far apart; and
where they share a name as well, which a post cannot gain by talking to the model."""
MAX_EVENTS_TOLD = 10
"""Events that must be told: as many as a report has points."""
MAX_SAME = 8
"""Stories that a model may unite at once; a longer list is no event."""
MAX_MUST = 14
"""More than this are no must-haves; the others are worth the detail."""
LEAST_PICKED = 6
"""Fewer stories than this are no choice among a day's."""
LEAST_TRUST = 0.5
"""Share of pairs (picked, left out) in which ours, too, ranks the picked story first."""


def group_stories(
    stories: Sequence[Story], pick: Pick | None = None, shown: int = 0
) -> list[Event]:
    """Return the events of the day, the most important first.

    Stories are one event where our clusters or the model say so and their meaning agrees. `pick` is
    the model's answer about the first `shown` stories.
    """
    importance = _importance(pick, shown) if pick else {}
    if pick and not _plausible(importance, shown):
        pick, importance = None, {}
    groups = _unite(stories, pick)
    events = [
        Event(0, tuple(stories[at] for at in group), max_importance(importance, group))
        for group in groups
    ]
    order = sorted(_limit_must(events), key=lambda event: -_level(event)) if importance else events
    return [Event(n, event.stories, event.importance) for n, event in enumerate(order, 1)]


def _limit_must(events: Iterable[Event]) -> list[Event]:
    """Return the events with the must-haves that cannot be told, or are too many, one level
    lower."""
    limited, count = [], 0
    for event in events:
        must = event.importance == MUST
        if must and (count == MAX_EVENTS_TOLD or all(map(is_stub, event.posts))):
            event = replace(event, importance=MUST - 1)
        elif must:
            count += 1
        limited.append(event)
    return limited


def max_importance(importance: Mapping[int, int], group: Iterable[int]) -> int | None:
    """Return the highest importance among stories of one event; None where none was rated."""
    return max((importance[at] for at in group if at in importance), default=None)


def _level(event: Event) -> int:
    return event.importance or 0


def _importance(pick: Pick, count: int) -> dict[int, int]:
    """Return the importance by place in our order, from 0; a story that stands twice has the
    lower."""
    must = sorted(set(pick.must))
    levels = ((MUST, must[:MAX_MUST]), (2, [*must[MAX_MUST:], *pick.detail]), (1, pick.mention))
    rated = {number - 1: level for level, numbers in levels for number in numbers}
    return {at: level for at, level in rated.items() if 0 <= at < count}


def _plausible(importance: Mapping[int, int], count: int) -> bool:
    """Return False for a pick that says nothing or contradicts our rank as a whole."""
    picked = [at for at in range(count) if importance.get(at, 0) >= 2]
    others = [at for at in range(count) if importance.get(at, 0) < 2]
    if len(picked) < min(LEAST_PICKED, count // 4):
        return False
    agree = sum(at < other for at in picked for other in others)
    return not others or agree >= LEAST_TRUST * len(picked) * len(others)


def _unite(stories: Sequence[Story], pick: Pick | None) -> list[list[int]]:
    """Return groups of places, each best first, in the order of their best."""
    vectors = _vectors(stories)
    names = [{name.key for name in story.readings[0].names} for story in stories]
    leader = list(range(len(stories)))

    def join(one: int, other: int, least: float) -> None:
        first, second = sorted((leader[one], leader[other]))
        if first != second and float(vectors[one] @ vectors[other]) >= least:
            leader[:] = [first if at == second else at for at in leader]

    by_event: dict[int, int] = {}
    for at, story in enumerate(stories):
        join(by_event.setdefault(story.event, at), at, SAME_MEANING)
    for numbers in pick.same if pick else []:
        places = [n - 1 for n in sorted(set(numbers)) if 0 < n <= len(stories)]
        for at in places[1:] if len(places) <= MAX_SAME else ():
            join(places[0], at, SAME_NAMED if names[places[0]] & names[at] else SAME_PICKED)
    groups: dict[int, list[int]] = {}
    for at, first in enumerate(leader):
        groups.setdefault(first, []).append(at)
    return list(groups.values())


def _vectors(stories: Sequence[Story]) -> Sequence[Any]:
    """Return a unit vector a story: that of its leading post, encoded where it is not yet."""
    leads = [story.readings[0] for story in stories]
    missing = [reading.plain[:600] for reading in leads if reading.vector is None]
    encoded = iter(embed(missing)) if missing else iter(())
    return [next(encoded) if lead.vector is None else lead.vector for lead in leads]
