"""Convert local times to moments and find the report a chat gets on a day. Pure: reads no clock."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from digest.models import Report, Subscription, Topic

DAY = timedelta(days=1)
Span = tuple[date, date]
"""First and last day."""
MAX_DAYS_AHEAD = 400
"""Days to search ahead: over a year, for a chat with one weekday in a zone that skips that day."""


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the time zone of that name, or UTC if the machine's zone data lacks it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def local_day(at: datetime, name: str) -> date:
    """Return the calendar date in the zone at that moment."""
    return at.astimezone(zone(name)).date()


def day_start(day: date, name: str) -> datetime:
    """Return the midnight at which the day begins in the zone."""
    return datetime.combine(day, time.min, zone(name))


@lru_cache(maxsize=65_536)
def moment(day: date, at: time, name: str) -> datetime | None:
    """Return the moment (UTC) at which clocks in the zone show `at` on that local day.

    A time skipped by a clock change moves later by the size of the jump, or earlier where later
    would be the next day (Nuuk jumps at 23:00). For a time that occurs twice, return the first.
    Return None for a date the zone skipped entirely (Apia, 2011-12-30).
    """
    here = zone(name)
    noon = datetime.combine(day, time(12), here)
    if noon.astimezone(UTC).astimezone(here).date() != day:
        return None
    due = datetime.combine(day, at, here).astimezone(UTC)
    if due.astimezone(here).date() != day:
        due = datetime.combine(day, at.replace(fold=1), here).astimezone(UTC)
    return due


def nearest_moment(subscription: Subscription, near: datetime) -> datetime:
    """Return the subscription's delivery moment closest to `near`, ignoring its weekdays."""
    today, at, name = local_day(near, subscription.timezone), subscription.at, subscription.timezone
    moments = [moment(day, at, name) for day in (today - DAY, today, today + DAY)]
    return min(filter(None, moments), key=lambda due: abs(due - near))


def next_due(subscription: Subscription, now: datetime) -> datetime:
    """Return the next moment after `now` at which the subscription is due."""
    day = local_day(now, subscription.timezone) - DAY
    for _ in range(MAX_DAYS_AHEAD):
        if day.weekday() in subscription.weekdays:
            due = moment(day, subscription.at, subscription.timezone)
            if due is not None and due > now:
                return due
        day += DAY
    raise AssertionError(
        f"no due day within {MAX_DAYS_AHEAD} days: {subscription.weekdays}, {subscription.timezone}"
    )


def due_days(
    subscription: Subscription, after: datetime, now: datetime
) -> list[tuple[date, datetime]]:
    """Return the local days that fell due from `after` to `now`, both included, with the
    moments."""
    here = zone(subscription.timezone)
    day, last = after.astimezone(here).date() - DAY, now.astimezone(here).date() + DAY
    days = []
    while day <= last:
        if day.weekday() in subscription.weekdays:
            due = moment(day, subscription.at, subscription.timezone)
            if due is not None and after <= due <= now:
                days.append((day, due))
        day += DAY
    return days


def week_of(day: date) -> tuple[date, date]:
    """Return the Monday and Sunday of the day's week."""
    monday = day - day.weekday() * DAY
    return monday, monday + 6 * DAY


def month_of(day: date) -> tuple[date, date]:
    """Return the first and last day of the day's month."""
    first = day.replace(day=1)
    return first, (first + 31 * DAY).replace(day=1) - DAY


def closes(topic: Topic, day: date) -> datetime:
    """Return the moment at which that day's report is built: `build_at` on the next day."""
    return _closes(day, topic.build_at, topic.timezone)


def _closes(day: date, build_at: time, name: str) -> datetime:
    for later in range(1, 4):
        if (due := moment(day + later * DAY, build_at, name)) is not None:
            return due
    raise AssertionError("three days in a row that a zone never had")


def is_unfinished(topic: Topic, report: Report) -> bool:
    """Return True if the report was made before its last day was over."""
    made_at = None if report.writer == "imported" else report.created_at
    return made_at is not None and local_day(made_at, topic.timezone) == report.last


def newest_closed(topic: Topic, now: datetime) -> date:
    """Return the topic's newest day that is closed at `now`."""
    day = local_day(now, topic.timezone)
    while closes(topic, day) > now:
        day -= DAY
    return day


def report_day(
    topic: Topic, subscription: Subscription, day: date, before: date | None
) -> date | None:
    """Return the day whose report a chat gets on its local day `day`, or None if it gets none.

    `before` is the day of the last report the chat got. The offset in days is the same all year, so
    that a clock change neither repeats nor skips a report. Return None if the resulting report is
    `before` or older: waiting for the next one would make every later delivery late as well. Also
    return None if the report would be built more than a day after the chat's time."""
    back = days_back(
        topic.timezone, topic.build_at, subscription.timezone, subscription.at, day.year
    )
    report = day - back * DAY
    due = moment(day, subscription.at, subscription.timezone)
    had = before is not None and report <= before
    return report if due and not had and closes(topic, report) <= due + DAY else None


@lru_cache(maxsize=4096)
def days_back(topic_zone: str, build_at: time, chat_zone: str, at: time, year: int) -> int:
    """Return how many days back the newest report is that is built by the chat's time.

    If clock changes make the number vary, return the smallest that holds for at least a third of
    the year's months. In the other months the digest waits for its report, at most an hour past the
    chat's time, because the alternative is a digest one day older all year. A single month with
    other clocks (Ramadan in Casablanca) does not change the result."""
    months = []
    for month in range(1, 13):
        day = date(year, month, 15)
        if due := moment(day, at, chat_zone):
            back = 0
            while _closes(day - back * DAY, build_at, topic_zone) > due:
                back += 1
            months.append(back)
    return sorted(months)[len(months) // 3 - 1]
