"""Discord's REST API and gateway on 127.0.0.1, for tests. It knows no library of its clients, refuses
what Discord refuses, and raises at the end what no client of ours should ever send."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from aiohttp import BodyPartReader, web

from tests import discord_rules as rules
from tests.discord_gateway import DIRECT, GUILD_MESSAGES, People
from tests.discord_rules import EPHEMERAL, LOADING, Json, Refused, bits
from tests.discord_things import APPLICATION, KINDS, Channel, Guild, Interaction, Message, Person
from tests.loopback import Handler, reply

ID, TOKENS = r"(\d+)", r"([\w.-]+)"
COMMANDS, TEXTS = rf"/applications/{ID}/commands", rf"/channels/{ID}/messages"
ROUTES = [
    ("GET", "/users/@me", "_me"),
    ("GET", "/(?:oauth2/)?applications/@me", "_application"),
    ("GET", "/gateway(?:/bot)?", "_where"),
    ("PUT", COMMANDS, "_set_commands"),
    ("GET", rf"/guilds/{ID}(?:\?.*)?", "_guild"),
    ("GET", rf"/guilds/{ID}/members/{ID}", "_guild_member"),
    ("GET", rf"/guilds/{ID}/channels", "_guild_channels"),
    ("POST", "/users/@me/channels", "_open_dm"),
    ("GET", rf"/channels/{ID}", "_show_channel"),
    ("POST", TEXTS, "_send"),
    ("POST", rf"{TEXTS}/{ID}/crosspost", "_crosspost"),
    ("POST", rf"/interactions/{ID}/{TOKENS}/callback", "_callback"),
    ("POST", rf"/webhooks/{ID}/{TOKENS}", "_follow_up"),
    ("PATCH|DELETE", rf"/webhooks/{ID}/{TOKENS}/messages/@original", "_answer"),
]
Reply = tuple[int, Any]


@dataclass
class Call:
    """One request."""

    method: str
    path: str
    body: Any
    files: dict[str, bytes]


class DiscordServer(People):
    """All of Discord on one port."""

    token_life = 900.0
    """Seconds in which an interaction can be answered."""

    def __init__(self) -> None:
        super().__init__()
        self.api_url, self.shards = "", 1
        self.syncs = 0
        self._planned: list[Json] = []

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Return the one route of both."""
        return [("*", "/{path:.*}", self._serve)]

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.api_url = f"{self.url}/api/v10"
        self.gateway_url = f"ws://127.0.0.1:{self.port}/gateway"
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        for line in [*self.lines]:
            await line.ws.close(code=1001)
        await super().__aexit__(kind)

    def fail(self, method: str, path: str, status: int, body: Any) -> None:
        """Answer the next such request with this, as an edge does; `path` is a pattern."""
        plan = {"method": method, "path": path, "times": 1}
        self._planned.append(plan | {"status": status, "body": body})

    def lose(self, method: str, path: str, times: int = 1) -> None:
        """Do what the next such requests ask for, and cut the connection in place of an answer."""
        self._planned.append({"method": method, "path": path, "times": times, "lose": True})

    def _plan(self, call: Call, key: str) -> Json:
        for plan in self._planned:
            fits = plan["method"] == call.method and re.search(plan["path"], call.path)
            if key in plan and plan["times"] > 0 and fits:
                plan["times"] -= 1
                return plan
        return {}

    # --- requests ---

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/gateway":
            return await self._gateway(request)
        path = request.path.removeprefix("/api/v10")
        call = Call(request.method, path, *await _read(request))
        self.calls.append((call.method, path, call.body))
        if plan := self._plan(call, "status"):
            return reply(plan["status"], plan["body"])
        losing = self._plan(call, "lose")
        try:
            status, body = self._do(call, request.headers.get("Authorization", ""))
        except Refused as answer:
            status, body = answer.status, answer.body
            self.refusals.append(f"{call.method} {path}: {status} {json.dumps(body)}")
        except Exception as problem:  # noqa: BLE001 (it must reach the test)
            self.faults.append(f"{call.method} {path}: {problem!r}")
            status, body = 500, {"message": "500: Internal Server Error", "code": 0}
        if losing and request.transport:
            request.transport.abort()
        room = {"Limit": "1000", "Remaining": "999", "Reset-After": "1.000", "Bucket": "messages"}
        room["Reset"] = f"{datetime.now(UTC).timestamp() + 1:.3f}"
        shown = room if "/messages" in path else {}
        return reply(status, body, {f"X-RateLimit-{key}": value for key, value in shown.items()})

    def _do(self, call: Call, key: str) -> Reply:
        is_open = call.path == "/gateway" or call.path.startswith(("/interactions/", "/webhooks/"))
        if not is_open and key != f"Bot {self.token}":
            raise Refused(401, 0, "401: Unauthorized")
        if call.body is None:
            raise Refused(400, 50109, "The request body contains invalid JSON.")
        for methods, pattern, name in ROUTES:
            found = re.fullmatch(pattern, call.path)
            if found and call.method in methods.split("|"):
                ids = [int(x) if x.isdigit() else x for x in found.groups()]
                answer: Reply = getattr(self, name)(call, *ids)
                return answer
        self.faults.append(f"{call.method} {call.path}: this server has no such route")
        raise Refused(404, 0, "404: Not Found")

    def _me(self, call: Call) -> Reply:
        return 200, self.bot.wire() | {"verified": True, "mfa_enabled": True, "email": None}

    def _application(self, call: Call) -> Reply:
        owner = Person(APPLICATION + 1, "Owner of the bot").wire()
        about: Json = {"id": str(APPLICATION), "name": self.bot.name, "description": ""}
        about |= {
            "icon": None,
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "00" * 32,
        }
        return 200, about | {"owner": owner, "flags": 0, "team": None, "bot": self.bot.wire()}

    def _where(self, call: Call) -> Reply:
        limit = {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
        more = {"shards": self.shards, "session_start_limit": limit}
        return 200, {"url": self.gateway_url} | (more if call.path.endswith("bot") else {})

    def _set_commands(self, call: Call, application: int) -> Reply:
        if application != APPLICATION:
            raise Refused(404, 10002, "Unknown Application")
        self.syncs += 1
        rules.check_commands(call.body)
        old, self.commands = self.commands, {}
        for command in call.body:
            self._register(command, old.get(command["name"]))
        return 200, [*self.commands.values()]

    def _register(self, command: Json, old: Json | None) -> None:
        full: Json = {"type": 1, "options": [], "default_member_permissions": None, "nsfw": False}
        full |= dict.fromkeys(["contexts", "name_localizations", "description_localizations"])
        about = {"id": old["id"] if old else str(self._new_id()), "version": str(self._new_id())}
        about |= {"application_id": str(APPLICATION)}
        self.commands[command["name"]] = full | command | about

    def _inside(self, id: int) -> Guild:
        guild = self.guilds.get(id)
        if guild is None or not guild.present:
            raise Refused(404, 10004, "Unknown Guild")
        return guild

    def _guild(self, call: Call, id: int) -> Reply:
        left_out = ("members", "channels", "threads", "member_count", "joined_at")
        shown = self._inside(id).wire()
        return 200, {name: value for name, value in shown.items() if name not in left_out}

    def _guild_member(self, call: Call, id: int, person: int) -> Reply:
        found = [one for one in self._inside(id).members if one.id == person]
        if not found:
            raise Refused(404, 10007, "Unknown Member")
        return 200, self._inside(id).member(found[0])

    def _guild_channels(self, call: Call, id: int) -> Reply:
        return 200, self._inside(id).wire()["channels"]

    def _open_dm(self, call: Call) -> Reply:
        person = self.people.get(int(call.body.get("recipient_id", 0)))
        if person is None:
            raise Refused(400, 50033, "Invalid Recipient(s)")
        return 200, self.dm(person).wire()

    def _seen(self, id: int, *needed: str) -> Channel:
        """A channel that the bot sees, and may do this in."""
        channel = self.channels.get(id)
        if channel is None:
            raise Refused(404, 10003, "Unknown Channel")
        may = channel.allowed(self.bot) if not channel.guild or channel.guild.present else 0
        if not may & bits(["view_channel"]):
            raise Refused(403, 50001, "Missing Access")
        if any(not may & bits([name]) for name in needed):
            raise Refused(403, 50013, "Missing Permissions")
        return channel

    def _show_channel(self, call: Call, id: int) -> Reply:
        return 200, self._seen(id).wire()

    # --- messages ---

    def _check(
        self, call: Call, body: Json, fields: frozenset[str], old: Message | None = None
    ) -> None:
        """Refuse a message as Discord would, and note what none of ours should hold in one it takes."""
        kept = _kept(old, body)
        rules.check_message(body, call.files, kept)
        merged = (old.body if old else {}) | body
        shown = ("content", "embeds", "poll", "sticker_ids")
        if not any(merged.get(x) for x in shown) and not (call.files or kept):
            raise Refused(400, 50006, "Cannot send an empty message")
        found = rules.message_faults(body, fields)
        self.faults += [f"{call.method} {call.path}: {fault}" for fault in found]

    def _store(
        self,
        call: Call,
        channel: Channel,
        body: Json,
        by: Interaction | None = None,
        flags: int = 0,
    ) -> Message:
        message = Message(self._new_id(), channel, {}, {}, flags, by)
        self._messages[message.id] = message
        return self._write(call, message, body)

    def _write(self, call: Call, message: Message, body: Json) -> Message:
        """Put into a message what a request says."""
        new = not message.body
        if not new:
            message.edits.append(body)
        kept = _kept(message, body)
        message.files = {name: message.files[name] for name in kept} | call.files
        message.ids = {n: message.ids.get(n) or self._new_id() for n in message.files}
        message.body = message.body | body
        if not message.ephemeral and not message.loading:
            guild = message.channel.guild
            about = {"guild_id": str(guild.id)} if guild else {}
            event = "MESSAGE_CREATE" if new else "MESSAGE_UPDATE"
            wire = message.wire(self.bot) | about
            self._tell(event, wire, guild, GUILD_MESSAGES if guild else DIRECT)
        return message

    def _send(self, call: Call, id: int) -> Reply:
        thread = id in self.channels and self.channels[id].parent
        needed = ["send_messages_in_threads" if thread else "send_messages"]
        needed += ["embed_links"] if call.body.get("embeds") else []
        channel = self._seen(id, *needed, *(["attach_files"] if call.files else []))
        if channel.type == KINDS["forum"]:
            raise Refused(400, 50008, "Cannot send messages in a non-text channel")
        if channel.person and not channel.person.takes_dms:
            raise Refused(403, 50007, "Cannot send messages to this user")
        self._check(call, call.body, rules.SENT)
        if int(call.body.get("flags") or 0) & EPHEMERAL:
            self.faults.append(f"{call.path}: only answers to interactions can be ephemeral")
        nonce = str(call.body.get("nonce"))
        if call.body.get("enforce_nonce"):
            for old in self.messages(id):
                if str(old.nonce) == nonce:
                    return 200, old.wire(self.bot)
        flags = int(call.body.get("flags") or 0) & ~EPHEMERAL
        return 200, self._store(call, channel, call.body, flags=flags).wire(self.bot)

    def _crosspost(self, call: Call, channel: int, id: int) -> Reply:
        if self._seen(channel, "send_messages").type != KINDS["announcement"]:
            raise Refused(400, 50024, "Cannot execute action on this channel type")
        message = self._messages.get(id)
        if message is None or message.channel.id != channel or message.ephemeral or message.deleted:
            raise Refused(404, 10008, "Unknown Message")
        if message.crossposted:
            raise Refused(400, 40033, "This message has already been crossposted.")
        message.flags |= rules.CROSSPOSTED
        return 200, message.wire(self.bot)

    # --- answers to interactions ---

    def _callback(self, call: Call, id: int, token: str) -> Reply:
        it = next((it for it in self.interactions if it.id == id and it.token == token), None)
        if it is None:
            raise Refused(404, 10062, "Unknown interaction")
        if it.callback:
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        if asyncio.get_running_loop().time() - it.at > self.answer_window:
            raise Refused(404, 10062, "Unknown interaction")
        kind, data = call.body.get("type"), call.body.get("data") or {}
        form = rules.Form()
        form.choice("type", kind, {2: (4, 5), 3: (4, 5, 6), 4: (8,)}[it.type])
        form.end()
        flags = int(data.get("flags") or 0) & EPHEMERAL
        if kind == 8:
            rules.check_choices(data.get("choices"), it.option)
            it.choices = data["choices"]
        elif kind == 4:
            self._check(call, data, rules.ANSWERED)
            it.original = it.end(self._store(call, it.channel, data, it, flags))
        elif kind == 5:
            it.original = self._store(call, it.channel, {}, it, flags | LOADING)
        else:
            it.original = it.source
        it.callback, it.ephemeral = kind, bool(flags)
        about: Json = {"id": str(id), "type": it.type, "response_message_loading": kind == 5}
        about["response_message_ephemeral"] = it.ephemeral
        if kind not in (4, 5) or not it.original:
            return 200, {"interaction": about}
        about["response_message_id"] = str(it.original.id)
        resource = {"type": kind, "message": it.original.wire(self.bot)}
        return 200, {"interaction": about, "resource": resource}

    def _answering(self, application: int, token: str) -> Interaction:
        it = next((it for it in self.interactions if it.token == token), None)
        if it is None or application != APPLICATION or not it.callback:
            raise Refused(404, 10015, "Unknown Webhook")
        if asyncio.get_running_loop().time() - it.at > self.token_life:
            raise Refused(401, 50027, "Invalid Webhook Token")
        return it

    def _follow_up(self, call: Call, application: int, token: str) -> Reply:
        """One more message; the first one after a deferral takes the place of that."""
        it = self._answering(application, token)
        self._check(call, call.body, rules.ANSWERED)
        if it.original and it.original.loading:
            it.original.flags &= ~LOADING
            return 200, it.end(self._write(call, it.original, call.body)).wire(self.bot)
        flags = int(call.body.get("flags") or 0) & EPHEMERAL
        message = it.end(self._store(call, it.channel, call.body, it, flags))
        return 200, message.wire(self.bot)

    def _answer(self, call: Call, application: int, token: str) -> Reply:
        it = self._answering(application, token)
        if it.original is None or it.original.deleted:
            raise Refused(404, 10008, "Unknown Message")
        if call.method == "DELETE":
            it.original.deleted = True
            return 204, None
        self._check(call, call.body, rules.EDITED, it.original)
        it.original.flags &= ~LOADING
        return 200, it.end(self._write(call, it.original, call.body)).wire(self.bot)


async def _read(request: web.Request) -> tuple[Any, dict[str, bytes]]:
    """Body and files of a request; None for a body that is no JSON."""
    files: dict[str, bytes] = {}
    if not request.content_type.startswith("multipart/"):
        raw = await request.read()
        return _json(raw or b"{}"), files
    body: Any = {}
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        data = bytes(await part.read())
        if part.name == "payload_json":
            body = _json(data)
        else:
            files[str(part.filename)] = data
    return body, files


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _kept(message: Message | None, body: Json) -> list[str]:
    """Files that a message keeps: all, or those that the request lists."""
    if message is None or "attachments" not in body:
        return [*message.files] if message else []
    listed = {str(part.get("id")) for part in body["attachments"] or []}
    return [name for name, id in message.ids.items() if str(id) in listed]
