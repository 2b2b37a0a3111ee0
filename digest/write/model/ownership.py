"""Which page owns a post: every picked story is shown to the brief and to at most one page more.

What must be told stands in the brief alone, the others also on the page of money or of events. What
sounds like a view stands on the page of views; where it was picked, among the events as well, as it
may be an announcement. What the pick left out arrives nowhere; what it only mentions is shown for
its view, and fills the page of events where there is room.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from digest.models import Post
from digest.write.model.context import (
    MENTIONED,
    MUST,
    PICKED,
    Context,
    Event,
    is_headline,
    unique_authors,
    unique_posts,
)

LEADING, FURTHER, SPARE = 12, 10, 4
"""Events that the brief chooses from at least; how many of them are its own where no model picked;
and how many there are beside those that must be told."""
BRIEF_POSTS, PAGE_POSTS = 4, 2
"""Posts of an event that the brief shows, and another page."""
FULL_PAGE = 12
"""Events on a page with which nothing is added that is only mentioned: it makes none better."""
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
    musts = sum(event.importance == MUST for event in events)
    brief = live[: max(LEADING, musts + SPARE)]
    owned = [e for e in brief if e.importance == MUST] if is_picked else brief[:FURTHER]
    others = [event for event in live if event not in owned]
    assets, deals = context.assets(), {post.key for post in context.deals()}
    views = [e for e in others if _is_view(e, context)]
    sums = [e for e in others if e not in views and e.posts[0].key in deals]
    left_out = _list_keys(e for e in events if not e.stories[0].market) - _list_keys(live)
    money = unique_posts([
        *(post for event in sums for post in context.leading_posts(event)[:PAGE_POSTS]),
        # A price is another statement than the event that moved it.
        *(post for post in assets if post.key not in left_out),
    ])  # fmt: skip
    if len(money) == 1 and is_headline(money[0]):
        sums, money = [], []  # no page for a single line
    heard = [event for event in views if event.importance != PICKED]
    further = [event for event in others if event not in heard and event not in sums]
    further = [e for n, e in enumerate(further) if n < FULL_PAGE or e.importance != MENTIONED]
    told = {p.key for event in owned for p in context.leading_posts(event)[:BRIEF_POSTS]}
    news = [event for event in further if event not in views]
    shown = {p.key for event in news for p in context.leading_posts(event)[:PAGE_POSTS]}
    elsewhere = told | shown | left_out
    opinions = [post for post in context.opinions() if post.key not in elsewhere]
    outside = (e for e in live if e not in brief and (e.importance or PICKED) >= PICKED)
    return Pages(
        brief,
        [context.leading_posts(event)[0] for event in outside][:MAX_OTHERS],
        further,
        unique_authors([*(event.posts[0] for event in views), *opinions])[:MAX_OPINIONS],
        money,
    )


def _is_view(event: Event, context: Context) -> bool:
    """Return True for an event that is what somebody thinks rather than what happened."""
    reading = event.stories[0].readings[0]
    view = context.measure_view(reading.post)
    return view > REAL_VIEW and view - reading.scores.get("news", 0.0) > OVER_NEWS


def _list_keys(events: Iterable[Event]) -> set[str]:
    return {post.key for event in events for post in event.posts}
