"""Chats, people and messages of the Telegram server for tests, and its rules on what is sent."""

from __future__ import annotations

import asyncio
import io
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from PIL import Image

from tests.loopback import Loopback

Json = dict[str, Any]

ANONYMOUS = {"id": 1087968824, "is_bot": True, "first_name": "Group"}
ANONYMOUS["username"] = "GroupAnonymousBot"
AS_CHANNEL = {"id": 136817688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}
BLANK = re.compile(
    r"[\s\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]*"
)
COMMAND = re.compile(r"(?<!\S)/[A-Za-z0-9_]{1,32}(?:@\w{3,32})?(?!\w)")
ENTITIES = "mention hashtag cashtag bot_command url email phone_number bold italic underline strikethrough spoiler blockquote expandable_blockquote code pre text_link text_mention custom_emoji date_time"
NEEDS = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id"}
QUOTES, CODES = ("blockquote", "expandable_blockquote"), ("code", "pre")
NO_ACTION = frozenset(["text", "style", "icon_custom_emoji_id"])
ADMIN = "can_manage_chat can_delete_messages can_manage_video_chats can_restrict_members can_promote_members can_change_info can_invite_users can_post_stories can_edit_stories can_delete_stories"
RIGHTS: dict[str, Json] = {"member": {}, "left": {}, "kicked": {"until_date": 0}}
RIGHTS["creator"] = {"is_anonymous": False}
RIGHTS["administrator"] = (
    RIGHTS["creator"] | {"can_be_edited": False} | dict.fromkeys(ADMIN.split(), True)
)
NOT_BY_DEFAULT = frozenset(["chat_member", "message_reaction", "message_reaction_count"])


class Refused(Exception):
    """What the server answers in place of a result."""

    def __init__(self, code: int, description: str, parameters: Json | None = None) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


class Fault(Refused):
    """A refusal that no client of ours should ever meet: it also ends up in `server.faults`."""


def bad(description: str) -> Refused:
    return Refused(400, f"Bad Request: {description}")


@dataclass(slots=True)
class Message:
    """One message of a chat, the bot's or not."""

    chat_id: int
    message_id: int
    date: int
    sender: Json
    mine: bool = False
    thread: int | None = None
    text: str = ""
    """Or the caption, where there is a photo."""
    entities: list[Json] = field(default_factory=list)
    photo: bytes | None = None
    file_id: str | None = None
    sizes: list[Json] = field(default_factory=list)
    buttons: list[list[Json]] = field(default_factory=list)
    edit_date: int | None = None
    deleted: bool = False
    link_preview_options: Json | None = None
    disable_notification: bool = False
    reply_to: int | None = None
    service: Json = field(default_factory=dict)


@dataclass(slots=True)
class Chat:
    id: int
    type: str
    title: str
    forum: bool = False
    members: dict[int, Json] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    topics: set[int] = field(default_factory=set)
    upgraded: int | None = None

    @property
    def shown(self) -> Json:
        name = "first_name" if self.type == "private" else "title"
        forum: Json = {"is_forum": True} if self.forum else {}
        return {"id": self.id, "type": self.type, name: self.title} | forum


