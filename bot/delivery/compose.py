"""A report as a reply: the one way for digests, for /brief and for the preview of a
subscription."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from urllib.parse import quote

from bot import texts
from bot.messages import Block, Button, Link, ListItem, Paragraph, Picture, Reply
from bot.report_blocks import ReportView, closing_blocks, report_blocks, view_of
from bot.services import Services
from digest.atomic import write_below
from digest.calendar import DAY, month_of, zone
from digest.models import Language, Report, Subscription
from digest.publish import days_of, stem
from digest.ranges import Span, load_span

OPENS: tuple[tuple[str, str], ...] = (
    ("views", "views"),
    ("events", "events"),
    ("stocks", "stocks"),
    ("special", "ai"),
    ("finance", "finance"),
    ("sources", "sources"),
    ("filtered", "detail filtered"),
    ("report", "report"),
)
"""What the buttons under a report open: a key of the texts, a command."""
DATA_HINT = "set DATA_DIR to a folder that can be written"


async def compose_digest(
    context: Services, report: Report, subscription: Subscription, *, late: bool = False
) -> Reply:
    """Return a report as the subscribed chat wants it. `late`: it comes later than its time."""
    view = view_of(subscription, report, late=late)
    if report.created_at and report.writer != "imported":
        local = report.created_at.astimezone(zone(context.topic(report.topic).timezone))
        view = replace(view, unfinished=local.date() <= report.last)
    kind = "brief" if report.first == report.last else "week"
    reply = await compose(context, report, view, kind)
    return replace(reply, manner="post")


async def load_digest(
    context: Services, subscription: Subscription, last: date | None = None
) -> Report | None:
    """Return the report a subscription gets of that day, or of the newest one: the day's own, or
    the week that ends with it."""
    topic = subscription.topic
    if last is None:
        if (newest := await context.store.latest(topic)) is None or not subscription.weekly:
            return newest
        last = newest.last
    if not subscription.weekly:
        return await context.store.report(topic, last, last)
    span = last - 6 * DAY, last
    return await load_span(context.store, context.topic(topic), span, subscription.language)


async def compose(
    context: Services, report: Report, view: ReportView, kind: str = "brief"
) -> Reply:
    """Return a view of a report: news, then the word cloud, then counts and where it comes from;
    with buttons that open the other sections, and the days beside it, in messages of their own."""
    report = report.in_language(view.language)
    blocks = report_blocks(context.topic(report.topic), report, view, kind)
    if view.pictured and (picture := await picture_block(context, report, view.language)):
        blocks.append(picture)
    blocks += [*closing_blocks(report, view), *_web_page(context, report, view.language)]
    # Buttons of a whole report turn it in its place, other than those of a digest.
    fresh = kind != "report"
    return await with_buttons(context, report, blocks, view.language, kind, fresh=fresh)


def _web_page(context: Services, report: Report, language: Language) -> list[Block]:
    """Return the link to the day's page; stories of several days are put together for a chat."""
    if not context.public_url or report.first != report.last:
        return []
    usual = context.topic(report.topic).language
    prefix = "" if language == usual else f"{language}/"
    address = f"{context.public_url}/{prefix}{quote(report.topic)}/{days_of(report)}"
    return [ListItem(texts.text("web_page", language), links=(Link(days_of(report), address),))]


def compose_excuse(context: Services, subscription: Subscription) -> Reply:
    """Return the notice for a chat whose report is late."""
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
    """Return blocks of a report as a reply that can be paged, with buttons for the other sections
    and days. `command` and `words` ask for these blocks again; `fresh`: see `Button`."""
    before, after = await _neighbours(context, report)
    opens = tuple(
        Button(texts.text(f"open_{key}", language), line_of(name, report), fresh)
        for key, name in OPENS
    )
    turned = "brief" if command == "sources" else command
    days = tuple(
        Button(label.format(_span_label(span)), line_of(turned, report, span, words), fresh)
        for label, span in (("◀ {}", before), ("{} ▶", after))
        if span is not None
    )
    buttons = (opens, days) if days else (opens,)
    line = line_of(command, report, None, words)
    return Reply(tuple(blocks), language, buttons, topic=report.topic, line=line)


async def _neighbours(context: Services, report: Report) -> tuple[Span | None, Span | None]:
    """Return the days before and after that have a report, or the spans of the same length beside a
    report over several days."""
    before, _ = await context.store.neighbours(report.topic, report.first)
    _, after = await context.store.neighbours(report.topic, report.last)
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


def _span_label(span: Span) -> str:
    first, last = span
    return f"{first:%m-%d}" if first == last else f"{first:%m-%d}–{last:%m-%d}"


def line_of(
    command: str, report: Report, span: Span | None = None, words: Sequence[str] = ()
) -> str:
    """Return the line that asks for this of that report, or of other days."""
    name, *more = command.split(" ")
    first, last = span or (report.first, report.last)
    when = f"{last:%Y-%m-%d}" if first == last else f"{first:%Y%m%d}..{last:%Y%m%d}"
    return " ".join([f"/{name}", report.topic, when, *more, *words])


async def picture_block(context: Services, report: Report, language: Language) -> Picture | None:
    """Return the report's word cloud as a file, or None where it has none."""
    content = await context.store.cloud(report.topic, report.first, report.last)
    if not content:
        return None
    slugs = {topic.name: topic.slug for topic in await context.store.topics()}
    slug = slugs.get(report.topic) or context.topic(report.topic).slug
    # An imported picture is a JPEG.
    kind = "jpg" if content.startswith(b"\xff\xd8") else "png"
    name = f"wordcloud_{stem(slug, report.first, report.last)}.{kind}"
    path = context.data_dir / "clouds" / name
    await asyncio.to_thread(write_below, path, content, DATA_HINT)
    return Picture(path, texts.text("cloud_file", language, path=path))
