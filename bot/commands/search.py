"""/search, /ask and /story: queries to the archive; /forget: deletion of personal data."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Any

from bot import texts
from bot.builds import TooMany
from bot.commands.asking import Ask, Query, Unanswered, points_of
from bot.compose import line_of, links_of, truncate, write_span
from bot.messages import Block, Button, Heading, ListItem, Paragraph, Reply, reply
from bot.typed import DateError, fold_letters, parse_days
from digest.ask import answer_without_model, as_dict, find_hits
from digest.calendar import Span
from digest.models import Hit, Item, Language, Report
from digest.publish import days_of
from digest.store import Store
from digest.storylines import STORY_SECTIONS, Storyline, find_storyline, trace_storylines

MAX_HITS, MAX_QUESTION_CHARS = 8, 300
ITEM_CHARS = 280
MAX_LINKS = 3
SPELLING_DAYS = 14
"""Days before the newest report whose words are used to correct spelling."""
STORY_DAYS = 45
"""Days on either side that are searched for a story."""
MAX_DAY_ITEMS = 3
"""Items shown per day of a story."""
MARK = "【{}】"
_LAST_DAYS = re.compile(
    r"(?:近 ?|最近 ?|last )?(\d{1,3}) ?(?:d|days?|天)", re.IGNORECASE | re.ASCII
)
_NUMBER = re.compile(r"[1-9]\d{0,2}", re.ASCII)


async def search(ask: Ask) -> AsyncIterator[Reply]:
    """Show the items that match the words, best first, with matches marked."""
    words, topic, days = await _parse_words(ask)
    if not words:
        raise Unanswered(ask.say("search_what"))
    first, last = days or (None, None)
    hits = await ask.context.store.search(
        words, topic=topic, first=first, last=last, limit=MAX_HITS
    )
    if not hits:
        key = "search_nothing_then" if days else "search_nothing"
        when = ask.in_words(*days) if days else ""
        nothing = ask.say(key, words=truncate(words, 60), days=when)
        near = await _find_spelling(ask, words, topic)
        if near and await ask.context.store.search(near, limit=1):
            meant = Paragraph(ask.text("search_near", word=near))
            button = Button(f"/search {near}", f"/search {near}")
            nothing = replace(nothing, blocks=(*nothing.blocks, meant), buttons=((button,),))
        raise Unanswered(nothing)
    title = ask.text("search_results", words=truncate(words, 60))
    blocks: list[Block] = [Heading(title, 1)]
    lines: dict[str, Button] = {}
    for number, hit in enumerate(hits, 1):
        report = await ask.context.store.load_report(hit.topic, hit.first, hit.last)
        spoken = ask.language_for(report) if report else ask.language
        blocks.append(hit_entry(number, hit, words, report, spoken))
        lines.setdefault(_line(hit), Button(str(number), _line(hit)))
    yield Reply(tuple(blocks), ask.language, (tuple(lines.values()),), line=ask.line)


async def _find_spelling(ask: Ask, words: str, topic: str) -> str:
    """Correct the words with those of recent reports; "" if there is no better spelling."""
    name = topic or await ask.usual_topic()
    if (newest := await ask.context.store.load_latest(name)) is None:
        return ""
    first = newest.last - timedelta(days=SPELLING_DAYS)
    reports = await ask.context.store.load_daily(name, first, newest.last)
    spellings = {word.lower(): word for report in reports for word in report.wordcounts}
    for typed in (words[:60], *words[:60].split()):
        low = typed.lower()
        near = get_close_matches(low, spellings, n=1, cutoff=0.8) if low not in spellings else []
        if near:
            return words.replace(typed, spellings[near[0]])
    return ""


async def _parse_words(ask: Ask) -> tuple[str, str, tuple[date, date] | None]:
    """Return the search words, topic and days. Topic and days are at the end. A number alone is a
    word unless it follows a topic: GPT 5. If there is only one topic, its name is a word where it
    completes a known name: Open AI."""
    # Imported here to keep the bot's start fast.
    from digest.reading.names import find_entry

    words, topic = list(ask.words), ""
    days: tuple[date, date] | None = None
    today = ask.today(ask.topics[0])
    names = await ask.topic_names()
    if len(words) > 2 and _NUMBER.fullmatch(words[-1]) and fold_letters(words[-2]) in names:
        days = today - timedelta(days=int(words.pop()) - 1), today
    for _ in range(2):
        for size in (3, 2, 1):
            if days or len(words) <= size:
                continue
            days = _parse_days(" ".join(words[-size:]), today)
            if days:
                del words[-size:]
        if topic or len(words) < 2 or fold_letters(words[-1]) not in names:
            continue
        named = find_entry(" ".join(words[-2:])) or find_entry("".join(words[-2:]))
        if len(set(names.values())) > 1 or not named:
            topic = names[fold_letters(words.pop())]
    return " ".join(words), topic, days


def _parse_days(text: str, today: date) -> tuple[date, date] | None:
    if match := _LAST_DAYS.fullmatch(text):
        return today - timedelta(days=max(0, int(match[1]) - 1)), today
    if text == "24/7" or re.fullmatch(r"[\d.]{1,7}|\d-\d", text):
        return None  # versions or amounts
    try:
        return parse_days(text, today, beside_words=True)
    except DateError:
        return None


def hit_entry(
    number: int, hit: Hit, words: str, report: Report | None, language: Language
) -> ListItem:
    """Return a hit as a list item, in the language if its report has it: with the day, the matches
    marked (or a remark that they are in a cited post), and the authors of its posts."""
    row = report.find_item(hit.number, hit.item.cites, language) if report else None
    item = row[1] if row else hit.item
    links = links_of(report.posts, item)[:MAX_LINKS] if report else ()
    name = mark(item.title or item.group, words)
    title = f"{days_of(hit)} · {name}" if name else days_of(hit)
    remark = texts.text("in_posts", language) if hit.in_posts else ""
    text = f"{mark(truncate(item.text, ITEM_CHARS), words)}{remark}"
    return ListItem(text, title, number, links)


def mark(text: str, words: str) -> str:
    """Put brackets around the matches in a text."""
    # Imported here to keep the bot's start fast.
    from digest.reading.tokens import find_matches

    for start, end in reversed(find_matches(text, words)):
        text = text[:start] + MARK.format(text[start:end]) + text[end:]
    return text


def _line(hit: Hit) -> str:
    """Return the command line for more on a hit: a point's posts, or else its section."""
    days = write_span((hit.first, hit.last))
    if hit.section == "points" and hit.item.cites:
        return f"/sources {hit.topic} {days} {hit.number}"
    if hit.section in ("overview", "points"):
        return f"/brief {hit.topic} {days}"
    return f"/detail {hit.topic} {days} {hit.section}"


