"""Stories as a model is shown them: posts that the encoder finds apart are stories of their own.

A cluster that joined two events hides one of them behind the other's leading post, where no editor
finds it. A story that was split wrongly costs a line: the model unites it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from digest.reading import Reading, Story
from digest.select.rank import measure_news, measure_substance, rank_stories, sum_parts

APART, APART_COMPANY, APART_LANGUAGES = 0.50, 0.60, 0.40
"""Cosine below which two posts tell of two events: without a common name, with no more in common
than one company, and in two languages. Set on the four days read by an editor: of 22 posts that are
split off there, 16 belong to another event or to none."""
APART_VERSIONS = 0.60
"""The same where each names a numbered product that the other does not."""
MAX_VERSIONS = 2
"""Numbered products in a post that is about them; more are a comparison."""
LEAST_PIECE = 4
"""Letters of a piece of a name that two posts may share by more than chance: "API", "GPT"."""
BROAD = frozenset(["company", "institution", "place", "title", "coin"])
"""Kinds of names that many events of a day have in common."""


def split_stories(stories: Sequence[Story]) -> tuple[Story, ...]:
    """Return the stories, best first, with those that join several events taken apart."""
    if not any(map(_is_encoded, stories)):
        return tuple(stories)  # n-grams find two languages apart, whatever they tell
    event = max((story.event for story in stories), default=0)
    parts: list[Story] = []
    for story in stories:
        first, *others = _split(story.readings)
        parts.append(replace(story, readings=tuple(first)) if others else story)
        for readings in others:
            event += 1
            parts.append(_make_part(story, readings, event))
    return rank_stories(parts)


def _is_encoded(story: Story) -> bool:
    """Return True if a vector is the encoder's, which need not be loaded to know: counts of
    n-grams are never negative."""
    vectors = (reading.vector for reading in story.readings)
    return any(vector is not None and bool((vector < 0).any()) for vector in vectors)


def _split(readings: Iterable[Reading]) -> list[list[Reading]]:
    """Return the readings in groups, each told apart from the leading readings of the others."""
    groups: list[list[Reading]] = []
    for reading in readings:
        group = next((g for g in groups if not is_apart(g[0], reading)), None)
        if group is None:
            groups.append([reading])
        else:
            group.append(reading)
    return groups


def _make_part(story: Story, readings: Sequence[Reading], event: int) -> Story:
    """Return what was split off a story; of its score, what belongs to the other post is left."""
    lead = readings[0]
    parts = {
        **story.parts,
        "news": measure_news(lead),
        "substance": measure_substance(lead),
        "voices": 0.0,
    }
    return replace(
        story, readings=tuple(readings), score=sum_parts(parts), parts=parts, event=event
    )


def is_apart(first: Reading, second: Reading) -> bool:
    """Return True where two posts tell of two events, by their meaning and the names they share."""
    if first.vector is None or second.vector is None:
        return False
    versions, others = list_versions(first.name_keys), list_versions(second.name_keys)
    shared = first.name_keys & second.name_keys
    if any(a <= b or b <= a for a in versions for b in others) or len(shared) > 1:
        return False
    if _pieces(first) & _pieces(second):
        return False
    cosine = float(first.vector @ second.vector)
    if versions and others and max(len(versions), len(others)) <= MAX_VERSIONS:
        return cosine < APART_VERSIONS
    if first.post.author and first.post.author == second.post.author:
        return False  # a thread
    if first.language != second.language:
        return cosine < APART_LANGUAGES
    return cosine < (APART_COMPANY if shared else APART)


def list_versions(keys: Iterable[str]) -> list[set[str]]:
    """Return the pieces of each name with a number."""
    return [set(key.casefold().split()) for key in keys if any(map(str.isdigit, key))]


def _pieces(reading: Reading) -> set[str]:
    """Return the pieces of the names that few events of a day have in common."""
    keys = {name.key.casefold() for name in reading.names if name.kind not in BROAD}
    return {piece for key in keys for piece in key.split() if len(piece) >= LEAST_PIECE}
