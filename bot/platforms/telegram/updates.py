"""Extract chat, sender and permissions from Telegram updates."""

from functools import partial
from typing import Literal

from telegram import (
    Bot,
    CallbackQuery,
    ChatMember,
    ChatMemberAdministrator,
    ChatMemberRestricted,
    ChatMemberUpdated,
    Message,
    Update,
)
from telegram import Chat as TelegramChat

from bot.messages import Incoming
from bot.platforms import PlatformError, language_of
from bot.platforms.telegram.api import NAME, call
from digest.models import Chat, ChatKind

_KINDS: dict[str, ChatKind] = {"private": "private", "channel": "channel"}
HELLO = "hello"
"""Start word of the link that adds the bot to a group, where it is greeted on being added."""
_OUT = (ChatMember.LEFT, ChatMember.BANNED)
_ADMINS = (ChatMember.OWNER, ChatMember.ADMINISTRATOR)


def chat_of(update: Update) -> Chat | None:
    """Return the chat of an update, with its forum topic."""
    if update.effective_chat is None:
        return None
    effective = update.effective_message
    message = effective if isinstance(effective, Message) else None
    thread = ""
    # Replies in ordinary groups also have a thread id, but nothing can be sent to it.
    if message and message.is_topic_message and message.message_thread_id:
        thread = str(message.message_thread_id)
    chat = update.effective_chat
    title = chat.title or chat.effective_name or ""
    return Chat(NAME, str(chat.id), thread, _KINDS.get(chat.type, "group"), title=title)


def reply_place(message: Message | None) -> str:
    """Return the message that an answer must reply to in order to stay in its comment thread."""
    if message is None or not message.message_thread_id or message.is_topic_message:
        return ""
    return str(message.message_id)


def own_message(update: Update, bot: Bot) -> Message | None:
    """Return the bot's own message whose button was pressed or that was replied to."""
    query = update.callback_query
    pressed = query.message if query else None
    if isinstance(pressed, Message):
        return pressed
    message = update.message or update.channel_post
    answered = message.reply_to_message if message else None
    person = answered.from_user if answered else None
    return answered if person and person.id == bot.id else None


def incoming(message: Message, chat: Chat, bot: Bot) -> Incoming | None:
    """Return the line of a message if it may be meant for this bot."""
    text = (message.text or "").strip()
    # Channel posts are forwarded automatically to the discussion group.
    if not text or message.is_automatic_forward:
        return None
    word = text.split()[0]
    addressed = word.lower().endswith(f"@{bot.username}".lower())
    if chat.kind != "private" and (not text.startswith("/") or ("@" in word and not addressed)):
        return None
    if chat.kind == "group" and text.lower() == f"/start@{bot.username} {HELLO}".lower():
        return None
    person, place = message.from_user, message.sender_chat
    return Incoming(
        chat,
        str(place.id if place else person.id if person else chat.id),
        text,
        language_of(person.language_code if person else None),
        direct=chat.kind == "private" or addressed,
        configures=partial(_may_configure, bot, chat, person.id if person else 0, place),
    )


def pressed_by(query: CallbackQuery, line: str, chat: Chat, bot: Bot) -> Incoming:
    """Return the line of a button, sent by the person who pressed it."""
    person = query.from_user
    language = language_of(person.language_code)
    right = partial(_may_configure, bot, chat, person.id)
    return Incoming(chat, str(person.id), line, language, configures=right)


async def _may_configure(
    bot: Bot, chat: Chat, person: int, sender: TelegramChat | None = None
) -> bool:
    """Return True if a person (or a chat in whose name they write) may configure this chat."""
    if chat.kind == "private":
        return True
    if sender:  # anonymous admins and channel posts are sent in the chat's own name
        return str(sender.id) == chat.id
    try:
        member = await call(bot.get_chat_member(int(chat.id), person))
    except PlatformError:
        return False  # for example if the bot is not an admin of the channel
    return member.status in _ADMINS


def what_became(change: ChatMemberUpdated) -> Literal["added", "removed", ""]:
    """Return whether the bot was added to a group or channel, or removed or blocked."""
    if change.new_chat_member.status in _OUT:
        return "removed"
    was_out = change.old_chat_member.status in _OUT
    return "added" if was_out and change.chat.type != "private" else ""


def may_post(kind: str, bot: ChatMember) -> bool:
    """Return True if the bot, with this membership, may post in a chat of that kind."""
    if kind == TelegramChat.CHANNEL:
        return isinstance(bot, ChatMemberAdministrator) and bool(bot.can_post_messages)
    if isinstance(bot, ChatMemberRestricted):
        return bot.can_send_messages and bot.can_send_photos
    return bot.status not in _OUT
