"""A chat in this terminal: the same commands and answers as everywhere, no token needed."""

from __future__ import annotations

import asyncio
import shutil
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from bot import texts
from bot.messages import Block, Entry, Heading, Incoming, Link, Picture, Reply, Text
from digest.models import Language
from digest.text import clean

Answer = Callable[[Incoming], AsyncIterator[Reply]]
WIDEST = 100
MOST_HANDLES = 4


async def say(answer: Answer, lines: Sequence[str]) -> None:
    """Answers these lines and returns."""
    for line in lines:
        await _exchange(answer, line)


async def talk(answer: Answer, commands: Sequence[str], language: Language) -> None:
    """Reads lines until the end of input, `/quit` or Ctrl-C."""
    print(texts.text("welcome", language))
    read = _prompt(commands) if sys.stdin.isatty() else _plain_line
    while (line := await read()) is not None:
        if line.strip().lower() in ("/quit", "/exit"):
            return
        if line.strip():
            await _exchange(answer, line)


async def _exchange(answer: Answer, line: str) -> None:
    async for one in answer(Incoming("terminal", "terminal", "terminal", line)):
        print(render(one, width(), styled=sys.stdout.isatty()), flush=True)
        print()


def width() -> int:
    """Columns to fill."""
    return min(WIDEST, shutil.get_terminal_size((80, 24)).columns)


async def _plain_line() -> str | None:
    line = await asyncio.to_thread(sys.stdin.readline)
    return line if line else None


def _prompt(commands: Sequence[str]) -> Callable[[], Awaitable[str | None]]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter

    session: PromptSession[str] = PromptSession(
        completer=WordCompleter([f"/{name}" for name in commands], sentence=True)
    )

    async def read() -> str | None:
        try:
            return await session.prompt_async("› ")
        except (EOFError, KeyboardInterrupt):
            return None

    return read


def render(reply: Reply, columns: int, *, styled: bool) -> str:
    """The reply as text of at most `columns` columns. What came from posts is cleaned, so that no
    escape sequence of a stranger reaches the terminal."""
    lines: list[str] = []
    for block in reply.blocks:
        lines += _block(block, columns, styled)
    return "\n".join(lines)


def _block(block: Block, columns: int, styled: bool) -> list[str]:
    match block:
        case Heading(text, level):
            return _heading(clean(text), level, styled)
        case Text(text):
            return wrap(clean(text), columns)
        case Picture(_, alt):
            return [alt]
        case Entry():
            return _entry(block, columns, styled)


def _heading(text: str, level: int, styled: bool) -> list[str]:
    line = {1: text, 2: f"■ {text}", 3: f"【{text}】"}[level]
    shown = f"\x1b[1m{line}\x1b[0m" if styled else line
    return [shown, "═" * cells(text)] if level == 1 else ["", shown]


def _entry(entry: Entry, columns: int, styled: bool) -> list[str]:
    mark = f"{entry.number}." if entry.number else "•"
    lead = f"{mark:<3} "
    title, body = clean(entry.title), clean(entry.text)
    lines: list[str] = []
    if title:
        first, *rest = wrap(title, columns, lead, "    ")
        bold = [first, *rest]
        lines += [f"\x1b[1m{line}\x1b[0m" for line in bold] if styled else bold
        lead = "    "
    if body:
        for paragraph in body.split("\n"):
            if paragraph.strip():
                lines += wrap(paragraph, columns, lead, "    ")
                lead = "    "
    if entry.links:
        lines += _links(entry.links, styled)
    return lines


def _links(links: Sequence[Link], styled: bool) -> list[str]:
    """Who said it, and the address of the first: the others are one /sources away."""
    names = " ".join(clean(link.label) for link in links[:MOST_HANDLES] if link.label)
    more = f" +{len(links) - MOST_HANDLES}" if len(links) > MOST_HANDLES else ""
    address = "".join(clean(links[0].url).split())
    line = " ".join(part for part in (names + more, address) if part)
    shown = f"    ↳ {line}" if line else ""
    return [f"\x1b[2m{shown}\x1b[0m" if styled else shown] if shown else []


def cells(text: str) -> int:
    """Columns that the text takes: a Han character takes two."""
    return sum(
        2 if "\u1100" <= c <= "\u115f" or "\u2e80" <= c <= "\uffdc" or c > "\U0001f2ff" else 1
        for c in text
    )


def wrap(text: str, columns: int, lead: str = "", indent: str = "") -> list[str]:
    """Lines of at most `columns`; Latin words stay whole, Chinese breaks anywhere but before a stop."""
    lines, line = [], lead
    for piece in _pieces(text):
        if cells(line) + cells(piece.rstrip()) > columns and line.strip():
            lines.append(line.rstrip())
            line = indent + piece.lstrip()
        else:
            line += piece
    lines.append(line.rstrip())
    return [part for long in lines for part in _hard(long, columns, indent)]


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    for char in text:
        wide = cells(char) == 2
        stop = char in "，。；：！？、）】》”’」』,.;:!?)"
        if pieces and (stop or (not wide and char != " " and not _breaks(pieces[-1]))):
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _breaks(piece: str) -> bool:
    return piece.endswith(" ") or cells(piece[-1]) == 2


def _hard(line: str, columns: int, indent: str) -> list[str]:
    """A line with one endless word is cut where it must be."""
    if cells(line) <= columns or "://" in line:
        return [line]
    return textwrap.wrap(line, max(20, columns // 2), subsequent_indent=indent) or [line]
