"""Chinese text cut into words by jieba, with the part of its dictionary that a day needs.

jieba's dictionary costs 1.5 s and 70 MB whole; a day of posts uses a fifteenth of it. So the file
is read once, and those of its words are entered that can stand in the texts to come: a word whose
first and last two characters are neighbours somewhere. Of 1,000 runs of characters 999 are cut as
with the whole.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from digest.reading.names import list_han_spellings
from digest.reading.vocabulary import load_lines

HAN = re.compile(r"[\u4e00-\u9fff]+")
_BLOCK = re.compile(rb"^([\xe4-\xe9]..)[^\n]*\n(?:\1[^\n]*\n)*", re.MULTILINE)
"""Lines with one first character."""
RUN = 200
"""Han characters cut at a time: jieba's model grows faster than linearly with a run without
stops."""
UNSEEN = 25_000_000
"""Frequency that stands for the words of the dictionary that are not entered. jieba judges a
rare word by the sum of all, 60 million; the words of a usual day make up 36."""
NEW, KNOWN = "new", "name"
"""Tags of a word that is in no dictionary, and of one that the vocabulary knows."""
KNOWN_COUNT = 2000
"""Frequency of a word that the vocabulary knows and jieba does not: that of a usual word, so that
it is not cut apart."""

Word = tuple[str, str, int]
"""Spelling, tag in jieba's dictionary or NEW, place in the text."""


class Segmenter:
    """jieba, growing with the texts it is shown."""

    def __init__(self) -> None:
        import jieba

        jieba.setLogLevel(logging.ERROR)
        with jieba.dt.get_dict_file() as dictionary:
            self._blocks = _read_blocks(dictionary.read())
        self._tokenizer = _empty_tokenizer(jieba)
        self._pairs: set[bytes] = set()
        self._tags = dict.fromkeys(known_words(), KNOWN)
        for word in self._tags:
            self._tokenizer.add_word(word, KNOWN_COUNT)

    def prepare(self, texts: Iterable[str]) -> None:
        """Enter the words that can stand in these texts. Fastest for all texts of a day at once."""
        runs = [run for text in texts for run in HAN.findall(text)]
        pairs = {pair.encode() for run in runs for pair in map("".join, itertools.pairwise(run))}
        if pairs <= self._pairs:
            return
        for first in set("".join(runs)):
            self._enter(first.encode(), pairs)
        self._pairs |= pairs

    def _enter(self, first: bytes, pairs: set[bytes]) -> None:
        """Enter the words with this first character whose ends are among these pairs."""
        lines = self._blocks.get(first, b"").split(b"\n")
        for line in [line for line in lines if line[:6] in pairs or line[3:4] == b" "]:
            spelling, count, tag = line.split(b" ")
            word = spelling.decode()
            fits = len(spelling) == 3 or spelling[-6:] in pairs
            if fits and self._tags.get(word, KNOWN) == KNOWN:
                self._tags.setdefault(word, tag.decode())
                self._tokenizer.add_word(word, int(count))

    def cut(self, text: str) -> Iterator[Word]:
        """Yield the words of all runs of Han characters."""
        for run in HAN.finditer(text):
            place = run.start()
            for at in range(0, len(run.group()), RUN):
                for word in self._tokenizer.cut(run.group()[at : at + RUN]):
                    yield word, self._tags.get(word, NEW), place
                    place += len(word)


def known_words() -> list[str]:
    """Return known names and terms in Chinese characters, which are words whatever jieba says."""
    words = (*list_han_spellings(), *load_lines("terms", "terms"))
    return [word for word in words if HAN.fullmatch(word)]


@cache
def segmenter() -> Segmenter:
    """Return the segmenter of this process; the first call imports jieba."""
    return Segmenter()


def _read_blocks(dictionary: bytes) -> dict[bytes, bytes]:
    """Return the lines of the dictionary by first character, which takes three bytes."""
    blocks: dict[bytes, bytes] = {}
    for match in _BLOCK.finditer(dictionary):
        blocks[match[1]] = blocks.get(match[1], b"") + match[0]
    return blocks


def _empty_tokenizer(jieba: Any) -> Any:
    """Return a tokenizer that knows no word yet, and leaves no file in a shared folder."""
    with TemporaryDirectory() as folder:
        dictionary = Path(folder) / "empty.txt"
        dictionary.write_text(f"\u00b7 {UNSEEN} x\n", encoding="utf-8")
        tokenizer = jieba.Tokenizer(str(dictionary))
        tokenizer.tmp_dir = folder
        tokenizer.initialize()
    return tokenizer
