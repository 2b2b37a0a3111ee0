"""Blocks of a reply from a stored report: pure functions of the report and of what a reader
wants."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from bot import texts
from bot.messages import Block, Heading, Link, ListItem, Paragraph
from digest.models import (
    BRIEF,
    SECTIONS,
    Cited,
    Dropped,
    Item,
    Language,
    Post,
    Report,
    SectionName,
    Subscription,
    Topic,
    show_author,
)
from digest.publish import section_title
from digest.text import clean
from digest.write.extractive.notes import CRYPTO, OTHER, STOCKS, reason_text

if TYPE_CHECKING:
    from digest.reading.assets import Asset

MARK = "★"
"""Before an entry that has one of the reader's own keywords."""
MAX_EXAMPLES = 3
EXAMPLE_CHARS = 80
OPEN_CHARS, LEAST_FOLDED_CHARS = 400, 300
"""Characters of a long section that stay open, and the fewest that are worth folding."""
MAX_CLOUD_WORDS = 15
_STOPS = re.compile(r"[。！？!?\n]|\.\s")


@dataclass(frozen=True, slots=True)
class ReportView:
    """What a reader wants to see of a report."""

    language: Language
    """Of headings, notes and buttons."""
    sections: tuple[SectionName, ...] = BRIEF
    highlight: tuple[str, ...] = ()
    """Keywords whose items come first, marked."""
    without: tuple[str, ...] = ()
    """Keywords whose items are left out."""
    limit: int = 0
    """The most items of a section besides its notes; 0: all."""
    late: bool = False
    unfinished: bool = False
    """The report was made before its day was over."""

    @property
    def pictured(self) -> bool:
        """True if the word cloud belongs to it: to the brief and to the section `cloud`."""
        return self.sections == BRIEF or "cloud" in self.sections


def view_of(subscription: Subscription, report: Report, *, late: bool = False) -> ReportView:
    """Return the view that a subscribed chat has chosen."""
    sections = subscription.sections or (BRIEF if subscription.length == "brief" else SECTIONS)
    return ReportView(
        subscription.language or report.language,
        tuple(name for name in SECTIONS if name in sections),
        subscription.highlight,
        subscription.without,
        late=late,
    )


def title_block(topic: Topic, report: Report, language: Language, kind: str = "") -> Heading:
    """Return topic, day and what is shown, on one line. `kind` is a key of the texts."""
    parts = [topic.title[language], texts.days(report.first, report.last, language)]
    if kind:
        parts.append(texts.text(kind, language))
    return Heading(" · ".join(parts), 1)


def report_blocks(topic: Topic, report: Report, view: ReportView, kind: str) -> list[Block]:
    """Return title and sections of a view, news first; `closing_blocks` follow."""
    blocks: list[Block] = [title_block(topic, report, view.language, kind)]
    earlier: list[tuple[Item, ...]] = []
    for name in view.sections:
        items = report.section(name).items
        is_same = bool(items) and items in earlier  # one line for two empty sections
        earlier.append(items)
        if not is_same and (name != "overview" or items):
            shown = replace(view, limit=0) if name == "overview" else view
            blocks += section_blocks(topic, report, name, shown)
    return blocks


def closing_blocks(report: Report, view: ReportView) -> list[Block]:
    """Return what a reader must know of the report as one paragraph: counts, sources that did not
    answer, where it comes from."""
    language, lines = view.language, []
    if view.late:
        lines.append(texts.text("digest_late", language))
    if view.unfinished:
        lines.append(texts.text("digest_unfinished", language))
    if report.counts.collected and "filtered" not in view.sections:
        lines.append(_counts(report, language))
    silent = [source.name for source in report.sources if not source.ok]
    if silent:
        names = texts.listed(silent, language)
        lines.append(texts.text("silent_sources", language, names=names))
    if report.quality and report.quality.reduced and language != report.language:
        lines.append(texts.text("reduced_for_readers", language))
    if any(item.status == "imported" for section in report.sections for item in section.items):
        lines.append(texts.text("imported", language))
    elif made_up := sum(key.startswith("sample:") for key in report.posts):
        text = "sample" if made_up == len(report.posts) else "sample_among"
        lines.append(texts.text(text, language))
    return [Paragraph("\n".join(lines))] if lines else []


def _counts(report: Report, language: Language) -> str:
    return texts.text("counted_all", language, **asdict(report.counts))


