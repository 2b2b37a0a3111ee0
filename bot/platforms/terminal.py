"""Chat in the terminal: the same commands and answers as on other platforms, without a token."""

import asyncio
import contextlib
import re
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence

from bot import texts
from bot.messages import (
    Block,
    Button,
    Heading,
    Incoming,
    Link,
    ListItem,
    Paragraph,
    Picture,
    Reply,
    Rows,
)
from bot.rich import bracket, cells, flat, letters
from digest.models import Chat, Language
from digest.text import clean

Answer = Callable[[Incoming], AsyncIterator[Reply]]
WIDEST = 100
MAX_HANDLES = 4
MAX_BUTTONS = 3
OPENING = "（《“‘「『【〔([{"
STOPS = "，。；：！？、）】》”’」』〕,.;:!?)]}"


async def say(answer: Answer, lines: Sequence[str], language: Language | None = None) -> None:
    """Answer these lines; `language`: the terminal's locale, if set."""
    for line in lines:
        await _exchange(answer, line, language)


async def talk(
    answer: Answer, commands: Sequence[str], language: Language | None, default: Language
) -> None:
    """Read lines until end of input, `/quit` or Ctrl-C. `default`: language if the locale has
    none."""
    print(texts.text("welcome", language or default))
    read = _prompt(commands) if sys.stdin.isatty() else _piped()
    while (line := await read()) is not None:
        if line.strip().lower() in ("/quit", "/exit"):
            return
        if line.strip():
            await _exchange(answer, line, language)


async def everything() -> bool:
    """Permission check that always succeeds: this person owns the terminal."""
    return True


async def _exchange(answer: Answer, line: str, language: Language | None) -> None:
    here = Chat("terminal", "terminal")
    async for reply in answer(Incoming(here, "terminal", line, language, configures=everything)):
        print(render(reply, width(), styled=sys.stdout.isatty()), flush=True)
        print()


def width() -> int:
    return min(WIDEST, shutil.get_terminal_size((80, 24)).columns)


def _piped() -> Callable[[], Awaitable[str | None]]:
    """Read lines of a pipe or file as UTF-8, whatever the locale, in a daemon thread: Ctrl-C would
    wait for asyncio's own threads until the next line."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def feed() -> None:
        # A separate file object, because at exit the interpreter would wait for sys.stdin's lock.
        # RuntimeError: the loop is closed, so nobody reads any more.
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
    """Render the reply in at most `columns` columns. Text from posts is cleaned, so that no escape
    sequences reach the terminal."""
    lines: list[str] = []
    before: Block | None = None
    for block in reply.blocks:
        if isinstance(block, Paragraph | Rows | Picture) and isinstance(before, ListItem | Rows):
            lines.append("")
        lines += _block(block, columns)
        before = block
    lines += _buttons([button for group in reply.buttons for button in group], columns)
    text = "\n".join(lines)
    return text if styled else _STYLES.sub("", text)


_STYLES = re.compile("\x1b\\[[0-2]m")


def _bold(line: str) -> str:
    return f"\x1b[1m{line}\x1b[0m"


def _dim(lines: Iterable[str]) -> list[str]:
    return [f"\x1b[2m{line}\x1b[0m" for line in lines]


def _buttons(buttons: Sequence[Button], columns: int) -> list[str]:
    """Return some lines that can be typed next, without those that only suit buttons."""
    shown = [flat(button.line) for button in buttons if "~" not in button.line]
    if not shown:
        return []
    more = " …" if len(shown) > MAX_BUTTONS else ""
    return ["", *_dim(wrap("→ " + " · ".join(shown[:MAX_BUTTONS]) + more, columns, "", "  "))]


def _block(block: Block, columns: int) -> list[str]:
    match block:
        case Heading(text, level):
            title = flat(text)
            lines = wrap({1: title, 2: f"■ {title}", 3: bracket(title)}[level], columns)
            if level > 1:
                return ["", *map(_bold, lines)]
            return [*map(_bold, lines), "═" * min(columns, max(map(cells, lines)))]
        case Paragraph(text):
            return [part for line in clean(text).split("\n") for part in wrap(line, columns)]
        case Picture(alt=alt):
            return [flat(alt)]
        case Rows(rows):
            return _terms(rows, columns)
        case ListItem():
            return _entry(block, columns)


def _entry(entry: ListItem, columns: int) -> list[str]:
    mark = f"{entry.number}." if entry.number else "•"
    lead, indent = f"{mark:<3} ", "    "
    lines: list[str] = []
    for place, text in enumerate([flat(entry.title), *clean(entry.text).split("\n")]):
        if text.strip():
            wrapped = wrap(text, columns, lead, indent)
            lines += wrapped if place else map(_bold, wrapped)
            lead = indent
    return [*lines, *_links(entry.links, columns)]


def _terms(rows: Sequence[tuple[str, str]], columns: int) -> list[str]:
    indent = min(max(cells(flat(term)) for term, _ in rows) + 2, columns // 2)
    lines: list[str] = []
    for term, meaning in rows:
        shown, lead = flat(term), " " * indent
        if cells(shown) > columns - 2:
            lines += map(_bold, wrap(shown, columns))
            lines += wrap(flat(meaning), columns, lead, lead)
            continue
        beside = shown + " " * max(2, indent - cells(shown))
        first, *others = wrap(flat(meaning), columns, beside, lead)
        lines += [f"{_bold(shown)}{first[len(shown) :]}", *others]
    return lines


def _links(links: Sequence[Link], columns: int) -> list[str]:
    """Return the first author with the post's address, then the other authors, whose posts
    /sources shows."""
    if not links:
        return []
    label, address = flat(links[0].label), "".join(clean(links[0].url).split())
    first = f"{label} <{address}>" if label and address else label or address
    others = [flat(link.label) for link in links[1:]]
    handles = [label for label in others if not label.isdigit()]  # skip an author's further posts
    shown = [first, *handles[: MAX_HANDLES - 1]]
    if len(handles) >= MAX_HANDLES:
        shown.append(f"+{len(handles) - MAX_HANDLES + 1}")
    words = " ".join(filter(None, shown))
    return _dim(wrap(words, columns, "    ↳ ", "      ")) if words else []


def wrap(text: str, columns: int, lead: str = "", indent: str = "") -> list[str]:
    """Wrap to at most `columns`: Latin words stay whole; Chinese breaks anywhere except before a
    stop and after an opening bracket."""
    lines, line, taken = [], lead, cells(lead)
    for piece in _pieces(text, columns - len(indent)):
        bare = cells(piece.rstrip(" "))
        if taken + bare > columns and line.strip():
            lines.append(line.rstrip())
            line, taken = indent, len(indent)
            piece = piece.lstrip()
        line += piece
        taken += cells(piece)
    return [*lines, line.rstrip()]


def _pieces(text: str, most: int) -> Iterator[str]:
    """Yield unbreakable pieces: words, or graphemes of an overlong word. Addresses stay whole, so
    that they can be opened."""
    pieces: list[str] = []
    breaks = True
    for letter in letters(text):
        wide = letter > "\x7f" and cells(letter) == 2
        joined = letter in STOPS or (bool(pieces) and pieces[-1][-1] in OPENING and letter != " ")
        if pieces and (joined or (not wide and letter != " " and not breaks)):
            pieces[-1] += letter
        else:
            pieces.append(letter)
        breaks = wide or letter == " "
    for piece in pieces:
        yield from [piece] if cells(piece) <= most or "://" in piece else letters(piece)
