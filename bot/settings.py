"""The only reader of the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from digest.models import DigestError


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
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"


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
    name = str(found["loc"][0]).upper() if found["loc"] else "settings"
    said = str(found["msg"]).removeprefix("Value error, ")
    return f"{name}: {said}"
