"""The only reader of the environment."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from bot.platforms import Setup
from digest.errors import DigestError
from digest.models import Provider
from digest.sources import Access

OPENAI = "https://api.openai.com/v1"


class SettingsError(DigestError):
    """What is wrong in the environment, a line for each problem."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            "no such time zone: write one like Europe/Berlin or Asia/Shanghai"
        ) from None
    return name


def _proxy(address: str) -> str:
    if address and not re.fullmatch(r"https?://[^\s/]+/?", address):
        raise ValueError("write a proxy like http://proxy.example:3128")
    return address


def _server(address: str) -> str:
    if address and not re.fullmatch(r"https?://[^\s/@]+(?:/\S*)?", address):
        raise ValueError("write a server like http://127.0.0.1:8081, or leave it empty")
    return address


def _admins(listed: str) -> str:
    for one in filter(None, map(str.strip, listed.split(","))):
        if not re.fullmatch(r"(?:telegram|discord):-?\d{1,20}", one):
            raise ValueError(f"{one[:40]!r} is no person: write telegram:123456,discord:987654")
    return listed


class Settings(BaseSettings):
    """The program's settings. Names are those of the environment, in lower case."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_file=".env",
        env_file_encoding="utf-8-sig",  # a BOM would hide the first variable
        env_ignore_empty=True,
    )

    database_url: str = Field("sqlite:///jianbao.db", repr=False)
    data_dir: Path = Path("var")
    topics_file: Path = Path("topics.toml")
    prompts_dir: Path = Path("prompts")
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    telegram_bot_token: str = Field("", repr=False)
    telegram_api_url: Annotated[str, AfterValidator(_server)] = ""
    discord_bot_token: str = Field("", repr=False)
    discord_api_url: Annotated[str, AfterValidator(_server)] = ""
    openai_api_key: str = Field("", repr=False)
    openai_base_url: str = OPENAI
    openai_model: str = "gpt-5-mini"
    budget_usd_day: float = Field(0.5, ge=0, allow_inf_nan=False)
    budget_usd_month: float = Field(10.0, ge=0, allow_inf_nan=False)
    x_bearer_token: str = Field("", repr=False)
    x_reads_month: int = Field(2000, ge=0)
    https_proxy: Annotated[str, AfterValidator(_proxy)] = Field("", repr=False)
    unknown_sends: Literal["hold", "resend"] = "hold"
    keep_days: int = Field(400, ge=7)
    admins: Annotated[str, AfterValidator(_admins)] = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        """The three lists of providers fit each other; `_providers` says what does not."""
        _providers(self.openai_model, self.openai_base_url, self.openai_api_key)
        return self

    @property
    def providers(self) -> tuple[Provider, ...]:
        """The models to ask, in this order; none where there is neither a key nor an own server."""
        return _providers(self.openai_model, self.openai_base_url, self.openai_api_key)

    def setup(self, platform: str) -> Setup:
        """How to reach a chat platform: NAME_BOT_TOKEN, NAME_API_URL and what all share."""
        token = getattr(self, f"{platform}_bot_token", "")
        address = getattr(self, f"{platform}_api_url", "")
        return Setup(token, address, self.https_proxy, self.operators(platform))

    @property
    def access(self) -> Access:
        """What sources need: a proxy, keys."""
        return Access(self.https_proxy, self.x_bearer_token, self.x_reads_month)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be logged."""
        keys = [provider.key for provider in self.providers]
        inside = [_password(self.https_proxy), _password(self.database_url)]
        own = [self.telegram_bot_token, self.discord_bot_token, self.x_bearer_token]
        return tuple(filter(None, own + keys + inside))

    def operators(self, platform: str) -> tuple[str, ...]:
        """Ids of the people in ADMINS on that platform."""
        listed = (one.strip().partition(":") for one in self.admins.split(","))
        return tuple(id_ for name, _, id_ in listed if name == platform)

    def is_admin(self, platform: str, user_id: str) -> bool:
        """Whether somebody runs this bot: named in ADMINS, or sitting at its terminal."""
        return platform == "terminal" or user_id in self.operators(platform)


def _providers(models: str, addresses: str, keys: str) -> tuple[Provider, ...]:
    """Comma-separated lists by position; a single value serves all."""
    lists = [[part.strip() for part in said.split(",")] for said in (models, addresses, keys)]
    most = max(map(len, lists))
    for name, parts in zip(("MODEL", "BASE_URL", "API_KEY"), lists, strict=True):
        if len(parts) not in (1, most):
            raise ValueError(
                f"OPENAI_{name} has {len(parts)} entries where another list has {most}:"
                " give one for each model, or one for all"
            )
    whole = [parts * most if len(parts) == 1 else parts for parts in lists]
    found = [
        Provider(model, address.rstrip("/"), key)
        for model, address, key in zip(*whole, strict=True)
    ]
    for provider in found:
        _ask_address(provider.base_url)
    return tuple(p for p in found if p.model and (p.key or p.base_url != OPENAI))


def _password(address: str) -> str:
    """The password inside an address, as it is written there."""
    before, at, _ = address.partition("://")[2].rpartition("@")
    return before.partition(":")[2] if at else ""


def _ask_address(address: str) -> None:
    parsed = urlsplit(address)
    if parsed.scheme not in ("http", "https") or not parsed.hostname or "@" in parsed.netloc:
        raise ValueError("OPENAI_BASE_URL must look like https://api.openai.com/v1")


VARIABLES = tuple(name.upper() for name in Settings.model_fields)
"""Every variable the program reads; each may also come from a file named by NAME_FILE."""


def load_settings() -> Settings:
    """The settings of this process: environment first, then `.env`, then the defaults.

    Raises SettingsError that names every wrong variable at once and what to write instead.
    """
    problems: list[str] = []
    try:
        settings = Settings(**_from_files(problems))
    except ValidationError as error:
        problems += [_problem(found) for found in error.errors(include_url=False)]
    except (OSError, UnicodeDecodeError):
        problems.append(".env: cannot be read: save it as UTF-8 text")
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _from_files(problems: list[str]) -> dict[str, Any]:
    """Values of variables whose NAME_FILE names a file, as secrets are mounted.

    A NAME_FILE in `.env` gives way to a NAME in the environment, like the rest of `.env`.
    """
    dotenv = DotEnvSettingsSource(Settings).env_vars
    values = {}
    for name in VARIABLES:
        path = os.environ.get(f"{name}_FILE")
        if not path and not os.environ.get(name):
            path = dotenv.get(f"{name.lower()}_file")
        if path:
            try:
                values[name.lower()] = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                problems.append(f"{name}_FILE: {path} cannot be read: name a readable text file")
    return values


def _problem(found: Any) -> str:
    said = str(found["msg"]).removeprefix("Value error, ")
    return f"{str(found['loc'][0]).upper()}: {said}" if found["loc"] else said
