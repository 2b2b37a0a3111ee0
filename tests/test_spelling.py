"""Commands, days, times and zones as people type them (F22)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from pathlib import Path

import pytest

from bot.commands import answer
from bot.compose import find_section
from bot.messages import Incoming
from bot.options import parse_options
from bot.platforms.terminal import everything, render
from bot.typed import (
    DateError,
    convert_numerals,
    index_names,
    normalized,
    parse_days,
    parse_time,
    parse_zone,
    zone_label,
)
from digest.models import Chat
from digest.store import Store
from tests.hosts import context, fill
from tests.posts import TOPIC
from tests.samples import DAY, report

FIFTH = date(2025, 12, 5)
TODAY = date(2025, 12, 8)


@pytest.mark.parametrize(
    "line",
    [
        "／report 2025-12-05",
        "/report ２０２５－１２－０５",
        "/report 12月5号",
        "/report 5号",
        "/report 十二月五日",
        "/report 12.05",
        "/report 2025‑12‑05",
        "/report @jianbao_bot 2025-12-05",
        "@jianbao_bot /report 2025-12-05",
        "/report@jianbao_bot　2025-12-05。",
        "/REPORT 2025年12月05日",
        "/报告12月5日",
        "/report2025-12-05",
        "/报告：5号",
        "/report Dec 5",
        "/report 5 December 2025",
        "/report 上周五",
        "/report friday",
        "/report last friday",
        "/report 5",
        "/report “2025-12-05”",
        "/報告 12月5號",
        "報告 12月5日",
        "/report \u200b12/5",
        "/report \u200e2025-12-05\u2069",
        "/report（2025-12-05）",
        "/report「2025-12-05」",
        "/report：2025-12-05",
        "/report=2025-12-05",
        "/ report 2025-12-05",
    ],
)
async def test_a_line_is_understood_as_a_person_means_it(tmp_path: Path, line: str) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        await fill(store, report(FIFTH))
        here = Incoming(Chat("terminal", "t"), "t", line, configures=everything)
        shown = [render(r, 200, styled=False) async for r in answer(context(store, tmp_path), here)]
    assert shown[0].startswith("人工智能 · 2025-12-05 周五 · 完整报告")


@pytest.mark.parametrize("line", ["/brief。", "/brief !", "／简报", "/简报：", "/BRIEF@x_bot"])
async def test_marks_behind_a_command_are_not_its_name(tmp_path: Path, line: str) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        await fill(store)
        here = Incoming(Chat("terminal", "t"), "t", line, configures=everything)
        shown = [render(r, 200, styled=False) async for r in answer(context(store, tmp_path), here)]
    assert shown[0].startswith(f"人工智能 · {DAY} 周六 · 简报")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("11-27..11-29", date(2026, 11, 27), date(2026, 11, 29)),
        ("11.27-11.29", date(2026, 11, 27), date(2026, 11, 29)),
        ("27号至29号", date(2026, 11, 27), date(2026, 11, 29)),
        ("11月27日—11月30日", date(2026, 11, 27), date(2026, 11, 30)),
        ("12-28..01-03", date(2025, 12, 28), date(2026, 1, 3)),
        ("this week", date(2026, 11, 23), date(2026, 11, 28)),
        ("last 3 days", date(2026, 11, 26), date(2026, 11, 28)),
        ("近三天", date(2026, 11, 26), date(2026, 11, 28)),
        ("最近两天", date(2026, 11, 27), date(2026, 11, 28)),
        ("27/11", date(2026, 11, 27), date(2026, 11, 27)),
    ],
)
def test_a_range_may_end_ahead_and_is_the_near_one(text: str, first: date, last: date) -> None:
    assert parse_days(text, date(2026, 11, 28)) == (first, last)


@pytest.mark.parametrize("text", ["05/12/2025", "12月32日", "32号", "31 June 2025"])
def test_a_day_that_is_none_or_two_is_asked_again(text: str) -> None:
    with pytest.raises(DateError):
        parse_days(text, TODAY)


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("8am", time(8)),
        ("0830", time(8, 30)),
        ("下午六點", time(18)),
        ("8:30 PM", time(20, 30)),
        ("早上8点", time(8)),
        ("晚上八点半", time(20, 30)),
        ("下午3点一刻", time(15, 15)),
        ("中午12点", time(12)),
        ("12am", time(0)),
        ("noon", time(12)),
        ("０８：３０", time(8, 30)),
        ("8", None),
        ("25:00", None),
        ("13pm", None),
    ],
)
def test_times_of_day(text: str, clock: time | None) -> None:
    assert parse_time(text) == clock


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("北京时间", "Asia/Shanghai"),
        ("上海", "Asia/Shanghai"),
        ("東京時間", "Asia/Tokyo"),
        ("beijing time", "Asia/Shanghai"),
        ("toronto", "America/Toronto"),
        ("PST", "America/Los_Angeles"),
        ("UTC+5:30", "Asia/Kolkata"),
        ("UTC+8", "Etc/GMT-8"),
        ("utc8", "Etc/GMT-8"),
        ("+05:45", "Asia/Kathmandu"),
        ("-3:00", "Etc/GMT+3"),
        ("+8", ""),
        ("Nepal", "Asia/Kathmandu"),
        ("sri lanka", "Asia/Colombo"),
        ("Brazil", ""),
        ("UTC+15", ""),
        ("CST", ""),
        ("en", ""),
    ],
)
def test_zones(text: str, zone: str) -> None:
    assert parse_zone(text) == zone


@pytest.mark.parametrize(
    ("zone", "en", "zh"),
    [
        ("Etc/GMT-8", "UTC+8", "UTC+8"),
        ("Etc/GMT+3", "UTC-3", "UTC-3"),
        ("Etc/UTC", "UTC", "UTC"),
        ("Asia/Shanghai", "Shanghai time", "上海时间"),
        ("America/Port_of_Spain", "Port of Spain time", "Port of Spain 时间"),
    ],
)
def test_a_zone_is_shown_as_it_may_be_typed(zone: str, en: str, zh: str) -> None:
    assert (zone_label(zone, "en"), zone_label(zone, "zh")) == (en, zh)
    assert {parse_zone(en), parse_zone(zh)} <= {zone, zone.removeprefix("Etc/")}


@pytest.mark.parametrize(
    "words",
    [
        "每天早上8点 北京时间",
        "北京时间8点 每天",
        "8 am Beijing time daily",
        "每天8点北京时间",
        "every day at 8 Beijing",
        "每天早上八點 北京時間",
    ],
)
def test_words_that_belong_together_may_stand_apart_or_as_one(words: str) -> None:
    asked = parse_options(words.split(), {})
    assert (asked.at, asked.zone, len(asked.weekdays)) == (time(8), "Asia/Shanghai", 7)
    assert asked.menu == ""


def test_spelling() -> None:
    assert normalized("／ｒｅｐｏｒｔ　１２‑０５\u200b") == "/report 12-05"
    assert convert_numerals("二〇二五年十二月二十五日") == "2025年12月25日"
    assert convert_numerals("周一至周五") == "周一至周五"


def test_a_name_is_no_other_topic_s_title() -> None:
    other = replace(TOPIC, name="x", slug="x", title={"zh": "臺灣", "en": TOPIC.name.upper()})
    assert index_names([TOPIC, other])[TOPIC.name] == TOPIC.name
    assert index_names([TOPIC, other])["台湾"] == "x"


def test_a_section_goes_by_a_title_in_traditional_characters() -> None:
    sections = tuple(replace(s, title=f"{s.title}（與{s.name}）") for s in report().sections)
    assert find_section(TOPIC, replace(report(), sections=sections), "（與events）") == "events"
