"""How fast a platform may be sent to: pure decisions over seconds that never go back.

Telegram states "about 30 messages a second" and says no more; a self-hosted or paid bot has other
limits. So the rate is learned: begin with the stated one, come down when refused, and try a little
more after a while without refusals (as TCP does: additive trust, multiplicative back-off).

A limit counts messages when they arrive, not when they are sent, and a machine that is busy for a
moment lets them arrive in a bunch. Their answers are late then, so the last second is counted from
the latest moment at which each message can have arrived.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque

SLACK, MORE_SLACK, MOST_SLACK = 0.006, 0.004, 0.05
"""Seconds a second of allowance takes longer here, for what the answers do not show. Every lone
refusal adds some, which goes again slowly; more than the most, and it is the rate that is too
high."""
LESS_SLACK = 0.0005
"""What goes of it in a second of sending."""
TRUST = 24.0
"""Seconds of full, unrefused sending before more than the proven rate is tried; doubled each time
that fails."""
MOST_TRUST = 1920.0
STEP = 1.03
"""What the rate grows by in a second of trying."""
LEAST = 1.0
IDLE = 0.5
"""Seconds without a send in which the platform was not kept busy: they prove nothing."""
TRIPS = 32
"""Answers of which the quicker ones tell how long a message and its answer usually take."""
SECOND = 0.98
"""A second of messages that were taken; answers may bunch a little."""


class Rate:
    """Sends a second, for one bot. `stated`: where to begin; `most`: never more than this."""

    def __init__(self, stated: float, most: float) -> None:
        self.rate, self.most = stated, most
        self.proven = stated
        self._slack = SLACK
        self._slot = 0.0
        self._arrived: list[float] = []
        self._answered: deque[tuple[float, float]] = deque()
        self._halted = 0.0
        self._cut = 0.0
        self._last = self._full = self._stepped = 0.0
        self._trust = TRUST
        self._trip = 0.0
        self._taken: deque[float] = deque()
        self._peak = 0
        self._answers: deque[str] = deque(maxlen=10)
        self._lone = ""

    def wait(self, now: float) -> float:
        """Seconds until the next send may begin; 0 or less: now."""
        return max(self._slot, self._window(), self._halted) - now

    @property
    def halted_until(self) -> float:
        """No send begins before this moment."""
        return self._halted

    @property
    def cut(self) -> float:
        """When the rate last came down for all chats; what began before says nothing new."""
        return self._cut

    def halt(self, until: float) -> None:
        """Send nothing before this moment."""
        self._halted = max(self._halted, until)

    def begin(self, now: float) -> None:
        """Note that a send begins."""
        if now - self._slot > IDLE or not (self._arrived or self._answered):
            self._slot = now
        else:
            self._full += now - self._last
        self._last = now
        self._slot += (1.0 + self._slack) / self.rate
        insort(self._arrived, now)
        del self._arrived[: -math.ceil(self.most)]
        self._grow()

    def accepted(self, began: float, now: float) -> None:
        """Note that the message whose send `began` then was taken."""
        self._answers.append("")
        place = bisect_left(self._arrived, began)
        if self._arrived[place : place + 1] == [began]:
            del self._arrived[place]
            self._answered.append((began, now))
        trips = sorted(last - first for first, last in self._answered)
        self._trip = trips[len(trips) // 4] if trips else now - began
        if len(self._answered) > TRIPS:
            insort(self._arrived, self._at(*self._answered.popleft()))
        self._taken.append(now)
        while now - self._taken[0] >= SECOND:
            self._taken.popleft()
        self._peak = max(self._peak, len(self._taken))

    def refused(self, chat: str, began: float, seconds: float, now: float) -> bool:
        """Note a 429 for a chat whose send `began` then, asking to wait so long. Whether it is
        meant for the whole bot, which then waits; else for that chat alone.

        One refusal may be the chat's own, or come of messages that bunched on their way. It is the
        bot's while more than the proven rate is tried, or where three chats of the last ten answers
        are refused.
        """
        self._answers.append(chat)
        if began < self._cut:  # sent before the rate came down: says nothing new
            self.halt(now + seconds)
            return True
        if self.rate > self.proven or len({c for c in self._answers if c}) >= 3:
            self.come_down(now, seconds)
            return True
        if chat != self._lone:
            self._slack += MORE_SLACK
        self._lone = chat
        if self._slack > MOST_SLACK:
            self._lower(self.rate / (1.0 + MOST_SLACK))
            self._slack = SLACK
        self._full = self._stepped = 0.0
        return False

    def come_down(self, now: float, seconds: float) -> None:
        """Wait after a refusal of the whole bot, then go on at the rate that was still taken."""
        taken, self._peak = self._peak, 0
        if self._cut:
            self._trust = min(MOST_TRUST, 2 * self._trust)
        self._cut = now
        self.halt(now + seconds)
        if self.rate > self.proven:
            rate = max(self.proven, min(taken, self.rate / STEP))
        else:
            # A strict limit is what it took in its best second. Refusals right after a break say
            # less, hence the floor.
            rate = max(min(taken, self.rate / STEP), self.rate / 4)
        self._lower(rate)
        self._taken.clear()
        self._slot = self._last = self._halted

    def _lower(self, rate: float) -> None:
        self.rate = self.proven = max(LEAST, min(self.rate, rate))
        self._answers.clear()
        self._full = self._stepped = 0.0

    def _grow(self) -> None:
        if self._full - self._stepped < 1.0:
            return
        self._stepped = self._full
        self._slack = max(SLACK, self._slack - LESS_SLACK)
        if self._full >= self._trust:
            # A second at a rate, and its answers, prove the one before: a lucky message does not.
            self.proven = max(self.proven, self.rate / STEP)
            self.rate = min(self.most, self.rate * STEP)

    def _window(self) -> float:
        """When the last second has room for one more, however late earlier messages arrived."""
        many, end = math.ceil(self.rate), len(self._arrived)
        known = [self._at(*both) for both in self._answered]
        if end + len(known) < many:
            return 0.0
        # The last of the sorted ones are surely among the last `many`; the few others are sorted
        # here.
        few = min(many, len(known))
        sure = end - (many - few)
        some = sorted([*self._arrived[max(0, end - many) : sure], *known])
        oldest = min([*some[len(some) - few :][:1], *self._arrived[sure : sure + 1]])
        return oldest + (1.0 + 0.75 * self._slack) * many / self.rate

    def _at(self, began: float, answered: float) -> float:
        """Return the latest moment at which a message can have arrived."""
        return max(began, answered - self._trip)


class ChatPace:
    """When each chat may be sent to again: one message a second, and so many a minute in a
    group."""

    def __init__(self, gap: float, most_in_minute: int) -> None:
        self._gap, self._most = gap, most_in_minute
        self._sends: dict[str, deque[float]] = {}

    def sent(self, chat: str, group: bool, now: float) -> float:
        """Note a send; return the moment of the next one."""
        sends = self._sends.setdefault(chat, deque(maxlen=max(1, self._most)))
        sends.append(now)
        if len(self._sends) > 20_000:
            self._sends = {c: s for c, s in self._sends.items() if now - s[-1] < 60.0}
        if group and self._most and len(sends) == self._most:
            return max(now + self._gap, sends[0] + 60.0)
        return now + self._gap


class Invalid:
    """Discord bans an address for 10,000 invalid answers (401, 403, 429) in ten minutes. This stops
    at a fifth of it."""

    MOST, WITHIN = 2_000, 600.0

    def __init__(self) -> None:
        self._at: deque[float] = deque()

    def note(self, now: float) -> float:
        """Note such an answer; return the seconds to stop for, 0 while there are few."""
        self._at.append(now)
        while now - self._at[0] >= self.WITHIN:
            self._at.popleft()
        if len(self._at) < self.MOST:
            return 0.0
        return self.WITHIN - (now - self._at[0])
