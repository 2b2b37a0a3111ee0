"""A report without a model in its second language, item by item: the same stories in the same
order, so that a number and a link mean one thing in both."""

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
"""Sections that tell something; the others are of code alone."""
TOLD_ALIKE = frozenset({"points", "events", "ai", "finance"})
"""Sections that one sentence may stand in; a view has its speaker, a stock its name."""
LEAST_LIKENESS, PER_FIGURE, MAX_FIGURES, FIRST = 0.6, 0.06, 2, 0.1
"""Likeness from which a sentence in another language says what an item says: the cosine, and what
figures in common and the first place in a post add. Of 25 items of three days that have a
counterpart all find it, of 2 that have none neither does."""
LEAST_FITNESS = -0.45
"""Margin of `stands_alone` of such a sentence."""
GROUP_NAMES = [
    *(group.names for group in (*EVENTS, *THEMES)),
    *(notes.STOCKS, notes.CRYPTO, notes.OTHER),
]


def align_sections(
    sections: Sequence[Section], material: Material, own: Sequence[Section]
) -> tuple[Section, ...]:
    """Return the sections in the language of `material`'s topic, item by item.

    `own` is the report that was written in that language: views and prices are told in its words
    where it has them. Everything else is told by the sentence of the same story that says the same;
    where none does, the item stands as it is. Notes are those of the language.
    """
    draft = Draft(material)
    story_of = {post.key: story for story in material.stories for post in story.posts}
    spoken = {
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
            if story and section.name not in (*TOLD_ALIKE, "overview"):
                item = spoken.get((section.name, item.cites[0]), item)
            elif story and section.name in TOLD_ALIKE:
                item = _align_item(draft, section.name, item, story)
            aligned.append(replace(item, group=name_group(item.group, draft.language)))
    items_of["overview"] = _align_overview(draft, items_of)
    return fill_sections(sections, items_of, material, own)


def _align_overview(draft: Draft, items_of: Mapping[SectionName, Sequence[Item]]) -> list[Item]:
    """Return the overview with sentences of the draft's language where the points have them, else
    the same behind its opening."""
    overview = [item for item in list_overview(draft, items_of) if item.cites]
    told = items_of["overview"]
    return overview or [replace(i, text=open_overview(i.text, draft.language)) for i in told]


def _align_item(draft: Draft, section: SectionName, item: Item, story: Story) -> Item:
    """Return the item in the language of the draft: told by the sentence of its story that says
    what its own first one says."""
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
        and quote.fitness >= LEAST_FITNESS
        and not _says_otherwise(lead.text, quote.text)
    )
    likeness, other = max(rated, key=itemgetter(0), default=(0.0, lead))
    if likeness < LEAST_LIKENESS:
        draft.add(story, lead)
        return item
    if section == "points":
        return make_point(draft, story, other)
    return make_item(draft, story, [other], group=item.group)


def _says_otherwise(first: str, second: str) -> bool:
    """Return True where a sentence denies what the other says, or each gives figures of its own."""
    figures, others = (
        [a for a in find_amounts(text) if a.unit not in ("", "count", "year") and not a.in_name]
        for text in (first, second)
    )
    is_apart = bool(figures and others) and not any(is_supported(f, others) for f in figures)
    return is_apart or is_opposite(first, second)


def _measure_likeness(lead: Quote, other: Quote) -> float:
    """Return how surely two sentences in two languages say the same; a later one needs the post
    around it."""
    figures = list_figures(lead.sentence.reading) & list_figures(other.sentence.reading)
    shared = PER_FIGURE * min(MAX_FIGURES, len(figures))
    return float(lead.vector @ other.vector) + shared + FIRST * (other.sentence.place == 0)


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
    """Return the name of a group in that language; as it is where no table has it."""
    return next((names[language] for names in GROUP_NAMES if group in names.values()), group)
