"""Which report of a day stays stored when the day is built again."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest import pipeline
from digest.errors import DigestError
from digest.llm.client import Model
from digest.models import Report, SourceSpec, Window, cited_keys
from digest.reading import index_terms
from digest.reading.index_terms import list_terms
from digest.store import Store
from digest.topics import load_topics
from digest.write import Material
from tests.editing import DAY, ROOT, SAMPLE

NOW = datetime(2025, 12, 6, 8, 0, tzinfo=UTC)
WINDOW = Window(DAY, DAY, "UTC")
TOPIC = load_topics(ROOT / "topics.toml")["ai"]


async def make(store: Store, posts: Path = SAMPLE, **more: Any) -> Report:
    """Build the sample's day, or what is asked for."""
    given: dict[str, Any] = {"window": WINDOW, "posts_files": [posts], "now": NOW} | more
    return await pipeline.run(TOPIC, store=store, progress=lambda *_: None, **given)


def written_by(writer: str) -> Callable[..., Any]:
    async def edit(report: Report, *_: object) -> Report:
        return replace(report, writer=writer)

    return edit


@pytest.mark.parametrize(("writer", "changed", "hours", "stored"), [
    ("extractive", False, 0, "llm"),
    ("extractive", True, 0, "extractive"),
    ("extractive", False, 12, "extractive"),  # made before the day had closed
    ("llm", False, 0, "llm"),
])  # fmt: skip
async def test_a_model_report_stands_until_a_better_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    writer: str,
    changed: bool,
    hours: int,
    stored: str,
) -> None:
    model = Model((), ROOT / "prompts", 1.0, 1.0)
    async with await Store.open(f"sqlite:///{tmp_path}/a.db") as store:

        async def build(file: Path, now: datetime = NOW) -> Report:
            return await make(store, posts=file, model=model, now=now)

        monkeypatch.setattr(pipeline, "_edit", written_by("llm"))
        first = await build(SAMPLE, NOW - timedelta(hours=hours))
        posts = tmp_path / "posts.jsonl"
        lines = SAMPLE.read_text(encoding="utf-8").splitlines()
        posts.write_text("\n".join(lines[: len(lines) // 2] if changed else lines))
        monkeypatch.setattr(pipeline, "_edit", written_by(writer))
        second = await build(posts)
        kept = await store.load_report(TOPIC.name, DAY, DAY)
    assert first.writer == "llm"
    assert kept
    assert kept.writer == second.writer == stored


async def test_a_draft_never_replaces_a_report_that_came_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/a.db") as store:
        draft_report = pipeline.draft_report
        arriving: list[Report] = []

        def draft(*given: Any) -> Report:
            made = draft_report(*given)
            arriving.append(replace(made, writer="llm"))
            return made

        async def build(meanwhile: bool) -> Report:
            saved = store.load_report

            async def report_of(*key: Any) -> Report | None:
                if meanwhile and arriving:
                    await store.save_report(arriving.pop())
                return await saved(*key)

            monkeypatch.setattr(store, "load_report", report_of)
            return await make(store)

        monkeypatch.setattr(pipeline, "draft_report", draft)
        assert (await build(meanwhile=True)).writer == "llm"
        assert (await build(meanwhile=False)).writer == "extractive", "whoever asks for a draft"


@pytest.mark.parametrize("replaces", [False, True])
async def test_a_report_that_is_imported_meanwhile_stands(
    store_url: str, monkeypatch: pytest.MonkeyPatch, replaces: bool
) -> None:
    gather = pipeline._gather
    async with await Store.open(store_url) as store:
        imported = replace(await make(store), source=b"edited by hand")

        async def gather_late(*given: Any) -> Any:
            gathered = await gather(*given)
            await store.save_report(imported)
            return gathered

        monkeypatch.setattr(pipeline, "_gather", gather_late)
        error: Any = contextlib.nullcontext()
        if not replaces:
            error = pytest.raises(DigestError, match=f"{DAY} was imported: add --replace")
        with error:
            await make(store, replace_imported=replaces)
        assert await store.load_import(TOPIC.name, DAY, DAY) == (
            b"" if replaces else imported.source
        )


async def test_a_post_that_cannot_be_read_costs_no_more_than_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read: list[str] = []

    def list_some_terms(text: str, names: Any) -> frozenset[str]:
        read.append(text)
        if text == read[0]:
            raise KeyError(text)
        return list_terms(text, names)

    async with await Store.open(f"sqlite:///{tmp_path}/a.db") as store:
        whole = await make(store)
        monkeypatch.setattr(index_terms, "list_terms", list_some_terms)
        made = await make(store)
    assert made.counts.offtopic == whole.counts.offtopic + 1
    unreadable = [drop.key for drop in made.dropped if drop.reason == "unreadable"]
    assert caplog.messages[0] == f"{unreadable[0]} is left out: it cannot be read (KeyError)"


async def test_posts_of_other_days_make_no_report(tmp_path: Path) -> None:
    """A wrong day, or a wrong file, would say that nothing happened, over a good report."""
    other = date(2025, 11, 20)
    async with await Store.open(f"sqlite:///{tmp_path}/a.db") as store:
        with pytest.raises(DigestError) as error:
            await make(store, window=Window(other, other, "UTC"))
        assert f"is of 2025-11-20 (UTC), but of 2025-12-04, {DAY}" in str(error.value)
        assert await store.list_days(TOPIC.name) == []


async def test_a_day_that_has_not_begun_has_no_report(tmp_path: Path) -> None:
    ahead = date(2026, 1, 1)
    async with await Store.open(f"sqlite:///{tmp_path}/a.db") as store:
        with pytest.raises(DigestError, match="2026-01-01 has not begun in UTC"):
            await make(store, window=Window(ahead, ahead, "UTC"))
        assert await store.list_days(TOPIC.name) == []


async def test_a_report_of_fewer_posts_says_that_it_replaces_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few = tmp_path / "few.jsonl"
    of_day = [line for line in SAMPLE.read_text().splitlines() if f'"{DAY}' in line]
    few.write_text("\n".join(of_day[:40]))
    async with await Store.open(f"sqlite:///{tmp_path}/a.db") as store:
        await make(store, posts=few)
        assert not caplog.records
        full = await make(store)
        assert not caplog.records
        await make(store, posts=few)
    assert caplog.messages == [
        f"{DAY}: a report of {full.counts.collected} posts is replaced by one of 40"
    ]


async def test_without_a_model_both_languages_are_written(tmp_path: Path) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/a.db") as store:
        made = await make(store)
    assert (TOPIC.language, TOPIC.languages, made.language) == ("zh", (), "zh")
    english = made.in_language("en")
    assert english.language == "en"
    items = [item for s in english.sections if s.name != "cloud" for item in s.items]
    chinese = [item for item in items if re.search("[\u4e00-\u9fff]", item.title + item.text)]
    assert len(chinese) < len(items) / 5, "where no post in English tells of it"
    assert "note" not in {item.status for item in chinese}
    assert set(cited_keys(english.sections)) <= set(english.posts)
    pairs = list(zip(made.numbered_items(), english.numbered_items(), strict=True))
    assert all(chinese[:2] == other[:2] for chinese, other in pairs), "a number means one thing"
    shared = [
        not set(chinese.cites).isdisjoint(other.cites)
        for (_, name, chinese), (_, _, other) in pairs
        if name == "points"
    ]
    assert sum(shared) > len(shared) / 2, "and one story"


async def test_days_that_were_reported_are_rolled_up(tmp_path: Path) -> None:
    """Written anew from its posts, a week would lose its days and follow-ups."""
    topic = replace(TOPIC, sources=(SourceSpec("jsonl", str(SAMPLE)),))
    steps: list[str] = []
    async with await Store.open(f"sqlite:///{tmp_path}/a.db") as store:

        async def build(first: int, last: int, hours: int = 48) -> Report:
            window = Window(date(2025, 12, first), date(2025, 12, last), "UTC")
            now, progress = NOW + timedelta(hours=hours), lambda step, *_: steps.append(step)
            return await pipeline.run(
                topic, window, store=store, progress=progress, posts_files=(), now=now
            )

        await build(5, 5)
        assert (await build(5, 6)).writer == "extractive", "the 6th has no report"
        await build(6, 6, hours=12)
        assert (await build(5, 6)).writer == "extractive", "it was made before the 6th was over"
        await build(6, 6)
        assert (await build(5, 6)).writer == "rollup"
    assert steps[-2:] == ["collect", "done"], "a bar is wiped from the terminal at its end"


async def test_a_model_knows_the_points_of_the_days_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, ...]] = []

    async def edit(report: Report, material: Material, *_: object) -> Report:
        told.append(material.earlier_points)
        return report

    monkeypatch.setattr(pipeline, "_edit", edit)
    async with await Store.open(f"sqlite:///{tmp_path}/a.db") as store:
        before = [
            await make(store, window=Window(day, day, "UTC"))
            for day in (DAY, DAY - timedelta(days=1))
        ]
        today = Window(NOW.date(), NOW.date(), "UTC")
        await make(store, window=today, model=Model((), ROOT / "prompts", 1.0, 1.0))
    items = [item for report in before for item in report.section("points").items]
    assert told == [tuple(item.title or item.text for item in items if item.status != "note")]
