"""Commands over several days: a week, a month, one story day by day."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from bot import texts
from bot.commands.asking import Ask, Query, Unanswered, points_of
from bot.delivery.compose import compose, line_of
from bot.messages import Block, Button, Heading, ListItem, Paragraph, Reply
from bot.report_blocks import ReportView, links_of, shortened
from bot.typed import parse_days
from digest.calendar import month_of, week_of
from digest.models import Item
from digest.storylines import TOLD_IN, Storyline, find_storyline, trace_storylines

STORY_DAYS = 45
"""Days on either side that are looked through for a story."""
MAX_DAY_ITEMS = 3
"""Items shown of what a day told of a story."""

Span = tuple[date, date]


async def week(ask: Ask) -> AsyncIterator[Reply]:
    """Show the stories of the seven days up to the newest report, or of the week of a day."""
    yield await _span(ask, "week", week_of, lambda day: (day - timedelta(days=6), day))


async def month(ask: Ask) -> AsyncIterator[Reply]:
    """Show the stories of the newest report's month, or of the month of a day."""
    yield await _span(ask, "month", month_of, month_of)


async def _span(
    ask: Ask, kind: str, around: Callable[[date], Span], newest: Callable[[date], Span]
) -> Reply:
    query = await ask.query()
    topic = query.topic or await ask.usual_topic()
    if [word.lower() for word in query.others] == ["last"]:
        query = replace(query, others=(), days=parse_days(f"last {kind}", ask.today(topic)))
    if query.others:
        raise Unanswered(await ask.bad_words(query.others))
    if kind == "month" and not query.days and query.number in range(1, 13):
        query = replace(query, number=0, days=parse_days(f"{query.number}月", ask.today(topic)))
    if query.days is None:
        days = await ask.context.store.report_days(topic)
        if not days:
            raise Unanswered(await ask.no_report(topic, None))
        span = newest(days[-1])
    else:
        first, last = query.days
        span = around(first) if first == last else (first, last)
    report = await ask.report(Query(topic, span))
    view = ReportView(ask.language_for(report), limit=query.number)
    return await compose(ask.context, report, view, kind)


async def story(ask: Ask) -> AsyncIterator[Reply]:
    """Show one story day by day: that of a point, or the one that the words tell of."""
    query = await ask.query()
    if query.number and not query.others:
        yield await _story_of_point(ask, query)
        return
    if not query.others:
        report = await ask.report(query)
        again = line_of("story", report)
        numbers = range(1, len(points_of(report)) + 1)
        buttons = tuple(Button(str(n), f"{again} {n}") for n in numbers)
        raise Unanswered(ask.say("story_which", buttons, example=await ask.example()))
    words = " ".join(query.others)
    days = query.days or (None, None)
    hits = await ask.context.store.search(words, topic=query.topic, first=days[0], last=days[1])
    stories = [hit for hit in hits if hit.section in TOLD_IN and hit.first == hit.last]
    for hit in stories[:1]:
        line = await _find_line(ask, hit.topic, (hit.last, hit.last), hit.item)
        if line is not None:
            yield _timeline(ask, hit.topic, line, f"/story {' '.join(ask.words)}")
            return
    raise Unanswered(ask.say("story_none", words=words[:40]))


async def _story_of_point(ask: Ask, query: Query) -> Reply:
    report = await ask.report(query)
    item = ask.point(report, query.number)
    line = await _find_line(ask, report.topic, (report.first, report.last), item)
    if line is None:
        raise Unanswered(ask.say("story_none", words=(item.title or item.text)[:40]))
    return _timeline(ask, report.topic, line, f"{line_of('story', report)} {query.number}")


async def _find_line(ask: Ask, topic: str, span: Span, item: Item) -> Storyline | None:
    """Return the story of an item that stands in the report of these days."""
    around = timedelta(days=STORY_DAYS)
    stored = await ask.context.store.daily_reports(topic, span[0] - around, span[1] + around)
    reports = [report.in_language(ask.language_for(report)) for report in stored]
    lines = await asyncio.to_thread(trace_storylines, reports)
    line = find_storyline(lines, span[1], item) if span[0] == span[1] else None
    return line or _by_posts(lines, item)


def _by_posts(lines: Sequence[Storyline], item: Item) -> Storyline | None:
    """Return the story that cites most of an item's posts: one of a week has those of its days."""
    keys = set(item.cites)
    shared = [(len(keys & {k for t in line.tellings for k in t.cites}), line) for line in lines]
    number, line = max(shared, key=lambda pair: pair[0], default=(0, None))
    return line if number else None


def _timeline(ask: Ask, topic: str, line: Storyline, again: str) -> Reply:
    language = ask.language
    best = line.best.item
    title = ask.text("story_title", title=best.title or shortened(best.text, 60))
    blocks: list[Block] = [Heading(title, 1)]
    for telling in line.tellings:
        blocks.append(Heading(texts.weekday(telling.day, language)))
        blocks += [
            ListItem(item.text, item.title, links=links_of(line.posts, item))
            for item in telling.items[:MAX_DAY_ITEMS]
        ]
    blocks += [Paragraph(text) for text in _changes(line, ask)]
    if len(line.tellings) == 1:
        blocks.append(Paragraph(ask.text("story_once")))
    days = tuple(_day_buttons(ask, topic, line))
    return Reply(tuple(blocks), language, (days,), topic=topic, line=again)


def _changes(line: Storyline, ask: Ask) -> Iterator[str]:
    # Imported here, as in `digest.ranges`: a start does not wait for it.
    from digest.rollup import find_changes, show_chain

    for chain in find_changes(line):
        values = show_chain(chain, ask.language)
        yield ask.text("story_changed", values=values)


def _day_buttons(ask: Ask, topic: str, line: Storyline) -> Iterator[Button]:
    for telling in line.tellings[-5:]:
        label = ask.text("story_day", day=f"{telling.day:%m-%d}")
        yield Button(label, f"/brief {topic} {telling.day}", fresh=True)
