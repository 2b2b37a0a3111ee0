"""Which stories matter: the model's choice among all stories of the day, put together with our
rank.

The model answers with numbers only. It can raise a story and unite stories that mean the same; an
answer that turns our order upside down is not believed, so that a post which talks to the model
gains at most its own story's place.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from digest.reading import Story
from digest.select.embed import encode_readings
from digest.write.model.context import MUST, PICKED, VIEWED, Event, is_stub
from digest.write.model.schemas import Pick

MAX_STORIES = 120
"""Stories that are shown: of 46 days, of which seven have more, the others held no must-have but
one, and the lines of fewer stories are longer."""
SAME_MEANING = 0.55
"""Cosine from which two stories that are said to be one event are one; it settled 14 pairs of
14."""
SAME_PICKED, SAME_NAMED = 0.25, 0.15
"""The same where the model says so: two languages and two headlines may lie this far apart; and
where they share a name as well, which a post cannot gain by talking to the model. Of 63 pairs that
readers named on eight days 62 were one event, and 2 of these lie below; of all pairs 93 of 100."""
MAX_EVENTS_TOLD = 10
"""Events that must be told: as many as a report has points."""
MOST_COMPARED = 4
"""Posts of a story that are compared, where the model says that it is another's event: the one
that it saw need not be the first."""
MAX_SAME = 8
"""Stories that a model may unite at once; a longer list is no event."""
MAX_MUST = 14
"""More than this are no must-haves; the others are worth the detail."""
MAX_ADS, LEAST_AD = 1 / 3, -1.0
"""Share of the stories that may be advertising; and the margin of that head below which none is,
as 5 of 119 are: a post must not talk the model out of another story."""
MAX_SELLERS = 2
"""People who tell a story that is advertising; of a story that more tell, the post that stood for
it was badly chosen."""
LEAST_PICKED = 6
"""Fewer stories than this are no choice among a day's."""
LEAST_TRUST = 0.5
"""Share of pairs (picked, left out) in which ours, too, ranks the picked story first."""


def group_stories(
    stories: Sequence[Story], pick: Pick | None = None, shown: int = 0
) -> list[Event]:
    """Return the events of the day, the most important first.

    Stories are one event where our clusters or the model say so and their meaning agrees. `pick` is
    the model's answer about the first `shown` stories, and plausible.
    """
    importance = _importance(pick, shown) if pick else {}
    ads = _rate_ads(importance, _list_ads(pick, stories[:shown]), stories) if pick else set()
    same = _list_same(pick, shown, ads) if pick else []
    _share_importance(importance, same)
    groups = _unite(stories, same, ads)
    events = [
        Event(0, tuple(stories[at] for at in group), _max_importance(importance, group))
        # Of stories that the model calls one event, the one that it named as important leads.
        for group in (sorted(group, key=lambda at: -importance.get(at, 0)) for group in groups)
    ]
    if importance:
        events = sorted(_limit_must(events), key=lambda event: -(event.importance or 0))
    return [Event(n, event.stories, event.importance) for n, event in enumerate(events, 1)]


def _limit_must(events: Iterable[Event]) -> list[Event]:
    """Return the events with the must-haves that cannot be told, or are too many, one level
    lower."""
    limited, count = [], 0
    for event in events:
        must = event.importance == MUST
        if must and (count == MAX_EVENTS_TOLD or all(map(is_stub, event.posts))):
            event = replace(event, importance=PICKED)
        elif must:
            count += 1
        limited.append(event)
    return limited


def _max_importance(importance: Mapping[int, int], group: Iterable[int]) -> int | None:
    """Return the highest importance among stories of one event; None where none was rated."""
    return max((importance[at] for at in group if at in importance), default=None)


def _importance(pick: Pick, count: int) -> dict[int, int]:
    """Return the importance by place in our order, from 0; a story that stands twice has the
    lower."""
    must = sorted(set(pick.must))
    levels = (
        (MUST, must[:MAX_MUST]),
        (PICKED, [*must[MAX_MUST:], *pick.detail]),
        (VIEWED, pick.views),
    )
    rated = {number - 1: level for level, numbers in levels for number in numbers}
    return {at: level for at, level in rated.items() if 0 <= at < count}


