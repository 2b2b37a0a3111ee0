"""Which page owns a post: every picked story is shown to the brief and to at most one page more.

What must be told stands in the brief alone, the others on the page of money, of views or of events;
where the brief has fewer than it may tell, there as well. What the pick left out arrives nowhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from digest.models import Post
from digest.write.model.context import (
    MUST,
    VIEWED,
    Context,
    Event,
    is_headline,
    unique_authors,
    unique_posts,
)

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
    news = [e for e in others if e not in views or (is_picked and _is_shared(e))]
    assets, deals = context.assets(), {post.key for post in context.deals()}
    sums = [event for event in news if event.posts[0].key in deals]
    left_out = _list_keys(e for e in events if not e.stories[0].market) - _list_keys(live)
    money = unique_posts([
        *(post for event in sums for post in context.leading_posts(event)[:PAGE_POSTS]),
        # A price is another statement than the event that moved it.
        *(post for post in assets if post.key not in left_out),
    ])  # fmt: skip
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


def _is_shared(event: Event) -> bool:
    return len({post.author or post.key for post in event.posts}) > 1


def _is_view(event: Event, context: Context) -> bool:
    """Return True for an event that is what somebody thinks rather than what happened."""
    reading = event.stories[0].readings[0]
    view = context.measure_view(reading.post)
    return view > REAL_VIEW and view - reading.scores.get("news", 0.0) > OVER_NEWS


def _list_keys(events: Iterable[Event]) -> set[str]:
    return {post.key for event in events for post in event.posts}
