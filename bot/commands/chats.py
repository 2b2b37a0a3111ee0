"""Commands for a chat's subscriptions and their options, with button menus.

A button holds nothing but its line, which must fit 64 bytes (Telegram). So option words are short:
`/settings ai days mon-fri`, `/settings ai sections 1249`.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import date, time, timedelta
from operator import attrgetter

from bot import options, texts
from bot.commands.asking import CHAT_LANGUAGES, Ask, Unanswered, chosen_language, name_speaker
from bot.compose import compose_digest, load_digest, sections_of
from bot.messages import Block, Button, Heading, Paragraph, Reply, Rows
from bot.options import EVERY_DAY, WEEKEND, WORKDAYS, Menu, OptionRequest
from bot.typed import offered_zones, zone_label
from digest.calendar import DAY, closes, local_day, next_due, report_day, zone
from digest.models import SECTIONS, Chat, Language, Subscription
from digest.store.due import NewestDays

USUAL_TIME = time(8, 0)
LONGEST_NAME = 16
"""Maximum length of a topic name in a button's line; longer names are replaced by their tag."""
CHECKED = "✓ "
LANGUAGE_WORDS = ("auto", "topic"), ("zh", "zh"), ("en", "en")
"""Language words, and their keys in the texts."""
DAY_GROUPS = ((EVERY_DAY, "every_day"), (WORKDAYS, "workdays"), (WEEKEND, "weekend"))


async def start(ask: Ask) -> AsyncIterator[Reply]:
    """Greet with a button per topic; a start link may run another command instead."""
    look = (
        Button(ask.text("brief"), "/brief", fresh=True),
        Button(ask.text("commands"), "/help", fresh=True),
    )
    blocks: tuple[Block, ...] = (Heading(ask.text("help"), 1), Paragraph(ask.text("greeting")))
    yield Reply(blocks, ask.language, (_subscribe_buttons(ask), look))


def _subscribe_buttons(ask: Ask) -> tuple[Button, ...]:
    labels = {name: ask.text("subscribe_to", topic=ask.title(name)) for name in ask.context.topics}
    return tuple(Button(labels[name], f"/subscribe {name}", fresh=True) for name in labels)


async def subscribe(ask: Ask) -> AsyncIterator[Reply]:
    """Create or change subscriptions, and post the newest reports as the chat will get them."""
    request = await _parse_request(ask)
    if ask.incoming.lacking:
        names = ask.listed(ask.incoming.lacking)
        raise Unanswered(ask.say("lacking", names=names))
    if request.threads and not can_thread(ask.incoming.chat):
        raise Unanswered(ask.say("threads_where"))
    for topic in request.topics or [_only_topic(ask)]:
        async for shown in _subscribe_to(ask, topic, request):
            yield shown


async def _subscribe_to(ask: Ask, topic: str, request: OptionRequest) -> AsyncIterator[Reply]:
    context, chat = ask.context, ask.incoming.chat
    before = {subscription.topic: subscription for subscription in ask.subscriptions}
    ended = await context.store.find_ended_subscription(chat, topic)
    usual = before.get(topic) or ended or await _begin(ask, topic)
    usual = replace(usual, language=ask.spoken or usual.language)
    subscription = apply_request(ask, request, replace(usual, chat=chat))
    new = await context.store.subscribe(subscription, context.now())
    ask = ask.after(subscription)
    newest = await load_digest(context, subscription)
    changed = subscription != before.get(topic)
    key = "subscribed" if new else "subscribed_changed" if changed else "subscribed_already"
    answer = ask.say(key, *list_buttons(ask, subscription), **await load_facts(ask, subscription))
    blocks: list[Block] = [*answer.blocks]
    read = newest and (subscription.language or newest.language)
    if request.changes or ended or read not in (None, ask.language):
        blocks.append(Rows(tuple(list_content(ask, subscription))))
    if request.sections and not request.topics:
        blocks.append(Paragraph(ask.text("only_sections")))
    if chat.platform == "terminal":
        blocks.insert(0, Paragraph(ask.text("terminal_note")))
    if new or newest is None:
        follows = "newest_follows" if newest else "first_to_come"
        blocks.append(Paragraph(ask.text(follows, topic=ask.title(topic))))
    yield replace(answer, blocks=tuple(blocks), menu=request.language)
    if new and newest is not None:
        yield await compose_digest(context, newest, subscription)


