"""State of a draft: the day's stories, their sentences, and what the report has printed already."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice

from digest.models import Item, Language, Post
from digest.reading import Reading, Sentence, Story
from digest.reading.contrast import is_opposite
from digest.reading.days import is_about_past
from digest.reading.index_terms import list_terms
from digest.reading.injection import has_injection
from digest.reading.mentions import has_han
from digest.reading.names import Name, find_entry, find_names
from digest.reading.sounds import Sounds
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
"""With fewer stories than the first number, every selected story is reported; from the second on,
the full thresholds apply. They are scaled in between, so that more posts never shorten a report."""
MAX_EASED = 5.0
"""Log odds by which `is_weak` lowers its threshold on the shortest day that it judges."""
CLEAR_NEWS, FEW_NEWS, MUCH_NEWS = 0.65, 5, 12
"""News value from which the head is sure that a story is news; number of such stories that every
day of a familiar topic has; number of them that makes a day busy. AI days have 14 or more, days of
other topics none or one."""
ON_TOPIC, SURE_NEWS = 0.30, 0.82
"""Topic fit below which a story is only background, unless its news value reaches the second
figure: "Anthropic raises $13B" has no word of the topic. Of ten such items below it that editors
read on sixteen days, two were fit to print."""
SAME_WORDS, SAME_EVENT, SAME_THING, SAME_FIGURE = 0.60, 0.55, 0.38, 0.30
"""Minimum cosine of two sentences about one event: with any names; sharing one name; sharing two
names or a product; sharing those and a figure in their posts. On twelve days that an editor read,
13 of 17 pairs of lead sentences joined by the first three were one event; a single threshold of
0.58 whatever the names found 4."""
SUPPORTS, SAME_UNNAMED = 0.55, 0.70
"""Minimum cosine of a quote and a sentence or post that supports it: sharing a name and two terms;
sharing no name. SAME_WORDS applies in between."""
MAX_NAME = 40
"""Characters of a speaker's name; longer names are slogans, so the handle is shown instead."""
BACKGROUND = frozenset(["coin", "place", "title"])
"""Kinds of names that do not make a company part of the topic."""
ANONYMOUS_SOURCES = frozenset(["hn", "v2ex", "reddit", "rss"])
"""Sources whose authors are nicknames or publications: they are not named as speakers."""
MAX_OPINION = 0.1
"""Margin of `view` above which a sentence is an opinion rather than news."""
MAX_ADVERTISEMENT = 0.2
"""Maximum margin of `advertisement` of a quoted post; four of five above it sell something."""
MIN_FITNESS, MIN_HEADLINE = -0.3, -0.2
"""Minimum margin of `stands_alone` of a lead sentence, and of a headline, which has no context."""
MIN_UNFAMILIAR_LEAD = -0.5
"""Minimum margin of a lead sentence on a topic that the heads do not know. Of 30 news sentences
about motor racing, food and travel, 22 reach it and 10 reach MIN_FITNESS; of 36 chatty ones,
none reaches either."""
MIN_NEWSROOM = -0.9
"""Minimum margin of a feed's headline. It is lower because editors write headlines to stand alone,
while the head was trained on social posts of one field."""
MIN_VALUE = 0.4
"""Minimum value (`rate_quote`) of a lead sentence; stories without one are skipped."""
WEIGHTS = {
    "news": 1.45,
    "advertisement": -0.8,
    "like_post": 0.4,
    "first": 0.35,
    "headline": 0.15,
    "newsroom": 0.15,
    "per_post": -0.03,
}
"""Weights of a candidate lead sentence besides fitness: mostly the value of its own post. Tuned on
the days read by an editor (`make evaluate`), with heads trained without the day."""
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
"""Log odds that an editor would print a sentence unchanged: a logistic regression on the lead
sentences of 30 days that an editor read, heads and weights trained without the day. "announced": it
says "we"; "personal": its post says "I" (docs/design/print-score.md)."""
MAX_MENTIONS = 3
"""Cap of the feature "mentions"."""
WEAK_WORDS = ("elapsed", "rumours", "lessons")
"""Tables of `vocabulary/sentences.toml`; an editor would print none of 51 sentences with one."""
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
"""Weights of a story as a point: the parts of its rank, the print log odds of its lead sentence,
and the subjects named there (capped at MAX_SUBJECTS). Close to a fit on the stories of 43 days that
were read, heads and weights trained without the day (docs/design/points.md)."""
MAX_TITLE = {"zh": 60, "en": 110}
"""Characters of a title; a longer lead sentence is printed as text without a title."""
OPENING_CHARS = 30
"""Characters before the first comma that count as an introductory phrase: "Under the hood, ..."."""
MAX_SUBJECTS = 2
MAX_RATED = 70
"""Stories that are rated, in the order of their rank."""
USUAL_NEWS, USUAL_ADVERTISEMENT = 0.43, -0.3
"""Neutral news value and advertisement margin: they leave the rating of a sentence unchanged."""

