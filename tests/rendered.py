"""Whether a reply reaches its readers whole on every platform: shared by the tests and the benchmark."""

from __future__ import annotations

import functools
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import tdjson
from wcwidth import iter_graphemes

from bot.messages import Block, Heading, Link, ListItem, Paragraph, Picture, Reply, Rows
from bot.platforms import terminal
from bot.platforms.discord import embeds as discord_text
from bot.platforms.telegram.entities import is_paged, keyboard, message
from bot.platforms.telegram.entities import sheets as telegram_sheets
from bot.rich import JOINER, MAX_LINKS, Line, address, bracket, cells
from digest.text import clean
from tests import discord_markdown, discord_rules, telegram_chats
from tests.hosts import Links
from tests.made_replies import replies

STOPS = ".。!！?？;；…：:\"'”’」』）)]】》>*`"
LONG = 800
"""Characters of a sentence, or of a letter with all its accents, that may be cut after all."""
_SENTENCES = re.compile(r"[。！？；\n]|[.!?…](?=\s)")
_GAPS = re.compile(rf"[\s{JOINER}]+")


def check_replies(count: int, seed: int) -> int:
    """Renders so many made-up replies for every platform; gives how many messages they took.

    Raises AssertionError for a message that a platform would refuse, or that lost or gained a word.
    """
    return sum(check(reply) for reply in replies(count, seed))


def check(reply: Reply) -> int:
    """Renders one reply for every platform; gives the number of messages."""
    wanted = expected(reply)
    number = on_telegram(reply, wanted) + on_discord(reply, wanted)
    on_terminal(reply)
    return number


def squeezed(text: str) -> str:
    """The text without white space and without what only keeps it from becoming a link."""
    return _GAPS.sub("", text)


def expected(reply: Reply) -> str:
    """What a reader must find, a line for each of ours."""
    lines = [line for block in reply.blocks for line in _lines(block)]
    return "\n".join(lines) or "…"


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level) if _flat(text):
            yield bracket(_flat(text)) if level == 3 else _flat(text)
        case Paragraph(text) if clean(text):
            yield clean(text)
        case Rows(rows):
            for term, meaning in rows:
                yield f"{_flat(term)} — {_flat(meaning)}"
        case ListItem():
            words = "\n".join(filter(None, (clean(block.title), clean(block.text))))
            mark = (f"{block.number}. " if block.number else "• ") if words else ""
            links = " ".join(_flat(link.label) or "↗" for link in block.links[:MAX_LINKS])
            more = len(block.links) - MAX_LINKS
            links += f" +{more}" if more > 0 else ""
            if words or links:
                yield f"{mark}{words} {links}".strip()
        case _:
            pass


def _flat(text: str) -> str:
    return " ".join(clean(text).split())


def _links(reply: Reply) -> list[tuple[str, str]]:
    """Label and address of the links that lead somewhere."""
    entries = [block for block in reply.blocks if isinstance(block, ListItem)]
    links: list[Link] = [link for entry in entries for link in entry.links[:MAX_LINKS]]
    shown = [(_flat(link.label) or "↗", address(link.url)) for link in links]
    return [(squeezed(label), url) for label, url in shown if url]


def on_telegram(reply: Reply, wanted: str) -> int:
    """The reply as Telegram's server takes it."""
    found = telegram_sheets(reply)
    assert found, "nothing is sent"
    own = "\n".join(
        line for b in reply.blocks if isinstance(b, Paragraph | Rows) for line in _lines(b)
    )
    texts: list[str] = []
    links: list[tuple[str, str]] = []
    for sheet in found:
        text, entities = message(sheet.lines)
        marks = [
            {"type": str(e.type), "offset": e.offset, "length": e.length, "url": e.url}
            for e in entities
        ]
        key = "caption" if sheet.picture else "text"
        body = {key: text, f"{key}_entities" if sheet.picture else "entities": marks}
        kept = telegram_chats.parsed(body, caption=bool(sheet.picture))
        texts.append(text)
        links += _linked(kept)
        for kind, words in telegram_links(text):
            assert kind == "BotCommand", f"Telegram makes a {kind} of {words!r}"
            assert words in own, f"a stranger's command {words!r}"
    lines = [sheet.lines for sheet in found if sheet.lines]
    _same("".join(texts), wanted)
    _whole_links(links, reply)
    _well_cut(lines, wanted, reply)
    channel = "jianbao_bot" if reply.manner == "post" else ""
    host: Any = Links()
    of = len(found) if is_paged(reply, found, host, channel) else 1
    buttons = keyboard(reply, 1, of, host, channel)
    telegram_chats.keyboard(buttons.to_dict() if buttons else None)
    return len(found)


