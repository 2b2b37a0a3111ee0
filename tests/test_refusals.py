"""Refusals by the model's check, and what is left of such items."""

from __future__ import annotations

import pytest

from digest.models import Item, SectionName
from digest.write.model.candidates import Candidate, drop_failed, split_pieces
from digest.write.model.check import apply_check, cut_refused, keep_refused
from digest.write.model.schemas import Check
from digest.write.verify.screening import is_generic, screen_items, trim_items
from tests.posts import post

POST = post("Kitewick raised $40 million from Sequoia on Thursday. It fired its CTO Bob Ray.", "1")
FALSE = "Bob Ray fired Kitewick"
TEXT = f"Kitewick raised $40 million from Sequoia on Thursday. CTO {FALSE}."


def candidate(text: str, section: SectionName = "events", title: str = "") -> Candidate:
    return Candidate(section, Item(text, title=title, cites=(POST.key,), status="new"), (POST,))


def refused(text: str, *words: str) -> Candidate:
    answer = Check.model_validate({"wrong": [{"id": "i1", "words": place} for place in words]})
    (judged,), _ = apply_check([candidate(text)], answer, {"i1": 0})
    return judged


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ((FALSE,), "Kitewick raised $40 million from Sequoia on Thursday."),
        ((FALSE, "from Sequoia"), ""),
        (("from Sequoia", FALSE), ""),
        ((FALSE, ""), ""),
        ((FALSE, "what the item does not say"), ""),
        ((FALSE, "Thursday. CTO"), ""),
    ],
)
def test_every_refused_passage_is_cut(words: tuple[str, ...], left: str) -> None:
    cut = cut_refused(refused(TEXT, *words))
    assert (cut.item.text if not cut.problems else "") == left


def test_a_second_problem_does_not_hide_the_first() -> None:
    before = refused(TEXT, FALSE)
    again = candidate(f"Kitewick raised $90 million from Sequoia on Thursday. CTO {FALSE}.")
    after = keep_refused(before, screen_items([again], {"p1": POST}, "en")[0])
    (cut,) = trim_items([cut_refused(after)], {"p1": POST}, "en")
    assert cut.problems
    assert cut.item.text == "Kitewick raised $90 million from Sequoia on Thursday."


@pytest.mark.parametrize(
    ("title", "text", "left"),
    [
        ("", "Kitewick raised $9. It came from Sequoia. They agree. Ada agrees.", "Ada agrees."),
        ("", "融资 9 元。它来自红杉。红杉表示满意。", "红杉表示满意。"),
        ("Kitewick raises money", "Kitewick raised $9. It is from Oslo.", "It is from Oslo."),
        ("", "It is from Oslo. Kitewick raised $9.", "It is from Oslo."),
        ("", "Kitewick of Oslo raised $9 today; an analyst agrees.", "An analyst agrees."),
        ("", "Kitewick of Oslo raised $9 today; vLLM agrees.", "vLLM agrees."),
    ],
)
def test_sentences_that_refer_to_a_dropped_one_are_dropped(
    title: str, text: str, left: str
) -> None:
    whole = candidate(text, "points", title)
    assert (
        drop_failed(whole, ["9" in part.item.text for part in split_pieces(whole)]).item.text
        == left
    )


def test_the_name_of_a_stock_alone_is_not_printed() -> None:
    wrong = screen_items(
        [candidate("Kitewick raised $90 million.", "markets", "Kitewick")], {}, "en"
    )
    assert trim_items(wrong, {}, "en")[0].problems


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("Kitewick teaches robots to walk.", False),
        ("Microsoft teaches robots to walk.", False),
        ("微软教机器人走路。", False),
        ("Users complain about prices.", True),
        ("Competition heats up.", True),
    ],
)
def test_a_name_at_the_start_of_a_sentence_is_specific(text: str, *, fits: bool) -> None:
    assert is_generic(candidate(text)) is fits