def section_blocks(
    topic: Topic,
    report: Report,
    name: SectionName,
    view: ReportView,
    items: Sequence[Item] | None = None,
) -> list[Block]:
    """Return a section, or these items of it. Points keep the numbers they have in the report:
    /sources asks by them. What is long is folded, but for its beginning."""
    blocks: list[Block] = []
    if title := section_title(topic, report, name, view.language):
        blocks.append(Heading(title))
    rows = _rows(report, name, view, items)
    if not rows:
        return [*blocks, _empty(report, name, view.language)]
    body: list[Block] = []
    for group, members in groupby(rows, key=lambda row: row[1].group):
        if group := _group_title(report, group, view.language):
            body.append(Heading(group, 3))
        body += [_block(report, item, number, view) for number, item in members]
    return blocks + (body if name in BRIEF else folded(body))


def _group_title(report: Report, title: str, language: Language) -> str:
    """Return the title of a group of items; in another language than the report's only of those
    that a reader must tell apart."""
    if language == report.language:
        return title
    return next((n[language] for n in (STOCKS, CRYPTO, OTHER) if title in n.values()), "")


def _rows(
    report: Report, name: SectionName, view: ReportView, items: Sequence[Item] | None
) -> list[tuple[int, Item]]:
    """Return the items to show with their numbers (0: none), those of the highlight first."""
    numbered: list[tuple[int, Item]] = []
    for item in report.section(name).items if items is None else items:
        if item.status == "note":
            # Notes are the bot's own words: in the reader's language or not at all.
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
    text = f"{item.group}\n{item.title}\n{item.text}".casefold()
    return any(keyword.casefold() in text for keyword in keywords)


def _empty(report: Report, name: SectionName, language: Language) -> Paragraph:
    """Return what stands where there is no item: for two sections what code knows itself."""
    if name == "filtered" and report.counts.collected:
        return Paragraph(_counts(report, language))
    words = sorted(report.wordcounts, key=lambda word: -report.wordcounts[word])
    if name == "cloud" and words:
        shown = texts.listed(words[:MAX_CLOUD_WORDS], language)
        return Paragraph(texts.text("cloud_words", language, words=shown))
    return Paragraph(texts.text("empty", language))


def _block(report: Report, item: Item, number: int, view: ReportView) -> Block:
    if item.status == "note":
        return Paragraph(item.text)
    mark = f"{MARK} " if _has(item, view.highlight) else ""
    text = f"{_follows(report, item, view.language)}{item.text}"
    links = links_of(report.posts, item)
    if item.title:
        return ListItem(text, mark + item.title, number, links)
    return ListItem(mark + text, "", number, links)


def _follows(report: Report, item: Item, language: Language) -> str:
    """Return what marks news of a story that an earlier day told, with that day."""
    if item.status != "update":
        return ""
    days = [post.earlier for key in item.cites if (post := report.posts.get(key)) and post.earlier]
    return texts.text("follows", language, day=max(days)) if days else ""


def links_of(posts: Mapping[str, Cited], item: Item) -> tuple[Link, ...]:
    """Return the authors' handles, each leading to the post."""
    unknown = Cited("", "", "", None)
    cited = ((key, posts.get(key, unknown)) for key in item.cites)
    return tuple(Link(show_author(key, post.author), post.url) for key, post in cited)


