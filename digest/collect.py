"""A round of a topic's sources: which are asked, in which order, and what becomes of answers."""

import asyncio
import calendar
import logging
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from digest.calendar import local_day
from digest.errors import SourceError, StoreError
from digest.models import Post, SourceResult, SourceSpec, SourceState, Topic, Window
from digest.sources import Access, Source, admit_posts, name_sources, open_source
from digest.store import Store
from digest.store.ledger import Ledger
from digest.store.post_tables import SAMPLE
from digest.store.source_tables import Change, Health, Reads, SourceBook
from digest.text import clean

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Sources that are asked side by side."""
ROUND_SECONDS = 75.0
"""A round ends then, whoever has not answered."""
BILLED, TURN_SECONDS = "billed sources", 60.0
"""The role of whoever reads a page that costs money, and how long that may take: three requests."""
PAGES = 10
"""Pages of one source in a round; the next round goes on where this one stopped."""
PATIENCE = 3
"""Failures in a row after which a source is asked less often."""
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=15), timedelta(hours=12)
SHOWN = timedelta(days=2)
"""How long after its end most sources still show the posts of a day."""
TRIED = 92
"""Billed reads of a trial at most: ten posts, the least that every endpoint of X allows, with
all that they can bring along, and a user that is looked up."""
BUSIEST_DAY = 10
"""The part of a month's reads that one day may take: a tenth."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round works with."""

    topic: Topic
    window: Window
    store: Store
    access: Access
    health: Mapping[SourceSpec, Health]
    names: Mapping[SourceSpec, str]
    patient: bool
    """True to skip sources that are backing off."""
    age: int
    """Days since the end of the window."""


def identify(spec: SourceSpec) -> SourceSpec:
    """Return what a source is known by: kind and address."""
    return SourceSpec(spec.kind, spec.address)


async def list_sources(topic: Topic, store: Store) -> tuple[SourceSpec, ...]:
    """Return the topic's sources: those of the topics file, as operators changed them in a chat."""
    return apply_changes(topic.sources, await SourceBook(store).changes(topic.name))


def apply_changes(base: Sequence[SourceSpec], changes: Sequence[Change]) -> tuple[SourceSpec, ...]:
    """Return the sources of the file without those taken away, then those that were added."""
    specs = {identify(spec): spec for spec in base}
    for change in changes:
        if not change.added:
            specs.pop(identify(change.spec), None)
        elif identify(change.spec) not in specs:
            specs[identify(change.spec)] = change.spec
    return tuple(specs.values())


async def list_weights(topic: Topic, store: Store, access: Access) -> dict[str, float]:
    """Return how much the posts of each stream count, where that is not as usual."""
    specs = await list_sources(topic, store)
    names = name_sources(specs, access)
    return {names[spec]: spec.weight for spec in specs if spec.weight != 1}


async def collect(
    topic: Topic,
    *,
    store: Store,
    access: Access,
    now: datetime,
    window: Window | None = None,
    patient: bool = True,
) -> list[SourceResult]:
    """Fetch the topic's sources into the store once; one that fails costs only itself.

    Without a window, today and yesterday are wanted. Only sources that can still give posts of the
    window are asked. `patient`: skip those that are backing off.
    """
    today = local_day(now, topic.timezone)
    window = window or Window(today - timedelta(days=1), today, topic.timezone)
    await store.save_topic(topic)
    health = await SourceBook(store).health(topic.name, now.astimezone(UTC).date())
    specs = await list_sources(topic, store)
    names = name_sources(specs, access)
    age = (today - window.last).days
    round_ = Round(topic, window, store, access, health, names, patient, age)
    turns = asyncio.Semaphore(AT_ONCE)

    async def ask_in_turn(group: Sequence[SourceSpec]) -> list[SourceResult]:
        try:
            async with asyncio.timeout(ROUND_SECONDS), turns:
                return await _ask_group(round_, group)
        except TimeoutError:
            return [SourceResult(names[group[0]], ok=False, note="too slow")]

    tasks = [asyncio.create_task(ask_in_turn(group)) for group in group_fallbacks(specs)]
    if tasks:
        await asyncio.wait(tasks)
    return [result for task in tasks for result in task.result()]


