"""The archive over the Model Context Protocol, through a client of the protocol in memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession
from mcp.shared.memory import create_connected_server_and_client_session

from bot.mcp_server import Archive, build_server
from digest.errors import DigestError
from digest.store import Store
from tests.hosts import fill
from tests.posts import TOPIC, post
from tests.samples import DAY, report
from tests.test_search import make_report
from tests.test_site import with_english


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        await fill(store, report(date(2025, 12, 5)))
        yield Archive(store, {"ai": TOPIC})


async def call(client: ClientSession, tool: str, **words: Any) -> Any:
    """What a tool gives, or its error as text."""
    found = await client.call_tool(tool, words)
    text = [part.text for part in found.content if part.type == "text"]
    if found.isError:
        return " ".join(text)
    given = found.structuredContent or {}
    assert json.loads(json.dumps(given)) == given
    return given.get("result", given)


async def test_every_tool_only_reads_and_answers(archive: Archive) -> None:
    server = build_server(archive)
    async with create_connected_server_and_client_session(server._mcp_server) as client:
        tools = (await client.list_tools()).tools
        assert all(tool.annotations and tool.annotations.readOnlyHint for tool in tools)
        assert not any("\n " in (tool.description or "\n ") for tool in tools)
        [topic] = await call(client, "list_topics")
        assert topic["reports"] == 3
        assert topic["newest"] == str(DAY)
        newest = await call(client, "get_report", topic="ai")
        assert newest["items"][0]["title"] == "Meridian 3.2 Pro is out"
        assert newest["items"][0]["sources"][0] == "https://x.com/ada/status/1"
        filtered = await call(client, "get_report", topic="ai", sections=["filtered"])
        assert {(row["number"], row["status"]) for row in filtered["items"]} == {(None, "note")}
        days = {"day": "2025-12-04", "last": "2025-12-06"}
        week = await call(client, "get_report", topic="ai", sections=["points"], **days)
        assert (week["from"], week["to"]) == ("2025-12-04", "2025-12-06")
        [hit] = await call(client, "search", words="Meridian Pro", limit=1)
        place = {"topic": "ai", "day": hit["to"], "number": hit["number"]}
        [post, _] = await call(client, "get_sources", **place)
        assert post["author"] == "ada"
        story = await call(client, "get_story", **place)
        assert {row["day"] for row in story} == {"2025-12-04", "2025-12-05", "2025-12-06"}


def test_a_session_ends_well_when_the_other_side_closes_it() -> None:
    command = [sys.executable, "-m", "bot"]
    missing = subprocess.run([*command, "mcp"], input=b"", capture_output=True)
    assert (missing.returncode, missing.stdout) == (1, b"")
    assert b"there is no database" in missing.stderr
    assert subprocess.run([*command, "migrate"]).returncode == 0
    assert subprocess.run([*command, "mcp"], input=b"", capture_output=True).returncode == 0


async def test_items_are_numbered_as_their_language_has_them(archive: Archive) -> None:
    await archive._store.save_report(with_english(make_report()))
    day = date(2025, 12, 6)
    for number in (4, 5):
        rows = (await archive.get_report("ai", day, language="en"))["items"]
        urls = next(row["sources"] for row in rows if row["number"] == number)
        posts = await archive.get_sources("ai", day, number, "en")
        assert [post["url"] for post in posts] == urls
    assert not await archive.get_story("ai", day, 5, "en"), "an overview is no story"


async def test_what_is_made_up_is_marked(archive: Archive) -> None:
    made = report(date(2025, 12, 7))
    assert (await archive.get_report("ai"))["note"] == ""
    await archive._store.save_report(replace(made, posts={"sample:1": made.posts["x:1"]}))
    assert (await archive.get_report("ai"))["note"] == "这些帖子是虚构的示例。"


async def test_an_empty_archive_names_no_topics(tmp_path: Path) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        with pytest.raises(DigestError, match="there are no topics yet"):
            await Archive(store, {}).get_report("ai")


async def test_a_wrong_question_is_answered_with_a_right_one(archive: Archive) -> None:
    server = build_server(archive)
    async with create_connected_server_and_client_session(server._mcp_server) as client:
        assert "topics: ai" in await call(client, "get_report", topic="nope")
        assert "topics: ai" in await call(client, "search", words="Meridian", topic="nope")
        for name in ("AI", "人工智能"):
            assert (await call(client, "get_report", topic=name))["topic"] == "ai"
        new = replace(TOPIC, name="new", slug="new")
        await archive._store.save_topic(new)
        await archive._store.save_posts(new, "hn", [post("A model came out", "1")])
        assert "no report of 'new' yet" in await call(client, "get_report", topic="new")
        days = {"day": "2025-12-06", "last": "2025-12-05"}
        assert "is before 2025-12-06" in await call(client, "get_report", topic="ai", **days)
        until = await call(client, "get_report", topic="ai", last="2025-12-05")
        assert "`last` needs `day`" in until
        for tool in (await client.list_tools()).tools:
            assert tool.inputSchema["additionalProperties"] is False
        misspelled = await call(client, "get_report", topic="ai", date="2025-12-05")
        assert "date\n  Extra inputs are not permitted" in misspelled
        nearest = await call(client, "get_report", topic="ai", day="2025-11-01")
        assert "2025-12-04" in nearest
        ages = {"topic": "ai", "day": "0001-01-01", "last": "9999-12-31"}
        assert "at most 366 days" in await call(client, "get_report", **ages)
        beyond = await call(client, "get_sources", topic="ai", day="2025-12-06", number=99)
        assert "has items 1 to" in beyond
        assert await call(client, "search", words='" OR * NEAR(') == []
