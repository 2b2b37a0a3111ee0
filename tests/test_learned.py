"""The learned model: small, reproducible, and right about plain cases."""

import io

import numpy as np
import pytest

from digest.select.learned import BUCKETS, FILE, features, promotion
from tools.evaluate_data import DATA
from tools.train_promotion import fit, model, rows

PITCHES = (
    "Use code SAVE20 for 20% off, get yours now https://t.co/x",
    "限时优惠，注册即送代金券，点击链接领取",
)
OTHERS = (
    "We trained a model with 7B parameters and it fails on long proofs",
    "请教大家，这个报错怎么解决？",
)


def test_pitches_read_more_like_promotion() -> None:
    assert min(promotion(PITCHES)) > max(promotion(OTHERS))
    assert promotion([""])[0] < 0.6


def test_features_are_buckets_each_once() -> None:
    found, counts = features("Buy now, buy now 现在购买")
    assert len(set(found.tolist())) == len(found) == len(counts) > 10
    assert 0 <= found.min() <= found.max() < BUCKETS
    assert counts.min() == 1
    assert counts.max() == pytest.approx(1.69, abs=0.01)


def test_the_regression_learns_what_separates() -> None:
    texts = [f"{word} {n}" for n in range(20) for word in ("sale", "paper")]
    true = np.array([t.startswith("sale") for t in texts])
    data = rows(texts)
    weights, bias = fit(data, true)
    assert ((data.times(weights) + bias > 0) == true).all()


def test_the_file_is_small_and_made_again() -> None:
    """Byte for byte on one kind of processor; `exp` differs in its last bit between kinds, which may
    turn the rounding of a few weights."""
    assert FILE.stat().st_size < 1_000_000
    if not (DATA / "ads").is_dir():
        pytest.skip("../shared/data is absent")
    again, stored = np.load(io.BytesIO(model(DATA))), np.load(FILE)
    assert again.files == stored.files
    assert (again["rarity"] == stored["rarity"]).all()
    steps = np.abs(again["weights"].astype(int) - stored["weights"].astype(int))
    assert steps.max() <= 1
    assert (steps > 0).mean() < 1e-3
    assert again["numbers"] == pytest.approx(stored["numbers"], abs=1e-4)