async def forget(ask: Ask) -> AsyncIterator[Reply]:
    """Delete the data about the person and, in a private chat, the chat; show what was deleted."""
    incoming, store = ask.incoming, ask.context.store
    if ask.words and fold_letters(" ".join(ask.words)) not in ("yes", "是", "确认"):
        raise Unanswered(ask.say("no_words", name="forget"))
    if not ask.words:
        button = Button(ask.text("forget_yes"), "/forget yes")
        yield ask.say("forget_sure", (button,))
        return
    decides = incoming.chat.kind == "private" or await incoming.configures()
    chat = incoming.chat if decides else None
    counts = await store.forget_person(incoming.platform, incoming.user_id, chat)
    remark = Paragraph(ask.text("forget_rest" if decides else "forget_group"))
    yield reply(Paragraph(ask.text("forget_done", **counts)), remark, language=ask.language)


async def ask_archive(ask: Ask) -> AsyncIterator[Reply]:
    """Answer a question from stored items, written by a model if one is configured."""
    # Use the raw line: for other commands, trailing punctuation of words is removed.
    question = ask.line.partition(" ")[2] or " ".join(ask.words)
    first, _, others = question.partition(" ")
    topic = await ask.topic_of(first) if others else ""
    question = (others if topic else question)[:MAX_QUESTION_CHARS]
    usual = topic or await ask.usual_topic()
    if await ask.context.store.load_latest(usual) is None:
        raise Unanswered(await ask.no_report(usual, None))
    if not question:
        raise Unanswered(ask.say("ask_what"))
    answer = await _from_model(ask, question, topic)
    if answer is None:
        hits = await find_hits(ask.context.store, question, ask.context.now().date(), topic=topic)
        answer = as_dict(answer_without_model(*hits))
    store, language = ask.context.store, ask.language
    shown = await show_answer(store, answer, language, ask.language_for)
    yield replace(shown, line=f"/ask {topic} {question}".replace("  ", " "))


async def _from_model(ask: Ask, question: str, topic: str) -> Mapping[str, Any] | None:
    """Return the model's answer; None to show the matching items instead."""
    person = "" if ask.context.is_admin(ask.incoming) else ask.incoming.person
    if (asker := ask.context.questions) is None:
        return None
    try:
        return await asker.ask(question, topic, ask.language, person)
    except TooMany as limit:
        limits = {"n": limit.number, "minutes": limit.minutes}
        raise Unanswered(ask.say("too_many_questions", **limits)) from None