ENDS = "。.！!；;"
"""Punctuation removed from the end of a title."""
_STOPS = frozenset(".。！？!?；;…")
_WIDE_STOPS = frozenset("。！？；")
HAN = ("zh", "ja")
_CLOSING = "”\"'’」』)）"


class Draft:
    """The stories of a day, with the sentences and events that are printed already."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.language: Language = material.topic.language
        self.quotes = material.quotes or collect_quotes(material.stories, self.language)
        news = sum(story.parts.get("news", 0.0) >= CLEAR_NEWS for story in material.stories)
        self.is_unfamiliar = not material.knows_news and news < FEW_NEWS
        """True if the topic is one whose news the heads, trained on AI days, do not recognise."""
        spare = (len(material.stories) - FEW_STORIES) / (MANY_STORIES - FEW_STORIES)
        self.strictness = 0.0 if self.is_unfamiliar else min(1.0, max(0.0, spare))
        """Factor of the usual thresholds: 1 on a day with many stories."""
        self.is_busy = news >= MUCH_NEWS
        self.events: set[int] = set()
        """Events that have an item already; later sections skip them."""
        self.printed: list[Quote] = []
        self._leads: dict[str, list[tuple[float, Quote]]] = {}
        """Candidate lead sentences by key of the story's best post; shared by all sections."""
        counts = Counter(r.language for story in self.stories() for r in story.readings)
        usual = {code for code, count in counts.items() if 2 * count > counts.total()}
        self._readable = {self.language, "zh", "en", *usual}
        """Languages that may be quoted: the report's, English, Chinese, and that of most posts."""

    @property
    def takes_all(self) -> bool:
        """Return True if no story is left out: there are few, or the topic is unfamiliar."""
        return not self.strictness

    def stories(self, *, far: bool = False) -> Iterator[Story]:
        """Yield the stories that belong to the topic, best first; with `far`, also those that are
        only near it."""
        for story in self.material.stories:
            if not story.market and (far or self.is_topical(story)):
                yield story

    def is_topical(self, story: Story) -> bool:
        """Return True if a story surely belongs to the topic."""
        return is_topical(story, ON_TOPIC * self.strictness)

    @cached_property
    def topic_names(self) -> frozenset[str]:
        """Return the keys of the names that the topic watches, and of all but BACKGROUND names in
        its stories."""
        topic = self.material.topic
        keys = {
            name.key for word in (*topic.keywords, *topic.watch) for _, name in find_names(word)
        }
        for story in self.stories():
            for reading in story.readings:
                keys.update(name.key for name in reading.names if name.kind not in BACKGROUND)
        return frozenset(keys)

    def list_quotes(self, story: Story) -> list[Quote]:
        """Return all quotes of a story in languages that may be quoted, post by post."""
        readings = choose_readings(story, self.language)
        quotes = (quote for reading in readings for quote in self.quotes.get(reading.key, ()))
        return [quote for quote in quotes if quote.sentence.language in self._readable]

    def choose_lead(self, story: Story, least: float = MIN_VALUE) -> Quote | None:
        """Return the best unprinted lead sentence of a story with at least this value, or None.

        Sentences in the report's language come first, mere names last.
        """
        best = story.readings[0].key
        if best not in self._leads:
            self._leads[best] = self._list_leads(story)
        leads = (quote for value, quote in self._leads[best] if value >= least)
        return next((quote for quote in leads if not self.is_printed(quote)), None)

    def _list_leads(self, story: Story) -> list[tuple[float, Quote]]:
        """Return the candidate lead sentences of a story with their values, best first."""
        least = MIN_UNFAMILIAR_LEAD if self.is_unfamiliar else MIN_FITNESS
        leads = [
            (rate_quote(quote, place), quote)
            for place, reading in enumerate(choose_readings(story, self.language))
            for quote in self.quotes.get(reading.key, ())
            if reading.language in self._readable and reports_news(quote, least)
        ]

        def order(lead: tuple[float, Quote]) -> tuple[bool, bool, float]:
            value, sentence = lead[0], lead[1].sentence
            return is_all_names(sentence), sentence.language != self.language, -value

        return sorted(leads, key=order)

    def rate_stories(
        self, least: float = MIN_VALUE, *, far: bool = False
    ) -> list[tuple[float, Story, Quote]]:
        """Return the worth, the story and its lead sentence of each story (`stories`) that has an
        unprinted lead sentence of at least this value, best first."""
        least = -math.inf if self.takes_all else least
        leads = ((story, self.choose_lead(story, least)) for story in self.stories(far=far))
        rated = ((rate_story(story, lead), story, lead) for story, lead in leads if lead)
        return sorted(islice(rated, MAX_RATED), key=lambda entry: -entry[0])

    def is_weak(self, quote: Quote, least: float) -> bool:
        """Return True if a sentence has less than `least` log odds of being printed; the threshold
        is lower on short days."""
        eased = least - MAX_EASED * (1.0 - self.strictness)
        return not self.takes_all and rate_print(quote) < eased

    def is_printed(self, quote: Quote, nearer: float = 0.0) -> bool:
        """Return True if the report reports the event already; `nearer` is added to the cosine."""
        return any(is_same_event(quote, other, nearer) for other in self.printed)

    def is_quoted(self, quote: Quote) -> bool:
        """Return True if this very sentence is printed. A price move may be printed besides the
        event that caused it."""
        return any(other.text == quote.text for other in self.printed)

    def add(self, story: Story, *quotes: Quote) -> None:
        """Record that the story is reported with these quotes."""
        self.events.add(story.event)
        self.printed.extend(quotes)

    def cite(self, story: Story, quotes: Sequence[Quote]) -> tuple[str, ...]:
        """Return the keys of the quoted posts, then of posts by other authors that support them."""
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
        """Return True if a post proves a quote, is close to it in meaning and does not contradict
        it. A wrong link costs more than a missing one."""
        vectors: list[tuple[str, Vectors]] = [
            (other.text, other.vector) for other in self.quotes.get(reading.key, ())
        ]
        if reading.vector is not None:
            vectors.append((reading.plain, reading.vector))
        rated = ((float(vector @ quote.vector), text) for text, vector in vectors)
        nearest, text = max(rated, default=(0.0, ""))
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
    """Return True if the story's topic fit is at least this, or its news value is very high."""
    return story.parts.get("fit", 1.0) >= least or story.parts.get("news", 0.0) >= SURE_NEWS


