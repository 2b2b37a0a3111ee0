"""Evaluate ad, promotion and off-topic detection on labelled posts; the learned model is
cross-validated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digest.reading.heads.ngrams import hash_text
from digest.select.embed import embed
from digest.select.selection import select
from digest.text import clean
from tools.evaluate_data import Row, auc, best_threshold, counted, f1, lines, posts, topic
from tools.left_out import heads_without
from tools.train_linear import Examples, Penalty, fit, scale_by_rarity

FOLDS = 5
BUCKETS = 1 << 18
PENALTY = Penalty(1.0, 4.0)
KEYWORDS = re.compile(
    r"sale|discount|% off|code|free|giveaway|join|register|sign up|webinar|subscribe|course|book|buy|offer"
    r"|优惠|折扣|抽奖|报名|免费|课程|推广|关注|下单",
    re.IGNORECASE,
)

_TERM = re.compile(r"(?=([\u3041-\u30fa\u3400-\u9fff]{2}))|([a-z0-9']+)")
Scores = npt.NDArray[np.float64]


def gold(data: Path) -> list[Row]:
    """Compare the posts that the digest drops with the labels, stream by stream."""
    labels = [r for r in lines(data / "labels" / "ads_gold.jsonl") if r["label"] != "unsure"]
    predicted: list[bool] = []
    ad: list[bool] = []
    true: list[bool] = []
    words: list[bool] = []
    is_ad: list[bool] = []
    for day, stream in sorted({(r["day"], r["stream"]) for r in labels}):
        given = posts(data / "posts" / day / f"{stream}.jsonl")
        text = {p.id: p.text for p in given}
        with heads_without(data, day):
            dropped = {d.key: d.step for d in select(topic(), given, lambda step: None).dropped}
        source = given[0].source
        for row in labels:
            if (row["day"], row["stream"]) == (day, stream):
                step = dropped.get(f"{source}:{row['id']}", "")
                predicted.append(step in ("ads", "offtopic"))
                ad.append(step == "ads")
                true.append(row["label"] != "keep")
                is_ad.append(row["label"] == "ad")
                words.append(bool(KEYWORDS.search(text[row["id"]])))
    if not labels:
        return [Row("ads_gold", "F1", "no data")]
    return [
        Row(
            f"ads_gold: ad or off topic, {len(true)} posts",
            "F1",
            f"{f1(predicted, true):.3f}",
            f"keywords {f1(words, true):.3f}, all {f1([True] * len(true), true):.3f}",
            ".80",
        ),
        Row(
            "ads_gold: ads alone", "F1", f"{f1(ad, is_ad):.3f}", f"keywords {f1(words, is_ad):.3f}"
        ),
    ]


def cross_validate(texts: Sequence[str], true: npt.NDArray[np.bool_]) -> tuple[Scores, list[bool]]:
    """Return cross-validated scores, and whether each text is predicted to be promotion. The
    threshold is tuned on the training texts, each scored by a head trained without it."""
    examples = scale_by_rarity(
        Examples.of([hash_text(clean(t)) for t in texts], embed(texts), BUCKETS)
    )
    fold = np.random.default_rng(0).integers(0, FOLDS, len(texts))
    scores, judged = np.zeros(len(texts)), np.zeros(len(texts), np.bool_)

    def score(learn: npt.NDArray[np.bool_], tested: npt.NDArray[np.bool_]) -> Scores:
        point = fit(examples.select(learn), true[learn], PENALTY)
        return examples.select(tested).score(point)

    for k in range(FOLDS):
        learn, inner = fold != k, np.zeros(len(texts))
        for j in range(FOLDS):
            if j != k:
                inner[fold == j] = score(learn & (fold != j), fold == j)
        threshold = best_threshold(list(inner[learn]), list(true[learn]))
        scores[fold == k] = score(learn, fold == k)
        judged[fold == k] = scores[fold == k] >= threshold
    return scores, list(judged)


def naive_bayes(texts: Sequence[str], true: npt.NDArray[np.bool_]) -> Scores:
    """Score texts with multinomial naive Bayes in the same folds: words and pairs of Han
    characters, add-one smoothing; above 0 means promotion."""
    terms = [Counter("".join(t) for t in _TERM.findall(text.lower())) for text in texts]
    column = {term: i for i, term in enumerate(sorted({t for each in terms for t in each}))}
    place = np.array([column[t] for each in terms for t in each], np.int64)
    count = np.array([n for each in terms for n in each.values()], np.float64)
    row = np.repeat(np.arange(len(terms)), [len(each) for each in terms])
    fold = np.random.default_rng(0).integers(0, FOLDS, len(texts))
    scores = np.zeros(len(texts))
    for k in range(FOLDS):
        logs = []
        for label in (True, False):
            inside = ((fold != k) & (true == label))[row]
            seen = 1 + np.bincount(place[inside], count[inside], len(column))
            logs.append(np.log(seen / seen.sum()))
        learn = true[fold != k]
        odds = np.log(learn.sum() / max(1, (~learn).sum()))
        totals = np.bincount(row, count * (logs[0] - logs[1])[place], len(texts)) + odds
        scores[fold == k] = totals[fold == k]
    return scores


def _labelled(labels: Sequence[dict[str, Any]], label: str) -> npt.NDArray[np.bool_]:
    return np.array([row["label"] == label for row in labels], np.bool_)


def promoted(data: Path) -> Row:
    """Return the row on promoted and organic posts on X."""
    labels = lines(data / "ads" / "x_promoted_dev.jsonl")
    if not labels:
        return Row("x_promoted_dev", "AUC", "no data")
    true = _labelled(labels, "promoted")
    scores, _ = cross_validate([row["text"] for row in labels], true)
    length = np.array([len(row["text"]) for row in labels], np.float64)
    words = np.array([len(KEYWORDS.findall(row["text"])) for row in labels], np.float64)
    bayes = naive_bayes([row["text"] for row in labels], true)
    simple = {
        name: f"{auc(of, true):.3f}"
        for name, of in (("keywords", words), ("length", length), ("naive Bayes", bayes))
    }
    return Row(
        f"x_promoted_dev: {len(labels)} posts, {FOLDS}-fold cross-validation",
        "AUC",
        f"{auc(scores, true):.3f}",
        counted(simple),
        ".90",
    )


def forum(data: Path) -> Row:
    """Return the row on posts of the forum's promotion nodes and of others."""
    labels = lines(data / "ads" / "v2ex_promo_dev.jsonl")
    if not labels:
        return Row("v2ex_promo_dev", "F1", "no data")
    true = _labelled(labels, "promo")
    _, predicted = cross_validate([row["text"] for row in labels], true)
    words = [bool(KEYWORDS.search(row["text"])) for row in labels]
    bayes = list(naive_bayes([row["text"] for row in labels], true) > 0)
    simple = {"keywords": words, "naive Bayes": bayes}
    return Row(
        f"v2ex_promo_dev: {len(labels)} posts, {FOLDS}-fold cross-validation",
        "F1",
        f"{f1(predicted, list(true)):.3f}",
        counted({name: f"{f1(of, list(true)):.3f}" for name, of in simple.items()}),
        ".85",
    )


def rows_of(data: Path) -> list[Row]:
    """Return the rows on ads."""
    return [*gold(data), promoted(data), forum(data)]
