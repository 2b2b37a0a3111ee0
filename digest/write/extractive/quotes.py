"""Sentences of the day's stories that a report may quote, with how well each stands alone.

The value of a sentence is learned (`digest.reading.heads`). The rules here only exclude sentences
that are unprintable whatever they say, and limit how many are scored.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from digest.models import Post
from digest.reading import Reading, Sentence, Story
from digest.reading.heads.linear import score_sentences
from digest.reading.index_terms import is_in_small_letters
from digest.reading.injection import find_injections
from digest.reading.sentences import find_quotations
from digest.select.embed import EMBED_CHARS, Vectors, embed
from digest.write.extractive.groups import MIN_COSINE, Group, choose_group

MIN_SIZE, MIN_HEADLINE, MAX_SIZE = 9, 4.5, 165
"""Minimum size of a sentence (`Sentence.size`) and of a headline, which say nothing if shorter, and
maximum size, because readers do not finish longer ones."""
MAX_STORIES = 150
MAX_POSTS = 6
"""Posts of a story whose sentences are considered, best first, and again as many in the report's
language."""
MAX_SENTENCES = 8
"""Sentences of a post that are considered, because posts state their subject at the beginning."""
MAX_ENCODED = 320
"""Sentences that are encoded (about 8 ms each): the fittest by the n-gram features alone."""
FIRST_BONUS = 0.3
"""Bonus of the first sentence of a post when sentences are chosen for the encoder."""
MIN_LETTERS = 0.55
"""Minimum share of letters in a sentence; tables, code and formulas have fewer."""

HEADLINE_SOURCES = frozenset(["hn", "rss", "reddit"])
SUBJECTS = frozenset(["company", "institution", "person", "product", "coin"])
"""Kinds of names that can be the subject of a sentence."""

_PAIRS = ("“”", "()", "（）", "《》", "「」", "[]", "【】")
_UNFINISHED = ("?", "？", ":", "：", ",", "，", "、", "…", "...", "-", "(", "（")


@dataclass(frozen=True, eq=False)
class Quote:
    """A sentence that may be printed, with its head scores."""

    sentence: Sentence
    fitness: float
    """Margin of `stands_alone`: positive if most readers would print the sentence."""
    opinion: float
    """Margin of `view`: the higher, the more the sentence is an opinion rather than news."""
    vector: Vectors = field(repr=False)
    """Unit vector of the sentence."""

    @cached_property
    def is_anchored(self) -> bool:
        """Return True if the sentence names its subject: it is first in its post, repeats a name
        from earlier there, or names a subject of its own. Chinese sentences often omit theirs."""
        sentence = self.sentence
        earlier = sentence.reading.sentences[: sentence.place]
        names = frozenset().union(*(other.name_keys for other in earlier))
        if sentence.place == 0 or sentence.name_keys & names:
            return True
        is_spaced = sentence.language not in ("zh", "ja")
        return (is_spaced or not names) and any(name.kind in SUBJECTS for name in sentence.names)

    def find_group(self, groups: tuple[Group, ...], least: float = MIN_COSINE) -> Group:
        """Return the group of the sentence, by its meaning and that of its post."""
        reading = self.sentence.reading
        vectors: list[Vectors] = [self.vector]
        if reading.vector is not None:
            vectors.append(reading.vector)
        texts = [self.text, reading.text][: len(vectors)]
        return choose_group(groups, texts, np.array(vectors), least)

    @property
    def text(self) -> str:
        return self.sentence.text

    @property
    def post(self) -> Post:
        return self.sentence.post


Quotes = Mapping[str, tuple[Quote, ...]]
"""Quotes by post key, in the order of the post."""


def collect_quotes(stories: Sequence[Story], language: str) -> Quotes:
    """Return the quotes of the leading stories, for a report in `language`."""
    readings = (r for story in stories[:MAX_STORIES] for r in choose_readings(story, language))
    sentences = list_printable(s for r in readings for s in r.sentences[:MAX_SENTENCES])
    if not sentences:
        return {}
    quotes: dict[str, list[Quote]] = {}
    for quote in score_quotes(sentences):
        quotes.setdefault(quote.post.key, []).append(quote)
    return {key: tuple(post_quotes) for key, post_quotes in quotes.items()}


def score_quotes(sentences: Sequence[Sentence]) -> list[Quote]:
    """Score the sentences, of which there must be at least one."""
    vectors = _encode(sentences)
    scores = zip(*score_sentences([s.text for s in sentences], vectors), strict=True)
    return [
        Quote(sentence, float(fitness), float(opinion), vector)
        for sentence, vector, (fitness, opinion) in zip(sentences, vectors, scores, strict=True)
    ]


def choose_readings(story: Story, language: str) -> list[Reading]:
    """Return the readings of a story to quote: the best, and the best in this language."""
    best = story.readings[:MAX_POSTS]
    in_language = [reading for reading in story.readings if reading.language == language]
    return list(dict.fromkeys([*best, *in_language[:MAX_POSTS]]))


def _choose_for_encoding(sentences: Sequence[Sentence]) -> list[Sentence]:
    scores, _ = score_sentences([sentence.text for sentence in sentences], None)
    scores = scores + [FIRST_BONUS * (sentence.place == 0) for sentence in sentences]
    best = np.sort(np.argsort(-scores, kind="stable")[:MAX_ENCODED])
    return [sentences[i] for i in best]


def _encode(sentences: Sequence[Sentence]) -> Vectors:
    """Return one unit vector per sentence; a sentence that is its whole post reuses its vector."""
    vectors = [_vector_of_post(sentence) for sentence in sentences]
    missing = [i for i, vector in enumerate(vectors) if vector is None]
    for i, vector in zip(missing, embed([sentences[i].text for i in missing]), strict=True):
        vectors[i] = vector
    return np.array(vectors, np.float32)


def _vector_of_post(sentence: Sentence) -> Vectors | None:
    reading = sentence.reading
    is_whole = sentence.place == 0 and len(sentence.text) > 0.8 * min(
        EMBED_CHARS, len(reading.plain)
    )
    return reading.vector if is_whole else None


def list_printable(sentences: Iterable[Sentence], *, alone: bool = True) -> list[Sentence]:
    """Return the best sentences, at most MAX_ENCODED, that are complete prose without prompt
    injection; with `alone`, without those that continue the line before."""
    good = [s for s in sentences if (_begins_alone(s) or not alone) and _is_whole(s)]
    if len(good) > MAX_ENCODED:
        good = _choose_for_encoding(good)
    orders = find_injections([sentence.text for sentence in good])
    return [sentence for sentence, order in zip(good, orders, strict=True) if not order]


def is_all_names(sentence: Sentence) -> bool:
    """Return True if a sentence consists of names only: "OpenAI: Sora 2"."""
    remaining = sentence.text
    for name in sorted(sentence.names, key=lambda name: -len(name.text)):
        remaining = remaining.replace(name.text, "")
    return not any(map(str.isalpha, remaining))


def _is_whole(sentence: Sentence) -> bool:
    text = sentence.text
    is_headline = sentence.place == 0 and sentence.post.source in HEADLINE_SOURCES
    return (
        (MIN_HEADLINE if is_headline else MIN_SIZE) <= sentence.size <= MAX_SIZE
        and not text.endswith(_UNFINISHED)
        and text.count('"') % 2 == 0
        and all(text.count(pair[0]) == text.count(pair[1]) for pair in _PAIRS)
        and (0, len(text.rstrip(".。"))) not in find_quotations(text)  # a quotation without speaker
        and _is_prose(text)
    )


def _begins_alone(sentence: Sentence) -> bool:
    """Return False if a sentence begins with a lower-case word, unless it opens a post in lower
    case: it continues the line before or omits its subject ("built an app with Gemini").

    "iPhone", "qwen3" and "gpt-oss" are names and may begin a sentence.
    """
    first = sentence.text.split(maxsplit=1)[0]
    is_word = first.isascii() and first.isalpha() and first.islower()
    goes_on = is_word and (sentence.place > 0 or not is_in_small_letters(sentence.text))
    return (first[0].isalnum() or first[0] in '$€£¥~>-–“"「《') and not goes_on


def _is_prose(text: str) -> bool:
    """Return True if a text is mostly letters in ordinary case: no table, code, sum or shouting. A
    Han character counts as two letters, so that "AI" in a Chinese headline is not shouting."""
    han = sum(char > "\u2e7f" for char in text)
    letters = sum(map(str.isalpha, text))
    upper = sum(map(str.isupper, text))
    return letters + han >= MIN_LETTERS * (len(text.replace(" ", "")) + han) and (
        upper <= 0.5 * max(1, letters) or letters - upper > 20
    )
