"""A report without a model in its second language, item by item: the same stories in the same
order, so that a number and a link mean one thing in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from digest.models import Item, Language, Section, SectionName
from digest.write import Material
from digest.write.extractive import notes
from digest.write.extractive.groups import EVENTS, THEMES
from digest.write.extractive.money import merge_empty

WRITTEN: tuple[SectionName, ...] = (
    "overview",
    "points",
    "views",
    "events",
    "markets",
    "ai",
    "finance",
)
"""Sections that tell something; the others are of code alone."""
TOLD_ALIKE = frozenset({"overview", "points", "events", "ai", "finance"})
"""Sections that one sentence may stand in; a view has its speaker, a stock its name."""
_GROUPS = [
    *(group.names for group in (*EVENTS, *THEMES)),
    *(notes.STOCKS, notes.CRYPTO, notes.OTHER),
]


def align_sections(
    sections: Sequence[Section], material: Material, own: Sequence[Section]
) -> tuple[Section, ...]:
    """Return the sections in the language of `material`'s topic, item by item.

    `own` is the report that was written in that language: what it tells of an item's story takes
    the item's place; where it tells nothing, the item stands as it is. Notes are those of the
    language.
    """
    story_of = {p.key: n for n, story in enumerate(material.stories) for p in story.posts}
    told: dict[tuple[str, int], Item] = {}
    for section in own:
        for item in (i for i in section.items if i.cites and i.cites[0] in story_of):
            place = story_of[item.cites[0]]
            told.setdefault((section.name, place), item)
            if section.name in TOLD_ALIKE:
                told.setdefault(("", place), item)
    language = material.topic.language
    items_of: dict[SectionName, list[Item]] = {}
    for section in sections:
        aligned = items_of[section.name] = []
        for item in (i for i in section.items if i.cites):
            place = story_of.get(item.cites[0], -1)
            other = told.get((section.name, place))
            if other is None and section.name in TOLD_ALIKE:
                other = told.get(("", place))
            spoken = item if other is None else other
            aligned.append(replace(spoken, group=name_group(item.group, language)))
    overview = next(list(s.items) for s in own if s.name == "overview")
    if len(overview) == len(items_of["overview"]):
        items_of["overview"] = overview  # one text: its first sentence has an opening
    return fill_sections(sections, items_of, material, own)


def fill_sections(
    sections: Sequence[Section],
    items_of: Mapping[SectionName, Sequence[Item]],
    material: Material,
    own: Sequence[Section],
) -> tuple[Section, ...]:
    """Return `sections` with these items in the language of `material`'s topic; the sections of
    code, and all notes, as in `own`, the report without a model in that language."""
    points = next(section for section in sections if section.name == "points")
    cites = {key for section in sections for item in section.items for key in item.cites}
    is_quiet = any(item.status == "note" for item in points.items)
    filled = []
    for section in own:
        items = list(items_of.get(section.name, ()))
        if section.name == "filtered":
            items = notes.list_filtered(material, cites)
        elif section.name not in WRITTEN:
            items = list(section.items)
        if section.name == "points" and is_quiet:
            items.append(notes.quiet(material.topic.language, len(items)))
        items = items or [notes.nothing(material, section.name)]
        heading = notes.heading(section.name, material.topic)
        filled.append(Section(section.name, heading, tuple(items)))
    return merge_empty(filled, material.topic.language)


def name_group(group: str, language: Language) -> str:
    """Return the name of a group in that language; as it is where no table has it."""
    return next((names[language] for names in _GROUPS if group in names.values()), group)
