"""Today's ledger for operators, and their word on messages that may or may not have arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from bot import texts
from bot.alerts import explain
from bot.commands.asking import Ask, Unanswered
from bot.messages import Block, Button, Heading, Paragraph, Reply, Rows
from digest.models import UndeliveredPart
from digest.store.ledger import Ledger

MOST_SHOWN = 10
"""Held messages that get a line and buttons of their own."""
_WORDS = {"again": True, "重发": True, "arrived": False, "已到": False}


async def today(ask: Ask) -> list[Block]:
    """Return what was due on this UTC day on each platform, and its outcomes."""
    messages = await Ledger(ask.context.store).balance(ask.context.now())
    title = Heading(texts.text("ledger", ask.language))
    if not messages:
        return [title, Paragraph(texts.text("ledger_empty", ask.language))]
    rows = [
        (platform, texts.text("balance", ask.language, **asdict(balance)))
        for platform, balance in messages.items()
    ]
    return [title, Rows(tuple(rows))]


async def held(ask: Ask) -> tuple[list[Block], tuple[tuple[Button, ...], ...]]:
    """Return the held messages with buttons for each and for all; nothing where there are none."""
    messages = await Ledger(ask.context.store).list_held_parts()
    if not messages:
        return [], ()
    language, shown = ask.language, messages[:MOST_SHOWN]
    blocks: list[Block] = [
        Paragraph(texts.text("held", language, n=len(messages))),
        Rows(tuple(_row(ask, message) for message in shown)),
    ]
    if len(messages) > len(shown):
        blocks.append(Paragraph(texts.text("held_more", language, n=len(messages) - len(shown))))
    everything = tuple(
        Button(
            texts.text(f"held_all_{word}", language), f"/status held {word} all {_last(messages)}"
        )
        for word in ("again", "arrived")
    )
    single = tuple(
        Button(
            texts.text(f"held_{word}", language, id=message.part),
            f"/status held {word} {message.part}",
        )
        for message in shown
        for word in ("again", "arrived")
    )
    return blocks, (everything, single)


def _last(messages: Sequence[UndeliveredPart]) -> int:
    """Return the last message that the operator saw: later ones are not decided unseen."""
    return max(message.part for message in messages)


def _row(ask: Ask, message: UndeliveredPart) -> tuple[str, str]:
    chat = message.chat
    where = f"{chat.platform} {chat.title or chat.id}"
    where += f"/{chat.thread}" if chat.thread and not chat.title else ""
    facts = {
        "why": explain(message.error, ask.language),
        "since": f"{message.tried_at:%m-%d %H:%M}" if message.tried_at else "?",
        "position": message.position + 1,
        "topic": ask.context.topic(message.topic).title[ask.language],
        "day": texts.weekday(message.day, ask.language),
    }
    return f"{message.part} · {where}", texts.text("held_row", ask.language, **facts)


async def decided(ask: Ask) -> Reply:
    """`held again 12`, `held arrived 12 13`, `held again all`: sends again or marks as arrived.

    Raises Unanswered for other words.
    """
    words = [word.lower() for word in ask.words[1:]]
    numbers = [word for word in words if word.isascii() and word.isdigit()]
    verbs = [word for word in words if word in _WORDS]
    everything = "all" in words or "全部" in words
    strange = [w for w in words if w not in (*numbers, *verbs, "all", "全部")]
    if strange or len(verbs) != 1 or not (numbers or everything):
        shown = strange[0] if strange else " ".join(words) or "held"
        raise Unanswered(ask.say("bad_held", word=shown[:40]))
    ledger, again = Ledger(ask.context.store), _WORDS[verbs[0]]
    there = {message.part for message in await ledger.list_held_parts()}
    numbered = {int(word) for word in numbers}
    if everything:
        numbered = {part for part in there if not numbered or part <= max(numbered)}
    number = await ledger.decide(sorted(numbered & there), again=again)
    key = "decided_none" if not number else "decided_again" if again else "decided_arrived"
    answer = ask.say(key, n=number)
    more, buttons = await held(ask)
    return replace(answer, blocks=(*answer.blocks, *more), buttons=buttons)
