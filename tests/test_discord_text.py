"""Replies as Discord's markdown, embeds and components."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.messages import Button, Heading, ListItem, Paragraph, Picture, Reply, pressed
from bot.platforms.discord.embeds import MAX_ROWS, build_view, escaped, sheets, shown
from bot.rich import Run
from tests import discord_rules as rules
from tests.discord_rules import check_message


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("@everyone <@7> <#8>", r"\@everyone \<\@7\> \<\#8\>"),
        ("<t:1:R> ||x|| `y`", r"\<t\:1:R\> \|\|x\|\| \`y\`"),
        ("[a](https://b.example)", r"\[a\](https\://b.example)"),
        ("- a\n+ b\n1. c\n2) d", "\\- a\n\\+ b\n1\\. c\n2\\) d"),
        ("# a\n-# b\n> c", "\\# a\n\\-\\# b\n\\> c"),
        ("a_b *c* ~~d~~ \\", r"a\_b \*c\* \~\~d\~\~ \\"),
        (":smile: 8:30 :+1:", r"\:smile: 8:30 \:+1:"),
        ("3.2 - 1: x", "3\\.2 - 1: x"),
    ],
)
def test_signs_of_strangers_are_escaped(text: str, safe: str) -> None:
    assert escaped(text) == safe


def test_no_address_ends_its_link_early() -> None:
    link = shown(Run("a](b", url='https://e.example/(x)"<y>\\'))
    assert link == r"[a\](b](https://e.example/%28x%29%22%3Cy%3E%5C)"


def buttons(word: str, number: int) -> tuple[Button, ...]:
    return tuple(Button(f"{word} {n}", f"/{word} {n}") for n in range(number))


def test_many_buttons_lose_no_group() -> None:
    async def packed() -> list[str]:
        groups = (buttons("point", 10), buttons("section", 8), buttons("day", 2))
        made = build_view(Reply((Paragraph("x"),), buttons=groups, line="/report"), 2, 3)
        rows = made.to_components()
        assert len(rows) <= MAX_ROWS
        form = rules.Form()
        rules._rows(form, rows)
        form.end()
        inside = [part for row in rows for part in row["components"]]
        named = [part.get("custom_id", "") for part in inside if part["type"] == 2]
        return named + [o["value"] for part in inside for o in part.get("options", [])]

    found = asyncio.run(packed())
    lines = {press.line for id_ in found if (press := pressed(id_))}
    assert lines >= {f"/point {n}" for n in range(10)} | {f"/section {n}" for n in range(8)}
    assert lines >= {"/day 0", "/day 1", "/report"}


@pytest.mark.parametrize("sign", ["字", "😀", "*", "é̂̃", "https://e.example/a_b "])
def test_no_message_is_longer_than_discord_takes(sign: str, tmp_path: Path) -> None:
    texts = [ListItem(sign * 900, sign * 90, n) for n in range(1, 8)]
    picture = Picture(b"x", tmp_path / "x.png", "a cloud")
    reply = Reply((Heading(sign * 30, 1), *texts[:2], picture, *texts[2:]), topic="ai")
    found = sheets(reply)
    for sheet in found:
        made = [embed.to_dict() for embed in sheet.embeds]
        check_message({"embeds": made}, {"wordcloud.png": b"x"})