async def _begin(ask: Ask, topic: str) -> Subscription:
    """Return a new subscription with defaults: the language in which the person last read the
    report, and the chat's time zone."""
    chat, context = ask.incoming.chat, ask.context
    latest = await context.store.load_latest(topic) if chat.kind == "private" else None
    language = ask.language_for(latest) if latest else None
    language = None if latest and language == latest.language else language
    zones = [*(row.timezone for row in ask.subscriptions), context.settings.timezone]
    return Subscription(chat, topic, USUAL_TIME, zones[0], language=language)


async def unsubscribe(ask: Ask) -> AsyncIterator[Reply]:
    """End subscriptions; with several and none named, ask which."""
    request = await _parse_request(ask)
    topics = _list_named(ask, request)
    if len(topics) > 1 and not request.topics and request.sections != ():  # "all"
        choice = tuple(Button(ask.title(name), f"/unsubscribe {name}") for name in topics)
        raise Unanswered(ask.say("unsubscribe_which", choice))
    if len(topics) == len(ask.subscriptions):  # the chat keeps its language
        await _save_language(ask, chosen_language(ask.subscriptions))
    for topic in topics:
        await ask.context.store.unsubscribe(ask.incoming.chat, topic)
        again = (Button(ask.text("undo"), f"/subscribe {topic}"),)
        buttons = [again] if topic in ask.context.topics else []
        yield ask.say("unsubscribed", *buttons, topic=ask.title(topic))


def _list_named(ask: Ask, request: OptionRequest) -> tuple[str, ...]:
    """Return the chat's named topics, or all if none is named. Raises Unanswered."""
    here = tuple(subscription.topic for subscription in ask.subscriptions)
    if not here:
        raise Unanswered(_refuse_unsubscribed(ask))
    for name in request.topics:
        if name not in here:
            names = ask.listed(map(ask.title, here))
            say = ask.say("not_posted", _list_changes(ask), topic=ask.title(name), names=names)
            raise Unanswered(say)
    return request.topics or here


async def subscriptions(ask: Ask) -> AsyncIterator[Reply]:
    yield await _overview(ask, "subscriptions")


async def next_(ask: Ask) -> AsyncIterator[Reply]:
    yield await _overview(ask, "next")


async def settings(ask: Ask) -> AsyncIterator[Reply]:
    request = await _parse_request(ask)
    if request.language:
        request = replace(request, menu="")  # /language en
    only_language = replace(request, language="", menu="") == OptionRequest()
    if not ask.subscriptions and only_language and (request.language or request.menu == "language"):
        yield await _speak(ask, request)
        return
    topics = _list_named(ask, request)
    for_all = only_language and request.language
    several = len(topics) > 1 and not request.topics and not for_all
    if several and (request.changes or request.menu):
        example = " ".join(["/settings", topics[0], *ask.words])[:80]
        raise Unanswered(ask.say("settings_which", names=ask.listed(topics), example=example))
    if several:
        yield await _overview(ask, "settings")
        return
    for old in ask.subscriptions:
        if old.topic in topics:
            yield await _change(ask, request, old)


async def _change(ask: Ask, request: OptionRequest, old: Subscription) -> Reply:
    """Save the changes to one subscription; return its options, or the requested menu."""
    store, chat = ask.context.store, ask.incoming.chat
    new = apply_request(ask, request, old)
    if request.threads and not can_thread(chat):
        raise Unanswered(ask.say("threads_where"))
    if new != old:
        await store.subscribe(replace(new, chat=chat), ask.context.now())
        ask = ask.after(new)
    if request.menu:
        shown = await show_menu(ask, new, request.menu)
    else:
        shown = await show_options(ask, new, old)
    return replace(shown, menu=request.language)


