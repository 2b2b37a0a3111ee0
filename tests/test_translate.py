"""A finished report in another language: every item is verified again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from digest.errors import LlmError
from digest.llm.client import Call
from digest.models import SECTIONS, Counts, Item, Section, Window
from digest.reading import Story, read
from digest.write import Material
from digest.write.model.prompts import load_prompts
from digest.write.model.translate import translate
from tests.posts import TOPIC, post

PROMPTS = load_prompts(Path(__file__).parents[1] / "prompts")
POSTS = [
    post("Northlight released Meridian 4 today; it costs $20 a month.", "1", author="northlight"),
    post("Kitewick raised $300 million from Harbor Peak for its robots.", "2", author="kitewick"),
    post("Larkspur fixed the bug in Speak 5 after 40 reports.", "3", author="larkspur"),
]
ZH = [
    Item("每月 20 美元。", "Northlight 发布 Meridian 4", cites=("x:1",), status="new"),
    Item("Kitewick 获 Harbor Peak 3 亿美元投资，用于机器人。", cites=("x:2",), status="new"),
    Item("Larkspur 收到 40 份报告后修复 Speak 5 的缺陷。", cites=("x:3",), status="new"),
]
EN = [
    ("Northlight releases Meridian 4", "It costs $20 a month."),
    ("", "Kitewick raised $300 million from Harbor Peak for its robots."),
    ("", "Larkspur fixed the bug in Speak 5 after 40 reports."),
]


def report(*points: Item) -> tuple[Section, ...]:
    return tuple(Section(name, name, points if name == "points" else ()) for name in SECTIONS)


def day() -> Material:
    stories = tuple(Story(tuple(read([one]))) for one in POSTS)
    window = Window(date(2025, 12, 5), date(2025, 12, 5), "UTC")
    return Material(replace(TOPIC, language="en"), window, stories, Counts(), (), ())


FALLBACK = report(Item("The posts' own sentence.", cites=("x:1",)))


async def render(*texts: tuple[str, str], items: Sequence[Item] = ZH) -> tuple[Section, ...]:
    async def ask(call: Call[Any]) -> Any:
        assert "English" in call.prompt
        answer = [{"id": f"i{n}", "title": a, "text": b} for n, (a, b) in enumerate(texts)]
        return call.schema.model_validate({"items": answer})

    return await translate(report(*items), day(), FALLBACK, ask, PROMPTS)


async def test_every_item_is_translated_with_its_cites() -> None:
    sections = await render(*EN)
    points = next(section for section in sections if section.name == "points")
    assert [(item.title, item.text) for item in points.items] == EN
    assert [item.cites for item in points.items] == [item.cites for item in ZH]
    assert points.title != "points"  # the heading of that language
    assert "not by the model" in sections[SECTIONS.index("filtered")].items[-1].text


async def test_an_item_that_changes_a_figure_is_left_out() -> None:
    wrong = ("", "Larkspur fixed the bug in Speak 5 after 400 reports.")
    sections = await render(*EN[:2], wrong)
    points = next(section for section in sections if section.name == "points")
    assert [item.text for item in points.items] == [text for _, text in EN[:2]]


async def test_a_quiet_day_says_so_in_every_language() -> None:
    quiet = Item("今天值得讲的事件只有 3 件。", status="note")
    sections = await render(*EN, items=[*ZH, quiet])
    points = next(section for section in sections if section.name == "points")
    assert points.items[-1] == Item(
        "A quiet day: only 3 stories are worth reporting.", status="note"
    )


@pytest.mark.parametrize("count", [0, 1])
async def test_with_too_few_translations_the_fallback_is_used(count: int) -> None:
    assert await render(*EN[:count]) == FALLBACK


async def test_without_an_answer_the_fallback_is_used() -> None:
    async def ask(_: Call[Any]) -> Any:
        raise LlmError("no answer")

    assert await translate(report(*ZH), day(), FALLBACK, ask, PROMPTS) == FALLBACK
