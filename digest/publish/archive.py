"""Import Jekyll posts: posts of other origin with any headings, and our own without loss.

A report is read line by line. A heading opens a section according to its words, whether it is
marked by `#`, underlined, bold, or just a line of known words. A heading within a section starts a
group. Every other line of text becomes an item. No text is lost: lines that belong to no section
stay in the section they are found in, and the post's title comes last.
"""

import contextlib
import html
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import yaml

from digest.errors import ArchiveError
from digest.fetch.encodings import as_utf8
from digest.fetch.identity import identity
from digest.models import SECTIONS, Cited, Item, Language, Report, Section, Status
from digest.publish.jekyll import BRACKETS, COLON, HEADING, name_report
from digest.reading.names import simplify
from digest.text import clean, language

MAX_BYTES = 5_000_000
"""Maximum size of a report or an OPML file."""
MAX_FRONT_MATTER = 20_000
MAX_PERIOD = timedelta(days=366)
CONTAINER = 2
"""Level of headings above several sections, if it is not written."""
BOLD = 7
"""Level of a bold line used as a heading: below all real headings."""

_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_NAME = re.compile(
    r"^(?:\d{4}-\d{2}-\d{2}-)?(?P<slug>.+?)_(?P<first>\d{8})(?:_(?P<last>\d{8}))?$", re.DOTALL
)
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s++(.*)$")
_UNDERLINE = re.compile(r"\s{0,3}(=+|-+)\s*")
_BARE_HEADING = re.compile(
    r"(?:简要|详细|专项)(?:分析)?(?:部分)?(?:\s*[(（][^()（）]{0,20}[)）])?[：:]?"
)
"""Unmarked lines that are headings of several sections."""
_BOLD_LINE = re.compile(r"^\*\*([^*]+)\*\*\s*([：:]?)$")
_LIST = re.compile(r"^(\s*)(?:[-*+•·]|\d{1,3}[.)、．])\s+(.*)$")
_TITLE = re.compile(r"报告|总结|[日周月]报|report|digest", re.IGNORECASE)
_NUMBERED = re.compile(r"^(?:[(（]?(?:\d\d?|[一二三四五六七八九十]+)[)）.、．:：]\s*|[^\w\s]+\s*)+")
_RULE = re.compile(r"^\s*(?:[-*_]\s*){3,}$")
_IMAGE = re.compile(r"^\s*!\[[^\]]*\]\([^)]*\)\s*$")
_ANY_LINK = re.compile(r"!?\[([^\[\]]*+)\]\(<?((?:(?!\]\()[^)\s>])*+)[^\[)]*+\)")
"""A match ends before the next link begins, so that the search takes linear time."""
_OURS = re.compile(
    r"^<!-- jianbao (zh|en) (\w+)((?: [a-z]+:\d{1,6}(?:,\d{1,6})*)*) -->$", re.MULTILINE
)
_LINK = re.compile(r'(?<!\\)\[((?:\\.|[^\]\\])*)\]\(<([^>]*)> "((?:\\.|[^"\\])*)"\)')
_UPDATE = re.compile(r"\*(?:后续|Follow-up|更新|Update)\* ")
_MARKS = re.compile(r"\*\*|__|(?<!\w)[*_`]|[*_`](?!\w)")

# Sections by words in headings; the first match wins.
_SAYS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("cloud", r"词云|word ?cloud"),
        ("filtered", r"广告|过滤|filtered|ad filter"),
        ("finance", r"金融|financ"),
        ("ai", r"人工智能.*专项|AI\s*专项|专项.*人工智能|special analysis"),
        ("special", r"专项分析|special analyses"),
        ("markets", r"个股|股票|[字密]货币|市场反应|stocks?\b|crypto|markets?\b"),
        ("points", r"核心[信资][息讯]|要点|要闻|关键信息|信息点|关键点|key points|highlights"),
        ("brief", r"^(?:[简摘概]要|brief|summary)"),
        ("detail", r"详细|^detail"),
        ("overview", r"主要话题|行业趋势|概述|overview|trends"),
        ("views", r"观点|见[解地]|views|opinions"),
        ("events", r"事件|发展动态|重要进展|events|developments"),
    )
)
_CONTAINERS = frozenset(["brief", "detail", "special"])


@dataclass(frozen=True, slots=True)
class Imported:
    """An imported report, and the topic slug in its post."""

    slug: str
    report: Report


