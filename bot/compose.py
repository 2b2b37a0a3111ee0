"""Compose stored reports as replies, the same for digests, commands and subscription previews."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from bot import texts
from bot.messages import Block, Button, Foldable, Heading, Link, ListItem, Paragraph, Picture, Reply
from bot.services import Services
from bot.typed import fold_letters
from digest.calendar import DAY, Span, is_unfinished, month_of
from digest.models import (
    BRIEF,
    SECTIONS,
    Cited,
    Item,
    Language,
    Report,
    SectionName,
    Subscription,
    Topic,
    show_author,
)
from digest.publish import days_of, say_sample, section_title, stem
from digest.ranges import load_span
from digest.write.extractive.notes import CRYPTO, OTHER, STOCKS

if TYPE_CHECKING:
    from digest.reading.assets import Asset

MARK = "★"
"""Marks an item with one of the reader's keywords."""
OPEN_CHARS, MIN_FOLDED_CHARS = 400, 300
"""Characters of a long section that are not folded, and the minimum worth folding."""
MAX_CLOUD_WORDS = 15
_STOPS = re.compile(r"[。！？!?\n]|\.\s")


@dataclass(frozen=True, slots=True)
class ReportView:
    """What a reader wants to see of a report."""

    language: Language
    """Language of headings, notes and buttons."""
    sections: tuple[SectionName, ...] = BRIEF
    highlight: tuple[str, ...] = ()
    """Keywords whose items come first, marked."""
    without: tuple[str, ...] = ()
    """Keywords whose items are left out."""
    limit: int = 0
    """Maximum items per section, not counting notes; 0: all."""
    late: bool = False

    @property
    def pictured(self) -> bool:
        """True if the view includes the word cloud: the brief, or the section `cloud`."""
        return self.sections == BRIEF or "cloud" in self.sections


def sections_of(subscription: Subscription) -> tuple[SectionName, ...]:
    """Return the sections of a subscription, in report order."""
    sections = subscription.sections or (BRIEF if subscription.length == "brief" else SECTIONS)
    return tuple(name for name in SECTIONS if name in sections)


def title_block(topic: Topic, report: Report, language: Language, kind: str = "") -> Heading:
    """Return a title line: topic, day and what is shown. `kind` is a key of the texts."""
    parts = [topic.title[language], texts.days(report.first, report.last, language)]
    if kind:
        parts.append(texts.text(kind, language))
    return Heading(" · ".join(parts), 1)


def report_blocks(topic: Topic, report: Report, view: ReportView, kind: str) -> list[Block]:
    """Return the title and sections of a view; `closing_blocks` follow."""
    if kind == "brief" and view.sections != BRIEF:
        kind = "report" if view.sections == SECTIONS else ""
    blocks: list[Block] = [title_block(topic, report, view.language, kind)]
    for name in report.distinct_sections(view.sections):
        shown = replace(view, limit=0) if name == "overview" else view
        if name != "overview" or _rows(report, name, shown, None):
            blocks += section_blocks(topic, report, name, shown)
    return blocks


def closing_blocks(topic: Topic, report: Report, view: ReportView) -> list[Block]:
    """Return the notes after a report: counts, failed sources, origin."""
    language, lines = view.language, []
    if view.late:
        lines.append(texts.text("digest_late", language))
    if is_unfinished(topic, report):
        lines.append(texts.text("digest_unfinished", language))
    if report.counts.collected and "filtered" not in view.sections:
        lines.append(_say_counts(report, language))
    silent = [source.name for source in report.sources if not source.ok]
    if silent:
        names = texts.listed(silent, language)
        lines.append(texts.text("silent_sources", language, names=names))
    if report.quality and report.quality.reduced and language != report.language:
        lines.append(texts.text("reduced_for_readers", language))
    if any(item.status == "imported" for section in report.sections for item in section.items):
        lines.append(texts.text("imported", language))
    elif sample := say_sample(report.posts, language):
        lines.append(sample)
    return [Paragraph("\n".join(lines))] if lines else []


def _say_counts(report: Report, language: Language) -> str:
    """Return how many posts were read and left out, without zeros."""
    counts = asdict(report.counts)
    steps = [step for step in ("ads", "offtopic", "duplicates") if counts[step]]
    parts = [texts.text(f"left_{step}", language, n=counts[step]) for step in steps]
    said = texts.text("counted_left", language, parts=texts.listed(parts, language))
    return texts.text("counted_all", language, left=said if parts else "", **counts)


