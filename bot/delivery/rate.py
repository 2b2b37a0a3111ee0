"""Rate control: pure computations with a monotonic clock in seconds.

Telegram documents "about 30 messages a second" and nothing more; self-hosted and paid bots have
other limits. So the rate is learned: start with the documented one, lower it after refusals, and
probe a higher one after some time without any (like TCP: additive increase, multiplicative
decrease).

The limit applies to arrival times, and a machine that is briefly busy makes messages arrive in a
burst. Their responses are late then, so the messages of the last second are counted from the latest
possible arrival time of each.
"""

import math
from bisect import bisect_left, insort
from collections import deque

SLACK, MORE_SLACK, MAX_SLACK = 0.006, 0.004, 0.05
"""Share by which a second's allowance is stretched, for delays that responses do not reveal. A
single refusal adds MORE_SLACK, which decays; above MAX_SLACK the rate itself is too high."""
LESS_SLACK = 0.0005
"""Decay of the slack per second of sending."""
TRUST_SECONDS = 24.0
"""Seconds of sending at full rate without a refusal before a higher rate is probed; doubled after
each failed probe."""
MAX_TRUST_SECONDS = 1920.0
STEP = 1.03
"""Growth factor of the rate per second of probing."""
MIN_RATE = 1.0
IDLE_SECONDS = 0.5
"""A pause this long is not counted as sending at full rate."""
ROUND_TRIPS = 32
"""Number of recent responses whose lower quartile estimates the round-trip time."""
SECOND = 0.98
"""Window in which accepted messages are counted; slightly less than 1 s, as responses may bunch."""


