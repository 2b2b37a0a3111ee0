"""Build digests in child processes, one at a time, never in the chat process."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot.delivery.leases import is_dead
from bot.logs import log_fields
from bot.services import Services, TurnLimit
from bot.settings import Settings
from digest.calendar import newest_closed
from digest.errors import StoreError
from digest.store import Store

log = logging.getLogger(__name__)

HOUR_SECONDS = 3600.0
BUILDS_AN_HOUR = 3
"""Reports that a user may request per hour."""
QUESTIONS_AN_HOUR = 20
"""Questions per person and hour that a model answers."""
MAX_WAITING = 8
"""Maximum queue length of requested reports, and of questions, including the running one."""


class TooMany(Exception):
    """The user has reached the hourly limit and must wait some minutes."""

    def __init__(self, number: int, minutes: int) -> None:
        super().__init__(f"{number} in an hour, {minutes} minutes")
        self.number, self.minutes = number, minutes


class Builds:
    """Build reports on demand: one at a time, and once for all who want the same day. Builds for
    the clock or an operator wait only for the running one, not for users' queued requests."""

    def __init__(self) -> None:
        self._turn, self._people = asyncio.Lock(), asyncio.Lock()
        self._running: dict[tuple[str, date, bool], asyncio.Task[str]] = {}
        self._turns = TurnLimit(BUILDS_AN_HOUR, HOUR_SECONDS)

    async def build(self, topic: str, day: date, user: str, *, with_model: bool = False) -> str:
        """Build a report, or wait for the same build in progress. Return "" on success, else the
        reason, also if MAX_WAITING are queued. Raises TooMany for a user over the hourly limit;
        operators, who build `with_model`, have none."""
        # A build with a model serves both: a draft would overwrite its report.
        running = self._running.get((topic, day, True))
        running = running or self._running.get((topic, day, with_model))
        if not with_model:
            drafts = sum(not written for _, _, written in self._running)
            if running is None and drafts >= MAX_WAITING:
                return "too many reports are being made"
            _count_turn(self._turns, user)
        if running is None:
            running = asyncio.create_task(self._make(topic, day, with_model))
            self._running[topic, day, with_model] = running
            running.add_done_callback(lambda _: self._running.pop((topic, day, with_model), None))
        return await asyncio.shield(running)

    async def _make(self, topic: str, day: date, with_model: bool) -> str:
        async with contextlib.nullcontext() if with_model else self._people, self._turn:
            return await run_digest(topic, day, with_model=with_model)

    async def close(self) -> None:
        """Cancel the running builds and end their processes."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


RENEWED = 8.0
"""Interval of build heartbeats, in seconds."""


async def make_report(
    context: Services, holder: str, topic: str, day: date, *, user: str = ""
) -> str:
    """Claim a due build, run it and save the result; return "" on success, else the reason.

    `holder` names this process; if another one has the build, do nothing. With `user` (an
    operator), build in any case. The build is claimed first, so that no digest is sent from the
    draft, unless the day is not over: then the clock will build that day later. Raises StoreError
    if the claim cannot be saved."""
    ledger, about = context.ledger, context.topic(topic)
    is_over = day <= newest_closed(about, context.now())
    if not is_over or not await ledger.claim_build(
        topic, day, holder, context.now(), again=bool(user)
    ):
        return await context.builder.build(topic, day, user, with_model=True) if user else ""
    stored = bool(user) and await ledger.has_report(about, day)
    clock = asyncio.get_running_loop().time
    began = clock()
    renewing = asyncio.create_task(_renew(context, holder, topic, day))
    why: str | None = None
    with log_fields(digest=f"{topic}/{day}"):
        try:
            why = await context.builder.build(topic, day, user or "clock", with_model=True)
            if not why and not await ledger.has_report(about, day):
                # The build it waited for had begun before the day closed.
                why = await context.builder.build(topic, day, user or "clock", with_model=True)
        finally:
            renewing.cancel()
            if why is None and stored:  # cancelled: mark it done again, as nobody else would
                await ledger.end_build(topic, day, context.now(), succeeded=True, holder=holder)
        # If an earlier or imported report exists, it can be delivered, so the build counts as done.
        succeeded = not why or stored or bool(await context.store.load_import(topic, day, day))
        tries = await ledger.end_build(
            topic, day, context.now(), succeeded=succeeded, holder=holder, seconds=clock() - began
        )
        if succeeded:
            log.info("the report of %s %s took %.1f s", topic, day, clock() - began)
        else:
            log.error("no report of %s %s (%s, try %d)", topic, day, why, tries)
    return why


async def _renew(context: Services, holder: str, topic: str, day: date) -> None:
    """Renew the build's heartbeat. If another process takes over, the later report wins."""
    while True:
        await asyncio.sleep(RENEWED)
        try:
            if not await context.ledger.renew_build(topic, day, holder, context.now()):
                log.warning("another process took over the report of %s %s", topic, day)
                return
        except StoreError as error:
            log.error("the build of %s %s cannot be renewed (%s)", topic, day, error)


