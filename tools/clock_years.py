"""Simulate two years of the clock: the days and reports that chats of every zone get, without a
database.

Part of `make chaos`. First, for every zone with every hour, half hour and time around its clock
changes, check that there is one moment per local day, on that day. Then, for as many random pairs
of a chat's and a topic's zone and time as fit into the given seconds (there are 10^9), check that
there is one digest per local day and never an older report again. Prints the faults; exit 1 if
there are any.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from random import Random
from time import monotonic
from zoneinfo import ZoneInfo, available_timezones

from digest.calendar import closes, moment, zone
from digest.models import Chat, Subscription, Topic
from digest.store.due import NewestDays, propose_rows
from tests.posts import TOPIC

FIRST, LAST = date(2026, 1, 1), date(2027, 12, 31)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HALF_HOURS = tuple(time(hour, minute) for hour in range(24) for minute in (0, 30))
CHAT = Chat("telegram", "7")


@cache
def zones() -> dict[tuple[tuple[datetime, timedelta], ...], list[str]]:
    """Return every zone in the machine's data, grouped by identical clock changes in the two
    years."""
    names_by_changes: dict[tuple[tuple[datetime, timedelta], ...], list[str]] = {}
    for name in sorted(available_timezones() - {"localtime"}):
        names_by_changes.setdefault(tuple(changes(name)), []).append(name)
    return names_by_changes


def changes(name: str) -> Iterator[tuple[datetime, timedelta]]:
    """Yield the zone's UTC offset at the start, and each change with its moment, to the minute."""
    here = ZoneInfo(name)

    def offset(at: datetime) -> timedelta:
        return at.astimezone(here).utcoffset() or timedelta()

    at, end = datetime(2025, 12, 28, tzinfo=UTC), datetime(2028, 1, 5, tzinfo=UTC)
    yield at, offset(at)
    while at < end:
        if offset(at) != offset(at + DAY):
            low, high = 0, 24 * 60
            while high - low > 1:
                middle = (low + high) // 2
                same = offset(at + timedelta(minutes=middle)) == offset(at)
                low, high = (middle, high) if same else (low, middle)
            changed = at + timedelta(minutes=high)
            yield changed, offset(changed)
        at += DAY


@cache
def times(name: str) -> list[time]:
    """Return every hour and half hour, and times around and inside each clock change of the
    zone."""
    here, candidates = ZoneInfo(name), set(HALF_HOURS)
    for at, _ in list(changes(name))[1:]:
        for minutes in (-61, -45, -31, -15, -1, 1, 15, 31, 45, 61):
            candidates.add((at + timedelta(minutes=minutes)).astimezone(here).time())
        # Local times skipped by this change: those after the last minute before it.
        last = (at - timedelta(minutes=1)).astimezone(here).replace(tzinfo=None)
        candidates.update(
            (last + timedelta(minutes=m)).time() for m in (1, 2, 16, 31, 46, 59, 60, 61)
        )
    return sorted({at.replace(fold=0) for at in candidates})


def chat(name: str, at: time, **more: object) -> Subscription:
    """Return a subscription in that zone, due at that time."""
    return replace(Subscription(CHAT, "ai", at, name, id=1), **more)  # type: ignore[arg-type]


def topic(name: str = "UTC", build_at: time = time(8)) -> Topic:
    """Return a topic in that zone whose reports are built at that time."""
    return replace(TOPIC, timezone=name, build_at=build_at)


def local_days(first: date = FIRST, last: date = LAST) -> list[date]:
    """List all days from the first to the last."""
    return [first + n * DAY for n in range((last - first).days + 1)]


def run(
    subscription: Subscription, about: Topic, ticks: Sequence[datetime], since: datetime
) -> list[tuple[date, date | None, datetime, str]]:
    """Return the ledger's rows if the clock ticks at these moments: day, report, tick, skip
    reason."""
    got, rows, seen = NewestDays(), [], set[date]()
    for now in ticks:
        for row in propose_rows(subscription, about, since, got, now, now - 24 * HOUR):
            assert row["day"] not in seen, "the unique key would have refused it"
            seen.add(row["day"])
            report = row["report"]
            got = NewestDays(row["day"], max(filter(None, (got.report, report)), default=None))
            rows.append((row["day"], report, now, row["reason"]))
        since = max(since, now + timedelta(microseconds=1))
    return rows


def every_day(
    subscription: Subscription, about: Topic
) -> list[tuple[date, date | None, datetime, str]]:
    """Return the rows for a tick one minute after each due time, which more frequent ticks also
    give."""
    due = [moment(day, subscription.at, subscription.timezone) for day in local_days()]
    ticks = [at + timedelta(minutes=1) for at in due if at]
    return run(subscription, about, ticks, ticks[0] - timedelta(minutes=1))


def faults(subscription: Subscription, about: Topic) -> list[str]:
    """Return the faults in two years of that chat: missing or duplicate digests, old reports."""
    rows, wrong = every_day(subscription, about), []
    if [day for day, *_ in rows] != local_days():
        wrong.append("not one a local day")
    before: date | None = None
    for day, report, _, reason in rows:
        if report is None:
            wrong.append(f"{day}: {reason}")
            continue
        if before is not None and report <= before:
            wrong.append(f"{day}: the report of {report} again")
        due = moment(day, subscription.at, subscription.timezone)
        if due is None or closes(about, report) > due + DAY:
            wrong.append(f"{day}: the report of {report} is not made within a day")
        before = report
    return wrong


def moments_of(name: str, at: time) -> list[str]:
    """Return the faults in the moments of a time of day in a zone."""
    days = local_days()
    moments = [moment(day, at, name) for day in days]
    due = [one for one in moments if one]
    wrong = [] if len(due) == len(days) else ["a day without a moment"]
    if any(b <= a for a, b in pairwise(due)):
        wrong.append("not in order")
    if [one.astimezone(zone(name)).date() for one in due] != days:
        wrong.append("on another day")
    return [f"{name} {at}: {what}" for what in wrong]


def main(seconds: float) -> int:
    """Check all moments, then random pairs for that many seconds."""
    start, number, wrong = monotonic(), 0, []
    for names in zones().values():
        for at in times(names[0]):
            wrong += moments_of(names[0], at)
            number += 1
    print(f"clock: {sum(map(len, zones().values()))} zones of {len(zones())} kinds,", end=" ")
    print(f"{number} times of day x 730 days in {monotonic() - start:.0f} s: {len(wrong)} faults")
    # A new random seed each time; it is printed so that a fault can be reproduced.
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(start)
    draw, kinds, pairs = Random(seed), [names[0] for names in zones().values()], 0  # noqa: S311
    end = monotonic() + seconds
    while monotonic() < end:
        here, there = draw.choice(kinds), draw.choice(kinds)
        one = chat(here, draw.choice(times(here)))
        about = topic(there, draw.choice(times(there)))
        found = faults(one, about)
        wrong += [f"{here} {one.at}, topic {there} {about.build_at}: {what}" for what in found]
        pairs += 1
    print(f"clock: {pairs} pairs of chat and topic (seed {seed}): {len(wrong)} faults")
    for line in wrong[:20]:
        print(f"  {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60))
