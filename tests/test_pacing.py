"""The pace that is learned, against servers of pure arithmetic: no clock runs here."""

from __future__ import annotations

import heapq
import random
from bisect import bisect
from dataclasses import dataclass

import pytest

from bot.delivery.rate import ChatPace, Rate
from bot.platforms import backoff
from tests.delivery_stub import Window


@dataclass
class Run:
    """What came of a run: seconds, refusals, and when each message was taken."""

    seconds: float
    refused: int
    taken: list[float]
    rate: Rate

    def within(self, first: float, last: float) -> float:
        """Messages a second that were taken between these seconds."""
        return sum(first <= at < last for at in self.taken) / (last - first)


class Busy:
    """A machine that does something else now and then, for 20 to 100 ms; None: never."""

    def __init__(self, chance: random.Random, every: float | None) -> None:
        """`every`: seconds between two such moments, on average."""
        self._stalls: list[tuple[float, float]] = []
        at = 0.0
        while every and at < 600:
            at += chance.expovariate(1 / every)
            self._stalls.append((at, at + chance.uniform(0.02, 0.1)))

    def when(self, at: float) -> float:
        """When the machine comes to what is to be done then."""
        for first, last in self._stalls[max(0, bisect(self._stalls, (at,)) - 1) :][:1]:
            return last if first <= at < last else at
        return at


def run(
    allowed: float,
    messages: int,
    latency: float,
    rate: Rate | None = None,
    *,
    busy: float | None = None,
) -> Run:
    """Sends so many messages to a server that takes so many a second; the refused ones again.
    `busy`: each of the two machines does something else that often."""
    rate, chance = rate or Rate(30.0, 1000.0), random.Random(1)  # noqa: S311
    server, ours, theirs = Window(allowed), Busy(chance, busy), Busy(chance, busy)
    now, left, refused, number = 0.0, messages, 0, 0
    taken: list[float] = []
    events: list[tuple[float, int, float, bool | None]] = []
    while len(taken) < messages:
        sends = now + max(0.0, rate.measure_wait(now)) if left else float("inf")
        if not events or sends <= events[0][0]:
            now = ours.when(sends + abs(chance.gauss(0, 0.001)))
            rate.record_start(now)
            left, number = left - 1, number + 1
            arrives = theirs.when(now + abs(chance.gauss(0, 0.003)))
            heapq.heappush(events, (arrives, number, now, None))
            continue
        at, chat, began, good = heapq.heappop(events)
        if good is None:
            answered = ours.when(theirs.when(at + latency))
            heapq.heappush(events, (answered, chat, began, server.take(at)))
            continue
        now = max(now, at)
        if good:
            taken.append(at)
            rate.record_accepted(began, now)
        else:
            refused, left = refused + 1, left + 1
            rate.record_refused(str(chat), began, 1.0, now)
    return Run(now, refused, taken, rate)


@pytest.mark.parametrize("latency", [0.05, 0.25])
def test_a_strict_thirty_a_second_is_used_without_a_refusal(latency: float) -> None:
    done = run(30, 600, latency)
    assert 600 / done.seconds >= 0.97 * 30
    assert done.refused == 0


@pytest.mark.parametrize("latency", [0.05, 0.25])
def test_busy_machines_let_messages_bunch_and_draw_no_refusals(latency: float) -> None:
    done = run(30, 600, latency, busy=3.0)
    assert 600 / done.seconds >= 0.97 * 30
    assert done.refused <= 1


def test_late_answers_cost_little_where_the_messages_came_in_time() -> None:
    rate, now, answers = Rate(30.0, 30.0), 0.0, list[tuple[float, float]]()
    chance = random.Random(1)  # noqa: S311
    for _ in range(600):
        now += max(0.0, rate.measure_wait(now))
        while answers and answers[0][0] <= now:
            at, began = heapq.heappop(answers)
            rate.record_accepted(began, at)
        rate.record_start(now)
        heapq.heappush(answers, (now + chance.uniform(0.05, 0.1), now))
    assert 600 / now >= 0.97 * 30


def test_a_rate_that_is_a_little_too_high_comes_down_without_a_storm() -> None:
    done = run(28.5, 6000, 0.05, busy=10.0)
    assert done.within(60, 180) >= 0.94 * 28.5
    late = [at for at in done.taken if at > 60]
    assert done.refused <= 0.01 * 6000
    assert len(late) > 3000


def test_a_long_run_tries_more_now_and_then_and_loses_little() -> None:
    done = run(30, 10_000, 0.05)
    assert 10_000 / done.seconds >= 0.96 * 30
    assert done.refused <= 0.005 * 10_000


@pytest.mark.parametrize(("allowed", "messages"), [(12, 1200), (60, 4500)])
@pytest.mark.parametrize("latency", [0.05, 0.25])
@pytest.mark.parametrize("busy", [None, 3.0])
def test_what_a_server_really_allows_is_found_within_a_minute(
    allowed: float, messages: int, latency: float, busy: float | None
) -> None:
    done = run(allowed, messages, latency, busy=busy)
    assert done.within(50, 60) >= 0.95 * allowed
    assert done.refused <= 0.02 * messages


def test_a_storm_brings_the_rate_down_within_three_answers() -> None:
    rate = Rate(30.0, 1000.0)
    for number in range(3):
        rate.record_start(number / 30)
    waits = [rate.record_refused(f"chat{n}", n / 30, 2.0, 0.2 + n / 30) for n in range(3)]
    assert waits == [False, False, True]
    assert rate.rate <= 15.0
    assert rate.measure_wait(0.3) == pytest.approx(1.97, abs=0.02)
    assert run(5, 400, 0.05).refused <= 0.02 * 400


def test_a_chat_that_is_limited_alone_slows_no_other() -> None:
    rate, now = Rate(30.0, 1000.0), 0.0
    for number in range(200):
        now += max(0.0, rate.measure_wait(now))
        rate.record_start(now)
        if number % 20:
            rate.record_accepted(now, now + 0.05)
        else:
            assert not rate.record_refused("noisy", now, 5.0, now)
    assert rate.rate == 30.0
    assert rate.halted_until == 0.0


def test_discord_stays_under_fifty_in_any_second() -> None:
    done = run(50, 2000, 0.05, Rate(48.7, 48.7))
    assert done.refused == 0
    assert 2000 / done.seconds >= 47.5
    assert done.rate.rate == 48.7


def test_a_stall_is_not_caught_up_in_a_burst() -> None:
    rate, sends = Rate(30.0, 30.0), list[float]()
    now = 0.0
    for number in range(90):
        now += max(0.0, rate.measure_wait(now))
        if number == 30:
            now += 0.3  # the machine did something else
        rate.record_start(now)
        sends.append(now)
    assert max(sum(at <= other < at + 1 for other in sends) for at in sends) <= 30


def test_a_group_gets_twenty_a_minute_and_anybody_one_a_second() -> None:
    pace = ChatPace(1.0, 20)
    now = 0.0
    for _ in range(40):
        now = pace.record_sent("group", True, now)
    assert now >= 60.0
    assert pace.record_sent("person", False, 5.0) == 6.0
    assert ChatPace(0.0, 0).record_sent("channel", True, 5.0) == 5.0


def test_pauses_grow_and_end_growing() -> None:
    assert [backoff(n) for n in (1, 2, 3, 20)] == [1.0, 2.0, 4.0, 60.0]
