"""Word lists of `digest/vocabulary` as patterns: words of both languages, and phrases with gaps."""

from __future__ import annotations

import re
from functools import cache

from digest.reading.vocabulary import load_lines, load_words


@cache
def compile_words(name: str, table: str, end: str = "") -> re.Pattern[str]:
    """Return a pattern of the words of a table: "·" is a space, "*" the rest of a word."""
    return _join(sorted(load_words(name, table), key=len)[::-1], end)


@cache
def _compile_phrases(name: str) -> re.Pattern[str]:
    lines = [line for table in ("chinese", "english") for line in load_lines(name, table)]
    return _join([line.strip().replace(" ", "·") for line in lines], "")


def has_phrase(text: str, name: str) -> bool:
    """Return True where a text has a line of a list: "…" stands for up to eight characters."""
    return bool(_compile_phrases(name).search(text))


def _join(words: list[str], end: str) -> re.Pattern[str]:
    spelled = [
        re.escape(word).replace("·", r"[\s-]").replace(r"\*", r"\w*").replace("…", ".{0,8}?")
        for word in words
    ]
    latin = [rf"{w}\b" for w in spelled if w[0].isascii() and w[0].isalpha()]
    others = [w for w in spelled if not (w[0].isascii() and w[0].isalpha())]
    others += [rf"(?<![-\w])(?:{'|'.join(latin)})"] if latin else []
    return re.compile(f"(?:{'|'.join(others)}){end}", re.I)
