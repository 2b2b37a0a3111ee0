"""/ask: what the archive says to a question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from bot import texts
from bot.builds import TooMany
from bot.commands.asking import Ask, Query, Unanswered
from bot.messages import Block, Button, Heading, Link, ListItem, Paragraph, Reply
from bot.services import Asker
from digest.ask import answer_without_model, as_dict, find_hits
from digest.models import Language

MAX_QUESTION_CHARS = 300


async def ask_archive(ask: Ask) -> AsyncIterator[Reply]:
    """Answer a question from the stored items, in a model's words where one is set."""
    # The line as it was typed: words of other commands lose the marks at their ends.
    question = ask.line.partition(" ")[2] or " ".join(ask.words)
    first, _, others = question.partition(" ")
    topic = await ask.topic_of(first.lower()) if others else ""
    question = (others if topic else question)[:MAX_QUESTION_CHARS]
    usual = await ask.usual(Query(topic))
    if await ask.context.store.latest(usual) is None:
        raise Unanswered(await ask.no_report(usual, None))
    if not question:
        raise Unanswered(ask.say("ask_what", example=await ask.example()))
    asker = ask.context.questions
    found = await _from_model(asker, ask, question, topic) if asker else None
    if found is None:
        hits = await find_hits(
            ask.context.store,
            question,
            ask.context.now().date(),
            topic=topic,
        )
        found = as_dict(answer_without_model(*hits))
    shown = show_answer(await _with_links(ask, found), ask.language)
    yield replace(shown, line=f"/ask {topic} {question}".replace("  ", " "))


async def _from_model(
    asker: Asker, ask: Ask, question: str, topic: str
) -> Mapping[str, Any] | None:
    """Return the model's answer, or None where it failed: then the items are shown."""
    person = f"{ask.incoming.platform}:{ask.incoming.user_id}"
    if ask.context.is_admin(ask.incoming):
        person = ""
    try:
        return await asker.ask(question, topic, ask.language, person)
    except TooMany as limit:
        raise Unanswered(
            ask.say("too_many_questions", n=limit.made, minutes=limit.minutes)
        ) from None


async def _with_links(ask: Ask, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the answer with the posts of each item: author and address."""
    rows = []
    for row in found["items"]:
        days = [date.fromisoformat(row[name]) for name in ("from", "to")]
        report = await ask.context.store.report(row["topic"], *days)
        posts = report.posts if report else {}
        links = [[f"@{posts[k].author}", posts[k].url] for k in row["cites"] if k in posts]
        rows.append({**row, "links": links})
    return {**found, "items": rows}


def show_answer(found: Mapping[str, Any], language: Language) -> Reply:
    """Return an answer as a reply: its sentences with the numbers of items, then those items."""
    verdict, items = found["verdict"], found["items"]
    blocks: list[Block] = []
    if verdict == "premise":
        blocks.append(Paragraph(texts.text("ask_premise", language)))
    if verdict == "nothing":
        blocks.append(Paragraph(texts.text("ask_nothing", language)))
    for sentence in found["sentences"]:
        numbers = "".join(f"[{n}]" for n in sentence["items"])
        blocks.append(ListItem(f"{sentence['text']} {numbers}"))
    if items:
        key = {"nothing": "ask_nearest", "items": "ask_items"}.get(verdict, "ask_sources")
        blocks.append(Heading(texts.text(key, language)))
        blocks += [_item(row, n) for n, row in enumerate(items, 1)]
    return Reply(tuple(blocks), language, _buttons(items, language))


def _item(row: Mapping[str, Any], number: int) -> ListItem:
    days = row["to"] if row["from"] == row["to"] else f"{row['from']} – {row['to']}"
    title = f"{days} · {row['title']}" if row["title"] else days
    links = tuple(Link(label, url) for label, url in row.get("links", ()))
    return ListItem(row["text"], title, number, links)


def _buttons(
    items: Sequence[Mapping[str, Any]], language: Language
) -> tuple[tuple[Button, ...], ...]:
    """Return a button for each day that is told of, at most five."""
    days = dict.fromkeys((row["topic"], row["to"]) for row in items if row["from"] == row["to"])
    return (
        tuple(
            Button(texts.text("story_day", language, day=day[5:]), f"/brief {topic} {day}")
            for topic, day in list(days)[:5]
        ),
    )
