"""The fakes of Telegram and Discord know only what the platforms' own descriptions have."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.discord_server import ROUTES
from tests.telegram_server import METHODS

SPECS = Path(__file__).parents[2] / "shared/specs"
pytestmark = pytest.mark.skipif(not SPECS.exists(), reason="the platforms' descriptions are absent")


@functools.cache
def read(name: str) -> Any:
    return json.loads((SPECS / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("method", METHODS)
def test_methods_of_telegram_take_the_fields_it_describes(method: str) -> None:
    described = read("telegram-bot-api.json")["methods"][method].get("fields", [])
    required = {field["name"]: field["required"] for field in described}
    for word in METHODS[method].split():
        name, needed = word.partition(":")[0].rstrip("!"), "!" in word
        assert needed or not required[name], f"{name} is required"


@functools.cache
def samples() -> set[tuple[str, str]]:
    """Every method and path of Discord, its parameters filled in."""
    found = set()
    for path, methods in read("discord-openapi.json")["paths"].items():
        token = re.sub(r"\{\w*token\}", "a.token", path)
        sample = re.sub(r"\{\w+\}", "1", token)
        found |= {(method.upper(), sample) for method in methods}
    return found


@pytest.mark.parametrize(("methods", "pattern"), [route[:2] for route in ROUTES])
def test_routes_of_discord_are_its_own(methods: str, pattern: str) -> None:
    known = {method for method, sample in samples() if re.fullmatch(pattern, sample)}
    assert set(methods.split("|")) <= known