def units(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parsed(values: Json, caption: bool = False) -> Json:
    """What a request writes, as the server keeps it: checked, trimmed, entities in order."""
    text = values.get("caption" if caption else "text", "")
    if re.search("[\ud800-\udfff]", text):
        raise bad("strings must be encoded in UTF-8")
    entities = _checked(text, values.get("caption_entities" if caption else "entities", []))
    preview = {} if caption else {"link_preview_options": values.get("link_preview_options")}
    if BLANK.fullmatch(text):
        if caption:
            return {"text": "", "entities": []}
        raise bad("message text is empty")
    lead = len(text) - len(text.lstrip())
    lead = min([lead, *(e["offset"] for e in entities)])
    text = text[lead:].rstrip()
    if units(text) > (1024 if caption else 4096):
        raise bad("message caption is too long" if caption else "message is too long")
    kept = []
    for entity in entities:
        start = entity["offset"] - lead
        if (length := min(entity["length"], units(text) - start)) > 0:
            kept.append(entity | {"offset": start, "length": length})
    return {"text": text, "entities": kept} | preview


def _checked(text: str, entities: list[Json]) -> list[Json]:
    if len(entities) > 100:
        raise Fault(500, f"AssertionError: {len(entities)} entities; Telegram keeps only 100")
    at, edges = 0, {0}
    for sign in text:
        at += 2 if sign > "\uffff" else 1
        edges.add(at)
    ordered = sorted(entities, key=lambda e: (e["offset"], -e["length"]))
    around: list[Json] = []
    for entity in ordered:
        start, end, kind = entity["offset"], entity["offset"] + entity["length"], entity["type"]
        where = f"can't parse entities: {kind} at {start}-{end}"
        while around and around[-1]["offset"] + around[-1]["length"] <= start:
            around.pop()
        if kind not in ENTITIES.split():
            raise bad(f"{where}: unknown type")
        if start < 0 or end <= start or end > at:
            raise bad(f"{where}: is empty or lies outside the {at} units of the text")
        if start not in edges or end not in edges:
            raise bad(f"{where}: cuts a surrogate pair")
        if around and end > around[-1]["offset"] + around[-1]["length"]:
            raise bad(f"{where}: crosses {around[-1]['type']}")
        if any(not _nests(outer["type"], kind) for outer in around):
            raise bad(f"{where}: may not stand inside {[outer['type'] for outer in around]}")
        if (need := NEEDS.get(kind)) and not entity.get(need):
            raise bad(f"{where}: has no {need}")
        if kind == "text_link" and not is_link(entity["url"]):
            raise bad(f"{where}: wrong URL {entity['url']!r}")
        around.append(entity)
    return ordered


def _nests(outer: str, inner: str) -> bool:
    if outer in QUOTES:
        return inner not in QUOTES
    return outer not in CODES and inner not in CODES


def is_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    http = parts.scheme in ("http", "https") and "." in host.strip(".")
    return (http or parts.scheme == "tg") and not re.search(r"\s", url)


def keyboard(markup: Json | None) -> list[list[Json]]:
    """The rows of an inline keyboard; none where there is none."""
    if markup is None:
        return []
    if "inline_keyboard" not in markup:
        raise Fault(400, "this server knows inline keyboards only")
    rows: list[list[Json]] = [row for row in markup["inline_keyboard"] if row]
    if sum(map(len, rows)) > 100:
        raise bad("reply markup is too long")
    if any(len(row) > 8 for row in rows):
        raise bad("a row of the inline keyboard has more than 8 buttons")
    for button in (button for row in rows for button in row):
        if BLANK.fullmatch(button["text"]):
            raise bad("inline keyboard button text must be non-empty")
        actions = button.keys() - NO_ACTION
        if len(actions) != 1:
            more = f"inline keyboard button has more than one action: {sorted(actions)}"
            raise bad(more if actions else "text buttons are unallowed in the inline keyboard")
        if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
            raise bad("BUTTON_DATA_INVALID")
        if "url" in button and not is_link(button["url"]):
            raise bad(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
    return rows


def picture_sizes(data: bytes, known: int) -> list[Json]:
    """A thumbnail and the whole, as the real server scales them; `known`: how many it has."""
    if not data:
        raise bad("file must be non-empty")
    if len(data) > 10 << 20:
        size = f"{len(data)} bytes is too big for a photo; the maximum size is {10 << 20} bytes"
        raise bad(f"file of size {size}")
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as image:
            image.load()
            width, height = image.size
    except (OSError, SyntaxError, ValueError, Warning, Image.DecompressionBombError):
        raise bad("IMAGE_PROCESS_FAILED") from None
    if width + height > 10_000 or max(width, height) > 20 * min(width, height):
        raise bad("PHOTO_INVALID_DIMENSIONS")
    sizes: list[Json] = []
    for most in (90, 1280):
        scale, name = min(1, most / max(width, height)), f"{known + len(sizes) + 1:06}"
        scaled = {"width": max(1, int(width * scale)), "height": max(1, int(height * scale))}
        sizes.append({"file_id": f"AgAC-{name}", "file_unique_id": f"AQAD{name}"} | scaled)
    return sizes


async def read(request: web.Request) -> tuple[Json, dict[str, bytes]]:
    sent: Json = dict(request.query)
    files: dict[str, bytes] = {}
    if request.content_type == "application/json":
        return sent | dict(await request.json()), files
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            with value.file as file:
                files[name] = file.read()
        else:
            sent[name] = value
    return sent, files


class Chats(Loopback):
    """All chats, and what people do in them. Each deed queues an update and gives it back."""

    hangs_up = True  # getUpdates is a long poll

    def __init__(self) -> None:
        super().__init__()
        self.bot: Json = {"id": 123456, "is_bot": True, "first_name": "简报"}
        self.bot["username"] = "jianbao_bot"
        self.chats: dict[int, Chat] = {}
        self.users: dict[int, Json] = {self.bot["id"]: self.bot}
        self.allowed: list[str] = []
        self._pending: list[Json] = []
        self._again: list[Json] = []
        self._history: dict[int, Json] = {}
        self._queries: dict[str, float] = {}
        self._changed = asyncio.Event()

    def person(self, id: int, name: str, language: str = "zh") -> Json:
        """A user, and the private chat with them."""
        user: Json = {"id": id, "is_bot": False, "first_name": name}
        self.users[id] = user | ({"language_code": language} if language else {})
        self._chat(Chat(id, "private", name), "member").members[id] = {"status": "member"}
        return self.users[id]

    def group(self, id: int, title: str) -> Chat:
        return self._chat(Chat(id, "group", title), "member")

    def supergroup(self, id: int, title: str, forum: bool = False) -> Chat:
        return self._chat(Chat(id, "supergroup", title, forum), "member")

    def channel(self, id: int, title: str) -> Chat:
        return self._chat(Chat(id, "channel", title), "administrator")

    def _chat(self, chat: Chat, status: str) -> Chat:
        far = str(chat.id).startswith("-100")
        right = {"private": chat.id > 0, "group": chat.id < 0 and not far}.get(chat.type, far)
        assert right, f"{chat.id} is no id of a {chat.type}"
        chat.members[self.bot["id"]] = {"status": status}
        return self.chats.setdefault(chat.id, chat)

    def topic(self, chat_id: int, thread: int) -> int:
        """A topic of a forum; the General one has no thread."""
        assert self.chats[chat_id].forum, f"{chat_id} is no forum"
        self.chats[chat_id].topics.add(thread)
        return thread

    def member(self, chat_id: int, user_id: int, status: str, **rights: bool) -> None:
        """Sets it without a word; `rights` like `can_post_messages=False` override the usual."""
        assert status in RIGHTS, f"unknown status {status}"
        assert user_id in self.users, f"unknown user {user_id}"
        self.chats[chat_id].members[user_id] = {"status": status, **rights}

    def say(
        self,
        chat_id: int,
        user_id: int,
        text: str,
        *,
        thread: int | None = None,
        anonymous: bool = False,
        as_channel: int | None = None,
    ) -> Json:
        """Somebody writes; in a channel it is a post of the channel's, whoever writes."""
        chat, sender = self.chats[chat_id], {"from": self.users[user_id]}
        status = chat.members[self.bot["id"]]["status"]
        assert status not in ("left", "kicked"), f"the bot hears nothing in {chat_id}: {status}"
        if anonymous:
            sender = {"from": ANONYMOUS, "sender_chat": chat.shown}
        if as_channel is not None:
            sender = {"from": AS_CHANNEL, "sender_chat": self.chats[as_channel].shown}
        if chat.type == "channel":
            sender = {"sender_chat": chat.shown}
        elif chat.type != "private":
            chat.members.setdefault(user_id, {"status": "member"})
        if thread is not None:
            self.topic(chat_id, thread)
        marks = [
            {"type": "bot_command", "offset": units(text[: m.start()]), "length": len(m.group())}
            for m in COMMAND.finditer(text)
        ]
        said = self.keep(chat, sender, text=text, entities=marks, thread=thread)
        return self._queue(
            "channel_post" if chat.type == "channel" else "message", self.shown(said)
        )

    def press(self, chat_id: int, message_id: int, data_or_label: str, user_id: int) -> Json:
        """Somebody presses a button of the bot's, known by its label or its callback data."""
        message = self.chats[chat_id].messages.get(message_id)
        if not message or not message.mine or message.deleted:
            raise AssertionError(f"the bot has no message {message_id} in {chat_id}")
        buttons = [button for row in message.buttons for button in row]
        fits = [b for b in buttons if data_or_label in (b["text"], b.get("callback_data"))]
        if not fits or "callback_data" not in fits[0]:
            raise AssertionError(f"no button {data_or_label!r} that calls the bot in {buttons}")
        query: Json = {"id": str(4 << 60 | len(self._queries)), "from": self.users[user_id]}
        self._queries[query["id"]] = time.time()
        more = {"message": self.shown(message), "chat_instance": str(-chat_id * 31)}
        return self._queue("callback_query", query | more | {"data": fits[0]["callback_data"]})

    def add_bot(self, chat_id: int, by_user: int) -> Json:
        """Also: a person unblocks the bot."""
        chat = self.chats[chat_id]
        status = "administrator" if chat.type == "channel" else "member"
        update = self._moved(chat, status, by_user)
        if chat.type in ("group", "supergroup"):
            joined = {"new_chat_members": [self.bot]}
            said = self.keep(chat, {"from": self.users[by_user]}, service=joined)
            self._queue("message", self.shown(said))
        return update

    def remove_bot(self, chat_id: int, by_user: int, status: str = "kicked") -> Json:
        """Also: a person blocks the bot."""
        return self._moved(self.chats[chat_id], status, by_user)

    def _moved(self, chat: Chat, status: str, by_user: int) -> Json:
        old = self.member_shown(chat, self.bot["id"])
        chat.members[self.bot["id"]] = {"status": status}
        body = {"chat": chat.shown, "from": self.users[by_user], "date": int(time.time())}
        new = self.member_shown(chat, self.bot["id"])
        return self._queue(
            "my_chat_member", body | {"old_chat_member": old, "new_chat_member": new}
        )

    def upgrade(self, group_id: int, supergroup_id: int) -> list[Json]:
        """A group becomes a supergroup, with both service messages."""
        old, by = self.chats[group_id], {"from": self.bot}
        assert old.type == "group", f"{group_id} is a {old.type}"
        new = self.supergroup(supergroup_id, old.title)
        new.members.update(old.members)
        to, back = {"migrate_to_chat_id": new.id}, {"migrate_from_chat_id": old.id}
        said = [self.keep(old, by, service=to), self.keep(new, by, service=back)]
        old.upgraded = new.id
        return [self._queue("message", self.shown(message)) for message in said]

    def repeat(self, update_id: int) -> Json:
        """The very same update comes once more, though it was confirmed."""
        self._again.append(self._history[update_id])
        self.wake()
        return self._history[update_id]

    def messages(self, chat_id: int) -> list[Message]:
        """All of the bot's there, also deleted ones."""
        return [message for message in self.chats[chat_id].messages.values() if message.mine]

    def _queue(self, kind: str, body: Json) -> Json:
        update: Json = {"update_id": 700_000_001 + len(self._history), kind: body}
        self._history[update["update_id"]] = update
        if kind in self.allowed or (not self.allowed and kind not in NOT_BY_DEFAULT):
            self._pending.append(update)
            self.wake()
        return update

    def wake(self) -> None:
        """Whoever waits for updates looks again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def keep(self, chat: Chat, sender: Json, **more: Any) -> Message:
        number = max(chat.messages, default=0) + 1
        chat.messages[number] = Message(chat.id, number, int(time.time()), sender, **more)
        return chat.messages[number]

    def member_shown(self, chat: Chat, user_id: int) -> Json:
        member = chat.members.get(user_id, {"status": "left"})
        rights = dict(RIGHTS[member["status"]])
        if member["status"] == "administrator" and chat.type == "channel":
            rights |= {"can_post_messages": True, "can_edit_messages": True}
        return {"user": self.users[user_id]} | rights | member

    def shown(self, message: Message, replies: bool = True) -> Json:
        """The message as the API gives it."""
        chat = self.chats[message.chat_id]
        body: Json = {"message_id": message.message_id, "date": message.date, "chat": chat.shown}
        body |= message.sender | message.service
        words, marks = ("caption", "caption_entities") if message.sizes else ("text", "entities")
        optional: Json = {
            words: message.text,
            marks: message.entities,
            "photo": message.sizes,
            "edit_date": message.edit_date,
            "link_preview_options": message.link_preview_options,
            "reply_markup": {"inline_keyboard": message.buttons} if message.buttons else None,
            "message_thread_id": message.thread,
            "is_topic_message": message.thread is not None,
        }
        answered = chat.messages.get(message.reply_to or 0)
        if replies and answered and not answered.deleted:
            optional["reply_to_message"] = self.shown(answered, replies=False)
        return body | {name: value for name, value in optional.items() if value}

    def access(self, chat_id: int | str, need: str = "read") -> Chat:
        """The chat, if the bot may `read`, `edit` or `write` there."""
        chat = self.chats.get(chat_id) if isinstance(chat_id, int) else None
        if chat is None:
            raise bad("chat not found")
        status = chat.members[self.bot["id"]]["status"]
        if chat.type in ("private", "group") and need == "read":
            return chat
        if chat.upgraded:
            raise Refused(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                {"migrate_to_chat_id": chat.upgraded},
            )
        private = chat.type == "private"
        if private and status == "kicked" and need == "write":
            raise Refused(403, "Forbidden: bot was blocked by the user")
        if not private and status in ("kicked", "left"):
            out = "bot was kicked from" if status == "kicked" else "bot is not a member of"
            raise Refused(403, f"Forbidden: {out} the {chat.type} chat")
        return chat

    def rules(self, chat: Chat, user_id: int) -> bool:
        return chat.members[user_id]["status"] in ("creator", "administrator")
