"""`make chaos`, the clock: two years of every zone at every time. Prints what is wrong; exit 1 if any.

Every zone x every hour, half hour and time in and around its clock changes: one moment a local day,
on that day. Then as many pairs of a chat's zone and time with a topic's as fit into the seconds given
(there are 10^9): one digest a local day, never an older report again.
"""

from __future__ import annotations

import sys
from datetime import time
from itertools import pairwise
from random import Random
from time import monotonic

from digest.calendar import moment, zone
from tools.clock_years import chat, faults, local_days, times, topic, zones


def moments_of(name: str, at: time) -> list[str]:
    """What is wrong with the moments of a time of day in a zone."""
    days = local_days()
    found = [moment(day, at, name) for day in days]
    due = [one for one in found if one]
    wrong = [] if len(due) == len(days) else ["a day without a moment"]
    if any(b <= a for a, b in pairwise(due)):
        wrong.append("not in order")
    if [one.astimezone(zone(name)).date() for one in due] != days:
        wrong.append("on another day")
    return [f"{name} {at}: {what}" for what in wrong]


def main(seconds: float) -> int:
    """All moments, then random pairs for that many seconds."""
    start, number, wrong = monotonic(), 0, []
    for names in zones().values():
        for at in times(names[0]):
            wrong += moments_of(names[0], at)
            number += 1
    print(f"clock: {sum(map(len, zones().values()))} zones of {len(zones())} kinds,", end=" ")
    print(f"{number} times of day x 730 days in {monotonic() - start:.0f} s: {len(wrong)} faults")
    # Another draw each time; the seed is said, so that a fault can be seen again.
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