def is_same_event(quote: Quote, other: Quote, nearer: float = 0.0) -> bool:
    """Return True if two quotes report one event; never for different versions of a product, or for
    a statement and its denial.

    `nearer` is added to their cosine.
    """
    cosine = float(quote.vector @ other.vector) + nearer
    if cosine < SAME_FIGURE:
        return False  # below every threshold
    if cosine >= DENIED and is_opposite(quote.text, other.text):
        return False
    shared = [name for name in quote.sentence.names if name.key in other.sentence.name_keys]
    versions = list_versions(quote.sentence.name_keys)
    others = list_versions(other.sentence.name_keys)
    is_one_version = any(a <= b or b <= a for a in versions for b in others)
    if versions and others and not is_one_version:
        return cosine >= SAME_WORDS and quote.post.key == other.post.key
    is_telling = any(name.kind == "product" or is_unlisted_person(name) for name in shared)
    if is_one_version or len(shared) > 1 or is_telling or share_person(quote, other):
        figures = list_figures(quote.sentence.reading) & list_figures(other.sentence.reading)
        return cosine >= (SAME_FIGURE if figures else SAME_THING)
    return cosine >= (SAME_EVENT if shared else SAME_WORDS)


def is_unlisted_person(name: Name) -> bool:
    """Return True for a person who is in the news of few days, unlike those of the list."""
    return name.kind == "person" and find_entry(name.text) is None


def share_person(quote: Quote, other: Quote) -> bool:
    """Return True if one of two quotes spells a person's name of the other by its sound: Ruben
    Amorim and 阿莫林."""
    return any(
        is_unlisted_person(name) and Sounds(spelled.text).match(name.text)
        for here, there in ((quote, other), (other, quote))
        for name in here.sentence.names
        for spelled in there.sentence.names
        if has_han(name.text) and not has_han(spelled.text) and spelled.kind in ("", "person")
    )


