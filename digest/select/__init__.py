"""Which posts and stories matter. Pure: values in, values out; each dropped post with its reason.
What the parts of a story's score count for stands here: the chat shows them without loading what
measures them."""

from collections.abc import Mapping

WEIGHTS: Mapping[str, float] = {
    "news": 1.225,
    "engagement": 0.40,
    "substance": 0.35,
    "voices": 0.30,
    "author": 0.10,
    "fit": 0.05,
}
"""Chosen for what stands among the first twenty stories: must-haves of 43 days that editors read,
stories of AINews and posts that it cited, each day scored by heads that did not see it. What
makes one of ten points is weighed apart (`digest/write/extractive/draft.py`)."""
