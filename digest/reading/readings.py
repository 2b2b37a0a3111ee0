"""The nouns of this room: a post that was read, its sentences, and a story made of such posts."""

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
"""Characters of a post that are cut into Chinese words: the others of a very long one name
little more."""


@dataclass(frozen=True)
class Reading:
    """A post and what it says. Two readings are equal where their posts are."""

    post: Post
    vector: Vector | None = field(default=None, compare=False, repr=False)
    """Unit vector of the encoder; None until `attach` has set it."""
    scores: Mapping[str, float] = field(default_factory=dict, compare=False, repr=False)
    """What the learned heads say of the post, by name of the head; filled by `attach`."""
    batch: _Batch | None = field(default=None, compare=False, repr=False)
    """The posts it was read with: what is dear to load is loaded for all of them at once."""

    def __hash__(self) -> int:
        return hash(self.key)

    @cached_property
    def key(self) -> str:
        """Return the key of the post."""
        return self.post.key

    @cached_property
    def text(self) -> str:
        """Return the author's words as a reader was meant to see them: cleaned, with links and
        handles."""
        return text.clean(strip_context(self.post.text))

    @cached_property
    def plain(self) -> str:
        """Return the words alone: without links, handles, hash marks and emoji."""
        return text.strip_marks(self.text)

    @cached_property
    def language(self) -> str:
        """Return `zh`, `ja`, `en`, or `other`."""
        return text.find_language(self.plain)

    @cached_property
    def account(self) -> Name | None:
        """Return the name that the account is called by: "OpenAI Developers" speaks for OpenAI,
        "ChatGPT研究所" does not."""
        author = self.post.author_name
        start, name = next(iter(find_names(author)), (1, None))
        if name is None or start or author[len(name.text) :][:1] not in ("", " "):
            return None
        return name

    @property
    def has_link(self) -> bool:
        """Return whether the text holds a link."""
        return text.replace_links(self.text, "") != self.text

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """Return the sentences in order, without one that the source cut off; none where a fault
        of the program keeps from it: it may cost a post, and not the day."""
        try:
            sentences = split_sentences(self.text, source=self.post.source)
        except Exception as error:
            fault, debug = type(error).__name__, log.isEnabledFor(logging.DEBUG)
            log.error("%s is not quoted: it cannot be read (%s)", self.key, fault, exc_info=debug)
            return ()
        return tuple(Sentence(words, self, place) for place, words in enumerate(sentences))

    @cached_property
    def han_words(self) -> tuple[Word, ...]:
        """Return the words of the Chinese runs of `plain`, as jieba cuts them: spelling, tag,
        place.

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
        """Return the names of `plain` in order, each with the place where it begins."""
        placed = find_names(self.plain)
        spans = [(start, start + len(name.text)) for start, name in placed]
        placed += find_han_names(self.plain, self.language, self.han_words, spans)
        return tuple(sorted(placed, key=lambda pair: pair[0]))

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """Return people, companies, products and places of the text, in any script, each once."""
        return tuple(dict.fromkeys(name for _, name in self.placed_names))

    @cached_property
    def name_keys(self) -> frozenset[str]:
        """Return the keys of the names: one key whatever the spelling or the language."""
        return frozenset(name.key for name in self.names)

    @cached_property
    def terms(self) -> frozenset[str]:
        """Return what posts about one event share: parts of the names' keys, and figures."""
        # Imported here: the chat reads names, and never counts terms.
        from digest.reading.index_terms import list_terms

        return list_terms(self.plain, self.names)


@dataclass(frozen=True)
class Sentence:
    """One whole sentence, headline or list entry of a post, as it may be printed."""

    text: str
    reading: Reading = field(repr=False)
    place: int
    """Position in the post: 0 is its first."""

    @property
    def post(self) -> Post:
        """Return the post it stands in."""
        return self.reading.post

    @property
    def language(self) -> str:
        """Return the language of the whole post: one sentence full of names may be too short to
        tell."""
        return self.reading.language

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """Return those names of the post that the sentence has."""
        return select_names(self.reading.names, self.text)

    @cached_property
    def name_keys(self) -> frozenset[str]:
        """Return the keys of its names."""
        return frozenset(name.key for name in self.names)

    @cached_property
    def size(self) -> float:
        """Return how much it holds, in Han characters; two and a half others count as one."""
        han = 0 if self.text.isascii() else sum([c > "\u2e7f" for c in self.text])
        return han + 0.4 * (len(self.text) - han)


@dataclass(frozen=True)
class Story:
    """Readings of posts about one event, best first, with the score that ranked it and its
    parts."""

    readings: tuple[Reading, ...]
    score: float = 0.0
    parts: Mapping[str, float] = field(default_factory=dict)
    market: bool = False
    """Kept only as talk about stocks and coins: for the money sections, never for the points."""
    event: int = 0
    """Stories of one number tell of one event or closely related ones: at most one becomes a
    point."""
    earlier: date | None = None
    """The latest day whose report told of it, where this story brings news of it."""

    @cached_property
    def posts(self) -> tuple[Post, ...]:
        """Return the posts, best first."""
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
        """Load the words that the Chinese texts may hold, once."""
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
    """Set what was computed for all readings in one batch: encoder's vectors (a row each) and
    scores of heads (by name, a number each). Further scores are added to those that are there."""
    if vectors is not None:
        for reading, vector in zip(readings, vectors, strict=True):
            object.__setattr__(reading, "vector", vector)
    for name, values in (scores or {}).items():
        for reading, value in zip(readings, values, strict=True):
            object.__setattr__(reading, "scores", {**reading.scores, name: float(value)})
