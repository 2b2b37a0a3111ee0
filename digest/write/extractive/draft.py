"""What is left to say: the stories, and which of their sentences the report has used."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from digest.models import Language, Post
from digest.orders import gives_orders
from digest.reading import Story
from digest.text import plain
from digest.write import Material
from digest.write.extractive.substance import proper_names, telling, usable
from digest.write.sentences import Sentence, sentences

_LEANING = re.compile(
    r"\b(?:it|its|this|these|those|they|them|their|he|she|his|her|the (?:same|latter|former|team|new (?:model|feature|version)))\b|"
    r"这|该|此|其|它|他们|她|上述|前者|后者|同时|也|还(?!是)",
    re.IGNORECASE,
)
"""Words that point at something said before."""
_HEADLINES = frozenset(["hn", "rss", "reddit"])

MAX_CITES = 5
READ = 40
"""Posts of a story, the best first, whose sentences are looked at."""
ON_TOPIC = 0.30
"""Topic fit below which a story is no point of the digest, only background."""


@dataclass(slots=True)
class Draft:
    """The stories and which of their sentences are used up."""

    material: Material
    used: set[str] = field(default_factory=set)
    told: set[int] = field(default_factory=set)
    """Events that have an item of their own; the next section passes them over."""

    @property
    def language(self) -> Language:
        return self.material.topic.language

    def stories(self) -> Iterator[Story]:
        """Stories that belong to the topic, best first."""
        return (
            story
            for story in self.material.stories
            if not story.market and story.parts.get("fit", 1.0) >= ON_TOPIC
        )

    def foreign(self, spoken: str) -> int:
        """0 for the report's language, 1 for English or Chinese, 2 for others."""
        return 0 if spoken == self.language else 1 if spoken in ("zh", "en") else 2

    def free(self, sentence: Sentence) -> bool:
        """Whether the report does not say this yet, in these words or nearly these."""
        return _gist(sentence.text) not in self.used

    def take(self, *chosen: Sentence) -> None:
        self.used.update(_gist(sentence.text) for sentence in chosen)


def leads(draft: Draft, story: Story) -> Iterator[Sentence]:
    """Unused sentences that say by themselves what the story is about, the best first.

    The first sentence of a post does; a later one only where it names what the story is about and
    leans on nothing before it. A sentence in the report's language is preferred to an equal one.
    """
    subjects = about(story)
    return _best_first(draft, story, lambda s: s.place == 0 or _stands_alone(s, subjects))


def others(draft: Draft, story: Story, wanted: Callable[[Sentence], bool]) -> Iterator[Sentence]:
    """Unused sentences of the story that can stand alone and are wanted, the best first, whatever they
    are about."""
    return _best_first(draft, story, lambda s: wanted(s) and not _LEANING.search(s.text))


def _best_first(
    draft: Draft, story: Story, wanted: Callable[[Sentence], bool]
) -> Iterator[Sentence]:
    """Whether a sentence is usable costs most to tell, so it is asked last, and of few."""
    found = [
        (_preference(draft, place, sentence), sentence)
        for place, post in enumerate(story.posts[:READ])
        for sentence in sentences(post)
        if wanted(sentence) and draft.free(sentence)
    ]
    found.sort(key=lambda each: each[0])
    return (sentence for _, sentence in found if usable(sentence))


def about(story: Story) -> set[str]:
    """What the story is about: names that most posts of the story share; where they share none, those of
    the first sentence that has some."""
    each = [{name.lower() for name in proper_names(post.text)} for post in story.posts]
    counted = Counter(name for found in each for name in found)
    shared = {name for name, n in counted.items() if n >= max(2, 0.4 * len(each))}
    own = (proper_names(sentence.text) for sentence in sentences(story.posts[0]))
    return shared or {name.lower() for name in next(filter(None, own), ())}


def _stands_alone(sentence: Sentence, subjects: set[str]) -> bool:
    named = {name.lower() for name in proper_names(sentence.text)}
    return bool(named & subjects) and sentence.stopped and not _LEANING.search(sentence.text)


def _preference(draft: Draft, place: int, sentence: Sentence) -> tuple[bool, float]:
    """`place` is that of the post in its story."""
    foreign = draft.foreign(sentence.language)
    headline = 0.15 * (sentence.post.source in _HEADLINES)
    worth = telling(sentence) + headline + 0.25 * (sentence.place == 0) - 0.02 * min(8, place)
    worth -= 0.25 * bool(_LEANING.search(sentence.text))
    return foreign == 2, 0.5 * foreign - worth


def cites(story: Story, used: Sequence[Post]) -> tuple[str, ...]:
    """The posts whose sentences are used, then further independent voices of the story."""
    keys = dict.fromkeys(post.key for post in used)
    authors = {post.author for post in used}
    for post in story.posts:
        if len(keys) < MAX_CITES and post.author not in authors:
            keys[post.key] = None
            authors.add(post.author)
    return tuple(keys)


def _gist(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())[:60]


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
