"""Commands that answer from the stored reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot import texts
from bot.builds import TooMany
from bot.commands.asking import Ask, Unanswered, Wanted
from bot.commands.shown import (
    about_name,
    dropped_examples,
    header,
    names_in,
    section_blocks,
    section_named,
    section_names,
    shortened,
)
from bot.messages import Block, Button, Entry, Heading, Link, Picture, Reply, Text, reply
from digest.atomic import write_file
from digest.errors import StoreError
from digest.models import BRIEF, SECTIONS, Language, Report, SectionName
from digest.publish import stem
from digest.select.rank import WEIGHTS
from digest.write.extractive.groups import CRYPTO

POST_CHARS = 600
"""Characters shown of a post; the rest is behind its link."""


async def brief(ask: Ask) -> AsyncIterator[Reply]:
    """Overview and points of the newest report, or of the day that is named."""
    wanted = await _only(ask)
    yield await brief_reply(ask, await ask.report(wanted), wanted.number)


async def detail(ask: Ask) -> AsyncIterator[Reply]:
    """Everything behind the brief; or one section by its name, number or heading."""
    wanted = await ask.wanted()
    found = await ask.report(wanted)
    names: list[SectionName] = [name for name in SECTIONS if name not in BRIEF]
    most = wanted.number if wanted.rest else 0  # alone, a number is that of a section
    if wanted.rest or wanted.number:
        word = " ".join(wanted.rest) or str(wanted.number)
        name = section_named(found, word)
        if name is None:
            listed = section_names(found)
            raise Unanswered(ask.say("which_section", word=word[:40], names=listed))
        names = [name]
    blocks = [header(ask, found, "detail"), *_sections(found, names, most)]
    if names == ["filtered"]:
        dropped = await ask.context.store.dropped(found.topic, found.first, found.last)
        blocks += dropped_examples(found, dropped)
    one = names if len(names) == 1 else []
    yield await shown(ask, found, blocks, *one)


async def _one(ask: Ask, name: SectionName) -> Reply:
    wanted = await _only(ask)
    found = await ask.report(wanted)
    blocks = [header(ask, found, ""), *section_blocks(found, name, wanted.number)]
    return await shown(ask, found, blocks)


async def views(ask: Ask) -> AsyncIterator[Reply]:
    """Who says what."""
    yield await _one(ask, "views")


async def events(ask: Ask) -> AsyncIterator[Reply]:
    """What happened, in groups."""
    yield await _one(ask, "events")


async def special(ask: Ask) -> AsyncIterator[Reply]:
    """The topic's special analysis."""
    yield await _one(ask, "ai")


async def finance(ask: Ask) -> AsyncIterator[Reply]:
    """Money of the industry and the economy."""
    yield await _one(ask, "finance")


async def stocks(ask: Ask) -> AsyncIterator[Reply]:
    """The whole markets section, or what concerns one ticker or name."""
    wanted = await ask.wanted()
    found = await ask.report(wanted)
    if not wanted.rest:
        blocks = [header(ask, found, ""), *section_blocks(found, "markets", wanted.number)]
        yield await shown(ask, found, blocks)
        return
    name = " ".join(wanted.rest)
    items = about_name(found, name)
    if items:
        blocks = section_blocks(found, "markets", wanted.number, items)
        yield await shown(ask, found, [header(ask, found, ""), *blocks], *wanted.rest)
        return
    day = ask.in_words(found.first, found.last)
    lines = [texts.text("nothing_about", ask.language, day=day, what=name[:40])]
    if listed := names_in(found):
        lines.append(texts.text("there_are", ask.language, names=listed))
    yield reply(*map(Text, lines), language=ask.language)


