"""Subword tokenizer of the encoder, one word at a time.

No subword spans a blank, so a word is cut alike in every text and needs cutting once a day. The
encoder's package cuts whole texts, after it has built a table of all prefixes: 1.9 s for a day's
posts where this takes 0.7 s, and 40 MB more, for the same ids.
"""

import unicodedata
from array import array
from pathlib import Path

UNKNOWN, START, END = 0, 1, 2
"""Ids of the subwords that stand for no letters."""
_BLANK = "\u2581"
"""Stands before each word."""
_FIELD = 10
"""Tag byte of a subword in the file, and of its letters (SentencePiece's ModelProto): a length byte
follows each tag; a tag byte and a float, the score, follow the letters."""


class SubwordTokenizer:
    """Cut words into their most probable subwords under a unigram model (Kudo, ACL 2018)."""

    def __init__(self, model: Path) -> None:
        data, place, scores = model.read_bytes(), 0, bytearray()
        self._ids: dict[str, int] = {}
        while data[place] == _FIELD:
            end = place + 4 + data[place + 3]
            self._ids[data[place + 4 : end].decode()] = len(self._ids)
            scores += data[end + 1 : end + 5]
            place += 2 + data[place + 1]
        self._scores = array("f", bytes(scores)).tolist()
        self._scores[UNKNOWN] = min(self._scores) - 10
        self._longest: dict[str, int] = {}  # letters at most, by the first two
        for subword in self._ids:
            length = self._longest.get(subword[:2], 0)
            self._longest[subword[:2]] = max(length, len(subword))
        self._words: dict[str, list[int]] = {}

    def encode(self, text: str, **_: object) -> list[int]:
        """Return the ids of a text's subwords, between those of its start and its end."""
        ids = [START]
        for word in _normalize(text).split():
            if word not in self._words:
                self._words[word] = self._cut(_BLANK + word)
            ids += self._words[word]
        return [*ids, END]

    def _cut(self, word: str) -> list[int]:
        """Return the ids of the subwords whose scores have the greatest sum (Viterbi)."""
        best = [0.0] + [-float("inf")] * len(word)
        last = [(0, UNKNOWN)] * len(best)  # start and id of the subword that ends at each place
        for start in range(len(word)):
            longest = self._longest.get(word[start : start + 2], 1)
            for end in range(start + 1, min(start + longest, len(word)) + 1):
                subword = self._ids.get(word[start:end], UNKNOWN)
                if subword == UNKNOWN and end > start + 1:
                    continue
                score = best[start] + self._scores[subword]
                if score > best[end]:
                    best[end], last[end] = score, (start, subword)
        ids, end = [], len(word)
        while end:
            end, subword = last[end]
            ids.append(subword)
        return ids[::-1]


def _normalize(text: str) -> str:
    """Return the text in the letters of the vocabulary: NFKC, except for the full-width tilde."""
    return "\uff5e".join(unicodedata.normalize("NFKC", part) for part in text.split("\uff5e"))
