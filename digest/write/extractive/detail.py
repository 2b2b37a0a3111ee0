"""The detail: views, events, and the topic's special analysis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from digest.models import Item, Post, SectionName
from digest.reading import Story
from digest.text import plain
from digest.write.extractive import notes
from digest.write.extractive.draft import (
    ANONYMOUS_SOURCES,
    Draft,
    make_item,
    speaker,
)
from digest.write.extractive.groups import EVENTS, THEMES, Group
from digest.write.extractive.quotes import Quote

MAX_VIEWS = 4
MAX_EVENTS = 12
MAX_SPECIAL = 10
MAX_IN_GROUP = 4
LEAST_VALUE = 0.7
"""Value of a sentence that tells an event (`rate_quote`)."""
LEAST_FURTHER = 0.9
"""The same for what else was said of a story."""
LEAST_NEWS = -0.1
"""Margin of `news` below which a post tells no event: of 17 items below 0 on four days that an
editor read, 6 were worth telling."""
VIEW_FITNESS = -0.45
"""Least fitness of a sentence that is printed as its author's view: it may say "I"."""
VIEW_VALUE = -0.12
"""Least sum of the margin of `view` and half of the fitness."""


def list_views(draft: Draft) -> list[Item]:
    """Return who says what: one view an author, the weightiest first."""
    items: list[Item] = []
    authors: set[str] = set()
    for _, quote, _ in sorted(list_opinions(draft), key=lambda entry: -entry[0]):
        if len(items) == MAX_VIEWS:
            break
        if quote.post.author in authors or draft.is_printed(quote):
            continue
        authors.add(quote.post.author)
        draft.printed.append(quote)
        items.append(Item(quote.text, title=speaker(quote.post), cites=(quote.post.key,)))
    return items or [notes.nothing(draft.material, "views")]


def list_opinions(draft: Draft) -> Iterator[tuple[float, Quote, Story]]:
    """Yield every quote that is a view of its author, with its weight and story, in no order."""
    for story in draft.stories():
        for quote in draft.list_quotes(story):
            is_view = quote.opinion + 0.5 * quote.fitness >= VIEW_VALUE
            if is_view and quote.fitness >= VIEW_FITNESS and is_person(quote.post):
                yield _weigh(draft, quote, story), quote, story


def _weigh(draft: Draft, quote: Quote, story: Story) -> float:
    weight = quote.opinion + 0.5 * quote.fitness + 0.5 * story.score
    weight += 0.3 * story.parts.get("author", 0.0)
    return weight - 0.35 * (quote.sentence.language != draft.language)


def is_person(post: Post) -> bool:
    """Return whether a person who is named wrote the post, to everybody."""
    named = post.source not in ANONYMOUS_SOURCES and bool(post.author)
    return named and not post.text.startswith("@") and bool(plain(post.text))


def list_events(draft: Draft) -> list[Item]:
    """Return what happened, in groups: a sentence a story, the best stories first in each group."""
    return _list_grouped(draft, draft.open_stories(), EVENTS, MAX_EVENTS, "events", LEAST_VALUE)


def list_special(draft: Draft) -> list[Item]:
    """Return the topic's own analysis by theme: what else was said of the stories, told or not."""
    return _list_grouped(draft, draft.stories(), THEMES, MAX_SPECIAL, "ai", LEAST_FURTHER)


def _list_grouped(
    draft: Draft,
    stories: Iterator[Story],
    groups: tuple[Group, ...],
    most: int,
    section: SectionName,
    least: float,
) -> list[Item]:
    names = [*(group.names for group in groups), notes.OTHER]
    items: Mapping[str, list[Item]] = {name[draft.language]: [] for name in names}
    for story in stories:
        if sum(map(len, items.values())) == most:
            break
        lead = draft.choose_lead(story, least)
        if lead is None or draft.is_told_elsewhere(story, lead.quote):
            continue
        if lead.quote.sentence.reading.scores.get("news", 0.0) < LEAST_NEWS:
            continue
        group = lead.quote.find_group(groups)
        name = (group.names if group else notes.OTHER)[draft.language]
        if len(items[name]) < MAX_IN_GROUP:
            items[name].append(make_item(draft, story, [lead.quote], group=name))
    found = [item for members in items.values() for item in members]
    return found or [notes.nothing(draft.material, section)]
