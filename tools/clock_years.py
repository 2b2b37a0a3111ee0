"""Two years of a fake clock: the days and reports that chats of every zone get, without a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from digest.calendar import closes, moment
from digest.models import Chat, Subscription, Topic
from digest.store.due import NewestDays, propose_rows
from tests.posts import TOPIC

FIRST, LAST = date(2026, 1, 1), date(2027, 12, 31)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HALF_HOURS = tuple(time(hour, minute) for hour in range(24) for minute in (0, 30))
CHAT = Chat("telegram", "7")


@cache
def zones() -> dict[tuple[tuple[datetime, timedelta], ...], list[str]]:
    """Every zone of the machine's data, by its changes in the two years: equal ones run alike."""
    found: dict[tuple[tuple[datetime, timedelta], ...], list[str]] = {}
    for name in sorted(available_timezones() - {"localtime"}):
        found.setdefault(tuple(changes(name)), []).append(name)
    return found


def changes(name: str) -> Iterator[tuple[datetime, timedelta]]:
    """The zone's difference from UTC at the start, and each moment at which it changes, to the minute."""
    zone = ZoneInfo(name)

    def offset(at: datetime) -> timedelta:
        return at.astimezone(zone).utcoffset() or timedelta()

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
    """Every hour and half hour, and times around and inside each change of the zone's clocks."""
    zone, found = ZoneInfo(name), set(HALF_HOURS)
    for at, _ in list(changes(name))[1:]:
        for minutes in (-61, -45, -31, -15, -1, 1, 15, 31, 45, 61):
            found.add((at + timedelta(minutes=minutes)).astimezone(zone).time())
        # Local times that this change leaves out: those that follow the last minute before it.
        last = (at - timedelta(minutes=1)).astimezone(zone).replace(tzinfo=None)
        found.update((last + timedelta(minutes=m)).time() for m in (1, 2, 16, 31, 46, 59, 60, 61))
    return sorted({at.replace(fold=0) for at in found})


def chat(name: str, at: time, **more: object) -> Subscription:
    """A chat of that zone that gets its digest at that time."""
    return replace(Subscription(CHAT, "ai", at, name, id=1), **more)  # type: ignore[arg-type]


def topic(name: str = "UTC", build_at: time = time(8)) -> Topic:
    """A topic of that zone whose reports are made at that time."""
    return replace(TOPIC, timezone=name, build_at=build_at)


def local_days(first: date = FIRST, last: date = LAST) -> list[date]:
    """All days from the first to the last."""
    return [first + n * DAY for n in range((last - first).days + 1)]


def run(
    one: Subscription, about: Topic, ticks: Sequence[datetime], since: datetime
) -> list[tuple[date, date | None, datetime, str]]:
    """What the ledger gets when the clock ticks at these moments: day, report, tick, and why not."""
    got, rows, seen = NewestDays(), [], set[date]()
    for now in ticks:
        for row in propose_rows(one, about, since, got, now, now - 24 * HOUR):
            assert row["day"] not in seen, "the unique key would have refused it"
            seen.add(row["day"])
            report = row["report"]
            got = NewestDays(row["day"], max(filter(None, (got.report, report)), default=None))
            rows.append((row["day"], report, now, row["reason"]))
        since = max(since, now + timedelta(microseconds=1))
    return rows


def every_day(one: Subscription, about: Topic) -> list[tuple[date, date | None, datetime, str]]:
    """A tick a minute after each of the chat's times, which is all that a busy ticker comes to."""
    due = [moment(day, one.at, one.timezone) for day in local_days()]
    ticks = [at + timedelta(minutes=1) for at in due if at]
    return run(one, about, ticks, ticks[0] - timedelta(minutes=1))


def faults(one: Subscription, about: Topic) -> list[str]:
    """What is wrong in two years of that chat: a day without a digest or with two, an old report."""
    rows, wrong = every_day(one, about), []
    if [day for day, *_ in rows] != local_days():
        wrong.append("not one a local day")
    before: date | None = None
    for day, report, _, reason in rows:
        if report is None:
            wrong.append(f"{day}: {reason}")
            continue
        if before is not None and report <= before:
            wrong.append(f"{day}: the report of {report} again")
        due = moment(day, one.at, one.timezone)
        if due is None or closes(about, report) > due + DAY:
            wrong.append(f"{day}: the report of {report} is not made within a day")
        before = report
    return wrong