async def _speak(ask: Ask, request: OptionRequest) -> Reply:
    if not request.language:
        names = [(word, ask.text(f"language_{name}")) for word, name in LANGUAGE_WORDS]
        choice = tuple(Button(label, f"/settings {word}") for word, label in names)
        return ask.say("language_which", choice)
    spoken = None if request.language == "topic" else request.language
    await _save_language(ask, spoken)
    ask = replace(ask, spoken=spoken)
    return replace(ask.say("language_is" if spoken else "language_free"), menu=request.language)


async def _save_language(ask: Ask, spoken: Language | None) -> None:
    name = name_speaker(ask.incoming)
    await ask.context.store.save_note(CHAT_LANGUAGES, name, spoken or "")


def _refuse_unsubscribed(ask: Ask) -> Reply:
    return ask.say("not_subscribed", _subscribe_buttons(ask))


async def _overview(ask: Ask, title: str) -> Reply:
    if not ask.subscriptions:
        return _refuse_unsubscribed(ask)
    rows = []
    for subscription in ask.subscriptions:
        facts = await load_facts(ask, subscription)
        rows.append((str(facts["topic"]), ask.text("next_line", **facts)))
    heading = Heading(ask.text(title), 1)
    return Reply((heading, Rows(tuple(rows))), ask.language, (_list_changes(ask),))


def _list_changes(ask: Ask) -> tuple[Button, ...]:
    labels = {s.topic: ask.text("change", topic=ask.title(s.topic)) for s in ask.subscriptions}
    return tuple(Button(labels[name], f"/settings {name}") for name in labels)


def _only_topic(ask: Ask) -> str:
    """Return the only topic. Raises Unanswered with a choice if there are several."""
    names = list(ask.context.topics)
    if len(names) == 1:
        return names[0]
    lines = {name: " ".join(("/subscribe", name, *ask.words)) for name in names}
    choice = tuple(Button(ask.title(name), lines[name]) for name in names)
    raise Unanswered(ask.say("subscribe_which", choice, example=lines[names[0]][:80]))


async def _parse_request(ask: Ask) -> OptionRequest:
    """Parse the words in any order. Raises Unanswered with a valid example."""
    usable = {*ask.context.topics, *(subscription.topic for subscription in ask.subscriptions)}
    names = {word: name for word, name in (await ask.topic_names()).items() if name in usable}
    names |= {row.topic: row.topic for row in ask.subscriptions}
    names |= {options.tag(name): name for name in names.values()}
    try:
        return options.parse_options(ask.words, names)
    except options.Unknown as unknown:
        raise Unanswered(_refuse_word(ask, str(unknown)[:40])) from None


def _refuse_word(ask: Ask, word: str) -> Reply:
    """Return a reply that a word is unknown, with valid ones."""
    if ask.words[:1] == ("language",):
        return ask.say("bad_language", word=word)
    if ask.command.name != "unsubscribe":
        return ask.say("bad_setting", word=word, words=ask.list_settings())
    topics = [row.topic for row in ask.subscriptions]
    if not topics:
        return _refuse_unsubscribed(ask)
    example = f"/unsubscribe {topics[0]}"
    return ask.say("bad_word", word=word, names=ask.listed(topics), example=example)


def apply_request(ask: Ask, request: OptionRequest, old: Subscription) -> Subscription:
    """Apply the request to the subscription. Raises Unanswered for invalid keywords."""
    try:
        return options.apply_options(request, old)
    except options.TooManyWords as error:
        limits = {"n": options.MAX_KEYWORDS, "most": options.MAX_KEYWORD_CHARS, "word": str(error)}
        key = "too_many_words" if str(error) else "word_too_long"
        raise Unanswered(ask.say(key, **limits)) from None