@dataclass(slots=True)
class _Reader:
    """Parser state: the open section, lines waiting for one, and the groups of the next line:
    `heading` within the section, `block` below a bold line, `lead` of a nested list."""

    sections: dict[str, list[Item]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    waiting: list[Item] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    titled: bool = False
    section: str = ""
    level: int = 0
    special: bool = False
    heading: str = ""
    block: str = ""
    lead: str = ""
    listed: bool = False
    posts: dict[str, Cited] = field(default_factory=dict)


def read_post(content: bytes, name: str, slug: str = "") -> Imported:
    """Parse the Jekyll post called `name`; `slug`: the topic if the post names none. Raise
    ArchiveError if it is not a report."""
    if len(content) > MAX_BYTES:
        raise ArchiveError(
            f"{name}: larger than {MAX_BYTES // 1_000_000} MB, so it is not a report"
        )
    text = as_utf8(content, {})[0].decode("utf-8", "replace").replace("\r\n", "\n")
    matter, body = _split(text, name)
    slug, first, last = _days(matter, name, slug)
    marker = _OURS.search(body)
    spoken: Language = "en" if (marker[1] if marker else language(body)) == "en" else "zh"
    if marker:
        sections, posts = _read_own(body[: marker.start()], spoken, marker[2], marker[3])
    else:
        names = {name_report(slug, first, last, code) for code in HEADING}
        sections, posts = _read(body.split("\n"), names)
    if not any(section.items for section in sections):
        raise ArchiveError(f"{name}: contains no report")
    report = Report(
        topic="",
        first=first,
        last=last,
        language=spoken,
        writer=marker[2] if marker else "imported",
        sections=sections,
        posts=posts,
        created_at=_moment(matter),
    )
    return Imported(slug, report)


def _split(text: str, name: str) -> tuple[Mapping[str, Any], str]:
    match = _FRONT_MATTER.match(text)
    if not match:
        return {}, text
    written = match.group(1)[:MAX_FRONT_MATTER]
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(written)):
            raise ValueError("aliases of aliases unfold without an end")
        matter = yaml.safe_load(written)
    # PyYAML raises these for `!!bool foo`, `!!timestamp foo` and similar.
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError):
        raise ArchiveError(f"{name}: the front matter between --- is not valid YAML") from None
    return (matter if isinstance(matter, dict) else {}), text[match.end() :]


def _days(matter: Mapping[str, Any], name: str, slug: str) -> tuple[str, date, date]:
    """Return topic slug, first and last day, from the title or else the file name. If neither names
    the topic, it is `slug`, and the day may be that of `date`."""
    title = str(matter.get("title", "")).strip()
    for candidate in (title, re.sub(r"\.[A-Za-z]+$", "", name)):
        match = _NAME.match(candidate)
        if match is None:
            continue
        try:
            days = [_read_day(match[k] or match["first"]) for k in ("first", "last")]
        except ValueError:
            continue
        if max(days) - min(days) < MAX_PERIOD:
            return clean(match["slug"]), min(days), max(days)
    for written in (name, str(matter.get("date", ""))) if slug else ():
        with contextlib.suppress(ValueError):
            day = _read_day(written[:10])
            return slug, day, day
    raise ArchiveError(
        f"{name}: no topic and days of a year at most in its title or name: write them like"
        " twitter_ai_20251206_20251206, or add --topic to a name like 2025-12-06-news.md or a date:"
    )


def _read_day(digits: str) -> date:
    """Return the day; raise ValueError if it is implausible."""
    day = date.fromisoformat(digits)
    if not 1990 <= day.year <= 2200:
        raise ValueError(digits)
    return day


def _moment(matter: Mapping[str, Any]) -> datetime | None:
    """Return when the post was made, from a date, datetime or string, with or without a zone."""
    for key in ("posttime", "date"):
        value = matter.get(key)
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(re.sub(r"\s+(?=[+-]\d)", "", value.strip()))
            except ValueError:
                continue
        if isinstance(value, datetime):
            with contextlib.suppress(OverflowError):  # in the year 1 or 9999
                value = value if value.tzinfo else value.replace(tzinfo=UTC)
                value.astimezone(UTC)
                return value
    return None


def _read(
    lines: Sequence[str], names: Collection[str]
) -> tuple[tuple[Section, ...], dict[str, Cited]]:
    """Return the sections of a post by somebody else, and the linked posts. `names`: lines that are
    the report's title."""
    reader = _Reader()
    for line in _mark_underlined(lines):
        if line.strip() in names:
            reader.names.append(_words(line))
        else:
            _take(reader, line)
    _open(reader, reader.section or "overview")
    # Elsewhere the title would become the start of the brief, of feeds and of previews.
    reader.sections.setdefault("cloud", []).extend(map(_item, reader.names))
    sections = tuple(
        Section(name, reader.titles.get(name, ""), tuple(reader.sections.get(name, ())))
        for name in SECTIONS
    )
    return sections, reader.posts


