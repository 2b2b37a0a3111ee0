"""The report without a model: every statement is made of whole sentences of posts.

The best sentences are given out section by section, so that each stands in the report once. What
reads badly alone (questions, teasers, jokes, half sentences, orders to a program) is passed over for
the next story: fewer statements are better than filler.
"""

from __future__ import annotations

from digest.models import SECTIONS, Item, Section, SectionName
from digest.write import Material
from digest.write.extractive import brief, detail, money, notes
from digest.write.extractive.draft import Draft
from digest.write.extractive.notes import heading


def write(material: Material) -> tuple[Section, ...]:
    """All nine sections in order. Stories come best first; the same material gives the same text."""
    draft = Draft(material)
    items: dict[SectionName, list[Item]] = {}
    # Given out by importance, printed in the order of the report.
    items["points"] = brief.points(draft)
    items["markets"] = money.markets(draft)
    items["overview"] = brief.overview(draft, items["points"])
    items["views"] = detail.views(draft)
    items["events"] = detail.events(draft)
    items["finance"] = money.finance(draft)
    items["ai"] = detail.special(draft)
    items["filtered"] = notes.filtered(material)
    items["cloud"] = notes.cloud(material)
    return tuple(Section(n, heading(n, material.topic), tuple(items[n])) for n in SECTIONS)
