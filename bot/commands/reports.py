"""Commands that answer from the stored reports."""

import secrets
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from bot import texts
from bot.builds import TooMany, make_report
from bot.commands.asking import Ask, Query, Unanswered, points_of
from bot.delivery.compose import compose, line_of, picture_block, with_buttons
from bot.messages import Block, Button, Heading, Link, ListItem, Paragraph, Reply, reply
from bot.report_blocks import (
    ReportView,
    dropped_examples,
    list_mentions,
    market_items,
    market_names,
    section_blocks,
    section_named,
    section_names,
    shortened,
    title_block,
)
from bot.typed import zone_label
from digest.models import BRIEF, SECTIONS, Item, Language, Report, SectionName, show_author
from digest.select import WEIGHTS
from digest.store.ledger import Ledger
from digest.write.extractive.notes import CRYPTO

POST_CHARS = 600
"""Characters shown of a post; the rest is behind its link."""
MOST_MENTIONS = 3
"""Items of other sections that a ticker without market news is answered with."""


async def brief(ask: Ask) -> AsyncIterator[Reply]:
    """Show overview and points of the newest report, or of the day that is named."""
    query = await _only(ask)
    report = await ask.report(query)
    view = ReportView(ask.language_for(report), BRIEF, limit=query.number)
    yield await compose(ask.context, report, view)


async def detail(ask: Ask) -> AsyncIterator[Reply]:
    """Show everything behind the brief; or one section by its name, number or heading."""
    query = await ask.query()
    report = await ask.report(query)
    topic, language = ask.context.topic(report.topic), ask.language_for(report)
    names: list[SectionName] = [name for name in SECTIONS if name not in BRIEF]
    limit = query.number if query.others else 0  # alone, a number is that of a section
    if query.others or query.number:
        word = " ".join(query.others) or str(query.number)
        name = section_named(topic, report, word)
        if name is None:
            listed = section_names(topic, report, ask.language)
            raise Unanswered(ask.say("which_section", word=word[:40], names=listed))
        names = [name]
    view = ReportView(language, limit=limit)
    blocks: list[Block] = [title_block(topic, report, language, "detail")]
    for name in names:
        blocks += section_blocks(topic, report, name, view)
    if names == ["filtered"]:
        dropped = await ask.context.store.dropped(report.topic, report.first, report.last)
        blocks += dropped_examples(dropped, language)
    yield await _shown(ask, report, blocks, *(names if len(names) == 1 else ()))


async def _shown(ask: Ask, report: Report, blocks: Sequence[Block], *words: str) -> Reply:
    language = ask.language_for(report)
    return await with_buttons(ask.context, report, blocks, language, ask.command.name, words)


async def _section(
    ask: Ask,
    report: Report,
    name: SectionName,
    limit: int,
    items: Sequence[Item] | None = None,
    words: Sequence[str] = (),
) -> Reply:
    """Return a section of a report, or these items of it, under the report's title."""
    topic, view = ask.context.topic(report.topic), ReportView(ask.language_for(report), limit=limit)
    blocks: list[Block] = [title_block(topic, report, view.language)]
    blocks += section_blocks(topic, report, name, view, items)
    return await _shown(ask, report, blocks, *words)


def show_section(name: SectionName) -> Callable[[Ask], AsyncIterator[Reply]]:
    """Return the command that shows a section of the newest report, or of the day that is named."""

    async def show(ask: Ask) -> AsyncIterator[Reply]:
        query = await _only(ask)
        yield await _section(ask, await ask.report(query), name, query.number)

    return show


async def stocks(ask: Ask) -> AsyncIterator[Reply]:
    """Show the whole markets section, or what concerns one ticker or name."""
    query = await ask.query()
    report = await ask.report(query)
    if query.others:
        yield await _market(ask, report, query, market_items(report, " ".join(query.others)))
    else:
        yield await _section(ask, report, "markets", query.number)