def _linked(kept: dict[str, Any]) -> Iterator[tuple[str, str]]:
    coded = kept["text"].encode("utf-16-le")
    for entity in kept["entities"]:
        if entity["type"] == "text_link":
            start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
            yield squeezed(coded[start:end].decode("utf-16-le")), entity["url"]


def on_discord(reply: Reply, wanted: str) -> int:
    """The reply as Discord takes it."""
    found = discord_text.sheets(reply)
    assert found, "nothing is sent"
    turned = len(found) > 1 and bool(reply.line) and not any(s.picture for s in found)
    texts: list[str] = []
    links: list[tuple[str, str]] = []
    for number, sheet in enumerate(found, 1):
        at, of = (number, len(found)) if turned else (1, 1)
        embeds = [embed.to_dict() for embed in sheet.embeds]
        body: dict[str, Any] = {"embeds": embeds, "allowed_mentions": {"parse": []}}
        if number in (1, len(found)):
            body["components"] = discord_text.build_view(reply, at, of).to_components()
        files = {discord_text.PICTURE: b"picture"} if sheet.picture else {}
        try:
            discord_rules.check_message(body, files)
        except discord_rules.Refused as refused:
            raise AssertionError(f"Discord refuses it: {refused.body}") from None
        faults = discord_rules.message_faults(body, discord_rules.SENT)
        assert not faults, faults
        for page in sheet.embeds:
            again = number > 1 and page.title == found[0].embeds[0].title
            for part in (page.description,) if again else (page.title, page.description):
                words, more = discord_markdown.read(part or "")
                texts.append(words)
                links += more
    _same("".join(texts), wanted)
    _whole_links([(squeezed(label), url) for label, url in links], reply)
    return len(found)


def on_terminal(reply: Reply) -> None:
    """The reply in a terminal of 80 columns."""
    text = terminal.render(reply, 80, styled=False)
    # Joiners hold emoji and Indic words together; nothing else that is not shown passes.
    assert re.sub("[\n\u200c\u200d\U000e0020-\U000e007f]", "", text).isprintable(), (
        "a control character"
    )
    in_terminal([reply], text)
    whole = {block.alt for block in reply.blocks if isinstance(block, Picture)}
    lines = [line for line in text.split("\n") if "://" not in line and line not in whole]
    wide = [line for line in lines if cells(line) > 80]
    assert not wide, f"too wide for the terminal: {wide[0]!r}"


def in_terminal(replies: Sequence[Reply], text: str) -> None:
    """All of these replies but links, which a terminal shows its own way, stands there in order."""
    shown, place = squeezed(text), 0
    for block in (block for reply in replies for block in reply.blocks):
        own = (
            ListItem(block.text, block.title, block.number)
            if isinstance(block, ListItem)
            else block
        )
        for line in _lines(own):
            words = squeezed(line.replace(" — ", "") if isinstance(block, Rows) else line)
            at = shown.find(words, place)
            assert at >= 0, f"the terminal lacks {line[:200]!r}"
            place = at + len(words)


def _same(found: str, wanted: str) -> None:
    one, other = squeezed(found), squeezed(wanted)
    if one != other:
        at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), -1)
        at = min(len(one), len(other)) if at < 0 else at
        near = slice(max(0, at - 30), at + 30)
        raise AssertionError(f"shown {one[near]!r} instead of {other[near]!r}")


