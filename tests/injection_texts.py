"""Made-up posts that talk to programs, and posts for people that only sound like it."""

from __future__ import annotations

import tomllib
from pathlib import Path

_TEXTS = tomllib.loads(Path(__file__).with_name("injection.toml").read_text(encoding="utf-8"))
ORDERS: list[str] = _TEXTS["orders"]
NEWS: list[str] = _TEXTS["news"]
