"""Progress on stderr: a bar where it is a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

log = logging.getLogger(__name__)

WIDTH = 24


class Progress:
    """Called with the name of each step as it begins, how many are behind it, how many there
    are."""

    def __init__(self, out: TextIO | None = None, *, quiet: bool = False) -> None:
        """`quiet`: log the steps instead of writing them."""
        self.out = out or sys.stderr
        self.bar, self.quiet = self.out.isatty(), quiet

    def __call__(self, step: str, behind: int, steps: int) -> None:
        if self.quiet:
            log.info("step %d of %d: %s", behind, steps, step)
        elif self.bar:
            done = round(WIDTH * behind / steps)
            self.out.write(f"\r\x1b[2K[{'█' * done}{'·' * (WIDTH - done)}] {step}")
            if behind == steps:
                self.out.write("\r\x1b[2K")
        elif behind < steps:
            self.out.write(f"{step} ({behind + 1}/{steps})\n")
        self.out.flush()