def _whole_links(found: Sequence[tuple[str, str]], reply: Reply) -> None:
    """Each link once with its whole label; one whose label is longer than a page may be cut."""
    wanted = _links(reply)
    assert [_bare(url) for _, url in _merged(found)] == [_bare(url) for _, url in _merged(wanted)]
    if all(len(label) < 200 for label, _ in wanted):
        assert [label for label, _ in found] == [label for label, _ in wanted]


def _bare(url: str) -> str:
    return re.sub(r"%28|%29|%3C|%3E|[()<>]", "", url)


def _merged(links: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for label, url in links:
        if not found or found[-1][1] != url:
            found.append((label, url))
    return found


def _well_cut(found: Sequence[Sequence[Line]], wanted: str, reply: Reply) -> None:
    """No page ends with a heading, within a letter or within a sentence."""
    if len(found) < 2:
        return
    # A line of an item may read like a heading.
    headings, others = (
        {
            squeezed(line)
            for block in reply.blocks
            if isinstance(block, Heading) == heading
            for lines in _lines(block)
            for line in lines.split("\n")
        }
        for heading in (True, False)
    )
    headings -= others
    labels = tuple(
        _flat(n.label) or "↗" for b in reply.blocks if isinstance(b, ListItem) for n in b.links
    )
    places = [n for n, char in enumerate(wanted) if not char.isspace()]
    edges = [0, *accumulate(map(len, iter_graphemes(wanted)))]
    ends = [found.end() for found in _SENTENCES.finditer(wanted)]
    taken = 0
    for page in found[:-1]:
        taken += len(squeezed("".join(run.text for line in page for run in line)))
        if not 0 < taken < len(places):
            continue
        end, start = places[taken - 1] + 1, places[taken]
        last = squeezed("".join(run.text for run in page[-1]))
        rest = map(squeezed, wanted[start:].split("\n"))
        alone = last in headings and len(last) < LONG and not all(x in headings for x in rest)
        assert not alone, f"a heading ends a page: {last[:80]!r}"
        if "\n" not in wanted[end:start]:
            _letter(wanted, end, start, edges)
            if not wanted.startswith((*labels, "+"), start):
                _sentence(wanted, end, start, ends)


def _letter(wanted: str, end: int, start: int, edges: Sequence[int]) -> None:
    if edges[bisect_left(edges, end)] <= start:
        return
    before = edges[bisect_left(edges, end) - 1]
    after = edges[bisect_right(edges, start)]
    assert after - before > LONG, f"a letter is cut: {wanted[before:after]!r}"


def _sentence(wanted: str, end: int, start: int, ends: Sequence[int]) -> None:
    if wanted[end - 1] in STOPS:
        return
    before = [0, *ends][bisect_right(ends, end)]
    after = [*ends, len(wanted)][bisect_left(ends, start)]
    assert after - before > LONG, (
        f"a sentence is cut: {wanted[before:end]!r} | {wanted[start:after]!r}"
    )


HARMLESS = frozenset({"BankCardNumber", "MediaTimestamp", "PhoneNumber"})
"""They lead to nobody's page and call nobody."""


@functools.cache
def _quiet() -> None:
    _execute({"@type": "setLogVerbosityLevel", "new_verbosity_level": 0})


def _execute(request: dict[str, Any]) -> Any:
    return json.loads(tdjson.td_execute(json.dumps(request).encode()) or b"{}")


def telegram_links(text: str) -> list[tuple[str, str]]:
    """Kind and words of each link that Telegram's own library makes in a plain text."""
    _quiet()
    found = _execute({"@type": "getTextEntities", "text": text}).get("entities", [])
    coded = text.encode("utf-16-le")
    named = []
    for entity in found:
        kind = entity["type"]["@type"].removeprefix("textEntityType")
        start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
        if kind not in HARMLESS:
            named.append((kind, coded[start:end].decode("utf-16-le")))
    return named