async def show_options(ask: Ask, subscription: Subscription, before: Subscription) -> Reply:
    """Return the current options, with buttons to change them."""
    key = "settings_changed" if subscription != before else "settings_are"
    shown = ask.say(key, *list_buttons(ask, subscription), **await load_facts(ask, subscription))
    blocks: list[Block] = [*shown.blocks]
    today = local_day(ask.context.now(), subscription.timezone)
    timing = attrgetter("at", "timezone", "weekdays", "paused")
    changed = timing(subscription) != timing(before)
    if changed and ((await _load_newest(ask, subscription)).day or date.min) >= today:
        blocks.append(Paragraph(ask.text("one_today")))
    return replace(shown, blocks=(*blocks, Rows(tuple(list_content(ask, subscription)))))


async def load_facts(ask: Ask, subscription: Subscription) -> dict[str, object]:
    """Return the values for texts about a subscription."""
    here = ask.context.now().astimezone(zone(subscription.timezone))
    return {
        "topic": ask.title(subscription.topic),
        "days": _say_days(ask, subscription),
        "at": f"{subscription.at:%H:%M}",
        "zone": zone_label(subscription.timezone, ask.language),
        "clock": f"{here:%H:%M}",
        "next": await _next(ask, subscription),
    }


async def _next(ask: Ask, subscription: Subscription) -> str:
    if subscription.paused:
        return ask.text("paused_now", name=subscription.topic)
    if subscription.topic not in ask.context.topics:
        return ask.text("topic_gone", name=subscription.topic)
    now, topic = ask.context.now(), ask.context.topic(subscription.topic)
    newest, when = await _load_newest(ask, subscription), now
    while True:
        when = next_due(subscription, when).astimezone(zone(subscription.timezone))
        day = when.date()
        report = report_day(topic, subscription, day, newest.report)
        if report and not (newest.day and day <= newest.day):
            break
    facts = {"next": f"{texts.weekday(day, ask.language)} {when:%H:%M}"}
    facts["left"] = _left(ask, when - now)
    if report >= day - DAY:
        return ask.text("next_is", **facts)
    ready = closes(topic, report + DAY).astimezone(zone(subscription.timezone))
    shown = ask.in_words(report - 6 * DAY if subscription.weekly else report, report)
    return ask.text("next_is_older", day=shown, made=f"{ready:%H:%M}", **facts)


async def _load_newest(ask: Ask, subscription: Subscription) -> NewestDays:
    """Return the newest day and report in the chat's ledger, whatever its state."""
    stored = await ask.context.store.list_subscriptions(subscription.chat)
    ids = [other.id for other in stored if other.topic == subscription.topic]
    days = await ask.context.ledger.load_newest_days(ids, ask.context.now())
    return days.get(ids[0], NewestDays()) if ids else NewestDays()


