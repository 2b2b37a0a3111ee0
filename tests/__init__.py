"""Tests, and the fakes that they talk to."""

import os

FULL = bool(os.environ.get("FULL"))
"""Run the widest combinations too (`make chaos`); without it, representatives of each kind."""
