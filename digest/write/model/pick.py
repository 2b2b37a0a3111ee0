"""Pick the events that matter and assign them to pages: the model's choice combined with our rank.

The model answers with numbers only. It can raise a story and merge stories about one event. An
answer that contradicts our order as a whole is ignored, so that a prompt injection in a post gains
at most a better place for its own story.

Every picked event is shown in the brief and on at most one other page. MUST events are shown in the
brief only, the others on the page of money, views or events, and in the brief too if it has room.
Events that were not picked are not shown.
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
"""Stories that are shown; docs/design/model-writer.md has the measurements behind these limits."""
SAME_MEANING = 0.55
"""Minimum cosine of two stories that our clusters put into one event."""
SAME_PICKED, SAME_NAMED = 0.25, 0.15
"""Minimum cosine of two stories that the model puts into one event, because headlines in two
languages may be this far apart; and if they share a name, which no prompt injection can fake."""
MAX_MUST_EVENTS = 10
"""Maximum MUST events: as many as a report has points."""
MAX_COMPARED = 4
"""Posts of a story that are compared if the model merges it with another: the one that it saw need
not be the first."""
MAX_SAME = 8
"""Stories that the model may merge at once; a longer list is not one event."""
MAX_MUST = 14
"""Must-haves of an answer; the surplus is rated PICKED."""
MAX_ADS, MIN_AD = 1 / 3, -1.0
"""Maximum share of stories that the model may call advertising; and the margin of `advertisement`
below which it may call no story advertising (5 of 119 such stories are), so that a post cannot talk
the model out of a story."""
MAX_SELLERS = 2
"""Authors up to which a story may be advertising; with more, only the shown post was ill chosen."""
MIN_PICKED = 6
"""Fewer picked stories are not a plausible choice for a day."""
MIN_TRUST = 0.5
"""Minimum share of pairs (picked, left out) in which our rank also prefers the picked story."""
LEADING, FURTHER = 12, 10
"""Events shown in the brief if fewer than FURTHER are MUST; number of them that are shown nowhere
else if the model picked none."""
BRIEF_POSTS, PAGE_POSTS = 4, 2
"""Posts of an event shown in the brief, and on another page."""
REAL_VIEW, OVER_NEWS = 0.4, 0.6
"""Minimum margin of `view` of an event that is a view, and its minimum excess over the margin of
`news`: on eight days 27 of 36 stories that an editor filed under views, and 14 of 188 others."""
MAX_OTHERS = 24
"""Further events that the overview may mention."""
MAX_OPINIONS = 12
"""Posts shown for their views: on eight days ranks 13 to 16 held 1 of 25 views."""


def group_stories(
    stories: Sequence[Story], pick: Pick | None = None, shown: int = 0
) -> list[Event]:
    """Return the events of the day, the most important first.

    Stories are one event if our clusters or the model say so and their meanings agree. `pick` is
    the model's plausible answer about the first `shown` stories.
    """
    importance = _read_importance(pick, shown) if pick else {}
    ads = _rate_ads(importance, _list_ads(pick, stories[:shown]), stories) if pick else set()
    same = _list_same(pick, shown, ads) if pick else []
    for places in same:  # rate each of them, because the code may not merge them
        level = min(_max_importance(importance, places) or 0, PICKED)
        importance = dict.fromkeys(places, level) | importance if level else importance
    groups = _unite(stories, same, ads)
    events = [
        Event(0, tuple(stories[at] for at in group), _max_importance(importance, group))
        # The story that the model rated most important leads the event.
        for group in (sorted(group, key=lambda at: -importance.get(at, 0)) for group in groups)
    ]
    if importance:
        events = sorted(_limit_must(events), key=lambda event: -(event.importance or 0))
    return [Event(n, event.stories, event.importance) for n, event in enumerate(events, 1)]


def _limit_must(events: Iterable[Event]) -> list[Event]:
    """Lower must-haves by one level if they are stubs or too many."""
    limited, count = [], 0
    for event in events:
        must = event.importance == MUST
        if must and (count == MAX_MUST_EVENTS or all(map(is_stub, event.posts))):
            event = replace(event, importance=PICKED)
        elif must:
            count += 1
        limited.append(event)
    return limited


def _max_importance(importance: Mapping[int, int], group: Iterable[int]) -> int | None:
    """Return the highest importance of the stories of an event; None if none was rated."""
    return max((importance[at] for at in group if at in importance), default=None)


def _read_importance(pick: Pick, count: int) -> dict[int, int]:
    """Return the importance of stories by index; a story listed twice gets the lower one."""
    must = sorted(set(pick.must))
    levels = (
        (MUST, must[:MAX_MUST]),
        (PICKED, [*must[MAX_MUST:], *pick.detail]),
        (VIEWED, pick.views),
    )
    rated = {number - 1: level for level, numbers in levels for number in numbers}
    return {at: level for at, level in rated.items() if 0 <= at < count}


def is_plausible(pick: Pick, count: int) -> bool:
    """Return False for a pick that is nearly empty or contradicts our rank as a whole; `count`
    stories were shown."""
    importance = _read_importance(pick, count)
    picked = [at for at in range(count) if importance.get(at, 0) >= PICKED]
    others = [at for at in range(count) if importance.get(at, 0) < PICKED]
    if len(picked) < min(MIN_PICKED, count // 4):
        return False
    agree = sum(at < other for at in picked for other in others)
    return not others or agree >= MIN_TRUST * len(picked) * len(others)


def _list_ads(pick: Pick, stories: Sequence[Story]) -> set[int]:
    """Return the indices of the stories that both model and head call advertising."""
    listed = {n - 1 for n in pick.ads if 0 < n <= len(stories)}
    if len(listed) > MAX_ADS * len(stories):
        return set()
    margins = {at: stories[at].readings[0].scores.get("advertisement", 0.0) for at in listed}
    return {at for at, margin in margins.items() if margin > MIN_AD}


def _rate_ads(
    importance: dict[int, int], listed: Iterable[int], stories: Sequence[Story]
) -> set[int]:
    """Rate advertising 0, except stories by several authors, whose rating stays so that paid
    accounts cannot raise them; return the indices of advertising."""
    for at in listed:
        is_shared = len({post.author for post in stories[at].posts}) > MAX_SELLERS
        if importance.get(at) != MUST and not is_shared:
            importance[at] = 0
    return {at for at, level in importance.items() if not level}


def _list_same(pick: Pick, shown: int, ads: Collection[int]) -> list[list[int]]:
    """Return the indices of stories that the model merges; lists that are too long are ignored."""
    places = set(range(shown)).difference(ads)
    lists = [[n - 1 for n in sorted(set(numbers)) if n - 1 in places] for numbers in pick.same]
    return [places for places in lists if 1 < len(places) <= MAX_SAME]


def _unite(
    stories: Sequence[Story], same: Iterable[Sequence[int]], ads: Collection[int]
) -> list[list[int]]:
    """Return groups of indices, best first, in the order of their best story; advertising is never
    merged."""
    leads = [story.readings[:MAX_COMPARED] for story in stories]
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
    """Return the names of a story's leading posts, and its authors' handles, because the parts of a
    thread may share no name."""
    readings = story.readings[:MAX_COMPARED]
    names = {n.key.replace(" ", "").casefold() for reading in readings for n in reading.names}
    return names | {f"@{r.post.author}" for r in readings if r.post.source == "x"}


@dataclass(frozen=True, slots=True)
class Pages:
    """Events and posts shown on each page, best first."""

    brief: list[Event]
    others: list[Post]
    """One post of each further picked event, which the overview may mention."""
    events: list[Event]
    views: list[Post]
    money: list[Post]


def assign_pages(events: Sequence[Event], context: Context) -> Pages:
    """Assign the events, ordered by importance, to the pages."""
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
    view_posts = [context.choose_teller(event.stories[0]) for event in views]
    # If several authors report an event, one may hold a view of what another reports.
    rest = [
        replace(event, told=frozenset([post.key]))
        for event, post in zip(views, view_posts, strict=True)
        if is_picked and len(unique_authors(event.posts)) > 1
    ]
    news = [*(event for event in others if event not in views), *rest]
    assets, deals = context.assets(), context.deals()
    sums = [event for event in news if event.posts[0].key in deals]
    left_out = _list_keys(e for e in events if not e.stories[0].market) - _list_keys(live)
    sum_posts = [post for event in sums for post in context.leading_posts(event)[:PAGE_POSTS]]
    # A price move is another statement than its cause.
    prices = [post for post in assets if post.key not in left_out]
    money = list({post.key: post for post in (*sum_posts, *prices)}.values())
    if len(money) == 1 and is_headline(money[0]):
        sums, money = [], []  # no page for a single line
    further = [event for event in news if event not in sums]
    in_brief = {p.key for event in owned for p in context.leading_posts(event)[:BRIEF_POSTS]}
    shown = {p.key for event in further for p in context.leading_posts(event)[:PAGE_POSTS]}
    shown_elsewhere = in_brief | shown | left_out
    opinions = [post for post in context.opinions() if post.key not in shown_elsewhere]
    outside = [e for e in live if e not in brief and e.importance != VIEWED]
    return Pages(
        brief,
        [context.leading_posts(event)[0] for event in outside][:MAX_OTHERS],
        further,
        unique_authors([*view_posts, *opinions])[:MAX_OPINIONS],
        money,
    )


def _is_view(event: Event, context: Context) -> bool:
    """Return True for an event that is an opinion rather than news."""
    reading = event.stories[0].readings[0]
    view = context.measure_view(reading.post)
    return view > REAL_VIEW and view - reading.scores.get("news", 0.0) > OVER_NEWS


def _list_keys(events: Iterable[Event]) -> set[str]:
    return {post.key for event in events for post in event.posts}
