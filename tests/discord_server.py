"""Discord's REST API and gateway on 127.0.0.1, for tests. It knows no library of its clients.

    async with DiscordServer() as server:
        guild = server.guild(1 << 22, "Home")
        channel = server.channel(guild, 20, "news", kind="announcement")
        ... the bot connects to server.api_url ...
        answer = await (await server.slash(channel, server.person(7, "Mei"), "report")).done()

It refuses what Discord refuses, and raises at the end what no client of ours should ever send.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from aiohttp import BodyPartReader, WSMsgType, web

from tests import discord_rules as rules
from tests.discord_rules import EPHEMERAL, FILE_SIZE, LOADING, Json, Refused, bits

TOKEN, APPLICATION = "MTAwMQ.discord.test-token", 1001
BEGAN = "2025-01-01T00:00:00+00:00"
KINDS = {"text": 0, "announcement": 5, "forum": 15}
GUILDS, MEMBERS, PRESENCES, GUILD_MESSAGES, DIRECT, CONTENT = 1, 2, 1 << 8, 1 << 9, 1 << 12, 1 << 15
USUAL = "view_channel send_messages send_messages_in_threads embed_links attach_files"
USUAL += " read_message_history"
PERSONS = f"{USUAL} add_reactions use_application_commands"
ID, TOKENS = r"(\d+)", r"([\w.-]+)"
COMMANDS, TEXTS = rf"/applications/{ID}/commands", rf"/channels/{ID}/messages"
ROUTES = [
    ("GET", "/users/@me", "_me"),
    ("GET", "/(?:oauth2/)?applications/@me", "_application"),
    ("GET", "/gateway(?:/bot)?", "_where"),
    ("GET", COMMANDS, "_commands"),
    ("PUT", COMMANDS, "_set_commands"),
    ("POST", COMMANDS, "_add_command"),
    ("GET", rf"/users/{ID}", "_user"),
    ("POST", "/users/@me/channels", "_open_dm"),
    ("GET", rf"/channels/{ID}", "_show_channel"),
    ("POST", rf"/channels/{ID}/typing", "_typing"),
    ("POST", TEXTS, "_send"),
    ("GET|PATCH|DELETE", rf"{TEXTS}/{ID}", "_message"),
    ("POST", rf"{TEXTS}/{ID}/crosspost", "_crosspost"),
    ("POST", rf"/interactions/{ID}/{TOKENS}/callback", "_callback"),
    ("POST", rf"/webhooks/{ID}/{TOKENS}", "_follow_up"),
    ("GET|PATCH|DELETE", rf"/webhooks/{ID}/{TOKENS}/messages/(@original|\d+)", "_answer"),
]
Reply = tuple[int, Any]


@dataclass(eq=False)
class Person:
    id: int
    name: str
    locale: str = "zh-CN"
    bot: bool = False
    takes_dms: bool = True

    def wire(self) -> Json:
        names = {"username": f"user{self.id}", "global_name": self.name, "discriminator": "0"}
        return {"id": str(self.id), "avatar": None, "bot": self.bot, "public_flags": 0} | names


@dataclass(eq=False)
class Guild:
    id: int
    name: str
    locale: str
    owner: Person
    present: bool
    """Whether the bot is in it."""
    channels: dict[int, Channel] = field(default_factory=dict)
    members: dict[Person, int] = field(default_factory=dict)
    """What the role that each member has of its own allows."""

    def role(self, person: Person) -> Json:
        role = {
            "id": str(person.id + 7_000_000_000),
            "name": person.name,
            "permissions": "0",
            "position": 1,
        }
        managed = {"managed": person.bot, "tags": {"bot_id": str(person.id)} if person.bot else {}}
        allowed = {"permissions": str(self.members[person])}
        return (
            role
            | managed
            | allowed
            | {"color": 0, "hoist": False, "mentionable": False, "flags": 0}
        )

    def member(self, person: Person) -> Json:
        roles = {
            "roles": [str(person.id + 7_000_000_000)],
            "joined_at": BEGAN,
            "nick": None,
            "flags": 0,
        }
        return roles | {"user": person.wire(), "deaf": False, "mute": False, "pending": False}

    def wire(self) -> Json:
        everyone = {"id": str(self.id), "name": "@everyone", "permissions": "0", "position": 0}
        inside = [channel.wire() for channel in self.channels.values()]
        return {
            "id": str(self.id),
            "name": self.name,
            "owner_id": str(self.owner.id),
            "preferred_locale": self.locale,
            "features": ["COMMUNITY"],
            "joined_at": BEGAN,
            "member_count": len(self.members),
            "roles": [everyone, *map(self.role, self.members)],
            "members": [self.member(person) for person in self.members],
            "channels": [channel for channel in inside if "thread_metadata" not in channel],
            "threads": [channel for channel in inside if "thread_metadata" in channel],
        }


@dataclass(eq=False)
class Channel:
    id: int
    name: str
    type: int
    guild: Guild | None = None
    parent: Channel | None = None
    person: Person | None = None
    """The one at the other end of a direct message."""
    denied: int = 0
    """What the bot may not do here."""

    def allowed(self, person: Person) -> int:
        """Permissions of a person or the bot in this channel."""
        if not self.guild:
            return bits(USUAL.split()) | bits(["mention_everyone"])
        own = self.guild.members.get(person, 0)
        if person is self.guild.owner or own & bits(["administrator"]):
            return rules.ALL
        return own & ~(self.parent or self).denied if person.bot else own

    def wire(self) -> Json:
        base: Json = {"id": str(self.id), "type": self.type, "last_message_id": None, "flags": 0}
        if self.person:
            return base | {"recipients": [self.person.wire()]}
        assert self.guild
        base |= {"guild_id": str(self.guild.id), "name": self.name, "rate_limit_per_user": 0}
        if self.parent:
            times = dict.fromkeys(["archive_timestamp", "create_timestamp"], BEGAN)
            state = {"archived": False, "auto_archive_duration": 1440, "locked": False} | times
            of = {"parent_id": str(self.parent.id), "owner_id": str(self.guild.owner.id)}
            return base | of | {"message_count": 0, "member_count": 1, "thread_metadata": state}
        denied = {"id": str(APPLICATION), "type": 1, "allow": "0", "deny": str(self.denied)}
        more = {"position": 0, "parent_id": None, "topic": None, "nsfw": False}
        return base | more | {"permission_overwrites": [denied]}


@dataclass(eq=False)
class Message:
    """A message of the bot."""

    id: int
    channel: Channel
    body: Json
    """As sent, with all edits."""
    files: dict[str, bytes]
    flags: int = 0
    interaction: Interaction | None = None
    edits: list[Json] = field(default_factory=list)
    """Bodies of the requests that changed it."""
    ids: dict[str, int] = field(default_factory=dict)
    """Of its files."""
    deleted: bool = False
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())

    content = property(lambda self: self.body.get("content") or "")
    embeds = property(lambda self: self.body.get("embeds") or [])
    components = property(lambda self: self.body.get("components") or [])
    nonce = property(lambda self: self.body.get("nonce"))
    ephemeral = property(lambda self: bool(self.flags & EPHEMERAL))
    crossposted = property(lambda self: bool(self.flags & rules.CROSSPOSTED))
    loading = property(lambda self: bool(self.flags & LOADING))

    def parts(self, *kinds: int) -> list[Json]:
        """Its buttons (2), selects (3) or others."""
        inside = [part for row in self.components for part in row["components"]]
        return [part for part in inside if part["type"] in kinds]

    def wire(self, author: Person) -> Json:
        """As Discord shows it; a file that an embed shows is not listed as attached."""
        where = f"https://cdn.discordapp.com/attachments/{self.channel.id}"
        links = {f"attachment://{name}": f"{where}/{id}/{name}" for name, id in self.ids.items()}
        text = json.dumps(self.embeds)
        shown = [name for name in self.ids if f'"attachment://{name}"' in text]
        for name, link in links.items():
            text = text.replace(f'"{name}"', f'"{link}"')
        attached: list[Json] = [
            {"id": str(self.ids[name]), "filename": name, "size": len(data)}
            | dict.fromkeys(["url", "proxy_url"], links[f"attachment://{name}"])
            for name, data in self.files.items()
            if name not in shown
        ]
        wire: Json = {"id": str(self.id), "channel_id": str(self.channel.id), "type": 0}
        wire |= {"content": self.content, "components": self.components, "attachments": attached}
        wire |= {"embeds": [{"type": "rich", **embed} for embed in json.loads(text)]}
        wire |= {"author": author.wire(), "flags": self.flags, "timestamp": self.at}
        wire |= {"edited_timestamp": datetime.now(UTC).isoformat() if self.edits else None}
        wire |= dict.fromkeys(["tts", "pinned", "mention_everyone"], False)
        wire |= {"mentions": [], "mention_roles": [], "nonce": self.nonce}
        if it := self.interaction:
            about = {"id": str(it.id), "type": it.type, "user": it.person.wire()}
            wire |= {"webhook_id": str(author.id), "application_id": str(author.id)}
            wire |= {"type": 20 if it.type == 2 else 19, "interaction_metadata": about}
        return wire


@dataclass(eq=False)
class Interaction:
    """What a person did, and what the bot answered."""

    id: int
    type: int
    channel: Channel
    person: Person
    at: float
    world: World
    source: Message | None = None
    """The message whose button or select it was."""
    option: int = 0
    """Type of the half-typed option."""
    callback: int = 0
    """Type of the first answer: 4 to 9."""
    ephemeral: bool = False
    original: Message | None = None
    final: Message | None = None
    messages: list[Message] = field(default_factory=list)
    choices: list[Json] | None = None
    modal: Json | None = None

    token = property(lambda self: f"token-{self.id}")

    @property
    def deferred(self) -> int:
        """5 or 6 where the first answer only said that one would come."""
        return self.callback if self.callback in (5, 6) else 0

    def end(self, message: Message) -> Message:
        """Keep a message of the answer."""
        self.final = self.final or message
        if message not in self.messages:
            self.messages.append(message)
        return message

    async def done(self, seconds: float = 5) -> Message:
        """The first answer that is not a deferral."""
        await self.world.until(lambda: self.final, seconds)
        assert self.final
        return self.final


# --- the gateway ------------------------------------------------------------------------------


class Line:
    """One open socket of a bot."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request) -> None:
        self.ws, self.transport = ws, request.transport
        self.session: Session | None = None
        self._pack = _packer(request.query.get("compress", ""))
        self._waiting: asyncio.Queue[str] = asyncio.Queue()

    def tell(self, op: int, data: Any = None) -> None:
        self.put(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def cut(self) -> None:
        if self.transport:
            self.transport.abort()

    def put(self, text: str) -> None:
        self._waiting.put_nowait(text)

    async def drain(self) -> None:
        """Send what waits, in its order, until the socket is gone."""
        with contextlib.suppress(ConnectionError):
            while True:
                packed = self._pack(await self._waiting.get())
                await (self.ws.send_str if isinstance(packed, str) else self.ws.send_bytes)(packed)


def _packer(name: str) -> Callable[[str], Any]:
    """How the frames of one socket are packed: one stream, flushed after each frame."""
    if name == "zlib-stream":
        zipped = zlib.compressobj()
        return lambda text: zipped.compress(text.encode()) + zipped.flush(zlib.Z_SYNC_FLUSH)
    if name == "zstd-stream":
        with contextlib.suppress(ImportError):
            zstd = importlib.import_module("compression.zstd").ZstdCompressor()
            return lambda text: zstd.compress(text.encode(), mode=zstd.FLUSH_BLOCK)
    return str


@dataclass(eq=False)
class Session:
    """What a bot may resume."""

    id: str
    shard: int
    shards: int
    intents: int
    line: Line | None
    log: list[str] = field(default_factory=list)

    def tell(self, event: str, data: Any) -> None:
        self.log.append(json.dumps({"op": 0, "t": event, "s": len(self.log) + 1, "d": data}))
        if self.line:
            self.line.put(self.log[-1])


class World:
    """What there is: guilds, channels, people, messages, and the bots that hear of it."""

    def __init__(self) -> None:
        self.bot = Person(APPLICATION, "Test bot", "en-US", bot=True)
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.people: dict[int, Person] = {}
        self.sessions: dict[str, Session] = {}
        self.calls: list[tuple[str, str, Any]] = []
        self.refusals: list[str] = []
        self.faults: list[str] = []
        self._messages: dict[int, Message] = {}
        self._ids = iter(range(1, 1 << 22))

    def _new_id(self) -> int:
        now = int(datetime.now(UTC).timestamp() * 1000) - 1420070400000
        return (now << 22) + next(self._ids)

    def _hearing(self, guild: Guild | None) -> list[Session]:
        """Sessions of the shard that a guild, or all direct messages, belong to."""
        number = guild.id >> 22 if guild else 0
        return [s for s in self.sessions.values() if s.shard == number % s.shards]

    def _tell(self, event: str, data: Any, guild: Guild | None = None, intent: int = 0) -> None:
        """Send an event to the shards that see the guild and asked for such events."""
        for session in self._hearing(guild) if guild is None or guild.present else []:
            if not intent or session.intents & intent:
                session.tell(event, data)

    def guild(self, id: int, name: str, locale: str = "zh-CN", bot: bool = True) -> Guild:
        """A server with an owner of its own; `bot`: whether the bot is in it already."""
        owner = self.person(id + 9_000_000_000, f"Owner of {name}", locale)
        guild = self.guilds[id] = Guild(id, name, locale, owner, present=False)
        guild.members = {self.bot: bits(USUAL.split()), owner: bits(PERSONS.split())}
        if bot:
            self.add_bot(guild)
        return guild

    def channel(self, guild: Guild, id: int, name: str, kind: str = "text") -> Channel:
        return self._place(Channel(id, name, KINDS[kind], guild), "CHANNEL_CREATE")

    def thread(self, channel: Channel, id: int, name: str) -> Channel:
        """A thread of a text channel, or a post in a forum."""
        kind = 10 if channel.type == KINDS["announcement"] else 11
        return self._place(Channel(id, name, kind, channel.guild, channel), "THREAD_CREATE")

    def _place(self, channel: Channel, event: str) -> Channel:
        assert channel.guild
        assert channel.id not in self.channels, f"there is a channel {channel.id} already"
        self.channels[channel.id] = channel.guild.channels[channel.id] = channel
        self._tell(event, channel.wire(), channel.guild, GUILDS)
        return channel

    def person(self, id: int, name: str, locale: str = "zh-CN") -> Person:
        assert locale in rules.LOCALES, f"Discord has no locale {locale}"
        return self.people.setdefault(id, Person(id, name, locale))

    def dm(self, person: Person) -> Channel:
        """The channel of direct messages between a person and the bot."""
        id = person.id + 5_000_000_000
        return self.channels.setdefault(id, Channel(id, "", 1, person=person))

    def grant(self, guild: Guild, who: Person, **permissions: bool) -> None:
        """Say what a person or `server.bot` may do in a guild; the rest stays as it was."""
        new = who not in guild.members
        guild.members.setdefault(who, bits(PERSONS.split()))
        for name, may in permissions.items():
            bit = bits([name])
            guild.members[who] = guild.members[who] | bit if may else guild.members[who] & ~bit
        event = "GUILD_ROLE_CREATE" if new else "GUILD_ROLE_UPDATE"
        self._tell(event, {"guild_id": str(guild.id), "role": guild.role(who)}, guild, GUILDS)

    def deny_bot(self, channel: Channel, *permissions: str) -> None:
        """Take exactly these from the bot in one channel (and its threads); none: give all back."""
        channel = channel.parent or channel
        channel.denied = bits(permissions)
        self._tell("CHANNEL_UPDATE", channel.wire(), channel.guild, GUILDS)

    def add_bot(self, guild: Guild) -> None:
        guild.present = True
        self._tell("GUILD_CREATE", guild.wire(), guild, GUILDS)

    def remove_bot(self, guild: Guild) -> None:
        self._tell("GUILD_DELETE", {"id": str(guild.id)}, guild, GUILDS)
        guild.present = False

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel with its threads."""
        assert channel.guild
        for thread in [c for c in channel.guild.channels.values() if c.parent is channel]:
            self.delete_channel(thread)
        del self.channels[channel.id], channel.guild.channels[channel.id]
        event = "THREAD_DELETE" if channel.parent else "CHANNEL_DELETE"
        self._tell(event, channel.wire(), channel.guild, GUILDS)

    def messages(self, channel: Channel | int) -> list[Message]:
        """Messages of the bot in a channel, also those that one person alone sees."""
        id = channel if isinstance(channel, int) else channel.id
        kept = [m for m in self._messages.values() if m.channel.id == id]
        return [m for m in kept if not m.deleted and not m.loading]

    async def until(self, true: Callable[[], object], seconds: float = 5, what: str = "") -> None:
        """Wait until something is so; after that time the test fails."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not true():
            if loop.time() > end:
                last = [f"{method} {path}" for method, path, _ in self.calls[-5:]]
                said = (
                    f"{what or 'this'} did not happen in {seconds:g} s; the last calls were {last}"
                )
                raise AssertionError(f"{said}; refused were {self.refusals[-5:]}; {self.faults}")
            await asyncio.sleep(0.005)


class Gateway(World):
    """The sockets of the bots."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.gateway_url = TOKEN, ""
        self.identifies: list[Json] = []
        self.resumes = 0
        self.lines: list[Line] = []

    async def cut(self) -> None:
        """Drop the sockets of all bots, without a word."""
        await self._drop(Line.cut)

    async def reconnect(self) -> None:
        """Ask all bots to connect again."""
        await self._drop(lambda line: line.tell(7))

    async def _drop(self, how: Callable[[Line], object]) -> None:
        lines = [*self.lines]
        assert lines, "no bot is connected"
        for line in lines:
            how(line)
        await self.until(lambda: not {*lines} & {*self.lines}, what="the end of the sockets")

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(max_msg_size=0)
        await ws.prepare(request)
        line = Line(ws, request)
        self.lines.append(line)
        sender = asyncio.create_task(line.drain())
        line.tell(10, {"heartbeat_interval": 41250})
        try:
            async for frame in ws:
                if frame.type is WSMsgType.TEXT:
                    await self._heard(line, **json.loads(frame.data))
        finally:
            self.lines.remove(line)
            sender.cancel()
            if (session := line.session) and session.line is line:
                session.line = None
                if ws.close_code in (1000, 1001):
                    self.sessions.pop(session.id, None)
        return ws

    async def _heard(self, line: Line, op: int, d: Any = None, **_: Any) -> None:
        if op == 1:
            line.tell(11)
        elif op in (2, 6) and d.get("token") != self.token:
            await line.ws.close(code=4004, message=b"Authentication failed.")
        elif op == 6:
            self._resume(line, d)
        elif op == 2:
            self.identifies.append(d)
            shard, shards = d.get("shard", (0, 1))
            if d["intents"] & (MEMBERS | PRESENCES | CONTENT):
                await line.ws.close(code=4014, message=b"Disallowed intent(s).")
            elif not 0 <= shard < shards:
                await line.ws.close(code=4010, message=b"Invalid shard.")
            else:
                self._begin(
                    line, Session(f"session-{self._new_id()}", shard, shards, d["intents"], line)
                )
        elif line.session is None:
            await line.ws.close(code=4003, message=b"Not authenticated.")

    def _begin(self, line: Line, session: Session) -> None:
        line.session = self.sessions[session.id] = session
        guilds = [g for g in self.guilds.values() if g.present]
        mine = [g for g in guilds if (g.id >> 22) % session.shards == session.shard]
        ready: Json = {"v": 10, "user": self.bot.wire(), "session_id": session.id}
        ready |= {"guilds": [{"id": str(g.id), "unavailable": True} for g in mine]}
        ready |= {"shard": [session.shard, session.shards], "resume_gateway_url": self.gateway_url}
        session.tell("READY", ready | {"application": {"id": str(APPLICATION), "flags": 0}})
        for guild in mine if session.intents & GUILDS else []:
            session.tell("GUILD_CREATE", guild.wire() | {"unavailable": False})

    def _resume(self, line: Line, asked: Json) -> None:
        session = self.sessions.get(asked["session_id"])
        if session is None or not 0 <= (asked["seq"] or 0) <= len(session.log):
            return line.tell(9, False)
        self.resumes += 1
        line.session, session.line = session, line
        for text in session.log[asked["seq"] or 0 :]:
            line.put(text)
        session.tell("RESUMED", {})
        return None


@dataclass
class Call:
    """One request."""

    method: str
    path: str
    body: Any
    files: dict[str, bytes]
    query: Mapping[str, str]


class DiscordServer(Gateway):
    """All of Discord on one port."""

    def __init__(self) -> None:
        super().__init__()
        self.api_url, self.shards = "", 1
        self.answer_window, self.token_life = 3.0, 900.0
        self.commands: dict[str, Json] = {}
        self.syncs = 0
        self.interactions: list[Interaction] = []
        self._planned: list[Json] = []

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=200 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self.api_url, self.gateway_url = f"http://{host}/api/v10", f"ws://{host}/gateway"
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        for line in [*self.lines]:
            await line.ws.close(code=1001)
        await self._runner.cleanup()
        if self.faults and kind is None:
            raise AssertionError("\n".join(self.faults))

    def fail(
        self,
        method: str,
        path: str,
        status: int,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> None:
        """Answer the next `times` such requests with this, doing nothing; `path` is a pattern."""
        plan = {"method": method, "path": path, "times": times, "status": status, "body": body}
        # discord.py waits after a 429 only if it came through a proxy of Discord's own.
        self._planned.append(plan | {"headers": headers or {"Via": "1.1 google"}})

    def lose(self, method: str, path: str, times: int = 1) -> None:
        """Do what the next such requests ask for, and cut the connection in place of an answer."""
        self._planned.append({"method": method, "path": path, "times": times, "lose": True})

    def delay(self, path: str, seconds: float, times: int = 1 << 30) -> None:
        """Do such requests only after a while."""
        self._planned.append({"method": "", "path": path, "times": times, "delay": seconds})

    def _plan(self, call: Call, key: str) -> Json:
        for plan in self._planned:
            fits = plan["method"] in ("", call.method) and re.search(plan["path"], call.path)
            if key in plan and plan["times"] > 0 and fits:
                plan["times"] -= 1
                return plan
        return {}

    # --- requests ---

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/gateway":
            return await self._gateway(request)
        path = request.path.removeprefix("/api/v10")
        call = Call(request.method, path, *await _read(request), request.query)
        self.calls.append((call.method, path, call.body))
        if plan := self._plan(call, "delay"):
            await asyncio.sleep(plan["delay"])
        if plan := self._plan(call, "status"):
            return _reply(plan["status"], plan["body"], plan["headers"])
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
        return _reply(status, body, {f"X-RateLimit-{key}": value for key, value in shown.items()})

    def _do(self, call: Call, key: str) -> Reply:
        open_to_all = (
            call.path.startswith(("/interactions/", "/webhooks/")) or call.path == "/gateway"
        )
        if not open_to_all and key != f"Bot {self.token}":
            raise Refused(401, 0, "401: Unauthorized")
        if call.body is None:
            raise Refused(400, 50109, "The request body contains invalid JSON.")
        for methods, pattern, name in ROUTES:
            found = re.fullmatch(pattern, call.path)
            if found and call.method in methods.split("|"):
                ids = [int(x) if x.isdigit() else x for x in found.groups()]
                if name.endswith(("commands", "_command")) and ids[0] != APPLICATION:
                    raise Refused(404, 10002, "Unknown Application")
                reply: Reply = getattr(self, name)(call, *ids)
                return reply
        self.faults.append(f"{call.method} {call.path}: this server has no such route")
        raise Refused(404, 0, "404: Not Found")

    def _me(self, call: Call) -> Reply:
        return 200, self.bot.wire() | {"verified": True, "mfa_enabled": True, "email": None}

    def _application(self, call: Call) -> Reply:
        owner = Person(APPLICATION + 1, "Owner of the bot").wire()
        about: Json = {
            "id": str(APPLICATION),
            "name": self.bot.name,
            "description": "",
            "icon": None,
        }
        about |= {"bot_public": True, "bot_require_code_grant": False, "verify_key": "00" * 32}
        return 200, about | {"owner": owner, "flags": 0, "team": None, "bot": self.bot.wire()}

    def _where(self, call: Call) -> Reply:
        limit = {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
        more = {"shards": self.shards, "session_start_limit": limit}
        return 200, {"url": self.gateway_url} | (more if call.path.endswith("bot") else {})

    def _commands(self, call: Call, application: int) -> Reply:
        whole = [*self.commands.values()]
        return 200, whole if call.query.get("with_localizations") in ("1", "true") else _plain(
            whole
        )

    def _set_commands(self, call: Call, application: int) -> Reply:
        self.syncs += 1
        rules.check_commands(call.body)
        old, self.commands = self.commands, {}
        for command in call.body:
            self._register(command, old.get(command["name"]))
        return 200, [*self.commands.values()]

    def _add_command(self, call: Call, application: int) -> Reply:
        name = call.body.get("name", "")
        old = self.commands.get(name)
        rules.check_commands([*(c for n, c in self.commands.items() if n != name), call.body])
        self._register(call.body, old)
        return 200 if old else 201, self.commands[name]

    def _register(self, command: Json, old: Json | None) -> None:
        whole: Json = {"type": 1, "options": [], "default_member_permissions": None, "nsfw": False}
        whole |= dict.fromkeys(["contexts", "name_localizations", "description_localizations"])
        about = {"id": old["id"] if old else str(self._new_id()), "version": str(self._new_id())}
        self.commands[command["name"]] = (
            whole | command | about | {"application_id": str(APPLICATION)}
        )

    def _user(self, call: Call, id: int) -> Reply:
        if id not in self.people:
            raise Refused(404, 10013, "Unknown User")
        return 200, self.people[id].wire()

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

    def _typing(self, call: Call, id: int) -> Reply:
        self._seen(id, "send_messages")
        return 204, None

    # --- messages ---

    def _check(
        self, call: Call, body: Json, fields: frozenset[str], old: Message | None = None
    ) -> None:
        """Refuse a message as Discord would, and note what none of ours should hold."""
        found = rules.message_faults(body, fields)
        self.faults += [f"{call.method} {call.path}: {fault}" for fault in found]
        kept = _kept(old, body)
        rules.check_message(body, call.files, kept)
        whole = (old.body if old else {}) | body
        if not any(whole.get(x) for x in ("content", "embeds", "poll", "sticker_ids")) and not (
            call.files or kept
        ):
            raise Refused(400, 50006, "Cannot send an empty message")

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

    def _found(self, id: int, channel: int) -> Message:
        message = self._messages.get(id)
        if message is None or message.channel.id != channel or message.deleted or message.ephemeral:
            raise Refused(404, 10008, "Unknown Message")
        return message

    def _message(self, call: Call, channel: int, id: int) -> Reply:
        self._seen(channel)
        return self._change(call, self._found(id, channel))

    def _change(self, call: Call, message: Message) -> Reply:
        """Show, edit or delete a message."""
        if call.method == "DELETE":
            message.deleted = True
            return 204, None
        if call.method == "PATCH":
            self._check(call, call.body, rules.EDITED, message)
            message.flags &= ~LOADING
            self._write(call, message, call.body)
        return 200, message.wire(self.bot)

    def _crosspost(self, call: Call, channel: int, id: int) -> Reply:
        if self._seen(channel, "send_messages").type != KINDS["announcement"]:
            raise Refused(400, 50024, "Cannot execute action on this channel type")
        message = self._found(id, channel)
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
        form.choice("type", kind, {2: (4, 5, 9), 3: (4, 5, 6, 7, 9), 4: (8,)}[it.type])
        form.end()
        flags = int(data.get("flags") or 0) & EPHEMERAL
        if kind == 8:
            rules.check_choices(data.get("choices"), it.option)
            it.choices = data["choices"]
        elif kind == 9:
            it.modal = data
        elif kind == 4:
            self._check(call, data, rules.ANSWERED)
            it.original = it.end(self._store(call, it.channel, data, it, flags))
        elif kind == 5:
            it.original = self._store(call, it.channel, {}, it, flags | LOADING)
        else:
            it.original = it.source
            if kind == 7 and it.source:
                self._check(call, data, rules.ANSWERED, it.source)
                it.end(self._write(call, it.source, data))
        it.callback, it.ephemeral = kind, bool(flags)
        if call.query.get("with_response") not in ("1", "true"):
            return 204, None
        about: Json = {"id": str(id), "type": it.type, "response_message_loading": kind == 5}
        about["response_message_ephemeral"] = it.ephemeral
        if kind not in (4, 5, 7) or not it.original:
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

    def _answer(self, call: Call, application: int, token: str, which: int | str) -> Reply:
        it = self._answering(application, token)
        known = {"@original": it.original} | {m.id: m for m in it.messages}
        message = known.get(which)
        if message is None or message.deleted:
            raise Refused(404, 10008, "Unknown Message")
        reply = self._change(call, message)
        if call.method == "PATCH":
            it.end(message)
        return reply

    # --- what people do ---

    def _act(
        self, kind: int, channel: Channel, person: Person, data: Json, source: Message | None = None
    ) -> Interaction:
        guild = channel.guild
        assert channel.id in self.channels, "the channel was deleted"
        assert channel.type != KINDS["forum"], "in a forum, people can only write in a post"
        assert guild is None or guild.present, "the bot is not in this guild"
        assert channel.person in (None, person), "these direct messages belong to someone else"
        assert self._hearing(guild), "no bot is connected that would see this"
        now = asyncio.get_running_loop().time()
        it = Interaction(self._new_id(), kind, channel, person, now, self, source)
        allowed = {"permissions": str(channel.allowed(person))}
        payload: Json = {"id": str(it.id), "type": kind, "token": it.token, "version": 1}
        payload |= {"application_id": str(APPLICATION), "data": data, "locale": person.locale}
        payload |= {"channel_id": str(channel.id), "channel": channel.wire() | allowed}
        payload |= {"app_permissions": str(channel.allowed(self.bot)), "entitlements": []}
        payload |= {"attachment_size_limit": FILE_SIZE, "context": 0 if guild else 1}
        payload["authorizing_integration_owners"] = {"0": str(guild.id if guild else 0)}
        if guild:
            about = {"id": str(guild.id), "locale": guild.locale, "features": ["COMMUNITY"]}
            payload |= {"guild_id": str(guild.id), "guild": about, "guild_locale": guild.locale}
            payload |= {"member": guild.member(person) | allowed}
        else:
            payload |= {"user": person.wire()}
        if source:
            payload |= {"message": source.wire(self.bot)}
        self.interactions.append(it)
        self._tell("INTERACTION_CREATE", payload, guild)
        return it

    def _call(
        self, channel: Channel, person: Person, command: str, given: Json, focused: str = ""
    ) -> Json:
        """Data of a call of a command, as Discord's window lets a person make it."""
        name, *words = command.split()
        assert name in self.commands, f"/{name} is not registered, only {[*self.commands]}"
        known = self.commands[name]
        places = known["contexts"] or ([0, 1] if known.get("dm_permission", True) else [0])
        assert (0 if channel.guild else 1) in places, f"/{name} is not offered here"
        if channel.guild and person not in channel.guild.members:
            self.grant(channel.guild, person)
        needed = int(known["default_member_permissions"] or 0) if channel.guild else 0
        needed |= bits(["use_application_commands"]) if channel.guild else 0
        assert channel.allowed(person) & needed == needed, f"{person.name} may not use /{name}"
        options = rules.options_of(known["options"] or [], words, given, focused)
        resolved: Json = {}
        for value in given.values():
            if isinstance(value, Person):
                resolved.setdefault("users", {})[str(value.id)] = value.wire()
            elif isinstance(value, Channel):
                allowed = {"permissions": str(value.allowed(person))}
                resolved.setdefault("channels", {})[str(value.id)] = value.wire() | allowed
        data: Json = {"id": known["id"], "name": name, "type": 1, "options": options}
        return data | ({"resolved": resolved} if resolved else {})

    async def slash(
        self, channel: Channel, person: Person, command: str, **given: Any
    ) -> Interaction:
        """A person calls a command; `command` may name a subcommand after a space."""
        return self._act(2, channel, person, self._call(channel, person, command, given))

    async def complete(
        self,
        channel: Channel,
        person: Person,
        command: str,
        focused: str,
        typed: str,
        **others: Any,
    ) -> list[Json]:
        """What the bot offers for a half-typed option."""
        data = self._call(channel, person, command, {**others, focused: typed}, focused)
        it = self._act(4, channel, person, data)
        options = data["options"]
        while options[0]["type"] in (1, 2):
            options = options[0]["options"]
        it.option = next(option["type"] for option in options if option.get("focused"))
        await self.until(lambda: it.choices is not None, self.answer_window, "a completion")
        return it.choices or []

    def _part(self, message: Message, person: Person, *kinds: int) -> list[Json]:
        assert not message.deleted, "the message was deleted"
        owner = message.interaction and message.interaction.person
        assert not message.ephemeral or person is owner, f"{person.name} does not see this message"
        return message.parts(*kinds)

    async def press(self, message: Message, which: str, person: Person) -> Interaction:
        """A person presses a button, named by its label or custom_id."""
        buttons = self._part(message, person, 2)
        fits = [b for b in buttons if which in (b.get("label"), b.get("custom_id"))]
        assert len(fits) == 1, (
            f"{len(fits)} buttons {which!r} in {[b.get('label') for b in buttons]}"
        )
        assert not fits[0].get("disabled"), f"the button {which!r} is disabled"
        assert fits[0].get("custom_id"), f"the button {which!r} is a link"
        data = {"custom_id": fits[0]["custom_id"], "component_type": 2}
        return self._act(3, message.channel, person, data, message)

    async def choose(self, message: Message, which: str, person: Person) -> Interaction:
        """A person chooses one option of a select, named by its label or value."""
        fits = [
            (select, option)
            for select in self._part(message, person, 3)
            for option in select["options"]
            if which in (option["label"], option["value"])
        ]
        assert len(fits) == 1, f"{len(fits)} options {which!r}"
        select, option = fits[0]
        assert not select.get("disabled"), "the select is disabled"
        data = {"custom_id": select["custom_id"], "component_type": 3, "values": [option["value"]]}
        return self._act(3, message.channel, person, data, message)


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


def _reply(status: int, body: Any, headers: Mapping[str, str]) -> web.Response:
    """An answer; its content type is exactly `application/json` wherever it is JSON."""
    if body is None or isinstance(body, str):
        return web.Response(status=status, text=body, headers=headers)
    raw = json.dumps(body, ensure_ascii=False).encode()
    return web.Response(status=status, body=raw, headers=headers, content_type="application/json")


def _plain(thing: Any) -> Any:
    """The same without the names in other languages."""
    if isinstance(thing, list):
        return [_plain(part) for part in thing]
    if isinstance(thing, dict):
        return {k: _plain(v) for k, v in thing.items() if not k.endswith("_localizations")}
    return thing


def _kept(message: Message | None, body: Json) -> list[str]:
    """Files that a message keeps: all, or those that the request lists."""
    if message is None or "attachments" not in body:
        return [*message.files] if message else []
    listed = {str(part.get("id")) for part in body["attachments"] or []}
    return [name for name, id in message.ids.items() if str(id) in listed]
