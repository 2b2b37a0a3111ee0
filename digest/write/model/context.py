"""Context for the model: the day's events and posts, best first, within a token limit.

Each post is one line under a short id, without links and prompt injection. A model can name posts
by these ids only, so it cannot cite a post that it was not shown.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from functools import cached_property, lru_cache
from operator import itemgetter
from urllib.parse import urlsplit

from digest.llm.budget import tokens
from digest.models import Post
from digest.reading import Reading, Story
from digest.reading.injection import has_injection, remove_injections
from digest.reading.markup import drop_marks, spell_arrows
from digest.reading.sentences import HEADLINE_CHARS, HEADLINE_WORDS, is_cut_off, strip_addressees
from digest.text import EMOJI, URL, clean
from digest.write import Material
from digest.write.extractive.detail import is_person
from digest.write.extractive.draft import Draft, rate_quote, reports_news
from digest.write.extractive.money import collect_talk, has_figure, list_deals
from digest.write.extractive.quotes import HEADLINE_SOURCES

POST_CHARS = 600
"""Characters shown of a post on its own; Chinese characters count nearly twice."""
LINE_CHARS = range(72, 321)
"""Minimum and maximum characters of a story in the list of all stories, as far as there is room."""
FOREMOST = 50
"""First stories of that list, whose lines get twice the room of later ones."""
MIN_LEAD = 0.7
"""Minimum value (`rate_quote`) of a sentence whose post replaces the story's first post there."""
MAX_LEADS = 6
"""Posts of a story among which the best one to show is chosen."""
FULLER, FULL_CHARS = 0.7, 250
"""Bonus of a sentence whose post has that many characters, because the model reads the post."""
LATER, OFFER, NO_OFFER = 0.05, 1.5, -0.4
"""Penalty per preceding post of the story; penalty per unit of the post's `advertisement` margin
above the third figure, because resellers write the longest news of a product."""
NAME_CHARS, SHORT_NAME_CHARS, HANDLE_CHARS, LONG_WORD = 40, 24, 30, 20
VIEW_CHARS = 70
"""Minimum characters of a post with a view; shorter ones are exclamations."""
MIN_OPINION = 0.5
"""Minimum margin of `view` of a post's best sentence, less the post's margin of `advertisement`,
for a post that is shown as a view. On 18 days that an editor read, heads trained without the day,
107 of 118 views lie above it; of the top 12 of a day 30 % are views and 5 % advertisements."""
SELLING = 0.0
"""Margin of `advertisement` above which a post is shown after the others of its event; half of such
posts are advertisements."""
CUT = "…"
"""Marks a cut text, whatever mark the source used."""
NICKNAMES = frozenset(["hn", "v2ex"])
"""Sources whose author names are nicknames without meaning."""
VIEWED, PICKED, MUST = 1, 2, 3
"""Importance of an event: reported for its view only, in the detail, or certainly."""


@dataclass(frozen=True)
class Event:
    """Stories of one event, the leading story first."""

    number: int
    """Rank on the day, from 1; the model refers to the event by it."""
    stories: tuple[Story, ...]
    importance: int | None = None
    """0 (advertising) to 3, as picked by the model; None if it was not asked or did not answer."""
    told: frozenset[str] = frozenset()
    """Keys of posts that are told elsewhere, as a view of the event."""

    @cached_property
    def posts(self) -> list[Post]:
        """Return the first post of each story, then the others, which may be merely related,
        without those that are `told`."""
        leads = [story.posts[0] for story in self.stories]
        posts = leads + [post for story in self.stories for post in story.posts[1:]]
        return [post for post in posts if post.key not in self.told]


