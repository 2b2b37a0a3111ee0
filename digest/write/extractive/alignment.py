"""The extractive report in a second language, item by item: the same stories in the same order, so
that numbers and links mean the same in both."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import itemgetter

from digest.models import SECTIONS, Item, Language, Section, SectionName
from digest.reading import Story
from digest.reading.amounts import find_amounts
from digest.reading.contrast import is_opposite
from digest.select.split import list_figures
from digest.write import Material
from digest.write.extractive import notes
from digest.write.extractive.brief import list_overview, make_point, open_overview
from digest.write.extractive.draft import ENDS, Draft, make_item
from digest.write.extractive.groups import EVENTS, THEMES
from digest.write.extractive.quotes import Quote
from digest.write.verify.figures import is_supported

WRITTEN = tuple(name for name in SECTIONS if name not in ("filtered", "cloud"))
"""Sections that report something; code alone fills the others."""
SHARED_SECTIONS = frozenset({"points", "events", "ai", "finance"})
"""Sections that may print the same sentence; views add a speaker, stocks a company."""
MIN_LIKENESS, PER_FIGURE, MAX_FIGURES, FIRST = 0.6, 0.06, 2, 0.1
"""Likeness from which a sentence in another language matches an item: cosine, plus the bonus for
each shared figure and for the first sentence of a post. On three days all 25 items that have a
counterpart found it, and the 2 without one found none."""
MIN_FITNESS = -0.45
"""Minimum margin of `stands_alone` of a matching sentence."""
GROUP_NAMES = [
    *(group.names for group in (*EVENTS, *THEMES)),
    *(notes.STOCKS, notes.CRYPTO, notes.OTHER),
]


def align_sections(
    sections: Sequence[Section], material: Material, own: Sequence[Section]
) -> tuple[Section, ...]:
    """Return the sections in the language of `material`'s topic, item by item.

    `own` is the report written in that language; views and prices use its items where they exist.
    Other items use the matching sentence of the same story, or stay unchanged without one. Notes
    are in the topic's language.
    """
    draft = Draft(material)
    story_of = {post.key: story for story in material.stories for post in story.posts}
    own_items = {
        (section.name, item.cites[0]): item
        for section in own
        for item in section.items
        if item.cites
    }
    items_of: dict[SectionName, list[Item]] = {}
    for section in sections:
        aligned = items_of[section.name] = []
        for item in (i for i in section.items if i.cites):
            story = story_of.get(item.cites[0])
            if story and section.name not in (*SHARED_SECTIONS, "overview"):
                item = own_items.get((section.name, item.cites[0]), item)
            elif story and section.name in SHARED_SECTIONS:
                item = _align_item(draft, section.name, item, story)
            aligned.append(replace(item, group=name_group(item.group, draft.language)))
    items_of["overview"] = _align_overview(draft, items_of)
    return fill_sections(sections, items_of, material, own)


def _align_overview(draft: Draft, items_of: Mapping[SectionName, Sequence[Item]]) -> list[Item]:
    """Return the overview in the draft's language if the points have such sentences, else the same
    overview with its opening translated."""
    overview = [item for item in list_overview(draft, items_of) if item.cites]
    items = items_of["overview"]
    return overview or [replace(i, text=open_overview(i.text, draft.language)) for i in items]


def _align_item(draft: Draft, section: SectionName, item: Item, story: Story) -> Item:
    """Return the item with the matching sentence of its story in the draft's language."""
    text = f"{item.title}{item.text}"
    quotes = draft.quotes.get(item.cites[0], ())
    lead = next((q for q in quotes if q.text.rstrip(ENDS) in text), None)
    if lead is None:
        return item
    others = [] if lead.sentence.language == draft.language else draft.list_quotes(story)
    rated = (
        (_measure_likeness(lead, quote), quote)
        for quote in others
        if quote.sentence.language == draft.language
        and quote.fitness >= MIN_FITNESS
        and not _says_otherwise(lead.text, quote.text)
    )
    likeness, other = max(rated, key=itemgetter(0), default=(0.0, lead))
    if likeness < MIN_LIKENESS:
        draft.add(story, lead)
        return item
    if section == "points":
        return make_point(draft, story, other)
    return make_item(draft, story, [other], group=item.group)


def _says_otherwise(first: str, second: str) -> bool:
    """Return True if one sentence denies the other, or their figures have nothing in common."""
    figures, others = (
        [a for a in find_amounts(text) if a.unit not in ("", "count", "year") and not a.in_name]
        for text in (first, second)
    )
    is_apart = bool(figures and others) and not any(is_supported(f, others) for f in figures)
    return is_apart or is_opposite(first, second)


def _measure_likeness(lead: Quote, other: Quote) -> float:
    """Return how surely two sentences in two languages say the same. A first sentence gets a bonus,
    because later ones depend on the post around them."""
    figures = list_figures(lead.sentence.reading) & list_figures(other.sentence.reading)
    shared = PER_FIGURE * min(MAX_FIGURES, len(figures))
    return float(lead.vector @ other.vector) + shared + FIRST * (other.sentence.place == 0)


def fill_sections(
    sections: Sequence[Section],
    items_of: Mapping[SectionName, Sequence[Item]],
    material: Material,
    extractive: Sequence[Section],
) -> tuple[Section, ...]:
    """Return `sections` with these items in the language of `material`'s topic. Sections filled by
    code and all notes come from `extractive`, the report without a model in that language."""
    points = next(section for section in sections if section.name == "points")
    cites = {key for section in sections for item in section.items for key in item.cites}
    is_quiet = any(item.status == "note" for item in points.items)
    filled = []
    for section in extractive:
        items = list(items_of.get(section.name, ()) if section.name in WRITTEN else section.items)
        if section.name == "filtered":
            items = notes.list_filtered(material, cites)
        if section.name == "points" and is_quiet:
            items.append(notes.quiet(material.topic.language, len(items)))
        items = items or [notes.nothing(material, section.name)]
        heading = notes.heading(section.name, material.topic)
        filled.append(Section(section.name, heading, tuple(items)))
    return notes.merge_empty(filled, material.topic.language)


def name_group(group: str, language: Language) -> str:
    """Return the name of a group in that language, or `group` itself if no table has it."""
    return next((names[language] for names in GROUP_NAMES if group in names.values()), group)
