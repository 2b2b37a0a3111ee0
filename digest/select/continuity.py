"""Find what is new since the last days: a story that was told and has no news is left out, one
with news is marked as an update of the day that told it. Pure: stories and earlier items in,
stories out."""

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
"""Cosine of meaning from which two texts that share names tell of one event."""
SAME_VERSION = 0.55
"""The same where one of the names is a version ("3.1"): it tells which release is meant."""
SHARED = 0.33
"""Share of the names of the text with fewer that the other has too; chosen on labelled pairs."""
SURE = 0.65
"""Cosine from which one name in common is enough; below it two are needed, or a version."""
EQUAL = 0.85
"""Cosine from which no name in common is needed."""
TWIN = 0.05
"""How much nearer a post may be to what was told before than to the news that it says as well."""
NEWS = 0.5
"""Share of a post's names and numbers that were not told, from which on it brings news."""
OWN_NEWS = 0.72
"""The same for an author who told it before: a pitch is put in other words every day."""
ACT_NEWS = 0.2
"""The same where somebody did what nobody had done before: released, bought, raised, sued, won."""

MENTIONED = 4
"""Names and figures of an earlier item from which a post that tells of another one tells of this as
well: a morning round-up is no news."""

ACTS = ("release", "open", "acquire", "raise", "sue", "people", "win")
"""Tables of `vocabulary/acts.toml`; "Introducing" and "is here" are one act: a launch."""


@dataclass(frozen=True, slots=True)
class EarlierItem:
    """One item of an earlier report: the day, and the posts it cites."""

    day: date
    readings: tuple[Reading, ...]

    @property
    def keys(self) -> frozenset[str]:
        """Return the keys of the posts."""
        return frozenset(reading.key for reading in self.readings)

    @property
    def authors(self) -> frozenset[str]:
        """Return who wrote the posts."""
        return frozenset(reading.post.author for reading in self.readings) - {""}


def list_earlier_items(reports: Sequence[Report]) -> tuple[EarlierItem, ...]:
    """Return the items of these reports, each once; one that cites nothing is not compared."""
    items = []
    for report in reports:
        for item in (item for section in report.sections for item in section.items):
            posts = [restore_post(report, key) for key in item.cites if key in report.posts]
            if posts:
                items.append(EarlierItem(report.last, tuple(read(posts))))
    return tuple(dict.fromkeys(items))


def restore_post(report: Report, key: str) -> Post:
    """Return the post that a report cites, of noon of its last day where no time is known."""
    cited, (source, _, id) = report.posts[key], key.partition(":")
    created_at = cited.created_at or datetime.combine(report.last, time(12), tzinfo=UTC)
    return Post(id, source, cited.author, cited.author, cited.text, created_at, cited.url)


def drop_repeats(
    topic: Topic, stories: Sequence[Story], earlier: Sequence[EarlierItem]
) -> tuple[list[Story], list[Dropped]]:
    """Return stories that bring something new, updates with the day that told of them before and
    without the posts that only repeat it; and these and the posts of the other stories."""
    fresh, dropped = [], []
    for story, same in zip(stories, find_told(topic, stories, earlier), strict=True):
        if not same:
            fresh.append(story)
            continue
        news = _list_news(story.readings, same)
        if any(reading in news for reading in story.readings[:LEADS]):
            news += _list_twins(story.readings, news, same)
            kept = tuple(reading for reading in story.readings if reading in news)
            fresh.append(replace(story, readings=kept, earlier=max(item.day for item in same)))
        else:
            news = []
        old = (reading.key for reading in story.readings if reading not in news)
        dropped += [Dropped(key, "duplicates", "told") for key in old]
    return fresh, dropped


def find_told(
    topic: Topic, stories: Sequence[Story], earlier: Sequence[EarlierItem]
) -> list[list[EarlierItem]]:
    """Return for each story the earlier items that tell of its event."""
    if not stories or not earlier:
        return [[] for _ in stories]
    # The topic's own words stand in every second text: sharing one proves nothing.
    common = frozenset(w.lower() for keyword in topic.keywords for w in (keyword, f"{keyword}s"))
    before = [(n, reading) for n, item in enumerate(earlier) for reading in item.readings]
    terms = [reading.terms - common for _, reading in before]
    encoded = embed_words([reading.plain for _, reading in before])
    leads = [story.readings[:LEADS] for story in stories]
    vectors = iter(encode_readings([reading for readings in leads for reading in readings]))
    told = []
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
        told.append([earlier[n] for n in sorted(same)])
    return told


def tells_one_event(near: float, left: frozenset[str], right: frozenset[str]) -> bool:
    """Return whether two texts with these terms and this cosine of meaning tell of one event."""
    shared = left & right
    enough = len(shared) >= SHARED * max(1, min(len(left), len(right)))
    versioned = any(term[0].isdigit() and "." in term for term in shared)
    least = SAME if len(shared) >= 2 else SURE if shared else EQUAL
    return near >= EQUAL or (enough and near >= (SAME_VERSION if versioned else least))


def _list_news(readings: Sequence[Reading], same: Sequence[EarlierItem]) -> list[Reading]:
    """Return the readings that tell what these earlier items did not."""
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
            least = 0.0  # what corrects has the names of what it corrects
        own = _list_details(reading)
        if reading.key not in keys and len(own - details) / max(1, len(own)) >= least:
            news.append(reading)
    return news


def _denies(opening: str, before: Sequence[Reading]) -> bool:
    """Return True where a sentence is the opposite of an earlier item in nearly the same words: a
    "not" alone says little ("not only", 不用排队)."""
    opposites = [reading.plain for reading in before if is_opposite(opening, reading.plain)]
    if not (opening and opposites):
        return False
    first, *others = embed_words([opening, *opposites])
    return max(float(first @ other) for other in others) >= DENIED


def _list_twins(
    readings: Sequence[Reading], news: Sequence[Reading], same: Sequence[EarlierItem]
) -> list[Reading]:
    """Return the other readings that say what the news says, rather than what was told before: in
    another language than the earlier items' the words of the one look new, of the other not."""
    others = [reading for reading in readings if reading not in news]
    if not others:
        return []
    before = [reading for item in same for reading in item.readings]
    vectors = embed_words([reading.plain for reading in (*others, *news, *before)])
    own, new, old = np.split(vectors, [len(others), len(others) + len(news)])
    nearest, told = (own @ new.T).max(axis=1), (own @ old.T).max(axis=1)
    is_twin = (nearest >= SAME) & (nearest > told - TWIN)
    return [reading for reading, twin in zip(others, is_twin, strict=True) if twin]


def _list_acts(text: str) -> set[str]:
    return {act for act in ACTS if count_words_of(text.replace("-", " "), "acts", act)}


def _list_details(reading: Reading) -> frozenset[str]:
    return reading.terms | list_figures(reading.plain)
