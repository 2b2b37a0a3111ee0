"""The trained heads: right about plain cases, and reproducible from the labels."""

import numpy as np
import pytest

from digest.reading.heads import linear
from digest.reading.heads.linear import FOLDER, VECTOR_STEPS, load_head, score_sentences
from digest.reading.heads.ngrams import fold_hashes, hash_text
from digest.select.embed import embed
from tools.evaluate_data import DATA
from tools.train import pack_head, train_head
from tools.train_linear import Examples, Penalty, fit, make_head

STANDING = (
    "Northlight releases Meridian 3.2, an open-weights model with 70 billion parameters.",
    "欧盟对三家人工智能公司展开反垄断调查。",
    "Nvidia will invest $5 billion in Intel and build data center chips with it.",
    "谷歌推出新的视频模型,支持生成 60 秒的视频",
)
BROKEN = (
    "This changes everything, read on:",
    "是不是有人也遇到过这个问题?",
    "lol I can't even",
    "所以我就没有再去了。",
)


def test_sentences_that_stand_alone_score_higher() -> None:
    texts = STANDING + BROKEN
    scores, _ = score_sentences(texts, embed(texts))
    assert min(scores[: len(STANDING)]) > max(scores[len(STANDING) :])


def test_views_score_higher_than_news() -> None:
    texts = (
        "I believe small models will replace most agents within two years.",
        "OpenAI acquires Statsig for $1.1 billion.",
    )
    _, (view, news) = score_sentences(texts, embed(texts))
    assert view > news


def test_without_the_encoder_the_ngrams_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "has_encoder", lambda: False)
    texts = STANDING + BROKEN
    scores, _ = score_sentences(texts, np.zeros((len(texts), 512), np.float32))
    assert np.mean(scores[: len(STANDING)]) > np.mean(scores[len(STANDING) :])


def test_features_have_unit_length() -> None:
    texts = ["Buy now, buy now 现在购买", "", "Buy now"]
    rows, buckets, weights = fold_hashes([hash_text(text) for text in texts], 256)
    features = list(zip(rows.tolist(), buckets.tolist(), strict=True))
    assert features == sorted(set(features))
    assert 0 <= buckets.min() <= buckets.max() < 256
    assert np.bincount(rows, weights**2).tolist() == pytest.approx([1, 1, 1])


def test_texts_score_the_same_alone_and_in_a_batch() -> None:
    head = load_head("stands_alone")
    hashes = [hash_text(text) for text in (*STANDING, "", *BROKEN)]
    alone = [head.score([each], None)[0] for each in hashes]
    assert head.score(hashes, None).tolist() == pytest.approx(alone, abs=1e-12)
    assert head.score([], None).tolist() == []


def test_the_fit_separates_the_labels() -> None:
    texts = [f"{word} {n}" for n in range(20) for word in ("sale", "paper")]
    labels = np.array([text.startswith("sale") for text in texts])
    hashes = [hash_text(text) for text in texts]
    vectors = np.zeros((len(texts), 4), np.float32)
    examples = Examples.of(hashes, vectors, 1 << 12)
    point = fit(examples, labels, Penalty(0.1, 0.1))
    assert ((examples.score(point) > 0) == labels).all()
    head = make_head(point, examples)
    assert ((head.score(hashes, vectors) > 0) == labels).all()
    assert pack_head(head) == pack_head(head)


def test_heads_are_small_and_reproducible() -> None:
    """Equal byte for byte on one CPU. Between kinds of CPU, or with texts encoded in other batches, a
    weight may differ by a few steps, because the optimiser stops a round earlier or later."""
    assert sum(path.stat().st_size for path in FOLDER.glob("*.npz")) < 1_500_000
    if not (DATA / "labels" / "sentences_dev.jsonl").is_file():
        pytest.skip("../shared/data is absent")
    made, stored = train_head("view", DATA), load_head("view")
    for again, before in ((made.ngrams, stored.ngrams), (made.vector, stored.vector)):
        step = np.abs(before).max() / 127
        assert np.abs(again - before).max() <= 3 * step
    assert made.bias == pytest.approx(stored.bias, abs=5e-3)
    assert VECTOR_STEPS == 1024
