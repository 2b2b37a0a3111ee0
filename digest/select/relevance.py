"""Decide whether a post belongs to a topic. Only the topic's own words are used, so that any topic
works.

Two features: the similarity of the post to the topic's description, and the number of its keywords
in the post. Posts about stocks and coins are kept for the money sections, even off topic.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import Literal
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from digest.models import Dropped, Topic
from digest.reading import Reading
from digest.reading.assets import count_money_words, find_assets
from digest.reading.injection import find_injections
from digest.reading.vocabulary import count_words_of
from digest.select.embed import Vectors, embed

ON_TOPIC = 0.20
"""Fit below which a post is off topic; tuned on labelled posts (`make evaluate`)."""
FULL_DESCRIPTION, SCARCE = 20, 0.27
"""Descriptions of a topic (sentences, groups of keywords) from which the nearest few are reliable;
what is added to the fit of a topic with fewer, divided by their number (NEAREST at least), because
the nearest of many are closer to any text (docs/design/topic-fit.md)."""
USUAL_FIT, USUAL_SITE = 0.18, 0.15
"""Mean fit of an author's posts, and of a site's entries, that says nothing about the next one. A
site's is lower, because the operator chose its feed for the topic."""
SOURCE_WEIGHT, MAX_AUTHOR, MAX_SITE = 2.0, 0.04, 0.12
"""Weight of a source's mean fit above or below this, and maximum that an author and a site (a
publisher without a handle) add: an account posts about its dinner as well
(docs/design/topic-fit.md)."""
SURE_FIT = 0.44
"""Fit above which a post says no more about its source."""
USUAL_ENTRIES, USUAL_PLATFORM = 4, 10
"""Posts of USUAL_FIT that are added to those of an author or site, and of a platform."""
AT_HEART = 0.40
"""Fit from which a post about money is also news of the topic ("the lab raised $4B"), on AI days,
which have many posts about AI stocks."""
MIN_NAME = 5
"""Minimum letters of a keyword that is looked for in handles."""
NEAR_TOPIC, SURE_TOPIC = 0.10, 0.35
"""Fit from which news belongs to the topic, and fit below which other posts do not."""
NEWS, NO_NEWS = 0.1, -0.8
"""Margins of the `news` head above which a post is news here, and below which it is not. Of 428
must-haves of 43 days, heads trained without the day, 22 have no on-topic post with them (25 with
0.3), and 28 of 100 posts of no story are on topic."""
NEWS_WEIGHT, MIN_APPEAL = 0.62, -0.10
"""Weight of the `news` margin against the fit, close to a logistic regression of editors' choices;
minimum sum of a post that is shown to an editor. Of 460 must-haves of 46 days, heads trained
without the day, 16 are below it, with 99 stories a day; by `ON_TOPIC` and posts about money it
would be 30, with 91."""
AGREEMENT = 0.35
"""Correlation of fit and news value on a day from which the `news` head, trained on AI days, is
used for the topic: 0.5 to 0.7 on nine of ten AI days, -0.2 to 0.24 for topics about games, security
or markets."""
MIN_POSTS = 30
"""Minimum posts for this correlation."""
SHOWN, MIN_SHOWN = 60, 0.13
"""Posts that an editor has the time to see on a topic whose news the head does not know, and their
minimum fit: the nearest ones, even if the code considers some of them off topic."""
ADVERTISEMENT = 0.5
"""Margin of the `advertisement` head from which a post is dropped. On 43 held-out days that editors
read, nine of ten such posts are advertisements; one of a hundred posts worth reporting is lost."""
MIN_FITTING = 5
"""Maximum posts of a story per post that fits: of sixteen posts about a model, only one may mention
anything of the topic."""
START_CHARS = 100
"""Characters that nearly always contain enough words."""
HEADLINE = -0.4
"""Margin of the `news` head from which a short text is a headline rather than chatter."""
KEYWORD_WEIGHT = 0.12
MAX_LEARNED = 2
"""Maximum learned names that count as keywords in one post."""
LEARNED = ((3, 0.6), (4, 0.35))
"""Minimum number of fitting posts with a name, and their share of its posts, to learn it: most of a
few, or some of many, as for a lab whose outage or takeover reads like any company's."""
ROUNDS = 3
"""Learning rounds: a learned name makes more posts fit, from which further names are learned."""
MAX_KEYWORDS = 3
"""Maximum keywords that count: a list of hashtags is not more on topic than a sentence."""
NEAREST = 3
"""Nearest descriptions that are averaged, which is more stable than the best one."""
MARKET_SUBJECTS = 2
"""Words such as crypto, Binance or Nasdaq that make a post one about money."""
EXCHANGES = (".SH", ".SZ", ".HK")
"""Suffixes of stock codes."""
MIN_WORDS = 4
"""Words (or pairs of Han characters) below which a text is chatter unless it has a keyword."""


