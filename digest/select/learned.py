"""How much a text reads like promotion, learned from labelled posts: a linear model over hashed n-grams.

Words and pairs of words stand for Latin script, runs of one to three characters for the others, each
hashed into a bucket (Weinberger et al., ICML 2009). To them comes what the rules for ads find, which
stand for many words too rare to learn. The file holds one small number a bucket, so no text can be
read back from it. `python -m tools.train` makes it again.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from digest.select.ads import worded
from digest.text import HANDLE, URL, clean

FILE = Path(__file__).with_name("promotion.npz")
BUCKETS = 1 << 18
WORDED = 0.055
"""What an advertisement's wording counts, whatever the length of the text: as much as one of some
300 features, whose squares add up to one."""
WORDS_READ = 200
"""Tokens of a text that are looked at: the pitch stands at the beginning or the end of a post."""

_TOKEN = re.compile(
    r"[a-z\u00c0-\u024f]+(?:['’][a-z]+)?|\d+|[\u3041-\u30fa\u3400-\u9fff\uac00-\ud7af]+"
    r"|[^\sa-z\d\u00c0-\u024f\u3041-\u30fa\u3400-\u9fff\uac00-\ud7af]"
)
TITLE = 80
"""Characters of the first line that count as its title."""
_SHOUTED = re.compile(r"[A-Z]{3,}")
_CAPITAL = re.compile(r"\b[A-Z][A-Za-z]+\b")
_LINK_END = re.compile(r"https?://\S+$")
_WIDE = re.compile(r"[\u3041-\u30fa\u3400-\u9fff\uac00-\ud7af]")

Buckets = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float32]


def features(text: str) -> tuple[Buckets, Weights]:
    """The buckets that a text falls into, each once, ascending; and what each counts in it: one, and
    the logarithm of how often it does (Salton and Buckley, 1988)."""
    found = [zlib.crc32(gram.encode()) % BUCKETS for gram in _grams(text)]
    buckets, often = np.unique(np.array(found, np.int64), return_counts=True)
    return buckets, np.log(often, dtype=np.float32) + 1


def _grams(text: str) -> Iterator[str]:
    seen = clean(text)
    marked = HANDLE.sub(" ￺ ", URL.sub(" ￹ ", seen)).lower()
    tokens = _TOKEN.findall(marked)
    size = len(seen)
    yield f"size {min(12, int(2 * math.log2(size + 1)))}"
    yield f"lines {min(5, seen.count(chr(10)))}"
    yield f"links {min(3, marked.count('￹'))}"
    yield f"first {' '.join(tokens[:1])}"
    yield f"last {' '.join(tokens[-2:])}"
    yield from _shape(seen)
    title = _TOKEN.findall(marked.split("\n", 1)[0][:TITLE])
    yield from (f"title {gram}" for gram in _runs(title))
    if len(tokens) > WORDS_READ:
        tokens = tokens[: WORDS_READ // 2] + tokens[-WORDS_READ // 2 :]
    yield from _runs(tokens)


def _shape(text: str) -> Iterator[str]:
    """How a text is set, whatever it says: capitals, marks, and how it ends."""
    capitals = sum(c.isupper() for c in text)
    yield f"capitals {int(20 * capitals / max(1, len(text)))}"
    yield f"shouted {min(5, len(_SHOUTED.findall(text)))}"
    yield f"small {text[:1].islower()}"
    yield f"reply {min(4, text.count('@'))} {text[:1] == '@'}"
    for mark in "#!?$":
        yield f"{mark} {min(4, text.count(mark))}"
    yield f"cut {'…' in text[-40:]}"
    yield f"end {'link' if _LINK_END.search(text) else text[-1:]}"
    yield from (f"name {word}" for word in _CAPITAL.findall(text)[:60])


def _runs(tokens: Sequence[str]) -> Iterator[str]:
    before = ""
    for token in tokens:
        word = "0" * min(4, len(token)) if token.isdigit() else token
        if _WIDE.match(word):
            for size in (1, 2, 3):
                for at in range(len(word) - size + 1):
                    yield word[at : at + size]
        else:
            yield word
            yield f"{before} {word}"
        before = word[-1:] if _WIDE.match(word) else word


def promotion(texts: Sequence[str]) -> list[float]:
    """How likely each text is promotion, 0 to 1, by the committed model."""
    weights, rarity, ad, bias = _model()
    found = []
    for text in texts:
        own, counts = features(text)
        values = counts * rarity[own]
        told = float((weights[own] * values).sum() / np.sqrt((values**2).sum()))
        found.append(_sigmoid(told + WORDED * ad * worded(text) + bias))
    return found


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))


@cache
def _model() -> tuple[Weights, Weights, float, float]:
    """Weights and rarity of the buckets, the weight of an advertisement's wording, the bias."""
    with np.load(FILE) as stored:
        scale, ad, bias = (float(number) for number in stored["numbers"])
        weights = stored["weights"].astype(np.float32) * np.float32(scale)
        return weights, stored["rarity"].astype(np.float32) / 16, ad, bias
