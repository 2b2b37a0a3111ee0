"""Decide whether a post belongs to the topic, from the topic's own words, so that it serves any
topic.

Two views: how near the post's meaning is to the topic's description, and how many of its keywords
it names. Talk about stocks and coins is kept for the money sections even off topic.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from digest.models import Dropped, Topic
from digest.reading import Reading
from digest.reading.assets import count_money_words, find_assets
from digest.reading.injection import find_orders
from digest.reading.vocabulary import count_words_of
from digest.select.embed import Vectors, embed

ON_TOPIC = 0.20
"""Fit below which a post is off topic; chosen on labelled posts (CONTRIBUTING, design notes)."""
FULL_DESCRIPTION, SCARCE = 20, 0.003
"""Descriptions of a topic (sentences, bunches of keywords) from which the nearest few speak for it,
and what each that is missing adds to the fit: the nearest of many are nearer to any text. ON_TOPIC
are 13 of 100 posts of other subjects with 46 descriptions, and 0.6 with the two to four of a topic
of a sentence and eight keywords; with this 2 are, and of 153 posts of 20 such topics 33 are missed
instead of 44."""
OWN_SOURCES = 0.2
"""Share of the day's posts that fit from which the sources are the topic's own: where one of thirty
fits, posts that nearly do are chance."""
AT_HEART = 0.40
"""Fit from which talk about money is news of the topic too ("the lab raised $4B"), on days about
AI, where much is said of its stocks."""
DEDICATED, LEAST_ENTRIES = 2 / 3, 4
"""Share of a site's entries that fit from which the site is about the topic, and so is what else it
reports ("Christmas lights switch-on moved"); and how many entries tell."""
LEAST_NAME = 5
"""Letters of a keyword that stands in no handle by chance."""
NEAR_TOPIC, SURE_TOPIC = 0.10, 0.35
"""Fit from which news belongs to the topic, and fit below which what is no news does not."""
NEWS, NO_NEWS = 0.1, -0.8
"""Margins of the `news` head that count as news here, and as none. Of 428 must-haves of 43 days,
heads without the day, 22 have no post on the topic with them (25 with 0.3), and 28 of 100 posts
of no story are on it."""
NEWS_WEIGHT, LEAST_APPEAL = 0.62, -0.10
"""Weight of the head's margin beside the fit, near to a logistic regression of what editors took;
and the sum from which an editor is shown a post. Of 460 must-haves of 46 days, heads without the
day, 16 are below it, among 99 stories a day; of `ON_TOPIC` and talk about money 30, among 91."""
AGREEMENT = 0.35
"""Correlation of fit and news value on a day from which the head, which learned from days about AI,
may speak for the topic: 0.5 to 0.7 on nine of ten such days, -0.2 to 0.24 for topics about games,
security or markets."""
LEAST_POSTS = 30
"""Posts from which the correlation says something."""
ADVERTISEMENT = 0.5
"""Margin of the head from which a post is left out: of 43 days that editors read, days left out,
nine of ten of these are advertisements, and one of a hundred posts worth telling is lost."""
LEAST_FITTING = 5
"""Posts of a story to one that fits: of sixteen about a model one may name a hole or a stock."""
START_CHARS = 100
"""Characters that nearly always hold words enough."""
HEADLINE = -0.4
"""Margin of the `news` head from which few words are a headline, no chatter."""
KEYWORD_WEIGHT = 0.12
MOST_LEARNED = 2
"""Names of the day that count as keywords in one post."""
LEARNED = ((3, 0.6), (4, 0.35))
"""How many posts with a name must fit, and which share of its posts: most of a few, or some of
many. "Some" is enough for the lab whose outage and whose takeover sound like any company's."""
ROUNDS = 3
"""A name that was learned makes further posts fit, and these may settle further names."""
MOST_KEYWORDS = 3
"""Further keywords say nothing more: lists of hashtags are not more on topic than a sentence."""
NEAREST = 3
"""Descriptions a post is compared with; the mean of the nearest few is steadier than the best."""
MARKET_SUBJECTS = 2
"""Words like crypto, Binance or Nasdaq that make a post talk about money whatever it tells."""
EXCHANGES = (".SH", ".SZ", ".HK")
"""Ends of stock codes."""
MIN_WORDS = 4
"""Words (or pairs of Han characters) below which a text is chatter unless it names a keyword."""


@dataclass(frozen=True, slots=True)
class Relevance:
    """`fit`: how well each post suits the topic (about 0 to 1). `market`: it talks about money."""

    fit: npt.NDArray[np.float32]
    market: tuple[bool, ...]
    heart: tuple[bool, ...]
    """True where the post is so near the topic that its talk of money is the topic's news."""
    appeal: npt.NDArray[np.float32]
    """How likely an editor takes each post; from 0 on one should see it."""
    knows_news: bool
    """Whether the head that learned what is news may speak for the topic (`speaks_for`)."""

    def money_story(self, members: Sequence[int]) -> bool:
        """Return whether a story is here for its talk about money, not for the topic."""
        money = sum(self.market[i] for i in members)
        return 2 * money >= len(members) and not any(self.heart[i] for i in members)


