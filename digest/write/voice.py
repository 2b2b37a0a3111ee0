"""Who says it: a sentence in the first person needs its speaker once it stands in a report."""

from __future__ import annotations

import re
from collections.abc import Sequence

from digest.models import Post
from digest.orders import gives_orders
from digest.text import plain
from digest.write.sentences import Sentence

NO_NAMES = frozenset(["hn", "v2ex", "reddit", "rss"])
"""Sources whose authors stay behind a nickname or a publication: they do not speak as persons."""
NAME = 40
"""Characters of a name; a longer one is a slogan, and the handle stands for it."""
_WE = re.compile(
    r"\b(?:we|our|ours|(?-i:us)|ourselves)\b|我们|我們|咱们|"
    r"^(?:so )?(?:privileged|thrilled|honou?red|delighted|excited|proud|pleased|humbled|happy|glad) (?:to|that|for)\b",
    re.IGNORECASE,
)
_SOMEBODY = re.compile(
    r"[:：]\s*[“「『\"]?$|[“「『\"][^”」』\"]*$|\b(?:says?|said|tells?|told|writes?|wrote|according to)\b|表示|称|说|指出|认为|写道",
    re.IGNORECASE,
)
"""In front of "we" these name another speaker, or the one already."""


def speaker(post: Post) -> str:
    """Name and handle of who wrote the post."""
    name = _name(post)
    return f"{name} (@{post.author})" if post.author and post.author != name else name


def lead_in(said: Sequence[Sentence]) -> str:
    """What is to stand before these sentences of one post: its author's name and a colon where they say
    "we" and do not say who that is, else nothing."""
    post = said[0].post
    if post.source in NO_NAMES or not post.author:
        return ""
    for sentence in said:
        found = _WE.search(sentence.text)
        if found:
            if _SOMEBODY.search(sentence.text[: found.start()]):
                return ""
            colon = "：" if said[0].language in ("zh", "ja") else ": "
            return f"{_name(post)}{colon}"
    return ""


def _name(post: Post) -> str:
    """The author's name, or the handle where there is none; a name may be as hostile as a text."""
    name = plain(post.author_name)
    shown = 0 < len(name) <= NAME and "/" not in name and not gives_orders(name)
    return name if shown else post.author
