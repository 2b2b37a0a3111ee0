"""Reports as blocks of a reply."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from bot import texts
from bot.messages import Block, Entry, Heading, Link, Text
from digest.models import SECTIONS, Dropped, Item, Post, Report, SectionName
from digest.write.companies import assets_in
from digest.write.extractive.notes import reason_text

if TYPE_CHECKING:
    from bot.commands.asking import Ask

EXAMPLES = 3
EXAMPLE_CHARS = 80
_STOPS = re.compile(r"[。！？!?\n]|\.\s")


def header(ask: Ask, report: Report, kind: str) -> Heading:
    """Topic, day and what is shown, on one line."""
    title = ask.context.topic(report.topic).title[report.language]
    parts = [title, texts.days(report.first, report.last, report.language)]
    if kind:
        parts.append(texts.text(kind, report.language))
    return Heading(" · ".join(parts), 1)


def section_blocks(
    report: Report,
    name: SectionName,
    most: int,
    items: Sequence[Item] | None = None,
    *,
    headed: bool = True,
) -> list[Block]:
    """A section, or these items of it, at most `most` of them (0: all) besides the notes."""
    section = report.section(name)
    shown = _first(section.items if items is None else items, most)
    blocks: list[Block] = [Heading(section.title)] if headed and section.title else []
    if not shown:
        return [*blocks, Text(texts.text("empty", report.language))]
    number = 0
    for group, members in groupby(shown, key=lambda item: item.group):
        if group:
            blocks.append(Heading(group, 3))
        for item in members:
            number += item.status != "note"
            blocks.append(_block(report, item, number if name == "points" else 0))
    return blocks


def _first(items: Sequence[Item], most: int) -> list[Item]:
    if not most:
        return list(items)
    cited = [item for item in items if item.status != "note"][:most]
    return [item for item in items if item.status == "note" or item in cited]


def shortened(text: str, most: int) -> str:
    """The text cut to `most` characters: after a sentence of its last third, else after a word."""
    if len(text) <= most:
        return text
    kept, enough = text[:most], 2 * most // 3
    ends = [match.end() for match in _STOPS.finditer(kept) if match.end() > enough]
    at = ends[-1] if ends else kept.rfind(" ")
    # Chinese has no spaces: it is cut where it is.
    return (kept[:at] if at > enough else kept).rstrip() + " …"


def _block(report: Report, item: Item, number: int) -> Block:
    if item.status == "note":
        return Text(item.text)
    links = tuple(_link(report, key) for key in item.cites)
    if item.status == "update":
        return Entry(f"{_follows(report, item)}{item.text}", item.title, number, links)
    return Entry(item.text, item.title, number, links)


def _follows(report: Report, item: Item) -> str:
    """What marks news of a story that an earlier day told, with that day for `/report`."""
    days = [post.earlier for key in item.cites if (post := report.posts.get(key)) and post.earlier]
    return texts.text("follows", report.language, day=max(days)) if days else ""


def _link(report: Report, key: str) -> Link:
    """The author's handle, leading to the post."""
    post = report.posts.get(key)
    if post is None:
        return Link(key, "")
    return Link(
        f"@{post.author}" if post.author and " " not in post.author else post.author or key,
        post.url,
    )


def section_named(report: Report, word: str) -> SectionName | None:
    """The section of that name, number (1 to 9), or heading or part of it."""
    wanted = word.strip().lower()
    if wanted.isascii() and wanted.isdigit():
        return SECTIONS[int(wanted) - 1] if 1 <= int(wanted) <= len(SECTIONS) else None
    for section in report.sections:
        if wanted == section.name or (len(wanted) > 1 and wanted in section.title.lower()):
            return section.name
    return None


def section_names(report: Report) -> str:
    """What may be asked for, as `1 overview 主要话题…`."""
    return ", ".join(
        f"{n} {s.name} ({s.title})" if s.title else f"{n} {s.name}"
        for n, s in enumerate(report.sections, 1)
    )


def about_name(report: Report, name: str) -> tuple[Item, ...]:
    """Items of the markets section about one ticker or name, as whole words: NVDA, 英伟达 and
    Nvidia are the same."""
    pattern = re.compile("|".join(_whole_word(word) for word in _spellings(name)))
    return tuple(
        item
        for item in report.section("markets").items
        if item.status != "note"
        and pattern.search(f"{item.title}\n{item.group}\n{item.text}".lower())
    )


def _spellings(name: str) -> set[str]:
    wanted = name.strip().lstrip("$").lower()
    # The table knows tickers by their dollar sign, and companies by their capital.
    known = assets_in(f"${wanted} {wanted.title()}" if " " not in wanted else wanted.title())
    names = {word.lower() for asset in known for word in (asset.ticker, asset.zh, asset.en)}
    return {wanted} | names - {""}


def _whole_word(word: str) -> str:
    return rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])" if word.isascii() else re.escape(word)


def names_in(report: Report) -> str:
    """The companies and coins that the markets section has an item on."""
    return ", ".join(dict.fromkeys(i.title for i in report.section("markets").items if i.title))


def dropped_examples(report: Report, dropped: Sequence[tuple[Dropped, Post | None]]) -> list[Block]:
    """A few posts of each reason, so that the filter can be judged."""
    by_reason: defaultdict[str, list[Post]] = defaultdict(list)
    for drop, post in dropped:
        if post is not None and len(by_reason[drop.reason]) < EXAMPLES:
            by_reason[drop.reason].append(post)
    if not by_reason:
        return []
    blocks: list[Block] = [Heading(texts.text("examples", report.language))]
    for reason, posts in by_reason.items():
        blocks.append(Heading(reason_text(reason, report.language), 3))
        for post in posts:
            author = Link(f"@{post.author}" if post.author else post.source, post.url)
            text = shortened(" ".join(post.text.split()), EXAMPLE_CHARS)
            blocks.append(Entry(text, links=(author,)))
    return blocks