def section_blocks(
    topic: Topic,
    report: Report,
    name: SectionName,
    view: ReportView,
    items: Sequence[Item] | None = None,
) -> list[Block]:
    """Return a section, or these items of it. Points keep their numbers in the report, which
    /sources uses. A long section is folded after its beginning."""
    blocks: list[Block] = []
    if title := section_title(topic, report, name, view.language):
        blocks.append(Heading(title))
    rows = _rows(report, name, view, items)
    if not rows:
        return [*blocks, _empty(report, name, view.language)]
    body: list[Foldable] = []
    for group, members in groupby(rows, key=lambda row: row[1].group):
        if view.language != report.language:  # keep only groups that readers need
            named = (n[view.language] for n in (STOCKS, CRYPTO, OTHER) if group in n.values())
            group = next(named, "")
        if group:
            body.append(Heading(group, 3))
        body += [_block(report, item, number, view) for number, item in members]
    return blocks + (body if name in BRIEF else folded(body))


def _rows(
    report: Report, name: SectionName, view: ReportView, items: Sequence[Item] | None
) -> list[tuple[int, Item]]:
    """Return the items to show with their numbers (0: none); highlighted items come first."""
    numbered: list[tuple[int, Item]] = []
    for item in report.section(name).items if items is None else items:
        if item.status == "note":
            # Notes are the bot's own text: show them in the reader's language or not at all.
            numbered += [(0, item)] if view.language == report.language else []
        else:
            numbered.append((sum(n > 0 for n, _ in numbered) + 1, item))
    shown = [row for row in numbered if not row[0] or not _has(row[1], view.without)]
    groups = list(dict.fromkeys(item.group for _, item in shown))
    shown.sort(key=lambda row: (groups.index(row[1].group), not _has(row[1], view.highlight)))
    if view.limit:
        first = [row for row in shown if row[0]][: view.limit]
        shown = [row for row in shown if not row[0] or row in first]
    if name in BRIEF:
        shown.sort(key=lambda row: not row[0])
    return [(n if name == "points" else 0, item) for n, item in shown]


def _has(item: Item, keywords: Sequence[str]) -> bool:
    if item.status == "note":
        return False
    text = f"{item.group}\n{item.title}\n{item.text}".lower()
    return any(name_pattern(keyword).search(text) for keyword in keywords)


@lru_cache
def name_pattern(name: str) -> re.Pattern[str]:
    """Return a pattern that matches any spelling of a name in lower-case text: NVDA, 英伟达 and
    Nvidia are one name. It matches whole words where the script has words, also with a plural -s or
    a version: "eth" matches neither "method" nor "Ethan"; "qwen" matches Qwen3."""
    return re.compile("|".join(map(_word_pattern, sorted(_spellings(name), key=len)[::-1])))


def _word_pattern(word: str) -> str:
    first, last = (
        "[a-z]" if "a" <= char <= "z" else r"\d" if char.isdigit() else ""
        for char in (word[0], word[-1])
    )
    start, end = (f"(?<!{first})" if first else ""), (f"(?!{last})" if last else "")
    plural = "s?" if last == "[a-z]" else ""
    return f"{start}{re.escape(word)}{plural}{end}"


def _spellings(name: str) -> set[str]:
    low = name.strip().lstrip("$").lower()
    # The table finds tickers by a dollar sign and companies by a capital letter.
    is_word = low.replace(".", "").isalnum()
    assets = find_assets(f"${low} {low.title()}" if is_word else low.title())
    names = {word.lower() for asset in assets for word in (asset.ticker, asset.zh, asset.en)}
    return ({low} | names) - {""} or {name}


def find_assets(text: str) -> list[Asset]:
    """Return the companies and coins named in a text."""
    # Imported here so that the bot starts without the text reading code.
    from digest.reading import assets

    return assets.find_assets(text)


def _empty(report: Report, name: SectionName, language: Language) -> Paragraph:
    """Return the text of a section without items; for two sections, what the counts say."""
    if name == "filtered" and report.counts.collected:
        return Paragraph(_say_counts(report, language))
    words = sorted(report.wordcounts, key=lambda word: -report.wordcounts[word])
    if name == "cloud" and words:
        shown = texts.listed(words[:MAX_CLOUD_WORDS], language)
        return Paragraph(texts.text("cloud_words", language, words=shown))
    # Notes of these two sections are their content: better in another language than denied.
    notes = [item.text for item in report.section(name).items if item.status == "note"]
    text = "\n".join(notes) if name in ("filtered", "cloud") else ""
    return Paragraph(text or texts.text("empty", language))


