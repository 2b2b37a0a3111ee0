"""What is left to quote: the stories, their sentences, and what the report has printed already."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice

from digest.models import Item, Language, Post
from digest.reading import Reading, Sentence, Story
from digest.reading.contrast import is_opposite
from digest.reading.days import tells_past
from digest.reading.index_terms import list_terms
from digest.reading.injection import talks_to_programs
from digest.reading.names import find_names
from digest.reading.vocabulary import begins_with, count_words_of, load_words
from digest.select.embed import Vectors
from digest.select.rank import measure_news
from digest.select.split import DENIED, list_figures, list_versions
from digest.text import language, plain
from digest.write import Material
from digest.write.extractive.pronouns import list_words, says_i, says_we
from digest.write.extractive.quotes import (
    HEADLINE_SOURCES,
    SUBJECTS,
    Quote,
    choose_readings,
    collect_quotes,
    is_all_names,
)
from digest.write.verify import verify

MAX_CITES = 5
FEW_STORIES, MANY_STORIES = 20, 60
"""With fewer stories than the first nothing that was selected is left out; from the second on there
is enough to choose from. Between them a report must not get shorter as its day gets longer."""
MOST_EASED = 5.0
"""Log odds by which `is_weak` asks for less on the shortest day that it judges."""
SEEN_NEWS, FEW_NEWS, MUCH_NEWS = 0.65, 5, 12
"""News value of a story that the head surely takes for news, how many of these a day of its own
field has at least, and from how many on there is much to choose from: days about AI have 14 and
more, those of other topics none or one."""
ON_TOPIC, SURE_NEWS = 0.30, 0.82
"""Topic fit below which a story is only background, unless its news value is that high: "Anthropic
raises $13B" names no word of the topic. Of ten such items below it that editors read on sixteen
days two were fit to print."""
SAME_WORDS, SAME_EVENT, SAME_THING, SAME_FIGURE = 0.60, 0.55, 0.38, 0.30
"""Cosines from which two sentences tell of one event: whatever they name, where they share a name,
where they share two, or a product's, and where their posts share a figure as well. On twelve days
that an editor read, 13 of 17 pairs of leading sentences that the first three join were one event;
0.58 for any name found 4."""
SUPPORTS, SAME_UNNAMED = 0.55, 0.70
"""Cosines from which a sentence or post that proves a quote says the same: where they share a name
and two terms, and where they share no name; between them SAME_WORDS."""
MAX_NAME = 40
"""Characters of a speaker's name; a longer one is a slogan, and the handle stands for it."""
BACKGROUND = frozenset(["coin", "place", "title"])
"""Kinds of names that make no company a part of the topic."""
ANONYMOUS_SOURCES = frozenset(["hn", "v2ex", "reddit", "rss"])
"""Sources whose authors stay behind a nickname or a publication: they do not speak as persons."""
MAX_OPINION = 0.1
"""Margin of `view` above which a sentence is a view rather than news."""
MOST_ADVERTISEMENT = 0.2
"""Margin of the head of a post that may tell a story: four of five above it sell."""
LEAST_FITNESS, LEAST_HEADLINE = -0.3, -0.2
"""Margin of `stands_alone` of a sentence that tells a story; and of a headline, which has nothing
around it."""
LEAST_NEWSROOM = -0.9
"""The same of a headline from a feed, which its editors wrote to stand alone: the head learned from
people's posts, and knows the names of one field."""
LEAST_VALUE = 0.4
"""Value (`rate_quote`) of a sentence that tells a story; one without is passed over."""
WEIGHTS = {
    "news": 1.45,
    "advertisement": -0.8,
    "like_post": 0.4,
    "first": 0.35,
    "headline": 0.15,
    "newsroom": 0.15,
    "per_post": -0.03,
}
"""What counts besides fitness when a sentence is chosen to tell a story: mostly what its own
post is worth. Tuned on the days read by an editor (`make evaluate`), heads without the day."""
PRINT_WEIGHTS = {
    "one": -3.1,
    "fitness": 1.95,
    "opinion": -0.7,
    "news": 0.55,
    "first": 0.4,
    "named": 0.55,
    "newsroom": 1.0,
    "announced": 1.3,
    "chinese": 0.8,
    "mentions": -0.4,
    "personal": -0.85,
    "weak": -1.6,
}
"""What tells whether an editor would print a sentence as it stands: a logistic regression on the
leading sentences of 30 days that an editor read, heads and weights without the day. "announced": it
says "we"; "personal": its post says "I" (docs/design/printed-sentences.md)."""
MAX_MENTIONS = 3
"""Names in a post after which more count no more."""
WEAK_WORDS = ("elapsed", "rumours", "lessons")
"""Tables of `vocabulary/sentences.toml`: of 51 such sentences an editor would print none."""
POINT_WEIGHTS = {
    "news": 1.225,
    "engagement": 0.55,
    "substance": -0.25,
    "voices": 0.40,
    "author": 0.15,
    "fit": 0.05,
    "print": 0.1,
    "subjects": 0.08,
}
"""What makes a story a point: the parts of its rank, how well its sentence stands alone and the
subjects that it names, at most MAX_SUBJECTS. Near to a fit on the stories of 43 days that were
read, heads and weights without the day (docs/design/points.md)."""
MAX_TITLE = {"zh": 60, "en": 110}
"""Characters of a title; a longer sentence is text without a title."""
OPENING_CHARS = 30
"""Characters before the first comma that are an opening: "Under the hood, ..."."""
MAX_SUBJECTS = 2
MAX_RATED = 70
"""Stories that are looked at, the best by their rank."""
USUAL_NEWS, USUAL_ADVERTISEMENT = 0.43, -0.3
"""Neutral news value and neutral advertisement margin: they change nothing in a post's rating."""

