"""What was withdrawn is gone everywhere and stays out; what a person leaves behind goes on
demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from digest.errors import DigestError, StoreError
from digest.models import Chat, Dropped, Item, Post, Report, Section, Subscription
from digest.publish.site import Site
from digest.store import Store, report_tables, withdrawal_tables
from digest.store.tables import answers, bodies, metadata
from digest.withdraw import save_allowed, strip_posts, withdraw
from digest.write.extractive.notes import quiet
from tests.command_line import run_command
from tests.posts import TOPIC, post
from tests.source_servers import offline_topics
from tests.test_search import EVENTS, POINTS, make_report
from tests.test_site import make_site

DAY = date(2025, 12, 6)
NOW = datetime(2025, 12, 8, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n picture"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    async with await Store.open(store_url) as opened:
        await opened.save_posts(TOPIC, "x", [post("gone", "1"), post("stays", "9", author="Eve")])
        report = make_report()
        english = Section("points", "Key points", POINTS)
        await opened.save_report(
            replace(
                report,
                cloud=PNG,
                renderings={"en": (english,)},
                dropped=(Dropped("x:1", "duplicates", "copy", "x:2"),),
            )
        )
        yield opened


def test_items_that_rest_on_a_post_alone_go() -> None:
    both = Item("Two posts say it.", cites=("x:1", "x:5"))
    stripped = strip_posts(make_report(points=(*POINTS, both)), {"x:1"})
    points = stripped.section("points").items
    assert points == (*POINTS[1:], replace(both, cites=("x:5",)))
    assert stripped.section("events").items == EVENTS[1:]
    assert "x:1" not in stripped.posts
    assert stripped.counts.withdrawn == 2


def told(texts: dict[str, str], *items: Item, writer: str = "extractive") -> Report:
    """A report of these items, citing posts with these texts."""
    report = make_report(points=items)
    posts = {key: replace(report.posts["x:1"], text=text) for key, text in texts.items()}
    return replace(report, posts={**report.posts, **posts}, writer=writer)


def test_an_item_told_in_the_words_of_a_post_goes_with_it() -> None:
    """Whoever else is cited wrote something else: the sentence would be pinned on them."""
    opening = "Northlight opens a lab for chips in Oslo next May."
    copied = Item(opening, cites=("x:1", "x:5"))
    other = Item("A lab in Oslo!", cites=("x:5", "x:1"))
    report = told({"x:1": opening, "x:5": "A lab in Oslo!"}, copied, other)
    points = strip_posts(report, {"x:1"}).section("points").items
    assert points == (replace(other, cites=("x:5",)),)
    shared = told({"x:1": opening, "x:5": opening}, copied)
    points = strip_posts(shared, {"x:1"}).section("points").items
    assert points == (replace(copied, cites=("x:5",)),)


def test_an_item_goes_in_every_language_at_once() -> None:
    """Number 2 stays one story in both."""
    opening, other = "Northlight opens a lab for chips in Oslo.", "A lab in Oslo!"
    texts = {"x:1": opening, "x:5": "奥斯陆要有一间新的芯片实验室", "x:6": other}
    second = Item(other, cites=("x:6",))
    report = told(texts, Item(opening, cites=("x:1", "x:5")), second)
    chinese = Item(texts["x:5"], cites=("x:5", "x:1"))
    rendering = (Section("points", "要点", (chinese, second)),)
    report = replace(report, sections=(report.section("points"),), renderings={"zh": rendering})
    left = strip_posts(report, {"x:1"})
    assert left.sections[0].items == left.renderings["zh"][0].items == (second,)
    assert left.counts.withdrawn == report.counts.withdrawn + 1


def test_what_a_model_wrote_is_proved_again_by_the_posts_that_are_left() -> None:
    texts = {"x:1": "Northlight raises $40 million.", "x:5": "Northlight raises money in Oslo."}
    figure = Item("The company has raised $40 million in a round.", cites=("x:1", "x:5"))
    place = Item("Northlight has now raised money in Oslo.", cites=("x:1", "x:5"))
    report = told(texts, figure, place, writer="llm")
    points = strip_posts(report, {"x:1"}).section("points").items
    assert points == (replace(place, cites=("x:5",)),)


async def test_a_withdrawn_post_is_gone_from_every_table(store: Store) -> None:
    async with store.engine.begin() as connection:
        row = {"hash": "h", "content": "英伟达发布新款芯片", "made_at": NOW}
        await connection.execute(insert(answers).values(row))
        body = {"hash": "b", "content": '{"text": "https://example.com/1"}'}
        await connection.execute(insert(bodies).values(body))
    receipt = await withdraw(store, "x:1", NOW)
    assert (receipt.posts, receipt.reports, receipt.items) == (1, 1, 2)
    assert await store.search("英伟达") == []
    assert await store.search("新卡") == []
    report = await store.load_report("ai", DAY, DAY)
    assert report
    assert report.counts.withdrawn == 2
    assert await store.load_cloud("ai", DAY, DAY) == PNG
    async with store.engine.connect() as connection:
        for table in metadata.tables.values():
            if table.name != "withdrawn":
                rows = (await connection.execute(select(table))).all()
                assert "新款芯片" not in str(rows), table.name
                assert "'x:1'" not in str(rows), table.name
                assert "example.com/1'" not in str(rows), table.name


ENDS = ("0", "-b", "/x", "?p=2", "#b", ".html", "%20b", "&b=1")


async def test_messages_go_by_every_address_a_post_had(store: Store) -> None:
    """That of the reports, which alone hold the posts of an import, and that of the store."""
    addresses = [post.url for post in make_report().posts.values()]
    moved = replace(post("moved", "1"), url="https://mirror.example.com/?a=1&b=(2)")
    on_discord = "https://mirror.example.com/?a=1&b=%282%29"
    await store.save_posts(TOPIC, "x", [moved])
    others = ["https://example.com/other", *(f"{url}{end}" for url in addresses for end in ENDS)]
    async with store.engine.begin() as connection:
        for url in (*addresses, moved.url, on_discord, *others):
            await connection.execute(
                insert(bodies).values(hash=url, content=f'{{"text": "[see]({url}), {url}."}}')
            )
    for key in make_report().posts:
        await withdraw(store, key, NOW)
    async with store.engine.connect() as connection:
        hashes = set(await connection.scalars(select(bodies.c.hash)))
    assert hashes.isdisjoint([*addresses, moved.url, on_discord])
    assert hashes >= set(others), "addresses that begin with that of a post are of other posts"


@pytest.mark.parametrize("name", ["https://example.com/1", " x:1 "])
async def test_a_post_is_named_by_key_or_address(store: Store, name: str) -> None:
    assert (await withdraw(store, name, NOW)).posts == 1


@pytest.mark.parametrize("name", ["@Ada", "ada", "x:@ADA"])
async def test_all_posts_of_an_author_go(store: Store, name: str) -> None:
    receipt = await withdraw(store, name, NOW)
    assert receipt.authors == ("x:@ada",)
    report = await store.load_report("ai", DAY, DAY)
    assert report
    assert not report.posts
    days = await store.load_posts("ai", DAY, DAY)
    assert [one.author for _, one in days] == ["Eve"]


async def test_what_was_withdrawn_does_not_come_back(store: Store) -> None:
    await withdraw(store, "x:1", NOW)
    await withdraw(store, "@eve", NOW)
    again = [post("gone", "1"), post("later", "10", author="EVE"), post("new", "11", author="bo")]
    assert await store.save_posts(TOPIC, "x", again) == 1
    assert [one.id for _, one in await store.load_posts("ai", DAY, DAY)] == ["11"]


async def test_a_feed_without_authors_goes_by_the_name_that_reports_show(store: Store) -> None:
    def entry(key: str, source: str) -> Post:
        return replace(post(key, key), source=source, author="", author_name="Weekly Wire")

    await store.save_posts(TOPIC, "rss:wire", [entry("20", "rss"), entry("21", "bluesky")])
    receipt = await withdraw(store, "@weekly wire", NOW)
    assert (receipt.posts, receipt.authors) == (2, ("bluesky:@weekly wire", "rss:@weekly wire"))
    assert await store.save_posts(TOPIC, "rss:wire", [entry("22", "rss")]) == 0


async def test_an_author_goes_by_the_source_that_a_file_names(store: Store) -> None:
    def entry(key: str) -> Post:
        return replace(post(key, key, author="bo"), source="web:blog")

    await store.save_posts(TOPIC, "file", [entry("40")])
    assert (await withdraw(store, "web:blog:@bo", NOW)).authors == ("web:blog:@bo",)
    assert await store.save_posts(TOPIC, "file", [entry("41")]) == 0


def test_a_quiet_day_counts_what_is_left() -> None:
    report = make_report(points=(*POINTS, quiet("zh", len(POINTS))))
    points = strip_posts(report, {"x:2", "x:3"}).section("points")
    assert points
    assert points.items[-1] == quiet("zh", 2)


async def test_who_is_not_known_is_said(store: Store) -> None:
    await store.save_posts(TOPIC, "rss", [replace(post("x", "30"), author="", author_name="")])
    for name in ("nobody'; --", "@", "x:@"):
        with pytest.raises(DigestError, match="@name"):
            await withdraw(store, name, NOW)


async def test_a_person_and_their_chat_are_forgotten(store: Store) -> None:
    chat, other = Chat("telegram", "42"), Chat("telegram", "-7", kind="group")
    for one in (chat, other):
        await store.subscribe(Subscription(one, "ai", time(8), "UTC"), NOW)
    await store.save_note("languages", "telegram:42", "zh")
    await store.save_note("languages", "telegram:421", "zh")
    await store.save_note("alerts telegram 42", "down x", "1")
    counts = await store.forget_person("telegram", "42", chat)
    assert counts == {"notes": 2, "subscriptions": 1, "messages": 0}
    assert await store.list_subscriptions(chat) == []
    assert len(await store.list_subscriptions(other)) == 1
    assert await store.read_note("languages", "telegram:421") == "zh"
    assert (await store.forget_person("telegram", "42", None))["notes"] == 0
    async with store.engine.connect() as connection:
        for table in metadata.tables.values():
            total = (await connection.scalar(select(func.count()).select_from(table))) or 0
            if total and table.name in ("subscriptions", "platform_notes"):
                assert "'42'" not in str((await connection.execute(select(table))).all())


@pytest.mark.parametrize("name", ["x:1", "@ada"])
async def test_a_report_that_was_being_made_does_not_bring_a_post_back(
    store: Store, name: str
) -> None:
    uncited = post("Kitewick folds towels", "7", author="Ada")
    made = replace(make_report(), wordcounts={"Kitewick": 1, "chips": 1})
    await store.save_posts(TOPIC, "x", [uncited])
    await withdraw(store, "x:7", NOW)
    await withdraw(store, name, NOW)
    await save_allowed(store, made, [("x", uncited), ("x", post("chips", "9", author="Eve"))])
    report = await store.load_report("ai", DAY, DAY)
    assert report
    assert report.wordcounts == {"chips": 1}
    assert "x:1" not in report.posts
    assert "新款芯片" not in str(report)


async def test_what_is_withdrawn_while_a_report_is_saved_stays_gone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, forgotten = Store.save_report, ["x:1"]

    async def save_after_a_withdrawal(self: Store, made: Report, **more: Any) -> None:
        while forgotten:
            await withdraw(self, forgotten.pop(), NOW)
        await save(self, made, **more)

    monkeypatch.setattr(Store, "save_report", save_after_a_withdrawal)
    await save_allowed(store, make_report())
    report = await store.load_report("ai", DAY, DAY)
    assert report
    assert "x:1" not in report.posts


async def test_a_withdrawal_writes_no_older_report_over_a_newer_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = replace(make_report(points=POINTS[:2]), writer="llm")
    save, builds = Store.save_withdrawal, [newer]

    async def save_after_a_build(self: Store, *words: Any) -> bool:
        while builds:
            await self.save_report(builds.pop())
        return await save(self, *words)

    monkeypatch.setattr(Store, "save_withdrawal", save_after_a_build)
    await withdraw(store, "x:1", NOW)
    report = await store.load_report("ai", DAY, DAY)
    assert report
    assert (report.writer, report.section("points").items) == ("llm", POINTS[1:2])


async def test_a_withdrawal_beside_a_build_keeps_the_newer_report(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = replace(make_report(points=POINTS[:2]), writer="llm")
    saving: list[asyncio.Task[Any]] = []
    save_in = report_tables.save_in

    async def save_late(*words: Any) -> None:
        saving.append(asyncio.create_task(save_allowed(store, newer)))
        await asyncio.sleep(0.3)
        await save_in(*words)

    monkeypatch.setattr(withdrawal_tables, "save_in", save_late)
    await withdraw(store, "x:1", NOW)
    await asyncio.gather(*saving)
    report = await store.load_report("ai", DAY, DAY)
    assert report
    assert (report.writer, report.section("points").items) == ("llm", POINTS[1:2])


async def test_a_report_is_deleted_with_a_topic_of_which_nothing_else_is_stored(
    store: Store,
) -> None:
    future = replace(make_report(date(2027, 1, 1)), cloud=PNG, source=b"a post")
    await store.save_report(future)
    await store.save_report(make_report(topic="coins"))
    before = await store.read_state()
    assert await store.delete_report("ai", future.first, future.last)
    assert not await store.delete_report("ai", future.first, future.last)
    assert await store.read_state() != before
    assert await store.list_days("ai") == [DAY]
    assert await store.load_cloud("ai", future.first, future.last) == b""
    assert {hit.last for hit in await store.search("Bun", topic="ai")} == {DAY}
    assert await store.delete_report("coins", DAY, DAY)
    assert [topic.name for topic in await store.list_topics()] == ["ai"]
    assert len(await store.load_posts("ai", DAY, DAY)) == 2


def test_the_report_of_a_day_is_deleted_by_a_command() -> None:
    posts = Path.cwd() / "day.jsonl"
    line = {"id": "1", "source": "x", "text": "Northlight opens a lab.", "author": "ada"}
    posts.write_text(json.dumps(line | {"created_at": "2025-12-06T09:00:00Z"}))
    offline_topics(Path.cwd())
    words = ("ai", "2025-12-06")
    made = ("digest", words[0], "--date", words[1], "--posts", posts.name)
    assert run_command(*made, "--writer", "extractive").returncode == 0
    assert "deleted the report of ai 2025-12-06" in run_command("forget", *words).stdout
    again = run_command("forget", *words)
    assert (again.returncode, again.stderr[:34]) == (1, "jianbao: there is no report of ai ")


NAMED = "Anna Postlethwaite of Ambleside shows a model that folds towels."
OTHERS = (
    "Northlight releases Aurora 3, an open model with a context of 2 million tokens.",
    "Northlight's Aurora 3 costs $2 per million tokens; agents call tools.",
)


def test_what_a_post_said_leaves_words_picture_pages_and_files() -> None:
    """Cited or not: all that is left says nothing of it, and nothing at all once no post is left."""
    lines = [
        {
            "id": str(n),
            "source": "x",
            "text": text,
            "author": f"ada{n}",
            "created_at": f"{DAY}T09:00:00Z",
        }
        for n, text in enumerate((NAMED, *OTHERS), 1)
    ]
    Path("day.jsonl").write_text("\n".join(map(json.dumps, lines)))
    offline_topics(Path.cwd())
    run_command("digest", "ai", "--date", str(DAY), "--posts", "day.jsonl")

    def list_told(folder: str) -> tuple[str, bytes]:
        env = {"PUBLIC_URL": "https://digests.example"}
        run_command("publish", f"{folder}/pages", env=env)
        run_command("export", f"{folder}/posts")
        asked = [word for line in ("/cloud", "/brief", "/detail") for word in ("--say", line)]
        files = [path for path in sorted(Path(folder).rglob("*.*")) if path.is_file()]
        pictures = [path.read_bytes() for path in files if path.suffix in (".png", ".jpg")]
        texts = [path.read_text() for path in files if path.suffix in (".html", ".md", ".xml")]
        said = run_command("chat", *asked).stdout
        return "\n".join([said, *texts]), b"".join(pictures)

    before, drawn = list_told("before")
    assert "Postlethwaite" in before
    assert drawn
    assert "deleted 1 post" in run_command("forget", "x:1").stdout
    told, redrawn = list_told("after")
    assert "Postlethwaite" not in told
    assert "Aurora" in told
    assert drawn != redrawn != b""
    for key in ("x:2", "x:3"):
        run_command("forget", key)
    told, redrawn = list_told("end")
    assert "All posts of this report were deleted." in told
    assert "Aurora" not in told
    assert not redrawn


async def test_pages_of_a_writer_that_was_killed_go_with_their_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/pages.db") as store:
        await store.save_report(make_report())
        site, folder = make_site(store, static=True), tmp_path / "pages"

        async def list_few(_: Site) -> AsyncIterator[str]:
            yield "ai/2025-12-06/1"
            raise RuntimeError("killed")

        with monkeypatch.context() as patch:
            patch.setattr(Site, "list_paths", list_few)
            for _ in range(2):
                with pytest.raises(RuntimeError, match="killed"):
                    await site.write(folder)
        page, listed = folder / "ai/2025-12-06/1/index.html", folder / ".jianbao-pages"
        assert page.is_file()
        assert listed.read_text() == "\nai/2025-12-06/1/index.html", "once, however often"
        await store.delete_report("ai", date(2025, 12, 6), date(2025, 12, 6))
        await site.write(folder)
        assert not (folder / "ai").exists()
        for name in ("style.css", "index.html"):
            (other := tmp_path / f"of {name}").mkdir()
            (other / name).write_text("mine")
            with pytest.raises(StoreError, match=r"was not written by this program: remove it, or"):
                await site.write(other)
            assert [*other.iterdir()] == [other / name]
