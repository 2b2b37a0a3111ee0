"""The certificates all connections to Telegram check."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """Made once: for each client of its own it would take 1 MB and 30 ms."""
    return httpx.create_ssl_context()
