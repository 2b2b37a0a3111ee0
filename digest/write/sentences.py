"""Sentences of posts under their old name, until every writer takes them from its readings."""

from __future__ import annotations

from functools import lru_cache

from digest.models import Post
from digest.reading import Reading, Sentence
from digest.reading.sentences import split_sentences
from digest.text import clean

__all__ = ["Sentence", "sentences"]


def sentences(post: Post) -> tuple[Sentence, ...]:
    """Return the sentences of a post, in order."""
    reading = Reading(post)
    return tuple(
        Sentence(words, reading, place, line, stopped)
        for place, (words, line, stopped) in enumerate(_split(post.text))
    )


@lru_cache(maxsize=8192)
def _split(text: str) -> tuple[tuple[str, int, bool], ...]:
    return split_sentences(clean(text))
