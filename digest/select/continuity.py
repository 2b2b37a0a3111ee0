"""Compare stories with earlier reports: a story that was reported and has no news is dropped, one
with news is marked as an update of that day. Pure: stories and earlier items in, stories out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from digest.models import Dropped, Post, Report, Topic
from digest.reading import Reading, Story, read
from digest.reading.contrast import is_opposite, list_turns
from digest.reading.index_terms import list_figures, list_sums
from digest.reading.vocabulary import count_words_of
from digest.select.embed import embed_words, encode_readings
from digest.select.split import DENIED

COMPARED = timedelta(days=7)
"""How far back a story is compared with earlier ones."""
LEADS = 4
"""Posts of a story that are compared, the best ones."""
SAME = 0.60
"""Minimum cosine of two texts about one event that share names."""
SAME_VERSION = 0.55
"""The same if one of the names is a version ("3.1"), which identifies the release."""
SHARED = 0.33
"""Minimum share of the names of the text with fewer that the other has too; tuned on labelled
pairs."""
SURE = 0.65
"""Cosine from which one shared name is enough; below it two or a version are needed."""
EQUAL = 0.85
"""Cosine from which no shared name is needed."""
TWIN = 0.05
"""How much closer a post may be to an earlier item than to the news that it also reports."""
NEWS = 0.5
"""Minimum share of a post's names and numbers that are new for the post to be news."""
OWN_NEWS = 0.72
"""The same for an author of the earlier item, because pitches are rephrased every day."""
ACT_NEWS = 0.2
"""The same if the post has a new act: something was released, bought, raised, sued for or won."""

MENTIONED = 4
"""Shared names and figures from which an earlier item counts as repeated too, once a story matches
another one: a morning round-up is no news."""

ACTS = ("release", "open", "acquire", "raise", "sue", "people", "win")
"""Tables of `vocabulary/acts.toml`; "Introducing" and "is here" are one act: a launch."""


@dataclass(frozen=True, slots=True)
class EarlierItem:
    """One item of an earlier report: its day and the posts it cites."""

    day: date
    readings: tuple[Reading, ...]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(reading.key for reading in self.readings)

    @property
    def authors(self) -> frozenset[str]:
        return frozenset(reading.post.author for reading in self.readings) - {""}


def list_earlier_items(reports: Sequence[Report]) -> tuple[EarlierItem, ...]:
    """Return the different items of these reports that cite posts."""
    items = []
    for report in reports:
        for item in (item for section in report.sections for item in section.items):
            posts = [restore_post(report, key) for key in item.cites if key in report.posts]
            if posts:
                items.append(EarlierItem(report.last, tuple(read(posts))))
    return tuple(dict.fromkeys(items))


def restore_post(report: Report, key: str) -> Post:
    """Return a cited post; if its time is unknown, it is noon of the report's last day."""
    cited, (source, _, id) = report.posts[key], key.partition(":")
    created_at = cited.created_at or datetime.combine(report.last, time(12), tzinfo=UTC)
    return Post(id, source, cited.author, cited.author, cited.text, created_at, cited.url)


def drop_repeats(
    topic: Topic, stories: Sequence[Story], earlier: Sequence[EarlierItem]
) -> tuple[list[Story], list[Dropped]]:
    """Return the stories with news, and the dropped posts. Updates have the day of the earlier
    report and only the posts with news."""
    fresh, dropped = [], []
    for story, same in zip(stories, find_earlier_reports(topic, stories, earlier), strict=True):
        if not same:
            fresh.append(story)
            continue
        news = _list_news(story.readings, same)
        if any(reading in news for reading in story.readings[:LEADS]):
            news += _list_twins(story.readings, news, same)
            update = tuple(reading for reading in story.readings if reading in news)
            fresh.append(replace(story, readings=update, earlier=max(item.day for item in same)))
        else:
            news = []
        old = (reading.key for reading in story.readings if reading not in news)
        dropped += [Dropped(key, "duplicates", "told") for key in old]
    return fresh, dropped


