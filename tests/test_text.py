"""Cleaning and telling languages apart."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.text import MAX_CHARS, clean, language, plain
from tests.costs import growth


def test_spaces_are_folded_and_plain_text_is_no_html() -> None:
    assert clean("A &amp; B  &lt;b&gt;\r\n\r\n\r\nC") == "A &amp; B &lt;b&gt;\n\nC"


@pytest.mark.parametrize(
    "text",
    [
        "👩‍💻 writes",  # a joined emoji
        "❤️‍🔥 and 1️⃣",  # emoji made of a sign and a selector
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f wins",
        "می\u200cخواهم",  # Persian: without its joiner another word
        "ക്\u200dഷ and क्\u200dष",
        "new \U0001fae9 emoji, newer \U0001facd",
    ],
)
def test_what_belongs_together_survives(text: str) -> None:
    assert clean(text) == text


def test_joiners_elsewhere_go() -> None:
    assert clean("i\u200dgn\u200core 中\u200d文\u200d") == "ignore 中文"
    assert plain("👩‍💻 writes ❤️‍🔥🏴\U000e0067\U000e0062\U000e007f code") == "writes code"


def test_letters_in_another_dress_become_plain() -> None:
    assert clean("ＮＶＩＤＩＡ　２０２６ ｴﾇﾋﾞﾃﾞｨｱ，") == "NVIDIA 2026 エヌビディア，"


def test_what_hides_or_reorders_text_is_taken_out() -> None:
    hidden = "in\u200bvis\u202eible\u2066 \U000e0041tags\u00ad \ud800half \x1b[31mred"
    assert clean(hidden) == "invisible tags half [31mred"


def test_stacked_accents_are_thinned() -> None:
    assert len(clean("z" + "\u0301" * 50)) <= 3


def test_styled_letters_become_plain() -> None:
    assert clean("𝗔𝗜 𝓃𝑒𝓌𝓈") == "AI news"


def test_long_text_is_cut() -> None:
    assert len(clean("长" * 10 * MAX_CHARS)) == MAX_CHARS


def test_plain_keeps_only_words() -> None:
    text = "🚀 New model https://t.co/abc from @lab #AI example.com/x"
    assert plain(text) == "New model from AI"


@pytest.mark.parametrize("piece", ["Ab-", "a.-", "a.", "-"])
def test_what_looks_like_an_endless_address_costs_no_more_than_its_length(piece: str) -> None:
    assert growth(plain, piece) < 12


def test_languages_of_short_posts() -> None:
    assert language("OpenAI 发布了新模型 GPT-5.2") == "zh"
    assert language("新しいモデルが発表されました") == "ja"
    assert language("The new model is out and it is fast") == "en"
    assert language("GPT-5.2 benchmark results") == "en"
    assert language("El nuevo modelo ya está en la nube para todos") == "other"
    assert language("Новая модель вышла сегодня") == "other"
    assert language("https://t.co/x 🚀") == "other"


def test_one_latin_name_does_not_make_chinese_english() -> None:
    assert language("Claude Code 今天上线了 Skills 功能,大家可以试试") == "zh"


@given(st.text(max_size=400))
def test_cleaning_twice_changes_nothing_that_matters(text: str) -> None:
    once = clean(text)
    hidden = {"Cc", "Cs", "Co"}
    assert all(c == "\n" or unicodedata.category(c) not in hidden for c in once)
    once.encode()
    assert clean(once.replace("&", "+")) == once.replace("&", "+")
    assert language(text) in ("zh", "ja", "en", "other")
