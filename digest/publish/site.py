"""The archive as web pages: a page per day and topic, item, story and month, and a search.

Pages are rendered from the store on demand; `bot.web` serves them and `publish` writes them to a
folder. Paths: `ai`, `ai/2025-12`, `ai/2025-12-06`, `ai/2025-12-06/3`, `ai/2025-12-06/3/story`, each
also below `zh/` and `en/`.
"""

import asyncio
import math
import os
import re
import time
from calendar import month_name
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from digest.atomic import write_below
from digest.calendar import is_unfinished, month_of
from digest.errors import StoreError, explain
from digest.models import SECTIONS, Hit, Item, Language, Report, Topic
from digest.publish import days_of, label, section_title, syndication
from digest.publish.layout import (
    FOLDER,
    LANGUAGES,
    Frame,
    Memo,
    describe,
    mark_words,
    printable,
    render,
    shorten,
)
from digest.store import Store
from digest.storylines import STORY_SECTIONS, Storyline, find_storyline, trace_storylines

HTML = "text/html; charset=utf-8"
NO_FEEDS = "no feeds: they need PUBLIC_URL, the address of the pages as people see it"
STORY_DAYS = timedelta(days=21)
"""Days before and after an item in which its story is traced."""
MAX_RESULTS = 20
WRITTEN = ".jianbao-pages"
"""File that lists the files written to a folder."""
MAX_FEED_REPORTS = 15
MAX_KEPT = 16
"""Cache size in reports, and in stories around a report: about 0.3 MB each."""
_DAYS = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)


class NoPage(Exception):
    """There is no page at this path."""


@dataclass(frozen=True, slots=True)
class Page:
    """An HTTP response."""

    body: bytes
    kind: str = HTML
    status: int = 200


_Block = tuple[str, list[Item], list[tuple[int, Item]]]
"""A group's name, its notes, and its items with their link numbers."""