async def crypto(ask: Ask) -> AsyncIterator[Reply]:
    """The crypto group of the markets section."""
    wanted = await _only(ask)
    found = await ask.report(wanted)
    section = found.section("markets")
    items = tuple(item for item in section.items if item.group in CRYPTO.values())
    if not items and not any(item.group for item in section.items):
        items = section.items  # an imported report, or a note that there is nothing
    blocks = section_blocks(found, "markets", wanted.number, items)
    yield await shown(ask, found, [header(ask, found, ""), *blocks])


async def cloud(ask: Ask) -> AsyncIterator[Reply]:
    """The word cloud as a file, and its words."""
    found = await ask.report(await _only(ask))
    blocks: list[Block] = [header(ask, found, "")]
    if picture := await _picture(ask, found):
        blocks.append(picture)
    else:
        day = ask.in_words(found.first, found.last)
        blocks.append(Text(texts.text("no_cloud", ask.language, day=day)))
    yield await shown(ask, found, [*blocks, *section_blocks(found, "cloud", 0)])


async def _picture(ask: Ask, found: Report) -> Picture | None:
    """A copy of the report's word cloud in a file, if it has one."""
    content = await ask.context.store.cloud(found.topic, found.first, found.last)
    if not content:
        return None
    path = cloud_path(ask.context.data_dir, await ask.slug(found.topic), found, content)
    await asyncio.to_thread(write_whole, path, content)
    return Picture(path, texts.text("cloud_file", found.language, path=path))


async def sources(ask: Ask) -> AsyncIterator[Reply]:
    """The posts behind one point: author, time, text, link. Without a number the points to choose
    from."""
    wanted = await _only(ask)
    found = await ask.report(wanted)
    points = [item for item in found.section("points").items if item.status != "note"]
    day = ask.in_words(found.first, found.last)
    if not points:
        raise Unanswered(ask.say("no_points", day=day))
    if not wanted.number:
        yield await _points(ask, found, len(points))
        return
    if not 1 <= wanted.number <= len(points):
        raise Unanswered(ask.say("points_are", day=day, n=len(points)))
    point = points[wanted.number - 1]
    zone = ask.context.topic(found.topic).timezone
    blocks: list[Block] = [
        Heading(texts.text("behind", found.language, n=wanted.number), 1),
        Entry(point.text, point.title, wanted.number),
        *(_post(found, key, zone) for key in point.cites if key in found.posts),
    ]
    if len(blocks) == 2:
        key = "imported" if point.status == "imported" else "no_posts_behind"
        blocks.append(Text(texts.text(key, found.language, n=wanted.number)))
    one = await shown(ask, found, blocks, str(wanted.number))
    yield replace(one, buttons=(_numbers(found, len(points)), *one.buttons[:1]))


async def why(ask: Ask) -> AsyncIterator[Reply]:
    """The parts of the score that put a point where it stands."""
    wanted = await _only(ask)
    found = await ask.report(wanted)
    points = [item for item in found.section("points").items if item.status != "note"]
    day = ask.in_words(found.first, found.last)
    if not points:
        raise Unanswered(ask.say("no_points", day=day))
    number = wanted.number or 1
    if not 1 <= number <= len(points):
        raise Unanswered(ask.say("points_are", day=day, n=len(points)))
    point = points[number - 1]
    parts = next((p.why for key in point.cites if (p := found.posts.get(key)) and p.why), {})
    blocks: list[Block] = [header(ask, found, ""), Entry(point.text, point.title, number)]
    blocks += map(Text, score_lines(parts, number, found.language))
    yield await shown(ask, found, blocks, str(number))


def score_lines(parts: Mapping[str, float], number: int, language: Language) -> list[str]:
    """The score and its parts, the largest share first."""
    shares = {name: WEIGHTS.get(name, 0.0) * value for name, value in parts.items()}
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
                weight=f"{WEIGHTS.get(name, 0.0):.2f}",
                share=f"{shares[name]:+.2f}",
            )
        )
    return lines


async def _points(ask: Ask, found: Report, most: int) -> Reply:
    """The points with a button for each."""
    how = Text(texts.text("which_point", found.language, n=most))
    blocks = [header(ask, found, ""), *section_blocks(found, "points", 0), how]
    one = await shown(ask, found, blocks)
    return replace(one, buttons=(_numbers(found, most), *one.buttons[:1]))