def judge_relevance(topic: Topic, readings: Sequence[Reading], vectors: Vectors) -> Relevance:
    """Return how well each post suits the topic; `vectors` are the posts' own."""
    prototypes = embed(list_descriptions(topic))
    keywords = list_keywords(topic)
    near = np.sort(vectors @ prototypes.T, axis=1)[:, -NEAREST:].mean(axis=1)
    named = np.array([_count_keywords(keywords, reading) for reading in readings], np.float32)
    said = near + KEYWORD_WEIGHT * np.minimum(named, MOST_KEYWORDS)
    if np.count_nonzero(said >= ON_TOPIC) >= OWN_SOURCES * len(said):
        said += SCARCE * max(0, FULL_DESCRIPTION - len(prototypes))
    fit = said + KEYWORD_WEIGHT * np.minimum(_count_learned(readings, said), MOST_LEARNED)
    fit = fit.astype(np.float32)
    news = np.array([r.scores.get("news", 0.0) for r in readings], np.float32)
    market = tuple(is_market(topic, reading) for reading in readings)
    if speaks_for(fit, news):
        weighed, appeal = weigh_news(fit, news)
        heart = tuple((said >= AT_HEART).tolist())
        return Relevance(weighed, market, heart, appeal, knows_news=True)
    fit = _raise_dedicated(topic, readings, fit)
    heart = tuple((fit >= ON_TOPIC).tolist())
    # Of few posts an editor has the time to see those that may be on the topic.
    least = NEAR_TOPIC if len(fit) < LEAST_POSTS else ON_TOPIC
    return Relevance(fit, market, heart, fit - least, knows_news=False)


def speaks_for(fit: npt.NDArray[np.float32], news: npt.NDArray[np.float32]) -> bool:
    """Return whether fit and news value agree on the day: the head knows this kind of news."""
    return (
        len(fit) >= LEAST_POSTS
        and bool(fit.std() * news.std())
        and bool(np.corrcoef(fit, news)[0, 1] >= AGREEMENT)
    )


