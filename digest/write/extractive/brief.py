"""The brief: the points, one per event, and the overview above them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digest.models import MAX_POINTS, Item, Language, SectionName
from digest.reading import Story
from digest.reading.amounts import find_cues
from digest.text import language
from digest.write.extractive import notes
from digest.write.extractive.draft import (
    ENDS,
    HAN,
    Draft,
    begins_badly,
    is_same_event,
    is_title,
    join_sentences,
    make_item,
    name_speaker,
    rate_print,
)
from digest.write.extractive.following import list_following
from digest.write.extractive.quotes import Quote

MIN_POINT = 0.98
"""Minimum value of a point; fewer points than QUIET above it make a quiet day. Four of five stories
from 1.2 on are worth reporting, one of three below 0.95."""
MIN_FAR = 1.24
"""Minimum value of a point about a story that is only near the topic: a company of the field may be
in the news for something else. Of nine above it on 43 days that editors read, five are must-haves
and two are weak; of 18 with less, three and twelve."""
MIN_PRINT, PRINT_PER_VALUE = 8.5, 8.0
"""Minimum print log odds (`rate_print`) of a point's lead sentence on a busy day, less the second
figure times the point's value. So the most important stories (1.2 and more) may have a poor
sentence (-1), while a story of value 1 needs a good one (0.6)."""
MIN_QUIET, QUIET_PRINT = 0.7, 7.5
"""The same two thresholds while there are fewer than QUIET points; the second also applies to all
points of a day that is not busy, or of a topic that the heads do not know."""
QUIET = 5
"""With fewer points the report says that the day was quiet."""
MUCH_BETTER = 1.0
"""Log odds by which the sentence of another story of an event must be better to replace a lead."""
LANGUAGE_POINTS = 7
"""Points in the report's language that are aimed for, if as many stories have a sentence in it."""
MAX_VALUE_LOSS, MIN_LANGUAGE_PRINT = 0.3, 0.0
"""A story in another language is replaced by one in the report's language whose value is at most
the first figure lower and whose lead sentence has at least the second as log odds."""
LEADING, FOREMOST = 3, 5
"""Number of stories in the overview, and number of leading points among which those in the report's
language come first. Later points are not what the day was about."""
MIN_OVERVIEW = 0.3
"""Minimum print log odds (`rate_print`) of each sentence of an overview with several."""
OPENINGS: Mapping[Language, str] = {"zh": "主要消息：", "en": "In the news: "}
MAX_FOLLOWING = 2
"""Sentences that follow the lead sentence of a point."""
MAX_OVERVIEW = 70
"""Size (`Sentence.size`) of each sentence of an overview with several."""
BETWEEN: Mapping[Language, tuple[str, str]] = {"zh": ("；", "。"), "en": ("; ", ".")}
"""Separator and terminator of the sentences of the overview."""


@dataclass(frozen=True, slots=True)
class PointCandidate:
    story: Story
    lead: Quote
    value: float
    in_language: bool
    """True if the lead sentence is in the report's language."""


def list_points(draft: Draft) -> list[Item]:
    """Return at most MAX_POINTS items, one per event; on a quiet day followed by a note."""
    candidates = choose_points(_list_candidates(draft))
    draft.events.clear()
    draft.printed.clear()
    points = [make_point(draft, candidate.story, candidate.lead) for candidate in candidates]
    if len(points) < QUIET:
        points.append(notes.quiet(draft.language, len(points)))
    return points


def _list_candidates(draft: Draft) -> list[PointCandidate]:
    """Return the stories with their lead sentences, best first, one per event. Another story of the
    event replaces the lead if its sentence is in the report's language or much better."""
    candidates: list[PointCandidate] = []
    for value, story, lead in draft.rate_stories(far=True):
        least = draft.strictness * (MIN_POINT if len(candidates) >= QUIET else MIN_QUIET)
        least = least if draft.is_topical(story) else MIN_FAR
        is_choosy = draft.is_busy and len(candidates) >= QUIET
        least_print = MIN_PRINT if is_choosy else QUIET_PRINT
        is_weak = draft.is_weak(lead, least_print - PRINT_PER_VALUE * value)
        if is_weak or value < least:
            continue
        in_language = lead.sentence.language == draft.language
        place = _find_event(candidates, story, lead)
        if place is None:
            candidates.append(PointCandidate(story, lead, value, in_language))
        elif _is_better(lead, candidates[place].lead, draft.language):
            candidates[place] = PointCandidate(story, lead, candidates[place].value, in_language)
        draft.add(story, lead)
    return candidates


