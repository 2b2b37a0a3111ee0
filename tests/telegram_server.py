"""Telegram's Bot API on 127.0.0.1, for tests. It knows no library of its clients, refuses what
Telegram refuses, and raises at the end what no client of ours should ever send."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiohttp import web

from tests import telegram_chats as world
from tests.loopback import Handler, reply
from tests.telegram_chats import Chat, Chats, Fault, Json, Message, Refused, bad

SPEC = Path(__file__).parents[2] / "shared/specs/telegram-bot-api.json"
"""The whole description of the API; without it the table below has to do."""
KINDS = {"i": "Integer", "s": "String", "b": "Boolean", "f": "InputFile", "j": "JSON"}
SENT = "chat_id!:is message_thread_id:i disable_notification:b protect_content:b"
SENT += " reply_parameters:j reply_markup:j parse_mode:s"
EDITED = "chat_id!:is message_id!:i reply_markup:j"
COMMANDS = "scope:j language_code:s"
METHODS = {
    "getUpdates": "offset:i limit:i timeout:i allowed_updates:j",
    "deleteWebhook": "drop_pending_updates:b",
    "setWebhook": "url!:s allowed_updates:j secret_token:s",
    "getMe": "",
    "setMyCommands": f"commands!:j {COMMANDS}",
    "getChat": "chat_id!:is",
    "getChatMember": "chat_id!:is user_id!:i",
    "sendMessage": f"{SENT} text!:s entities:j link_preview_options:j",
    "sendPhoto": f"{SENT} photo!:fs caption:s caption_entities:j",
    "editMessageText": f"{EDITED} text!:s entities:j link_preview_options:j parse_mode:s",
    "answerCallbackQuery": "callback_query_id!:s text:s show_alert:b url:s cache_time:i",
}
"""What the server does something with; `!` marks what it needs."""
GIFTS = "unlimited_gifts limited_gifts unique_gifts premium_subscription gifts_from_channels"
FULL: Json = {"accent_color_id": 0, "max_reaction_count": 11}
FULL["accepted_gift_types"] = dict.fromkeys(GIFTS.split(), False)
SAME = "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message"
TWO = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
HOOKED = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
QUERY_SECONDS = 30
LATE = "query is too old and response timeout expired or query ID is invalid"


@functools.cache
def _description(path: Path) -> Any:
    return json.loads(path.read_text("utf-8")) if path.exists() else {"methods": {}, "types": {}}


def _fields(method: str) -> dict[str, tuple[list[str], bool]]:
    """Types of each field the server takes, and whether it needs it."""
    told = _description(SPEC)["methods"].get(method, {}).get("fields", [])
    known = {field["name"]: field for field in told}
    fields = {}
    for entry in METHODS[method].split():
        name, _, kinds = entry.replace("!", "").partition(":")
        own: Json = {"types": [KINDS[kind] for kind in kinds], "required": False}
        field = known[name] if told else own
        fields[name] = (field["types"], "!" in entry or field["required"])
    return fields


def _typed(method: str, sent: Json, files: dict[str, bytes]) -> Json:
    """The values in their own types. Anything odd is a fault."""
    fields, values, used = _fields(method), Json(), set[str]()
    for name, (kinds, needed) in fields.items():
        value = files.get(name, sent.get(name))
        if isinstance(value, str) and value.startswith("attach://"):
            used.add(value[9:])
            value = files.get(value[9:])
        if value is None:
            if needed:
                raise Fault(400, f"Bad Request: {method} needs {name}")
            continue
        tries = [_value(value, kind, name) for kind in kinds]
        fitting = [found for found, problem in tries if not problem]
        if not fitting:
            raise Fault(400, f"Bad Request: {method}: {tries[0][1]}")
        values[name] = fitting[0]
    if odd := (sent.keys() | files.keys()) - fields.keys() - used:
        raise Fault(400, f"Bad Request: {method} takes no {', '.join(sorted(odd))}")
    return values


def _value(value: Any, kind: str, name: str) -> tuple[Any, str]:
    """The value as this kind, or what is wrong with it."""
    if kind == "InputFile":
        return value, "" if isinstance(value, bytes) else f"{name} is no file"
    if isinstance(value, str) and kind != "String":
        try:
            value = json.loads(value)
        except ValueError:
            return value, f"{name} is no {kind}: {value!r}"
    return value, _misfit(value, kind, name)


def _misfit(value: Any, kind: str, where: str) -> str:
    """What is wrong with a value, all the way down."""
    plain = {"Integer": (int,), "String": (str,), "Boolean": (bool,), "Float": (int, float)}
    if kind == "JSON":
        return "" if isinstance(value, dict | list) else f"{where} is no JSON object"
    if kind in plain:
        return "" if type(value) in plain[kind] else f"{where} is no {kind}: {value!r}"
    if kind.startswith("Array of "):
        if not isinstance(value, list):
            return f"{where} is no list: {value!r}"
        problems = (_misfit(item, kind[9:], f"{where}[{i}]") for i, item in enumerate(value))
        return next(filter(None, problems), "")
    told = _description(SPEC)["types"][kind]
    if "subtypes" in told:
        wrong = [_misfit(value, subtype, where) for subtype in told["subtypes"]]
        return "" if "" in wrong else f"{where} is no {kind}: {value!r}"
    fields = {field["name"]: field for field in told.get("fields", [])}
    if not isinstance(value, dict) or value.keys() - fields.keys():
        return f"{where} is no {kind}: {value!r}"
    for name, field in fields.items():
        if name not in value and field["required"]:
            return f"{where} lacks {name}"
        if name in value:
            wrong = [_misfit(value[name], each, f"{where}.{name}") for each in field["types"]]
            if "" not in wrong:
                return wrong[0]
    return ""


class TelegramServer(Chats):
    """One bot's view of Telegram. Where `webhook` is set, getUpdates is refused until deleteWebhook.

    `commands` go by scope (`default`, `chat -100123`) and language.
    """

    def __init__(self) -> None:
        super().__init__()
        self.token = f"{self.bot['id']}:TEST-token_abc"
        self.webhook = self.secret = ""
        self.edits = 0
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self._files: dict[str, Message] = {}
        self._fails: dict[str, list[Refused]] = {}
        self._delays: dict[str, float] = {}
        self._polls = 0

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Return the one route of all methods."""
        return [("*", "/bot{token}/{method}", self._handle)]

    def fail(self, method: str, code: int, description: str, times: int = 1) -> None:
        """The next calls of this method are refused; a 429 says how long to wait."""
        wait = re.search(r"retry after (\d+)", description)
        parameters = {"retry_after": int(wait[1])} if wait else None
        refused = Refused(code, description, parameters)  # a page of somebody in between: <html>
        self._fails.setdefault(method, []).extend([refused] * times)

    def delay(self, method: str, seconds: float) -> None:
        """From now on, calls are done after this time."""
        self._delays[method] = seconds

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        asked = request.match_info["method"]
        method = next((name for name in METHODS if name.lower() == asked.lower()), asked)
        try:
            result = await self._do(request, method)
            code, body = 200, {"ok": True, "result": result}
        except Refused as refused:
            if refused.description.startswith("<"):
                return reply(refused.code, refused.description, kind="text/html")
            if isinstance(refused, Fault):
                self.faults.append(f"{method}: {refused.description}")
            code = refused.code
            body = {"ok": False, "error_code": code, "description": refused.description}
            body |= {"parameters": refused.parameters} if refused.parameters else {}
        except Exception as problem:  # noqa: BLE001 (a mistake of the fake must reach the test)
            self.faults.append(f"{method}: {problem!r}")
            code, body = 500, {"ok": False, "error_code": 500, "description": repr(problem)}
        return reply(code, body)

    async def _do(self, request: web.Request, method: str) -> Any:
        if request.match_info["token"] != self.token:
            raise Refused(401, "Unauthorized")
        if method not in METHODS:
            if method in _description(SPEC)["methods"]:
                self.faults.append(f"{method} is real, but this server does not do it")
            raise Refused(404, "Not Found")
        sent, files = await world.read(request)
        self.calls.append((method, sent))
        values = _typed(method, sent, files)
        self.calls[-1] = (method, values)
        if values.get("parse_mode"):
            raise Fault(400, "Bad Request: this server parses nothing, send entities")
        await asyncio.sleep(self._delays.get(method, 0))
        if self._fails.get(method):
            raise self._fails[method].pop(0)
        if method == "getUpdates":
            return await self._get_updates(values)
        name = re.sub(r"([A-Z])", r"_\1", method).lower()
        return getattr(self, f"_{name}")(values)

    async def _get_updates(self, values: Json) -> list[Json]:
        if self.webhook:
            raise Refused(409, HOOKED)
        self._polls += 1
        self.wake()
        mine, loop = self._polls, asyncio.get_running_loop()
        if (allowed := values.get("allowed_updates")) is not None:
            self.allowed = list(allowed)
        if (offset := values.get("offset", 0)) < 0:
            self._pending = self._pending[offset:]
        self._pending = [u for u in self._pending if u["update_id"] >= offset]
        end = loop.time() + min(max(values.get("timeout", 0), 0), 50)
        limit = values.get("limit", 100)
        while mine == self._polls:
            found = (self._again + self._pending)[: limit if 1 <= limit <= 100 else 100]
            if found or loop.time() >= end:
                self._again = self._again[len(found) :]
                return found
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), end - loop.time())
        raise Refused(409, TWO)

    def _set_webhook(self, values: Json) -> bool:
        """Bring no updates: a test takes `pending` to the bot itself."""
        self.webhook, self.secret = values["url"], values.get("secret_token", "")
        return True

    def _delete_webhook(self, values: Json) -> bool:
        self.webhook = ""
        if values.get("drop_pending_updates"):
            self._pending = []
        return True

    def _get_me(self, _: Json) -> Json:
        can = {"can_read_all_group_messages": True, "supports_inline_queries": False}
        return self.bot | {"can_join_groups": True} | can

    def _set_my_commands(self, values: Json) -> bool:
        commands = values["commands"]
        if len(commands) > 100:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        if not all(re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]) for command in commands):
            raise bad("BOT_COMMAND_INVALID")
        if not all(1 <= len(command["description"]) <= 256 for command in commands):
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands[self._scope(values)] = commands
        return True

    def _scope(self, values: Json) -> tuple[str, str]:
        scope = values.get("scope", {"type": "default"})
        if "chat_id" in scope:
            self.access(scope["chat_id"])
        names = [str(scope[name]) for name in ("type", "chat_id", "user_id") if name in scope]
        return " ".join(names), self._language(values)

    def _language(self, values: Json) -> str:
        code = str(values.get("language_code", ""))
        if not re.fullmatch(r"([a-z]{2})?", code):
            raise bad("invalid language code specified")
        return code

    def _get_chat(self, values: Json) -> Json:
        return self.access(values["chat_id"]).shown | FULL

    def _get_chat_member(self, values: Json) -> Json:
        chat, user_id = self.access(values["chat_id"]), values["user_id"]
        if chat.type == "channel" and not self.rules(chat, self.bot["id"]):
            raise bad("member list is inaccessible")
        if user_id not in self.users:
            raise bad("PARTICIPANT_ID_INVALID")
        return self.member_shown(chat, user_id)

    def _place(self, values: Json, what: str) -> Chat:
        """The chat, if such a message may go to that part of it."""
        chat, thread = self.access(values["chat_id"], "write"), values.get("message_thread_id")
        right = "can_send_photos" if what == "photos" else "can_send_messages"
        mine, rules = chat.members[self.bot["id"]], self.rules(chat, self.bot["id"])
        if chat.type == "channel" and not (rules and mine.get("can_post_messages", True)):
            raise bad("need administrator rights in the channel chat")
        if not rules and not mine.get(right, True):
            raise bad(f"not enough rights to send {what} to the chat")
        if thread is not None and thread not in chat.topics:
            raise bad("message thread not found")
        return chat

    def _sent(self, chat: Chat, values: Json, **more: Any) -> Json:
        reply = values.get("reply_parameters") or {}
        answered = chat.messages.get(reply.get("message_id", 0))
        if reply and (not answered or answered.deleted):
            if not reply.get("allow_sending_without_reply"):
                raise bad("message to be replied not found")
            answered = None
        sender = {"sender_chat": chat.shown} if chat.type == "channel" else {"from": self.bot}
        more |= {"reply_to": answered.message_id if answered else None, "mine": True}
        more |= {"thread": values.get("message_thread_id")}
        more |= {"disable_notification": values.get("disable_notification", False)}
        message = self.keep(
            chat, sender, buttons=world.keyboard(values.get("reply_markup")), **more
        )
        for size in message.sizes:
            self._files[size["file_id"]] = message
        return self.shown(message)

    def _send_message(self, values: Json) -> Json:
        chat = self._place(values, "text messages")
        return self._sent(chat, values, **world.parsed(values))

    def _send_photo(self, values: Json) -> Json:
        chat, photo = self._place(values, "photos"), values["photo"]
        more = world.parsed(values, caption=True)
        if isinstance(photo, bytes):
            sizes = world.picture_sizes(photo, len(self._files))
        elif known := self._files.get(photo):
            photo, sizes = known.photo, known.sizes
        else:
            raise bad("wrong file identifier/HTTP URL specified")
        more |= {"photo": photo, "sizes": sizes, "file_id": sizes[-1]["file_id"]}
        return self._sent(chat, values, **more)

    def _edit_message_reply_markup(self, values: Json, **new: Any) -> Json:
        message = self._own(values)
        new["buttons"] = world.keyboard(values.get("reply_markup"))
        if all(getattr(message, name) == value for name, value in new.items()):
            raise bad(SAME)
        for name, value in new.items():
            setattr(message, name, value)
        message.edit_date = int(time.time())
        self.edits += 1
        return self.shown(message)

    def _own(self, values: Json) -> Message:
        chat = self.access(values["chat_id"], "edit")
        message = chat.messages.get(values["message_id"])
        if not message or message.deleted or not message.mine:
            raise bad("message to edit not found")
        return message

    def _edit_message_text(self, values: Json) -> Json:
        if self._own(values).photo:
            raise bad("there is no text in the message to edit")
        return self._edit_message_reply_markup(values, **world.parsed(values))

    def _answer_callback_query(self, values: Json) -> bool:
        asked = self._queries.get(values["callback_query_id"])
        if asked is None or time.time() - asked >= QUERY_SECONDS:
            raise bad(LATE)
        if len(values.get("text", "")) > 200:
            raise bad("MESSAGE_TOO_LONG")
        return True