def folded(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks with all behind the first characters folded, where that is worth it."""
    sizes = [_chars(block) for block in blocks]
    at = next((n for n in range(len(sizes) + 1) if sum(sizes[:n]) >= OPEN_CHARS), len(sizes))
    if sum(sizes[at:]) < LEAST_FOLDED_CHARS:
        return list(blocks)
    while at and isinstance(blocks[at - 1], Heading):
        at -= 1
    return [*blocks[:at], *map(_fold, blocks[at:])]


def _chars(block: Block) -> int:
    if isinstance(block, ListItem):
        return len(block.title) + len(block.text)
    return len(block.text) if isinstance(block, Heading | Paragraph) else 0


def _fold(block: Block) -> Block:
    return (
        replace(block, folded=True) if isinstance(block, Heading | Paragraph | ListItem) else block
    )


def shortened(text: str, most: int) -> str:
    """Return the text cut to `most` characters: after a sentence of its last third, else a word."""
    if len(text) <= most:
        return text
    start, enough = text[:most], 2 * most // 3
    ends = [match.end() for match in _STOPS.finditer(start) if match.end() > enough]
    at = ends[-1] if ends else start.rfind(" ")
    # Chinese has no spaces: it is cut where it is.
    return (start[:at] if at > enough else start).rstrip() + " …"


def section_named(topic: Topic, report: Report, word: str) -> SectionName | None:
    """Return the section of that name, number (1 to 9), or heading or part of it."""
    low = word.strip().lower()
    if low.isascii() and low.isdigit():
        return SECTIONS[int(low) - 1] if 1 <= int(low) <= len(SECTIONS) else None
    titles: dict[SectionName, set[str]] = {}
    for name in SECTIONS:
        titles[name] = {name, report.section(name).title.lower()}
        for language in ("zh", "en"):
            titles[name].add(texts.text(f"section_{name}", language).lower())
            titles[name].add(section_title(topic, report, name, language).lower())
    if len(low) < 2:
        return None
    # "view" begins "views", and is a part of "overview".
    for suits in (str.startswith, str.__contains__):
        for name in SECTIONS:
            if any(suits(title, low) for title in titles[name]):
                return name
    return None


def section_names(topic: Topic, report: Report, language: Language) -> str:
    """Return what may be asked for, as `1 overview (主要话题…), 2 points …`."""
    titles = [(name, section_title(topic, report, name, language)) for name in SECTIONS]
    shown = (
        f"{number} {name}" + (f" ({title})" if title else "")
        for number, (name, title) in enumerate(titles, 1)
    )
    return texts.listed(shown, language)


def market_items(report: Report, name: str) -> tuple[Item, ...]:
    """Return the items of the markets section about one ticker or name, as whole words: NVDA,
    英伟达 and Nvidia are the same."""
    pattern = _name_pattern(name)
    named = []
    for item in report.section("markets").items:
        if item.status == "note":
            continue
        if pattern.search(f"{item.title}\n{item.group}".lower()):
            named.append(item)
        elif match := pattern.search(item.text.lower()):
            # It is another one's entry: its title alone would seem to answer for this one.
            mention = item.text[match.start() : match.end()]
            titles = [item.title, mention] if item.title else []
            named.append(replace(item, title=" · ".join(titles)))
    return tuple(named)


def list_mentions(report: Report, name: str) -> list[ListItem]:
    """Return what other sections than the markets say about one ticker or name, each post once."""
    pattern = _name_pattern(name)
    mentions: dict[tuple[str, ...], ListItem] = {}
    for _, section, item in report.numbered_items():
        words = f"{item.title}\n{item.text}".lower()
        if section not in ("markets", "filtered", "cloud") and pattern.search(words):
            entry = ListItem(item.text, item.title, links=links_of(report.posts, item))
            mentions.setdefault(item.cites, entry)
    return list(mentions.values())


def _name_pattern(name: str) -> re.Pattern[str]:
    """Return a pattern of whole words, as far as the script has words."""
    plain = ((re.escape(word), word.isascii()) for word in _spellings(name))
    return re.compile(
        "|".join(rf"(?<![a-z0-9]){word}(?![a-z0-9])" if latin else word for word, latin in plain)
    )


def _find_assets(text: str) -> list[Asset]:
    # Imported here: the bot starts without what reads texts.
    from digest.reading.assets import find_assets

    return find_assets(text)


def _spellings(name: str) -> set[str]:
    low = name.strip().lstrip("$").lower()
    # The table knows tickers by their dollar sign, and companies by their capital.
    assets = _find_assets(f"${low} {low.title()}" if " " not in low else low.title())
    names = {word.lower() for asset in assets for word in (asset.ticker, asset.zh, asset.en)}
    return {low} | names - {""}


def market_names(report: Report, groups: Collection[str] = ()) -> list[str]:
    """Return the companies and coins that the markets section, or these groups of it, speak of."""
    items = [
        item
        for item in report.section("markets").items
        if item.status != "note" and (not groups or item.group in groups)
    ]
    titles = list(dict.fromkeys(item.title for item in items if item.title))
    tickers = [asset.ticker for item in items for asset in _find_assets(item.text)]
    others = [ticker for ticker in tickers if ticker and not any(ticker in t for t in titles)]
    return list(dict.fromkeys([*titles, *others]))


def dropped_examples(
    dropped: Iterable[tuple[Dropped, Post | None]], language: Language
) -> list[Block]:
    """Return a few posts of each reason, so that the filter can be judged."""
    by_reason: defaultdict[str, list[Post]] = defaultdict(list)
    for drop, post in dropped:
        if post is not None and len(by_reason[drop.reason]) < MAX_EXAMPLES:
            by_reason[drop.reason].append(post)
    if not by_reason:
        return []
    blocks: list[Block] = [Heading(texts.text("examples", language))]
    for reason, posts in by_reason.items():
        blocks.append(Heading(reason_text(reason, language), 3))
        for post in posts:
            author = Link(show_author(post.key, post.author or post.author_name), post.url)
            text = shortened(" ".join(clean(post.text).split()), EXAMPLE_CHARS)
            blocks.append(ListItem(text, links=(author,)))
    return blocks
