"""Settings from the environment and `.env`; no other module reads the environment."""

import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from bot.platforms import Setup, language_of
from digest.errors import DigestError
from digest.fetch.addresses import choose_proxy
from digest.masking import register_secrets, secrets_in
from digest.models import Language, Provider, Topic
from digest.sources import Access
from digest.topics import ZoneName, advise, load_topics

OPENAI = "https://api.openai.com/v1"
DATA_HINT = "set DATA_DIR to a folder that can be written"
_INVISIBLE = re.compile("[\x00-\x1f\x7f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]+")
"""Invisible characters left in a value when it was copied from a web page or a text file."""
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "`": "`"}


class SettingsError(DigestError):
    """Invalid settings; the message has one line per problem."""

    def __init__(self, problems: Sequence[str], log_format: str) -> None:
        super().__init__("\n".join(problems))
        self.log_format = log_format


def clean_value(value: str) -> str:
    """Return a setting without surrounding spaces, line ends, invisible characters and quotes."""
    value = _INVISIBLE.sub("", value).strip()
    while len(value) > 1 and _QUOTES.get(value[0]) == value[-1]:
        value = value[1:-1].strip()
    return value


def _has_host(address: str) -> bool:
    """Return True if the address has a valid host and no invalid port."""
    try:
        url = urlsplit(address)
        return bool((url.hostname or "").encode("idna")) and url.port != 0
    except ValueError:
        return False


def _shaped(shape: str, advice: str) -> AfterValidator:
    """Return a validator of addresses; an empty value is valid."""

    def check(value: str) -> str:
        if value and not (re.fullmatch(shape, value) and _has_host(value)):
            raise ValueError(advice)
        return value

    return AfterValidator(check)


_PROXY = _shaped(r"https?://[^\s/]+/?", "write a proxy like http://proxy.example:3128")
_SERVER = _shaped(
    r"https?://[^\s/@]+(?:/\S*)?", "write a server like http://127.0.0.1:8081, or leave it empty"
)
_WEBHOOK = _shaped(
    r"https?://[^\s/@?#]+/[A-Za-z0-9_./-]+",
    "write the public address of a path like https://bot.example/telegram",
)
_PUBLIC = _shaped(
    r"https?://[^\s/@?#]+(?:/[^\s?#]*)?",
    "write the address that people see, like https://digest.example",
)


def _check_web_address(address: str) -> str:
    host, _, port = address.rpartition(":")
    named = "/" not in host and (":" in host or _has_host(f"//{host}"))
    if address and not (named and port.isdecimal() and int(port) < 65536):
        raise ValueError("write an address to listen on, like 127.0.0.1:8080")
    return address


def _check_admins(listed: str) -> str:
    listed = listed.replace("\uff0c", ",")
    for person in filter(None, map(str.strip, listed.split(","))):
        if not re.fullmatch(r"(?:telegram|discord):-?\d{1,20}", person):
            raise ValueError(
                f"{person[:40]!r} is not a person's id: write telegram:123456,discord:987654,"
                " with a comma between"
            )
    return listed


def _token(shape: str, example: str, prefix: str = "") -> AfterValidator:
    """Return a validator of tokens; its error does not contain the token."""

    def check(value: str) -> str:
        if prefix and value.lower().startswith(f"{prefix.lower()} "):
            value = value[len(prefix) :].strip()
        value = re.sub(r" *, *", ",", value)
        if value and not re.fullmatch(shape, value, re.ASCII):
            wrong = _describe_fault(value)
            raise ValueError(f"not valid ({wrong}): {example}")
        return value

    return AfterValidator(check)


def _describe_fault(value: str) -> str:
    faults: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("there is a space in it", lambda text: any(map(str.isspace, text))),
        ("there is a character in it that is not ASCII", lambda text: not text.isascii()),
        ("there is a quotation mark in it", lambda text: bool(set(text) & set(_QUOTES))),
        ("it looks like an address", lambda text: "://" in text),
    )
    return next((fault for fault, test in faults if test(value)), f"{len(value)} characters")