def _numbers(found: Report, most: int) -> tuple[Button, ...]:
    return tuple(Button(str(n), f"{_line('sources', found)} {n}") for n in range(1, most + 1))


def _post(found: Report, key: str, zone: str) -> Entry:
    post = found.posts[key]
    when = ""
    if post.created_at:
        local = f"{post.created_at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
        when = texts.text("at", found.language, when=local, zone=zone)
    return Entry(
        shortened(post.text, POST_CHARS),
        title=f"@{post.author} {when}".strip(),
        links=(Link("", post.url),) if post.url else (),
    )


async def report(ask: Ask) -> AsyncIterator[Reply]:
    """The whole report of a day, made now where there is none; points of each day for a range."""
    wanted = await ask.wanted()
    if wanted.rest:
        day = await ask.usual_day(wanted.topic)
        word = " ".join(wanted.rest)
        raise Unanswered(ask.say("bad_date", text=word[:40], day=day))
    if wanted.days is None:
        yield await _whole(ask, await ask.report(wanted))
        return
    first, last = wanted.days
    topic, found = await ask.find(wanted)
    if found is None and first == last:
        async for one in _made(ask, topic, first):
            yield one
    elif found is None:
        yield await _range(ask, topic, first, last)
    else:
        yield await _whole(ask, found)


async def _made(ask: Ask, topic: str, day: date) -> AsyncIterator[Reply]:
    posts = (await ask.context.store.post_days(topic)).get(day, 0)
    if not posts:
        raise Unanswered(await ask.no_report(topic, (day, day)))
    yield ask.say("making", day=ask.in_words(day), n=posts)
    person = f"{ask.incoming.platform}:{ask.incoming.user_id}"
    try:
        failed = await ask.context.builder.build(topic, day, person)
    except TooMany as limit:
        raise Unanswered(ask.say("too_many", n=limit.made, minutes=limit.minutes)) from None
    found = None if failed else await ask.context.store.report(topic, day, day)
    if found is None:
        raise Unanswered(ask.say("made_not", day=ask.in_words(day)))
    yield await _whole(ask, found)


async def now(ask: Ask) -> AsyncIterator[Reply]:
    """Makes the whole report of a day, with the model where one is set, and shows its brief."""
    wanted = await _only(ask)
    topic = wanted.topic or next(iter(ask.context.topics))
    yesterday = ask.today(topic) - timedelta(days=1)
    first, last = wanted.days or (yesterday, yesterday)
    if first != last:
        raise Unanswered(ask.say("one_day", example=await ask.example()))
    yield ask.say(
        "making_now", topic=ask.context.topic(topic).title[ask.language], day=ask.in_words(first)
    )
    person = f"{ask.incoming.platform}:{ask.incoming.user_id}"
    failed = await ask.context.builder.build(topic, first, person, whole=True)
    found = None if failed else await ask.context.store.report(topic, first, first)
    if found is None:
        raise Unanswered(ask.say("made_not_because", day=ask.in_words(first), why=failed))
    yield await brief_reply(ask, found)


async def _range(ask: Ask, topic: str, first: date, last: date) -> Reply:
    """Points of the stored daily reports, under their days."""
    stored = await ask.context.store.daily_reports(topic, first, last)
    if not stored:
        raise Unanswered(await ask.no_report(topic, (first, last)))
    language = stored[-1].language
    title = f"{ask.context.topic(topic).title[language]} · {texts.days(first, last, language)}"
    blocks: list[Block] = [Heading(f"{title} · {texts.text('range', language)}", 1)]
    for daily in stored:
        blocks.append(Heading(texts.weekday(daily.last, language)))
        blocks += section_blocks(daily, "points", 0, headed=False)
    known = {daily.last for daily in stored}
    gaps = [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]
    missing = [str(day) for day in gaps if day not in known]
    if missing:
        listed = ", ".join(missing[:10]) + (" …" if len(missing) > 10 else "")
        blocks.append(Text(texts.text("missing_days", language, days=listed)))
    line = f"/report {topic} {first:%Y%m%d}..{last:%Y%m%d}"
    return Reply(tuple(blocks), language, topic=topic, line=line)


