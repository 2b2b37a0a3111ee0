"""The main types of this package: a post with its reading, its sentences, and a story of posts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from digest import text
from digest.models import Post
from digest.reading.han import find_han_names
from digest.reading.names import Name, find_names, select_names, simplify
from digest.reading.segment import Word, segmenter
from digest.reading.sentences import split_sentences, strip_context

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vector = npt.NDArray[np.float32]

log = logging.getLogger(__name__)

HAN_CHARS = 1500
"""Characters of a post that are split into Chinese words; the rest of a very long post has few
further names."""


@dataclass(frozen=True)
class Reading:
    """A post and what was read from it. Readings are equal if their posts are."""

    post: Post
    vector: Vector | None = field(default=None, compare=False, repr=False)
    """Unit vector of the encoder; None until `attach` sets it."""
    scores: Mapping[str, float] = field(default_factory=dict, compare=False, repr=False)
    """Scores of the trained heads by name; set by `attach`."""
    batch: _Batch | None = field(default=None, compare=False, repr=False)
    """The posts it was read with, so that costly data is loaded once for all of them."""

    def __hash__(self) -> int:
        return hash(self.key)

    @cached_property
    def key(self) -> str:
        return self.post.key

    @cached_property
    def text(self) -> str:
        """Return the author's words as intended for readers: cleaned, with links and handles."""
        return text.clean(strip_context(self.post.text))

    @cached_property
    def plain(self) -> str:
        """Return the words only, without links, handles, hash marks and emoji."""
        return text.strip_marks(self.text)

    @cached_property
    def language(self) -> str:
        """Return `zh`, `ja`, `en`, or `other`."""
        return text.find_language(self.plain)

    @cached_property
    def account(self) -> Name | None:
        """Return the name at the beginning of the author's name: "OpenAI Developers" speaks for
        OpenAI, "ChatGPT研究所" does not."""
        author = self.post.author_name
        start, name = next(iter(find_names(author)), (1, None))
        if name is None or start or author[len(name.text) :][:1] not in ("", " "):
            return None
        return name

    @property
    def has_link(self) -> bool:
        return text.replace_links(self.text, "") != self.text

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """Return the sentences in order, without one that the source cut off. A bug costs only the
        sentences of this post, not the day."""
        try:
            sentences = split_sentences(self.text, source=self.post.source)
        except Exception as error:
            fault, debug = type(error).__name__, log.isEnabledFor(logging.DEBUG)
            log.error("%s is not quoted: it cannot be read (%s)", self.key, fault, exc_info=debug)
            return ()
        return tuple(Sentence(words, self, place) for place, words in enumerate(sentences))

    @cached_property
    def han_words(self) -> tuple[Word, ...]:
        """Return the words of the Chinese runs of `plain`, as split by jieba: spelling, tag, index.

        Empty for texts in other languages, so that jieba is loaded for Chinese ones only.
        """
        if self.language != "zh":
            return ()
        if self.batch:
            self.batch.prepare()
        else:
            segmenter().prepare([simplify(self.plain)])
        return tuple(segmenter().cut(simplify(self.plain[:HAN_CHARS])))

    @cached_property
    def placed_names(self) -> tuple[tuple[int, Name], ...]:
        """Return the names of `plain` in order, each with its index."""
        placed = find_names(self.plain)
        spans = [(start, start + len(name.text)) for start, name in placed]
        placed += find_han_names(self.plain, self.language, self.han_words, spans)
        return tuple(sorted(placed, key=lambda pair: pair[0]))

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """Return the different people, companies, products and places of the text."""
        return tuple(dict.fromkeys(name for _, name in self.placed_names))

    @cached_property
    def name_keys(self) -> frozenset[str]:
        """Return the keys of the names, which are the same for all spellings and languages."""
        return frozenset(name.key for name in self.names)

    @cached_property
    def terms(self) -> frozenset[str]:
        """Return the terms that posts about one event share: parts of name keys, and figures."""
        # Imported here because the chat reads names, but never terms.
        from digest.reading.index_terms import list_terms

        return list_terms(self.plain, self.names)


@dataclass(frozen=True)
class Sentence:
    """One complete sentence, headline or list entry of a post, as it may be printed."""

    text: str
    reading: Reading = field(repr=False)
    place: int
    """Index in the post."""

    @property
    def post(self) -> Post:
        return self.reading.post

    @property
    def language(self) -> str:
        """Return the language of the whole post, because a sentence full of names may be too short
        to detect it."""
        return self.reading.language

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """Return the names of the post that the sentence contains."""
        return select_names(self.reading.names, self.text)

    @cached_property
    def name_keys(self) -> frozenset[str]:
        return frozenset(name.key for name in self.names)

    @cached_property
    def size(self) -> float:
        """Return the size in Han characters; two and a half other characters count as one."""
        han = 0 if self.text.isascii() else sum([c > "\u2e7f" for c in self.text])
        return han + 0.4 * (len(self.text) - han)


@dataclass(frozen=True)
class Story:
    """Readings of posts about one event, best first, with the score of the story and its parts."""

    readings: tuple[Reading, ...]
    score: float = 0.0
    parts: Mapping[str, float] = field(default_factory=dict)
    market: bool = False
    """Kept only because it is about stocks and coins: for the money sections, not for points."""
    event: int = 0
    """Stories with the same number report one event or closely related ones: at most one becomes a
    point."""
    earlier: date | None = None
    """The last day whose report has the event, if this story has news of it."""

    @cached_property
    def posts(self) -> tuple[Post, ...]:
        return tuple(reading.post for reading in self.readings)


def read(posts: Iterable[Post]) -> list[Reading]:
    """Return a reading for each post, in order."""
    batch = _Batch()
    batch.readings += [Reading(post, batch=batch) for post in posts]
    return batch.readings


@dataclass(eq=False)
class _Batch:
    """Posts that are read together."""

    readings: list[Reading] = field(default_factory=list)
    prepared: bool = False

    def prepare(self) -> None:
        """Load the words that the Chinese texts may contain, once."""
        if not self.prepared:
            chinese = (reading for reading in self.readings if reading.language == "zh")
            segmenter().prepare([simplify(reading.plain) for reading in chinese])
            self.prepared = True


def attach(
    readings: Sequence[Reading],
    *,
    vectors: Sequence[Vector] | Vector | None = None,
    scores: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Set what was computed for all readings in one batch: encoder vectors (one row each) and head
    scores (by name, one number each). Scores are added to those already set."""
    if vectors is not None:
        for reading, vector in zip(readings, vectors, strict=True):
            object.__setattr__(reading, "vector", vector)
    for name, values in (scores or {}).items():
        for reading, value in zip(readings, values, strict=True):
            object.__setattr__(reading, "scores", {**reading.scores, name: float(value)})
