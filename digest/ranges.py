"""Weekly and monthly reports: rolled up from daily reports by code, with the model's overview if
there is one."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256

from digest.calendar import DAY, Span, month_of, newest_closed
from digest.models import Item, Language, Report, Topic
from digest.store import Store
from digest.store.withdrawal_tables import OVERVIEWS


async def load_span(
    store: Store, topic: Topic, span: Span, now: datetime, language: Language | None = None
) -> Report | None:
    """Return a report over several days, rolled up from the daily ones; None if there are none.

    The default language is that of the last daily report. Days not yet closed at `now` do not count
    as missing.
    """
    async with store.long_reads:  # a year of reports needs 100 MB
        reports = await store.load_daily(topic.name, *span)
        if not reports:
            return None
        spoken = language or reports[-1].language
        due = newest_closed(topic, now)
        report = await asyncio.to_thread(_roll_up, topic, reports, span, spoken, due)
    stored = json.loads(await store.read_note(OVERVIEWS, _name(report)) or "{}")
    if stored.get("of") != _mark(report):
        return report
    items = tuple(Item(text, cites=tuple(cites)) for text, cites in stored["items"])
    return _with_overview(report, items)


def _roll_up(
    topic: Topic, reports: Sequence[Report], span: Span, language: Language, due: date
) -> Report:
    # Imported here, in a thread, to block neither the bot's start nor the event loop.
    from digest.rollup import roll_up

    return roll_up(topic, reports, *span, language, due)


async def save_overview(store: Store, report: Report, items: Sequence[Item]) -> None:
    """Save the model's overview of these days; it is valid while the points stay the same."""
    rows = [[item.text, item.cites] for item in items]
    note = json.dumps({"of": _mark(report), "items": rows}, ensure_ascii=False)
    await store.save_note(OVERVIEWS, _name(report), note)


async def has_overview(store: Store, report: Report) -> bool:
    """Return True if a model has already been asked about exactly these points."""
    note = json.loads(await store.read_note(OVERVIEWS, _name(report)) or "{}")
    return bool(note.get("of") == _mark(report))


def current_spans(newest: date) -> list[Span]:
    """Return the ranges people ask for when `newest` is the newest report: the last seven days (on
    a Sunday, its calendar week) and the month."""
    return [(newest - 6 * DAY, newest), month_of(newest)]


def _name(report: Report) -> str:
    return f"{report.topic} {report.first} {report.last} {report.language}"


def _mark(report: Report) -> str:
    items = report.section("points").items
    points = [f"{item.title}\n{item.text}" for item in items if item.status != "note"]
    return sha256("\n\n".join(points).encode("utf-8", "replace")).hexdigest()[:20]


def _with_overview(report: Report, items: Sequence[Item]) -> Report:
    """Return the report with this overview, without items whose posts were deleted."""
    good = tuple(item for item in items if set(item.cites) <= report.posts.keys())
    if not good:
        return report
    sections = (
        replace(section, items=good) if section.name == "overview" else section
        for section in report.sections
    )
    return replace(report, sections=tuple(sections))
