"""A strict reader of Discord's markdown: what is shown, and nothing but the bot's own bold and links."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_LINK = re.compile(r"\\.|\[((?:\\.|[^\\\[\]])*)\]\((https?://[^\s()<>]+)\)", re.DOTALL)
"""Or an escaped sign, which begins no link."""
_OWN = re.compile(
    r"\\(?P<sign>[!-/:-@\[-`{-~])|(?P<bold>\*\*)|(?P<other>[^*_~`|\[\]<>@#\\]+|.)", re.DOTALL
)
_FOREIGN = frozenset("*_~`|[]<>@#\\")
_LINE = re.compile(r"(?m)^[ \t]*(?:[-+] |\d+[.)] |-# )")
_EMOJI = re.compile(r"(?<!\\):[\w+-]+:")
_AUTO = re.compile(r"(?i)\b(?:https?|steam|discord)://")


def read(text: str, *, numbered: bool = False) -> tuple[str, list[tuple[str, str]]]:
    """The words as shown, and its links as label and address.

    Raises ValueError for any other markup, a mention, or a link that Discord would make by itself.
    """
    shown: list[str] = []
    links: list[tuple[str, str]] = []
    place = 0
    for link in _LINK.finditer(text):
        if not link[2]:
            continue
        shown.append(_plain(text[place : link.start()]))
        label = _plain(link[1])
        if not urlsplit(link[2]).hostname:
            raise ValueError(f"no address: {link[2][:80]!r}")
        shown.append(label)
        links.append((label, link[2]))
        place = link.end()
    shown.append(_plain(text[place:]))
    if found := _LINE.search(text):
        raise ValueError(f"a list: {found.group()!r}")
    if found := _EMOJI.search(_LINK.sub(lambda link: link[1] or link[0], text)):
        raise ValueError(f"an emoji by its name: {found.group()!r}")
    return "".join(shown), links


def _plain(text: str) -> str:
    shown: list[str] = []
    bold = False
    last = 0
    for found in _OWN.finditer(text):
        if sign := found["sign"]:
            shown.append(sign)
            continue
        if found["bold"]:
            bold = not bold
            if not bold and found.start() == last:
                raise ValueError("empty bold")
            last = found.end()
            continue
        if found["other"] in _FOREIGN:
            raise ValueError(
                f"foreign markup: {text[max(0, found.start() - 20) : found.end() + 20]!r}"
            )
        shown.append(found["other"])
    if bold:
        raise ValueError(f"bold without an end: {text[-80:]!r}")
    if auto := _AUTO.search(text):
        raise ValueError(f"a link of its own: {text[auto.start() : auto.end() + 20]!r}")
    return "".join(shown)
