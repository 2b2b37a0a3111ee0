"""Select posts and stories. Pure functions; every dropped post has a reason. The weights of a
story's score are here so that a chat can show them without loading the modules that measure the
parts."""

from collections.abc import Mapping

WEIGHTS: Mapping[str, float] = {
    "news": 1.225,
    "engagement": 0.40,
    "substance": 0.35,
    "voices": 0.30,
    "author": 0.10,
    "fit": 0.05,
}
"""Tuned on the first twenty stories: must-haves of 43 days that editors read, stories of AINews and
posts cited by it, each day scored by heads trained without it. The weights of a point are separate
(`digest/write/extractive/draft.py`)."""