async def show_answer(
    store: Store,
    answer: Mapping[str, Any],
    language: Language,
    language_for: Callable[[Report], Language],
) -> Reply:
    """Return an answer as a reply: sentences with item numbers, then the items, in a language of
    their reports."""
    verdict, items = answer["verdict"], answer["items"]
    blocks: list[Block] = []
    if verdict == "premise":
        blocks.append(Paragraph(texts.text("ask_premise", language)))
    if verdict in ("nothing", "unsure"):  # "unsure": code cannot rule out an answer
        blocks.append(Paragraph(texts.text(f"ask_{verdict}", language)))
    for sentence in answer["sentences"]:
        numbers = "".join(f"[{n}]" for n in sentence["items"])
        blocks.append(ListItem(f"{sentence['text']} {numbers}"))
    if items:
        titles = {"nothing": "ask_nearest", "unsure": "ask_nearest", "items": "ask_items"}
        key = titles.get(verdict, "ask_sources")
        blocks.append(Heading(texts.text(key, language), level=2 if blocks else 1))
        blocks += [await _item(store, row, n, language_for) for n, row in enumerate(items, 1)]
    return Reply(tuple(blocks), language, _buttons(items, language))


async def _item(
    store: Store, row: Mapping[str, Any], number: int, language_for: Callable[[Report], Language]
) -> ListItem:
    days = row["to"] if row["from"] == row["to"] else f"{row['from']} – {row['to']}"
    span = (date.fromisoformat(row[name]) for name in ("from", "to"))
    report = await store.load_report(row["topic"], *span)
    match = report and report.find_item(row["number"], row["cites"], language_for(report))
    item = match[1] if match else Item(row["text"], title=row["title"], cites=tuple(row["cites"]))
    links = links_of(report.posts, item) if report else ()
    return ListItem(item.text, f"{days} · {item.title}" if item.title else days, number, links)


def _buttons(
    items: Sequence[Mapping[str, Any]], language: Language
) -> tuple[tuple[Button, ...], ...]:
    days = dict.fromkeys((row["topic"], row["to"]) for row in items if row["from"] == row["to"])
    buttons = tuple(
        Button(texts.text("story_day", language, day=day[5:]), f"/brief {topic} {day}")
        for topic, day in list(days)[:5]
    )
    return (buttons,) if buttons else ()


async def story(ask: Ask) -> AsyncIterator[Reply]:
    """Show one story day by day: that of a point, or the one that matches the words."""
    # Imported here to keep the bot's start fast.
    from digest.reading.tokens import find_matches

    query = await ask.query(versions=True)
    if not any(char.isalpha() for char in "".join(query.others)):
        query = await ask.query()
    if query.number and not query.others:
        yield await _story_of_point(ask, query)
        return
    if not query.others:
        report = await ask.report(query)
        again = line_of("story", report)
        numbers = range(1, len(points_of(report)) + 1)
        buttons = tuple(Button(str(n), f"{again} {n}") for n in numbers)
        raise Unanswered(ask.say("story_which", buttons, example=await ask.example(report.topic)))
    words = " ".join(query.others)
    days = query.days or (None, None)
    hits = await ask.context.store.search(words, topic=query.topic, first=days[0], last=days[1])
    stories = [hit for hit in hits if hit.section in STORY_SECTIONS and hit.first == hit.last]
    # Prefer items with the words in the title; others may only mention them.
    stories.sort(key=lambda hit: (-hit.coverage, not find_matches(hit.item.title, words)))
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
    """Return the storyline of an item in the report of these days."""
    around = timedelta(days=STORY_DAYS)
    stored = await ask.context.store.load_daily(topic, span[0] - around, span[1] + around)
    near = min(stored, key=lambda report: abs(report.last - span[1]), default=None)
    spoken = ask.language_for(near) if near else None
    lines = await asyncio.to_thread(trace_storylines, stored, spoken)
    line = find_storyline(lines, span[1], item) if span[0] == span[1] else None
    if line:
        return line
    # Otherwise the one that shares most posts: an item of a weekly report cites its days' posts.
    keys = set(item.cites)
    shared = [(len(keys & {k for t in line.tellings for k in t.cites}), line) for line in lines]
    number, line = max(shared, key=lambda pair: pair[0], default=(0, None))
    return line if number else None


def _timeline(ask: Ask, topic: str, line: Storyline, again: str) -> Reply:
    # Imported here to keep the bot's start fast, as in `digest.ranges`.
    from digest.rollup import find_changes, show_chain

    language = ask.language
    best = line.best.item
    title = ask.text("story_title", title=best.title or truncate(best.text, 60))
    blocks: list[Block] = [Heading(title, 1)]
    for telling in line.tellings:
        blocks.append(Heading(texts.weekday(telling.day, language)))
        blocks += [
            ListItem(item.text, item.title, links=links_of(line.posts, item))
            for item in telling.items[:MAX_DAY_ITEMS]
        ]
    for chain in find_changes(line):
        blocks.append(Paragraph(ask.text("story_changed", values=show_chain(chain, language))))
    if len(line.tellings) == 1:
        blocks.append(Paragraph(ask.text("story_once")))
    days = []
    for day in (telling.day for telling in line.tellings[-5:]):
        label = ask.text("story_day", day=f"{day:%m-%d}")
        days.append(Button(label, f"/brief {topic} {day}", fresh=True))
    return Reply(tuple(blocks), language, (tuple(days),), topic=topic, line=again)