def _is_better(lead: Quote, other: Quote, language: Language) -> bool:
    """Return True if the first quote is in the report's language and the other is not, or is much
    better in the same language."""
    in_language, was_in_language = (quote.sentence.language == language for quote in (lead, other))
    return (in_language, rate_print(lead)) > (was_in_language, rate_print(other) + MUCH_BETTER)


def _find_event(candidates: Sequence[PointCandidate], story: Story, lead: Quote) -> int | None:
    """Return the index of the candidate for the same event, or None."""
    return next(
        (
            place
            for place, other in enumerate(candidates)
            if other.story.event == story.event or is_same_event(lead, other.lead)
        ),
        None,
    )


def choose_points(candidates: Sequence[PointCandidate]) -> list[PointCandidate]:
    """Return the best candidates; the last foreign ones are replaced by nearly as good ones in the
    report's language."""
    chosen = list(candidates[:MAX_POINTS])
    for other in candidates[MAX_POINTS:]:
        foreign = [candidate for candidate in chosen if not candidate.in_language]
        if len(foreign) <= MAX_POINTS - LANGUAGE_POINTS:
            break
        is_good = other.in_language and rate_print(other.lead) >= MIN_LANGUAGE_PRINT
        if is_good and other.value >= foreign[-1].value - MAX_VALUE_LOSS:
            chosen.remove(foreign[-1])
            chosen.append(other)
    return chosen


def make_point(draft: Draft, story: Story, lead: Quote) -> Item:
    """Return the point: a short lead sentence becomes the title, what follows it the text."""
    following = list_following(draft, story, lead, MAX_FOLLOWING)
    if not is_title(lead):
        return make_item(draft, story, [lead, *following])
    draft.add(story, lead, *following)
    return Item(
        join_sentences([quote.text for quote in following]),
        title=name_speaker([quote.sentence for quote in (lead, *following)])
        + lead.text.rstrip(ENDS),
        cites=draft.cite(story, [lead, *following]),
    )


def list_overview(draft: Draft, items: Mapping[SectionName, Sequence[Item]]) -> list[Item]:
    """Return one paragraph of the lead sentences of the leading points: several short ones that
    stand alone well, or else a single one. Among the first FOREMOST, those in the report's language
    come first."""
    quotes = {quote.post.key: quote for quote in reversed(draft.printed)}
    points = (item for item in items["points"] if item.cites)
    leads = [quotes[item.cites[0]] for item in points if item.cites[0] in quotes]
    leads = [q for q in leads if q.sentence.language in (draft.language, "en")] or leads
    preferred = [q for q in leads[:FOREMOST] if q.sentence.language == draft.language]
    leads = [*preferred, *(quote for quote in leads if quote not in preferred)]
    # A sentence without a name, with "we" or with a reference to earlier text needs its post.
    leads = [
        quote
        for quote in leads
        if draft.takes_all or quote.sentence.names
        if not name_speaker([quote.sentence]) and not begins_badly(quote.sentence)
    ]
    several = [
        quote
        for quote in leads
        if not draft.is_weak(quote, MIN_OVERVIEW) and quote.sentence.size <= MAX_OVERVIEW
    ]
    leads = several[:LEADING] or leads[:1]
    if not leads:
        return [notes.nothing(draft.material, "overview")]
    text = join_news([quote.text for quote in leads], draft.language)
    return [Item(text, cites=tuple(dict.fromkeys(quote.post.key for quote in leads)))]


def join_news(texts: Sequence[str], report_language: Language) -> str:
    """Join the sentences to a paragraph with the punctuation of the first one's language."""
    first, *others = [text.strip().rstrip(ENDS) for text in texts]
    sign, stop = BETWEEN["zh" if language(first) in HAN else report_language]
    return sign.join((open_overview(first, report_language), *others)) + stop


def open_overview(text: str, language: Language) -> str:
    """Return the first sentence with an opening before it, unless it has a colon or begins with a
    word for "today"."""
    for opening in OPENINGS.values():
        text = text.removeprefix(opening)
    is_of_today = any(not cue.start() for cue in find_cues(text, "today"))
    is_opened = is_of_today or ":" in text or "：" in text
    return text if is_opened else OPENINGS[language] + text
