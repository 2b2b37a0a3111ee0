"""Which page owns a post: every picked story is shown to the brief and to at most one page more.

What must be told stands in the brief alone; the others stand on the page of views, of money or of
events. What the pick left out arrives nowhere, but for views: an editor picks news.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from digest.models import Post
from digest.write.model.context import MUST, Context, Event, unique_authors, unique_posts

LEADING, FURTHER = 18, 10
"""Events that the brief chooses from; how many of them are its own where no model picked."""
BRIEF_POSTS, PAGE_POSTS = 3, 2
"""Posts of an event that the brief shows, and another page."""
OWN_VIEW, REAL_VIEW = 0.4, 0.1
"""Margin of `view` from which an event is somebody's view, and from which a post that the pick
left out is shown for its view: above the second no announcement of four days was found, above the
first no event."""
MAX_OPINIONS = 16
"""Posts shown for their views."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The blocks and posts of each page, best first."""

    brief: list[Event]
    events: list[Event]
    views: list[Post]
    money: list[Post]


def share_out(events: Sequence[Event], context: Context) -> Pages:
    """Return who shows what of these events, which stand with the most important first."""
    is_picked = any(event.importance for event in events)
    live = [event for event in events if event.importance or not is_picked]
    brief = live[:LEADING]
    owned = [e for e in brief if e.importance == MUST] if is_picked else brief[:FURTHER]
    others = [event for event in live if event not in owned]
    assets, deals = context.assets(), {post.key for post in context.deals()}
    views = [e for e in others if context.measure_view(e.posts[0]) > OWN_VIEW]
    sums = [e for e in others if e not in views and e.posts[0].key in deals]
    further = [event for event in others if event not in views and event not in sums]
    taken = {
        post.key
        for page, most in ((owned, BRIEF_POSTS), (further, PAGE_POSTS))
        for event in page
        for post in context.leading_posts(event)[:most]
    }
    left_out = _list_keys(events) - _list_keys(live)
    opinions = [
        post
        for post in context.opinions()
        if post.key not in taken
        and (post.key not in left_out or context.measure_view(post) > REAL_VIEW)
    ]
    money = [post for event in sums for post in context.leading_posts(event)[:PAGE_POSTS]]
    return Pages(
        brief,
        further,
        unique_authors([*(event.posts[0] for event in views), *opinions])[:MAX_OPINIONS],
        # A price is another statement than the event that moved it.
        unique_posts([*money, *(post for post in assets if post.key not in left_out)]),
    )


def _list_keys(events: Iterable[Event]) -> set[str]:
    return {post.key for event in events for post in event.posts}