@dataclass(slots=True)
class ShownPosts:
    """Gives posts to a model under ids and records which were shown."""

    posts: dict[str, Post] = field(default_factory=dict)
    """By shown id."""
    _ids: dict[str, str] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)
    """Longest text that was shown of a post, by key."""

    def show_posts(self, posts: Iterable[Post], *, room: int, most: int = POST_CHARS) -> str:
        """Return one line per post, up to `room` tokens."""
        lines: list[str] = []
        for post in posts:
            room -= self._measure(post, most)
            if room < 0:
                break
            lines.append(self.show_post(post, most))
        return "\n".join(filter(None, lines))

    def show_post(self, post: Post, most: int) -> str:
        """Return a post under its id, or "" if nothing is left after removing prompt injection."""
        text = self._shorten(post, most)
        if not text:
            return ""
        if len(text) > len(self._texts.get(post.key, "")):
            self._texts[post.key] = text
        return f"{self.find_id(post)} {introduce(post)}: {text}"

    def _measure(self, post: Post, most: int) -> int:
        """Return the tokens of a post's line without showing it: a post without room must not get
        an id, or it could be cited."""
        text = self._shorten(post, most)
        line = f"{self._ids.get(post.key, 'p000')} {introduce(post)}: {text}"
        return tokens(line) if text else 0

    def _shorten(self, post: Post, most: int) -> str:
        return shorten(post.text, most, self.find_news(post))

    def find_news(self, post: Post) -> str:
        """Return the sentence of a post that must be shown; "" if its beginning is enough."""
        return ""

    def repeat_post(self, post: Post, most: int) -> str:
        """Return a post with author and time, in the text that the writer saw; a post that was not
        shown has at most `most` characters.

        A checker that sees more than the writer would judge by what the writer could not know.
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
        """Return the id of a post, assigning one if it has none."""
        post_id = self._ids.setdefault(post.key, f"p{len(self._ids) + 1}")
        self.posts[post_id] = post
        return post_id


@dataclass(slots=True)
class Context(ShownPosts):
    """The day as shown to a model."""

    material: Material = field(kw_only=True)
    draft: Draft = field(init=False)

    def __post_init__(self) -> None:
        self.draft = Draft(self.material)

    def find_news(self, post: Post) -> str:
        """Return the sentence that reports the news of a post best."""
        quotes = [q for q in self.draft.quotes.get(post.key, ()) if reports_news(q)]
        return max(quotes, key=lambda q: rate_quote(q, 0)).text if quotes else ""

    def stories(self) -> list[Story]:
        """Return the topic's stories, best first, without stories that are only about prices."""
        return [story for story in self.material.stories if not story.market]

    def list_stories(self, stories: Iterable[Story], *, room: int) -> tuple[str, int]:
        """Return one line per story with its author, up to `room` tokens, and the number shown."""
        lines: list[str] = []
        number, listed = 0, list(stories)
        for number, story in enumerate(listed, 1):
            remaining = len(listed) - number + 1
            ahead = max(0, FOREMOST - number + 1)
            share = room * (2 if ahead else 1) // (remaining + min(remaining, ahead))
            # A token has three letters or more; the author takes about 16 tokens.
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
        """Return the post that represents a story in the list of all stories. If the first post is
        a view of the event, it is one that says what happened."""
        posts = [*self._choose_leads([story]), *story.posts[:3]]
        return next((post for post in posts if shorten(post.text, POST_CHARS)), story.posts[0])

    def show_events(self, events: Sequence[Event], *choices: tuple[int, ...], room: int) -> str:
        """Return blocks of events, up to `room` tokens, by the first of the `choices` with room for
        all of them, else by the last.

        A choice lists the characters shown of each post of a block, one post per author.
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
        """Return as many of the first blocks as fit in `room` tokens."""
        for count, (event, block) in enumerate(zip(events, blocks, strict=True)):
            costs = [self._measure(*entry) for entry in block]
            room -= sum(costs) + tokens(_head(event)) if any(costs) else 0
            if room < 0:
                return list(blocks[:count])
        return list(blocks)

    def leading_posts(self, event: Event) -> list[Post]:
        """Return the posts to show: first a company's official post, then the best news posts; then
        headlines, advertisements and cut headlines; last more news by the same authors."""
        official = [post for post in list_official(event) if self.find_news(post)]
        best = self._choose_leads(event.stories)
        leads = (post for post in [*official[:1], *best] if post.key not in event.told)
        posts = unique_authors([*leads, *event.posts])
        sellers = {r.key for s in event.stories for r in s.readings if _sells(r)}
        sellers -= {post.key for post in official}
        posts.sort(key=lambda post: (is_cut_headline(post), post.key in sellers))
        others = sorted(posts[1:], key=lambda post: (post.key in sellers, is_headline(post)))
        # One author may share two papers that are in one story.
        further = [post for post in event.posts if post not in posts and self.find_news(post)]
        return [*posts[:1], *sorted(others, key=is_cut_headline), *further]

    def _choose_leads(self, stories: Iterable[Story]) -> list[Post]:
        """Return the post that reports the news of each story best, in any language."""
        rated = (list(self._rate_leads(story)) for story in stories)
        return [max(leads, key=itemgetter(0))[1] for leads in rated if leads]

    def _rate_leads(self, story: Story) -> Iterator[tuple[float, Post]]:
        for place, reading in enumerate(story.readings[:MAX_LEADS]):
            quotes = filter(reports_news, self.draft.quotes.get(reading.key, ()))
            value = max((rate_quote(quote, place) for quote in quotes), default=0.0)
            if value >= MIN_LEAD and not _sells(reading) and not is_cut_headline(reading.post):
                size = _measure_width(shorten(reading.post.text, POST_CHARS))
                value += FULLER * min(1.0, size / FULL_CHARS) - LATER * place
                offer = reading.scores.get("advertisement", 0.0) - NO_OFFER
                yield value - OFFER * max(0.0, offer), reading.post

    def opinions(self) -> list[Post]:
        """Return posts that may hold a view, one per author, likeliest first; advertisements are
        ranked lower."""
        readings = (r for story in self.draft.stories() for r in story.readings)
        rated = [
            (self.measure_view(r.post) - r.scores.get("advertisement", 0.0), r.post)
            for r in readings
            if len(r.post.text) >= VIEW_CHARS
        ]
        likely = sorted(rated, key=lambda entry: -entry[0])
        return unique_authors(post for value, post in likely if value > MIN_OPINION)

    def measure_view(self, post: Post) -> float:
        """Return the margin of `view` of the best sentence of a person's post; minus infinity for
        other authors."""
        quotes = self.draft.quotes.get(post.key, ())
        margins = (quote.opinion for quote in quotes if is_person(quote.sentence.reading))
        return max(margins, default=-math.inf)

    def deals(self) -> set[str]:
        """Return the keys of posts about rounds, revenue or spending in the topic's field, each
        with a sum."""
        deals = (quote for _, quote, _ in list_deals(self.draft))
        return {quote.post.key for quote in deals if has_figure(quote.text, moves=False)}

    def assets(self) -> list[Post]:
        """Return posts about stocks and coins as investments; a post may occur twice."""
        talk = [entry for talk in collect_talk(self.draft).values() for entry in talk]
        return [q.post for _, q, _ in sorted(talk, key=lambda e: (-e[0], e[1].post.key))]


def _sells(reading: Reading) -> bool:
    return reading.scores.get("advertisement", 0.0) > SELLING


def list_official(event: Event) -> list[Post]:
    """Return the posts of accounts named after a name in the event's other posts."""
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
    """Return True if the model would see nothing or a headline without its end."""
    text = shorten(post.text, POST_CHARS)
    return not text or (text.endswith(CUT) and len(text) <= HEADLINE_CHARS)


