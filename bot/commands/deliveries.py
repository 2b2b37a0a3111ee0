"""Today's ledger for operators, and their word on messages that may or may not have arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from bot import texts
from bot.alerts import explain
from bot.commands.asking import Ask, Unanswered
from bot.messages import Block, Button, Heading, Paragraph, Reply, Rows
from digest.models import Held
from digest.store.ledger import Ledger

MOST_SHOWN = 10
"""Held messages that get a line and buttons of their own."""
_WORDS = {"again": True, "重发": True, "arrived": False, "已到": False}


async def today(ask: Ask) -> list[Block]:
    """Return what was due on this UTC day on each platform, and its outcomes."""
    found = await Ledger(ask.context.store).balance(ask.context.now())
    title = Heading(texts.text("ledger", ask.language))
    if not found:
        return [title, Paragraph(texts.text("ledger_empty", ask.language))]
    rows = [
        (platform, texts.text("balance", ask.language, **asdict(balance)))
        for platform, balance in found.items()
    ]
    return [title, Rows(tuple(rows))]


async def held(ask: Ask) -> tuple[list[Block], tuple[tuple[Button, ...], ...]]:
    """Return the held messages with buttons for each and for all; nothing where there are none."""
    found = await Ledger(ask.context.store).held()
    if not found:
        return [], ()
    language, shown = ask.language, found[:MOST_SHOWN]
    blocks: list[Block] = [
        Paragraph(texts.text("held", language, n=len(found))),
        Rows(tuple(_row(ask, one) for one in shown)),
    ]
    if len(found) > len(shown):
        blocks.append(Paragraph(texts.text("held_more", language, n=len(found) - len(shown))))
    everything = tuple(
        Button(texts.text(f"held_all_{word}", language), f"/status held {word} all {_last(found)}")
        for word in ("again", "arrived")
    )
    single = tuple(
        Button(texts.text(f"held_{word}", language, id=one.part), f"/status held {word} {one.part}")
        for one in shown
        for word in ("again", "arrived")
    )
    return blocks, (everything, single)


def _last(found: Sequence[Held]) -> int:
    """Return the last message that the operator saw: later ones are not decided unseen."""
    return max(one.part for one in found)


def _row(ask: Ask, one: Held) -> tuple[str, str]:
    chat = one.chat
    where = f"{chat.platform} {chat.title or chat.id}"
    where += f"/{chat.thread}" if chat.thread and not chat.title else ""
    facts = {
        "why": explain(one.error, ask.language),
        "since": f"{one.tried_at:%m-%d %H:%M}" if one.tried_at else "?",
        "position": one.position + 1,
        "topic": ask.context.topic(one.topic).title[ask.language],
        "day": texts.weekday(one.day, ask.language),
    }
    return f"{one.part} · {where}", texts.text("held_row", ask.language, **facts)


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
    there = {one.part for one in await ledger.held()}
    asked = {int(word) for word in numbers}
    if everything:
        asked = {part for part in there if not asked or part <= max(asked)}
    number = await ledger.decide(sorted(asked & there), again=again)
    key = "decided_none" if not number else "decided_again" if again else "decided_arrived"
    said = ask.say(key, n=number)
    more, buttons = await held(ask)
    return replace(said, blocks=(*said.blocks, *more), buttons=buttons)
