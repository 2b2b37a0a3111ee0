"""The digest as a subscribed chat gets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot import texts
from bot.commands.asking import Ask, Context
from bot.commands.reports import brief_reply
from bot.commands.shown import section_blocks
from bot.commands.table import COMMANDS
from bot.messages import Block, Entry, Heading, Incoming, Reply, Text
from digest.models import BRIEF, SECTIONS, Item, Report, Section, SectionName, Subscription

MARK = "★"
"""Before an entry that has one of the chat's own words."""


async def digest_reply(
    context: Context, report: Report, subscription: Subscription, *, late: bool = False
) -> Reply:
    """What the chat wants of a report. `late`: it comes later than its time, and says so."""
    incoming = Incoming(subscription.chat, "", "/brief", subscription.language)
    command = next(row for row in COMMANDS if row.name == "brief")
    ask = Ask(context, incoming, command, (), "/brief", COMMANDS)
    wanted = chosen(report, subscription)
    one = await brief_reply(ask, wanted)
    names = sections_of(subscription)
    blocks = _kept(one.blocks, wanted, names)
    blocks += [b for name in names if name not in BRIEF for b in section_blocks(wanted, name, 0)]
    if late:
        language = subscription.language or report.language
        blocks.insert(1, Text(texts.text("digest_late", language)))
    return replace(one, blocks=tuple(_numbered(blocks, report)), manner="post")


def waiting_reply(context: Context, subscription: Subscription) -> Reply:
    """A word to a chat whose report is not there at its time."""
    language = subscription.language or context.language
    return Reply((Text(texts.text("digest_waits", language)),), language, manner="post")


def _numbered(blocks: Sequence[Block], report: Report) -> list[Block]:
    """Points under the numbers they have in the report: /sources asks by them."""
    points = [item for item in report.section("points").items if item.status != "note"]
    numbers = {(item.title, item.text): n for n, item in enumerate(points, 1)}

    def numbered(block: Block) -> Block:
        if not isinstance(block, Entry) or not block.number:
            return block
        bare = block.title.removeprefix(f"{MARK} "), block.text.removeprefix(f"{MARK} ")
        return replace(block, number=numbers.get(bare, block.number))

    return [numbered(block) for block in blocks]


def sections_of(subscription: Subscription) -> list[SectionName]:
    """The sections a chat gets, in order."""
    if subscription.sections:
        return [name for name in SECTIONS if name in subscription.sections]
    return list(BRIEF if subscription.length == "brief" else SECTIONS)


def _kept(blocks: Sequence[Block], report: Report, names: Sequence[SectionName]) -> list[Block]:
    """The brief's blocks without the sections that are not wanted."""
    dropped = {report.section(name).title for name in BRIEF if name not in names}
    kept: list[Block] = []
    skipping = False
    for block in blocks:
        if isinstance(block, Heading) and block.level == 2:
            skipping = block.text in dropped
        if not skipping:
            kept.append(block)
    return kept


def chosen(report: Report, subscription: Subscription) -> Report:
    """The report without the entries the chat leaves out, and with those marked that it looks for."""
    if not subscription.highlight and not subscription.without:
        return report
    sections = tuple(_chosen(section, subscription) for section in report.sections)
    return replace(report, sections=sections)


def _chosen(section: Section, subscription: Subscription) -> Section:
    items = [
        _marked(item, subscription.highlight)
        for item in section.items
        if item.status == "note" or not _has(item, subscription.without)
    ]
    # First what it looks for, within its group.
    groups = list(dict.fromkeys(item.group for item in items))
    order = sorted(items, key=lambda i: (groups.index(i.group), not _is_marked(i)))
    return replace(section, items=tuple(order))


def _is_marked(item: Item) -> bool:
    return item.title.startswith(MARK) or item.text.startswith(MARK)


def _marked(item: Item, words: Sequence[str]) -> Item:
    if item.status == "note" or not _has(item, words):
        return item
    if item.title:
        return replace(item, title=f"{MARK} {item.title}")
    return replace(item, text=f"{MARK} {item.text}")


def _has(item: Item, words: Sequence[str]) -> bool:
    said = f"{item.group}\n{item.title}\n{item.text}".casefold()
    return any(word.casefold() in said for word in words)