@dataclass(frozen=True, slots=True)
class Relevance:
    """`fit` of each post with the topic (about 0 to 1); `market`: the post is about money."""

    fit: npt.NDArray[np.float32]
    market: tuple[bool, ...]
    core: tuple[bool, ...]
    """True if the post is so close to the topic that its money news is the topic's news."""
    appeal: npt.NDArray[np.float32]
    """How likely an editor takes each post; from 0 on it should be shown to one."""
    knows_news: bool
    """True if the `news` head may be used for the topic (`speaks_for`)."""

    def money_story(self, members: Sequence[int]) -> bool:
        """Return True if a story was kept because it is about money, not because of the topic."""
        money = sum(self.market[i] for i in members)
        return 2 * money >= len(members) and not any(self.core[i] for i in members)


def judge_relevance(topic: Topic, readings: Sequence[Reading], vectors: Vectors) -> Relevance:
    """Measure how well each post fits the topic; `vectors` are those of the posts."""
    prototypes = embed(list_descriptions(topic))
    keywords = list_keywords(topic)
    near = np.sort(vectors @ prototypes.T, axis=1)[:, -NEAREST:].mean(axis=1)
    named = np.array([_count_keywords(keywords, reading) for reading in readings], np.float32)
    base = near + KEYWORD_WEIGHT * named
    if not topic.about and not topic.keywords:  # the operator's sources say what belongs to it
        base = np.maximum(base, ON_TOPIC)
    if is_short := len(prototypes) < FULL_DESCRIPTION:
        base += SCARCE / max(NEAREST, len(prototypes))
    fit = _add_learned(readings, base)
    news = np.array([r.scores.get("news", 0.0) for r in readings], np.float32)
    market = tuple(is_market(topic, reading) for reading in readings)
    if speaks_for(fit, news):
        weighed, appeal = weigh_news(fit, news)
        core = tuple((base >= AT_HEART).tolist())
        return Relevance(weighed, market, core, appeal, knows_news=True)
    if is_short:
        fit = _add_learned(readings, base + _rate_sources(readings, base))
    fit = _raise_named(topic, readings, fit)
    core = tuple((fit >= ON_TOPIC).tolist())
    least = np.clip(np.sort(fit)[-SHOWN:].min(initial=ON_TOPIC), MIN_SHOWN, ON_TOPIC)
    return Relevance(fit, market, core, fit - least, knows_news=False)


def speaks_for(fit: npt.NDArray[np.float32], news: npt.NDArray[np.float32]) -> bool:
    """Return True if fit and news value correlate on the day: the head knows this kind of news."""
    return (
        len(fit) >= MIN_POSTS
        and bool(fit.std() * news.std())
        and bool(np.corrcoef(fit, news)[0, 1] >= AGREEMENT)
    )


