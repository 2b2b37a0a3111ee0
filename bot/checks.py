"""The `check` command: one line for everything a digest needs."""

import asyncio
import errno
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from bot import texts
from bot.app import CHATS, conversation
from bot.commands.chats import USUAL_TIME
from bot.host import BotHost
from bot.platforms import PlatformError, open_platform
from bot.settings import Settings, find_env_faults, find_environment_typos, load_settings
from digest.calendar import days_back
from digest.collect import group_fallbacks
from digest.errors import DigestError, TopicsError, explain
from digest.fetch.addresses import choose_proxy
from digest.masking import mask
from digest.sources import refuse_idle
from digest.store import Store
from digest.store.backup import check_damage, sqlite_file
from digest.text import fill
from digest.topics import find_topics_file

PATIENCE = 10.0
"""Timeout of a server, in seconds."""
CHAT_SECONDS = 2.0
"""Additional timeout per chat that a platform is asked about, sequentially."""
PROBE_BYTES = 65536
"""Size of the test file: an empty file would fit on a full disk."""


Check = Callable[[Settings], str | Awaitable[str]]
"""Returns a line on what works, then a line for each chat where it does not. Raises DigestError."""
_CONTAINER = "the file system of a container, which is lost when the container is replaced"
_MEMORY = "memory, which is lost when the machine restarts"
WIPED = {"tmpfs": _MEMORY, "ramfs": _MEMORY, "overlay": _CONTAINER, "aufs": _CONTAINER}
"""File systems that lose their content, with their names in warnings."""
MOUNTS = Path("/proc/self/mountinfo")


async def run_checks(write: Callable[[str], None]) -> bool:
    """Print a line per check; return True if all passed."""

    def show(line: str) -> None:
        write(mask(line))  # a server's error may echo its address

    def fail(name: str, why: object) -> bool:
        for line in str(why).splitlines():
            show(f"FAIL {name}: {line}")
        return False

    try:
        settings = load_settings()
    except DigestError as error:
        return fail("settings", error)
    faults = find_env_faults()
    if not faults:
        show(f"ok   settings: {_describe_env()}")
    passed = not faults or fail("settings", "\n".join(faults))
    checks: tuple[tuple[str, Check], ...] = (
        ("topics", _topics),
        ("database", _database),
        ("data folder", lambda settings: _try_folder(settings.data_dir, "DATA_DIR")),
        # Imported lazily: a missing package must not hide the lines before it.
        ("font", lambda _: import_module("digest.cloud").font_check()),
        ("encoder", lambda _: import_module("digest.select.embed").encoder_check()),
        ("prompts", lambda s: import_module("digest.write.model.prompts").check(s.prompts_dir)),
        ("model", _model),
        ("proxy", _proxy),
        ("pages", _pages),
        *((name, partial(_platform, name)) for name in CHATS),
    )
    for typo in find_environment_typos():
        show(f"warn settings: {typo}")
    with suppress(DigestError):  # reported by the topics check
        for warning in _list_late_topics(settings):
            show(f"warn topics: {warning}")
    with suppress(DigestError):  # reported by the database check
        database = sqlite_file(settings.database_url)
        if database and (warning := warn_of_storage(database)):
            show(f"warn disk: {warning}")
    for name, check in checks:
        try:
            result = check(settings)
            works, *silent = (result if isinstance(result, str) else await result).splitlines()
            show(f"ok   {name}: {works}")
            if silent:
                passed = fail(name, "\n".join(silent))
        except DigestError as error:
            passed = fail(name, error)
    return passed


def _describe_env() -> str:
    file = Path(".env").resolve()
    return str(file) if file.exists() else f"no .env in {file.parent}"


async def _topics(settings: Settings) -> str:
    """Return the topics file and its topics. Raise DigestError that lists all sources that cannot
    work and have no fallback, and fallbacks without a source."""
    topics, faults = settings.load_topics(), []
    for topic in topics.values():
        idle = [s for s, *_ in group_fallbacks(topic.sources) if s.fallback_for]
        fault = f"[{topic.name}] sources: fallback_for matches no earlier source"
        faults += [f'{fault}: "{source.fallback_for}"' for source in idle]
        covered = {source.fallback_for for source in topic.sources} - {""}
        for number, source in enumerate(topic.sources, 1):
            if source.address in covered:
                continue
            try:
                refuse_idle(source, settings.access)
            except DigestError as error:
                faults.append(f"[{topic.name}] sources: number {number}: {error}")
    if faults:
        raise DigestError("\n".join(faults))
    listed = [f"{t.name} (sources: {len(t.sources)})" for t in topics.values()]
    return f"{find_topics_file(settings.topics_file).resolve()}: {', '.join(listed)}"


def _list_late_topics(settings: Settings) -> Iterator[str]:
    """Yield a warning for each topic whose reports new chats would get a day late every day."""
    where, year = settings.timezone, datetime.now(UTC).year
    for topic in settings.load_topics().values():
        if days_back(topic.timezone, topic.build_at, where, USUAL_TIME, year) > 1:
            yield (
                f"[{topic.name}] at {USUAL_TIME:%H:%M} in {where} (TIMEZONE) chats get the report"
                f' of the day before yesterday: write timezone = "{where}", or an earlier build_at'
            )


