"""Local times of day as moments, and the report that a chat's day brings. Pure: reads no clock."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from digest.models import Subscription, Topic

DAY = timedelta(days=1)
Span = tuple[date, date]
"""First and last day."""
FARTHEST = 400
"""Days to look ahead: over a year, for a chat with one weekday in a zone that loses that day."""


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the zone of that name; UTC for one that the machine's zone data does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def local_day(at: datetime, name: str) -> date:
    """Return the day that calendars in the zone show at that moment."""
    return at.astimezone(zone(name)).date()


def day_start(day: date, name: str) -> datetime:
    """Return the midnight with which the day begins in the zone."""
    return datetime.combine(day, time.min, zone(name))


@lru_cache(maxsize=65_536)
def moment(day: date, at: time, name: str) -> datetime | None:
    """Return the moment (UTC) at which clocks in the zone show `at` on that local day.

    A time that a clock change leaves out comes as much later as the clocks jump, or as much earlier
    where that would be the next day (Nuuk jumps at 23:00); one that it brings twice is the first of
    the two. None for a day that the zone never had (Apia, 2011-12-30).
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
    """Return the moment of the subscription, on any weekday, that is nearest to another one."""
    today, at, name = local_day(near, subscription.timezone), subscription.at, subscription.timezone
    moments = [moment(day, at, name) for day in (today - DAY, today, today + DAY)]
    return min(filter(None, moments), key=lambda due: abs(due - near))


def next_due(subscription: Subscription, now: datetime) -> datetime:
    """Return the next moment after `now` at which the subscription is due."""
    day = local_day(now, subscription.timezone) - DAY
    for _ in range(FARTHEST):
        if day.weekday() in subscription.weekdays:
            due = moment(day, subscription.at, subscription.timezone)
            if due is not None and due > now:
                return due
        day += DAY
    raise AssertionError(
        f"no due day within {FARTHEST} days: {subscription.weekdays}, {subscription.timezone}"
    )


def due_days(
    subscription: Subscription, after: datetime, now: datetime
) -> list[tuple[date, datetime]]:
    """Return the local days that became due from `after` to `now`, both included, with moments."""
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
    """Return Monday and Sunday of the day's week."""
    monday = day - day.weekday() * DAY
    return monday, monday + 6 * DAY


def month_of(day: date) -> tuple[date, date]:
    """Return first and last day of the day's month."""
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


def newest_closed(topic: Topic, now: datetime) -> date:
    """Return the newest day of the topic that is closed at that moment."""
    day = local_day(now, topic.timezone)
    while closes(topic, day) > now:
        day -= DAY
    return day


def report_day(
    topic: Topic, subscription: Subscription, day: date, before: date | None
) -> date | None:
    """Return the day whose report a chat gets on its local day `day`.

    `before` is the day of the report that it got last.

    Go back the same number of days all year, so that a clock change neither repeats nor skips a
    report. Return None where that is `before` or an older day: the next report, made later that
    day, would be late again on every day to come; None, too, if the report would not be built
    within a day of the chat's time."""
    back = days_back(
        topic.timezone, topic.build_at, subscription.timezone, subscription.at, day.year
    )
    report = day - back * DAY
    due = moment(day, subscription.at, subscription.timezone)
    had = before is not None and report <= before
    return report if due and not had and closes(topic, report) <= due + DAY else None


@lru_cache(maxsize=4096)
def days_back(topic_zone: str, build_at: time, chat_zone: str, at: time, year: int) -> int:
    """Return how many days before a chat's day the newest report lies that is built by its time.

    If clock changes make the number vary, take the smallest that holds for at least a third of the
    year's months; in the other months the digest waits for its report, at most an hour after the
    chat's time, rather than being a day older all year. A month of other clocks (Casablanca's
    Ramadan) changes nothing."""
    months = []
    for month in range(1, 13):
        day = date(year, month, 15)
        if due := moment(day, at, chat_zone):
            back = 0
            while _closes(day - back * DAY, build_at, topic_zone) > due:
                back += 1
            months.append(back)
    return sorted(months)[len(months) // 3 - 1]