def is_stub(post: Post) -> bool:
    """Return True for a cut headline that is too short to say what happened. Of 104 posts that an
    editor called must-haves on 40 days, 2 are stubs."""
    words = shorten(post.text, POST_CHARS).removesuffix(CUT)
    wide = (_measure_width(words) - len(words)) // 2
    spaced = sum(any(map(str.isalnum, word)) for word in words.split(" ")[:-1])
    return is_cut_headline(post) and spaced + wide < HEADLINE_WORDS


def shorten(text: str, most: int, news: str = "") -> str:
    """Return a post's text for a model: one line without links, markup and prompt injection, of
    about `most` characters; wide ones count twice.

    If the sentence `news` would be cut off, the text continues with it after a gap.
    """
    words = _flatten(text)
    if not words or has_injection(words):
        return ""
    wide = _measure_width(words[:most]) - len(words[:most])
    most = most if wide < most / 4 else most * 5 // 8
    start = words.find(_flatten(news)[:LONG_WORD]) if news else -1
    if len(words) <= most or start < most // 2:
        return _cut(words, most)
    begin = most // (4 if most > FULL_CHARS else 2)  # a shorter beginning would be meaningless
    return f"{_cut(words, begin)} {_cut(words[start:], most - begin)}"


def _measure_width(text: str) -> int:
    """Return the number of characters; wide ones count twice."""
    return len(text) + sum(char >= "\u2e80" for char in text)


@lru_cache(maxsize=4096)
def _flatten(text: str) -> str:
    """Return the text on one line without what a model must not see, and with CUT if its source cut
    it. Cached because every step asks for it."""
    cleaned = clean(text)
    safe = remove_injections(cleaned)
    # ".@acme ships it" is not a reply: @acme is the subject.
    words = URL.sub(" ", safe if safe.startswith(".@") else strip_addressees(safe))
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
    space = words.rfind(" ", most - LONG_WORD, most)  # Chinese words have no spaces between them
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
    """Return True if a feed gave only the headline of an article or thread."""
    return post.source in HEADLINE_SOURCES and "\n" not in post.text.strip()


def _audience(story: Story, teller: Post) -> str:
    """Return author and reach of a story, "Ada Lin, 2 others, hn on acme.example, 310 likes", but
    not X."""
    sources = dict.fromkeys(map(_source, [teller, *story.posts[:9]]))
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


def _source(post: Post) -> str:
    """Return the source of a post; a Hacker News headline alone often does not say whose it is, so
    the site it leads to is added. Sites may have hostile names."""
    link = post.links[0] if post.source == "hn" and post.links else ""
    site = (urlsplit(link).hostname or "").removeprefix("www.")
    words = site.replace("-", " ").replace(".", " ")
    return f"{post.source} on {site}" if site and not has_injection(words) else post.source


def _name(post: Post) -> str:
    """Return the name of a post's author, or "somebody"; names may be hostile."""
    bare = EMOJI.sub(" ", clean(post.author_name or post.author))
    name = drop_marks(bare.replace("@", " "))[:NAME_CHARS]
    return "somebody" if not name or has_injection(name) else name


def introduce(post: Post) -> str:
    """Return the author of a post, and "headline only" if that is all of it."""
    return _author(post) + (", headline only" if is_headline(post) else "")


def _author(post: Post) -> str:
    """Return the author and the source of a post; a link to an article has no author."""
    if post.source == "hn":
        return "Hacker News"
    name = _name(post)
    plain = len(post.author) <= HANDLE_CHARS and post.author.replace("_", "a").isalnum()
    handle = post.author if plain else ""
    where = post.source if post.source != "x" else handle and f"@{handle}"
    return f"{name} ({where})" if where and where != f"@{name}" else name