@dataclass(slots=True)
class Site:
    """The pages of a store."""

    store: Store
    topics: Mapping[str, Topic]
    address: str = ""
    static: bool = False
    fresh_seconds: float = 0.0
    """How long to wait between checks of the store for changes."""
    _reports: Memo[Report | None] = field(default_factory=lambda: Memo(MAX_KEPT), init=False)
    _traces: Memo[list[Storyline]] = field(default_factory=lambda: Memo(MAX_KEPT), init=False)
    """Recent reports, and the stories around them, which the pages of all their items need."""

    state: object = field(default=None, init=False)
    """`Store.read_state` at the last check."""

    _looked_at: float = field(default=-math.inf, init=False)

    async def refresh(self) -> None:
        """Check the store, and clear the caches if it has changed."""
        if time.monotonic() - self._looked_at < self.fresh_seconds:
            return
        self._looked_at = time.monotonic()
        state = await self.store.read_state()
        if state != self.state:
            self._reports.clear()
            self._traces.clear()
            self.state = state

    async def _load(self, topic: str, first: date, last: date) -> Report | None:
        days = (topic, first, last)
        return await self._reports.get(days, partial(self.store.load_report, *days))

    @property
    def language(self) -> Language:
        """Return the default language: that of the first topic."""
        return next(iter(self.topics.values())).language

    async def make_page(self, path: str, words: str = "") -> Page:
        """Return the page at a path, or a page with status 404.

        `words`: search query.
        """
        await self.refresh()
        parts = [part for part in path.split("/") if part]
        language = next((code for code in LANGUAGES if parts[:1] == [code]), None)
        parts = parts[1:] if language else parts
        frame = Frame(
            "/".join(parts),
            language or self._language_of(parts),
            self.language,
            {topic.name: topic.language for topic in self.topics.values()},
            self.address.rstrip("/"),
            self.static,
        )
        try:
            return await self._route(frame, frame.path.split("/") if frame.path else [], words)
        except NoPage:
            say = partial(label, language=frame.language)
            page = _page("message.html", frame, say("not_found"), say("not_found_hint"))
            return replace(page, status=404)

    def _language_of(self, parts: Sequence[str]) -> Language:
        topic = self.topics.get(parts[0]) if parts else None
        return topic.language if topic else self.language

    async def _route(self, frame: Frame, parts: Sequence[str], words: str) -> Page:
        match parts:
            case []:
                return await self._show_home(frame)
            case ["style.css"]:
                return Page((FOLDER / "style.css").read_bytes(), "text/css; charset=utf-8")
            case ["search"] if not self.static:
                return await self._show_search(frame, words)
        topic = await self._find_topic(parts[0])
        match parts[1:]:
            case []:
                return await self._show_topic(frame, topic)
            case [name] if name in syndication.KINDS and self.address:
                return await self._show_feed(frame, topic, name)
            case [month] if digits := _MONTH.fullmatch(month):
                return await self._show_month(frame, topic, int(digits[1]), int(digits[2]))
        report = await self._find_report(topic, parts[1])
        match parts[2:]:
            case []:
                return await self._show_day(frame, topic, report)
            case ["cloud.png" | "cloud.jpg"]:
                if picture := await self.store.load_cloud(topic.name, report.first, report.last):
                    return Page(picture, "image/jpeg" if _is_jpeg(picture) else "image/png")
            case [number]:
                return await self._show_item(frame, topic, report, number)
            case [number, "story"]:
                return await self._show_story(frame, topic, report, number)
        raise NoPage

    async def list_paths(self) -> AsyncIterator[str]:
        """Yield the paths of all files and pages, except searches, in both languages; newest
        reports first, in case the caller stops early."""
        days: list[tuple[date, date, str]] = []
        yield "style.css"
        for path in ("", self._other_prefix("")):
            yield path
        for stored in await self.store.list_topics():
            spans = await self.store.list_spans(stored.name)
            for prefix in ("", f"{self._other_prefix(stored.name)}/") if spans else ():
                for name in syndication.KINDS if self.address else ():
                    yield f"{prefix}{stored.name}/{name}"
                yield f"{prefix}{stored.name}"
                for month in sorted({f"{last:%Y-%m}" for first, last in spans if first == last}):
                    yield f"{prefix}{stored.name}/{month}"
            days += [(last, first, stored.name) for first, last in spans]
        for last, first, topic in sorted(days, reverse=True):
            async for path in self._list_report(topic, first, last):
                yield path

    def _other_prefix(self, topic: str) -> str:
        """Return the path prefix of the language that is not the topic's default."""
        usual = self._language_of([topic])
        return next(code for code in LANGUAGES if code != usual)

    async def _list_report(self, topic: str, first: date, last: date) -> AsyncIterator[str]:
        report = await self._load(topic, first, last)
        if report is None:
            return
        base = f"{topic}/{days_of(report)}"
        if picture := await self.store.load_cloud(topic, first, last):
            yield f"{base}/{_picture_name(picture)}"
        other = self._other_prefix(topic)
        for language in LANGUAGES:
            prefix = f"{other}/" if language == other else ""
            spoken = report.in_language(language)
            yield f"{prefix}{base}"
            for number, _, _ in spoken.numbered_items():
                yield f"{prefix}{base}/{number}"
                if await self._has_story(spoken, number):
                    yield f"{prefix}{base}/{number}/story"

    async def _has_story(self, report: Report, number: int) -> bool:
        """Return True if an item has a story page. When writing files, only stories of several days
        have one; a server finds out on request."""
        row = report.numbered_item(number)
        if row is None or row[0] not in STORY_SECTIONS or report.first != report.last:
            return False
        if not self.static:
            return True
        line = find_storyline(await self._trace(report), report.last, row[1])
        return line is not None and len(line.tellings) > 1

    async def _leading(self, frame: Frame, report: Report, number: int, end: str = "") -> Frame:
        """Return the frame of an item's page, linked to its counterpart in the other language, or
        to the day's page if it has none."""
        other = report.in_language(frame.other)
        row = report.in_language(frame.language).find_counterpart(number, other)
        path = f"{report.topic}/{days_of(report)}"
        if row:
            path += f"/{row[0]}"
            path += end if end and await self._has_story(other, row[0]) else ""
        return replace(frame, other_path=path)

    async def _find_topic(self, name: str) -> Topic:
        if name in self.topics:
            return self.topics[name]
        for stored in await self.store.list_topics():
            if stored.name == name:
                return Topic(name, stored.title, stored.slug)
        raise NoPage

    async def _find_report(self, topic: Topic, days: str) -> Report:
        match = _DAYS.fullmatch(days)
        try:
            first = date.fromisoformat(match[1]) if match else None
            last = date.fromisoformat(match[2]) if match and match[2] else first
        except ValueError:
            raise NoPage from None
        report = await self._load(topic.name, first, last) if first and last else None
        if report is None:
            raise NoPage
        return report

    async def _show_home(self, frame: Frame) -> Page:
        stored = [row for row in await self.store.list_topics() if row.newest]
        say = partial(label, "newest", frame.language)
        links = [
            (say(topic=row.title.get(frame.language, row.name), day=row.newest), row.name)
            for row in sorted(stored, key=lambda row: (row.name not in self.topics, row.name))
        ]
        lists = [(label("topics", frame.language), links)]
        return _page("list.html", frame, label("archive", frame.language), lists=lists)

    async def _show_topic(self, frame: Frame, topic: Topic) -> Page:
        spans = list(reversed(await self.store.list_spans(topic.name)))
        if not spans:
            raise NoPage
        say = partial(label, language=frame.language)
        daily = [last for first, last in spans if first == last]
        since = daily[9] if len(daily) > 9 else date.min
        recent = await self._headlines(frame, topic, since, date.max)
        months = [
            (say("month", year=y, month=m, name=month_name[m]), f"{topic.name}/{y:04}-{m:02}")
            for y, m in dict.fromkeys((day.year, day.month) for day in daily)
        ]
        ranges = [
            (f"{first} — {last}", f"{topic.name}/{first}..{last}")
            for first, last in spans
            if first != last
        ]
        lists = [(say("days"), recent), (say("months"), months), (say("ranges"), ranges)]
        title = topic.title[frame.language]
        about = say("about", topic=title)
        return _page("list.html", frame, title, about, lists=lists, topic=topic)

    async def _show_month(self, frame: Frame, topic: Topic, year: int, month: int) -> Page:
        try:
            days = month_of(date(year, month, 1))
        except (ValueError, OverflowError):
            raise NoPage from None
        links = await self._headlines(frame, topic, *days)
        if not links:
            raise NoPage
        name = label("month", frame.language, year=year, month=month, name=month_name[month])
        title = f"{topic.title[frame.language]} · {name}"
        lists = [(label("days", frame.language), links)]
        return _page("list.html", frame, title, lists=lists, topic=topic)

    async def _headlines(
        self, frame: Frame, topic: Topic, first: date, last: date
    ) -> list[tuple[str, str]]:
        """Return a line per report day, newest first, with its first point, and its path."""
        rows = []
        for report in reversed(await self.store.load_daily(topic.name, first, last)):
            points = report.in_language(frame.language).section("points").items
            text = points[0].title or points[0].text if points else ""
            rows.append((f"{report.last} · {text}".rstrip(" ·"), f"{topic.name}/{report.last}"))
        return rows

    async def _show_day(self, frame: Frame, topic: Topic, report: Report) -> Page:
        report, days = report.in_language(frame.language), days_of(report)
        picture = await self.store.load_cloud(report.topic, report.first, report.last)
        earlier = later = None
        if report.first == report.last:
            earlier, later = await self.store.find_neighbours(report.topic, report.last)
        title = f"{topic.title[frame.language]} · {days}"
        path = f"{topic.name}/{days}"
        words = ", ".join(list(report.wordcounts)[:8])
        return _page(
            "day.html",
            frame,
            title,
            describe(report),
            title=f"{title} · {label('archive', frame.language)}",
            topic=topic,
            report=report,
            path=path,
            sections=_show_sections(topic, report, frame.language, bool(picture)),
            imported=report.writer == "imported",
            unfinished=is_unfinished(topic, report),
            content_lang=report.language,
            picture=f"{path}/{_picture_name(picture)}" if picture else "",
            picture_alt=label("cloud", frame.language, words=words),
            earlier=earlier,
            later=later,
        )

    async def _show_item(self, frame: Frame, topic: Topic, stored: Report, number: str) -> Page:
        report = stored.in_language(frame.language)
        section, item = _find_item(report, number)
        frame = await self._leading(frame, stored, int(number))
        text = " ".join(item.text.split())
        head = item.title or shorten(text, 140)
        name = section_title(topic, report, section, frame.language)
        return _page(
            "item.html",
            frame,
            head if item.title or head == text else name,
            shorten(item.text, 160),
            title=f"{head} · {topic.title[frame.language]} · {days_of(report)}",
            topic=topic,
            report=report,
            item=item,
            number=int(number),
            path=f"{topic.name}/{days_of(report)}",
            days=days_of(report),
            section_title=name,
            content_lang=report.language,
            story=await self._has_story(report, int(number)),
        )

    async def _show_story(self, frame: Frame, topic: Topic, stored: Report, number: str) -> Page:
        report = stored.in_language(frame.language)
        _, item = _find_item(report, number)
        frame = await self._leading(frame, stored, int(number), "/story")
        line = find_storyline(await self._trace(report), report.last, item)
        if line is None:
            raise NoPage
        head = item.title or shorten(item.text, 60)
        title = label("story_of", frame.language, title=head)
        return _page(
            "story.html",
            frame,
            title,
            shorten(item.text, 160),
            topic=topic,
            tellings=[(telling.day, telling.items) for telling in line.tellings],
            posts=line.posts,
            content_lang=report.language,
        )

    async def _trace(self, report: Report) -> list[Storyline]:
        key = (report.topic, report.last, report.language)
        return await self._traces.get(key, partial(self._trace_around, report))

    async def _trace_around(self, report: Report) -> list[Storyline]:
        first, last = report.last - STORY_DAYS, report.last + STORY_DAYS
        near = await self.store.load_daily(report.topic, first, last)
        return await asyncio.to_thread(trace_storylines, near, report.language)

    async def _show_search(self, frame: Frame, words: str) -> Page:
        words = " ".join(printable(words).split())[:200]
        matches = await self.store.search(words, limit=MAX_RESULTS)
        hits = [await self._spoken(hit, frame.language) for hit in matches]
        key = "results" if words else "search_for"
        title = label(key, frame.language, words=words)
        marked = partial(mark_words, words=words)
        return _page("search.html", frame, title, words=words, hits=hits, marked=marked)

    async def _spoken(self, hit: Hit, language: Language) -> Hit:
        report = await self._load(hit.topic, hit.first, hit.last)
        row = report.find_item(hit.number, hit.item.cites, language) if report else None
        if report is None or row is None:
            return hit
        spoken = report.in_language(language).language if row[1] != hit.item else hit.language
        return replace(hit, number=row[0], item=row[1], language=spoken)

    async def write(self, folder: Path) -> int:
        """Write all pages and files below a folder, and delete those of an earlier run that no
        longer exist; return the number written. Raises StoreError."""
        written: list[str] = []
        listed = await asyncio.to_thread(read_list, folder)
        async for path in self.list_paths():
            page = await self.make_page(path)
            written.append(f"{path}/index.html".lstrip("/") if page.kind == HTML else path)
            await asyncio.to_thread(_write, folder, written[-1], page.body, listed)
        await asyncio.to_thread(_remove_others, folder, listed, written)
        return len(written)

    async def _show_feed(self, frame: Frame, topic: Topic, name: str) -> Page:
        spans = (await self.store.list_spans(topic.name))[-MAX_FEED_REPORTS:]
        loaded = [await self._load(topic.name, *span) for span in reversed(spans)]
        reports = [r.in_language(frame.language) for r in loaded if r]
        body, kind = syndication.make_feed(name, topic, frame, reports)
        return Page(body, kind)


