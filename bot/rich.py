"""Replies as lines of styled text, and pages of them that fit a platform's limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from wcwidth import iter_graphemes, wcswidth

from bot.messages import Block, Entry, Heading, Link, Picture, Reply, Terms, Text
from digest.text import clean

_SENTENCE = re.compile(
    r".*?(?:[。！？；\n]+[”’」』）》】]*|[.!?…][\"'”’)\]]*(?=\s)|$)\s*", re.DOTALL
)
_WORD = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, slots=True)
class Run:
    """Text of one style. `own`: the bot's own words, in which a command may be tapped."""

    text: str
    bold: bool = False
    url: str = ""
    own: bool = False


Line = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """Lines that stay on one page where they fit on one; a heading stays with what follows."""

    lines: tuple[Line, ...]
    heading: int = 0
    """Its level where it is one."""
    gap: bool = True
    """Whether an empty line stands before it; not at the top of a page nor under a section's heading."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What fits on a page: `size` of its lines, a line break counted as one, and marks in them."""

    size: int
    marks: int = 10_000


Size = Callable[[Run], int]


def utf16(text: str) -> int:
    """Length in UTF-16 code units, as Telegram counts."""
    return len(text) + sum(char > "\uffff" for char in text)


def cells(text: str) -> int:
    """Columns the text takes where every Han character takes two."""
    return max(0, wcswidth(text))


def parts(reply: Reply) -> tuple[list[Unit], Picture | None, list[Unit]]:
    """What stands before the reply's picture, the picture, and what stands after it."""
    for place, block in enumerate(reply.blocks):
        if isinstance(block, Picture):
            return units(reply.blocks[:place]), block, units(reply.blocks[place + 1 :])
    return [], None, units(reply.blocks)


def units(blocks: Iterable[Block]) -> list[Unit]:
    """Blocks as units of lines. What came from strangers is cleaned here, once for all platforms."""
    found: list[Unit] = []
    for block in blocks:
        match block:
            case Heading(text, level):
                title = f"【{_flat(text)}】" if level == 3 else _flat(text)
                found.append(Unit(((Run(title, bold=True),),), heading=level))
            case Text(text):
                found.append(Unit(_paragraph(text, own=True)))
            case Terms(rows):
                lines = [
                    (Run(_flat(term), bold=True, own=True), Run(f" — {_flat(meaning)}", own=True))
                    for term, meaning in rows
                ]
                found += [Unit((line,), gap=not n) for n, line in enumerate(lines)]
            case Entry():
                found.append(Unit(_entry(block)))
            case Picture():
                pass
    return [unit for unit in found if unit.lines]


def _flat(text: str) -> str:
    return " ".join(clean(text).split())


def _paragraph(text: str, *, own: bool = False, bold: bool = False) -> tuple[Line, ...]:
    lines = (line.strip() for line in clean(text).split("\n"))
    return tuple((Run(line, bold=bold, own=own),) for line in lines if line)


def _entry(entry: Entry) -> tuple[Line, ...]:
    mark = f"{entry.number}. " if entry.number else "• "
    lines = [*_paragraph(entry.title, bold=True), *_paragraph(entry.text)]
    links = _links(entry.links)
    if not lines:
        return (links,) if links else ()
    lines[0] = (replace(lines[0][0], text=mark + lines[0][0].text), *lines[0][1:])
    if links:
        lines[-1] = (*lines[-1], Run(" "), *links)
    return tuple(lines)


MOST_LINKS = 6


def _links(links: Sequence[Link]) -> Line:
    """Authors, each leading to the post; behind a few the rest as a number."""
    runs: list[Run] = []
    for link in links[:MOST_LINKS]:
        label = _flat(link.label) or "↗"
        runs += [Run(" ")] if runs else []
        runs.append(Run(label, url=address(link.url)))
    if len(links) > MOST_LINKS:
        runs.append(Run(f" +{len(links) - MOST_LINKS}"))
    return tuple(runs)


def address(url: str) -> str:
    """The address if it is one that a reader may be led to: http or https to a plain host."""
    bare = "".join(clean(url).split())
    return bare if re.fullmatch(r"https?://[^\s/@\\?#]+(?:[/?#][^\s\\]*)?", bare) else ""


