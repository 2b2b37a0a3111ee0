"""Export reports as Jekyll posts in the format of the customer's archive.

The folder can be built as it is: the post is in `_posts/` with its picture beside it, and a copy of
the picture is where the post's relative link points on the built site. Jekyll files a post under
its date in the build machine's zone, so `date` is noon UTC and the permalink contains the day.
Jekyll runs Liquid before Markdown, so braces in posts are written as entities.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from digest.atomic import write_below
from digest.calendar import zone
from digest.models import Item, Language, Report, Section, SectionName, show_author
from digest.publish import say_sample, stem

PARTS: dict[Language, dict[str, str]] = {
    "zh": {"brief": "简要部分", "detail": "详细分析部分", "special": "专项分析"},
    "en": {"brief": "Brief", "detail": "Detailed analysis", "special": "Special analyses"},
}
"""Headings above several sections, as in the archive."""

HEADING: dict[Language, str] = {
    "zh": "{name} 报告 ({first} 至 {last})",
    "en": "{name} report ({first} to {last})",
}
COLON: dict[Language, str] = {"zh": "：", "en": ": "}
COMMA: dict[Language, str] = {"zh": "，", "en": ", "}
BRACKETS: dict[Language, str] = {"zh": "（{}）", "en": " ({})"}
UPDATE: dict[Language, str] = {"zh": "后续", "en": "Follow-up"}

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~&$^\"'!=:-]")
_ENTITIES = {"{": "&#123;", "}": "&#125;", "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;"}
_PLAIN = frozenset(":-=!'#")
"""Escaped only at the start of a line; harmless elsewhere."""


def export(
    report: Report, slug: str, timezone: str, jpeg: bytes, source: bytes = b""
) -> dict[str, bytes]:
    """Return the files of one report by path. `jpeg`: b"" if there is no picture. `source`: the
    original post of an imported report, which is exported unchanged."""
    name = stem(slug, report.first, report.last)
    picture = f"wordcloud_{name}.jpg" if jpeg else ""
    if not source:
        text = front_matter(name, report, timezone) + "\n" + body(report, slug, picture)
        source = text.encode()
    folders = ("_posts", f"{report.last:%Y/%m/%d}") if jpeg else ()
    pictures = {f"{folder}/{picture}": jpeg for folder in folders}
    return {f"_posts/{report.last}-{name}.md": source, **pictures}


def write_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write the files below `folder`, each atomically; return the paths. Raises StoreError.

    Unchanged files are not rewritten. A symlink in a file's place is replaced, not followed.
    """
    for name, content in files.items():
        write_below(folder / name, content)
    return [folder / name for name in files]


def front_matter(name: str, report: Report, timezone: str) -> str:
    """Return the front matter: `date` is the report's last day, `posttime` when it was made.

    Noon UTC is the same day from UTC-12 to UTC+11. Jekyll skips posts dated in the future, so a
    report made on its own day has the time it was made. The permalink is independent of the zone.
    """
    built_at = (report.created_at or datetime.now(UTC)).astimezone(zone(timezone))
    noon = datetime.combine(report.last, time(12), UTC)
    if built_at.astimezone(UTC).date() == report.last:
        noon = min(noon, built_at.astimezone(UTC))
    values = {
        "title": name,
        "date": f"{noon:%Y-%m-%d %H:%M:%S %z}",
        "posttime": f"{built_at:%Y-%m-%d %H:%M:%S %z}",
        "permalink": f"/{report.last:%Y/%m/%d}/{name}.html",
    }
    lines = ["layout: post", *(f'{key}: "{value}"' for key, value in values.items())]
    return "\n".join(["---", *lines, "---\n"])


def name_report(slug: str, first: date, last: date, language: Language) -> str:
    """Return the line above a report: `Twitter Ai 报告 (2025-12-06 至 2025-12-06)`."""
    name = escape(slug.replace("_", " ").title())
    return HEADING[language].format(name=name, first=first, last=last)


def body(report: Report, slug: str, picture: str) -> str:
    """Return the content after the front matter."""
    language = report.language
    blocks = [name_report(slug, report.first, report.last, language)]
    blocks += filter(None, [say_sample(report.posts, language)])
    blocks += _part(report, "brief", "##", "###", ("overview", "points"))
    blocks += _part(report, "detail", "##", "###", ("views", "events", "markets"))
    blocks += _part(report, "special", "###", "####", ("ai", "finance"))
    blocks += _section(report, report.section("filtered"), "##")
    blocks += _section(report, report.section("cloud"), "##")
    if picture:
        blocks.append(f"![{escape(report.section('cloud').title)}]({picture})")
    blocks.append(f"<!-- jianbao {report.language} {report.writer}{_list_own_words(report)} -->")
    return "\n\n".join(blocks) + "\n"


def _list_own_words(report: Report) -> str:
    """Return the positions of extractive items in a model's report: " points:1,4 events:2"."""
    if report.writer == "extractive":
        return ""
    listed = {
        s.name: [str(n) for n, item in enumerate(s.items, 1) if item.status == "extractive"]
        for s in report.sections
    }
    return "".join(f" {name}:{','.join(places)}" for name, places in listed.items() if places)


def _part(
    report: Report, part: str, outer: str, inner: str, names: tuple[SectionName, ...]
) -> Iterator[str]:
    yield f"{outer} {PARTS[report.language][part]}"
    for name in names:
        yield from _section(report, report.section(name), inner)


def _section(report: Report, section: Section, level: str) -> Iterator[str]:
    yield f"{level} {escape(section.title)}"
    for note, items in groupby(section.items, key=lambda item: item.status == "note"):
        if note:
            yield from (escape_line(item.text) for item in items)
        else:
            yield "\n".join(_list(report, section.name, list(items)))


def _list(report: Report, name: SectionName, items: Sequence[Item]) -> Iterator[str]:
    number = 0
    for group, members in groupby(items, key=lambda item: item.group):
        if group:
            yield f"- **{escape(group)}**{COLON[report.language].strip()}"
        for item in members:
            number += 1
            mark = f"{number}." if name == "points" else "-"
            yield f"{'  ' if group else ''}{mark} {_item(report, item)}"


def _item(report: Report, item: Item) -> str:
    language = report.language
    title = f"**{escape(item.title)}**" if item.title else ""
    update = f"*{UPDATE[language]}* " if item.status == "update" else ""
    text = COLON[language].join(part for part in (title, escape(item.text)) if part)
    links = COMMA[language].join(_link(report, key) for key in item.cites)
    return update + text + (BRACKETS[language].format(links) if links else "")


def _link(report: Report, key: str) -> str:
    """Return the author's handle linked to the post, with the post's key as the link title."""
    post = report.posts.get(key)
    handle = show_author(key, post.author if post else "")
    address = re.sub(r"[\s<>()\"\\{}]", lambda sign: quote(sign[0]), post.url if post else "")
    return f'[{escape(handle)}](<{address}> "{escape(key)}")'


def escape(text: str) -> str:
    """Escape untrusted text for Jekyll: no Liquid, HTML, Markdown or line breaks."""

    def escaped(match: re.Match[str]) -> str:
        sign = match.group()
        return sign if sign in _PLAIN else _ENTITIES.get(sign, f"\\{sign}")

    return _SPECIAL.sub(escaped, " ".join(text.split()))


def escape_line(text: str) -> str:
    """Escape text at the start of a line, where more characters are special."""
    escaped = escape(text)
    return re.sub(r"^(\d*)([.)+=:#!>-])", r"\1\\\2", escaped)
