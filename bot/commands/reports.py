"""Commands that show the stored report of a day, a week or a month."""

import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from bot import texts
from bot.builds import TooMany, make_report
from bot.commands.asking import Ask, Query, Unanswered, points_of
from bot.compose import (
    ReportView,
    compose,
    find_assets,
    find_section,
    line_of,
    links_of,
    list_section_names,
    name_pattern,
    picture_block,
    section_blocks,
    title_block,
    truncate,
    with_buttons,
)
from bot.messages import Block, Button, Heading, Link, ListItem, Paragraph, Reply, reply
from bot.typed import parse_days, zone_label
from digest.calendar import Span, month_of, week_of
from digest.models import (
    BRIEF,
    SECTIONS,
    Dropped,
    Item,
    Language,
    Post,
    Report,
    SectionName,
    show_author,
)
from digest.select import WEIGHTS
from digest.text import clean
from digest.write.extractive.notes import CRYPTO, reason_text

POST_CHARS = 600
"""Characters shown of a post; the link leads to the rest."""
MAX_MENTIONS = 3
"""Items of other sections shown for a name without market news."""
MAX_EXAMPLES, EXAMPLE_CHARS = 3, 80
"""Examples per reason to drop a post, and their length."""


async def brief(ask: Ask) -> AsyncIterator[Reply]:
    """Show overview and points of the newest report, or of the given day."""
    query = await _only(ask)
    report = await ask.report(query)
    view = ReportView(ask.language_for(report), BRIEF, limit=query.number)
    yield await compose(ask.context, report, view)


async def detail(ask: Ask) -> AsyncIterator[Reply]:
    """Show all sections other than the brief, or one by name, number or heading."""
    query = await ask.query()
    report = await ask.report(query)
    names: list[SectionName] = [name for name in SECTIONS if name not in BRIEF]
    limit = query.number if query.others else 0  # a number alone is a section number
    if query.others or query.number:
        word, topic = " ".join(query.others) or str(query.number), ask.context.topic(report.topic)
        name = find_section(topic, report, word)
        if name is None:
            listed = list_section_names(topic, report, ask.language)
            raise Unanswered(ask.say("which_section", word=word[:40], names=listed))
        names = [name]
    distinct = report.distinct_sections(names)
    blocks = [block for name in distinct for block in _section(ask, report, name, limit)]
    if names == ["filtered"]:
        dropped = await ask.context.store.list_dropped(report.topic, report.first, report.last)
        blocks += dropped_examples(dropped, ask.language_for(report))
    yield await _titled(ask, report, blocks, *(names if len(names) == 1 else ()), kind="detail")


async def _shown(ask: Ask, report: Report, blocks: Sequence[Block], *words: str) -> Reply:
    language = ask.language_for(report)
    return await with_buttons(ask.context, report, blocks, language, ask.command.name, words)


async def _titled(
    ask: Ask, report: Report, blocks: Sequence[Block], *words: str, kind: str = ""
) -> Reply:
    title = title_block(ask.context.topic(report.topic), report, ask.language_for(report), kind)
    return await _shown(ask, report, [title, *blocks], *words)


def _section(
    ask: Ask, report: Report, name: SectionName, limit: int = 0, items: Sequence[Item] | None = None
) -> list[Block]:
    view = ReportView(ask.language_for(report), limit=limit)
    return section_blocks(ask.context.topic(report.topic), report, name, view, items)


def show_section(name: SectionName) -> Callable[[Ask], AsyncIterator[Reply]]:
    """Return the command that shows a section of the newest report, or of the given day."""

    async def show(ask: Ask) -> AsyncIterator[Reply]:
        query = await _only(ask)
        report = await ask.report(query)
        yield await _titled(ask, report, _section(ask, report, name, query.number))

    return show


async def stocks(ask: Ask) -> AsyncIterator[Reply]:
    """Show the markets section, or items about one ticker or name."""
    query = await ask.query()
    report = await ask.report(query)
    items = market_items(report, " ".join(query.others)) if query.others else None
    yield await _market(ask, report, query, items)


async def _market(
    ask: Ask,
    report: Report,
    query: Query,
    items: Sequence[Item] | None,
    groups: Collection[str] = (),
) -> Reply:
    """Return these items of the section, or all; if no item is about the name, show mentions in
    other sections or the names in these groups."""
    if items or not query.others:
        blocks = _section(ask, report, "markets", query.number, items)
        return await _titled(ask, report, blocks, *query.others)
    day = ask.in_words(report.first, report.last)
    name = " ".join(query.others)
    blocks = [Paragraph(ask.text("nothing_about", day=day, what=name[:40]))]
    search = Paragraph(ask.text("search_instead", what=name[:40]))
    if mentions := list_mentions(report, name):
        blocks += [Paragraph(ask.text("elsewhere")), *mentions[:MAX_MENTIONS]]
    elif names := market_names(report, groups):
        blocks.append(Paragraph(ask.text("there_are", names=ask.listed(names))))
    return reply(*blocks, search, language=ask.language)


