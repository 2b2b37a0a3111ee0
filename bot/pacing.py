"""How fast a platform may be sent to: pure decisions over seconds that never go back.

Telegram states "about 30 messages a second" and says no more; a self-hosted or paid bot has other
limits. So the rate is learned: begin with the stated one, come down when refused, and try a little
more after a while without refusals (as TCP does: additive trust, multiplicative back-off).
"""

from __future__ import annotations

import math
from collections import deque

SLACK, MORE_SLACK, MOST_SLACK = 0.018, 0.004, 0.05
"""Seconds a second of allowance takes longer here: messages may arrive closer together than sent. Every
lone refusal adds some."""
TRUST = 24.0
"""Seconds of full, unrefused sending before more than the proven rate is tried; doubled each time
that fails."""
MOST_TRUST = 1920.0
STEP = 1.03
"""What the rate grows by in a second of trying."""
LEAST = 1.0
IDLE = 0.5
"""Seconds without a send after which the platform was not kept busy, and nothing was proven."""


class Rate:
    """Sends a second, for one bot. `stated`: where to begin; `most`: never more than this."""

    def __init__(self, stated: float, most: float) -> None:
        self.rate, self.most = stated, most
        self.proven = stated
        self._slack = SLACK
        self._slot = 0.0
        self._sends: deque[float] = deque()
        self._halted = 0.0
        self._cut = 0.0
        self._busy_since = 0.0
        self._stepped = 0.0
        self._trust = TRUST
        self._taken: deque[float] = deque()
        self._answers: deque[str] = deque(maxlen=10)

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
        """Sends nothing before this moment."""
        self._halted = max(self._halted, until)

    def begin(self, now: float) -> None:
        """Notes that a send begins."""
        if now - self._slot > IDLE or not self._sends:
            self._busy_since = self._stepped = now
            self._slot = now
        self._slot += (1.0 + self._slack) / self.rate
        self._sends.append(now)
        while len(self._sends) > self.most:
            self._sends.popleft()
        self._grow(now)

    def accepted(self, now: float) -> None:
        """Notes that a message was taken."""
        self._answers.append("")
        self._taken.append(now)
        while self._taken and now - self._taken[0] > 1.0:
            self._taken.popleft()
        if self.rate > self.proven and now - self._busy_since > 1.0:
            # A full second at a rate proves it; a lucky message does not.
            self.proven = max(self.proven, min(self.rate, float(len(self._taken))))

    def refused(self, chat: str, began: float, seconds: float, now: float) -> bool:
        """Notes a 429 for a chat whose send `began` then, asking to wait so long. Whether it is meant
        for the whole bot, which then waits; else for that chat alone.

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
        self._slack = min(MOST_SLACK, self._slack + MORE_SLACK)
        self._busy_since = max(self._busy_since, now)
        return False

    def come_down(self, now: float, seconds: float) -> None:
        """The bot as a whole was refused: waits, then goes on at the rate that was still taken."""
        taken = sum(now - at <= 1.0 for at in self._taken)
        if self._cut:
            self._trust = min(MOST_TRUST, 2 * self._trust)
        self._cut = now
        self.halt(now + seconds)
        # Under a strict limit what was taken in the last second is the limit. A lone refusal right
        # after a break says less, hence the floor.
        self._lower(max(taken, self.rate / 4), self._halted)
        self._taken.clear()
        self._slot = self._halted

    def _lower(self, rate: float, since: float) -> None:
        self.rate = self.proven = max(LEAST, min(self.rate, rate))
        self._answers.clear()
        self._busy_since = self._stepped = since

    def _grow(self, now: float) -> None:
        if now - self._busy_since < self._trust or now - self._stepped < 1.0:
            return
        self._stepped = now
        self.rate = min(self.most, self.rate * STEP)

    def _window(self) -> float:
        """When the last second has room for one more, however late earlier sends began."""
        many = math.ceil(self.rate)
        if len(self._sends) < many:
            return 0.0
        return self._sends[-many] + (1.0 + 0.75 * self._slack) * many / self.rate


class ChatPace:
    """When each chat may be sent to again: one message a second, and so many a minute in a group."""

    def __init__(self, gap: float, most_in_minute: int) -> None:
        self._gap, self._most = gap, most_in_minute
        self._sends: dict[str, deque[float]] = {}

    def sent(self, chat: str, group: bool, now: float) -> float:
        """Notes a send; gives the moment of the next one."""
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
        """Notes such an answer; the seconds to stop for, 0 while there are few."""
        self._at.append(now)
        while now - self._at[0] >= self.WITHIN:
            self._at.popleft()
        if len(self._at) < self.MOST:
            return 0.0
        return self.WITHIN - (now - self._at[0])


def backoff(attempts: int, most: float = 60.0) -> float:
    """Seconds before the next try: 1, 2, 4 and so on."""
    return min(most, 2.0 ** max(0, attempts - 1))
