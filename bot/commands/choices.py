"""The options of a subscription, shown, changed and chosen from by buttons.

A button's line is all there is to it and must fit 64 bytes (Telegram), so it says a whole choice in
few letters: `/settings ai days mon-fri`, `/settings ai sections 1249`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime

from bot import options, texts
from bot.commands.asking import Ask, Unanswered
from bot.messages import Block, Button, Paragraph, Reply, Rows
from bot.options import EVERY_DAY, WEEKEND, WORKDAYS, Asked, Menu, sections_word, weekdays_word
from bot.typed import offered_zones, zone_label
from digest.calendar import next_due, zone
from digest.models import BRIEF, SECTIONS, Chat, Language, Subscription
from digest.store.ledger import Ledger

LONGEST_NAME = 16
"""Letters of a topic in a button's line; a longer one is told by its tag."""
CHECKED = "✓ "


def applied_to(ask: Ask, request: Asked, old: Subscription) -> Subscription:
    """Return the subscription with what was asked. Raises Unanswered for too many or too long
    keywords."""
    try:
        return options.applied(request, old)
    except options.TooManyWords as error:
        limits = {"n": options.MOST_WORDS, "most": options.MOST_CHARS, "word": error.word}
        key = "too_many_words" if error.word else "word_too_long"
        raise Unanswered(replace(ask.say(key, **limits), manner="private")) from None


async def state(ask: Ask, subscription: Subscription, before: Subscription) -> Reply:
    """Return what is chosen now, with buttons to change it."""
    key = "settings_changed" if subscription != before else "settings_are"
    shown = ask.say(key, *buttons(ask, subscription), **await facts(ask, subscription))
    timed = replace(
        before,
        at=subscription.at,
        timezone=subscription.timezone,
        weekdays=subscription.weekdays,
        paused=subscription.paused,
    )
    blocks: list[Block] = [*shown.blocks]
    if timed != before and await _settled(ask, subscription):
        blocks.append(Paragraph(ask.text("one_today")))
    return replace(shown, blocks=(*blocks, Rows(tuple(list_content(subscription, ask.language)))))


async def facts(ask: Ask, subscription: Subscription) -> dict[str, object]:
    """Return what texts say of a subscription."""
    language = ask.language
    return {
        "topic": ask.title(subscription.topic),
        "days": days_said(subscription, language),
        "at": f"{subscription.at:%H:%M}",
        "zone": zone_label(subscription.timezone, ask.language),
        "clock": f"{ask.context.now().astimezone(zone(subscription.timezone)):%H:%M}",
        "next": await _next(ask, subscription),
    }


async def _next(ask: Ask, subscription: Subscription) -> str:
    if subscription.paused:
        return ask.text("paused_now", name=subscription.topic)
    now = ask.context.now()
    when = next_due(subscription, now).astimezone(zone(subscription.timezone))
    settled = await _settled(ask, subscription)
    while settled and when.date() <= settled:
        when = next_due(subscription, when).astimezone(zone(subscription.timezone))
    shown = f"{texts.weekday(when.date(), ask.language)} {when:%H:%M}"
    return ask.text("next_is", next=shown, left=_left(when, now, ask.language))


async def _settled(ask: Ask, subscription: Subscription) -> date | None:
    """Return the chat's own day where its digest is settled already, whatever changes now."""
    stored = await ask.context.store.subscriptions(subscription.chat)
    ids = [other.id for other in stored if other.topic == subscription.topic]
    day = (await Ledger(ask.context.store).next_days(ids)).get(ids[0]) if ids else None
    today = ask.context.now().astimezone(zone(subscription.timezone)).date()
    return day if day and day >= today else None


