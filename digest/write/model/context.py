"""What a model is shown: the day's events and statements, best first, within a bound of tokens.

Posts go in as one line each under a short id; links and what talks to programs stay out. The ids
are the only way a model can name a post, so it cannot cite one that it was not shown.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from functools import cached_property, lru_cache
from operator import itemgetter

from digest.llm.budget import tokens
from digest.models import Post
from digest.reading import Reading, Story
from digest.reading.injection import remove_injections, talks_to_programs
from digest.reading.markup import drop_marks, spell_arrows
from digest.reading.sentences import (
    HEADLINE_CHARS,
    HEADLINE_WORDS,
    is_cut_off,
    strip_addressees,
)
from digest.text import EMOJI, URL, clean
from digest.write import Material
from digest.write.extractive.detail import is_person
from digest.write.extractive.draft import Draft, rate_quote, reports_news
from digest.write.extractive.money import collect_talk, has_figure, list_deals
from digest.write.extractive.quotes import HEADLINE_SOURCES

POST_CHARS = 600
"""Characters shown of a post that stands for itself. A sign of Chinese counts nearly twice."""
LINE_CHARS = range(72, 241)
"""Characters of a story where all stories of the day are listed: as many as there is room for."""
FOREMOST = 50
"""Stories whose lines there get twice the room of those that rank behind them."""
LEAST_LEAD = 0.7
"""Value (`rate_quote`) of a sentence that stands for a story before its leading post."""
MAX_LEADS = 6
"""Posts of a story of which the one is sought that tells it best."""
FULLER, FULL_CHARS = 0.7, 250
"""Bonus of a sentence whose post has that many characters: the model reads the whole post."""
LATER, OFFER, NO_OFFER = 0.05, 1.5, -0.4
"""Penalty per preceding post of the story, and per unit by which the post's `advertisement` margin
exceeds the last: resellers write the longest news of a product."""
NAME_CHARS, SHORT_NAME_CHARS, HANDLE_CHARS, LONG_WORD = 40, 24, 30, 20
VIEW_CHARS = 70
"""Characters of a post that may hold a thought; shorter ones are exclamations."""
LEAST_OPINION = 0.5
"""Margin of `view` of a post's best sentence, less that of its post as an advertisement, from which
a model looks for a view in it. On 18 days that an editor read, heads without the day, 107 of 118
views lie above it; of the 12 likeliest a day 30 % are views and 5 % advertisements."""
SELLING = 0.0
"""Margin of `advertisement` of a post that is shown behind the others of its event: half of these
are advertisements."""
CUT = "…"
"""Stands where a text was cut, whatever the source put there."""
NICKNAMES = frozenset(["hn", "v2ex"])
"""Sources whose authors' names say nothing."""
VIEWED, PICKED, MUST = 1, 2, 3
"""Importance of what is told for its view alone, of the detail, and of what must be told."""


@dataclass(frozen=True)
class Event:
    """Stories of one event, the leading story first."""

    number: int
    """Place in the day's order, from 1; a model knows the event by it."""
    stories: tuple[Story, ...]
    importance: int | None = None
    """1 to 3 as the model picked, 0 for advertising; None where it was not asked or did not say."""

    @cached_property
    def posts(self) -> list[Post]:
        """Return the posts: the leading one of each story, then the others, which may only be
        related."""
        leads = [story.posts[0] for story in self.stories]
        return leads + [post for story in self.stories for post in story.posts[1:]]


