"""What follows a change of the reports: overviews of weeks and months, and pages in a folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from bot import builds
from bot.builds import Errand, is_due, list_errands, run_errand
from bot.commands import answer
from bot.delivery.leases import own_name
from bot.messages import Incoming
from bot.platforms.terminal import render
from bot.schedule import Schedule
from bot.settings import Settings
from digest.llm.compat import Call
from digest.models import Chat, Item, Report
from digest.publish.site import Site
from digest.ranges import current_spans, has_overview, load_span, save_overview
from digest.store import Store
from digest.withdraw import withdraw
from digest.write.model.prompts import load_prompts
from digest.write.model.reply import write_overview
from digest.write.model.schemas import WrittenAnswer
from tests.hosts import NOW, context
from tests.posts import TOPIC
from tests.test_rollup import MONDAY, daily

PROMPTS = load_prompts(Path("prompts"))
FIRST = Item("Northlight raised $3 billion, led by Harrow Capital.", cites=("x:1",))
SECOND = Item("Basalt ships a faster kernel for phones.", cites=("x:2",))
SPAN = (MONDAY, MONDAY + timedelta(days=6))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as opened:
        await opened.save_topic(TOPIC)
        await opened.save_report(daily(MONDAY, FIRST))
        await opened.save_report(daily(SPAN[1], SECOND))
        yield opened


async def week_of_reports(store: Store) -> Report:
    report = await load_span(store, TOPIC, SPAN, NOW, "en")
    assert report
    return report


async def write(store: Store, *sentences: tuple[str, str], verdict: str = "answer") -> list[str]:
    """Have a model write these sentences, each with the id of its item; return what is saved."""
    report, prompts = await week_of_reports(store), list[str]()

    async def ask(call: Call[Any]) -> WrittenAnswer:
        prompts.append(call.prompt)
        rows = [{"text": text, "items": [place]} for text, place in sentences]
        return WrittenAnswer.model_validate({"verdict": verdict, "sentences": rows})

    items = await write_overview(report, ask, PROMPTS)
    await save_overview(store, report, items)
    assert "2025-12-01 to 2025-12-07" in prompts[0]
    assert "Harrow Capital" in prompts[0]
    return [item.text for item in items]


GOOD = "Northlight raised $3 billion from Harrow Capital."


async def test_a_week_has_the_overview_that_was_proved(store: Store) -> None:
    report = await week_of_reports(store)
    points = [item.text for item in report.section("points").items]
    place = next(f"i{n}" for n, text in enumerate(points, 1) if "Harrow" in text)
    wrong = "Northlight raised $9 billion from Harrow Capital."
    assert await write(store, (GOOD, place), (wrong, place)) == [GOOD]
    week = await week_of_reports(store)
    assert week.section("overview").items == (Item(GOOD, cites=("x:1",)),)
    assert await has_overview(store, week)
    incoming = Incoming(Chat("terminal", "1"), "1", "/week ai 2025-12-03", "en")
    replies = [reply async for reply in answer(context(store, Path()), incoming)]
    assert GOOD in render(replies[0], 200, styled=False)


async def test_an_overview_ends_with_the_points_it_was_written_from(store: Store) -> None:
    await write(store, (GOOD, "i1"), (GOOD, "i2"))
    await store.save_report(daily(SPAN[1], Item("Tarn hires a chemist.", cites=("x:3",))))
    week = await week_of_reports(store)
    assert not await has_overview(store, week)
    assert GOOD not in [item.text for item in week.section("overview").items]


async def test_no_overview_outlives_its_posts(store: Store) -> None:
    await write(store, (GOOD, "i1"), (GOOD, "i2"))
    await withdraw(store, "x:1", NOW)
    assert await store.read_notes("overview") == {}


async def test_a_model_that_finds_nothing_is_not_asked_again(store: Store) -> None:
    assert await write(store, verdict="nothing") == []
    assert await has_overview(store, await week_of_reports(store))


def test_the_newest_day_ends_a_week_and_stands_in_a_month() -> None:
    assert current_spans(date(2025, 12, 7)) == [SPAN, (MONDAY, date(2025, 12, 31))]


async def test_an_errand_is_run_once_for_each_state_of_the_reports(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []
    answers = ["", "no model answers", ""]

    async def run(*words: str) -> str:
        runs.append(" ".join(words))
        return answers[len(runs) - 1]

    monkeypatch.setattr(builds, "run_child", run)
    shared = context(store, tmp_path)
    errand = Errand("roll-up:ai", ("roll-up", "ai"))
    for holder in ("a", "b", "a"):
        await run_errand(shared, holder, errand)
    assert runs == ["roll-up ai"]
    await store.save_report(daily(MONDAY + timedelta(days=1), SECOND))
    for holder in ("a", "b"):
        await run_errand(shared, holder, errand)
    assert len(runs) == 2, "one that failed waits for its next turn"
    later = replace(shared, now=lambda: NOW + timedelta(hours=2))
    await run_errand(later, "b", errand)
    assert len(runs) == 3
    assert not await is_due(store, errand)


@pytest.mark.parametrize("dead", [False, True])
async def test_a_stopped_errand_leaves_its_turn_to_the_next_process(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead: bool
) -> None:
    monkeypatch.setattr(builds, "run_child", AsyncMock(side_effect=[asyncio.CancelledError, ""]))
    shared, errand = context(store, tmp_path), Errand("publish", ("publish", "a folder"))
    if dead:
        ended = await asyncio.create_subprocess_exec("true")
        await ended.wait()
        holder = f"{own_name().partition(':')[0]}:{ended.pid}:a:1.5"
        await shared.ledger.take_lease("publish", holder, NOW, builds.TURN_SECONDS)
    with pytest.raises(asyncio.CancelledError):
        await run_errand(shared, "a", errand)
    await run_errand(shared, "b", errand)
    assert not await is_due(store, errand)


async def test_a_start_writes_the_pages_though_no_report_changed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[tuple[str, ...]] = []

    async def run(*words: str) -> str:
        runs.append(words)
        return ""

    monkeypatch.setattr(builds, "run_child", run)
    shared = context(store, tmp_path)
    for folder in ("a", "b"):  # as the settings of two starts
        errands = [Errand("publish", ("publish", folder)), Errand("roll-up:ai", ("roll-up", "ai"))]
        schedule = Schedule(shared, "me", errands=errands)
        for _ in range(2):
            await schedule.run_errands()
    assert runs == [("publish", "a"), ("roll-up", "ai"), ("publish", "b")]


def test_the_settings_say_which_errands_there_are(tmp_path: Path) -> None:
    def roles(**values: Any) -> list[str]:
        settings = Settings(**values)
        return [errand.role for errand in list_errands(settings, ["ai", "chips"])]

    assert roles() == []
    assert roles(openai_api_key="sk-1") == ["roll-up:ai", "roll-up:chips"]
    assert roles(publish_dir=str(tmp_path)) == ["publish"]


async def test_a_folder_keeps_no_page_that_is_no_more(store: Store, tmp_path: Path) -> None:
    site = Site(store, {"ai": TOPIC}, static=True)
    folder = tmp_path / "site"
    (folder / "ai").mkdir(parents=True)
    (folder / "ai" / "CNAME").write_text("digest.example")
    paths = [path async for path in site.list_paths()]
    days = [
        path for path in paths if path.startswith("ai/2") and path[-3] == "-" and path[-6] == "-"
    ]
    assert days == sorted(days, reverse=True), "a writer that is cut short has the newest days"
    await site.write(folder)
    page = folder / "ai" / str(MONDAY) / "1" / "index.html"
    assert "Harrow" in page.read_text("utf-8")
    await store.save_report(daily(MONDAY))
    with (folder / ".jianbao-pages").open("a") as listed:
        listed.write(f"\n../bot.db\n{tmp_path}/bot.db")
    await site.write(folder)
    assert not page.parent.exists()
    assert (folder / "ai" / "CNAME").exists()
    assert (tmp_path / "bot.db").exists()
