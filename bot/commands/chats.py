"""Commands about what is posted in a chat, and when."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import time

from bot import options
from bot.commands import choices
from bot.commands.asking import CHAT_LANGUAGES, Ask, Unanswered, chosen_language, name_speaker
from bot.delivery.compose import compose_digest, load_digest
from bot.messages import Block, Button, Heading, Paragraph, Reply, Rows
from digest.models import Language, Subscription

USUAL_TIME = time(8, 0)


async def start(ask: Ask) -> AsyncIterator[Reply]:
    """Greet with a button for each topic; a link that starts the bot may ask for something else."""
    look = (
        Button(ask.text("brief"), "/brief", fresh=True),
        Button(ask.text("commands"), "/help", fresh=True),
    )
    blocks: tuple[Block, ...] = (
        Heading(ask.text("help"), 1),
        Paragraph(ask.text("greeting")),
    )
    yield Reply(blocks, ask.language, (_subscribe_buttons(ask), look))


def _subscribe_buttons(ask: Ask) -> tuple[Button, ...]:
    return tuple(
        Button(
            ask.text("subscribe_to", topic=topic.title[ask.language]),
            f"/subscribe {name}",
            fresh=True,
        )
        for name, topic in ask.context.topics.items()
    )


async def subscribe(ask: Ask) -> AsyncIterator[Reply]:
    """Begin a subscription, say when the next digest comes, and post the newest report as the chat
    will get it."""
    request = await _parse_request(ask)
    context, chat = ask.context, ask.incoming.chat
    if ask.incoming.lacking:
        names = ask.listed(ask.incoming.lacking)
        raise Unanswered(_private(ask.say("lacking", names=names)))
    topic = request.topic or await _only_topic(ask)
    before = {subscription.topic: subscription for subscription in ask.subscriptions}
    if request.threads and not choices.can_thread(chat):
        raise Unanswered(_private(ask.say("threads_where")))
    usual = before.get(topic) or await context.store.ended_subscription(chat, topic)
    usual = usual or await _begin(ask, topic)
    usual = replace(usual, language=ask.spoken or usual.language)
    subscription = choices.applied_to(ask, request, replace(usual, chat=chat))
    new = await context.store.subscribe(subscription, context.now())
    ask = ask.after(subscription)
    newest = await load_digest(context, subscription)
    changed = subscription != before.get(topic)
    key = "subscribed" if new else "subscribed_changed" if changed else "subscribed_already"
    answer = ask.say(
        key, *choices.buttons(ask, subscription), **await choices.facts(ask, subscription)
    )
    blocks: list[Block] = [*answer.blocks]
    if request.changes:
        blocks.append(Rows(tuple(choices.list_content(subscription, ask.language))))
    if request.sections and not request.topic:
        blocks.append(Paragraph(ask.text("only_sections")))
    if chat.platform == "terminal":
        blocks.insert(0, Paragraph(ask.text("terminal_note")))
    if new or newest is None:
        follows = "newest_follows" if newest else "first_to_come"
        blocks.append(Paragraph(ask.text(follows, topic=ask.title(topic))))
    yield _private(replace(answer, blocks=tuple(blocks), menu=request.language))
    if new and newest is not None:
        yield await compose_digest(context, newest, subscription)


async def _begin(ask: Ask, topic: str) -> Subscription:
    """Return a chat's first subscription to a topic: a person goes on to read in the language that
    reports were shown in so far."""
    chat, context = ask.incoming.chat, ask.context
    latest = await context.store.latest(topic) if chat.kind == "private" else None
    language = ask.language_for(latest) if latest else None
    language = None if latest and language == latest.language else language
    return Subscription(chat, topic, USUAL_TIME, context.timezone, language=language)


async def unsubscribe(ask: Ask) -> AsyncIterator[Reply]:
    """End a subscription; ask which where there are several."""
    request = await _parse_request(ask)
    context, chat = ask.context, ask.incoming.chat
    topics = [subscription.topic for subscription in ask.subscriptions]
    if request.topic and request.topic not in topics:
        topics = []
    if not topics:
        raise Unanswered(_private(_nothing(ask)))
    if len(topics) > 1 and not request.topic:
        choice = tuple(Button(ask.title(name), f"/unsubscribe {name}") for name in topics)
        yield _private(ask.say("unsubscribe_which", choice))
        return
    topic = request.topic or topics[0]
    await context.store.unsubscribe(chat, topic)
    if topics == [topic]:  # the chat goes on in its language
        await _save_language(ask, chosen_language(ask.subscriptions))
    again = Button(ask.text("undo"), f"/subscribe {topic}")
    title = ask.title(topic)
    yield _private(ask.say("unsubscribed", (again,), topic=title))


async def subscriptions(ask: Ask) -> AsyncIterator[Reply]:
    yield _private(await _overview(ask, "subscriptions"))


async def next_(ask: Ask) -> AsyncIterator[Reply]:
    yield _private(await _overview(ask, "next"))


async def settings(ask: Ask) -> AsyncIterator[Reply]:
    request = await _parse_request(ask)
    store, chat = ask.context.store, ask.incoming.chat
    stored = {subscription.topic: subscription for subscription in ask.subscriptions}
    only_language = replace(request, language="", menu="") == options.Asked()
    if not stored and only_language and (request.language or request.menu == "language"):
        yield _private(await _speak(ask, request))
        return
    if not stored or (request.topic and request.topic not in stored):
        raise Unanswered(_private(_nothing(ask)))
    if len(stored) > 1 and not request.topic and (request.changes or request.menu):
        example = " ".join(["/settings", next(iter(stored)), *ask.words])[:80]
        facts = {"names": ask.listed(stored), "example": example}
        raise Unanswered(_private(ask.say("settings_which", **facts)))
    if len(stored) > 1 and not request.topic:
        yield _private(await _overview(ask, "settings"))
        return
    old = stored[request.topic or next(iter(stored))]
    new = choices.applied_to(ask, request, old)
    if request.threads and not choices.can_thread(chat):
        raise Unanswered(_private(ask.say("threads_where")))
    if new != old:
        await store.subscribe(replace(new, chat=chat), ask.context.now())
        ask = ask.after(new)
    if request.menu:
        shown = await choices.menu(ask, new, request.menu)
    else:
        shown = await choices.state(ask, new, old)
    yield replace(_private(shown), menu=request.language)


async def _speak(ask: Ask, request: options.Asked) -> Reply:
    if not request.language:
        names = ("zh", "en")
        choice = tuple(Button(ask.text(f"language_{name}"), f"/settings {name}") for name in names)
        return ask.say("language_which", choice)
    spoken = None if request.language == "topic" else request.language
    await _save_language(ask, spoken)
    ask = replace(ask, spoken=spoken)
    return replace(ask.say("language_is" if spoken else "language_free"), menu=request.language)


async def _save_language(ask: Ask, spoken: Language | None) -> None:
    name = name_speaker(ask.incoming)
    await ask.context.store.save_note(CHAT_LANGUAGES, name, spoken or "")


def _private(answer: Reply) -> Reply:
    return replace(answer, manner="private")


def _nothing(ask: Ask) -> Reply:
    return ask.say("not_subscribed", _subscribe_buttons(ask))


async def _overview(ask: Ask, title: str) -> Reply:
    """Return every subscription of this chat with its time and the next digest."""
    if not ask.subscriptions:
        return _nothing(ask)
    rows = []
    for subscription in ask.subscriptions:
        facts = await choices.facts(ask, subscription)
        rows.append((str(facts["topic"]), ask.text("next_line", **facts)))
    change = tuple(
        Button(
            ask.text("change", topic=ask.title(subscription.topic)),
            f"/settings {subscription.topic}",
        )
        for subscription in ask.subscriptions
    )
    heading = Heading(ask.text(title), 1)
    return Reply((heading, Rows(tuple(rows))), ask.language, (change,))


async def _only_topic(ask: Ask) -> str:
    """Return the topic that is meant where none is named. Raises Unanswered where there are
    several."""
    topics: Sequence[str] = list(ask.context.topics)
    if len(topics) == 1:
        return topics[0]
    choice = tuple(
        Button(topic.title[ask.language], f"/subscribe {name}")
        for name, topic in ask.context.topics.items()
    )
    raise Unanswered(_private(ask.say("subscribe_which", choice)))


async def _parse_request(ask: Ask) -> options.Asked:
    """Return what the words ask, in any order. Raises Unanswered with a right way to say it."""
    usable = {*ask.context.topics, *(subscription.topic for subscription in ask.subscriptions)}
    names = {word: name for word, name in (await ask.topic_names()).items() if name in usable}
    names |= {options.tag(name): name for name in names.values()}
    try:
        return options.understood(ask.words, names)
    except options.Unknown as unknown:
        raise Unanswered(_private(_refuse_word(ask, unknown.word[:40]))) from None


def _refuse_word(ask: Ask, word: str) -> Reply:
    """Return that a word means nothing, with what may be written instead."""
    if ask.command.name != "unsubscribe":
        return ask.say("bad_setting", word=word, words=ask.list_settings())
    topics = [row.topic for row in ask.subscriptions]
    if not topics:
        return _nothing(ask)
    example = f"/unsubscribe {topics[0]}"
    return ask.say("bad_word", word=word, names=ask.listed(topics), example=example)
