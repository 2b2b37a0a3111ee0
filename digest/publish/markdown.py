"""The whole report as Markdown, with each item's sources linked."""

from __future__ import annotations

import re
from itertools import groupby

from digest.models import Item, Report, Section

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")
_LIST_MARK = re.compile(r"^(\d*)([.)+-])(?=\s)")


def as_markdown(report: Report, title: str, cloud: str = "") -> str:
    """The report under `title`; `cloud` is the address of the picture, relative to the file."""
    blocks = [f"# {escape(title)}"]
    for section in report.sections:
        blocks.append(f"## {escape(section.title)}")
        blocks += _section(report, section)
        if section.name == "cloud" and cloud:
            blocks.append(f"![{escape(section.title)}]({cloud})")
    return "\n\n".join(blocks) + "\n"


def escape(text: str) -> str:
    """Text of strangers shown as text: no markup, no HTML, no lists of its own, one line."""
    one_line = " ".join(text.split())
    return _LIST_MARK.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", one_line))


def _section(report: Report, section: Section) -> list[str]:
    blocks = []
    for group, items in groupby(section.items, key=lambda item: item.group):
        if group:
            blocks.append(f"### {escape(group)}")
        blocks.append("\n".join(_items(report, section, list(items))))
    return blocks


def _items(report: Report, section: Section, items: list[Item]) -> list[str]:
    numbered = section.name == "points"
    lines = []
    for number, item in enumerate(items, 1):
        if item.status == "note":
            lines.append(f"{escape(item.text)}\n")
        else:
            mark = f"{number}." if numbered else "-"
            lines.append(f"{mark} {_item(report, item)}")
    return lines


def _item(report: Report, item: Item) -> str:
    parts = [f"**{escape(item.title)}**"] if item.title else []
    parts += [escape(item.text)] if item.text else []
    links = [_link(report, key) for key in item.cites if key in report.posts]
    return " ".join([*parts, *([f"({', '.join(links)})"] if links else [])])


def _link(report: Report, key: str) -> str:
    post = report.posts[key]
    label = escape(
        f"@{post.author}"
        if key.startswith(("x:", "sample:")) and post.author
        else post.author or key
    )
    address = (
        post.url.replace(" ", "%20").replace("(", "%28").replace(")", "%29").replace(">", "%3E")
    )
    return f"[{label}]({address})" if address else label