class Rate:
    """Send rate of one bot, per second. `stated`: initial rate; `most`: maximum."""

    def __init__(self, stated: float, most: float) -> None:
        self.rate, self.most = stated, most
        self.proven = stated
        self._slack = SLACK
        self._next_slot = 0.0
        self._arrivals: list[float] = []
        self._answered: deque[tuple[float, float]] = deque()
        self.halted_until = 0.0
        """No send begins before this moment."""
        self.lowered_at = 0.0
        """When the rate was last lowered; refusals of earlier sends carry no new information."""
        self._last_send = self._full_seconds = self._stepped_at = 0.0
        self._trust_seconds = TRUST_SECONDS
        self._round_trip = 0.0
        self._accepted_at: deque[float] = deque()
        self._peak = 0
        self._answers: deque[str] = deque(maxlen=10)
        self._last_refused = ""

    def measure_wait(self, now: float) -> float:
        """Return the seconds until the next send may begin; 0 or less: now."""
        return max(self._next_slot, self._window(), self.halted_until) - now

    def halt(self, until: float) -> None:
        self.halted_until = max(self.halted_until, until)

    def record_start(self, now: float) -> None:
        if now - self._next_slot > IDLE_SECONDS or not (self._arrivals or self._answered):
            self._next_slot = now
        else:
            self._full_seconds += now - self._last_send
        self._last_send = now
        self._next_slot += (1.0 + self._slack) / self.rate
        insort(self._arrivals, now)
        del self._arrivals[: -math.ceil(self.most)]
        self._grow()

    def record_accepted(self, began: float, now: float) -> None:
        """Record that the platform accepted the message whose send `began` then."""
        self._answers.append("")
        place = bisect_left(self._arrivals, began)
        if self._arrivals[place : place + 1] == [began]:
            del self._arrivals[place]
            self._answered.append((began, now))
        trips = sorted(last - first for first, last in self._answered)
        self._round_trip = trips[len(trips) // 4] if trips else now - began
        if len(self._answered) > ROUND_TRIPS:
            first, last = self._answered.popleft()
            insort(self._arrivals, max(first, last - self._round_trip))
        self._accepted_at.append(now)
        while now - self._accepted_at[0] >= SECOND:
            self._accepted_at.popleft()
        self._peak = max(self._peak, len(self._accepted_at))

    def record_refused(self, chat: str, began: float, seconds: float, now: float) -> bool:
        """Record a 429 response with a wait of `seconds`, for a send to `chat` that `began` then.
        Return True if it limits the whole bot, which then pauses; False if only that chat.

        A single refusal may concern one chat or be due to messages that bunched in transit. It
        limits the bot if a higher rate is being probed, or if three different chats were refused
        within the last ten responses.
        """
        self._answers.append(chat)
        if began < self.lowered_at:  # sent before the rate was lowered
            self.halt(now + seconds)
            return True
        if self.rate > self.proven or len({c for c in self._answers if c}) >= 3:
            self.come_down(now, seconds)
            return True
        if chat != self._last_refused:
            self._slack += MORE_SLACK
        self._last_refused = chat
        if self._slack > MAX_SLACK:
            self._lower(self.rate / (1.0 + MAX_SLACK))
            self._slack = SLACK
        self._full_seconds = self._stepped_at = 0.0
        return False

    def come_down(self, now: float, seconds: float) -> None:
        """Pause after a refusal of the whole bot; resume at the rate that was still accepted."""
        peak, self._peak = self._peak, 0
        if self.lowered_at:
            self._trust_seconds = min(MAX_TRUST_SECONDS, 2 * self._trust_seconds)
        self.lowered_at = now
        self.halt(now + seconds)
        if self.rate > self.proven:
            rate = max(self.proven, min(peak, self.rate / STEP))
        else:
            # The limit is about what was accepted in the best second; the floor is for refusals
            # right after a break, which say less.
            rate = max(min(peak, self.rate / STEP), self.rate / 4)
        self._lower(rate)
        self._accepted_at.clear()
        self._next_slot = self._last_send = self.halted_until

    def _lower(self, rate: float) -> None:
        self.rate = self.proven = max(MIN_RATE, min(self.rate, rate))
        self._answers.clear()
        self._full_seconds = self._stepped_at = 0.0

    def _grow(self) -> None:
        if self._full_seconds - self._stepped_at < 1.0:
            return
        self._stepped_at = self._full_seconds
        self._slack = max(SLACK, self._slack - LESS_SLACK)
        if self._full_seconds >= self._trust_seconds:
            # Sending at a rate for a second proves the previous one, so luck is not enough.
            self.proven = max(self.proven, self.rate / STEP)
            self.rate = min(self.most, self.rate * STEP)

    def _window(self) -> float:
        """Return when the last second has room for one more message."""
        allowed, end = math.ceil(self.rate), len(self._arrivals)
        if end + len(self._answered) < allowed:
            return 0.0
        trip = self._round_trip
        # Latest possible arrival time of each message.
        answered = [max(began, at - trip) for began, at in self._answered]
        # The newest of the sorted arrivals are certainly among the last `allowed`, so only the few
        # that compete with answered ones are sorted here.
        few = min(allowed, len(answered))
        sure = end - (allowed - few)
        competing = sorted([*self._arrivals[max(0, end - allowed) : sure], *answered])
        oldest = min([*competing[len(competing) - few :][:1], *self._arrivals[sure : sure + 1]])
        return oldest + (1.0 + 0.75 * self._slack) * allowed / self.rate


class ChatPace:
    """Pace per chat: a minimum gap between messages, and a limit per minute in groups."""

    def __init__(self, gap: float, most_in_minute: int) -> None:
        self._gap, self._most = gap, most_in_minute
        self._sends: dict[str, deque[float]] = {}

    def record_sent(self, chat: str, group: bool, now: float) -> float:
        """Record a send; return the earliest time of the next one."""
        sends = self._sends.setdefault(chat, deque(maxlen=max(1, self._most)))
        sends.append(now)
        if len(self._sends) > 20_000:
            self._sends = {c: s for c, s in self._sends.items() if now - s[-1] < 60.0}
        if group and self._most and len(sends) == self._most:
            return max(now + self._gap, sends[0] + 60.0)
        return now + self._gap