@dataclass(slots=True)
class ShownPosts:
    """Hands out posts under ids, and remembers which."""

    posts: dict[str, Post] = field(default_factory=dict)
    """By the id a model was shown."""
    _ids: dict[str, str] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)
    """What was shown of a post, by key; the longest where it was shown twice."""

    def show_posts(self, posts: Iterable[Post], *, room: int, most: int = POST_CHARS) -> str:
        """Return one line per post, as far as `room` tokens go."""
        lines: list[str] = []
        for post in posts:
            room -= self._measure(post, most)
            if room < 0:
                break
            lines.append(self.show_post(post, most))
        return "\n".join(filter(None, lines))

    def show_post(self, post: Post, most: int) -> str:
        """Return one post under its id; empty where nothing is left that speaks to people."""
        text = self._shorten(post, most)
        if not text:
            return ""
        if len(text) > len(self._texts.get(post.key, "")):
            self._texts[post.key] = text
        return f"{self.find_id(post)} {introduce(post)}: {text}"

    def _measure(self, post: Post, most: int) -> int:
        """Return the tokens of a post's line, which is not shown by that: a post that there is no
        room for has no id, and cannot be cited."""
        text = self._shorten(post, most)
        line = f"{self._ids.get(post.key, 'p000')} {introduce(post)}: {text}"
        return tokens(line) if text else 0

    def _shorten(self, post: Post, most: int) -> str:
        return shorten(post.text, most, self.find_news(post))

    def find_news(self, post: Post) -> str:
        """Return the sentence of a post that must be shown, or nothing where any beginning does."""
        return ""

    def repeat_post(self, post: Post, most: int) -> str:
        """Return a post with its author and time as the writer saw it; of one nobody saw, at most
        `most` characters.

        A checker that sees more than the writer refuses or passes what the writer could not know.
        """
        text = self._texts.get(post.key) or shorten(post.text, most)
        day = f", {post.created_at.astimezone(UTC):%a %Y-%m-%d %H:%M}"
        author = _author(post)
        account = f", account {post.author}" if post.author and post.author not in author else ""
        words = clean(post.text)
        answered = words.removesuffix(strip_addressees(words)).strip(" .")
        answers = f", answering {answered}" if answered else ""
        return f"{self.find_id(post)} {author}{account}{day}{answers}: {text}" if text else ""

    def find_id(self, post: Post) -> str:
        """Return the id of a post, a new one where it was not shown yet."""
        post_id = self._ids.setdefault(post.key, f"p{len(self._ids) + 1}")
        self.posts[post_id] = post
        return post_id


@dataclass(slots=True)
class Context(ShownPosts):
    """The day as a model sees it."""

    material: Material = field(kw_only=True)
    draft: Draft = field(init=False)

    def __post_init__(self) -> None:
        self.draft = Draft(self.material)

    def find_news(self, post: Post) -> str:
        """Return the sentence that tells best what is new."""
        quotes = [q for q in self.draft.quotes.get(post.key, ()) if reports_news(q)]
        return max(quotes, key=lambda q: rate_quote(q, 0)).text if quotes else ""

    def stories(self) -> list[Story]:
        """Return the topic's stories, best first, without those that are only talk about prices."""
        return [story for story in self.material.stories if not story.market]

    def list_stories(self, stories: Iterable[Story], *, room: int) -> tuple[str, int]:
        """Return one line per story with who tells it, as far as `room` tokens go; how many were
        shown."""
        lines: list[str] = []
        number, listed = 0, list(stories)
        for number, story in enumerate(listed, 1):
            left = len(listed) - number + 1
            ahead = max(0, FOREMOST - number + 1)
            share = room * (2 if ahead else 1) // (left + min(left, ahead))
            # A token has three letters or more; who tells a story takes some 16.
            most = 3 * (share - 16)
            most = min(max(most, LINE_CHARS.start), LINE_CHARS.stop - 1)
            teller = self.choose_teller(story)
            text = shorten(teller.text, most, self.find_news(teller))
            if not text:
                continue
            line = f"[{number}] {_audience(story, teller)}: {text}"
            room -= tokens(line)
            if room < 0:
                return "\n".join(lines), number - 1
            lines.append(line)
        return "\n".join(lines), number

    def choose_teller(self, story: Story) -> Post:
        """Return the post that stands for a story where all of the day are listed: where the
        leading post is somebody's view of it, the one that says what happened."""
        posts = [*self._choose_leads([story]), *story.posts[:3]]
        return next((post for post in posts if shorten(post.text, POST_CHARS)), story.posts[0])

    def show_events(self, events: Sequence[Event], *choices: tuple[int, ...], room: int) -> str:
        """Return blocks of events, as far as `room` tokens go, by the first of the `choices` that
        has room for all of them, else by the last.

        A block has a post by another author for each number of a choice, the characters shown of
        it.
        """
        leading = [self.leading_posts(event) for event in events]
        shown: list[list[tuple[Post, int]]] = []
        for chars in choices:
            blocks = [list(zip(posts, chars, strict=False)) for posts in leading]
            shown = self._fit_blocks(events, blocks, room)
            if len(shown) == len(events):
                break
        lines = [[self.show_post(*entry) for entry in block] for block in shown]
        return "\n\n".join(
            "\n".join([_head(event), *filter(None, block)])
            for event, block in zip(events, lines, strict=False)
            if any(block)
        )

    def _fit_blocks(
        self, events: Sequence[Event], blocks: Sequence[list[tuple[Post, int]]], room: int
    ) -> list[list[tuple[Post, int]]]:
        """Return the first blocks, as many as `room` tokens hold."""
        for count, (event, block) in enumerate(zip(events, blocks, strict=True)):
            costs = [self._measure(*entry) for entry in block]
            room -= sum(costs) + tokens(_head(event)) if any(costs) else 0
            if room < 0:
                return list(blocks[:count])
        return list(blocks)

    def leading_posts(self, event: Event) -> list[Post]:
        """Return the posts: first what a company says of itself, then what tells the news best;
        then headlines, what sells, and cut headlines; last further news by the same authors."""
        own = [post for post in list_official(event) if self.find_news(post)]
        best = self._choose_leads(event.stories)
        posts = unique_authors([*own[:1], *best, *event.posts])
        sellers = {r.key for s in event.stories for r in s.readings if _sells(r)}
        sellers -= {post.key for post in own}
        posts.sort(key=lambda post: (is_cut_headline(post), post.key in sellers))
        others = sorted(posts[1:], key=lambda post: (post.key in sellers, is_headline(post)))
        # Two papers that somebody shares may stand in one story.
        further = [post for post in event.posts if post not in posts and self.find_news(post)]
        return [*posts[:1], *sorted(others, key=is_cut_headline), *further]

    def _choose_leads(self, stories: Iterable[Story]) -> list[Post]:
        """Return the post of each story that tells its news best, in whatever language."""
        rated = (list(self._rate_leads(story)) for story in stories)
        return [max(leads, key=itemgetter(0))[1] for leads in rated if leads]

    def _rate_leads(self, story: Story) -> Iterator[tuple[float, Post]]:
        for place, reading in enumerate(story.readings[:MAX_LEADS]):
            quotes = filter(reports_news, self.draft.quotes.get(reading.key, ()))
            value = max((rate_quote(quote, place) for quote in quotes), default=0.0)
            if value >= LEAST_LEAD and not _sells(reading) and not is_cut_headline(reading.post):
                size = _measure_width(shorten(reading.post.text, POST_CHARS))
                value += FULLER * min(1.0, size / FULL_CHARS) - LATER * place
                offer = reading.scores.get("advertisement", 0.0) - NO_OFFER
                yield value - OFFER * max(0.0, offer), reading.post

    def opinions(self) -> list[Post]:
        """Return posts that may hold a view, one per author, the likeliest first: what sells is
        hardly one."""
        readings = (r for story in self.draft.stories() for r in story.readings)
        rated = [
            (self.measure_view(r.post) - r.scores.get("advertisement", 0.0), r.post)
            for r in readings
            if len(r.post.text) >= VIEW_CHARS
        ]
        likely = sorted(rated, key=lambda entry: -entry[0])
        return unique_authors(post for value, post in likely if value > LEAST_OPINION)

    def measure_view(self, post: Post) -> float:
        """Return the margin of `view` of a person's post, that of its best sentence; of others,
        minus infinity."""
        quotes = self.draft.quotes.get(post.key, ())
        margins = (quote.opinion for quote in quotes if is_person(quote.sentence.reading))
        return max(margins, default=-math.inf)

    def deals(self) -> set[str]:
        """Return the keys of posts about the topic's own money: rounds, revenue, spending, each
        with a sum."""
        deals = (quote for _, quote, _ in list_deals(self.draft))
        return {quote.post.key for quote in deals if has_figure(quote.text, moves=False)}

    def assets(self) -> list[Post]:
        """Return posts about stocks and coins as money; one may stand twice."""
        talk = [entry for talk in collect_talk(self.draft).values() for entry in talk]
        return [q.post for _, q, _ in sorted(talk, key=lambda e: (-e[0], e[1].post.key))]


