"""What there is on the Discord server of the tests, each as Discord tells of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests import discord_rules as rules
from tests.discord_rules import EPHEMERAL, LOADING, Json, bits
from tests.loopback import Loopback

APPLICATION = 1001
BEGAN = "2025-01-01T00:00:00+00:00"
KINDS = {"text": 0, "announcement": 5, "forum": 15}
USUAL = "view_channel send_messages send_messages_in_threads embed_links attach_files"
USUAL += " read_message_history"
PERSONS = f"{USUAL} add_reactions use_application_commands"


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
        role: Json = {"id": str(person.id + 7_000_000_000), "name": person.name, "position": 1}
        role |= {"managed": person.bot, "tags": {"bot_id": str(person.id)} if person.bot else {}}
        role |= {"permissions": str(self.members[person]), "color": 0, "flags": 0}
        return role | {"hoist": False, "mentionable": False}

    def member(self, person: Person) -> Json:
        roles: Json = {"roles": [str(person.id + 7_000_000_000)], "joined_at": BEGAN}
        return roles | {
            "nick": None,
            "flags": 0,
            "user": person.wire(),
            "deaf": False,
            "mute": False,
            "pending": False,
        }

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
    world: Loopback
    source: Message | None = None
    """The message whose button or select it was."""
    option: int = 0
    """Type of the half-typed option."""
    callback: int = 0
    """Type of the first answer: 4 to 9."""
    ephemeral: bool = False
    original: Message | None = None
    final: Message | None = None
    choices: list[Json] | None = None

    token = property(lambda self: f"token-{self.id}")

    def end(self, message: Message) -> Message:
        """Keep a message of the answer."""
        self.final = self.final or message
        return message

    async def done(self, seconds: float = 20) -> Message:
        """The first answer that is not a deferral."""
        await self.world.until(lambda: self.final, seconds)
        assert self.final
        return self.final
