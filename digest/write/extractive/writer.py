"""The extractive writer: a report without a model, made of whole sentences of posts.

Sections choose in turn, so that each sentence is printed once. Stories without a good sentence are
skipped, because fewer items are better than filler.
"""

from digest.models import SECTIONS, Item, Section, SectionName
from digest.write import Material
from digest.write.extractive import brief, detail, money, notes
from digest.write.extractive.draft import Draft


def write(material: Material) -> tuple[Section, ...]:
    """Return all nine sections in order; the result depends on the material only."""
    draft = Draft(material)
    items: dict[SectionName, list[Item]] = {}
    # The most important sections choose first; SECTIONS is the printed order.
    items["points"] = brief.list_points(draft)
    items["views"] = detail.list_views(draft)
    items["markets"] = money.list_markets(draft)
    items["finance"] = money.list_finance(draft)
    items["events"] = detail.list_grouped(draft, "events")
    items["ai"] = detail.list_grouped(draft, "ai")
    items["overview"] = brief.list_overview(draft, items)
    cites = {key for printed in items.values() for item in printed for key in item.cites}
    items["filtered"] = notes.list_filtered(material, cites)
    words = [word for word, _ in material.wordcounts]
    items["cloud"] = [notes.list_words(words, draft.language)]
    sections = [
        Section(name, notes.heading(name, material.topic), tuple(items[name])) for name in SECTIONS
    ]
    return notes.merge_empty(sections, draft.language)