def _sells(reading: Reading) -> bool:
    return reading.scores.get("advertisement", 0.0) > SELLING


def list_official(event: Event) -> list[Post]:
    """Return the posts of accounts that are called what others name in theirs."""
    readings = [reading for story in event.stories for reading in story.readings]
    posts = []
    for reading in readings:
        keys = {key for other in readings if other is not reading for key in other.name_keys}
        pieces = {piece for key in keys for piece in key.split()}  # "qwen3-max" is Qwen's
        name = reading.account
        if name and name.key in keys | pieces and reading.post.source == "x":
            posts.append(reading.post)
    return posts


def is_cut_headline(post: Post) -> bool:
    """Return True where a model would see a headline without its end, or nothing."""
    text = shorten(post.text, POST_CHARS)
    return not text or (text.endswith(CUT) and len(text) <= HEADLINE_CHARS)


def is_stub(post: Post) -> bool:
    """Return True for a cut headline that is too short to say what happened. Of 104 that an editor
    took for must-haves on 40 days, 2 are."""
    words = shorten(post.text, POST_CHARS).removesuffix(CUT)
    wide = (_measure_width(words) - len(words)) // 2
    spaced = sum(any(map(str.isalnum, word)) for word in words.split(" ")[:-1])
    return is_cut_headline(post) and spaced + wide < HEADLINE_WORDS


