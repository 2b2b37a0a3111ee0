"""Judgements about text that are learned from labels: one small linear head each.

A head reads the hashed n-grams of a text and the encoder's vector of it. Scores are margins of a
linear classifier: above 0 the label is the likelier one, and most lie between -1 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from digest.reading import Reading
from digest.reading.heads.linear import score_texts
from digest.reading.heads.ngrams import Floats
from digest.select.embed import Vectors

OF_POSTS = ("news", "advertisement")
"""Heads that judge every post of a day."""


def score_posts(readings: Sequence[Reading], vectors: Vectors) -> Mapping[str, list[float]]:
    """Return the scores of the posts by each head of OF_POSTS.

    `vectors` are those of the posts; zeros for one that was not encoded.
    """
    scores = score_texts(OF_POSTS, [reading.text for reading in readings], vectors)
    return {name: each.tolist() for name, each in zip(OF_POSTS, scores, strict=True)}


def score_sentences(texts: Sequence[str], vectors: Vectors | None) -> tuple[Floats, Floats]:
    """Return how well each sentence can stand alone in a digest (news, detail or view), and how
    likely it is somebody's view rather than news, which means something only for one that can.

    `vectors` are `embed(texts)`, or None to judge by the n-grams alone (cheaper). On days left out
    of training, of sentences at random (15 % fit to print) 40 % of those above -0.4 are fit, 57 %
    above 0 and 73 % above 0.4; these are 88, 62 and 29 % of all that are fit.
    """
    fitness, opinion = score_texts(("stands_alone", "view"), texts, vectors)
    return fitness, opinion
