"""A round of a topic's sources: who is asked, in which order, and what becomes of answers and failures."""

from __future__ import annotations

import asyncio
import calendar
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from digest.errors import DigestError, SourceError, StoreError
from digest.models import Post, SourceResult, SourceSpec, SourceState, Topic, Window
from digest.sources import Access, Source, open_source
from digest.store import Store
from digest.store.sources import Change, Health, Reads, SourceBook
from digest.text import clean

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Sources that are asked side by side."""
ROUND_SECONDS = 75.0
"""A round ends then, whoever has not answered."""
PAGES = 10
"""Pages of one source in a round; the next round goes on where this one stopped."""
PATIENCE = 3
"""Failures in a row after which a source is asked less often."""
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=15), timedelta(hours=12)
SHOWN = timedelta(days=2)
"""How long after its end most sources still show the posts of a day."""
SAMPLE = "sample"
TRIED = 92
"""Billed reads of a trial at the most: ten posts, the least that every endpoint of X allows, with all that
they can bring along, and a user that is looked up."""
BUSIEST_DAY = 10
"""The part of a month's reads that one day may take: a tenth."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one round works with."""

    topic: Topic
    window: Window
    store: Store
    access: Access
    health: Mapping[SourceSpec, Health]
    billed: asyncio.Lock
    """Sources that cost money take turns, so that each knows what the one before has spent."""
    patient: bool
    """Whether those that failed again and again are left in peace for a while."""

    def of(self, spec: SourceSpec) -> Health:
        return self.health.get(bare(spec), Health())


def bare(spec: SourceSpec) -> SourceSpec:
    """What a source is known by: kind and address."""
    return SourceSpec(spec.kind, spec.address)


async def sources_of(topic: Topic, store: Store) -> tuple[SourceSpec, ...]:
    """The topic's sources: those of the topics file with what operators changed in a chat."""
    return changed(topic.sources, await SourceBook(store).changes(topic.name))


def changed(base: Sequence[SourceSpec], changes: Sequence[Change]) -> tuple[SourceSpec, ...]:
    """The sources of the file without those taken away, then those that were added."""
    known = {bare(spec): spec for spec in base}
    for change in changes:
        if not change.added:
            known.pop(bare(change.spec), None)
        elif bare(change.spec) not in known:
            known[bare(change.spec)] = change.spec
    return tuple(known.values())


async def weights_of(topic: Topic, store: Store, access: Access) -> dict[str, float]:
    """How much the posts of each stream count, where that is not as usual."""
    listed = await sources_of(topic, store)
    return {_name(spec, access): spec.weight for spec in listed if spec.weight != 1}


async def collect(
    topic: Topic,
    *,
    store: Store,
    access: Access,
    now: datetime,
    window: Window | None = None,
    patient: bool = True,
) -> list[SourceResult]:
    """One round of the topic's sources into the store; one that fails costs only itself.

    Without a window, today and yesterday are wanted. Only sources that can still give posts of the window
    are asked. `patient`: those that failed again and again wait until it is their time.
    """
    today = now.astimezone(ZoneInfo(topic.timezone)).date()
    window = window or Window(today - timedelta(days=1), today, topic.timezone)
    await store.save_topic(topic)
    known = await SourceBook(store).health(topic.name, now.astimezone(UTC).date())
    asked = Asked(topic, window, store, access, known, asyncio.Lock(), patient)
    turns = asyncio.Semaphore(AT_ONCE)
    age = (today - window.last).days

    async def one(group: Sequence[SourceSpec]) -> list[SourceResult]:
        async with turns:
            return await _first_that_answers(asked, group, age)

    specs = await sources_of(topic, store)
    rounds = [asyncio.create_task(one(group)) for group in grouped(specs)]
    done, late = await asyncio.wait(rounds, timeout=ROUND_SECONDS) if rounds else (set(), set())
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late)
    results = []
    for group, task in zip(grouped(specs), rounds, strict=True):
        if task in done:
            results += task.result()
        else:
            results.append(SourceResult(_name(group[0], access), ok=False, note="too slow"))
    return results


