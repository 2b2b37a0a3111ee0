"""Progress on stderr: a bar where it is a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import TextIO

WIDTH = 24


class Progress:
    """Called with the name of each step as it begins, how many are behind it, how many there are."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stderr
        self.bar = self.out.isatty()

    def __call__(self, step: str, behind: int, steps: int) -> None:
        if self.bar:
            done = round(WIDTH * behind / steps)
            self.out.write(f"\r\x1b[2K[{'█' * done}{'·' * (WIDTH - done)}] {step}")
            if behind == steps:
                self.out.write("\r\x1b[2K")
        elif behind < steps:
            self.out.write(f"{step} ({behind + 1}/{steps})\n")
        self.out.flush()