class Questions:
    """Answer questions about the archive with a model, in a child process, one at a time."""

    def __init__(self) -> None:
        self._turn, self._places = asyncio.Lock(), asyncio.BoundedSemaphore(MAX_WAITING)
        self._turns = TurnLimit(QUESTIONS_AN_HOUR, HOUR_SECONDS)

    async def ask(
        self, question: str, topic: str, language: str, person: str
    ) -> Mapping[str, Any] | None:
        """Return the JSON that `python -m bot ask --json` prints; None on failure or if
        MAX_WAITING are queued. Raises TooMany; questions without a `person` are not limited."""
        if self._places.locked():
            return None
        if person:
            _count_turn(self._turns, person)
        words = ["ask", "--json", "--language", language]
        words += ["--topic", topic] if topic else []
        async with self._places, self._turn:
            printed, why = await ask_child(*words, "-", typed=question)
        return None if why else dict(json.loads(printed))


def _count_turn(limit: TurnLimit, person: str) -> None:
    """Count an action against the person's hourly limit. Raises TooMany."""
    if wait := limit.take_turn(person):
        raise TooMany(limit.most, max(1, round(wait / 60)))


async def run_digest(topic: str, day: date, *, with_model: bool = False) -> str:
    """Run `python -m bot digest` for one day; return "" on success, else the error line. Only
    `with_model` may spend money on a model."""
    writer = "auto" if with_model else "extractive"
    words = ("digest", topic, "--date", str(day), "--writer", writer, "--json")
    return await run_child(*words)


PUBLISH = "publish"
"""The command that writes the pages to a folder, and the role of its lease."""
TURN_SECONDS = 3600.0
"""Lease of an errand; a failed one is retried after that."""
DEADLINE, DEADLINES = 600.0, {PUBLISH: TURN_SECONDS}
"""Timeout of a child process; a longer one for the pages, which may cover many years."""
STOPPED, STOP_SECONDS = (-signal.SIGTERM, -signal.SIGINT, 130), 1.0
"""Exit codes of a child stopped by a signal, and how long the same signal may take to reach this
process."""


async def run_child(*words: str) -> str:
    """Run `python -m bot` with these arguments; return "" on success, else the reason."""
    return (await ask_child(*words))[1]


async def ask_child(*words: str, typed: str = "") -> tuple[str, str]:
    """Run `python -m bot` with these arguments; return its output and the reason of failure or "".

    `typed`: user input, passed on stdin to a command that ends with `-`. It may contain a key, so
    it must not appear in the log or the process list."""
    shown = " ".join(words[:4])
    deadline = DEADLINES.get(words[0], DEADLINE)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "--parent", str(os.getpid()), *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        line = typed.encode("utf-8", "replace")
        printed, errors = await asyncio.wait_for(process.communicate(line), deadline)
    except TimeoutError:
        log.error("%s took longer than %d s and was stopped", shown, deadline)
        return "", f"it took longer than {deadline:.0f} s and was stopped"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    lines = errors.decode("utf-8", "replace").strip().split("\n")
    why, last = ("", "") if process.returncode == 0 else _find_reason(lines, process.returncode)
    # The last error is logged below or by the caller.
    _log_again([line for line in lines if line != last])
    if process.returncode == 0:
        return printed.decode("utf-8", "replace"), ""
    if process.returncode in STOPPED:
        await asyncio.sleep(STOP_SECONDS)  # the signal may go to the whole process group
        why = "it was stopped"
    # `/source test` shows the reason in its answer.
    level = logging.INFO if words[0] == "try-source" else logging.ERROR
    log.log(level, "%s failed: %s", shown, why)
    return "", why