ENDS = "。.！!；;"
"""Signs that a title does not end with."""
_STOPS = frozenset(".。！？!?；;…")
_WIDE_STOPS = frozenset("。！？；")
HAN = ("zh", "ja")
_CLOSING = "”\"'’」』)）"


class Draft:
    """The stories of a day and which of their sentences and events are printed."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.language: Language = material.topic.language
        self.quotes = material.quotes or collect_quotes(material.stories, self.language)
        news = sum(story.parts.get("news", 0.0) >= SEEN_NEWS for story in material.stories)
        self.is_strange = not material.knows_news and news < FEW_NEWS
        """True where the heads, which learned on days about AI, do not know what is news."""
        spare = (len(material.stories) - FEW_STORIES) / (MANY_STORIES - FEW_STORIES)
        self.choice = 0.0 if self.is_strange else min(1.0, max(0.0, spare))
        """Share of the usual bars that holds: 1 on a day with much to choose from."""
        self.has_much = news >= MUCH_NEWS
        self.events: set[int] = set()
        """Events with an item of their own; the next section passes them over."""
        self.printed: list[Quote] = []
        self._leads: dict[str, list[tuple[float, Quote]]] = {}
        """By the best post of a story: every section looks at the same ones."""
        spoken = Counter(r.language for story in self.stories() for r in story.readings)
        usual = {code for code, count in spoken.items() if 2 * count > spoken.total()}
        self._readable = {self.language, "zh", "en", *usual}
        """Languages of the report: its own, English and Chinese, and that of most posts."""

    @property
    def takes_all(self) -> bool:
        """Return whether what was selected and tells something is told: little is left to choose
        from, or the field is strange."""
        return not self.choice

    def stories(self) -> Iterator[Story]:
        """Yield the stories that belong to the topic, best first."""
        for story in self.material.stories:
            if not story.market and is_topical(story, ON_TOPIC * self.choice):
                yield story

    @cached_property
    def topic_names(self) -> frozenset[str]:
        """Return the keys of what the topic watches, and of companies and things in its stories."""
        topic = self.material.topic
        keys = {
            name.key for word in (*topic.keywords, *topic.watch) for _, name in find_names(word)
        }
        for story in self.stories():
            for reading in story.readings:
                keys.update(name.key for name in reading.names if name.kind not in BACKGROUND)
        return frozenset(keys)

    def list_quotes(self, story: Story) -> list[Quote]:
        """Return all quotes of a story that its readers can read, post by post."""
        readings = choose_readings(story, self.language)
        quotes = (quote for reading in readings for quote in self.quotes.get(reading.key, ()))
        return [quote for quote in quotes if quote.sentence.language in self._readable]

    def choose_lead(self, story: Story, least: float = LEAST_VALUE) -> Quote | None:
        """Return the unprinted sentence that tells the news of a story best, of at least that
        value.

        One in the report's language goes before all others, a bare name behind them.
        """
        best = story.readings[0].key
        if best not in self._leads:
            self._leads[best] = self._list_leads(story)
        leads = (quote for value, quote in self._leads[best] if value >= least)
        return next((quote for quote in leads if not self.is_printed(quote)), None)

    def _list_leads(self, story: Story) -> list[tuple[float, Quote]]:
        """Return the sentences that tell the news of a story with their values, best first."""
        leads = [
            (rate_quote(quote, place), quote)
            for place, reading in enumerate(choose_readings(story, self.language))
            for quote in self.quotes.get(reading.key, ())
            if reading.language in self._readable and tells_news(quote)
        ]

        def order(lead: tuple[float, Quote]) -> tuple[bool, bool, float]:
            value, sentence = lead[0], lead[1].sentence
            return is_all_names(sentence), sentence.language != self.language, -value

        return sorted(leads, key=order)

    def rate_stories(self, least: float = LEAST_VALUE) -> list[tuple[float, Story, Quote]]:
        """Return the stories that an unprinted sentence of at least that value tells, with their
        worth and the sentence, best first."""
        least = -math.inf if self.takes_all else least
        leads = ((story, self.choose_lead(story, least)) for story in self.stories())
        told = ((rate_story(story, lead), story, lead) for story, lead in leads if lead)
        return sorted(islice(told, MAX_RATED), key=lambda entry: -entry[0])

    def is_weak(self, quote: Quote, least: float) -> bool:
        """Return True for a sentence below `least` log odds of being printed, on a day with more to
        tell than is told."""
        eased = least - MOST_EASED * (1.0 - self.choice)
        return not self.takes_all and rate_print(quote) < eased

    def is_printed(self, quote: Quote, nearer: float = 0.0) -> bool:
        """Return whether the report says this already; with `nearer`, or something close to it."""
        return any(tells_same(quote, other, nearer) for other in self.printed)

    def is_quoted(self, quote: Quote) -> bool:
        """Return whether the report has this very sentence: what a price did is news beside the
        event."""
        return any(other.text == quote.text for other in self.printed)

    def add(self, story: Story, *quotes: Quote) -> None:
        """Note that the story is told by these quotes."""
        self.events.add(story.event)
        self.printed.extend(quotes)

    def cite(self, story: Story, quotes: Sequence[Quote]) -> tuple[str, ...]:
        """Return the posts that are quoted, then posts of other authors that say the same."""
        keys = dict.fromkeys(quote.post.key for quote in quotes)
        authors = {quote.post.author for quote in quotes}
        for reading in story.readings:
            if len(keys) == MAX_CITES:
                break
            if reading.post.author not in authors and self._supports(reading, quotes[0]):
                keys[reading.key] = None
                authors.add(reading.post.author)
        return tuple(keys)

    def _supports(self, reading: Reading, quote: Quote) -> bool:
        """Return whether a post proves a quote, is near to it in meaning and denies nothing of it:
        a second link is worth less than a wrong one costs."""
        vectors: list[tuple[str, Vectors]] = [
            (other.text, other.vector) for other in self.quotes.get(reading.key, ())
        ]
        if reading.vector is not None:
            vectors.append((reading.plain, reading.vector))
        near = ((float(vector @ quote.vector), text) for text, vector in vectors)
        nearest, text = max(near, default=(0.0, ""))
        if nearest < SUPPORTS:
            return False
        terms = reading.terms & list_terms(quote.text, quote.sentence.names)
        least = SUPPORTS if len(terms) > 1 else SAME_WORDS
        if not reading.name_keys & quote.sentence.name_keys:
            least = SAME_UNNAMED
        return (
            nearest >= least
            and not is_opposite(quote.text, text)
            and verify(Item(quote.text, cites=(reading.key,)), [reading.post]).ok
        )


def is_topical(story: Story, least: float = ON_TOPIC) -> bool:
    """Return whether a story is one of the topic, not only near to it: of at least that fit."""
    return story.parts.get("fit", 1.0) >= least or story.parts.get("news", 0.0) >= SURE_NEWS


def tells_same(quote: Quote, other: Quote, nearer: float = 0.0) -> bool:
    """Return whether two quotes tell of one event; those of two versions of a thing do not, nor a
    statement and its denial.

    `nearer` is added to their cosine.
    """
    cosine = float(quote.vector @ other.vector) + nearer
    if cosine < SAME_FIGURE:
        return False  # by none of the bars
    if cosine >= DENIED and is_opposite(quote.text, other.text):
        return False
    shared = [name for name in quote.sentence.names if name.key in other.sentence.name_keys]
    versions = list_versions(quote.sentence.name_keys)
    others = list_versions(other.sentence.name_keys)
    is_one_version = any(a <= b or b <= a for a in versions for b in others)
    if versions and others and not is_one_version:
        return cosine >= SAME_WORDS and quote.post.key == other.post.key
    if is_one_version or len(shared) > 1 or any(name.kind == "product" for name in shared):
        figures = list_figures(quote.sentence.reading) & list_figures(other.sentence.reading)
        return cosine >= (SAME_FIGURE if figures else SAME_THING)
    return cosine >= (SAME_EVENT if shared else SAME_WORDS)


def tells_news(quote: Quote) -> bool:
    """Return whether a sentence tells what happened, not what its author thinks or did."""
    is_reply = quote.post.text.startswith("@")
    # "Our third robot" in a headline has nobody who speaks.
    is_voiceless = quote.post.source in ANONYMOUS_SOURCES and says_we(quote.text)
    sells = quote.sentence.reading.scores.get("advertisement", 0.0) > MOST_ADVERTISEMENT
    is_headline = quote.post.source in HEADLINE_SOURCES and quote.sentence.place == 0
    least = LEAST_HEADLINE if is_headline else LEAST_FITNESS
    least = LEAST_NEWSROOM if is_headline and quote.post.source == "rss" else least
    return (
        quote.opinion <= MAX_OPINION
        and quote.fitness >= least
        and quote.is_anchored
        and not is_reply
        and not is_voiceless
        and not sells
        and not says_i(quote.text)
        and not praises(quote.text)
        and not begins_badly(quote.sentence)
        and not tells_past(quote.text, quote.post.created_at.date())
    )


def begins_badly(sentence: Sentence) -> bool:
    """Return whether a sentence begins with a word for what was named before it ("It also ..."),
    without who did it ("Wrote a kernel ..."), with surprise, with joy that announces nothing, or
    invites its reader ("Learn how ..."): of 62 labelled ones that the head finds fit, one could be
    printed. A word that begins a name ("Check Point buys ...") is none of these."""
    if begins_with(sentence.text, "sentences", "feelings"):
        is_news = " to share " in sentence.text
        return not is_news and not count_words_of(sentence.text, "acts", "release", "open")
    bad = ("backward", "deeds", "surprises", "invitations")
    is_bad = begins_with(sentence.text, "sentences", *bad) or _leans_behind_comma(sentence)
    return is_bad and not _begins_with_name(sentence)


def _leans_behind_comma(sentence: Sentence) -> bool:
    """Return whether a word for what was named before stands behind a short opening without a
    name: "Under the hood, it now powers ..."."""
    opening, _, rest = sentence.text.partition(", ")
    leans = begins_with(rest, "sentences", "backward")
    is_short = len(opening) <= OPENING_CHARS
    return leans and is_short and not any(name.text in opening for name in sentence.names)


def _begins_with_name(sentence: Sentence) -> bool:
    """Return whether a sentence begins with a name, its first word being none by itself: "IT
    spending", "He Xiaopeng". Behind an invitation a name is what it is about."""
    first, _, rest = sentence.text.partition(" ")
    surprises = load_words("sentences", "surprises")
    names = (name.text for name in sentence.names if name.text.lower() not in surprises)
    if any(map(sentence.text.startswith, names)):
        return True
    if first.lower() not in load_words("sentences", "backward"):
        return False
    is_short = len(first) > 1 and first.isupper() and rest[:1].islower()
    return is_short or any(not n.kind and rest.startswith(n.text) for n in sentence.names)


