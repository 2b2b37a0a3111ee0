"""Render replies as lines of styled text, and split them into pages within a platform's limits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import groupby
from operator import attrgetter

from bot.messages import Block, Heading, Link, ListItem, Paragraph, Picture, Reply, Rows
from digest.text import clean

JOINER = "\u2060"
"""Unicode's word joiner: invisible, and never part of a name or address."""
COMMANDS = re.compile(r"(?<![\w/])/(?=\w)")
"""Slashes that make Telegram turn the following word into a command."""
_SENTENCE = re.compile(
    r".*?(?:[。！？；\n]+[”’」』）》】]*|[.!?…][\"'”’)\]]*(?=\s)|$)\s*", re.DOTALL
)
_WORD = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, slots=True)
class Run:
    """Text in one style. `tappable`: the bot's own text, whose commands may be tapped; `folded`:
    collapsed until tapped."""

    text: str
    bold: bool = False
    url: str = ""
    tappable: bool = False
    folded: bool = False


Line = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """Lines to keep on one page if they fit; a heading stays with the following unit."""

    lines: tuple[Line, ...]
    heading: int = 0
    """Heading level; 0 if it is not a heading."""
    gap: bool = True
    """True if an empty line precedes it, except at the top of a page or directly below a section's
    heading."""


@dataclass(frozen=True, slots=True)
class PageBudget:
    """Limits of a page: total size of its lines (each line break counts 1), and number of
    styles."""

    size: int
    marks: int = 10_000


Size = Callable[[Run], int]


def utf16(text: str) -> int:
    """Return the length in UTF-16 code units, as Telegram counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cells(text: str) -> int:
    """Return the width in terminal columns, where a Han character takes two."""
    if text.isascii() and text.isprintable():
        return len(text)
    # Imported here so that the bot starts without its tables.
    from wcwidth import wcswidth

    return max(0, wcswidth(text))


def letters(text: str) -> Iterator[str]:
    """Yield grapheme clusters: accents, emoji and flags stay whole (UAX 29)."""
    from wcwidth import iter_graphemes  # as above

    return iter(iter_graphemes(text))


def parts(reply: Reply) -> tuple[list[Unit], Picture | None, list[Unit]]:
    """Return the units before the reply's picture, the picture, and the units after it."""
    for place, block in enumerate(reply.blocks):
        if isinstance(block, Picture):
            return units(reply.blocks[:place]), block, units(reply.blocks[place + 1 :])
    return [], None, units(reply.blocks) or [Unit(((Run("…"),),))]


def bracket(title: str) -> str:
    """Return the heading of a group in the brackets of its language."""
    is_chinese = any("\u3400" <= char <= "\u9fff" for char in title)
    return f"【{title}】" if is_chinese else f"[{title}]"


def units(blocks: Iterable[Block]) -> list[Unit]:
    """Convert blocks to units of lines. Untrusted text is cleaned here, once."""
    built: list[Unit] = []
    for block in blocks:
        match block:
            case Heading(text, level, folded):
                if title := flat(text):
                    title = bracket(title) if level == 3 else title
                    lines = _folded(((Run(title, bold=True),),), folded)
                    built.append(Unit(lines, heading=level))
            case Paragraph(text, folded):
                built.append(Unit(_folded(_paragraph(text, tappable=True), folded)))
            case Rows(rows):
                for n, (term, meaning) in enumerate(rows):
                    head = Run(flat(term), bold=True, tappable=True)
                    line = head, Run(f" — {flat(meaning)}", tappable=True)
                    built.append(Unit((line,), gap=not n))
            case ListItem():
                built.append(Unit(_folded(_entry(block), block.folded)))
            case Picture():
                pass
    return [unit for unit in built if unit.lines]


def _folded(lines: tuple[Line, ...], folded: bool) -> tuple[Line, ...]:
    if not folded:
        return lines
    return tuple(tuple(replace(run, folded=True) for run in line) for line in lines)


def flat(text: str) -> str:
    """Return cleaned text on one line: a line break in a name must not begin a new line."""
    return " ".join(clean(text).split())