def _left(ask: Ask, time_left: timedelta) -> str:
    hours, minutes = divmod(max(1, round(time_left.total_seconds() / 60)), 60)
    if hours >= 48:
        return ask.text("days_left", d=hours // 24)
    if hours >= 3 or (hours and not minutes):
        return ask.text("hours_left", h=hours)
    return ask.text("time_left" if hours else "minutes_left", h=hours, m=minutes)


def _say_days(ask: Ask, subscription: Subscription) -> str:
    """Return the days in words: `every day`, `weekdays`, a list, or the weekly day."""
    names = [texts.day_name(day, ask.language) for day in subscription.weekdays]
    if subscription.weekly:
        return ask.text("weekly_on", day=names[-1])
    for days, key in DAY_GROUPS:
        if subscription.weekdays == days:
            return ask.text(key)
    return ask.listed(names)


def list_content(ask: Ask, subscription: Subscription) -> Iterator[tuple[str, str]]:
    """Yield rows on the content, one per option that differs from the default."""
    sections = [ask.text(f"section_{name}") for name in subscription.sections]
    yield (
        ask.text("row_content"),
        ask.listed(sections) or ask.text(f"length_{subscription.length}"),
    )
    yield ask.text("row_language"), ask.text(f"language_{subscription.language or 'topic'}")
    if subscription.quiet:
        yield ask.text("row_sound"), ask.text("quiet_now")
    if subscription.threads:
        yield ask.text("row_thread"), ask.text("thread_now")
    if subscription.highlight:
        yield ask.text("row_highlight"), ask.listed(subscription.highlight)
    if subscription.without:
        yield ask.text("row_without"), ask.listed(subscription.without)


def can_thread(chat: Chat) -> bool:
    """Return True if digests can have threads in this chat."""
    return chat.platform == "discord" and chat.kind == "channel"


def _line(subscription: Subscription, *words: str) -> str:
    topic = subscription.topic
    name = topic if len(topic) <= LONGEST_NAME else options.tag(topic)
    return " ".join(("/settings", name, *words))


def list_buttons(ask: Ask, subscription: Subscription) -> tuple[tuple[Button, ...], ...]:
    """Return buttons to change or end a subscription."""

    def button(key: str, *words: str) -> Button:
        return Button(ask.text(key), _line(subscription, *words))

    pause = button("resume", "resume") if subscription.paused else button("pause", "pause")
    sound = button("sound", "sound") if subscription.quiet else button("quiet", "quiet")
    thread = button("nothread", "channel") if subscription.threads else button("thread", "thread")
    threads = (thread,) if subscription.threads or can_thread(ask.incoming.chat) else ()
    end = Button(ask.text("unsubscribe"), f"/unsubscribe {subscription.topic}")
    when = button("change_time", "time"), button("change_zone", "zone"), button("set_days", "days")
    what = (button(f"set_{name}", name) for name in ("language", "length", "sections", "words"))
    return when, tuple(what), (sound, pause, *threads, end)


async def show_menu(ask: Ask, subscription: Subscription, what: Menu) -> Reply:
    """Return a menu of choices, with the current ones checked."""
    back = Button(ask.text("back"), _line(subscription))
    choices = _list_choices(ask, subscription, what)
    buttons = tuple(Button(label, _line(subscription, word)) for label, word in choices)
    shown = ask.say(f"choose_{what}", buttons, (back,), **await load_facts(ask, subscription))
    if what != "words":
        return shown
    terms = Rows(tuple(list_content(ask, subscription))[2:])
    return replace(shown, blocks=(*shown.blocks, terms)) if terms.rows else shown


def _list_choices(ask: Ask, old: Subscription, what: Menu) -> Iterator[tuple[str, str]]:
    """Yield labels and option words. Days and sections are toggled, but the last one cannot be
    removed; keywords are removed."""
    match what:
        case "time":
            for shown in (f"{hour:02}:00" for hour in range(24)):
                yield _checked(shown, f"{old.at:%H:%M}" == shown), shown
        case "zone":
            for name, label in offered_zones(ask.language).items():
                yield _checked(label, name == old.timezone), name
        case "days":
            for day in EVERY_DAY:
                left = {day} if old.weekly else set(old.weekdays) ^ {day} or {day}
                label = _checked(texts.day_name(day, ask.language), day in old.weekdays)
                yield label, f"days {options.format_weekdays(sorted(left))}"
            for days, key in DAY_GROUPS:
                if old.weekdays != days:
                    yield ask.text(key), f"days {options.format_weekdays(days)}"
            yield _checked(ask.text("weekly"), old.weekly), "days weekly"
        case "language":
            for word, name in LANGUAGE_WORDS:
                label = ask.text(f"language_{name}")
                yield _checked(label, (old.language or "topic") == name), word
        case "length":
            for word in ("brief", "detail"):
                yield _checked(ask.text(f"length_{word}"), old.length == word), word
        case "sections":
            now = set(sections_of(old))
            for name in SECTIONS:
                selected = [other for other in SECTIONS if other in (now ^ {name} or {name})]
                label = _checked(ask.text(f"section_{name}"), name in now)
                yield label, f"sections {options.format_sections(selected)}"
            if len(now) < len(SECTIONS):
                yield ask.text("all_sections"), "sections all"
        case "words":
            for sign, keywords in (("+", old.highlight), ("−", old.without)):
                for keyword in keywords:
                    yield f"✕ {sign}{keyword}", f"words ={options.tag(keyword)}"


def _checked(label: str, checked: bool) -> str:
    return f"{CHECKED}{label}" if checked else label
