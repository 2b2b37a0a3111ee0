"""The detail: views, events, and the topic's special analysis."""

from collections.abc import Mapping

from digest.models import Item, SectionName
from digest.reading import Reading, Story
from digest.write.extractive import notes
from digest.write.extractive.draft import (
    ANONYMOUS_SOURCES,
    Draft,
    is_title,
    join_sentences,
    make_item,
    rate_print,
    show_speaker,
)
from digest.write.extractive.following import list_following
from digest.write.extractive.groups import EVENTS, NONE, drop_lone_other, list_themes
from digest.write.extractive.pronouns import says_i
from digest.write.extractive.quotes import Quote

MAX_VIEWS = 2
MAX_GROUPED: Mapping[SectionName, int] = {"events": 12, "ai": 10}
MAX_IN_GROUP = 4
MIN_VALUE = 0.5
"""Minimum value (`rate_quote`) of a lead sentence in the detail."""
NEARER = 0.05
"""Added to the cosine of two sentences here: a sentence that only resembles a point is no new news,
nor is an offer that goes with it."""
WEIGHTS = {"fitness": 0.1, "news": 0.4, "advertisement": -0.2, "fit": 0.2, "print": 0.15}
"""Weights of a story in the detail, added to its worth as a point. For minor stories the scores of
the quoted post are the safer guide."""
USUAL_ADVERTISEMENT = -0.6
"""Advertisement margin below which a post is not rated better."""
MIN_WORTH = 1.5
"""Minimum worth of a story in the detail, unless `Draft.takes_all`. On thirty days an editor struck
none of the 9 items above it, and 4 of the 11 between it and 1.3."""
MIN_PRINT = 0.2
"""Minimum print log odds (`rate_print`) of a lead sentence in the detail."""
VIEW_WEIGHTS = {
    "opinion": 0.95,
    "fitness": 0.9,
    "advertisement": -0.65,
    "later": -0.6,
    "personal": -0.35,
    "length": 0.5,
}
"""Weights of a sentence as a view: fitted to 415 read sentences, leaving out one day at a time."""
FULL_VIEW = 60
"""Size (`Sentence.size`) from which a longer view is not rated better."""
MIN_VIEW = 2.9
"""Minimum value of a printed view. Of the labelled sentences above it eight of ten are views, of
all labelled sentences one of four."""
ORGANISATIONS = frozenset(["company", "product", "institution", "coin"])
"""Kinds of names whose accounts are not persons."""
GOES_ON = 0.3
"""Minimum margin of `view` of a second sentence that is printed after a view."""


def list_views(draft: Draft) -> list[Item]:
    """Return the views with their speakers, best first, one per author."""
    items: list[Item] = []
    authors: set[str] = set()
    quotes = (quote for story in draft.stories() for quote in draft.list_quotes(story))
    views = ((rate_view(quote), quote) for quote in quotes if is_person(quote.sentence.reading))
    for value, quote in sorted(views, key=lambda entry: -entry[0]):
        if len(items) == MAX_VIEWS or value < MIN_VIEW:
            break
        if quote.post.author in authors or draft.is_printed(quote, NEARER):
            continue
        authors.add(quote.post.author)
        draft.printed.append(quote)
        text = join_sentences([quote.text, *_list_reasons(draft, quote)])
        items.append(Item(text, title=show_speaker(quote.post), cites=(quote.post.key,)))
    return items or [notes.nothing(draft.material, "views")]


def _list_reasons(draft: Draft, view: Quote) -> list[str]:
    """Return the next sentence of the post if it continues the view; often it is the reason."""
    place = view.sentence.place + 1
    following = (q for q in draft.quotes.get(view.post.key, ()) if q.sentence.place == place)
    return [quote.text for quote in following if quote.opinion >= GOES_ON]


def rate_view(quote: Quote) -> float:
    """Return how surely a sentence is a view that can stand alone."""
    sentence = quote.sentence
    parts = {
        "opinion": quote.opinion,
        "fitness": quote.fitness,
        "advertisement": sentence.reading.scores.get("advertisement", 0.0),
        "later": sentence.place > 0,
        "personal": says_i(quote.text),
        "length": min(1.0, sentence.size / FULL_VIEW),
    }
    return sum(weight * parts[name] for name, weight in VIEW_WEIGHTS.items())


def is_person(reading: Reading) -> bool:
    """Return True if the post is by a named person and addressed to the public."""
    post, account = reading.post, reading.account
    if post.source in ANONYMOUS_SOURCES or not post.author or post.text.startswith("@"):
        return False
    speaks_for_others = account is not None and account.kind in ORGANISATIONS
    return bool(reading.plain) and not speaks_for_others


def rate_detail(worth: float, story: Story, quote: Quote) -> float:
    """Return how much a story is worth in the detail; `worth` is its worth as a point."""
    scores = quote.sentence.reading.scores
    parts = {
        "fitness": quote.fitness,
        "news": scores.get("news", 0.0),
        "advertisement": max(0.0, scores.get("advertisement", 0.0) - USUAL_ADVERTISEMENT),
        "fit": min(1.0, story.parts.get("fit", 1.0)),
        "print": rate_print(quote),
    }
    return worth + sum(weight * parts[name] for name, weight in WEIGHTS.items())


def list_grouped(draft: Draft, section: SectionName) -> list[Item]:
    """Return the items of a section in groups (events, or themes of stories not yet reported): one
    sentence per story, the best stories first in each group."""
    groups = EVENTS if section == "events" else list_themes(draft.material.topic)
    items: dict[str, list[Item]] = {g.names[draft.language]: [] for g in (*groups, NONE)}
    rated = [(rate_detail(*entry), *entry[1:]) for entry in draft.rate_stories(MIN_VALUE)]
    for worth, story, lead in sorted(rated, key=lambda entry: -entry[0]):
        is_minor = worth < MIN_WORTH and not draft.takes_all
        if is_minor or sum(map(len, items.values())) == MAX_GROUPED[section]:
            break
        is_weak = draft.is_weak(lead, MIN_PRINT)
        if is_weak or story.event in draft.events or draft.is_printed(lead, NEARER):
            continue
        name = lead.find_group(groups).names[draft.language]
        if len(items[name]) < MAX_IN_GROUP:
            following = list_following(draft, story, lead, 1) if is_title(lead) else []
            items[name].append(make_item(draft, story, [lead, *following], group=name))
    grouped = drop_lone_other([i for members in items.values() for i in members], draft.language)
    return grouped or [notes.nothing(draft.material, section)]
