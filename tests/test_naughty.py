"""Texts of strangers, wherever they may come in: nobody is pinged, nothing is refused or breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from bot.commands import COMMANDS, answer
from bot.messages import Block, Incoming, Paragraph, Reply
from bot.platforms.terminal import everything
from bot.services import Services
from bot.texts import text
from digest.models import SECTIONS, Chat, Cited, Item, Report, Section, SourceResult
from digest.store import Store
from tests import FULL
from tests.naughty import strings
from tests.rendered import check
from tests.samples import DAY, WHEN, report
from tests.talks import FAKES, recording

STRINGS = strings(1000 if FULL else 250)
PARTS = len(STRINGS) // 80
"""Reports that hold all of them."""
HERE = Chat("terminal", "terminal")
READS = frozenset(
    "topics latest report report_days post_days neighbours cloud daily_reports dropped check".split()
)
APOLOGIES = tuple(
    text(key, language, id="|").split("|")[0]
    for key in ("wrong", "busy")
    for language in ("zh", "en")
)


class Remembered:
    """The store, asked each question once, to save time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[object, ...], object] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real: Callable[..., Any] = getattr(self._store, name)
        if name not in READS:
            return real

        async def read(*asked: object) -> object:
            if (name, *asked) not in self._known:
                self._known[name, *asked] = await real(*asked)
            return self._known[name, *asked]

        return read


async def _answers(context: Services, line: str) -> list[Reply]:
    asked = Incoming(HERE, "x", line, configures=everything)
    return [one async for one in answer(context, asked)]


def _fine(one: Reply) -> None:
    """Every platform takes it, and it is no apology."""
    assert not _apology(one), one
    check(one)


def _sorry(block: Block) -> bool:
    return isinstance(block, Paragraph) and block.text.startswith(APOLOGIES)


def _whole(one: str) -> str:
    """As UTF-8 can carry it: no message and no store holds half a character."""
    return one.encode("utf-8", "replace").decode().replace("\x00", "")


def hostile(part: int) -> Report:
    """A report of some of the strings, each as text, title, group, author, address and heading."""
    some = [_whole(one) for one in STRINGS[part::PARTS]]
    keys = [f"x:{n}" for n in range(len(some))]
    items = tuple(
        Item(
            one, some[-n] if n % 3 else "", some[n - 50] if n % 7 == 0 else "", (keys[n], keys[-n])
        )
        for n, one in enumerate(some)
    )
    return replace(
        report(DAY - timedelta(days=7 + part)),
        sections=tuple(
            Section(name, some[n], items if name == "points" else items[n::9])
            for n, name in enumerate(SECTIONS)
        ),
        sources=(SourceResult(some[0], 1), SourceResult(some[1], ok=False, note=some[2])),
        posts={key: Cited(one, one, one, WHEN) for key, one in zip(keys, some, strict=True)},
    )


async def test_as_words_of_every_command(tmp_path: Path) -> None:
    async with recording(tmp_path) as host:
        store = cast(Store, Remembered(host.context.store))
        context = replace(host.context, store=store)
        seen: set[str] = set()
        for number, one in enumerate(STRINGS):
            # Each text by a twelfth of the commands in turn: all of them by all take ten minutes.
            names = [command.name for command in COMMANDS[number % 12 :: 12]]
            for line in (one, f"/{one}", *(f"/{name} {one}" for name in names)):
                replies = await _answers(context, line)
                assert replies, line
                for reply in replies:
                    if (shown := repr(reply)) not in seen:
                        seen.add(shown)
                        _fine(reply)
    assert len(seen) > len(STRINGS)


async def test_as_posts_in_what_every_command_shows(tmp_path: Path) -> None:
    async with recording(tmp_path, *map(hostile, range(PARTS))) as host:
        context = replace(host.context, store=cast(Store, Remembered(host.context.store)))
        for part in range(PARTS):
            found = hostile(part)
            # All sections stand in the report; the other commands show the same ones.
            shown = (
                [command.name for command in COMMANDS if command.reads] if part == 0 else ["report"]
            )
            lines = [f"/{name} ai {found.last}" for name in shown]
            points = len(found.section("points").items)
            lines += [f"/sources {n} {found.last}" for n in range(1, points + 1, 5)]
            for line in lines:
                for reply in await _answers(context, line):
                    _fine(reply)


@pytest.mark.parametrize("name", sorted(FAKES))
async def test_on_its_way_through_the_platform(tmp_path: Path, name: str) -> None:
    newest = replace(hostile(0), first=DAY + timedelta(days=1), last=DAY + timedelta(days=1))
    async with recording(tmp_path, newest) as host, FAKES[name](host) as talk:
        for number, one in enumerate(STRINGS[::8]):
            row = COMMANDS[number % len(COMMANDS)]
            await talk.ask(row.name, _whole(one)[:4000], person=10 + number // 15)
        for number, command in enumerate(COMMANDS):
            await talk.ask(command.name, person=1000 + number // 15)
        assert len(host.answered) == len(STRINGS[::8]) + len(COMMANDS)
        assert not [one for replies in host.answered for one in replies if _apology(one)]


def _apology(one: Reply) -> bool:
    return any(_sorry(block) for block in one.blocks)