async def _market(
    ask: Ask, report: Report, query: Query, items: Sequence[Item], groups: Collection[str] = ()
) -> Reply:
    """Return these items about what the words name, or what there is instead in these groups."""
    if items:
        return await _section(ask, report, "markets", query.number, items, query.others)
    day = ask.in_words(report.first, report.last)
    name = " ".join(query.others)
    blocks: list[Block] = [Paragraph(ask.text("nothing_about", day=day, what=name[:40]))]
    if mentions := list_mentions(report, name):
        blocks += [Paragraph(ask.text("elsewhere")), *mentions[:MOST_MENTIONS]]
    elif names := market_names(report, groups):
        blocks.append(Paragraph(ask.text("there_are", names=ask.listed(names))))
    return reply(*blocks, language=ask.language)


async def crypto(ask: Ask) -> AsyncIterator[Reply]:
    """Show the coins of the markets section, or what concerns one of them."""
    query = await ask.query()
    report = await ask.report(query)
    section = report.section("markets")
    if query.others:
        named = market_items(report, " ".join(query.others))
        coins = [item for item in named if item.group in CRYPTO.values() or not item.group]
        yield await _market(ask, report, query, coins or named, CRYPTO.values())
        return
    items = tuple(item for item in section.items if item.group in CRYPTO.values())
    if not items and not any(item.group for item in section.items):
        items = section.items  # an imported report, or a note that there is nothing
    yield await _section(ask, report, "markets", query.number, items)


async def cloud(ask: Ask) -> AsyncIterator[Reply]:
    """Show the word cloud as a file, and its words."""
    report = await ask.report(await _only(ask))
    topic, language = ask.context.topic(report.topic), ask.language_for(report)
    blocks: list[Block] = [title_block(topic, report, language)]
    if picture := await picture_block(ask.context, report, language):
        blocks.append(picture)
    else:
        day = ask.in_words(report.first, report.last)
        blocks.append(Paragraph(texts.text("no_cloud", language, day=day)))
    blocks += section_blocks(topic, report, "cloud", ReportView(language))
    yield await _shown(ask, report, blocks)


async def sources(ask: Ask) -> AsyncIterator[Reply]:
    """Show the posts behind one point: author, time, text, link. Without a number, the points."""
    query = await _only(ask)
    report = await ask.report(query)
    number = len(points_of(report))
    if number and not query.number:
        yield await _choose_point(ask, report, number)
        return
    point = ask.point(report, query.number)
    language, zone = ask.language_for(report), ask.context.topic(report.topic).timezone
    blocks: list[Block] = [
        Heading(texts.text("behind", language, n=query.number), 1),
        ListItem(point.text, point.title, query.number),
        *(_post(report, key, zone, language) for key in point.cites if key in report.posts),
    ]
    if len(blocks) == 2:
        blocks.append(Paragraph(texts.text("no_posts_behind", language, n=query.number)))
    shown = await _shown(ask, report, blocks, str(query.number))
    line = f"{line_of('story', report)} {query.number}"
    story = Button(texts.text("open_story", language), line)
    yield replace(shown, buttons=((*_numbers(report, number), story), *shown.buttons[:1]))


async def why(ask: Ask) -> AsyncIterator[Reply]:
    """Show the parts of the score that put a point where it stands."""
    query = await _only(ask)
    report = await ask.report(query)
    number = query.number or 1
    point = ask.point(report, number)
    topic, language = ask.context.topic(report.topic), ask.language_for(report)
    parts = next((p.why for key in point.cites if (p := report.posts.get(key)) and p.why), {})
    blocks: list[Block] = [
        title_block(topic, report, language),
        ListItem(point.text, point.title, number),
        *map(Paragraph, score_lines(parts, number, language)),
    ]
    yield await _shown(ask, report, blocks, str(number))


def score_lines(parts: Mapping[str, float], number: int, language: Language) -> list[str]:
    """Return the score and its parts in words, the largest share first."""
    # A report of an earlier version may have parts that count no more.
    shares = {name: WEIGHTS[name] * value for name, value in parts.items() if name in WEIGHTS}
    if not shares:
        return [texts.text("why_unknown", language)]
    lines = [texts.text("why", language, n=number, score=f"{sum(shares.values()):.2f}")]
    for name in sorted(shares, key=lambda n: -shares[n]):
        lines.append(
            texts.text(
                "why_part",
                language,
                name=texts.text(f"part_{name}", language),
                value=f"{parts[name]:.2f}",
                weight=f"{WEIGHTS[name]:.2f}",
                share=f"{shares[name]:+.2f}",
            )
        )
    return lines