EVENT, ERROR = '{"at"', "jianbao: "
"""Prefixes of a child's output lines: a JSON event, and the final error."""
LEVELS = {f"{name}: ": level for name, level in logging.getLevelNamesMapping().items()}
"""Prefixes of a child's log records in text format."""


def _log_again(lines: Sequence[str]) -> None:
    """Log a child's log records as our own; skip its messages for interactive users."""
    records: list[tuple[int, list[str]]] = []
    for line in lines:
        start = next((start for start in LEVELS if line.startswith(start)), "")
        if line.startswith(EVENT):
            sys.stderr.write(f"{line}\n")
        elif start:
            records.append((LEVELS[start], [line.removeprefix(start)]))
        elif records and (line.startswith("  ") or records[-1][1][-1].startswith("  ")):
            records[-1][1].append(line)  # a traceback, and the exception line after it
    for level, record in records:
        log.log(level, "%s", "\n".join(record))


def _find_reason(lines: Sequence[str], code: int | None) -> tuple[str, str]:
    """Return the child's last error and its line, or else how the process ended."""
    for line in reversed(lines):
        if line.startswith(ERROR):
            return line.removeprefix(ERROR), line
        with contextlib.suppress(ValueError):  # a truncated line
            event = json.loads(line) if line.startswith(EVENT) else {}
            if event.get("level") == "ERROR":
                return str(event["message"]), line
    if not code or code > 0:
        return "it ended without an error message", ""
    hint = ": too little memory, perhaps" if -code == signal.SIGKILL else ""
    return f"it was killed by signal {-code} ({signal.strsignal(-code)}){hint}", ""


ERRANDS = "errand"
"""Note platform of errands in the store."""


@dataclass(frozen=True, slots=True)
class Errand:
    """A command to run when reports change, and the role of its lease."""

    role: str
    words: tuple[str, ...]


def list_errands(settings: Settings, topics: Iterable[str]) -> list[Errand]:
    """Return the configured errands: overviews if there is a model, pages if there is a folder."""
    errands = [Errand(f"roll-up:{topic}", ("roll-up", topic)) for topic in topics]
    errands = errands if settings.providers else []
    if settings.publish_dir:
        errands.append(Errand(PUBLISH, ("publish", settings.publish_dir)))
    return errands


async def is_due(store: Store, errand: Errand) -> bool:
    """Return True if the reports have changed since the errand last ran."""
    return await store.read_note(ERRANDS, errand.role) != await store.read_state()


async def forget_pages(store: Store) -> None:
    """Have the pages written again even if no report changed."""
    await store.save_note(ERRANDS, PUBLISH, "")


async def run_errand(context: Services, holder: str, errand: Errand) -> None:
    """Run the command if reports have changed since its last run and no other process runs it."""
    state, now = await context.store.read_state(), context.now()
    if await context.store.read_note(ERRANDS, errand.role) == state:
        return
    # A unique holder, so that this process also waits until the lease ends.
    turn = f"{holder}:{now.timestamp()}"
    if is_dead(other := await context.ledger.find_holder(errand.role, now)):
        await context.ledger.release_lease(errand.role, other)
    if not await context.ledger.take_lease(errand.role, turn, now, TURN_SECONDS):
        return
    failed = False
    try:
        failed = bool(await run_child(*errand.words))
        if not failed:
            await context.store.save_note(ERRANDS, errand.role, state)
    finally:
        if not failed:  # done, or this process was stopped
            await context.ledger.release_lease(errand.role, turn)