def _block(report: Report, item: Item, number: int, view: ReportView) -> Paragraph | ListItem:
    if item.status == "note":
        return Paragraph(item.text)
    mark = f"{MARK} " if _has(item, view.highlight) else ""
    earlier = [post.earlier for key in item.cites if (post := report.posts.get(key))]
    if item.status == "update" and any(earlier):  # the story was in an earlier report
        mark += texts.text("follows", view.language, day=max(filter(None, earlier)))
    links = links_of(report.posts, item)
    if item.title and item.text:
        return ListItem(item.text, mark + item.title, number, links)
    # A headline without text is not bold, or it would look like the most important point.
    return ListItem(mark + (item.text or item.title), "", number, links)


def links_of(posts: Mapping[str, Cited], item: Item) -> tuple[Link, ...]:
    """Return the authors' handles as links to the posts; an author's further posts follow as
    numbers: @ada 2 3."""
    unknown, addresses = Cited("", "", "", None), dict[str, list[str]]()
    for key in item.cites:
        post = posts.get(key, unknown)
        addresses.setdefault(show_author(key, post.author), []).append(post.url)
    return tuple(
        Link(str(number) if number > 1 else name, url)
        for name, urls in addresses.items()
        for number, url in enumerate(urls, 1)
    )


def folded(blocks: Sequence[Foldable]) -> list[Block]:
    """Fold everything after the first OPEN_CHARS characters, if that is enough to be worth it."""
    sizes = [len(getattr(block, "title", "")) + len(block.text) for block in blocks]
    at = next((n for n in range(len(sizes) + 1) if sum(sizes[:n]) >= OPEN_CHARS), len(sizes))
    if sum(sizes[at:]) < MIN_FOLDED_CHARS:
        return list(blocks)
    while at and isinstance(blocks[at - 1], Heading):
        at -= 1
    return [*blocks[:at], *(replace(block, folded=True) for block in blocks[at:])]


def truncate(text: str, most: int) -> str:
    """Truncate the text to `most` characters, after a sentence in its last third or else a word."""
    if len(text) <= most:
        return text
    start, enough = text[:most], 2 * most // 3
    ends = [match.end() for match in _STOPS.finditer(start) if match.end() > enough]
    at = ends[-1] if ends else start.rfind(" ")
    # Chinese has no spaces and is cut anywhere.
    return (start[:at] if at > enough else start).rstrip() + " …"


def find_section(topic: Topic, report: Report, word: str) -> SectionName | None:
    """Return the section with that name, number (1 to 9) or heading (or a part of it)."""
    low = fold_letters(word.strip()).replace("股票", "行情")
    if low.isascii() and low.isdigit():
        return SECTIONS[int(low) - 1] if 1 <= int(low) <= len(SECTIONS) else None
    titles: dict[SectionName, set[str]] = {}
    for name in SECTIONS:
        titles[name] = {name, fold_letters(report.section(name).title)}
        for language in ("zh", "en"):
            titles[name].add(texts.text(f"section_{name}", language).lower())
            titles[name].add(fold_letters(section_title(topic, report, name, language)))
    if len(low) < 2:
        return None
    # Prefixes first: "view" is a prefix of "views", but also part of "overview".
    for suits in (str.startswith, str.__contains__):
        for name in SECTIONS:
            if any(suits(title, low) for title in titles[name]):
                return name
    return None


def list_section_names(topic: Topic, report: Report, language: Language) -> str:
    """Return the available sections, like `1 overview (主要话题…), 2 points …`."""
    titles = [(name, section_title(topic, report, name, language)) for name in SECTIONS]
    brackets = "（{}）" if language == "zh" else " ({})"
    shown = (
        f"{number} {name}" + (brackets.format(title) if title else "")
        for number, (name, title) in enumerate(titles, 1)
    )
    return texts.listed(shown, language)


OPENS: tuple[tuple[str, str, SectionName | Literal[""]], ...] = (
    ("views", "views", "views"),
    ("events", "events", "events"),
    ("stocks", "stocks", "markets"),
    ("special", "ai", "ai"),
    ("finance", "finance", "finance"),
    ("sources", "sources", "points"),
    ("filtered", "detail filtered", ""),
    ("report", "report", ""),
)
"""Buttons under a report: a key of the texts, a command, and the section without whose items the
button would lead to nothing."""


async def compose_digest(
    context: Services, report: Report, subscription: Subscription, *, late: bool = False
) -> Reply:
    """Return the digest for a subscription. `late`: it is sent after its time."""
    view = ReportView(
        subscription.language or report.language,
        sections_of(subscription),
        subscription.highlight,
        subscription.without,
        late=late,
    )
    kind = "brief" if report.first == report.last else "week"
    return replace(await compose(context, report, view, kind), manner="post")


async def load_digest(
    context: Services, subscription: Subscription, last: date | None = None
) -> Report | None:
    """Return the report of a subscription for that day, or the newest one."""
    topic = subscription.topic
    if last is None:
        if (newest := await context.store.load_latest(topic)) is None or not subscription.weekly:
            return newest
        last = newest.last
    if not subscription.weekly:
        return await context.store.load_report(topic, last, last)
    span = last - 6 * DAY, last
    described, language = context.topic(topic), subscription.language
    return await load_span(context.store, described, span, context.now(), language)