def text_of(lines: Iterable[Line]) -> str:
    """The lines as plain text."""
    return "\n".join("".join(run.text for run in line) for line in lines)


def pages(
    found: Sequence[Unit], size: Size, first: Budget, others: Budget | None = None
) -> list[list[Line]]:
    """The units on pages within the budget: cut between units, else lines, sentences, words,
    graphemes; never before a heading's own text. No text is lost; an empty list for no units."""
    book = _Book(size, first, others or first)
    held: list[Unit] = []
    for unit in found:
        if unit.heading:
            held.append(unit)
            continue
        book.add([*held, unit])
        held = []
    if held:
        book.add(held)
    return [page for page in book.pages if page]


def fitting(found: Sequence[Unit], size: Size, budget: Budget) -> tuple[list[Line], list[Unit]]:
    """The leading units that fit on one page whole, as lines, and the units that are left."""
    book = _Book(size, budget, budget)
    taken = 0
    held: list[Unit] = []
    for place, unit in enumerate(found):
        held.append(unit)
        if unit.heading:
            continue
        if not book.fits(held):
            break
        book.add(held)
        held, taken = [], place + 1
    return book.pages[0], list(found[taken:])


class _Book:
    """Pages as they fill."""

    def __init__(self, size: Size, first: Budget, others: Budget) -> None:
        self.size, self.others = size, others
        self.pages: list[list[Line]] = [[]]
        self.left = first

    def fits(self, together: Sequence[Unit]) -> bool:
        """Whether these fit on the page that is being filled."""
        lines = self._lines(together)
        return self._within(lines, self.left)

    def add(self, together: Sequence[Unit]) -> None:
        """Puts units that belong together on this page, else on the next, else on several."""
        if self.pages[-1] and not self.fits(together):
            self._turn()
        lines = self._lines(together)
        if self._within(lines, self.left):
            for line in lines:
                self._put(line)
            return
        for line in lines:
            for piece in self._cut(line):
                self._put(piece)

    def _lines(self, together: Sequence[Unit]) -> list[Line]:
        lines: list[Line] = []
        above = 0
        for unit in together:
            if unit.gap and above < 2 and (lines or self.pages[-1]):
                lines.append(())
            lines += unit.lines
            above = unit.heading
        return lines

    def _within(self, lines: Sequence[Line], budget: Budget) -> bool:
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
        self.left = Budget(self.left.size - cost, self.left.marks - marks)

    def _turn(self) -> None:
        while self.pages[-1] and not self.pages[-1][-1]:
            self.pages[-1].pop()
        self.pages.append([])
        self.left = self.others

    def _cut(self, line: Line) -> Iterator[Line]:
        """The line in pieces that fit on a page of their own."""
        budget = self.others
        if self.left.size < budget.size and not self.pages[-1]:
            budget = self.left
        if self._within([line], budget):
            yield line
            return
        taken: list[Run] = []
        cost = 1
        for run in line:
            for piece in self._pieces(run, budget.size - 1):
                more = self.size(piece)
                full = cost + more > budget.size or _marks((*taken, piece)) > budget.marks
                if taken and full:
                    yield tuple(taken)
                    taken, cost = [], 1
                joined = taken and _alike(taken[-1], piece)
                if joined:
                    taken[-1] = replace(piece, text=taken[-1].text + piece.text)
                else:
                    taken.append(piece)
                cost += more
        if taken:
            yield tuple(taken)

    def _pieces(self, run: Run, most: int) -> Iterator[Run]:
        """Sentences; words of a sentence that is too long; graphemes of such a word; then letters."""
        for sentence in _SENTENCE.findall(run.text):
            yield from self._finer(
                replace(run, text=sentence), most, (_words, iter_graphemes, iter)
            )

    def _finer(
        self, run: Run, most: int, ways: Sequence[Callable[[str], Iterable[str]]]
    ) -> Iterator[Run]:
        if not run.text:
            return
        if not ways or self.size(run) <= most:
            yield run
            return
        for piece in ways[0](run.text):
            yield from self._finer(replace(run, text=piece), most, ways[1:])


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _alike(one: Run, other: Run) -> bool:
    return (one.bold, one.url, one.own) == (other.bold, other.url, other.own)


def _marks(line: Line) -> int:
    return sum(bool(run.bold) + bool(run.url) for run in line)