def group_fallbacks(specs: Sequence[SourceSpec]) -> list[list[SourceSpec]]:
    """Return each source with those that stand in for it, in their order; one that stands in for a
    stand-in follows it."""
    groups: list[list[SourceSpec]] = []
    for spec in specs:
        named = (
            g
            for g in groups
            if any(spec.fallback_for in (s.address, s.kind, f"{s.kind}:{s.address}") for s in g)
        )
        if spec.fallback_for and (group := next(named, None)) is not None:
            group.append(spec)
        else:
            groups.append([spec])
    return groups


async def _ask_group(round_: Round, group: Sequence[SourceSpec]) -> list[SourceResult]:
    """Ask a source and then its stand-ins, up to the first that answers."""
    answers: list[SourceResult] = []
    for spec in group:
        if result := await _ask(round_, spec):
            answers.append(result)
            if result.ok:
                break
    return answers


async def _ask(round_: Round, spec: SourceSpec) -> SourceResult | None:
    """Fetch one source and store its posts; None for one that has nothing to do with the window."""
    name = round_.names[spec]
    try:
        source = open_source(spec, round_.access)
    except SourceError as error:
        log.warning("%s", error)
        return SourceResult(name, ok=False, note=str(error)[:200])
    if source.reach is not None and round_.age > source.reach:
        return None
    health, now = round_.health.get(identify(spec), Health()), datetime.now(UTC)
    backs_off = round_.patient and health.next_at and health.next_at > now
    if health.off or backs_off:
        return SourceResult(name, ok=False, note=health.off or health.error or "no answer")
    try:
        return await _fetch_pages(round_, source, spec, health)
    except SourceError as error:
        log.warning("%s", error)
        fault = error
    except StoreError:
        raise
    except Exception as error:  # one source may fail without the others
        log.exception("%s failed", name)
        fault = SourceError(f"a fault of the program ({type(error).__name__})")
    await _save_failure(round_, spec, health, fault)
    return SourceResult(name, ok=False, note=str(fault)[:200])


async def _fetch_pages(
    round_: Round, source: Source, spec: SourceSpec, health: Health
) -> SourceResult:
    """Fetch until there is no more; each page is stored, with what it cost, before the next."""
    book, state, number = SourceBook(round_.store), health.state, 0
    name = round_.names[spec]
    for _ in range(PAGES):
        began = time.monotonic()
        async with _take_turn(round_.store) if source.billed else nullcontext():
            if source.billed:
                now = datetime.now(UTC)
                budget = compute_allowance(round_.access.x_reads_month, await book.reads(now), now)
                state = replace(state, budget=budget, read=())
            posts, state = await source.fetch(round_.window, state)
            now, seconds = datetime.now(UTC), time.monotonic() - began
            admitted = admit_posts(posts, now, near=spec.private)
            saving = asyncio.ensure_future(
                book.save_answer(
                    *(round_.topic, identify(spec), name, admitted, state, now, seconds),
                    site=source.site,
                )
            )
            try:
                await asyncio.shield(saving)
            except asyncio.CancelledError:
                await saving  # the round is being ended, but what came may have been paid for
                raise
        number += len(posts)
        if not state.more:
            break
    return SourceResult(name, number, note=state.note)


@asynccontextmanager
async def _take_turn(store: Store) -> AsyncIterator[None]:
    """Wait for the turn to read what costs money: of all rounds and processes one does at a time,
    so that each knows what the one before has spent."""
    ledger, holder = Ledger(store), secrets.token_hex(8)
    while not await ledger.lease(BILLED, holder, datetime.now(UTC), TURN_SECONDS):  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    try:
        yield
    finally:
        await ledger.give_back(BILLED, holder)