def grouped(specs: Sequence[SourceSpec]) -> list[list[SourceSpec]]:
    """Each source with those that stand in for it, in their order; one that stands in for a stand-in
    follows it."""
    groups: list[list[SourceSpec]] = []
    for spec in specs:
        own = next((g for g in groups if any(_means(spec.fallback_for, s) for s in g)), None)
        if spec.fallback_for and own is not None:
            own.append(spec)
        else:
            groups.append([spec])
    return groups


def _means(said: str, spec: SourceSpec) -> bool:
    return bool(said) and said in {spec.address, spec.kind, f"{spec.kind}:{spec.address}"}


def _name(spec: SourceSpec, access: Access) -> str:
    try:
        return open_source(spec, access).name
    except SourceError:
        return f"{spec.kind} {spec.address}"[:80].strip()


async def _first_that_answers(
    asked: Asked, group: Sequence[SourceSpec], age: int
) -> list[SourceResult]:
    """The source, or the first of its stand-ins that answers; those that did not, too."""
    results: list[SourceResult] = []
    for spec in group:
        result = await _ask(asked, spec, age)
        if result is None:
            continue
        results.append(result)
        if result.ok:
            break
    return results


async def _ask(asked: Asked, spec: SourceSpec, age: int) -> SourceResult | None:
    """Asks one source and stores what it says; None for one that has nothing to do with the window."""
    try:
        source = open_source(spec, asked.access)
    except SourceError as error:
        log.warning("%s", error)
        return SourceResult(_name(spec, asked.access), ok=False, note=str(error)[:200])
    if source.reach is not None and age > source.reach:
        return None
    health, now = asked.of(spec), datetime.now(UTC)
    if health.off:
        return SourceResult(source.name, ok=False, note=health.off)
    if asked.patient and health.next_at and health.next_at > now:
        return SourceResult(source.name, ok=False, note=health.error or "no answer")
    try:
        number = await _pages(asked, source, spec, health)
    except SourceError as error:
        log.warning("%s", error)
        await _failed(asked, source.name, spec, health, error)
        return SourceResult(source.name, ok=False, note=str(error)[:200])
    except StoreError:
        raise
    except Exception as error:  # one source may fail without the others
        log.exception("%s failed", source.name)
        fault = SourceError(f"a fault of the program ({type(error).__name__})")
        await _failed(asked, source.name, spec, health, fault)
        return SourceResult(source.name, ok=False, note=str(fault))
    if not number and not health.state.marks:
        log.info("%s: no posts in it", source.name)
    return SourceResult(source.name, number)


async def _pages(asked: Asked, source: Source, spec: SourceSpec, health: Health) -> int:
    """Fetches until there is no more; each page is stored, with what it cost, before the next."""
    book, state, number = SourceBook(asked.store), health.state, 0
    for _ in range(PAGES):
        began = time.monotonic()
        if source.billed:
            async with asked.billed:
                now = datetime.now(UTC)
                budget = allowance(asked.access.x_reads_month, await book.reads(now), now)
                posts, state = await source.fetch(
                    asked.window, replace(state, budget=budget, read=())
                )
                await _stored(asked, book, source, spec, posts, state, began)
        else:
            posts, state = await source.fetch(asked.window, state)
            await _stored(asked, book, source, spec, posts, state, began)
        number += len(posts)
        if not state.more:
            break
    return number