def _left(when: datetime, now: datetime, language: Language) -> str:
    minutes = max(1, round((when - now).total_seconds() / 60))
    hours, over = divmod(minutes, 60)
    if hours >= 48:
        return texts.text("days_left", language, d=hours // 24)
    if hours >= 3 or (hours and not over):
        return texts.text("hours_left", language, h=hours)
    return texts.text("time_left" if hours else "minutes_left", language, h=hours, m=over)


def days_said(subscription: Subscription, language: Language) -> str:
    """Return `every day`, `weekdays`, the days, or the one day of the week's digest."""
    weekdays = subscription.weekdays
    if subscription.weekly:
        return texts.text("weekly_on", language, day=texts.day_name(weekdays[-1], language))
    for days, key in ((EVERY_DAY, "every_day"), (WORKDAYS, "workdays"), (WEEKEND, "weekend")):
        if tuple(weekdays) == days:
            return texts.text(key, language)
    return texts.listed([texts.day_name(day, language) for day in weekdays], language)


def list_content(subscription: Subscription, language: Language) -> Iterator[tuple[str, str]]:
    """Yield what a subscription brings, one row per option that is not as usual."""
    sections = [texts.text(f"section_{name}", language) for name in subscription.sections]
    content = texts.listed(sections, language) or texts.text(
        f"length_{subscription.length}", language
    )
    yield texts.text("row_content", language), content
    tongue = texts.text(f"language_{subscription.language or 'topic'}", language)
    yield texts.text("row_language", language), tongue
    if subscription.quiet:
        yield texts.text("row_sound", language), texts.text("quiet_now", language)
    if subscription.threads:
        yield texts.text("row_thread", language), texts.text("thread_now", language)
    if subscription.highlight:
        yield (
            texts.text("row_highlight", language),
            texts.listed([*subscription.highlight], language),
        )
    if subscription.without:
        yield texts.text("row_without", language), texts.listed([*subscription.without], language)


def can_thread(chat: Chat) -> bool:
    """Return True where each digest may have a thread of its own."""
    return chat.platform == "discord" and chat.kind != "private"


def _line(subscription: Subscription, *words: str) -> str:
    name = (
        subscription.topic
        if len(subscription.topic) <= LONGEST_NAME
        else options.tag(subscription.topic)
    )
    return " ".join(("/settings", name, *words))


def buttons(ask: Ask, subscription: Subscription) -> tuple[tuple[Button, ...], ...]:
    """Return the buttons that change or end a subscription."""

    def button(key: str, *words: str) -> Button:
        return Button(ask.text(key), _line(subscription, *words))

    pause = button("resume", "resume") if subscription.paused else button("pause", "pause")
    sound = button("sound", "sound") if subscription.quiet else button("quiet", "quiet")
    thread = button("nothread", "channel") if subscription.threads else button("thread", "thread")
    threads = (thread,) if can_thread(subscription.chat) else ()
    end = Button(ask.text("unsubscribe"), f"/unsubscribe {subscription.topic}")
    return (
        (button("change_time", "time"), button("change_zone", "zone"), button("set_days", "days")),
        (
            button("set_language", "language"),
            button("set_length", "length"),
            button("set_sections", "sections"),
            button("set_words", "words"),
        ),
        (sound, pause, *threads, end),
    )


async def menu(ask: Ask, subscription: Subscription, what: Menu) -> Reply:
    """Return what there is to choose from, with what is chosen now checked."""
    back = Button(ask.text("back"), _line(subscription))
    lists: dict[Menu, Callable[[Ask, Subscription], Iterator[tuple[str, str]]]] = {
        "time": _times,
        "zone": _zones,
        "days": _days,
        "language": _languages,
        "length": _lengths,
        "sections": _sections,
        "words": _words,
    }
    choice = tuple(
        Button(label, _line(subscription, word)) for label, word in lists[what](ask, subscription)
    )
    shown = ask.say(f"choose_{what}", choice, (back,), **await facts(ask, subscription))
    if what != "words":
        return shown
    terms = Rows(tuple(list_content(subscription, ask.language))[2:])
    return replace(shown, blocks=(*shown.blocks, terms)) if terms.rows else shown


def _checked(label: str, checked: object) -> str:
    return f"{CHECKED}{label}" if checked else label


def _times(_: Ask, subscription: Subscription) -> Iterator[tuple[str, str]]:
    for hour in range(24):
        shown = f"{hour:02}:00"
        yield _checked(shown, f"{subscription.at:%H:%M}" == shown), shown


def _zones(ask: Ask, subscription: Subscription) -> Iterator[tuple[str, str]]:
    for name, label in offered_zones(ask.language).items():
        yield _checked(label, name == subscription.timezone), name


def _days(ask: Ask, subscription: Subscription) -> Iterator[tuple[str, str]]:
    """Yield each day, to be switched on or off; the last one stays on."""
    for day in EVERY_DAY:
        left = {day} if subscription.weekly else set(subscription.weekdays) ^ {day} or {day}
        label = _checked(texts.day_name(day, ask.language), day in subscription.weekdays)
        yield label, f"days {weekdays_word(sorted(left))}"
    for days, key in ((EVERY_DAY, "every_day"), (WORKDAYS, "workdays"), (WEEKEND, "weekend")):
        if subscription.weekdays != days:
            yield ask.text(key), f"days {weekdays_word(days)}"
    yield _checked(ask.text("weekly"), subscription.weekly), "days weekly"


def _languages(ask: Ask, subscription: Subscription) -> Iterator[tuple[str, str]]:
    for word, language in (("auto", None), ("zh", "zh"), ("en", "en")):
        label = ask.text(f"language_{language or 'topic'}")
        yield _checked(label, subscription.language == language), word


def _lengths(ask: Ask, subscription: Subscription) -> Iterator[tuple[str, str]]:
    for word in ("brief", "detail"):
        yield _checked(ask.text(f"length_{word}"), subscription.length == word), word


def _sections(ask: Ask, subscription: Subscription) -> Iterator[tuple[str, str]]:
    """Yield each section, to be switched on or off; the last one stays on."""
    now = set(subscription.sections or (BRIEF if subscription.length == "brief" else SECTIONS))
    for name in SECTIONS:
        left = [other for other in SECTIONS if other in (now ^ {name} or {name})]
        label = _checked(ask.text(f"section_{name}"), name in now)
        yield label, f"sections {sections_word(left)}"
    if len(now) < len(SECTIONS):
        yield ask.text("all_sections"), "sections all"


def _words(_: Ask, subscription: Subscription) -> Iterator[tuple[str, str]]:
    """Yield each keyword, to be removed."""
    for sign, keywords in (("+", subscription.highlight), ("−", subscription.without)):
        for keyword in keywords:
            yield f"✕ {sign}{keyword}", f"words ={options.tag(keyword)}"