def shorten(text: str, most: int, news: str = "") -> str:
    """Return a post's text as a model sees it: one line, without links, markup and talk to
    programs, of at most about `most` characters; wide ones count twice.

    Where the sentence `news` stands behind the cut, the text goes on from there.
    """
    words = _flatten(text)
    if not words or talks_to_programs(words):
        return ""
    wide = _measure_width(words[:most]) - len(words[:most])
    most = most if wide < most / 4 else most * 5 // 8
    start = words.find(_flatten(news)[:LONG_WORD]) if news else -1
    if len(words) <= most or start < most // 2:
        return _cut(words, most)
    begin = most // (4 if most > FULL_CHARS else 2)  # too short a beginning says nothing
    return f"{_cut(words, begin)} {_cut(words[start:], most - begin)}"


def _measure_width(text: str) -> int:
    """Return the characters of a text; wide ones count twice."""
    return len(text) + sum(char >= "\u2e80" for char in text)


@lru_cache(maxsize=4096)
def _flatten(text: str) -> str:
    """Return the text on one line without what a model must not see, with one sign for a cut that
    its source made; asked for at every step."""
    cleaned = clean(text)
    spoken = remove_injections(cleaned)
    # ".@acme ships it" is no reply: the handle is who ships it.
    words = URL.sub(" ", spoken if spoken.startswith(".@") else strip_addressees(spoken))
    words = drop_marks(EMOJI.sub(" ", spell_arrows(words)))
    if not is_cut_off(cleaned):
        return words
    bare = words.rstrip(".…")
    before, sign, entity = bare.rpartition("&")
    if sign and entity.islower() and not before[-1:].isalnum():  # "&n…", but not "AT&T…"
        bare = before
    return (bare if bare != words else f"{words} ") + CUT if bare else ""


def _cut(words: str, most: int) -> str:
    if len(words) <= most:
        return words
    space = words.rfind(" ", most - LONG_WORD, most)  # between Chinese words there is none
    return f"{words[: space if space > 0 else most].rstrip()} {CUT}"


def unique_authors(posts: Iterable[Post]) -> list[Post]:
    """Return the first post of each author."""
    by_author: dict[str, Post] = {}
    for post in posts:
        by_author.setdefault(post.author or post.key, post)
    return list(by_author.values())


def _head(event: Event) -> str:
    """Return the line above an event's posts."""
    authors = len({post.author for post in event.posts})
    words = [
        f"{authors} people" if authors > 1 else "",
        "must be told" if event.importance == MUST else "",
        "update of an earlier day" if event.stories[0].earlier else "",
    ]
    return f"[{event.number}] {', '.join(filter(None, words))}".rstrip()


def is_headline(post: Post) -> bool:
    """Return True where a feed gave no more of an article or thread than its headline."""
    return post.source in HEADLINE_SOURCES and "\n" not in post.text.strip()


def _audience(story: Story, teller: Post) -> str:
    """Return who tells a story and how much attention it got: "Ada Lin, 2 others, hn, 310 likes".
    X is not named, and Reddit by its forum."""
    sources = dict.fromkeys(post.source for post in [teller, *story.posts[:9]])
    others = len({post.author for post in story.posts} - {teller.author})
    likes = sum(post.metrics.get("likes", 0) for post in story.posts)
    words = [
        "" if teller.source in NICKNAMES else _name(teller)[:SHORT_NAME_CHARS],
        f"{others} other{'s' if others > 1 else ''}" if others else "",
        *(source for source in sources if source not in ("x", "reddit")),
        f"{likes} likes" if likes else "",
        "update" if story.earlier else "",
        "headline only" if len(story.posts) == 1 and is_headline(teller) else "",
    ]
    return ", ".join(filter(None, words))


def _name(post: Post) -> str:
    """Return the name of a post's author: it may be as hostile as a text."""
    bare = EMOJI.sub(" ", clean(post.author_name or post.author))
    name = drop_marks(bare.replace("@", " "))[:NAME_CHARS]
    return "somebody" if not name or talks_to_programs(name) else name


def introduce(post: Post) -> str:
    """Return who wrote a post, and whether there is more of it than its headline."""
    return _author(post) + (", headline only" if is_headline(post) else "")


def _author(post: Post) -> str:
    """Return who wrote a post, and where; of a link to an article nobody did."""
    if post.source == "hn":
        return "Hacker News"
    name = _name(post)
    plain = len(post.author) <= HANDLE_CHARS and post.author.replace("_", "a").isalnum()
    handle = post.author if plain else ""
    where = post.source if post.source != "x" else handle and f"@{handle}"
    return f"{name} ({where})" if where and where != f"@{name}" else name
