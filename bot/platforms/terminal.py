"""A chat in this terminal: the same commands and answers as everywhere, no token needed."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import textwrap
import threading
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from bot import texts
from bot.messages import Block, Button, Entry, Heading, Incoming, Link, Picture, Reply, Terms, Text
from digest.models import Chat, Language
from digest.text import clean

Answer = Callable[[Incoming], AsyncIterator[Reply]]
WIDEST = 100
MOST_HANDLES = 4
MOST_BUTTONS = 8
OPENING = "（《“‘「『【〔([{"
STOPS = "，。；：！？、）】》”’」』〕,.;:!?)]}"


async def say(answer: Answer, lines: Sequence[str]) -> None:
    """Answers these lines and returns."""
    for line in lines:
        await _exchange(answer, line)


async def talk(answer: Answer, commands: Sequence[str], language: Language) -> None:
    """Reads lines until the end of input, `/quit` or Ctrl-C."""
    print(texts.text("welcome", language))
    read = _prompt(commands) if sys.stdin.isatty() else _piped()
    while (line := await read()) is not None:
        if line.strip().lower() in ("/quit", "/exit"):
            return
        if line.strip():
            await _exchange(answer, line)


async def everything() -> bool:
    """The right of whoever sits at this terminal."""
    return True


async def _exchange(answer: Answer, line: str) -> None:
    here = Chat("terminal", "terminal")
    async for one in answer(Incoming(here, "terminal", line, configures=everything)):
        print(render(one, width(), styled=sys.stdout.isatty()), flush=True)
        print()


def width() -> int:
    """Columns to fill."""
    return min(WIDEST, shutil.get_terminal_size((80, 24)).columns)


def _piped() -> Callable[[], Awaitable[str | None]]:
    """Reads lines of a pipe or a file, as UTF-8 whatever the locale says.

    In a daemon thread: Ctrl-C would wait for one of asyncio's own threads, and so for the next line.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def feed() -> None:
        # A stream of its own: the interpreter waits at its end for whoever holds sys.stdin.
        # RuntimeError: the loop is closed, nobody listens any more.
        with (
            contextlib.suppress(RuntimeError),
            open(sys.stdin.fileno(), encoding="utf-8", errors="replace", closefd=False) as source,
        ):
            for line in source:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=feed, daemon=True).start()
    return lines.get


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
    before: Block | None = None
    for block in reply.blocks:
        if isinstance(block, Text | Terms) and isinstance(before, Entry | Terms):
            lines.append("")
        lines += _block(block, columns, styled)
        before = block
    for group in reply.buttons:
        lines += _buttons(group, columns, styled)
    return "\n".join(lines)


def _buttons(group: Sequence[Button], columns: int, styled: bool) -> list[str]:
    """What may be typed next; of a long choice the first few."""
    shown = [_line(button.line) for button in group[:MOST_BUTTONS]]
    more = " …" if len(group) > MOST_BUTTONS else ""
    lines = wrap("→ " + " · ".join(shown) + more, columns, "", "  ")
    return ["", *(f"\x1b[2m{line}\x1b[0m" if styled else line for line in lines)]


def _block(block: Block, columns: int, styled: bool) -> list[str]:
    match block:
        case Heading(text, level):
            return _heading(_line(text), level, styled)
        case Text(text):
            return wrap(clean(text), columns)
        case Picture(_, alt):
            return [_line(alt)]
        case Terms(rows):
            return _terms(rows, columns, styled)
        case Entry():
            return _entry(block, columns, styled)


def _line(text: str) -> str:
    """Cleaned, on one line: a line break in a name must not begin a line of its own making."""
    return " ".join(clean(text).split())


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
        lines += _links(entry.links, columns, styled)
    return lines


def _terms(rows: Sequence[tuple[str, str]], columns: int, styled: bool) -> list[str]:
    """Two columns, the meanings beneath each other."""
    indent = min(max(cells(_line(term)) for term, _ in rows) + 2, columns // 2)
    lines: list[str] = []
    for term, meaning in rows:
        shown = _line(term)
        lead = shown + " " * max(2, indent - cells(shown))
        first, *rest = wrap(_line(meaning), columns, lead, " " * indent)
        lines += [f"\x1b[1m{shown}\x1b[0m{first[len(shown) :]}" if styled else first, *rest]
    return lines


def _links(links: Sequence[Link], columns: int, styled: bool) -> list[str]:
    """The first author with the post's address, then who else said it: their posts are one
    /sources away."""
    shown = [_link(links[0]), *(_line(link.label) for link in links[1:MOST_HANDLES])]
    if len(links) > MOST_HANDLES:
        shown.append(f"+{len(links) - MOST_HANDLES}")
    said = " ".join(part for part in shown if part)
    lines = wrap(said, columns, "    ↳ ", "      ") if said else []
    return [f"\x1b[2m{line}\x1b[0m" for line in lines] if styled else lines


def _link(link: Link) -> str:
    label, address = _line(link.label), "".join(clean(link.url).split())
    return f"{label} <{address}>" if label and address else label or address


def cells(text: str) -> int:
    """Columns that the text takes: a Han character takes two, an accent on its letter none."""
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def wrap(text: str, columns: int, lead: str = "", indent: str = "") -> list[str]:
    """Lines of at most `columns`; Latin words stay whole, Chinese breaks anywhere but before a stop
    and after an opening bracket."""
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
        wide = _cells(char) == 2
        held = char in STOPS or (bool(pieces) and pieces[-1][-1] in OPENING and char != " ")
        if pieces and (held or (not wide and char != " " and not _breaks(pieces[-1]))):
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _breaks(piece: str) -> bool:
    return piece.endswith(" ") or _cells(piece[-1]) == 2


def _hard(line: str, columns: int, indent: str) -> list[str]:
    """A line with one endless word is cut where it must be."""
    if cells(line) <= columns or "://" in line:
        return [line]
    return textwrap.wrap(line, max(20, columns // 2), subsequent_indent=indent) or [line]
