"""What Telegram's updates say: where, who, and with which rights."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

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
from telegram.error import TelegramError

from bot.messages import Incoming
from bot.platforms import language_of
from digest.models import Chat, ChatKind

_KINDS: dict[str, ChatKind] = {"private": "private", "channel": "channel"}
HELLO = "hello"
"""Word of the link that adds the bot to a group: the group is greeted already when it is added."""
_OUT = (ChatMember.LEFT, ChatMember.BANNED)
_ADMINS = (ChatMember.OWNER, ChatMember.ADMINISTRATOR)


def chat_of(update: Update) -> Chat | None:
    """The chat of an update, with its forum topic."""
    if update.effective_chat is None:
        return None
    found = update.effective_message
    message = found if isinstance(found, Message) else None
    thread = ""
    # Replies in an ordinary group carry a thread as well, which nothing can be sent to.
    if message and message.is_topic_message and message.message_thread_id:
        thread = str(message.message_thread_id)
    return _chat(update.effective_chat, thread)


def _chat(chat: TelegramChat, thread: str) -> Chat:
    return Chat("telegram", str(chat.id), thread, _KINDS.get(chat.type, "group"))


def incoming(message: Message, chat: Chat, bot: Bot) -> Incoming | None:
    """The line of a message, if it may be for this bot."""
    text = (message.text or "").strip()
    if not text:
        return None
    word = text.split()[0]
    addressed = word.lower().endswith(f"@{bot.username}".lower())
    if chat.kind != "private" and (not text.startswith("/") or ("@" in word and not addressed)):
        return None
    if (
        chat.kind == "group"
        and addressed
        and text.lower() == f"/start@{bot.username} {HELLO}".lower()
    ):
        return None
    person = message.from_user
    user = str(message.sender_chat.id if message.sender_chat else person.id if person else chat.id)
    return Incoming(
        chat,
        user,
        text,
        language_of(person.language_code if person else None),
        direct=chat.kind == "private" or addressed,
        configures=_right_of(message, chat, bot),
    )


def _right_of(message: Message, chat: Chat, bot: Bot) -> Callable[[], Awaitable[bool]]:
    async def right() -> bool:
        # Anonymous admins, and posts of a channel, are sent in the chat's own name.
        if chat.kind == "private" or message.sender_chat:
            own = message.sender_chat is not None and str(message.sender_chat.id) == chat.id
            return chat.kind == "private" or own
        return message.from_user is not None and await _is_admin(bot, chat, message.from_user.id)

    return right


def pressed_by(query: CallbackQuery, line: str, chat: Chat, bot: Bot) -> Incoming:
    """The line behind a button, asked by whoever pressed it."""
    person = query.from_user

    async def right() -> bool:
        return chat.kind == "private" or await _is_admin(bot, chat, person.id)

    language = language_of(person.language_code)
    return Incoming(chat, str(person.id), line, language, configures=right)


async def _is_admin(bot: Bot, chat: Chat, person: int) -> bool:
    try:
        member = await bot.get_chat_member(int(chat.id), person)
    except TelegramError:
        return False  # as for a bot that is no admin of a channel itself
    return member.status in _ADMINS


def added(change: ChatMemberUpdated) -> bool:
    """Whether the bot came into a group or channel."""
    came = change.old_chat_member.status in _OUT and change.new_chat_member.status not in _OUT
    return came and change.chat.type != "private"


def removed(change: ChatMemberUpdated) -> bool:
    """Whether the bot was thrown out, or blocked by the person."""
    return change.new_chat_member.status in _OUT


def may_post(kind: str, mine: ChatMember) -> bool:
    """Whether the bot, which is this member, may post in a chat of that kind."""
    if kind == TelegramChat.CHANNEL:
        return isinstance(mine, ChatMemberAdministrator) and bool(mine.can_post_messages)
    if isinstance(mine, ChatMemberRestricted):
        return mine.can_send_messages and mine.can_send_photos
    return mine.status not in _OUT