def compute_allowance(most: int, spent: Reads, now: datetime) -> int:
    """Return how many reads today may still use: today's share of the month plus what earlier days
    saved, but at most a tenth of the month, so that a late start does not spend it all at once. One
    page always fits that tenth."""
    day = now.astimezone(UTC)
    days = calendar.monthrange(day.year, day.month)[1]
    by_now = -(-most * day.day // days) - spent.month
    return max(0, min(by_now, max(TRIED, -(-most // BUSIEST_DAY)) - spent.today))


async def _save_failure(
    round_: Round, spec: SourceSpec, health: Health, error: SourceError
) -> None:
    now, next_at = datetime.now(UTC), None
    if error.wait:
        next_at = now + timedelta(seconds=error.wait)
    elif health.failures + 1 >= PATIENCE:
        next_at = now + backoff(health.failures + 1)
    await SourceBook(round_.store).save_failure(
        round_.topic,
        identify(spec),
        round_.names[spec],
        str(error),
        now,
        next_at=next_at,
        # Where it moved to may be gone for good: its own address is asked once more.
        off=str(error)[:300] if error.gone and not health.state.address else "",
        counts=not error.wait,
    )


def backoff(failures: int) -> timedelta:
    """Return how long a source is not asked after that many failures in a row: doubling."""
    doubled: int = 1 << min(10, max(0, failures - PATIENCE))
    return min(LONGEST_WAIT, doubled * FIRST_WAIT)


async def list_answers(
    topic: Topic,
    window: Window,
    counted: Mapping[str, int],
    latest_results: Sequence[SourceResult],
    *,
    store: Store,
    access: Access,
    today: datetime,
) -> tuple[SourceResult, ...]:
    """Return how the sources answered for a window: those asked just now, and those of the rounds
    since it began, up to two days after its end.

    `counted`: posts of the window by stream. A source that was never asked in that time is left
    out, so is the sample where it gave nothing.
    """
    book = SourceBook(store)
    until = min(today.astimezone(UTC).date(), window.last + SHOWN)
    rounds = await book.window(topic.name, window.first, until)
    health = await book.health(topic.name, today.astimezone(UTC).date())
    latest = {result.name: result for result in latest_results}
    results: dict[str, SourceResult] = {name: SourceResult(name, n) for name, n in counted.items()}
    for spec, name in name_sources(await list_sources(topic, store), access).items():
        answered, failed = rounds.get(identify(spec), (0, 0))
        how = health.get(identify(spec), Health())
        switched_off = how.off and how.error_at and how.error_at.date() <= until
        if not (result := latest.get(name)):
            note = "" if answered else how.off or how.error or "no answer"
            result = SourceResult(name, ok=answered > 0, note=note)
            if not (answered or failed or switched_off):
                continue
        if spec.kind == SAMPLE and name not in counted:
            continue
        if name in counted and not result.ok and answered:
            continue  # it has been heard of: what it gave is there
        results[name] = replace(result, posts=counted.get(name, 0))
    return tuple(results.values())


async def try_source(spec: SourceSpec, store: Store, access: Access) -> dict[str, object]:
    """Return what a source gives now, its three newest posts as a digest would use them. Raise
    SourceError.

    A source that is billed is read as little as its service allows, and that is counted.
    """
    source, book, now = open_source(spec, access), SourceBook(store), datetime.now(UTC)
    window, state = Window(now.date() - timedelta(days=6), now.date(), "UTC"), SourceState()
    posts: Sequence[Post] = ()
    async with _take_turn(store) if source.billed else nullcontext():
        for _ in range(2):  # X is asked for the number of a user first
            if source.billed:
                left = access.x_reads_month - (await book.reads(now)).month
                state = replace(state, budget=max(0, min(TRIED, left)), read=())
            posts, state = await source.fetch(window, state)
            await book.save_reads(state.read, now)
            if posts or not state.more:
                break
    posts = admit_posts(posts, now, near=spec.private)
    newest = sorted(posts, key=lambda post: post.created_at, reverse=True)[:3]
    rows = [
        {
            "key": post.key,
            "author": post.author or post.author_name,
            "text": clean(post.text),
            "created_at": post.created_at.isoformat(),
            "url": post.url,
            "metrics": dict(post.metrics),
        }
        for post in newest
    ]
    about = {"kind": spec.kind, "address": spec.address, "name": source.name}
    return {**about, "number": len(posts), "posts": rows}


async def import_feeds(
    body: bytes, name: str, topic: Topic, store: Store, now: datetime
) -> tuple[int, list[str]]:
    """Add the feeds of an OPML list to a topic; return how many it did not have, and the refused
    lines.

    Raise DigestError for a list that is none.
    """
    from digest.fetch.opml import parse_opml

    feeds, refused = parse_opml(body, name)
    before = {identify(spec) for spec in await list_sources(topic, store)}
    new = [spec for feed in feeds if (spec := SourceSpec("rss", feed)) not in before]
    await SourceBook(store).change(topic, new, added=True, by=name[:80], now=now)
    return len(new), refused
