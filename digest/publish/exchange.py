"""Import and export reports as Jekyll posts in a folder."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from digest.calendar import Span
from digest.cloud import as_jpeg, draw
from digest.errors import ArchiveError, CloudError, DigestError
from digest.models import Report, Section, Topic
from digest.publish import mark_of, safe_slug, stem
from digest.publish.archive import MAX_BYTES, Imported, read_post
from digest.publish.jekyll import export, write_files
from digest.ranges import load_span
from digest.store import Store
from digest.topics import PAGES
from digest.write.extractive.notes import heading

MAX_PICTURE = 20_000_000


def read_file(path: Path) -> bytes:
    """Return the content of a file to import. Raise ArchiveError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ArchiveError(f"{path.name}: larger than {MAX_BYTES // 1_000_000} MB")
        return path.read_bytes()
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be read ({error.strerror})") from None


async def import_post(
    path: Path,
    content: bytes,
    topics: Mapping[str, Topic],
    store: Store,
    *,
    replace_ours: bool,
    slug: str = "",
) -> Report:
    """Store the report of the Jekyll post at `path` with the picture beside it; return the report.
    `slug`: the topic if the post names none.

    Raise ArchiveError if the file is not a report, and DigestError if it would overwrite a report
    of our own and `replace_ours` is False.
    """
    imported = read_post(content, path.name, slug)
    topic = await _topic(imported.slug, topics, store)
    report = _complete(imported, topic, content, _picture(path, imported))
    earlier = await store.load_report(topic.name, report.first, report.last)
    if (
        earlier
        and not await store.load_import(topic.name, report.first, report.last)
        and not replace_ours
    ):
        raise DigestError(
            f"{path.name}: there already is a report of {report.first}: add --replace to overwrite"
            " it"
        )
    await store.save_topic(topic)
    await store.save_report(report)
    return report


async def _topic(slug: str, topics: Mapping[str, Topic], store: Store) -> Topic:
    """Return the topic with that slug: configured, known from an earlier import, or new.

    A new topic gets an unused name, so that it cannot replace another one.
    """
    for topic in topics.values():
        if topic.slug == slug:
            return topic
    stored = {
        topic.name: topic.slug for topic in await store.list_topics() if topic.name not in topics
    }
    name = safe_slug(slug).lower()
    if name in PAGES or name in topics or stored.get(name, slug) != slug:
        name = f"{name}_{mark_of(slug)}"
    name = next((stored_name for stored_name, its_slug in stored.items() if its_slug == slug), name)
    title = slug.replace("_", " ").strip().title()[:80] or name
    return Topic(name, {"zh": title, "en": title}, slug)


def _complete(imported: Imported, topic: Topic, content: bytes, picture: bytes) -> Report:
    """Return the report with its topic, picture and default headings for missing sections."""
    titled = replace(topic, language=imported.report.language)
    sections = tuple(
        Section(s.name, s.title or heading(s.name, titled), s.items)
        for s in imported.report.sections
    )
    return replace(
        imported.report, topic=topic.name, sections=sections, source=content, cloud=picture
    )


def _picture(path: Path, imported: Imported) -> bytes:
    report = imported.report
    beside = path.with_name(f"wordcloud_{stem(imported.slug, report.first, report.last)}.jpg")
    with suppress(OSError):
        if beside.is_file() and beside.stat().st_size <= MAX_PICTURE:
            picture = beside.read_bytes()
            return picture if picture.startswith((b"\xff\xd8", b"\x89PNG")) else b""
    return b""


async def export_reports(
    folder: Path, topics: Mapping[str, Topic], store: Store, topic: str, span: Span | None
) -> list[Path]:
    """Export reports as a Jekyll site below `folder`; return the paths. Without `span`, export all
    stored reports; with one day, those that include it; with several days, the report of exactly
    these days, or else a roll-up. `topic`: only this one, or "" for all.

    An imported report is exported byte for byte. Raise DigestError if there is none.
    """
    paths: list[Path] = []
    for stored in [row for row in await store.list_topics() if topic in ("", row.name)]:
        described = topics.get(stored.name) or Topic(stored.name, stored.title, stored.slug)
        spans = await store.list_spans(stored.name)
        for days in spans:
            if span is None or days == span or days[0] <= span[0] == span[1] <= days[1]:
                report = await store.load_report(stored.name, *days)
                picture = await store.load_cloud(stored.name, *days)
                source = await store.load_import(stored.name, *days)
                paths += _write(folder, report, stored.slug, described.timezone, picture, source)
        if span and span[0] < span[1] and span not in spans:
            week = await load_span(store, described, span, datetime.now(UTC))
            picture = draw(week.wordcounts) if week else b""
            paths += _write(folder, week, stored.slug, described.timezone, picture)
    if not paths:
        raise DigestError("there is no such report to export: see /topics in the chat")
    return paths


def _write(
    folder: Path, report: Report | None, slug: str, zone: str, picture: bytes, source: bytes = b""
) -> list[Path]:
    if report is None:  # none stored, or deleted meanwhile
        return []
    try:
        jpeg = as_jpeg(picture) if picture else b""
    except CloudError:
        jpeg = b""
    return write_files(folder, export(report, slug, zone, jpeg, source))
