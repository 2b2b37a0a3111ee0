"""Which stories matter, and which page shows them: the model's choice among all stories of the
day, put together with our rank.

The model answers with numbers only. It can raise a story and unite stories that mean the same; an
answer that turns our order upside down is not believed, so that a post which talks to the model
gains at most its own story's place.

Every picked story is shown to the brief and to at most one page more. What must be told stands in
the brief alone, the others on the page of money, of views or of events; where the brief has fewer
than it may tell, there as well. What the pick left out arrives nowhere.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from digest.models import Post
from digest.reading import Story
from digest.select.embed import encode_readings
from digest.write.model.context import (
    MUST,
    PICKED,
    VIEWED,
    Context,
    Event,
    is_headline,
    is_stub,
    unique_authors,
)
from digest.write.model.schemas import Pick

MAX_STORIES = 120
"""Stories that are shown; figures of what is bounded here are in docs/design/writers.md."""
SAME_MEANING = 0.55
"""Cosine from which two stories that are said to be one event are one."""
SAME_PICKED, SAME_NAMED = 0.25, 0.15
"""The same where the model says so: two languages and two headlines may lie this far apart; and
where they share a name as well, which a post cannot gain by talking to the model."""
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
LEADING, FURTHER = 12, 10
"""Events that the brief chooses from where fewer than FURTHER must be told; and how many of them
are its own where no model picked."""
BRIEF_POSTS, PAGE_POSTS = 4, 2
"""Posts of an event that the brief shows, and another page."""
REAL_VIEW, OVER_NEWS = 0.4, 0.6
"""Margin of `view` from which an event is a view, where it lies so far above the margin of `news`:
on eight days 27 of 36 stories that an editor filed under views, and 14 of 188 others."""
MAX_OTHERS = 24
"""Further events that the overview may name."""
MAX_OPINIONS = 12
"""Posts shown for their views: on eight days those from 13 to 16 held 1 of 25."""


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
    for places in same:  # code may not unite them, and then each is shown on its own
        level = min(_max_importance(importance, places) or 0, PICKED)
        importance = dict.fromkeys(places, level) | importance if level else importance
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


@dataclass(frozen=True, slots=True)
class Pages:
    """The blocks and posts of each page, best first."""

    brief: list[Event]
    others: list[Post]
    """One post of each further event that was picked: the overview may name it."""
    events: list[Event]
    views: list[Post]
    money: list[Post]


def share_out(events: Sequence[Event], context: Context) -> Pages:
    """Return who shows what of these events, which stand with the most important first."""
    is_picked = any(event.importance for event in events)
    live = [event for event in events if event.importance or not is_picked]
    musts = [event for event in events if event.importance == MUST]
    brief = musts if len(musts) >= FURTHER else live[:LEADING]
    owned = musts if is_picked else brief[:FURTHER]
    others = [event for event in live if event not in owned]
    views = [
        event
        for event in others
        if (event.importance == VIEWED if is_picked else _is_view(event, context))
    ]
    # Where several tell an event, one may hold a view of what another one reports.
    news = [
        event
        for event in others
        if event not in views or (is_picked and len(unique_authors(event.posts)) > 1)
    ]
    assets, deals = context.assets(), context.deals()
    sums = [event for event in news if event.posts[0].key in deals]
    left_out = _list_keys(e for e in events if not e.stories[0].market) - _list_keys(live)
    told_sums = [post for event in sums for post in context.leading_posts(event)[:PAGE_POSTS]]
    # A price is another statement than the event that moved it.
    prices = [post for post in assets if post.key not in left_out]
    money = list({post.key: post for post in (*told_sums, *prices)}.values())
    if len(money) == 1 and is_headline(money[0]):
        sums, money = [], []  # no page for a single line
    further = [event for event in news if event not in sums]
    told = {p.key for event in owned for p in context.leading_posts(event)[:BRIEF_POSTS]}
    shown = {p.key for event in further for p in context.leading_posts(event)[:PAGE_POSTS]}
    elsewhere = told | shown | left_out
    heard = [context.choose_teller(event.stories[0]) for event in views]
    opinions = [post for post in context.opinions() if post.key not in elsewhere]
    outside = [e for e in live if e not in brief and e.importance != VIEWED]
    return Pages(
        brief,
        [context.leading_posts(event)[0] for event in outside][:MAX_OTHERS],
        further,
        unique_authors([*heard, *opinions])[:MAX_OPINIONS],
        money,
    )


def _is_view(event: Event, context: Context) -> bool:
    """Return True for an event that is what somebody thinks rather than what happened."""
    reading = event.stories[0].readings[0]
    view = context.measure_view(reading.post)
    return view > REAL_VIEW and view - reading.scores.get("news", 0.0) > OVER_NEWS


def _list_keys(events: Iterable[Event]) -> set[str]:
    return {post.key for event in events for post in event.posts}
