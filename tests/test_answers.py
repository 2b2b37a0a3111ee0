"""Answers as models give them: wrapped, broken, cut, or no answer at all."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from digest.llm.answers import Unusable, read
from tests.costs import growth


class Point(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    cites: list[str]
    rank: int = 0
    kind: Literal["stock", "coin"] | None = None


class Brief(BaseModel):
    model_config = ConfigDict(extra="forbid")

    points: list[Point]
    notes: list[str]


class Loose(BaseModel):
    """Everything optional: a stray object must not pass for an empty answer."""

    points: list[dict[str, Any]] = []


def brief(*points: dict[str, Any], notes: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"points": list(points), "notes": list(notes)}


ONE = {"text": "他说“好”。", "cites": ["p1"], "rank": 1, "kind": "coin"}
TWO = {"text": "It is out.", "cites": ["p2", "p3"], "rank": 2, "kind": None}
WHOLE = brief(ONE, TWO, notes=("quiet",))
TEXT = json.dumps(WHOLE, ensure_ascii=False)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"\ufeff{TEXT}",
        f"```json\n{TEXT}\n```",
        f"```\n{TEXT}",
        f"Sure! Here it is:\n\n{TEXT}\n\nHope this helps {{smile}}!",
        f"<think>Maybe {{}} or {brief()}?</think>\n{TEXT}",
        f"Maybe {{}}.</think>{TEXT}",
        f"A {{draft}}: {json.dumps(brief())}\n</think>{TEXT.replace(']}', '],}')}",
        f"```json\n{json.dumps(brief())}\n``` is my draft</think>\n{TEXT}",
        f"A draft: ```json\n{json.dumps(brief())}\n``` And now ```json\n{TEXT}\n```",
        f"{TEXT}\n</think>",
        f"<think>\n{TEXT}\n</think>",
        json.dumps(TEXT),
        json.dumps({"type": "object", "properties": WHOLE}),
        f"<THINKING>a</THINKING>{TEXT}<think>was that right",
        f"<think>a</think> <think>b</think>{TEXT}",
        f"{TEXT}\n\n <think>Or {brief()}, {json.dumps(brief())}",
        f'The schema {{"properties": {{"points": 1}}}} asks for {TEXT}',
        f"A draft: {json.dumps(brief())} and the answer: {TEXT}",
        f"{TEXT} Left out, so no {json.dumps(brief())}",
        TEXT.replace("}]", "},]"),
        TEXT.replace('"rank": 1', '"rank": "1"'),
        TEXT.replace("]}", "],}"),
        TEXT.replace('["p1"]', '"p1"'),
        TEXT.replace('"coin"', '" Coin"'),
        TEXT.replace('["quiet"]', '"quiet"'),
        TEXT.replace('"rank": 2', '"rank": 2, "why": "good"'),
        TEXT.replace('"points"', "points", 1).replace('"notes"', "'notes'"),
        TEXT.replace("It is", "It\\u0000 is"),
    ],
)
def test_a_wrapped_or_slightly_broken_answer_is_read(text: str) -> None:
    assert read(text, Brief) == Brief.model_validate(WHOLE)


@pytest.mark.parametrize("said", ["the <think> tag", "</think> ends it", "a <reasoning> block"])
@pytest.mark.parametrize(
    "before",
    [
        "",
        "<think>Maybe {}.</think>",
        "```json\n",
        "Here is the JSON:\n",
        "Of <think> tags, </think> too:\n",
        "Posts name the <think> tag:\n",
        "So. <think>Maybe {}.</think>",
        "Here is the JSON:\n```json\n",
        'Okay, so "quiet" for 5" {}</think>',
        '<think>One says </think> "ends it", {"a": 1}.</think>\n',
    ],
)
def test_tags_of_thoughts_that_a_post_names_stay(said: str, before: str) -> None:
    told = brief(ONE, TWO | {"text": f"It drops {said}."}, TWO)
    for text in (json.dumps(told), json.dumps(told).replace("]}", "],}")):
        assert read(before + text, Brief) == Brief.model_validate(told)


def test_thoughts_are_told_from_the_answer_in_linear_time() -> None:
    for piece in ("<think>", "</think>", "<think></think>", "{", '{"', '{"\\', "{}</think>", "```"):
        assert growth(_try_to_read, piece) < 8


def _try_to_read(text: str) -> None:
    with suppress(Unusable):
        read(text, Brief)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("<think>and so on", "empty"),
        ("The day was quiet.", "no JSON"),
        ("null", "wrong shape"),
        ("[]", "wrong shape"),
        ("{}", "wrong shape"),
        ('{"points": null, "notes": []}', "wrong shape"),
        ('{"points": ["It is out."], "notes": []}', "wrong shape"),
        ('{"points": {"text": []}, "notes": []}', "wrong shape"),
        ('{"error": "no"}', "wrong shape"),
        ('{"result": {"points": [], "notes": []}}', "wrong shape"),
        ("[" * 200_000, "no JSON"),
        ("{" * 90_000, "no JSON"),
        ('{"a":' * 50_000, "no JSON"),
    ],
)
def test_no_answer_is_told_from_one(text: str, kind: str) -> None:
    begin = time.monotonic()
    with pytest.raises(Unusable, match=kind):
        read(text, Brief)
    assert time.monotonic() - begin < 20


def test_a_stray_object_is_no_empty_answer() -> None:
    for text in ('{"text": "hello"}', json.dumps(Loose.model_json_schema())):
        with pytest.raises(Unusable):
            read(text, Loose)
    assert read('{"points": []}', Loose) == Loose()


def test_a_cut_answer_never_gives_half_a_sentence() -> None:
    text = json.dumps(WHOLE)
    told = [_told(text[:end]) for end in range(len(text))]
    assert all(points in ([], [ONE], [ONE, TWO]) for points in told)
    # What is complete is kept from its end on.
    first, second = text.index(', {"text": "It'), text.index('], "notes"')
    assert all(points == [ONE] for points in told[first:second])
    assert all(points == [ONE, TWO] for points in told[second:])
    assert not any(told[:first])


def _told(text: str) -> list[dict[str, Any]]:
    """The points of a cut answer; none where it is of no use."""
    try:
        found = read(text, Brief, cut=True)
    except Unusable:
        return []
    assert found.notes in ([], ["quiet"])
    return [point.model_dump() for point in found.points]


def test_a_cut_nobody_told_of_is_seen() -> None:
    text = TEXT[: TEXT.index(" out.")]
    assert [p.text for p in read(text, Brief).points] == ["他说“好”。"]


def test_a_complete_answer_stays_whole_though_the_model_went_on() -> None:
    assert read(f"{TEXT}\n\n\n\n", Brief, cut=True) == Brief.model_validate(WHOLE)


def test_half_a_surrogate_does_no_harm() -> None:
    found = read('{"points": [], "notes": ["a\\ud83d b", "\\ud83d\\ude00"]}', Brief)
    assert found.notes == ["a\ufffd b", "😀"]
    found.model_dump_json()


def test_a_bare_list_fills_the_only_list() -> None:
    assert read('[{"a": 1}]', Loose).points == [{}]


@given(
    st.lists(st.tuples(st.integers(0, len(TEXT)), st.sampled_from([*'{}[]",:\\<`x', ""]))),
    st.booleans(),
)
def test_whatever_a_model_breaks_is_an_answer_or_unusable(
    slips: list[tuple[int, str]], cut: bool
) -> None:
    text = TEXT
    for place, sign in slips:
        text = text[:place] + sign + text[place + 1 :]
    with suppress(Unusable):
        assert isinstance(read(text, Brief, cut), Brief)