def rate_quote(quote: Quote, place: int) -> float:
    """Return how well a sentence tells its story; `place` is that of its post in the story."""
    reading = quote.sentence.reading
    value = quote.fitness + WEIGHTS["per_post"] * place
    value += WEIGHTS["news"] * (measure_news(reading) - USUAL_NEWS)
    margin = reading.scores.get("advertisement", USUAL_ADVERTISEMENT)
    value += WEIGHTS["advertisement"] * max(0.0, margin - USUAL_ADVERTISEMENT)
    value += WEIGHTS["first"] * (quote.sentence.place == 0)
    value += WEIGHTS["headline"] * (quote.post.source in HEADLINE_SOURCES)
    value += WEIGHTS["newsroom"] * (quote.post.source == "rss" and quote.sentence.place == 0)
    if reading.vector is not None:
        value += WEIGHTS["like_post"] * float(reading.vector @ quote.vector)
    return value


def rate_print(quote: Quote) -> float:
    """Return the log odds that an editor would print a sentence as it stands."""
    reading = quote.sentence.reading
    parts = {
        "one": 1.0,
        "fitness": quote.fitness,
        "opinion": quote.opinion,
        "news": reading.scores.get("news", 0.0),
        "first": quote.sentence.place == 0,
        "named": bool(quote.sentence.names),
        "newsroom": quote.post.source == "rss" and quote.sentence.place == 0,
        "announced": says_we(quote.text),
        "chinese": quote.sentence.language == "zh",
        "mentions": min(MAX_MENTIONS, quote.post.text.count("@")),
        "personal": says_i(reading.plain),
        "weak": count_words_of(quote.text, "sentences", *WEAK_WORDS) > 0,
    }
    return sum(weight * parts[name] for name, weight in PRINT_WEIGHTS.items())