async def _choose_point(ask: Ask, report: Report, number: int) -> Reply:
    topic, language = ask.context.topic(report.topic), ask.language_for(report)
    blocks: list[Block] = [title_block(topic, report, language)]
    blocks += section_blocks(topic, report, "points", ReportView(language))
    example = ask.first_point(report)
    blocks.append(Paragraph(texts.text("which_point", language, n=number, example=example)))
    shown = await _shown(ask, report, blocks)
    return replace(shown, buttons=(_numbers(report, number), *shown.buttons[:1]))


def _numbers(report: Report, number: int) -> tuple[Button, ...]:
    line = line_of("sources", report)
    return tuple(Button(str(n), f"{line} {n}") for n in range(1, number + 1))


def _post(report: Report, key: str, zone: str, language: Language) -> ListItem:
    post = report.posts[key]
    when = ""
    if post.created_at:
        local = f"{post.created_at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
        when = texts.text("at", language, when=local, zone=zone_label(zone, language))
    return ListItem(
        shortened(post.text, POST_CHARS),
        title=f"{show_author(key, post.author)} {when}".strip(),
        links=(Link("", post.url),) if post.url else (),
    )


async def report(ask: Ask) -> AsyncIterator[Reply]:
    """Show the whole report of a day, made now where there is none; the stories of a range."""
    query = await ask.query()
    if query.others:
        raise Unanswered(await ask.bad_date(" ".join(query.others), query.topic))
    if query.days is None:
        yield await _show_all(ask, await ask.report(query))
        return
    first, last = query.days
    topic, stored = await ask.find(query)
    if stored is None and first == last:
        async for answer in _make(ask, topic, first):
            yield answer
    elif stored is None:
        raise Unanswered(await ask.no_report(topic, (first, last)))
    else:
        yield await _show_all(ask, stored)


async def _make(ask: Ask, topic: str, day: date) -> AsyncIterator[Reply]:
    """Make the report of a day, as anybody may now and then, and show it."""
    posts = (await ask.context.store.post_days(topic)).get(day, 0)
    if not posts:
        raise Unanswered(await ask.no_report(topic, (day, day)))
    yield ask.say("making", day=ask.in_words(day), n=posts)
    try:
        failure = await ask.context.builder.build(topic, day, ask.incoming.person)
    except TooMany as limit:
        raise Unanswered(ask.say("too_many", n=limit.number, minutes=limit.minutes)) from None
    stored = None if failure else await ask.context.store.report(topic, day, day)
    if stored is None:
        raise Unanswered(ask.say("made_not", day=ask.in_words(day)))
    yield await _show_all(ask, stored)


async def now(ask: Ask) -> AsyncIterator[Reply]:
    """Make the whole report of a day, with the model where one is set, and show its brief."""
    query = await _only(ask)
    topic = query.topic or next(iter(ask.context.topics))
    yesterday = ask.today(topic) - timedelta(days=1)
    first, last = query.days or (yesterday, yesterday)
    if first != last:
        raise Unanswered(ask.say("one_day", example=await ask.example()))
    if first > ask.today(topic):
        raise Unanswered(await ask.no_report(topic, (first, last)))
    day, title = ask.in_words(first), ask.title(topic)
    yield ask.say("making_now", topic=title, day=day)
    person = ask.incoming.person
    ledger, holder = Ledger(ask.context.store), f"{person}:{secrets.token_hex(4)}"
    failure = await make_report(ask.context, ledger, holder, topic, first, user=person)
    stored = None if failure else await ask.context.store.report(topic, first, first)
    if stored is None:
        raise Unanswered(
            ask.say("made_not_because", day=day, why=texts.reason(failure, ask.language))
        )
    yield await compose(ask.context, stored, ReportView(ask.language_for(stored)))


async def _show_all(ask: Ask, report: Report) -> Reply:
    view = ReportView(ask.language_for(report), SECTIONS)
    return await compose(ask.context, report, view, "report")


async def _only(ask: Ask) -> Query:
    query = await ask.query()
    if query.others:
        raise Unanswered(await ask.bad_words(query.others))
    return query