async def brief_reply(ask: Ask, found: Report, most: int = 0) -> Reply:
    """Overview, word cloud and points, with buttons that open the rest and the days beside it."""
    picture = await _picture(ask, found)
    blocks = [
        header(ask, found, "brief"),
        *_origin(found),
        *section_blocks(found, "overview", 0),
        *([picture] if picture else []),
        *section_blocks(found, "points", most),
    ]
    one = await shown(ask, found, blocks)
    fresh = tuple(tuple(replace(button, fresh=True) for button in group) for group in one.buttons)
    return replace(one, buttons=fresh)


async def _whole(ask: Ask, found: Report) -> Reply:
    blocks = [header(ask, found, "report"), *_origin(found), *_sections(found, list(SECTIONS), 0)]
    return await shown(ask, found, blocks)


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


async def shown(ask: Ask, found: Report, blocks: Sequence[Block], *words: str) -> Reply:
    """Blocks of a report as a reply that can be paged, with the other sections and days beside it."""
    language, name = found.language, ask.command.name
    before, after = await ask.context.store.neighbours(found.topic, found.last)
    opens = tuple(
        Button(texts.text(f"open_{key}", language), _line(command, found)) for key, command in OPENS
    )
    sides = (("◀ {day:%m-%d}", before), ("{day:%m-%d} ▶", after))
    turned = "brief" if name in ("now", "subscribe", "sources") else name
    days = tuple(
        Button(label.format(day=day), _line(turned, found, day, words))
        for label, day in sides
        if day is not None
    )
    buttons = (opens, days) if days else (opens,)
    line = _line(name, found, None, words)
    return Reply(tuple(blocks), language, buttons, topic=found.topic, line=line)


def _line(command: str, found: Report, day: date | None = None, words: Sequence[str] = ()) -> str:
    """The line that shows this of that report, or of another day."""
    name, *more = command.split(" ")
    if day is not None or found.first == found.last:
        when = f"{day or found.last:%Y-%m-%d}"
    else:
        when = f"{found.first:%Y%m%d}..{found.last:%Y%m%d}"
    return " ".join([f"/{name}", found.topic, when, *more, *words])


def _origin(found: Report) -> list[Block]:
    """What a reader must know of where it comes from: an import, or made-up posts."""
    if any(item.status == "imported" for section in found.sections for item in section.items):
        return [Text(texts.text("imported", found.language))]
    if any(key.startswith("sample:") for key in found.posts):
        return [Text(texts.text("sample", found.language))]
    return []


def _sections(found: Report, names: list[SectionName], most: int) -> list[Block]:
    return [block for name in names for block in section_blocks(found, name, most)]


async def _only(ask: Ask) -> Wanted:
    """Topic, day and number, and nothing else."""
    wanted = await ask.wanted()
    if wanted.rest:
        word = " ".join(wanted.rest)
        raise Unanswered(ask.say("bad_word", word=word[:40], example=await ask.example()))
    return wanted


def cloud_path(data_dir: Path, slug: str, found: Report, picture: bytes) -> Path:
    """Where a copy of the picture is kept; an imported one is a JPEG."""
    kind = "jpg" if picture.startswith(b"\xff\xd8") else "png"
    return data_dir / "clouds" / f"wordcloud_{stem(slug, found.first, found.last)}.{kind}"


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all. Raises StoreError where the folder cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, content)
    except OSError as error:
        raise StoreError(
            f"cannot write {path} ({error.strerror}): set DATA_DIR to a folder that can be written"
        ) from None