async def crypto(ask: Ask) -> AsyncIterator[Reply]:
    """Show the coins of the markets section, or items about one of them."""
    query = await ask.query()
    report = await ask.report(query)
    items = report.section("markets").items
    if query.others:
        named = market_items(report, " ".join(query.others))
        items = tuple(i for i in named if i.group in CRYPTO.values() or not i.group) or named
    elif any(item.group for item in items):  # otherwise it is imported, or has only a note
        items = tuple(item for item in items if item.group in CRYPTO.values())
    yield await _market(ask, report, query, items, CRYPTO.values())


async def cloud(ask: Ask) -> AsyncIterator[Reply]:
    """Show the word cloud as a file, and its words."""
    report = await ask.report(await _only(ask))
    language = ask.language_for(report)
    shown: Block | None = await picture_block(ask.context, report, language)
    if shown is None:
        today = ask.context.now().date()
        day = texts.days_in_words(report.first, report.last, language, today)
        shown = Paragraph(texts.text("no_cloud", language, day=day))
    yield await _titled(ask, report, [shown, *_section(ask, report, "cloud")])


async def sources(ask: Ask) -> AsyncIterator[Reply]:
    """Show the posts behind one point: author, time, text, link. Without a number, the points."""
    query = await _only(ask)
    report = await ask.report(query)
    number = len(points_of(report))
    language, zone = ask.language_for(report), ask.context.topic(report.topic).timezone
    if number and not query.number:
        example = ask.first_point(report)
        which = Paragraph(texts.text("which_point", language, n=number, example=example))
        shown = await _titled(ask, report, [*_section(ask, report, "points"), which])
        yield replace(shown, buttons=(_numbers(report, number), *shown.buttons[:1]))
        return
    point = ask.point(report, query.number)
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
    yield replace(shown, buttons=(_numbers(report, number), (story,), *shown.buttons[:1]))


async def why(ask: Ask) -> AsyncIterator[Reply]:
    """Show how the score of a point is composed."""
    query = await _only(ask)
    report = await ask.report(query)
    number = query.number or 1
    point = ask.point(report, number)
    parts = next((p.why for key in point.cites if (p := report.posts.get(key)) and p.why), {})
    score = map(Paragraph, score_lines(parts, number, ask.language_for(report)))
    blocks: list[Block] = [ListItem(point.text, point.title, number), *score]
    yield await _titled(ask, report, blocks, str(number))


def score_lines(parts: Mapping[str, float], number: int, language: Language) -> list[str]:
    """Return the score and its parts in words, the largest part first."""
    # Reports of earlier versions may contain parts that no longer count.
    shares = {name: WEIGHTS[name] * value for name, value in parts.items() if name in WEIGHTS}
    if not shares:
        return [texts.text("why_unknown", language)]
    lines = [texts.text("why", language, n=number, score=f"{sum(shares.values()):.2f}")]
    for name in sorted(shares, key=lambda n: -shares[n]):
        figures = {"value": f"{parts[name]:.2f}", "weight": f"{WEIGHTS[name]:.2f}"}
        title, share = texts.text(f"part_{name}", language), f"{shares[name]:+.2f}"
        lines.append(texts.text("why_part", language, name=title, share=share, **figures))
    return lines


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
        truncate(post.text, POST_CHARS),
        title=f"{show_author(key, post.author)} {when}".strip(),
        links=(Link("", post.url),) if post.url else (),
    )


async def report(ask: Ask) -> AsyncIterator[Reply]:
    """Show the whole report of a day, built now if missing; for a range, a roll-up."""
    query = await ask.query()
    if query.others:
        raise Unanswered(await ask.bad_date(" ".join(query.others), query.topic))
    if query.number and not query.days:
        query = replace(query, days=await ask.days(f"{query.number}号", query.topic))
    topic, stored = await ask.find(query)
    if stored:
        yield await _show_all(ask, stored)
    elif query.days and query.days[0] == query.days[1]:
        async for answer in _make(ask, topic, query.days[0]):
            yield answer
    else:
        raise Unanswered(await ask.no_report(topic, query.days))


async def _make(ask: Ask, topic: str, day: date) -> AsyncIterator[Reply]:
    """Build the report of a day for any user, within limits, and show it."""
    posts = (await ask.context.store.count_posts(topic)).get(day, 0)
    if not posts:
        raise Unanswered(await ask.no_report(topic, (day, day)))
    yield ask.say("making", day=ask.in_words(day), n=posts)
    try:
        failure = await ask.context.builder.build(topic, day, ask.incoming.person)
    except TooMany as limit:
        raise Unanswered(ask.say("too_many", n=limit.number, minutes=limit.minutes)) from None
    stored = None if failure else await ask.context.store.load_report(topic, day, day)
    if stored is None:
        raise Unanswered(ask.say("made_not", day=ask.in_words(day)))
    yield await _show_all(ask, stored)