def quote_words(text: str) -> str:
    """Quote untrusted text within our own: on one line, without tappable commands."""
    return COMMANDS.sub("/" + JOINER, flat(text))


def _paragraph(text: str, *, tappable: bool = False, bold: bool = False) -> tuple[Line, ...]:
    lines = (line.strip() for line in clean(text).split("\n"))
    return tuple((Run(line, bold=bold, tappable=tappable),) for line in lines if line)


def _entry(entry: ListItem) -> tuple[Line, ...]:
    mark = f"{entry.number}. " if entry.number else "• "
    lines = [*_paragraph(entry.title, bold=True), *_paragraph(entry.text)]
    links = _links(entry.links)
    if not lines:
        return (links,) if links else ()
    lines[0] = (replace(lines[0][0], text=mark + lines[0][0].text), *lines[0][1:])
    if links:
        lines[-1] = (*lines[-1], Run(" "), *links)
    return tuple(lines)


MAX_LINKS = 6


def _links(links: Sequence[Link]) -> Line:
    """Return authors as links to their posts; after MAX_LINKS, the number of others."""
    runs: list[Run] = []
    for link in links[:MAX_LINKS]:
        label = flat(link.label) or "↗"
        runs += [Run(" ")] if runs else []
        runs.append(Run(label, url=address(link.url)))
    if len(links) > MAX_LINKS:
        runs.append(Run(f" +{len(links) - MAX_LINKS}"))
    return tuple(runs)


# A host with a dot and an optional valid port, without credentials. This is what Telegram accepts
# as an address (TDLib, LinkManager.cpp), and it cannot disguise another address.
_ADDRESS = re.compile(
    r"https?://[\w-]+(?:\.[\w-]+)+(?::(?!0)(?:\d{1,4}|[1-5]\d{4}))?(?:[/?#][^\s\\]*)?",
    re.IGNORECASE,
)
MAX_ADDRESS_CHARS = 3500
"""Maximum length, with brackets counted in the escaped form of Discord links, which must fit in one
embed."""


def address(url: str) -> str:
    """Return the address if readers may be led to it, else ""."""
    bare = "".join(clean(url).split())
    size = utf16(bare) + 2 * sum(map(bare.count, "()<>"))
    return bare if size <= MAX_ADDRESS_CHARS and _ADDRESS.fullmatch(bare) else ""


def text_of(lines: Iterable[Line]) -> str:
    return "\n".join("".join(run.text for run in line) for line in lines)


def pages(
    sequence: Sequence[Unit], size: Size, first: PageBudget, others: PageBudget | None = None
) -> list[list[Line]]:
    """Split the units into pages within the budget: between units, else lines, sentences, words,
    graphemes; never right after a heading. No text is lost; no units give an empty list."""
    book = _Book(cache(size), first, others or first)
    for together in _group(sequence):
        book.add(together)
    return [page for page in book.pages if page]


def fitting(
    sequence: Sequence[Unit], size: Size, budget: PageBudget
) -> tuple[list[Line], list[Unit]]:
    """Return the lines of the leading units that fit on one page, and the remaining units."""
    book = _Book(cache(size), budget, budget)
    taken = 0
    for together in _group(sequence):
        if together[-1].heading or not book.fits(together):
            break
        book.add(together)
        taken += len(together)
    return book.pages[0], list(sequence[taken:])