async def _database(settings: Settings) -> str:
    _refuse_missing_folder(settings)
    await check_damage(settings.database_url)
    async with await Store.open(settings.database_url) as store:
        answer, named = await store.check(), await store.count_subscriptions()
    try:
        topics = settings.load_topics()
    except TopicsError:
        return answer  # reported by the topics check
    gone = [{"about": name, "n": n} for name, n in named.items() if name not in topics]
    if gone:
        raise DigestError("\n".join(texts.text("alert_topic_gone", "en", **row) for row in gone))
    return answer


def _refuse_missing_folder(settings: Settings) -> None:
    """Raise DigestError if the database's folder is missing: it may be misspelled."""
    file = sqlite_file(settings.database_url)
    if file and not file.parent.is_dir():
        raise DigestError(f"folder {file.parent} does not exist: create it or correct DATABASE_URL")


def find_storage_fault(file: Path, mounts: str) -> str:
    """Return where the file is if that place loses its content, else "". `mounts`: content of
    mountinfo, see proc(5)."""
    here, kind = Path("/"), ""
    for line in mounts.splitlines():
        left, dash, right = line.partition(" - ")
        if not dash:
            continue
        # Spaces in paths are escaped as \040.
        point = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), left.split()[4]))
        # Of several mounts at one place, the last one is visible.
        if file.is_relative_to(point) and len(point.parts) >= len(here.parts):
            here, kind = point, right.split()[0]
    return WIPED.get(kind, "")


def warn_of_storage(file: Path) -> str:
    """Return a warning if a restart would wipe the database; "" if not, or if this system does not
    tell."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace")
        why = find_storage_fault(file.resolve(), mounts)
    except OSError:
        return ""
    return f"{file} is in {why}: put it on a volume, or use PostgreSQL" if why else ""


async def _pages(settings: Settings) -> str:
    address, folder = settings.web_address, settings.publish_dir
    if not address and not folder:
        return "no WEB_ADDRESS, no PUBLISH_DIR: left out"
    places = [await _try_address(address)] if address else []
    if folder:
        places.append(_try_folder(Path(folder), "PUBLISH_DIR"))
        import_module("digest.publish.site").read_list(Path(folder))
    note = "" if settings.public_url else "; no feeds: they need PUBLIC_URL"
    return ", ".join(places) + note


async def _try_address(address: str) -> str:
    """Return where the bot would listen. Raise DigestError if it cannot listen there."""
    host, _, port = address.rpartition(":")
    try:
        server = await asyncio.start_server(lambda *_: None, host.strip("[]"), int(port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"{address} (in use, by the running bot or by another program)"
        raise DigestError(
            f"cannot listen at {address} ({explain(error)}): correct WEB_ADDRESS"
        ) from None
    server.close()
    return address


def _try_folder(folder: Path, setting: str) -> str:
    probe = folder / ".check"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(bytes(PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise DigestError(
            f"{folder} cannot be written ({error.strerror}): set {setting} to another folder"
        ) from None
    return str(folder)


async def _model(settings: Settings) -> str:
    """Send each model a tiny prompt; return its answer line and prices."""
    from digest.llm.budget import price
    from digest.llm.client import probe

    if not settings.providers:
        return "none set up: reports consist of sentences quoted from posts"
    lines = []
    for provider in settings.providers:
        answer = await probe(provider, choose_proxy(provider.base_url, settings.https_proxy))
        prompt, answer_ = price(provider, 1_000_000, 0), price(provider, 0, 1_000_000)
        cost = "price unknown: tokens are counted"
        if prompt is not None and answer_ is not None:
            cost = f"${prompt:.2f} in and ${answer_:.2f} out per million tokens"
        lines.append(f"{answer}, {cost}")
    return "; ".join(lines)


async def _proxy(settings: Settings) -> str:
    if not settings.https_proxy:
        return "none set"
    parsed = urlsplit(settings.https_proxy)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(parsed.hostname, port)
    except OSError as error:  # TimeoutError is one
        slow = isinstance(error, TimeoutError)
        why = "no answer in time" if slow else explain(error)
        raise DigestError(
            f"{parsed.hostname}:{port} cannot be reached ({why}): check HTTPS_PROXY"
        ) from None
    writer.close()
    return f"{parsed.hostname}:{port} answers"


async def _platform(name: str, settings: Settings) -> str:
    setup = settings.setup(name)
    if not setup.token:
        return f"no {name.upper()}_BOT_TOKEN: left out"
    _refuse_missing_folder(settings)
    await check_damage(settings.database_url)  # otherwise opening it would restore the backup
    async with conversation(settings) as context:
        chats = await context.store.list_chats(name)
        seconds = 2 * PATIENCE + CHAT_SECONDS * len(chats)
        platform = open_platform(name, BotHost(context, lambda _: None), setup)
        try:
            async with asyncio.timeout(seconds):
                who, *silent = await platform.check(chats)
        except TimeoutError:
            raise DigestError(f"no answer within {seconds:.0f} s: try again later") from None
        except PlatformError as error:
            raise DigestError(str(error)) from None
    return "\n".join([fill("{who}; {n:subscribed chat}", who=who, n=len(chats)), *silent])
