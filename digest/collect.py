"""One collection round: ask a topic's sources, with fallbacks, back-off and billing limits."""

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
"""Sources fetched concurrently."""
ROUND_SECONDS = 75.0
"""Timeout of a round; slower sources count as failed."""
BILLED, TURN_SECONDS = "billed sources", 60.0
"""Lease that serialises billed requests, and its length: enough for three requests."""
PAGES = 10
"""Pages fetched from one source per round; the next round resumes after them."""
PATIENCE = 3
"""Consecutive failures before a source backs off."""
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=15), timedelta(hours=12)
SHOWN = timedelta(days=2)
"""How long after the end of a day most sources still list its posts."""
TRIAL_READS = 92
"""Maximum billed reads of a trial: ten posts (the minimum of every X endpoint) with everything they
can include, and one user lookup."""
DAY_DIVISOR = 10
"""One day may use at most a tenth of the month's reads."""


@dataclass(frozen=True, slots=True)
class Round:
    """Inputs shared by all sources of a round."""

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
    """Return the identity of a source: kind and address."""
    return SourceSpec(spec.kind, spec.address)


async def list_sources(topic: Topic, store: Store) -> tuple[SourceSpec, ...]:
    """Return the sources of the topics file with the changes operators made in a chat."""
    return apply_changes(topic.sources, await SourceBook(store).list_changes(topic.name))


def apply_changes(base: Sequence[SourceSpec], changes: Sequence[Change]) -> tuple[SourceSpec, ...]:
    """Return the file's sources, minus those removed, plus those added."""
    specs = {identify(spec): spec for spec in base}
    for change in changes:
        if not change.added:
            specs.pop(identify(change.spec), None)
        elif identify(change.spec) not in specs:
            specs[identify(change.spec)] = change.spec
    return tuple(specs.values())


async def list_weights(topic: Topic, store: Store, access: Access) -> dict[str, float]:
    """Return the weight of each stream whose weight is not 1."""
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
    """Fetch the topic's sources into the store once; a failing source does not affect the others.

    The default window is yesterday and today. Sources that no longer list posts of the window are
    not asked. `patient`: skip sources that are backing off.
    """
    today = local_day(now, topic.timezone)
    window = window or Window(today - timedelta(days=1), today, topic.timezone)
    await store.save_topic(topic)
    health = await SourceBook(store).load_health(topic.name, now.astimezone(UTC).date())
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
    """Group each source with its fallbacks, in order; the fallback of a fallback joins the
    group."""
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
    """Ask a source, then its fallbacks, until one answers."""
    answers: list[SourceResult] = []
    for spec in group:
        if result := await _ask(round_, spec):
            answers.append(result)
            if result.ok:
                break
    return answers


async def _ask(round_: Round, spec: SourceSpec) -> SourceResult | None:
    """Fetch one source and store its posts; return None if it cannot have posts of the window."""
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
    """Fetch all pages; store each page and its cost before fetching the next."""
    book, state, number = SourceBook(round_.store), health.state, 0
    name = round_.names[spec]
    for _ in range(PAGES):
        began = time.monotonic()
        async with _take_turn(round_.store) if source.billed else nullcontext():
            if source.billed:
                now = datetime.now(UTC)
                budget = compute_allowance(
                    round_.access.x_reads_month, await book.count_reads(now), now
                )
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
                await saving  # the round is being cancelled, but this page may have been paid for
                raise
        number += len(posts)
        if not state.more:
            break
    return SourceResult(name, number, note=state.note)


@asynccontextmanager
async def _take_turn(store: Store) -> AsyncIterator[None]:
    """Hold the lease for billed requests: one round at a time over all processes, so that each sees
    what the others have spent."""
    ledger, holder = Ledger(store), secrets.token_hex(8)
    while not await ledger.take_lease(BILLED, holder, datetime.now(UTC), TURN_SECONDS):  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    try:
        yield
    finally:
        await ledger.release_lease(BILLED, holder)


def compute_allowance(most: int, spent: Reads, now: datetime) -> int:
    """Return how many reads are left today: today's share of the month plus unused reads of earlier
    days, but at most a tenth of the month, so that a late start does not spend the month in one
    day. The tenth is raised to TRIAL_READS if smaller, because one page must always fit."""
    day = now.astimezone(UTC)
    days = calendar.monthrange(day.year, day.month)[1]
    by_now = -(-most * day.day // days) - spent.month
    return max(0, min(by_now, max(TRIAL_READS, -(-most // DAY_DIVISOR)) - spent.today))


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
        # If the address it redirected to is gone, try the configured address once more.
        off=str(error)[:300] if error.gone and not health.state.address else "",
        counts=not error.wait,
    )


def backoff(failures: int) -> timedelta:
    """Return the back-off after that many consecutive failures; it doubles with each one."""
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
    """Return how each source did for a window: results of this round, and of stored rounds from the
    window's start until two days after its end.

    `counted`: posts of the window by stream. Sources not asked in that time are left out, and so is
    the sample if it has no posts there.
    """
    book = SourceBook(store)
    until = min(today.astimezone(UTC).date(), window.last + SHOWN)
    rounds = await book.count_rounds(topic.name, window.first, until)
    health = await book.load_health(topic.name, today.astimezone(UTC).date())
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
            continue  # an earlier round succeeded, and its posts are stored
        results[name] = replace(result, posts=counted.get(name, 0))
    return tuple(results.values())


async def try_source(spec: SourceSpec, store: Store, access: Access) -> dict[str, object]:
    """Fetch a source now and return its three newest posts as a digest would use them. Raise
    SourceError.

    A billed source is read as little as its service allows, and the reads are counted.
    """
    source, book, now = open_source(spec, access), SourceBook(store), datetime.now(UTC)
    window, state = Window(now.date() - timedelta(days=6), now.date(), "UTC"), SourceState()
    posts: Sequence[Post] = ()
    async with _take_turn(store) if source.billed else nullcontext():
        for _ in range(2):  # X needs a user lookup first
            if source.billed:
                left = access.x_reads_month - (await book.count_reads(now)).month
                state = replace(state, budget=max(0, min(TRIAL_READS, left)), read=())
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
    """Add the feeds of an OPML file to a topic; return the number of new ones and the refused
    lines.

    Raise DigestError if the file is not OPML.
    """
    from digest.fetch.opml import parse_opml

    feeds, refused = parse_opml(body, name)
    before = {identify(spec) for spec in await list_sources(topic, store)}
    new = [spec for feed in feeds if (spec := SourceSpec("rss", feed)) not in before]
    await SourceBook(store).save_changes(topic, new, added=True, by=name[:80], now=now)
    return len(new), refused