def _mark_underlined(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines with underlined (Setext) headings converted to `#`; `=` is level one."""
    lines = [*lines, ""]
    skip = False
    for line, following in pairwise(lines):
        rule = _UNDERLINE.fullmatch(following)
        plain = line.strip() and not any(
            form.match(line) for form in (_HEADING, _LIST, _RULE, _IMAGE)
        )
        if skip:
            skip = False
        elif rule and plain:
            yield f"{'#' if rule[1][0] == '=' else '##'} {line.strip()}"
            skip = True
        else:
            yield line


def _take(reader: _Reader, line: str) -> None:
    if not line.strip() or _RULE.match(line) or _IMAGE.match(line):
        return
    if heading := _HEADING.match(line):
        _take_heading(reader, len(heading.group(1)), _words(_unmarked(heading)))
    elif _BARE_HEADING.fullmatch(simplify(words := _words(line.strip()))):
        _take_heading(reader, CONTAINER, words)
    elif lead := _BOLD_LINE.match(line.strip()):
        heading_text = _words(lead.group(1)) + lead.group(2)
        if reader.section and reader.level < BOLD:
            reader.block = reader.lead = _below(reader.heading, heading_text)
            reader.listed = False
        else:
            _take_heading(reader, BOLD, heading_text)
    elif entry := _LIST.match(line):
        _take_entry(reader, len(entry.group(1).expandtabs(4)) > 1, entry.group(2))
    else:
        if reader.listed:  # a paragraph after the list under a bold line is not part of the group
            reader.block, reader.listed = reader.heading, False
        reader.lead = reader.block
        _add(reader, line)


def _unmarked(heading: re.Match[str]) -> str:
    return heading[2].rstrip("#").rstrip()


def _take_heading(reader: _Reader, level: int, text: str) -> None:
    says = _says(level, text)
    if reader.special and not says and not reader.section:
        says = "ai"  # the topic's special analysis may have any name
    if reader.section and level > reader.level:
        reader.heading = reader.block = reader.lead = text
    elif says in _CONTAINERS:
        reader.section, reader.level, reader.special = "", level, says == "special"
        reader.heading = reader.block = reader.lead = ""
    elif says:
        if says == "markets" and reader.special:
            says = "finance"
        reader.special = reader.special and level > 3
        _open(reader, says)
        reader.level = level
        _title(reader, says, text)
    elif reader.section and level == reader.level:
        reader.heading = reader.block = reader.lead = text
    elif _is_title(level, text) and not (reader.titled or reader.waiting or reader.sections):
        reader.titled = True
        reader.names.append(text)
    else:
        reader.waiting.append(_item(text))


def _is_title(level: int, text: str) -> bool:
    return level == 1 and bool(_TITLE.search(simplify(text)))


def _says(level: int, text: str) -> str:
    """Return the section that a heading opens; "" for the title, which may contain any word."""
    if _is_title(level, text):
        return ""
    bare = simplify(_NUMBERED.sub("", text))
    return next((name for name, pattern in _SAYS if pattern.search(bare)), "")


def _open(reader: _Reader, name: str) -> None:
    reader.section, reader.heading, reader.block, reader.lead = name, "", "", ""
    reader.sections.setdefault(name, []).extend(reader.waiting)
    reader.waiting.clear()


def _title(reader: _Reader, name: str, text: str) -> None:
    """Set the section's title to its first heading; keep further ones of the same kind as items."""
    if name in reader.titles:
        reader.sections[name].append(_item(text))
    else:
        reader.titles[name] = text


def _take_entry(reader: _Reader, nested: bool, marked: str) -> None:
    """Process a list entry. An entry that ends in a colon is the group of those nested below."""
    reader.listed = True
    if not nested:
        reader.lead = reader.block
    elif (
        reader.section
        and (items := reader.sections[reader.section])
        and items[-1].text.endswith(("：", ":"))
    ):
        reader.lead = _below(reader.block, items.pop().text)
    _add(reader, marked)


def _below(heading: str, lead: str) -> str:
    return f"{heading} · {lead}" if heading else lead


def _add(reader: _Reader, marked: str) -> None:
    text, links = _split_links(marked)
    cites = [key for link in links if (key := _cite(reader, *link.groups()))]
    item = replace(_item(_words(text), reader.lead), cites=tuple(dict.fromkeys(cites)))
    if reader.section:
        reader.sections[reader.section].append(item)
    else:
        reader.waiting.append(item)


def _split_links(marked: str) -> tuple[str, list[re.Match[str]]]:
    """Return the line without trailing handles that only link to its posts, and all its links."""
    links = list(_ANY_LINK.finditer(marked))
    end = len(marked)
    for link in reversed(links):
        if marked[link.end() : end].strip(_AROUND_LINKS) or not link[1].startswith("@"):
            break
        end = link.start()
    text = marked if end == len(marked) else marked[:end].rstrip(_AROUND_LINKS + "（([")
    return text or marked, links


_AROUND_LINKS = " ，,、·;；）)]"


def _cite(reader: _Reader, label: str, address: str) -> str:
    """Record the post that a link leads to; return its key, or "" if it is not a web address."""
    if not address.startswith(("https://", "http://")):
        return ""
    post = identity(address)
    key = f"{post.source}:{post.id}"
    author = post.author or clean(label).removeprefix("@")
    reader.posts.setdefault(key, Cited(author, post.url or address, "", None))
    return key


def _item(text: str, group: str = "") -> Item:
    return Item(text, group=group, status="imported")


def _words(marked: str) -> str:
    linked = _ANY_LINK.sub(r"\1", marked)
    return clean(re.sub(r"\\([\\`*_{}\[\]()#+.!|~>-])", r"\1", _MARKS.sub("", linked)))


_ORDER = " overview points  views events markets  ai finance filtered cloud".split(" ")
"""Sections in the order of our own posts' headings; "" for headings above several sections."""
_ESCAPE = re.compile(r"\\(.)|&(?:#123|#125|lt|gt|amp|quot);")
_GROUP = re.compile(r"^- \*\*((?:\\.|[^*\\])*)\*\*[：:]$")
_ENTRY = re.compile(r"^(  )?(?:-|\d+\.) (.*)$")
_TITLED = re.compile(r"^\*\*((?:\\.|[^*\\])*)\*\*(.*)$")


def _read_own(
    body: str, language_: Language, writer: str, listed: str
) -> tuple[tuple[Section, ...], dict[str, Cited]]:
    """Return the sections of a post written by `jekyll.export`, and the linked posts. `listed`:
    positions of extractive items in a model's report, like " points:1,4 events:2"."""
    usual: Status = "extractive" if writer == "extractive" else "new"
    places = [place.partition(":") for place in listed.split()]
    own_words = {(name, int(n)) for name, _, numbers in places for n in numbers.split(",")}
    titles: dict[str, str] = {}
    items: dict[str, list[Item]] = {name: [] for name in SECTIONS}
    posts: dict[str, Cited] = {}
    section, group, headings = "", "", iter(_ORDER)
    for line in body.split("\n"):
        if heading := _HEADING.match(line):
            section, group = next(headings, ""), ""
            titles.setdefault(section, _unescaped(_unmarked(heading)))
        elif not section or not line or _IMAGE.match(line):
            continue
        elif match := _GROUP.match(line):
            group = _unescaped(match.group(1))
        elif entry := _ENTRY.match(line):
            group = group if entry.group(1) else ""
            is_own = (section, len(items[section]) + 1) in own_words
            status = "extractive" if is_own else usual
            items[section].append(_entry(entry.group(2), group, language_, status, posts))
        else:
            items[section].append(Item(_unescaped(line), status="note"))
    return tuple(Section(n, titles.get(n, ""), tuple(items[n])) for n in SECTIONS), posts


def _entry(
    line: str, group: str, language_: Language, status: Status, posts: dict[str, Cited]
) -> Item:
    if mark := _UPDATE.match(line):
        line, status = line[mark.end() :], "update"
    cites = []
    links = list(_LINK.finditer(line))
    for link in links:
        handle, address, key = link.groups()
        cites.append(_unescaped(key))
        posts[cites[-1]] = Cited(_unescaped(handle).removeprefix("@"), address, "", None)
    if links:
        line = line[: links[0].start()].removesuffix(BRACKETS[language_].split("{}")[0])
    title = ""
    if titled := _TITLED.match(line):
        title, line = _unescaped(titled.group(1)), titled.group(2).removeprefix(COLON[language_])
    return Item(_unescaped(line), title, group, tuple(cites), status)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda m: m.group(1) or html.unescape(m.group()), text)