async def week(ask: Ask) -> AsyncIterator[Reply]:
    """Show the roll-up of the seven days up to the newest report, or of a day's week."""
    yield await _span(ask, "week", week_of, lambda day: (day - timedelta(days=6), day))


async def month(ask: Ask) -> AsyncIterator[Reply]:
    """Show the roll-up of the newest report's month, or of a day's month."""
    yield await _span(ask, "month", month_of, month_of)


async def _span(
    ask: Ask, kind: str, around: Callable[[date], Span], newest: Callable[[date], Span]
) -> Reply:
    query = await ask.query()
    topic = query.topic or await ask.usual_topic()
    if [word.lower() for word in query.others] == ["last"]:
        query = replace(query, others=(), days=parse_days(f"last {kind}", ask.today(topic)))
    if query.others:
        raise Unanswered(await ask.bad_words(query))
    if kind == "month" and not query.days and query.number in range(1, 13):
        query = replace(query, number=0, days=parse_days(f"{query.number}月", ask.today(topic)))
    if query.days is None:
        days = await ask.context.store.list_days(topic)
        if not days:
            raise Unanswered(await ask.no_report(topic, None))
        span = newest(days[-1])
    else:
        first, last = query.days
        span = around(first) if first == last else (first, last)
    report = await ask.report(Query(topic, span))
    view = ReportView(ask.language_for(report), limit=query.number)
    return await compose(ask.context, report, view, kind)


async def now(ask: Ask) -> AsyncIterator[Reply]:
    """Build a day's report, with the model if configured, and show its brief."""
    query = await _only(ask)
    topic = query.topic or ask.topics[0]
    yesterday = ask.today(topic) - timedelta(days=1)
    first, last = query.days or (yesterday, yesterday)
    if first != last:
        raise Unanswered(ask.say("one_day", example=await ask.example(topic)))
    if first > ask.today(topic):
        raise Unanswered(await ask.no_report(topic, (first, last)))
    day, title = ask.in_words(first), ask.title(topic)
    yield ask.say("making_now", topic=title, day=day)
    person = ask.incoming.person
    holder = f"{person}:{secrets.token_hex(4)}"
    failure = await make_report(ask.context, holder, topic, first, user=person)
    stored = None if failure else await ask.context.store.load_report(topic, first, first)
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
        raise Unanswered(await ask.bad_words(query))
    return query


def market_items(report: Report, name: str) -> tuple[Item, ...]:
    """Return the market items about a name, in any spelling (NVDA, 英伟达, Nvidia)."""
    pattern = name_pattern(name)
    named = []
    for item in report.section("markets").items:
        if item.status == "note":
            continue
        if pattern.search(f"{item.title}\n{item.group}".lower()):
            named.append(item)
        elif match := pattern.search(item.text.lower()):
            # The item is about another company: add the mention to its title.
            mention = item.text[match.start() : match.end()]
            titles = [item.title, mention] if item.title else []
            named.append(replace(item, title=" · ".join(titles)))
    return tuple(named)


def list_mentions(report: Report, name: str) -> list[ListItem]:
    """Return what sections other than markets say about a name; each set of posts once."""
    pattern = name_pattern(name)
    mentions: dict[tuple[str, ...], ListItem] = {}
    for _, section, item in report.numbered_items():
        words = f"{item.title}\n{item.text}".lower()
        if section not in ("markets", "filtered", "cloud") and pattern.search(words):
            entry = ListItem(item.text, item.title, links=links_of(report.posts, item))
            mentions.setdefault(item.cites, entry)
    return list(mentions.values())


def market_names(report: Report, groups: Collection[str] = ()) -> list[str]:
    """Return the companies and coins in the markets section, or in these groups of it."""
    items = [
        item
        for item in report.section("markets").items
        if item.status != "note" and (not groups or item.group in groups)
    ]
    titles = list(dict.fromkeys(item.title for item in items if item.title))
    tickers = [asset.ticker for item in items for asset in find_assets(item.text)]
    others = [ticker for ticker in tickers if ticker and not any(ticker in t for t in titles)]
    return list(dict.fromkeys([*titles, *others]))


def dropped_examples(
    dropped: Iterable[tuple[Dropped, Post | None]], language: Language
) -> list[Block]:
    """Return a few posts per reason, so that users can judge the filter."""
    by_reason: defaultdict[str, dict[str, Post]] = defaultdict(dict)
    for drop, post in dropped:
        if post is not None and len(by_reason[drop.reason]) < MAX_EXAMPLES:
            text = truncate(" ".join(clean(post.text).split()), EXAMPLE_CHARS)
            by_reason[drop.reason].setdefault(text, post)
    if not by_reason:
        return []
    blocks: list[Block] = [Heading(texts.text("examples", language))]
    for reason, posts in by_reason.items():
        blocks.append(Heading(reason_text(reason, language), 3))
        for text, post in posts.items():
            author = Link(show_author(post.key, post.author or post.author_name), post.url)
            blocks.append(ListItem(text, links=(author,)))
    return blocks