class Settings(BaseModel):
    """The program's settings; field names are environment variables in lower case."""

    model_config = ConfigDict(frozen=True)

    database_url: str = Field("sqlite:///jianbao.db", repr=False)
    data_dir: Path = Path("var")
    topics_file: Path = Path("topics.toml")
    prompts_dir: Path = Path("prompts")
    timezone: ZoneName = "UTC"
    telegram_bot_token: Annotated[
        str, _token(r"\d{1,20}:[\w-]+", "copy it from @BotFather, like 123456:ABC-DEF")
    ] = Field("", repr=False)
    telegram_api_url: Annotated[str, _SERVER] = ""
    telegram_webhook_url: Annotated[str, _WEBHOOK] = ""
    discord_bot_token: Annotated[
        str, _token(r"[\w-]+\.[\w-]+\.[\w-]+", "copy it from the developer portal, tab Bot", "Bot")
    ] = Field("", repr=False)
    discord_api_url: Annotated[str, _SERVER] = ""
    openai_api_key: Annotated[str, _token(r"[!-~]+", "copy it from the model server", "Bearer")] = (
        Field("", repr=False)
    )
    openai_base_url: str = Field(OPENAI, repr=False)
    openai_model: str = "gpt-5-mini"
    budget_usd_day: float = Field(0.5, ge=0, allow_inf_nan=False)
    budget_usd_month: float = Field(10.0, ge=0, allow_inf_nan=False)
    x_bearer_token: Annotated[
        str, _token(r"[\w%.~+/=-]+", "copy the bearer token from X's developer portal", "Bearer")
    ] = Field("", repr=False)
    x_reads_month: int = Field(2000, ge=0)
    https_proxy: Annotated[str, _PROXY] = Field("", repr=False)
    unknown_sends: Annotated[Literal["hold", "resend"], BeforeValidator(str.lower)] = "hold"
    keep_days: int = Field(400, ge=7, le=100_000)
    admins: Annotated[str, AfterValidator(_check_admins)] = ""
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)
    ] = "WARNING"
    log_format: Annotated[Literal["text", "json"], BeforeValidator(str.lower)] = "text"
    web_address: Annotated[str, AfterValidator(_check_web_address)] = ""
    public_url: Annotated[str, _PUBLIC, AfterValidator(lambda address: address.rstrip("/"))] = ""
    publish_dir: str = ""

    @model_validator(mode="before")
    @classmethod
    def _clean_values(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Clean all values alike; drop those that are then empty."""
        clean = {n: clean_value(v) if isinstance(v, str) else v for n, v in values.items()}
        return {name: value for name, value in clean.items() if value != ""}

    @field_validator("data_dir", "topics_file", "prompts_dir", "publish_dir", mode="after")
    @classmethod
    def _expand_home(cls, path: Path | str) -> Path | str:
        try:
            return type(path)(Path(path).expanduser()) if path else path
        except RuntimeError:
            raise ValueError("~ cannot be resolved: write the full path") from None

    @model_validator(mode="after")
    def _check_providers(self) -> Self:
        """Raise ValueError if the three provider lists do not match in length."""
        _parse_providers(self.openai_model, self.openai_base_url, self.openai_api_key)
        if self.telegram_webhook_url and not self.web_address:
            raise ValueError("TELEGRAM_WEBHOOK_URL needs WEB_ADDRESS, where updates arrive")
        return self

    @property
    def providers(self) -> tuple[Provider, ...]:
        """Models in order of preference; empty without a key or a server of one's own."""
        return _parse_providers(self.openai_model, self.openai_base_url, self.openai_api_key)

    def setup(self, platform: str) -> Setup:
        token = getattr(self, f"{platform}_bot_token", "")
        address = getattr(self, f"{platform}_api_url", "")
        proxy = choose_proxy(address, self.https_proxy) or None
        webhook = getattr(self, f"{platform}_webhook_url", "")
        return Setup(token, address, proxy, self.operators(platform), webhook)

    def load_topics(self) -> dict[str, Topic]:
        """Return the topics by name, in file order. Raise TopicsError."""
        return load_topics(self.topics_file)

    @property
    def access(self) -> Access:
        """Proxy and keys for sources."""
        return Access(self.https_proxy, self.x_bearer_token, self.x_reads_month)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Secrets that must not leave this process except to their own server."""
        tokens = [self.telegram_bot_token, self.discord_bot_token, self.x_bearer_token]
        tokens.append(self.telegram_bot_token.partition(":")[2])
        keys = [key.strip() for key in self.openai_api_key.split(",")]
        servers = [*self.openai_base_url.split(","), self.telegram_api_url, self.discord_api_url]
        servers += [self.https_proxy, self.database_url]
        inside = [text for server in servers for text in secrets_in(server, own_server=True)]
        return tuple(dict.fromkeys(filter(None, [*tokens, *keys, *inside])))

    def operators(self, platform: str) -> tuple[str, ...]:
        """Return the ids in ADMINS on that platform."""
        listed = (person.strip().partition(":") for person in self.admins.split(","))
        return tuple(id_ for name, _, id_ in listed if name == platform)

    def is_admin(self, platform: str, user_id: str) -> bool:
        """Return True for operators: people in ADMINS, or at this terminal."""
        return platform == "terminal" or user_id in self.operators(platform)


def _parse_providers(models: str, addresses: str, keys: str) -> tuple[Provider, ...]:
    """Parse comma-separated lists into providers by position; a single value applies to all."""
    lists = [[part.strip() for part in text.split(",")] for text in (models, addresses, keys)]
    most = max(map(len, lists))
    for name, parts in zip(("MODEL", "BASE_URL", "API_KEY"), lists, strict=True):
        if len(parts) not in (1, most):
            raise ValueError(
                f"OPENAI_{name} has {len(parts)} entries where another list has {most}:"
                " give one for each model, or one for all"
            )
    rows = zip(*(parts * most if len(parts) == 1 else parts for parts in lists), strict=True)
    providers = [Provider(model, address.rstrip("/"), key) for model, address, key in rows]
    shape = r"https?://[^\s/@?#]+(?:[/?#]\S*)?"
    for address in {provider.base_url for provider in providers}:
        if not re.fullmatch(shape, address) or not _has_host(address):
            raise ValueError("OPENAI_BASE_URL must look like https://api.openai.com/v1")
    return tuple(p for p in providers if p.model and (p.key or p.base_url != OPENAI))


def read_locale() -> Language | None:
    """Return the terminal's language (LC_ALL, LC_MESSAGES, LANG); None if not set."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    code = next(filter(None, (os.environ.get(name) for name in names)), "").partition(".")[0]
    return None if code in ("", "C", "POSIX") else language_of(code)


VARIABLES = tuple(name.upper() for name in Settings.model_fields)
"""All environment variables of the program; each may also be read from a file named by
NAME_FILE."""


def limit_threads() -> None:
    """Limit BLAS to one thread unless the environment sets a number, because beside another program
    its threads wait for each other. Call before numpy is imported. The short switch interval saves
    the encoder's threads long waits for the GIL."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.setswitchinterval(0.0005)


def load_settings() -> Settings:
    """Load the settings from the environment, `.env` and defaults, and mask secrets from now on.
    Raise SettingsError that lists all invalid variables with advice."""
    logging.getLogger("dotenv").setLevel(logging.ERROR)  # `find_env_faults` names bad lines
    problems: list[str] = []
    values: dict[str, Any] = {}
    try:
        values = _read_values(problems)
        settings = Settings(**values)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            name = f"{str(fault['loc'][0]).upper()}: " if fault["loc"] else ""
            problems.append(f"{name}{advise(fault)}")
    except (OSError, UnicodeDecodeError):
        problems.append(".env: cannot be read: save it as UTF-8 text")
    if problems:
        raise SettingsError(problems, clean_value(values.get("log_format", "")).lower())
    register_secrets(settings.secrets)
    return settings


def _read_values(problems: list[str]) -> dict[str, Any]:
    """Return the values set directly or in files named by NAME_FILE. A NAME in the environment
    takes precedence over anything in `.env`, including NAME_FILE."""
    values: dict[str, Any] = {}
    # Decode with utf-8-sig, because a BOM would hide the first variable.
    for source in (os.environ, dotenv_values(".env", encoding="utf-8-sig")):
        lines = {name.lower(): line for name, line in source.items() if line}
        for name in [name for name in Settings.model_fields if name not in values]:
            if path := clean_value(lines.get(f"{name}_file", "")):
                try:
                    values[name] = Path(path).expanduser().read_text(encoding="utf-8-sig")
                except (OSError, UnicodeDecodeError, RuntimeError):
                    problems.append(
                        f"{name.upper()}_FILE: {path} cannot be read: name a readable text file"
                    )
            elif name in lines:
                values[name] = lines[name]
    return values


def find_env_faults() -> list[str]:
    """Return the problems of a readable `.env`: lines that set nothing, misspelled names."""
    from dotenv.parser import parse_stream

    try:
        with open(".env", encoding="utf-8-sig") as file:
            bindings = list(parse_stream(file))
    except FileNotFoundError:
        return []
    except OSError as error:
        return [f".env: cannot be read ({error.strerror}): make it a text file"]
    broken = [b.original for b in bindings if b.error or (b.key and b.value is None)]
    # Blank lines before a binding are part of it.
    lines = [
        part.line + part.string.removesuffix(part.string.lstrip()).count("\n") for part in broken
    ]
    faults = [f".env: line {line}: write NAME=value" for line in lines]
    names = [(binding.key or "").upper() for binding in bindings]
    return [f".env: {typo}" for typo in _find_typos(names)] + faults


def find_environment_typos() -> list[str]:
    """Return environment variables that look like misspelled settings; they may be other
    programs'."""
    return _find_typos([name for name in os.environ if name.upper() != "HTTP_PROXY"])


def _find_typos(names: Sequence[str]) -> list[str]:
    valid = [*VARIABLES, *(f"{name}_FILE" for name in VARIABLES)]
    # HTTP_PROXY beside HTTPS_PROXY belongs to other programs.
    missing = [name for name in valid if name not in names]
    near = ((n, get_close_matches(n, missing, n=1, cutoff=0.85)) for n in names if n not in valid)
    return [f"unknown setting {name}: did you mean {match[0]}?" for name, match in near if match]