async def compose(
    context: Services, report: Report, view: ReportView, kind: str = "brief"
) -> Reply:
    """Return a view of a report: sections, word cloud, then notes. Its buttons open other sections
    and days in new messages."""
    report = report.in_language(view.language)
    blocks = report_blocks(context.topic(report.topic), report, view, kind)
    if view.pictured and (picture := await picture_block(context, report, view.language)):
        blocks.append(picture)
    blocks += closing_blocks(context.topic(report.topic), report, view)
    # Roll-ups of several days have no web page.
    if (root := context.settings.public_url) and report.first == report.last:
        usual = view.language == context.topic(report.topic).language
        prefix, day = "" if usual else f"{view.language}/", days_of(report)
        link = Link(day, f"{root}/{prefix}{quote(report.topic)}/{day}")
        blocks.append(ListItem(texts.text("web_page", view.language), links=(link,)))
    # Buttons of a whole report replace its message; those of a digest open new ones.
    fresh = kind != "report"
    return await with_buttons(context, report, blocks, view.language, kind, fresh=fresh)


def compose_excuse(context: Services, subscription: Subscription) -> Reply:
    """Return the excuse for a chat whose report is late."""
    language = subscription.language or context.topic(subscription.topic).language
    return Reply((Paragraph(texts.text("digest_waits", language)),), language, manner="post")


async def with_buttons(
    context: Services,
    report: Report,
    blocks: Sequence[Block],
    language: Language,
    command: str,
    words: Sequence[str] = (),
    *,
    fresh: bool = False,
) -> Reply:
    """Return blocks of a report as a pageable reply, with buttons for other sections and days.
    `command` and `words` reproduce these blocks; `fresh`: see `Button`."""
    before, after = await _neighbours(context, report)
    named = {name for _, name, _ in report.in_language(language).numbered_items()}
    opens = tuple(
        Button(texts.text(f"open_{key}", language), line_of(line, report), fresh)
        for key, line, section in OPENS
        if not section or section in named
    )
    turned = "brief" if command == "sources" else command
    days = tuple(
        Button(
            label.format("–".join(f"{day:%m-%d}" for day in dict.fromkeys(span))),
            line_of(turned, report, span, words),
            fresh,
        )
        for label, span in (("◀ {}", before), ("{} ▶", after))
        if span is not None
    )
    buttons = (opens, days) if days else (opens,)
    line = line_of(command, report, None, words)
    return Reply(tuple(blocks), language, buttons, topic=report.topic, line=line)


async def _neighbours(context: Services, report: Report) -> tuple[Span | None, Span | None]:
    """Return the nearest days with a report before and after, or adjacent spans of equal length."""
    before, _ = await context.store.find_neighbours(report.topic, report.first)
    _, after = await context.store.find_neighbours(report.topic, report.last)
    if report.first == report.last:
        return (before, before) if before else None, (after, after) if after else None
    length = report.last - report.first
    if (report.first, report.last) == month_of(report.first):
        return month_of(before) if before else None, month_of(after) if after else None
    earlier = report.first - DAY - length, report.first - DAY
    later = report.last + DAY, report.last + DAY + length
    return (
        earlier if before and before >= earlier[0] else None,
        later if after and after <= later[1] else None,
    )


def line_of(
    command: str, report: Report, span: Span | None = None, words: Sequence[str] = ()
) -> str:
    """Return the command line for this report, or for other days."""
    name, *more = command.split(" ")
    when = write_span(span or (report.first, report.last))
    return " ".join([f"/{name}", report.topic, when, *more, *words])


def write_span(span: Span) -> str:
    """Return days as written in a command line."""
    first, last = span
    return str(last) if first == last else f"{first:%Y%m%d}..{last:%Y%m%d}"


async def picture_block(context: Services, report: Report, language: Language) -> Picture | None:
    """Return the report's word cloud, or None."""
    content = await context.store.load_cloud(report.topic, report.first, report.last)
    if not content:
        return None
    slugs = {topic.name: topic.slug for topic in await context.store.list_topics()}
    slug = slugs.get(report.topic) or context.topic(report.topic).slug
    # An imported picture is a JPEG.
    kind = "jpg" if content.startswith(b"\xff\xd8") else "png"
    name = f"wordcloud_{stem(slug, report.first, report.last)}.{kind}"
    path = context.settings.data_dir / "clouds" / name
    return Picture(content, path, texts.text("cloud_file", language, path=path))
