"""What a model is shown: the day's events and statements, best first, within a bound of tokens.

Posts go in as one line each under a short id; links and what talks to programs stay out. The ids are
the only way a model can name a post, so it cannot cite one that it was not shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from digest.llm.budget import tokens
from digest.models import Post
from digest.orders import gives_orders, without_orders
from digest.reading import Story
from digest.text import EMOJI, URL, clean, language
from digest.write import Material
from digest.write.extractive.detail import may_hold_view, opinions
from digest.write.extractive.draft import Draft
from digest.write.extractive.money import deals, money_talk

SHOWN = {"zh": 170, "ja": 170, "en": 380}
"""Characters shown of a post: what a day's leading posts say stands in their beginning."""
NAME = 40
REMARK = 70
"""Characters of a post that may hold a thought; shorter ones are exclamations."""
_MARKS = re.compile(r"[@`*_|<>\[\]{}]+|[#＃](?!\d)")
_ANSWERED = re.compile(r"^(?:@\w{1,40}\s+)+")
"""Whom a reply speaks to: names without a sentence."""


@dataclass(frozen=True, slots=True)
class Event:
    """Stories of one event; `rank` 0 is the most important of the day."""

    rank: int
    stories: tuple[Story, ...]

    @property
    def posts(self) -> list[Post]:
        """Those of the leading story first: the others may be only closely related."""
        return [post for story in self.stories for post in story.posts]


@dataclass(slots=True)
class Desk:
    """Hands out posts under ids, and remembers which."""

    material: Material
    posts: dict[str, Post] = field(default_factory=dict)
    """By the id a model was shown."""
    _ids: dict[str, str] = field(default_factory=dict)

    def events(self) -> list[Event]:
        """The topic's events, best first: stories of one event number are one."""
        found: dict[int, list[Story]] = {}
        for story in Draft(self.material).stories():
            found.setdefault(story.event, []).append(story)
        return [Event(rank, tuple(stories)) for rank, stories in enumerate(found.values())]

    def show_events(self, events: Iterable[Event], *, each: int, room: int) -> str:
        """Blocks of events with up to `each` posts of different authors, as far as `room` tokens go."""
        blocks: list[str] = []
        for event in events:
            lines = [self._line(post) for post in _voices(event.posts)[:each]]
            if not (lines := [line for line in lines if line]):
                continue
            authors = len({post.author for post in event.posts})
            head = f"[{event.rank + 1}] {len(event.posts)} posts by {authors} people"
            blocks.append("\n".join([head, *lines]))
            room -= tokens(blocks[-1])
            if room < 0:
                blocks.pop()
                break
        return "\n\n".join(blocks)

    def show_posts(self, posts: Iterable[Post], *, room: int) -> str:
        """A line a post, as far as `room` tokens go."""
        lines: list[str] = []
        for post in posts:
            if line := self._line(post):
                room -= tokens(line)
                if room < 0:
                    break
                lines.append(line)
        return "\n".join(lines)

    def _line(self, post: Post) -> str:
        """One post under its id; empty where nothing is left that speaks to people."""
        text = shown(post.text)
        if not text:
            return ""
        key = self._ids.setdefault(post.key, f"p{len(self._ids) + 1}")
        self.posts[key] = post
        return f"{key} {_name(post)}: {text}"

    def opinions(self) -> list[Post]:
        """Posts that may hold a view, one an author: the weightiest views that can stand alone, then
        posts that sound like one, then what else people wrote, by the importance of their story."""
        draft = Draft(self.material)
        ranked = sorted(opinions(draft), key=lambda found: -found[0])
        posts = [post for story in draft.stories() for post in story.posts]
        sound = [post for post in posts if may_hold_view(post)]
        rest = [post for post in posts if post.source == "x" and len(post.text) >= REMARK]
        return _voices([*(sentence.post for _, sentence, _ in ranked), *sound, *rest])

    def money(self) -> list[Post]:
        """Posts about assets as money, then about the industry's money, each the weightiest first."""
        draft = Draft(self.material)
        said = [found for talk in money_talk(draft).values() for found in talk.said]
        ranked = sorted(said, key=lambda found: (-found[0], found[1].post.key))
        funded = sorted(deals(draft), key=lambda found: -found[0])
        # Half and half: a day full of prices must not push out the rounds, nor the reverse.
        assets = [sentence.post for _, sentence in ranked]
        rounds = [sentence.post for _, sentence, _ in funded]
        mixed = [p for pair in zip(assets, rounds, strict=False) for p in pair]
        rest = assets[len(rounds) :] + rounds[len(assets) :]
        return list({post.key: post for post in mixed + rest}.values())


def shown(text: str) -> str:
    """A post's text as a model sees it: one line, without links, markup and talk to programs."""
    words = _ANSWERED.sub("", without_orders(clean(text)))
    words = EMOJI.sub(" ", URL.sub(" ", words))
    words = " ".join(_MARKS.sub(" ", words).split())
    if not words or gives_orders(words):
        return ""
    most = SHOWN.get(language(words), SHOWN["en"])
    return words if len(words) <= most else words[:most].rsplit(" ", 1)[0].rstrip() + " …"


def _name(post: Post) -> str:
    """Who wrote it, and where: a name may be as hostile as a text."""
    bare = EMOJI.sub(" ", clean(post.author_name or post.author))
    name = " ".join(_MARKS.sub(" ", bare).split())[:NAME]
    if not name or gives_orders(name):
        name = "somebody"
    handle = post.author if re.fullmatch(r"\w{1,30}", post.author) else ""
    where = post.source if post.source != "x" else handle and f"@{handle}"
    return f"{name} ({where})" if where and where != f"@{name}" else name


def _voices(posts: Iterable[Post]) -> list[Post]:
    """The first post of each author."""
    by_author: dict[str, Post] = {}
    for post in posts:
        by_author.setdefault(post.author or post.key, post)
    return list(by_author.values())
