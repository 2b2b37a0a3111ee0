"""Split Chinese text into words with jieba, loading only the part of its dictionary that is needed.

The whole dictionary costs 1.5 s and 70 MB; a day of posts uses a fifteenth of it. So the file is
read once, and only words that can occur in the given texts are added: those whose first two and
last two characters are adjacent somewhere. 999 of 1,000 runs of characters are split as with the
whole dictionary.
"""

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
"""Lines with the same first character."""
RUN = 200
"""Han characters split at once: jieba's cost grows faster than linearly with the length of a run
without punctuation."""
UNSEEN = 25_000_000
"""Frequency of a placeholder for the words that are not added. jieba rates a rare word by the sum
of all frequencies, 60 million; the words of a usual day have 36 million."""
NEW, KNOWN = "new", "name"
"""Tags of a word in no dictionary, and of one that only the vocabulary has."""
KNOWN_COUNT = 2000
"""Frequency of a word that only the vocabulary has, high enough that it is not split."""

Word = tuple[str, str, int]
"""Spelling, tag in jieba's dictionary or NEW, index in the text."""


class Segmenter:
    """jieba with a dictionary that grows with the texts."""

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
        """Add the words that can occur in these texts; fastest for all texts of a day at once."""
        runs = [run for text in texts for run in HAN.findall(text)]
        pairs = {pair.encode() for run in runs for pair in map("".join, itertools.pairwise(run))}
        if pairs <= self._pairs:
            return
        for first in set("".join(runs)):
            self._enter(first.encode(), pairs)
        self._pairs |= pairs

    def _enter(self, first: bytes, pairs: set[bytes]) -> None:
        """Add the words with this first character whose end pairs are among these."""
        lines = self._blocks.get(first, b"").split(b"\n")
        for line in [line for line in lines if line[:6] in pairs or line[3:4] == b" "]:
            spelling, count, tag = line.split(b" ")
            if len(spelling) > 3 and spelling[-6:] not in pairs:
                continue
            word = spelling.decode()
            if self._tags.get(word, KNOWN) == KNOWN:
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
    """Return vocabulary words in Chinese characters, which jieba must not split."""
    words = (*list_han_spellings(), *load_lines("terms", "terms"))
    return [word for word in words if HAN.fullmatch(word)]


@cache
def segmenter() -> Segmenter:
    """Return the segmenter of this process; the first call imports jieba."""
    return Segmenter()


def _read_blocks(dictionary: bytes) -> dict[bytes, bytes]:
    """Return the lines of the dictionary by first character, which has three bytes."""
    blocks: dict[bytes, bytes] = {}
    for match in _BLOCK.finditer(dictionary):
        blocks[match[1]] = blocks.get(match[1], b"") + match[0]
    return blocks


def _empty_tokenizer(jieba: Any) -> Any:
    """Return a tokenizer without words that leaves no cache file in a shared folder."""
    with TemporaryDirectory() as folder:
        dictionary = Path(folder) / "empty.txt"
        dictionary.write_text(f"\u00b7 {UNSEEN} x\n", encoding="utf-8")
        tokenizer = jieba.Tokenizer(str(dictionary))
        tokenizer.tmp_dir = folder
        tokenizer.initialize()
    return tokenizer
