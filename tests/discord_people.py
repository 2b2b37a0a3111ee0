"""What people do on the Discord server of the tests, as Discord's own app lets them."""

from __future__ import annotations

import asyncio
from typing import Any

from tests import discord_rules as rules
from tests.discord_gateway import Gateway
from tests.discord_rules import FILE_SIZE, Json, bits
from tests.discord_things import APPLICATION, KINDS, Channel, Interaction, Message, Person


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
        owners = (
            {"1": str(person.id)} if self.user_installed else {"0": str(guild.id if guild else 0)}
        )
        payload["authorizing_integration_owners"] = owners
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
