"""Lines as Discord's markdown inside embeds. What strangers wrote is escaped, every sign of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.messages import Picture, Reply
from bot.rich import Budget, Line, Run, fitting, pages, parts, text_of, utf16

# Discord reads a backslash before any sign as that sign (its markdown is simple-markdown's). These
# can begin markup, mentions, emoji, time stamps or links wherever they stand.
_SIGNS = re.compile(r"[\\*_~`|\[\]<>@#]|:(?=//|[\w+-]+:)")
# At the start of a line also lists and small print.
_LEADING = re.compile(r"(?m)^(\s*)([-+])")
_AFTER_NUMBER = re.compile(r"(?m)^(\s*\d+)([.)])")

# These would end the address of a link early.
_ENDING = re.compile(r'[()<>"\\\s]')

TITLE = 256
DESCRIPTION = Budget(4000)
BEFORE_PICTURE = Budget(1500)
"""Of one embed 4,096 may be used, of all embeds of a message with their titles 6,000; counted here in
UTF-16 units, which is never less than Discord counts."""


@dataclass(frozen=True, slots=True)
class Page:
    """One embed: a title, or none, and what stands under it."""

    title: str
    text: str
    pictured: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One message: its embeds, and the picture that the first of them shows."""

    pages: tuple[Page, ...]
    picture: Picture | None = None


def escaped(text: str) -> str:
    """The text so that Discord shows it as it is."""
    text = _SIGNS.sub(lambda sign: "\\" + sign.group(), text)
    text = _AFTER_NUMBER.sub(r"\1\\\2", text)
    return _LEADING.sub(r"\1\\\2", text)


def _percent(sign: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.group().encode())


def shown(run: Run) -> str:
    """A run as markdown."""
    inner = escaped(run.text)
    if run.url:
        return f"[{inner}]({_ENDING.sub(_percent, run.url)})"
    if run.bold and inner.strip():
        core = inner.strip()
        before, _, after = inner.partition(core)
        return f"{before}**{core}**{after}"
    return inner


def size(run: Run) -> int:
    """The most a run takes of an embed, wherever it stands."""
    return utf16(shown(run))


def markdown(lines: Sequence[Line]) -> str:
    """Lines of a page as markdown."""
    return "\n".join("".join(map(shown, line)) for line in lines)


def sheets(reply: Reply) -> list[Sheet]:
    """The reply as messages within Discord's limits."""
    before, picture, after = parts(reply)
    title = ""
    first = before or after
    if first and first[0].heading == 1 and utf16(escaped(text_of(first[0].lines))) <= TITLE:
        title = escaped(text_of(first[0].lines))
        del first[0]
    if picture is None:
        found = pages(after, size, DESCRIPTION) or [[]]
        return [Sheet((Page(title, markdown(page)),)) for page in found]
    shown_first, left = fitting(before, size, BEFORE_PICTURE)
    top = Page(title, markdown(shown_first), pictured=True)
    rest = [Page("", markdown(page)) for page in pages(left + after, size, DESCRIPTION)]
    return [Sheet((top, *rest[:1]), picture), *(Sheet((page,)) for page in rest[1:])]
