"""The options of a subscription, shown, changed and chosen from by buttons.

A button's line is all there is to it and must fit 64 bytes (Telegram), so it says a whole choice in
few letters: `/settings ai days mon-fri`, `/settings ai sections 1249`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

from bot import options, texts
from bot.commands.asking import Ask, Unanswered
from bot.messages import Block, Button, Paragraph, Reply, Rows
from bot.options import EVERY_DAY, WEEKEND, WORKDAYS, Asked, Menu, sections_word, weekdays_word
from bot.times import offered_zones, zone_label
from digest.calendar import next_due, zone
from digest.models import BRIEF, SECTIONS, Language, Subscription
from digest.store.ledger import Ledger

LONGEST_NAME = 16
"""Letters of a topic in a button's line; a longer one is told by its tag."""
CHECKED = "✓ "


def applied_to(ask: Ask, asked: Asked, old: Subscription) -> Subscription:
    """Return the subscription with what was asked. Raises Unanswered for too many or too long
    keywords."""
    try:
        return options.applied(asked, old)
    except options.TooManyWords as error:
        limits = {"n": options.MOST_WORDS, "most": options.MOST_CHARS, "word": error.word}
        key = "too_many_words" if error.word else "word_too_long"
        raise Unanswered(replace(ask.say(key, **limits), manner="private")) from None


async def state(ask: Ask, one: Subscription, before: Subscription) -> Reply:
    """Return what is chosen now, with buttons to change it."""
    key = "settings_changed" if one != before else "settings_are"
    said = ask.say(key, *buttons(ask, one), **await facts(ask, one))
    timed = replace(
        before, at=one.at, timezone=one.timezone, weekdays=one.weekdays, paused=one.paused
    )
    blocks: list[Block] = [*said.blocks]
    if timed != before and await _settled(ask, one):
        blocks.append(Paragraph(texts.text("one_today", ask.language)))
    return replace(said, blocks=(*blocks, Rows(tuple(_content(one, ask.language)))))


async def facts(ask: Ask, one: Subscription) -> dict[str, object]:
    """Return what texts say of a subscription."""
    language = ask.language
    return {
        "topic": ask.context.topic(one.topic).title[language],
        "days": days_said(one.weekdays, language),
        "at": f"{one.at:%H:%M}",
        "zone": zone_label(one.timezone),
        "clock": f"{ask.context.now().astimezone(zone(one.timezone)):%H:%M}",
        "next": await _next(ask, one),
    }


async def _next(ask: Ask, one: Subscription) -> str:
    if one.paused:
        return texts.text("paused_now", ask.language, name=one.topic)
    now = ask.context.now()
    when = next_due(one, now).astimezone(zone(one.timezone))
    settled = await _settled(ask, one)
    while settled and when.date() <= settled:
        when = next_due(one, when).astimezone(zone(one.timezone))
    said = f"{texts.weekday(when.date(), ask.language)} {when:%H:%M}"
    return texts.text("next_is", ask.language, next=said, left=_left(when, now, ask.language))


async def _settled(ask: Ask, one: Subscription) -> date | None:
    """Return the chat's own day where its digest is settled already, whatever changes now."""
    stored = await ask.context.store.subscriptions(one.chat)
    ids = [other.id for other in stored if other.topic == one.topic]
    day = (await Ledger(ask.context.store).next_days(ids)).get(ids[0]) if ids else None
    today = ask.context.now().astimezone(zone(one.timezone)).date()
    return day if day and day >= today else None


