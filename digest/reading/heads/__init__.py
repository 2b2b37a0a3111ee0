"""Judgements about text that are learned from labels: one small linear head each.

A head reads the hashed n-grams of a text and the encoder's vector of it. Scores are margins of a
linear classifier: above 0 the label is the likelier one, and most lie between -1 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from digest.reading import Reading
from digest.reading.heads.linear import load_head, normalize_script, score_texts
from digest.reading.heads.ngrams import Floats, hash_text
from digest.select.embed import Vectors, has_encoder

OF_POSTS = ("news", "advertisement")
"""Heads that judge every post of a day."""


def score_posts(readings: Sequence[Reading], vectors: Vectors) -> Mapping[str, list[float]]:
    """Return the scores of the posts by each head of OF_POSTS.

    `vectors` are those of the posts; zeros for one that was not encoded.
    """
    hashes = [hash_text(normalize_script(reading.text)) for reading in readings]
    encoded = vectors if has_encoder() else None
    return {name: load_head(name).score(hashes, encoded).tolist() for name in OF_POSTS}


def score_sentences(texts: Sequence[str], vectors: Vectors | None) -> Floats:
    """Return how well each sentence can stand alone in a digest (news, detail or view).

    `vectors` are `embed(texts)`, or None to judge by the n-grams alone (cheaper). On days left out
    of training, of sentences at random (15 % fit to print) 40 % of those above -0.4 are fit, 57 %
    above 0 and 73 % above 0.4; these are 88, 62 and 29 % of all that are fit.
    """
    return score_texts("stands_alone", texts, vectors)


def score_views(texts: Sequence[str], vectors: Vectors) -> Floats:
    """Return how likely each sentence is somebody's view rather than news.

    Means something only for sentences that can stand alone.
    """
    return score_texts("view", texts, vectors)