def is_plausible(pick: Pick, count: int) -> bool:
    """Return False for a pick that says nothing or contradicts our rank as a whole; `count` stories
    were shown."""
    importance = _importance(pick, count)
    picked = [at for at in range(count) if importance.get(at, 0) >= PICKED]
    others = [at for at in range(count) if importance.get(at, 0) < PICKED]
    if len(picked) < min(LEAST_PICKED, count // 4):
        return False
    agree = sum(at < other for at in picked for other in others)
    return not others or agree >= LEAST_TRUST * len(picked) * len(others)


def _list_ads(pick: Pick, stories: Sequence[Story]) -> set[int]:
    """Return the places of the stories that model and head take for advertising."""
    listed = {n - 1 for n in pick.ads if 0 < n <= len(stories)}
    if len(listed) > MAX_ADS * len(stories):
        return set()
    margins = {at: stories[at].readings[0].scores.get("advertisement", 0.0) for at in listed}
    return {at for at, margin in margins.items() if margin > LEAST_AD}


def _rate_ads(
    importance: dict[int, int], listed: Iterable[int], stories: Sequence[Story]
) -> set[int]:
    """Rate advertising 0, but leave what several people tell as it was, so that paid accounts
    raise nothing; return the places of ads."""
    for at in listed:
        is_shared = len({post.author for post in stories[at].posts}) > MAX_SELLERS
        if importance.get(at) != MUST and not is_shared:
            importance[at] = 0
    return {at for at, level in importance.items() if not level}


def _list_same(pick: Pick, shown: int, ads: Collection[int]) -> list[list[int]]:
    """Return the places of the stories that the model calls one event; a long list is none."""
    places = set(range(shown)).difference(ads)
    lists = [[n - 1 for n in sorted(set(numbers)) if n - 1 in places] for numbers in pick.same]
    return [places for places in lists if 1 < len(places) <= MAX_SAME]


def _share_importance(importance: dict[int, int], same: Iterable[Sequence[int]]) -> None:
    """Rate what was picked only as another's event: code may not unite them, and then it is shown
    on its own."""
    for places in same:
        level = min(_max_importance(importance, places) or 0, PICKED)
        for at in places if level else ():
            importance.setdefault(at, level)


def _unite(
    stories: Sequence[Story], same: Iterable[Sequence[int]], ads: Collection[int]
) -> list[list[int]]:
    """Return groups of places, each best first, in the order of their best; advertising stands
    alone."""
    leads = [story.readings[:MOST_COMPARED] for story in stories]
    encoded = iter(encode_readings([reading for readings in leads for reading in readings]))
    vectors = [[next(encoded) for _ in readings] for readings in leads]
    leader = list(range(len(stories)))

    def join(one: int, other: int, cosine: float, least: float) -> None:
        first, second = sorted((leader[one], leader[other]))
        if first != second and cosine >= least:
            leader[:] = [first if at == second else at for at in leader]

    by_event: dict[int, int] = {}
    for at, story in enumerate(stories):
        if at in ads:
            continue
        first = by_event.setdefault(story.event, at)
        join(first, at, float(vectors[first][0] @ vectors[at][0]), SAME_MEANING)
    for first, at in (pair for places in same for pair in combinations(places, 2)):
        near = max(float(a @ b) for a in vectors[first] for b in vectors[at])
        is_named = _list_subjects(stories[first]) & _list_subjects(stories[at])
        join(first, at, near, SAME_NAMED if is_named else SAME_PICKED)
    groups: dict[int, list[int]] = {}
    for at, first in enumerate(leader):
        groups.setdefault(first, []).append(at)
    return list(groups.values())


def _list_subjects(story: Story) -> set[str]:
    """Return the names of a story's leading posts, and its authors' accounts: of a thread, the
    parts may have none in common."""
    readings = story.readings[:MOST_COMPARED]
    names = {n.key.replace(" ", "").casefold() for reading in readings for n in reading.names}
    return names | {f"@{r.post.author}" for r in readings if r.post.source == "x"}