def _left(when: datetime, now: datetime, language: Language) -> str:
    minutes = max(1, round((when - now).total_seconds() / 60))
    days, rest = divmod(minutes, 24 * 60)
    if days >= 2:
        return texts.text("days_left", language, d=days, h=rest // 60)
    key = "hours_left" if minutes >= 60 else "minutes_left"
    return texts.text(key, language, h=minutes // 60, m=minutes % 60)


def days_said(weekdays: Sequence[int], language: Language) -> str:
    """Return `every day`, `weekdays`, or the days."""
    for days, key in ((EVERY_DAY, "every_day"), (WORKDAYS, "workdays"), (WEEKEND, "weekend")):
        if tuple(weekdays) == days:
            return texts.text(key, language)
    return texts.listed([texts.day_name(day, language) for day in weekdays], language)


def _content(one: Subscription, language: Language) -> Iterator[tuple[str, str]]:
    sections = [texts.text(f"section_{name}", language) for name in one.sections]
    content = texts.listed(sections, language) or texts.text(f"length_{one.length}", language)
    yield texts.text("row_content", language), content
    tongue = texts.text(f"language_{one.language or 'topic'}", language)
    yield texts.text("row_language", language), tongue
    if one.quiet:
        yield texts.text("row_sound", language), texts.text("quiet_now", language)
    if one.highlight:
        yield texts.text("row_highlight", language), texts.listed([*one.highlight], language)
    if one.without:
        yield texts.text("row_without", language), texts.listed([*one.without], language)


def _line(one: Subscription, *words: str) -> str:
    name = one.topic if len(one.topic) <= LONGEST_NAME else options.tag(one.topic)
    return " ".join(("/settings", name, *words))


def buttons(ask: Ask, one: Subscription) -> tuple[tuple[Button, ...], ...]:
    """Return the buttons that change or end a subscription."""

    def button(key: str, *words: str) -> Button:
        return Button(texts.text(key, ask.language), _line(one, *words))

    pause = button("resume", "resume") if one.paused else button("pause", "pause")
    sound = button("sound", "sound") if one.quiet else button("quiet", "quiet")
    end = Button(texts.text("unsubscribe", ask.language), f"/unsubscribe {one.topic}")
    return (
        (button("change_time", "time"), button("change_zone", "zone"), button("set_days", "days")),
        (
            button("set_language", "language"),
            button("set_length", "length"),
            button("set_sections", "sections"),
            button("set_words", "words"),
        ),
        (sound, pause, end),
    )


async def menu(ask: Ask, one: Subscription, what: Menu) -> Reply:
    """Return what there is to choose from, with what is chosen now checked."""
    back = Button(texts.text("back", ask.language), _line(one))
    made: dict[Menu, Callable[[Ask, Subscription], Iterator[tuple[str, str]]]] = {
        "time": _times,
        "zone": _zones,
        "days": _days,
        "language": _languages,
        "length": _lengths,
        "sections": _sections,
        "words": _words,
    }
    choice = tuple(Button(label, _line(one, word)) for label, word in made[what](ask, one))
    said = ask.say(f"choose_{what}", choice, (back,), **await facts(ask, one))
    if what != "words":
        return said
    terms = Rows(tuple(_content(one, ask.language))[2:])
    return replace(said, blocks=(*said.blocks, terms)) if terms.rows else said


def _checked(label: str, checked: object) -> str:
    return f"{CHECKED}{label}" if checked else label


def _times(_: Ask, one: Subscription) -> Iterator[tuple[str, str]]:
    for hour in range(24):
        said = f"{hour:02}:00"
        yield _checked(said, f"{one.at:%H:%M}" == said), said


def _zones(ask: Ask, one: Subscription) -> Iterator[tuple[str, str]]:
    for name, label in offered_zones(ask.language).items():
        yield _checked(label, name == one.timezone), name


def _days(ask: Ask, one: Subscription) -> Iterator[tuple[str, str]]:
    """Yield each day, to be switched on or off; the last one stays on."""
    for day in EVERY_DAY:
        left = set(one.weekdays) ^ {day}
        label = _checked(texts.day_name(day, ask.language), day in one.weekdays)
        yield label, f"days {weekdays_word(sorted(left or {day}))}"
    for days, key in ((EVERY_DAY, "every_day"), (WORKDAYS, "workdays"), (WEEKEND, "weekend")):
        if one.weekdays != days:
            yield texts.text(key, ask.language), f"days {weekdays_word(days)}"


def _languages(ask: Ask, one: Subscription) -> Iterator[tuple[str, str]]:
    for word, language in (("auto", None), ("zh", "zh"), ("en", "en")):
        label = texts.text(f"language_{language or 'topic'}", ask.language)
        yield _checked(label, one.language == language), word


def _lengths(ask: Ask, one: Subscription) -> Iterator[tuple[str, str]]:
    for word in ("brief", "detail"):
        yield _checked(texts.text(f"length_{word}", ask.language), one.length == word), word


def _sections(ask: Ask, one: Subscription) -> Iterator[tuple[str, str]]:
    """Yield each section, to be switched on or off; the last one stays on."""
    now = set(one.sections or (BRIEF if one.length == "brief" else SECTIONS))
    for name in SECTIONS:
        left = [other for other in SECTIONS if other in (now ^ {name} or {name})]
        label = _checked(texts.text(f"section_{name}", ask.language), name in now)
        yield label, f"sections {sections_word(left)}"
    if len(now) < len(SECTIONS):
        yield texts.text("all_sections", ask.language), "sections all"


def _words(_: Ask, one: Subscription) -> Iterator[tuple[str, str]]:
    """Yield each keyword, to be removed."""
    for sign, keywords in (("+", one.highlight), ("−", one.without)):
        for keyword in keywords:
            yield f"✕ {sign}{keyword}", f"words ={options.tag(keyword)}"
