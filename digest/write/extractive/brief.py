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
    is_title,
    join_sentences,
    make_item,
    name_speaker,
    rate_print,
    tells_same,
)
from digest.write.extractive.following import list_following
from digest.write.extractive.quotes import Quote

LEAST_POINT = 0.98
"""Value of a point; a day with fewer of these is a quiet one. From 1.2 on four of five are worth
telling, below 0.95 one of three."""
LEAST_PRINT, PRINT_PER_VALUE = 8.6, 8.0
"""Log odds of a sentence that makes a point (`rate_print`), less what the point's value makes up
for, on days with more to tell than is told: the news that matters most (1.2 and more) may be told
in a poor sentence, what has a value of 1 in a good one only (0.6)."""
LEAST_QUIET, QUIET_PRINT = 0.7, 7.5
"""What the two are on a day with fewer than QUIET of these, and more to tell than is told; the
second holds for all of a day without much news, or in names that the heads do not know."""
QUIET = 5
"""Fewer points than this make a quiet day, and the reader is told."""
MUCH_BETTER = 1.0
"""Log odds by which the sentence of a further story of an event must be better to tell it."""
SPOKEN_POINTS = 7
"""Points in the report's language, where as many stories have a sentence in it."""
YIELDS, LEAST_SPOKEN = 0.3, 0.0
"""A story in another language gives way to one in the report's language that is at most this much
worse, and told by a sentence of such log odds."""
LEADING, FOREMOST = 3, 5
"""Stories that the overview tells, and leading points of which those in the report's language go
before others: one that stands behind these is not what the day was about."""
LEAST_OVERVIEW = 0.3
"""Log odds of each of several sentences of the overview (`rate_print`)."""
OPENINGS: Mapping[Language, str] = {"zh": "今天的主要消息：", "en": "In the news: "}
MAX_FOLLOWING = 2
"""Sentences behind the first of a point."""
MAX_OVERVIEW = 70
"""Size (`Sentence.size`) of one sentence of several."""
BETWEEN: Mapping[Language, tuple[str, str]] = {"zh": ("；", "。"), "en": ("; ", ".")}
"""What stands between the sentences of the overview, and behind them."""


@dataclass(frozen=True, slots=True)
class PointCandidate:
    story: Story
    lead: Quote
    value: float
    spoken: bool
    """True where the sentence is in the report's language."""


def list_points(draft: Draft) -> list[Item]:
    """Return at most MAX_POINTS items, no two of one event; on a quiet day with a line that says
    so."""
    candidates = choose_points(_list_candidates(draft))
    draft.events.clear()
    draft.printed.clear()
    points = [make_point(draft, candidate.story, candidate.lead) for candidate in candidates]
    if len(points) < QUIET:
        points.append(notes.quiet(draft.language, len(points)))
    return points


def _list_candidates(draft: Draft) -> list[PointCandidate]:
    """Return stories with the sentence that tells each, best first, each event once: by a sentence
    in the report's language, or a much better one, where a further story of the event has it."""
    candidates: list[PointCandidate] = []
    for value, story, lead in draft.rate_stories():
        least = LEAST_POINT if len(candidates) >= QUIET else LEAST_QUIET
        is_choosy = draft.has_much and len(candidates) >= QUIET
        least_print = LEAST_PRINT if is_choosy else QUIET_PRINT
        is_weak = draft.is_weak(lead, least_print - PRINT_PER_VALUE * value)
        if is_weak or value < least * draft.choice:
            continue
        spoken = lead.sentence.language == draft.language
        place = _find_event(candidates, story, lead)
        if place is None:
            candidates.append(PointCandidate(story, lead, value, spoken))
        elif _tells_better(lead, candidates[place].lead, draft.language):
            candidates[place] = PointCandidate(story, lead, candidates[place].value, spoken)
        draft.add(story, lead)
    return candidates


def _tells_better(lead: Quote, other: Quote, language: Language) -> bool:
    """Return whether a sentence tells an event better than another: in that language, or much
    better in the same."""
    spoken, was_spoken = (quote.sentence.language == language for quote in (lead, other))
    return (spoken, rate_print(lead)) > (was_spoken, rate_print(other) + MUCH_BETTER)


def _find_event(candidates: Sequence[PointCandidate], story: Story, lead: Quote) -> int | None:
    """Return the place of the candidate that tells the event already, None without one."""
    return next(
        (
            place
            for place, other in enumerate(candidates)
            if other.story.event == story.event or tells_same(lead, other.lead)
        ),
        None,
    )


def choose_points(candidates: Sequence[PointCandidate]) -> list[PointCandidate]:
    """Return the best, the last of which make room for nearly as good ones in the report's
    language."""
    chosen = list(candidates[:MAX_POINTS])
    for other in candidates[MAX_POINTS:]:
        foreign = [candidate for candidate in chosen if not candidate.spoken]
        if len(foreign) <= MAX_POINTS - SPOKEN_POINTS:
            break
        is_good = other.spoken and rate_print(other.lead) >= LEAST_SPOKEN
        if is_good and other.value >= foreign[-1].value - YIELDS:
            chosen.remove(foreign[-1])
            chosen.append(other)
    return chosen


def make_point(draft: Draft, story: Story, lead: Quote) -> Item:
    """Return the point: a title where the first sentence is short, then what follows it."""
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
    """Return one paragraph of what the leading points tell, in their own sentences: short ones that
    stand well alone, or a single other one; of the foremost, those in the report's language go
    before others."""
    quotes = {quote.post.key: quote for quote in reversed(draft.printed)}
    points = (item for item in items["points"] if item.cites)
    leads = [quotes[item.cites[0]] for item in points if item.cites[0] in quotes]
    leads = [q for q in leads if q.sentence.language in (draft.language, "en")] or leads
    spoken = [q for q in leads[:FOREMOST] if q.sentence.language == draft.language]
    leads = [*spoken, *(quote for quote in leads if quote not in spoken)]
    # One that names nothing, says "we" or leans on another needs the post around it.
    leads = [
        quote
        for quote in leads
        if draft.takes_all or quote.sentence.names
        if not name_speaker([quote.sentence]) and not begins_badly(quote.sentence)
    ]
    several = [
        quote
        for quote in leads
        if not draft.is_weak(quote, LEAST_OVERVIEW) and quote.sentence.size <= MAX_OVERVIEW
    ]
    leads = several[:LEADING] or leads[:1]
    if not leads:
        return [notes.nothing(draft.material, "overview")]
    text = join_news([quote.text for quote in leads], draft.language)
    return [Item(text, cites=tuple(dict.fromkeys(quote.post.key for quote in leads)))]


def join_news(texts: Sequence[str], spoken: Language) -> str:
    """Return the paragraph of these sentences, with the signs of the first one's language."""
    first, *rest = [text.strip().rstrip(ENDS) for text in texts]
    sign, stop = BETWEEN["zh" if language(first) in HAN else spoken]
    return sign.join((open_overview(first, spoken), *rest)) + stop


def open_overview(text: str, language: Language) -> str:
    """Return the first sentence behind its opening, unless it has a colon of its own or says
    itself that it is of today."""
    for opening in OPENINGS.values():
        text = text.removeprefix(opening)
    is_of_today = any(not cue.start() for cue in find_cues(text, "today"))
    is_opened = is_of_today or ":" in text or "：" in text
    return text if is_opened else OPENINGS[language] + text
