"""The gateway of the Discord server of the tests: the sockets of bots, the world they hear of, and what
people do there, as Discord's own app lets them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import WSMsgType, web

from tests import discord_rules as rules
from tests import discord_things as things
from tests.discord_rules import FILE_SIZE, Json, bits
from tests.discord_things import APPLICATION, KINDS, Channel, Guild, Interaction, Message, Person
from tests.loopback import Loopback

TOKEN = "MTAwMQ.discord.test-token"
GUILDS, MEMBERS, PRESENCES, GUILD_MESSAGES, DIRECT, CONTENT = 1, 2, 1 << 8, 1 << 9, 1 << 12, 1 << 15


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


class World(Loopback):
    """What there is: guilds, channels, people, messages, and the bots that hear of it."""

    def __init__(self) -> None:
        super().__init__()
        self.bot = Person(APPLICATION, "Test bot", "en-US", bot=True)
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.people: dict[int, Person] = {}
        self.sessions: dict[str, Session] = {}
        self.refusals: list[str] = []
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
        guild.members = {self.bot: bits(things.USUAL.split()), owner: bits(things.PERSONS.split())}
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
        guild.members.setdefault(who, bits(things.PERSONS.split()))
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


class Gateway(World):
    """The sockets of the bots."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.gateway_url = TOKEN, ""
        self.identifies: list[Json] = []
        self.lines: list[Line] = []

    async def cut(self) -> None:
        """Drop the sockets of all bots, without a word."""
        lines = [*self.lines]
        assert lines, "no bot is connected"
        for line in lines:
            line.cut()
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
            # No network answers sooner; discord.py would take it for the answer to the beat before.
            asyncio.get_running_loop().call_later(0.02, line.tell, 11)
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
                name = f"session-{self._new_id()}"
                self._begin(line, Session(name, shard, shards, d["intents"], line))
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
        line.session, session.line = session, line
        for text in session.log[asked["seq"] or 0 :]:
            line.put(text)
        session.tell("RESUMED", {})
        return None


class People(Gateway):
    """People at their apps."""

    def __init__(self) -> None:
        super().__init__()
        self.answer_window = 3.0
        """Seconds that a bot has for its first answer."""
        self.user_installed = False
        """Whether people have the bot for themselves alone."""
        self.commands: dict[str, Json] = {}
        self.interactions: list[Interaction] = []

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
        owner = ("1", person.id) if self.user_installed else ("0", guild.id if guild else 0)
        payload["authorizing_integration_owners"] = {owner[0]: str(owner[1])}
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
        self, channel: Channel, person: Person, name: str, given: Json, focused: str = ""
    ) -> Json:
        """Data of a call of a command, as Discord's window lets a person make it."""
        assert name in self.commands, f"/{name} is not registered, only {[*self.commands]}"
        known = self.commands[name]
        places = known["contexts"] or ([0, 1] if known.get("dm_permission", True) else [0])
        assert (0 if channel.guild else 1) in places, f"/{name} is not offered here"
        if channel.guild and person not in channel.guild.members:
            self.grant(channel.guild, person)
        needed = int(known["default_member_permissions"] or 0) if channel.guild else 0
        needed |= bits(["use_application_commands"]) if channel.guild else 0
        assert channel.allowed(person) & needed == needed, f"{person.name} may not use /{name}"
        options = rules.options_of(known["options"], given, focused)
        return {"id": known["id"], "name": name, "type": 1, "options": options}

    async def slash(
        self, channel: Channel, person: Person, command: str, **given: Any
    ) -> Interaction:
        """A person calls a command."""
        return self._act(2, channel, person, self._call(channel, person, command, given))

    async def complete(
        self, channel: Channel, person: Person, command: str, focused: str, typed: str
    ) -> list[Json]:
        """What the bot offers for a half-typed option."""
        data = self._call(channel, person, command, {focused: typed}, focused)
        it = self._act(4, channel, person, data)
        it.option = next(o["type"] for o in data["options"] if o.get("focused"))
        await self.until(lambda: it.choices is not None, self.answer_window, "a completion")
        return it.choices or []

    async def press(self, message: Message, which: str, person: Person) -> Interaction:
        """A person presses a button, named by its label or custom_id."""
        assert not message.deleted, "the message was deleted"
        owner = message.interaction and message.interaction.person
        assert not message.ephemeral or person is owner, f"{person.name} does not see this message"
        buttons = message.parts(2)
        fits = [b for b in buttons if which in (b.get("label"), b.get("custom_id"))]
        assert len(fits) == 1, f"{len(fits)} buttons {which!r} in {buttons}"
        assert not fits[0].get("disabled"), f"the button {which!r} is disabled"
        assert fits[0].get("custom_id"), f"the button {which!r} is a link"
        data = {"custom_id": fits[0]["custom_id"], "component_type": 2}
        return self._act(3, message.channel, person, data, message)