def _group(sequence: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Group each text with the headings above it; trailing headings form a group of their own."""
    together: list[Unit] = []
    for unit in sequence:
        together.append(unit)
        if not unit.heading:
            yield together
            together = []
    if together:
        yield together


class _Book:
    """Pages being filled."""

    def __init__(self, size: Size, first: PageBudget, others: PageBudget) -> None:
        self.size, self.others = size, others
        self.pages: list[list[Line]] = [[]]
        self.left = first

    def fits(self, together: Sequence[Unit]) -> bool:
        """Return True if these units fit on the current page."""
        return self._within(self._lines(together), self.left)

    def add(self, together: Sequence[Unit]) -> None:
        """Add units that belong together to this page, else to the next, else to several."""
        if self.pages[-1] and not self.fits(together):
            self._turn()
        lines = self._lines(together)
        if self._within(lines, self.left):
            for line in lines:
                self._put(line)
            return
        body = len(lines) - len(together[-1].lines)
        for number, line in enumerate(lines):
            for piece in self._cut(line, self._room(below_heading=number == body)):
                self._put(piece)

    def _room(self, *, below_heading: bool) -> PageBudget:
        """Return the budget for the next piece: the rest of this page, or a whole page."""
        ample = 2 * self.left.size > self.others.size
        return self.left if ample and (below_heading or not self.pages[-1]) else self.others

    def _lines(self, together: Sequence[Unit]) -> list[Line]:
        lines: list[Line] = []
        above = 0
        for unit in together:
            if unit.gap and above < 2 and (lines or self.pages[-1]):
                lines.append(())
            lines += unit.lines
            above = unit.heading
        return lines

    def _within(self, lines: Sequence[Line], budget: PageBudget) -> bool:
        return (
            sum(map(self._cost, lines)) <= budget.size and sum(map(_marks, lines)) <= budget.marks
        )

    def _cost(self, line: Line) -> int:
        return 1 + sum(map(self.size, line))

    def _put(self, line: Line) -> None:
        cost, marks = self._cost(line), _marks(line)
        if self.pages[-1] and (cost > self.left.size or marks > self.left.marks):
            self._turn()
        if not line and not self.pages[-1]:
            return
        self.pages[-1].append(line)
        self.left = PageBudget(self.left.size - cost, self.left.marks - marks)

    def _turn(self) -> None:
        while self.pages[-1] and not self.pages[-1][-1]:
            self.pages[-1].pop()
        self.pages.append([])
        self.left = self.others

    def _cut(self, line: Line, room: PageBudget) -> Iterator[Line]:
        """Cut a line into pieces; the first fits in `room`, the others on pages of their own."""
        if self._within([line], room):
            yield line
            return
        taken: list[Run] = []
        cost, marks = 1, 0
        for run in line:
            for piece in self._pieces(run, min(room.size, self.others.size) - 1):
                more, mark = self.size(piece), _marks((piece,))
                if taken and (cost + more > room.size or marks + mark > room.marks):
                    yield _merge(taken)
                    taken, cost, marks, room = [], 1, 0, self.others
                if not taken or _style(taken[-1]) != _style(piece):
                    marks += mark
                taken.append(piece)
                cost += more
        if taken:
            yield _merge(taken)

    def _pieces(self, run: Run, most: int) -> Iterator[Run]:
        """Yield sentences; split long ones into words, those into graphemes, then characters."""
        for text in [run.text] if run.url else _split(_SENTENCE, run.text):
            yield from self._finer(replace(run, text=text), most, _WAYS)

    def _finer(self, run: Run, most: int, ways: Sequence[Way]) -> Iterator[Run]:
        if not ways or self.size(run) <= most:
            yield run
            return
        for text in ways[0](run.text):
            yield from self._finer(replace(run, text=text), most, ways[1:])


Way = Callable[[str], Iterable[str]]


def _split(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    """Split into sentences or words, but never before a combining mark or skin tone modifier."""
    pending = ""
    for part in filter(None, pattern.findall(text)):
        leans = unicodedata.category(part[0])[0] == "M" or "\U0001f3fb" <= part[0] <= "\U0001f3ff"
        if pending and not leans:
            yield pending
            pending = ""
        pending += part
    if pending:
        yield pending


_WAYS: tuple[Way, ...] = (partial(_split, _WORD), letters, iter)


_style = attrgetter("bold", "url", "tappable", "folded")


def _merge(pieces: Iterable[Run]) -> Line:
    """Join the pieces into one line; merge adjacent runs of one style."""
    return tuple(
        Run("".join(piece.text for piece in alike), *style)
        for style, alike in groupby(pieces, _style)
    )


def _marks(line: Line) -> int:
    return sum(bool(run.bold) + bool(run.url) for run in line)