def read_list(folder: Path) -> set[str]:
    """Return the files in the folder's list; none if there is no list yet. Raise StoreError if the
    folder contains other pages."""
    list_ = folder / WRITTEN
    listed = set(list_.read_text("utf-8", "replace").split("\n")) if list_.is_file() else set()
    for name in ("index.html", "style.css"):
        if name not in listed and (folder / name).exists():
            raise StoreError(
                f"{folder / name} was not written by this program: remove it, or use another folder"
            )
    return listed


def _write(folder: Path, name: str, content: bytes, listed: Collection[str]) -> None:
    """Write a file, listed first, so that the next run can delete it if this one is killed."""
    try:
        if name not in listed:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / WRITTEN).open("a", encoding="utf-8") as file:
                file.write(f"\n{name}")
    except OSError as error:
        raise StoreError(f"cannot write {folder / WRITTEN} ({explain(error)})") from None
    write_below(folder / name, content)


def _remove_others(folder: Path, listed: Collection[str], written: Sequence[str]) -> None:
    for name in set(listed).difference(written):
        # A tampered list must not delete files elsewhere.
        page = folder / name
        if page.is_file() and page.resolve().is_relative_to(folder.resolve()):
            page.unlink(missing_ok=True)
            with suppress(OSError):  # the folder is not empty
                os.removedirs(page.parent)
    write_below(folder / WRITTEN, "\n".join(written).encode())