def reports_news(quote: Quote, fitness: float = MIN_FITNESS) -> bool:
    """Return True if a sentence reports an event rather than its author's opinion or doings."""
    is_reply = quote.post.text.startswith("@")
    # "Our third robot" in a headline does not say who speaks.
    is_voiceless = quote.post.source in ANONYMOUS_SOURCES and says_we(quote.text)
    sells = quote.sentence.reading.scores.get("advertisement", 0.0) > MAX_ADVERTISEMENT
    is_headline = quote.post.source in HEADLINE_SOURCES and quote.sentence.place == 0
    least = MIN_HEADLINE if is_headline else fitness
    least = MIN_NEWSROOM if is_headline and quote.post.source == "rss" else least
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
        and not is_about_past(quote.text, quote.post.created_at.date())
    )


def begins_badly(sentence: Sentence) -> bool:
    """Return True if a sentence begins with a reference to earlier text ("It also ..."), a verb
    without a subject ("Wrote a kernel ..."), surprise, joy that announces nothing, or an invitation
    ("Learn how ..."). Of 62 such labelled sentences that the head accepts, one could be printed. A
    name at the beginning ("Check Point buys ...") is an exception."""
    if begins_with(sentence.text, "sentences", "feelings"):
        is_news = " to share " in sentence.text
        return not is_news and not count_words_of(sentence.text, "acts", "release", "open")
    bad = ("backward", "deeds", "surprises", "invitations")
    is_bad = begins_with(sentence.text, "sentences", *bad) or _leans_behind_comma(sentence)
    return is_bad and not _begins_with_name(sentence)


def _leans_behind_comma(sentence: Sentence) -> bool:
    """Return True if a reference to earlier text follows a short introductory phrase without a
    name: "Under the hood, it now powers ..."."""
    opening, _, rest = sentence.text.partition(", ")
    leans = begins_with(rest, "sentences", "backward")
    is_short = len(opening) <= OPENING_CHARS
    return leans and is_short and not any(name.text in opening for name in sentence.names)


def _begins_with_name(sentence: Sentence) -> bool:
    """Return True if a sentence begins with a name, even if its first word alone is none: "IT
    spending", "He Xiaopeng". After an invitation a name is its object, so it does not count."""
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
    """Return how well a sentence reports its story; `place` is its post's index in the story."""
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
    """Return the log odds that an editor would print a sentence unchanged."""
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
    """Return how much a story is worth printing with this lead sentence."""
    subjects = sum(name.kind in SUBJECTS for name in quote.sentence.names)
    parts: dict[str, float] = {
        **story.parts,
        "print": rate_print(quote),
        "subjects": min(MAX_SUBJECTS, subjects),
    }
    return sum(weight * parts.get(name, 0.0) for name, weight in POINT_WEIGHTS.items())


def make_item(draft: Draft, story: Story, quotes: Sequence[Quote], *, group: str = "") -> Item:
    """Return an item of these sentences and record them as printed."""
    draft.add(story, *quotes)
    text = join_sentences([quote.text for quote in quotes])
    who = name_speaker([quote.sentence for quote in quotes])
    return Item(who + text, group=group, cites=draft.cite(story, quotes))


def is_title(quote: Quote) -> bool:
    """Return True if a sentence is short enough for a title."""
    return len(quote.text) <= MAX_TITLE["zh" if quote.sentence.language in HAN else "en"]


def name_speaker(sentences: Sequence[Sentence]) -> str:
    """Return "author: " if one of these sentences of one post says "we", else an empty string."""
    post = sentences[0].post
    if post.source in ANONYMOUS_SOURCES or not post.author:
        return ""
    if not any(says_we(sentence.text) for sentence in sentences):
        return ""
    return _show_name(post) + ("：" if sentences[0].language in HAN else ": ")


def praises(text: str) -> bool:
    """Return True if a text has a word of praise. Of 14 such labelled sentences, one could be
    printed."""
    return not set(load_words("sentences", "praise")).isdisjoint(list_words(text))


def show_speaker(post: Post) -> str:
    """Return the name and handle of the post's author."""
    name = _show_name(post)
    return f"{name} (@{post.author})" if post.author and post.author != name else name


def _show_name(post: Post) -> str:
    """Return the author's name, or the handle if the name is unusable; names may be hostile."""
    name = plain(post.author_name)
    is_name = 0 < len(name) <= MAX_NAME and "/" not in name and not has_injection(name)
    return name if is_name else post.author


def join_sentences(sentences: Sequence[str]) -> str:
    """Return the sentences as one text, adding missing full stops, and spaces after Latin ones."""
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