def find_earlier_reports(
    topic: Topic, stories: Sequence[Story], earlier: Sequence[EarlierItem]
) -> list[list[EarlierItem]]:
    """Return for each story the earlier items about its event."""
    if not stories or not earlier:
        return [[] for _ in stories]
    # The topic's own words are in every second text, so sharing one proves nothing.
    common = frozenset(w.lower() for keyword in topic.keywords for w in (keyword, f"{keyword}s"))
    before = [(n, reading) for n, item in enumerate(earlier) for reading in item.readings]
    terms = [reading.terms - common for _, reading in before]
    encoded = embed_words([reading.plain for _, reading in before])
    leads = [story.readings[:LEADS] for story in stories]
    vectors = iter(encode_readings([reading for readings in leads for reading in readings]))
    matches = []
    for story, readings in zip(stories, leads, strict=True):
        keys = {post.key for post in story.posts}
        same = {n for n, item in enumerate(earlier) if item.keys & keys}
        for reading in readings:
            near = encoded @ next(vectors)
            same |= {
                before[i][0]
                for i in map(int, np.nonzero(near >= SAME_VERSION)[0])
                if tells_one_event(float(near[i]), reading.terms - common, terms[i])
            }
        if same:
            details = frozenset().union(*map(_list_details, readings)) - common
            same |= {n for n, r in before if len(_list_details(r) & details) >= MENTIONED}
        matches.append([earlier[n] for n in sorted(same)])
    return matches


def tells_one_event(near: float, left: frozenset[str], right: frozenset[str]) -> bool:
    """Return True if two texts with these terms and this cosine report one event."""
    shared = left & right
    enough = len(shared) >= SHARED * max(1, min(len(left), len(right)))
    versioned = any(term[0].isdigit() and "." in term for term in shared)
    least = SAME if len(shared) >= 2 else SURE if shared else EQUAL
    return near >= EQUAL or (enough and near >= (SAME_VERSION if versioned else least))


def _list_news(readings: Sequence[Reading], same: Sequence[EarlierItem]) -> list[Reading]:
    """Return the readings that report something which these earlier items do not."""
    before = [reading for item in same for reading in item.readings]
    keys = frozenset().union(*(item.keys for item in same))
    authors = frozenset().union(*(item.authors for item in same))
    details = frozenset().union(*map(_list_details, before))
    texts = " ".join(reading.post.text for reading in before)
    acts, turns = _list_acts(texts), list_turns(texts)
    news = []
    for reading in readings:
        least = OWN_NEWS if reading.post.author in authors else NEWS
        if _list_acts(reading.post.text) - acts:
            least = ACT_NEWS
        opening = reading.sentences[0].text if reading.sentences else ""
        is_turned = list_turns(opening) - turns or list_sums(opening) - list_sums(texts)
        if is_turned or _denies(opening, before):
            least = 0.0  # a correction has the same names as what it corrects
        own = _list_details(reading)
        if reading.key not in keys and len(own - details) / max(1, len(own)) >= least:
            news.append(reading)
    return news


def _denies(opening: str, before: Sequence[Reading]) -> bool:
    """Return True if a sentence denies an earlier item in nearly the same words; a "not" alone is
    weak evidence ("not only", 不用排队)."""
    opposites = [reading.plain for reading in before if is_opposite(opening, reading.plain)]
    if not (opening and opposites):
        return False
    first, *others = embed_words([opening, *opposites])
    return max(float(first @ other) for other in others) >= DENIED


def _list_twins(
    readings: Sequence[Reading], news: Sequence[Reading], same: Sequence[EarlierItem]
) -> list[Reading]:
    """Return the other readings that repeat the news rather than the earlier items. If they are in
    another language than the earlier items, all their words look new, so meaning decides."""
    others = [reading for reading in readings if reading not in news]
    if not others:
        return []
    before = [reading for item in same for reading in item.readings]
    vectors = embed_words([reading.plain for reading in (*others, *news, *before)])
    own, new, old = np.split(vectors, [len(others), len(others) + len(news)])
    nearest, earlier = (own @ new.T).max(axis=1), (own @ old.T).max(axis=1)
    is_twin = (nearest >= SAME) & (nearest > earlier - TWIN)
    return [reading for reading, twin in zip(others, is_twin, strict=True) if twin]


def _list_acts(text: str) -> set[str]:
    return {act for act in ACTS if count_words_of(text.replace("-", " "), "acts", act)}


def _list_details(reading: Reading) -> frozenset[str]:
    return reading.terms | list_figures(reading.plain)