def rate_story(story: Story, quote: Quote) -> float:
    """Return how much a story is worth printing where this sentence tells it."""
    subjects = sum(name.kind in SUBJECTS for name in quote.sentence.names)
    parts: dict[str, float] = {
        **story.parts,
        "print": rate_print(quote),
        "subjects": min(MAX_SUBJECTS, subjects),
    }
    return sum(weight * parts.get(name, 0.0) for name, weight in POINT_WEIGHTS.items())


def make_item(draft: Draft, story: Story, quotes: Sequence[Quote], *, group: str = "") -> Item:
    """Return the item that quotes these sentences, and note that they are printed."""
    draft.add(story, *quotes)
    text = join_sentences([quote.text for quote in quotes])
    who = name_speaker([quote.sentence for quote in quotes])
    return Item(who + text, group=group, cites=draft.cite(story, quotes))


def is_title(quote: Quote) -> bool:
    """Return whether a sentence is short enough for a title."""
    return len(quote.text) <= MAX_TITLE["zh" if quote.sentence.language in HAN else "en"]


def name_speaker(sentences: Sequence[Sentence]) -> str:
    """Return the author's name and a colon where sentences of one post say "we", else nothing."""
    post = sentences[0].post
    if post.source in ANONYMOUS_SOURCES or not post.author:
        return ""
    if not any(says_we(sentence.text) for sentence in sentences):
        return ""
    return _show_name(post) + ("：" if sentences[0].language in HAN else ": ")


def praises(text: str) -> bool:
    """Return whether a text has a word of praise: of 14 such sentences that were labelled one could
    be printed."""
    return not set(load_words("sentences", "praise")).isdisjoint(list_words(text))


def speaker(post: Post) -> str:
    """Return the name and handle of who wrote the post."""
    name = _show_name(post)
    return f"{name} (@{post.author})" if post.author and post.author != name else name


def _show_name(post: Post) -> str:
    """Return the author's name, or the handle where the name is none: it may be as hostile as a
    text."""
    name = plain(post.author_name)
    is_name = 0 < len(name) <= MAX_NAME and "/" not in name and not talks_to_programs(name)
    return name if is_name else post.author


def join_sentences(sentences: Sequence[str]) -> str:
    """Return the sentences as one text: a stop where one lacks it, a space between Latin ones."""
    joined = ""
    for sentence in sentences:
        if joined:
            end = joined.rstrip(_CLOSING)[-1:]
            if end not in _STOPS:
                latin = ";" if sentence[:1].islower() else "."
                end = "。" if language(joined) in HAN else latin
                joined += end
            joined += "" if end in _WIDE_STOPS else " "
        joined += sentence
    return joined