def weigh_news(
    fit: npt.NDArray[np.float32], news: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return fit and appeal if both features agree on the day: news close to the topic fits, other
    posts do not unless they are surely on topic; the appeal weighs both."""
    fits = np.where((fit >= NEAR_TOPIC) & (news > NEWS), np.maximum(fit, ON_TOPIC), fit)
    silent = (fit < SURE_TOPIC) & (news < NO_NEWS)
    weighed = np.where(silent, np.minimum(fits, NEAR_TOPIC), fits)
    return weighed, (fit + NEWS_WEIGHT * news - MIN_APPEAL).astype(np.float32)


def _rate_sources(
    readings: Sequence[Reading], fit: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return what the source of each post adds to its fit: more the better the posts of its author
    or site fit, less on a platform about everything. What a town's paper reports is news of the
    town, even if no word of the entry names it."""
    rated = np.minimum(fit, SURE_FIT)
    platforms, sources = defaultdict(list), defaultdict(list)
    for place, reading in enumerate(readings):
        post = reading.post
        platforms[post.source].append(place)
        sources[post.source, post.author, post.author or urlsplit(post.url).hostname].append(place)
    means = {
        name: (rated[places].sum() + USUAL_PLATFORM * USUAL_FIT) / (len(places) + USUAL_PLATFORM)
        for name, places in platforms.items()
    }
    added = np.zeros_like(fit)
    for (platform, author, _), places in sources.items():
        expected = USUAL_ENTRIES * means[platform]
        mean = (rated[places].sum() + expected) / (len(places) + USUAL_ENTRIES)
        usual, most = (USUAL_FIT, MAX_AUTHOR) if author else (USUAL_SITE, MAX_SITE)
        added[places] = min(most, SOURCE_WEIGHT * (mean - usual))
    return added


def _raise_named(
    topic: Topic, readings: Sequence[Reading], fit: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Raise the fit to ON_TOPIC for accounts named after the topic (@fennportbus)."""
    words = [word for word in list_keywords(topic) if len(word) >= MIN_NAME and " " not in word]
    named = [any(word in reading.post.author.lower() for word in words) for reading in readings]
    return np.where(named, np.maximum(fit, ON_TOPIC), fit).astype(np.float32)


def _add_learned(
    readings: Sequence[Reading], fit: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Add the learned names to the fit."""
    learned = np.minimum(_count_learned(readings, fit), MAX_LEARNED)
    return (fit + KEYWORD_WEIGHT * learned).astype(np.float32)


def _count_learned(
    readings: Sequence[Reading], fit: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return the number of learned names in each post: labs or models that no keyword list has yet,
    but that on-topic posts mention today. Coins are excluded: all kinds of posts have them."""
    names = [_list_names(reading) for reading in readings]
    used = Counter(name for each in names for name in each)
    counts = np.zeros(len(readings), np.float32)
    for _ in range(ROUNDS):
        fits = fit + KEYWORD_WEIGHT * np.minimum(counts, MAX_LEARNED) >= ON_TOPIC
        fitting = Counter(n for each, f in zip(names, fits, strict=True) if f for n in each)
        learned = {
            name
            for name, count in fitting.items()
            if any(count >= least and count >= share * used[name] for least, share in LEARNED)
        }
        counts = np.array([len(each & learned) for each in names], np.float32)
    return counts


def _list_names(reading: Reading) -> frozenset[str]:
    """Return the words of a post that may be names, without words about money."""
    coins = {part for n in reading.names if n.kind == "coin" for part in n.key.split()}
    words = {term for term in reading.terms if term.isalpha()} - coins
    return frozenset(word for word in words if not _is_market_word(word))


@lru_cache(maxsize=1 << 14)
def _is_market_word(word: str) -> bool:
    return count_words_of(word, "markets", "subjects") > 0


def list_descriptions(topic: Topic) -> list[str]:
    """Return the sentences of `about` and groups of keywords; single words embed poorly."""
    about = topic.about
    for mark in ".!?。！？；;":
        about = about.replace(mark, f"{mark}\n")
    sentences = [line.strip() for line in about.split("\n") if line.strip()]
    words = list(topic.keywords)
    bunches = [", ".join(words[at : at + 6]) for at in range(0, len(words), 6)]
    return sentences + bunches or [*topic.title.values(), topic.name]


def _count_keywords(keywords: Sequence[str], reading: Reading) -> int:
    """Return the number of different keywords in a post's text, longest first, without overlaps, at
    most MAX_KEYWORDS. Handles are not counted."""
    text = f" {reading.plain.lower().replace('-', ' ')} "
    count = 0
    for keyword in keywords:
        if keyword in text and (start := find_keyword(text, keyword)) >= 0:
            count += 1
            if count == MAX_KEYWORDS:
                break
            text = text.replace(text[start : start + len(keyword)], "\n")
    return count


def find_keyword(text: str, keyword: str) -> int:
    """Return the index of a lower-case keyword, or -1.

    Latin keywords must not touch ASCII letters or digits, but may touch Chinese or Japanese, which
    have no spaces ("用GPT写"); a plural counts.
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
    """Return the topic's keywords in lower case, with and without their blanks, longest first."""
    words = {word.strip().lower().replace("-", " ") for word in topic.keywords} - {""}
    return sorted(words | {word.replace(" ", "") for word in words}, key=lambda w: (-len(w), w))


def is_market(topic: Topic, reading: Reading) -> bool:
    """Return True if the post is about a stock, a coin, the markets or the economy."""
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


def find_drop(reading: Reading, fit: float) -> tuple[Literal["ads", "offtopic"], str] | None:
    """Return the step and reason to drop a post, or None if it says something."""
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
    """Return the indices of the readings that say something to people, and the others with their
    reasons. Prompt injections cost most to find: only what is left is searched."""
    inside, dropped = [], []
    for place, reading in enumerate(readings):
        fit = 1.0 if relevant.market[place] else float(relevant.fit[place])
        if drop := find_drop(reading, fit):
            dropped.append(Dropped(reading.key, *drop))
        else:
            inside.append(place)
    orders = find_injections([readings[place].post.text for place in inside])
    hostile = frozenset(compress(inside, orders))
    dropped += [Dropped(readings[place].key, "offtopic", "hostile") for place in hostile]
    return [place for place in inside if place not in hostile], dropped


def belongs(members: Sequence[int], relevant: Relevance) -> bool:
    """Return True if a story belongs to the digest. One fitting post in five is enough, because
    posts in another language may not fit; posts about money must be half of it."""
    fitting = sum(bool(relevant.fit[i] >= ON_TOPIC) for i in members)
    money = sum(relevant.market[i] for i in members)
    return 0 < len(members) <= max(MIN_FITTING * fitting, 2 * money)


def appeals(members: Sequence[int], relevant: Relevance) -> bool:
    """Return True if a story should be shown to an editor, who may find that it is on topic."""
    return any(relevant.appeal[i] >= 0 for i in members)
