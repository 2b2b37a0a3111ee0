"""What Discord refuses, for `tests/discord_server.py`, in the words of the real one.

`Refused` is an answer of Discord; an `AssertionError` is a test that does what no person could do;
a fault is what Discord would take but no client of ours should send.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.telegram_chats import units

Json = dict[str, Any]

EPHEMERAL, LOADING, CROSSPOSTED, COMPONENTS_V2 = 1 << 6, 1 << 7, 1 << 0, 1 << 15
MESSAGES = tomllib.loads(Path(__file__).with_name("discord_messages.toml").read_text("utf-8"))
FILE_SIZE = 10 * 2**20
LOCALES = frozenset(
    "ar bg cs da de el en-GB en-US es-419 es-ES fi fr he hi hr hu id it ja ko lt nl no pl pt-BR ro ru "
    "sv-SE th tr uk vi zh-CN zh-TW".split()
)
PERMISSIONS = {
    "administrator": 1 << 3,
    "manage_channels": 1 << 4,
    "manage_guild": 1 << 5,
    "add_reactions": 1 << 6,
    "view_channel": 1 << 10,
    "send_messages": 1 << 11,
    "embed_links": 1 << 14,
    "attach_files": 1 << 15,
    "read_message_history": 1 << 16,
    "mention_everyone": 1 << 17,
    "use_application_commands": 1 << 31,
    "send_messages_in_threads": 1 << 38,
}
ALL = (1 << 50) - 1
SENT = frozenset(
    "content embeds allowed_mentions components flags attachments poll tts message_reference nonce "
    "enforce_nonce sticker_ids".split()
)
EDITED = frozenset("content embeds allowed_mentions components flags attachments tts".split())
"""Discord itself does not name `tts` here, but drops it silently, and discord.py always sends it."""
ANSWERED = EDITED | {"poll"}
INVISIBLE = re.compile(
    r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0]+"
)
EMBED = frozenset("title type description color footer image flags".split())
"""What ours hold; Discord knows more."""


class Refused(Exception):
    """An answer with an error in it."""

    def __init__(self, status: int, code: int, message: str, errors: Json | None = None) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.body: Json = {"message": message, "code": code}
        if errors:
            self.body["errors"] = errors


def bits(names: Iterable[str]) -> int:
    return sum(PERMISSIONS[name] for name in names)


class Form:
    """The body of one request: collects what is wrong with it, then refuses it as a whole."""

    def __init__(self) -> None:
        self.errors: Json = {}

    def wrong(self, path: str, code: str, **values: object) -> None:
        spot = self.errors
        for part in path.split("."):
            spot = spot.setdefault(part, {})
        spot.setdefault("_errors", []).append(
            {"code": code, "message": MESSAGES[code].format(**values)}
        )

    def missing(self, path: str) -> None:
        self.wrong(path, "BASE_TYPE_REQUIRED")

    def choice(self, path: str, value: Any, allowed: Iterable[Any]) -> None:
        known = tuple(allowed)
        if value not in known:
            self.wrong(path, "BASE_TYPE_CHOICES", known=set(known))

    def text(self, path: str, value: Any, most: int, least: int = 0, needed: bool = False) -> int:
        """Check a text; its length. What is needed must hold more than spaces."""
        if value is None or (least and value == "" and needed):
            if needed:
                self.missing(path)
            return 0
        if not isinstance(value, str):
            self.wrong(path, "STRING_TYPE_CONVERT", value=value)
            return 0
        size = units(value)
        if least and not least <= size <= most:
            self.wrong(path, "BASE_TYPE_BAD_LENGTH", size=f"between {least} and {most}")
        elif size > most:
            self.wrong(path, "BASE_TYPE_MAX_LENGTH", size=f"{most} or fewer")
        elif needed and not value.strip():
            self.missing(path)
        return size

    def several(self, path: str, value: Any, most: int, least: int = 0) -> list[Any]:
        """Check how long a list is; the list, or an empty one where there is none."""
        if not isinstance(value, list):
            if value is not None:
                self.wrong(path, "LIST_TYPE_CONVERT")
            return []
        if not least <= len(value) <= most:
            size = f"between {least} and {most}" if least else f"{most} or fewer"
            self.wrong(path, "BASE_TYPE_BAD_LENGTH", size=size)
        return value

    def link(
        self, path: str, value: Any, files: Iterable[str] | None = None, most: int = 2048
    ) -> None:
        """Check an address; `files` are the names `attachment://` may speak of."""
        self.text(path, value, most)
        parts = urlsplit(str(value))
        if parts.scheme == "attachment" and files is not None:
            if str(value).removeprefix("attachment://") not in files:
                self.wrong(path, "ATTACHMENT_NOT_FOUND", value=value)
        elif parts.scheme not in ("http", "https"):
            self.wrong(path, "URL_TYPE_INVALID_SCHEME", scheme=parts.scheme)
        elif not parts.hostname or re.search(r"\s", str(value)):
            self.wrong(path, "URL_TYPE_INVALID_URL")

    def end(self) -> None:
        if self.errors:
            raise Refused(400, 50035, "Invalid Form Body", self.errors)


# --- messages ---------------------------------------------------------------------------------


def check_message(body: Json, files: Mapping[str, bytes], kept: Iterable[str] = ()) -> None:
    """Refuse what Discord would. `kept`: files the message has already, by name."""
    if any(len(data) > FILE_SIZE for data in files.values()):
        raise Refused(413, 40005, "Request entity too large")
    form, names = Form(), {*files, *kept}
    form.text("content", body.get("content"), 2000)
    if "nonce" in body:
        form.text("nonce", str(body["nonce"]), 25)
    embeds = form.several("embeds", body.get("embeds"), 10)
    size = sum(_embed(form, f"embeds.{i}", embed, names) for i, embed in enumerate(embeds))
    if size > 6000:
        form.wrong("embeds", "MAX_EMBED_SIZE_EXCEEDED")
    if len(files) > 10:
        form.wrong("files", "BASE_TYPE_BAD_LENGTH", size="10 or fewer")
    _rows(form, body.get("components"))
    form.end()


def _embed(form: Form, path: str, embed: Json, names: set[str]) -> int:
    """Check one embed; how many signs of it count."""
    size = form.text(f"{path}.title", embed.get("title"), 256)
    size += form.text(f"{path}.description", embed.get("description"), 4096)
    footer = embed.get("footer") or {}
    size += form.text(f"{path}.footer.text", footer.get("text"), 2048, needed=bool(footer))
    if embed.get("image"):
        form.link(f"{path}.image.url", embed["image"].get("url", ""), names)
    color = embed.get("color")
    if color is not None and not (isinstance(color, int) and 0 <= color <= 0xFFFFFF):
        form.wrong(f"{path}.color", "NUMBER_TYPE_MAX", most=0xFFFFFF)
    if not any(embed.get(key) for key in EMBED - {"type", "color", "flags"}):
        form.missing(f"{path}.description")
    return size


def _rows(form: Form, rows: Any) -> None:
    seen: set[str] = set()
    for i, row in enumerate(form.several("components", rows, 5)):
        spot = f"components.{i}"
        form.choice(f"{spot}.type", row.get("type"), [1])
        inside = form.several(f"{spot}.components", row.get("components", []), 5, 1)
        room = sum(1 if part.get("type") == 2 else 5 for part in inside)
        if room > 5 and len(inside) <= 5:
            form.wrong(spot, "COMPONENT_LAYOUT_WIDTH_EXCEEDED")
        for j, part in enumerate(inside):
            here = f"{spot}.components.{j}"
            form.choice(f"{here}.type", part.get("type"), [2, 3])  # ours
            (_button if part.get("type") == 2 else _select)(form, here, part)
            own = part.get("custom_id")
            if own is not None and own in seen:
                form.wrong(f"{here}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED")
            seen.add(str(own))


def _button(form: Form, path: str, button: Json) -> None:
    form.text(f"{path}.label", button.get("label"), 80)
    form.choice(f"{path}.style", button.get("style"), [1, 2, 3, 4, 5])
    if not button.get("label") and not button.get("emoji"):
        form.wrong(path, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED")
    if button.get("url") and button.get("custom_id"):
        form.wrong(path, "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE")
    if button.get("style") == 5:
        if not button.get("url"):
            form.missing(f"{path}.url")
        else:
            form.link(f"{path}.url", button["url"], most=512)
    else:
        form.text(f"{path}.custom_id", button.get("custom_id"), 100, 1, needed=True)


def _select(form: Form, path: str, select: Json) -> None:
    form.text(f"{path}.custom_id", select.get("custom_id"), 100, 1, needed=True)
    form.text(f"{path}.placeholder", select.get("placeholder"), 150)
    options = form.several(f"{path}.options", select.get("options", []), 25, 1)
    for i, option in enumerate(options):
        for key in ("label", "value"):
            form.text(f"{path}.options.{i}.{key}", option.get(key), 100, 1, needed=True)
        form.text(f"{path}.options.{i}.description", option.get("description"), 100)
    values = [option.get("value") for option in options]
    if len({*values}) < len(values):
        form.wrong(f"{path}.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED")
    least, most = select.get("min_values", 1), select.get("max_values", 1)
    if not 0 <= least <= most <= 25 or not 1 <= most <= max(len(options), 1):
        form.wrong(f"{path}.max_values", "NUMBER_TYPE_MAX", most=len(options))
    if sum(bool(option.get("default")) for option in options) > most:
        form.wrong(f"{path}.options", "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES")


def message_faults(body: Json, fields: frozenset[str]) -> list[str]:
    """What Discord takes, or ignores, but no client of ours should send."""
    found = [f"unknown field {name!r}" for name in sorted(body.keys() - fields)]
    mentions = body.get("allowed_mentions")
    if not isinstance(mentions, dict) or mentions.get("parse") != []:
        found.append(f"allowed_mentions is {mentions!r}, not parse: []")
    elif any(mentions.get(key) for key in ("users", "roles", "replied_user")):
        found.append(f"allowed_mentions lets someone be called: {mentions!r}")
    texts: list[tuple[str, Any]] = [("content", body.get("content"))]
    for i, embed in enumerate(body.get("embeds") or []):
        found += [f"embed {i}: unknown field {name!r}" for name in sorted(embed.keys() - EMBED)]
        texts += [(f"embed {i}, {key}", embed.get(key)) for key in ("title", "description")]
        texts += [(f"embed {i}, footer", (embed.get("footer") or {}).get("text"))]
    found += [
        f"{name} shows nothing" for name, text in texts if text and not INVISIBLE.sub("", text)
    ]
    if int(body.get("flags") or 0) & COMPONENTS_V2:
        found.append("components of version 2, which this server does not know")
    return found


# --- commands and their options ---------------------------------------------------------------

NAME = re.compile(r"[-'\w]{1,32}")


def check_commands(commands: Sequence[Json]) -> None:
    """Refuse commands as the route that sets them would."""
    if sum(command.get("type", 1) == 1 for command in commands) > 100:
        raise Refused(400, 30032, "Maximum number of application commands reached (100)")
    form = Form()
    names = [(command.get("type", 1), command.get("name")) for command in commands]
    for i, command in enumerate(commands):
        _named(form, str(i), command)
        _options(form, f"{i}.options", command.get("options"))
        form.choice(f"{i}.type", command.get("type", 1), [1])
        for place in command.get("contexts") or []:
            form.choice(f"{i}.contexts", place, [0, 1, 2])
        if names.index(names[i]) < i:
            form.wrong(f"{i}.name", "APPLICATION_COMMANDS_DUPLICATE_NAME")
        if _size(command) > 8000:
            form.wrong(str(i), "APPLICATION_COMMAND_TOO_LARGE")
    form.end()


def _size(thing: Json) -> int:
    """Signs that count, of each text the longest of all languages."""
    size = units(str(thing.get("value", "")))
    for key in ("name", "description"):
        others = (thing.get(f"{key}_localizations") or {}).values()
        size += max(units(str(text)) for text in (thing.get(key) or "", *others))
    return size + sum(map(_size, (thing.get("options") or []) + (thing.get("choices") or [])))


def _named(form: Form, path: str, thing: Json) -> None:
    for key, most in (("name", 32), ("description", 100)):
        form.text(f"{path}.{key}", thing.get(key), most, 1, needed=True)
        others = thing.get(f"{key}_localizations") or {}
        for locale, text in others.items():
            form.choice(f"{path}.{key}_localizations", locale, LOCALES)
            form.text(f"{path}.{key}_localizations.{locale}", text, most, 1, needed=True)
        for text in (thing.get(key), *others.values()) if key == "name" else ():
            if text and (not NAME.fullmatch(str(text)) or str(text) != str(text).lower()):
                form.wrong(f"{path}.name", "APPLICATION_COMMAND_INVALID_NAME", value=text)


def _options(form: Form, path: str, options: Any) -> None:
    seen: set[str] = set()
    optional = False
    for i, option in enumerate(form.several(path, options, 25)):
        here, kind = f"{path}.{i}", option.get("type")
        _named(form, here, option)
        form.choice(f"{here}.type", kind, (3, 4, 5))  # ours: texts, whole numbers, yes or no
        if option.get("name") in seen:
            form.wrong(here, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS")
        seen.add(str(option.get("name")))
        if option.get("required") and optional:
            form.wrong(here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID")
        optional = optional or not option.get("required")
        if option.get("choices") and option.get("autocomplete"):
            form.wrong(here, "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID")
        _choices(form, f"{here}.choices", option.get("choices"), kind)


def _choices(form: Form, path: str, choices: Any, kind: Any) -> None:
    for i, choice in enumerate(form.several(path, choices, 25)):
        form.text(f"{path}.{i}.name", choice.get("name"), 100, 1, needed=True)
        for locale, name in (choice.get("name_localizations") or {}).items():
            form.choice(f"{path}.{i}.name_localizations", locale, LOCALES)
            form.text(f"{path}.{i}.name_localizations.{locale}", name, 100, 1, needed=True)
        value = choice.get("value")
        if kind == 3:
            form.text(f"{path}.{i}.value", value, 100, needed=True)
        elif isinstance(value, bool) or not isinstance(value, int):
            form.wrong(f"{path}.{i}.value", "NUMBER_TYPE_COERCE", value=value)


def check_choices(choices: Any, kind: int) -> None:
    """Refuse what an autocompletion must not answer."""
    form = Form()
    if not isinstance(choices, list):
        form.missing("data.choices")
    _choices(form, "data.choices", choices, kind)
    form.end()


def options_of(options: Sequence[Json], given: Mapping[str, Any], focused: str = "") -> list[Json]:
    """Options of a call of a command. No person can give wrong ones."""
    known = {option["name"]: option for option in options}
    unknown = given.keys() - known.keys()
    assert not unknown, f"the command has no option {sorted(unknown)}, only {[*known]}"
    if not focused:
        lacking = [n for n, o in known.items() if o.get("required") and n not in given]
        assert not lacking, f"the command needs {lacking}"
    filled = []
    for name, value in given.items():
        option = known[name]
        if name == focused:
            assert option.get("autocomplete"), f"option {name!r} has no autocompletion"
            filled.append({"name": name, "type": option["type"], "value": value, "focused": True})
            continue
        problem = _unfit(option, value)
        assert not problem, f"option {name!r} cannot be {value!r}: {problem}"
        filled.append({"name": name, "type": option["type"], "value": value})
    return filled


def _unfit(option: Json, value: Any) -> str:
    """Why Discord's window would not let a person send this value; empty if it would."""
    kind = option["type"]
    if type(value) is not {3: str, 4: int, 5: bool}[kind]:
        return f"it is not of type {kind}"
    choices = [choice["value"] for choice in option.get("choices") or []]
    if choices and value not in choices:
        return f"the choices are {choices}"
    size, what = (units(str(value)), "length") if kind == 3 else (value, "value")
    least, most = option.get(f"min_{what}"), option.get(f"max_{what}")
    if (least is not None and size < least) or (most is not None and size > most):
        return f"its {what} is not between {least} and {most}"
    return ""