def _page(
    template: str, frame: Frame, heading: str, about: str = "", *, title: str = "", **values: Any
) -> Page:
    """Render a page; its title and its description for previews default to the heading."""
    texts = {"title": title or heading, "heading": heading, "description": about or heading}
    return Page(render(template, frame, **texts, **values))


def _show_sections(
    topic: Topic, report: Report, language: Language, pictured: bool
) -> Iterator[tuple[str, str, list[_Block]]]:
    """Yield name, title and content of the sections to show."""
    for section in map(report.section, report.distinct_sections(SECTIONS)):
        numbers = (n for n, name, _ in report.numbered_items() if name == section.name)
        blocks = []
        for group, items in groupby(section.items, key=lambda item: item.group):
            listed = list(items)
            notes = [item for item in listed if item.status == "note"]
            rows = [(next(numbers), item) for item in listed if item.status != "note"]
            blocks.append((group, notes, rows))
        if blocks or (section.name == "cloud" and pictured):
            yield section.name, section_title(topic, report, section.name, language), blocks


def _find_item(report: Report, number: str) -> tuple[Any, Item]:
    plain = number.isascii() and number.isdigit() and len(number) < 6
    row = report.numbered_item(int(number)) if plain else None
    if row is None or number != str(int(number)):
        raise NoPage
    return row


def _is_jpeg(picture: bytes) -> bool:
    return picture.startswith(b"\xff\xd8")


def _picture_name(picture: bytes) -> str:
    return "cloud.jpg" if _is_jpeg(picture) else "cloud.png"