def allowance(most: int, spent: Reads, now: datetime) -> int:
    """How many reads are left for today: its share of the month's with what earlier days left over,
    but no more than a tenth of the month's, so that a late start is no rush; one page is always allowed that."""
    day = now.astimezone(UTC)
    days = calendar.monthrange(day.year, day.month)[1]
    by_now = -(-most * day.day // days) - spent.month
    return max(0, min(by_now, max(TRIED, -(-most // BUSIEST_DAY)) - spent.today))


async def _stored(
    asked: Asked,
    book: SourceBook,
    source: Source,
    spec: SourceSpec,
    posts: Sequence[Post],
    state: SourceState,
    began: float,
) -> None:
    now, seconds = datetime.now(UTC), time.monotonic() - began
    saving = asyncio.ensure_future(
        book.save_answer(asked.topic, bare(spec), source.name, posts, state, now, seconds)
    )
    try:
        await asyncio.shield(saving)
    except asyncio.CancelledError:
        await saving  # the round is being ended, but what came may have been paid for
        raise


async def _failed(
    asked: Asked, name: str, spec: SourceSpec, health: Health, error: SourceError
) -> None:
    now = datetime.now(UTC)
    next_at = now + timedelta(seconds=error.wait) if error.wait else None
    failures = health.failures + (not error.wait)
    if not error.wait and failures >= PATIENCE:
        next_at = now + backoff(failures)
    await SourceBook(asked.store).save_failure(
        asked.topic,
        bare(spec),
        name,
        str(error),
        now,
        next_at=next_at,
        off=str(error)[:300] if error.gone else "",
        counts=not error.wait,
    )


def backoff(failures: int) -> timedelta:
    """How long a source is left in peace after that many failures in a row: doubling."""
    doubled: int = 1 << min(10, max(0, failures - PATIENCE))
    return min(LONGEST_WAIT, doubled * FIRST_WAIT)


async def answers(
    topic: Topic,
    window: Window,
    counted: Mapping[str, int],
    asked: Sequence[SourceResult],
    *,
    store: Store,
    access: Access,
    today: datetime,
) -> tuple[SourceResult, ...]:
    """How the sources answered for a window: those asked just now, and those of the rounds since it began,
    up to two days after its end.

    `counted`: posts of the window by stream. A source that was never asked in that time is left out, so is
    the sample where it gave nothing.
    """
    book = SourceBook(store)
    until = min(today.astimezone(UTC).date(), window.last + SHOWN)
    rounds = await book.window(topic.name, window.first, until)
    health = await book.health(topic.name, today.astimezone(UTC).date())
    now_asked = {result.name: result for result in asked}
    found: dict[str, SourceResult] = {name: SourceResult(name, n) for name, n in counted.items()}
    for spec in await sources_of(topic, store):
        name = _name(spec, access)
        result = now_asked.get(name) or _of_rounds(name, bare(spec), rounds, health, until)
        if result is None or (spec.kind == SAMPLE and name not in counted):
            continue
        earlier = rounds.get(bare(spec), (0, 0))[0]
        if name in counted and not result.ok and earlier:
            continue  # it has been heard of: what it gave is there
        found[name] = replace(result, posts=counted.get(name, 0))
    return tuple(found.values())


def _of_rounds(
    name: str,
    spec: SourceSpec,
    rounds: Mapping[SourceSpec, tuple[int, int]],
    health: Mapping[SourceSpec, Health],
    until: date,
) -> SourceResult | None:
    answered, failed = rounds.get(spec, (0, 0))
    how = health.get(spec, Health())
    if answered:
        return SourceResult(name)
    switched_off = how.off and how.error_at and how.error_at.date() <= until
    if failed or switched_off:
        return SourceResult(name, ok=False, note=how.off or how.error or "no answer")
    return None


async def tried(spec: SourceSpec, store: Store, access: Access) -> dict[str, object]:
    """What a source gives now, its three newest posts as a digest would use them. Raises SourceError.

    A source that is billed is read as little as its service allows, and that is counted.
    """
    source, book, now = open_source(spec, access), SourceBook(store), datetime.now(UTC)
    window, state = Window(now.date() - timedelta(days=6), now.date(), "UTC"), SourceState()
    posts: Sequence[Post] = ()
    for _ in range(2):  # X is asked for the number of a user first
        if source.billed:
            left = access.x_reads_month - (await book.reads(now)).month
            state = replace(state, budget=max(0, min(TRIED, left)), read=())
        posts, state = await source.fetch(window, state)
        await book.save_reads(state.read, now)
        if posts or not state.more:
            break
    newest = sorted(posts, key=lambda post: post.created_at, reverse=True)[:3]
    shown = [
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
    return {**about, "number": len(posts), "posts": shown}


async def import_feeds(path: Path, topic: Topic, store: Store, now: datetime) -> int:
    """Adds the feeds of an OPML list to a topic; gives how many it did not have. Raises DigestError."""
    from digest.fetch.opml import feeds_in

    try:
        body = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise DigestError(f"{path}: cannot be read ({error.strerror})") from None
    known = {bare(spec) for spec in await sources_of(topic, store)}
    new = [SourceSpec("rss", address) for address in feeds_in(body, path.name)]
    new = [spec for spec in new if spec not in known]
    await SourceBook(store).change(topic, new, added=True, by=path.name[:80], now=now)
    return len(new)