def weigh_news(
    fit: npt.NDArray[np.float32], news: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return fit and appeal where the two views agree on the day: news that is near to the topic
    fits and what is no news does not unless it is surely of the topic; an editor weighs both."""
    fits = np.where((fit >= NEAR_TOPIC) & (news > NEWS), np.maximum(fit, ON_TOPIC), fit)
    silent = (fit < SURE_TOPIC) & (news < NO_NEWS)
    weighed = np.where(silent, np.minimum(fits, NEAR_TOPIC), fits)
    return weighed, (fit + NEWS_WEIGHT * news - LEAST_APPEAL).astype(np.float32)


def _raise_dedicated(
    topic: Topic, readings: Sequence[Reading], fit: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return the fit of posts, ON_TOPIC at least for those of a publisher, who has no handle, whose
    site is about the topic, and of accounts that are named after it (@fennportbus): what a town's
    buses do is news of the town, though no word of the post says which."""
    words = [word for word in list_keywords(topic) if len(word) >= LEAST_NAME and " " not in word]
    entries: defaultdict[str | None, list[int]] = defaultdict(list)
    for place, reading in enumerate(readings):
        if not reading.post.author:
            entries[urlsplit(reading.post.url).hostname].append(place)
    raised = fit.copy()
    for place, reading in enumerate(readings):
        if any(word in reading.post.author.lower() for word in words):
            raised[place] = max(fit[place], ON_TOPIC)
    for host, places in entries.items():
        if host and len(places) >= LEAST_ENTRIES and (fit[places] >= ON_TOPIC).mean() >= DEDICATED:
            raised[places] = np.maximum(fit[places], ON_TOPIC)
    return raised


def _count_learned(
    readings: Sequence[Reading], fit: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return how many names in each post are the topic's today: a lab or a model that no keyword
    list knows yet, but that posts of the topic speak of. A coin stands in posts of every kind."""
    names = [_list_names(reading) for reading in readings]
    used = Counter(name for each in names for name in each)
    counts = np.zeros(len(readings), np.float32)
    for _ in range(ROUNDS):
        fits = fit + KEYWORD_WEIGHT * np.minimum(counts, MOST_LEARNED) >= ON_TOPIC
        fitting = Counter(n for each, f in zip(names, fits, strict=True) if f for n in each)
        learned = {
            name
            for name, count in fitting.items()
            if any(count >= least and count >= share * used[name] for least, share in LEARNED)
        }
        counts = np.array([len(each & learned) for each in names], np.float32)
    return counts


def _list_names(reading: Reading) -> frozenset[str]:
    """Return the words in a post that may be names, without those of money talk."""
    coins = {part for n in reading.names if n.kind == "coin" for part in n.key.split()}
    words = {term for term in reading.terms if term.isalpha()} - coins
    return frozenset(word for word in words if not _is_market_word(word))


@lru_cache(maxsize=1 << 14)
def _is_market_word(word: str) -> bool:
    return count_words_of(word, "markets", "subjects") > 0


def list_descriptions(topic: Topic) -> list[str]:
    """Return the sentences of `about`, and some keywords at a time: single words embed poorly."""
    about = topic.about
    for mark in ".!?。！？；;":
        about = about.replace(mark, f"{mark}\n")
    sentences = [line.strip() for line in about.split("\n") if line.strip()]
    words = list(topic.keywords)
    bunches = [", ".join(words[at : at + 6]) for at in range(0, len(words), 6)]
    return sentences + bunches or [*topic.title.values(), topic.name]


def _count_keywords(keywords: Sequence[str], reading: Reading) -> int:
    """Return the different keywords in a post's text, the longest first, each place once.

    Handles are not what it says.
    """
    text = f" {reading.plain.lower().replace('-', ' ')} "
    count = 0
    for keyword in keywords:
        if keyword in text and (start := find_keyword(text, keyword)) >= 0:
            count += 1
            text = text.replace(text[start : start + len(keyword)], "\n")
    return count


def find_keyword(text: str, keyword: str) -> int:
    """Return the place of a keyword in small letters, -1 without it.

    Latin ones are bounded by letters and digits of their own script only, since Chinese and
    Japanese write them without spaces ("用GPT写"); a plural counts.
    """
    start = text.find(keyword)
    while start >= 0:
        end = start + len(keyword)
        before, after = text[start - 1], text[end : end + 2].removeprefix("s")
        opens = not (keyword[0].isascii() and before.isascii() and before.isalnum())
        closes = not (keyword[-1].isascii() and after[:1].isascii() and after[:1].isalpha())
        if opens and closes:
            return start
        start = text.find(keyword, start + 1)
    return -1


def list_keywords(topic: Topic) -> list[str]:
    """Return the topic's keywords in small letters, with and without their gaps, longest first."""
    words = {word.strip().lower().replace("-", " ") for word in topic.keywords} - {""}
    return sorted(words | {word.replace(" ", "") for word in words}, key=lambda w: (-len(w), w))


def is_market(topic: Topic, reading: Reading) -> bool:
    """Return whether the post speaks of a stock, a coin, the markets or the economy as money."""
    text = reading.text
    subjects = count_words_of(text, "markets", "subjects")
    if subjects >= MARKET_SUBJECTS or any(name.kind == "coin" for name in reading.names):
        return True
    named = (
        subjects > 0
        or (any(mark in text for mark in ("$", *EXCHANGES)) and bool(find_assets(text)))
        or any(name and name in text for name in topic.watch)
    )
    return named and count_money_words(text) > 0


def count_short_words(text: str) -> int:
    """Count the words of a text: Latin ones of two letters or more, and pairs of Han characters."""
    letters = "".join([c if c.isalpha() else " " for c in text])
    wide = 0 if letters.isascii() else sum(c > "\u2e7f" for c in letters)
    latin = "".join([c if c <= "\u2e7f" else " " for c in letters]) if wide else letters
    return sum([len(word) > 1 for word in latin.split()]) + wide // 2


def find_drop(
    reading: Reading, fit: float, *, gives_orders: bool
) -> tuple[Literal["ads", "offtopic"], str] | None:
    """Return the step and the reason for leaving a post out, None where it says something."""
    if gives_orders:
        return "offtopic", "hostile"
    if reading.scores.get("advertisement", 0.0) > ADVERTISEMENT:
        return "ads", "promo"
    if not reading.plain:
        return "offtopic", "link_only" if reading.has_link else "unreadable"
    least = MIN_WORDS if fit >= ON_TOPIC else 2 * MIN_WORDS
    words = count_short_words(reading.plain[:START_CHARS])
    words = words if words >= least else count_short_words(reading.plain)
    if words >= least or reading.scores.get("news", 0.0) >= HEADLINE:
        return None
    return "offtopic", "chatter" if words < MIN_WORDS else "off_topic"


def drop_silent(
    readings: Sequence[Reading], relevant: Relevance
) -> tuple[list[int], list[Dropped]]:
    """Return the places of the readings that say something, and the others with their reasons."""
    inside, dropped = [], []
    orders = find_orders([reading.post.text for reading in readings])
    for place, reading in enumerate(readings):
        fit = 1.0 if relevant.market[place] else float(relevant.fit[place])
        drop = find_drop(reading, fit, gives_orders=orders[place])
        if drop:
            dropped.append(Dropped(reading.key, *drop))
        else:
            inside.append(place)
    return inside, dropped


def belongs(members: Sequence[int], relevant: Relevance) -> bool:
    """Return whether a story belongs to the digest: one post in five is enough where it fits, as
    another language's may not; talk about money must be half of it."""
    fitting = sum(bool(relevant.fit[i] >= ON_TOPIC) for i in members)
    money = sum(relevant.market[i] for i in members)
    return 0 < len(members) <= max(LEAST_FITTING * fitting, 2 * money)


def appeals(members: Sequence[int], relevant: Relevance) -> bool:
    """Return whether an editor should see a story, who may find that it belongs to the topic."""
    return any(relevant.appeal[i] >= 0 for i in members)
