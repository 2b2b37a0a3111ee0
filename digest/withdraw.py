"""Posts that their authors took back: they vanish from the store, the pages and the search."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain

from digest.cloud import draw
from digest.errors import DigestError
from digest.models import Item, Language, Post, Report, Section, SectionName
from digest.reading import read
from digest.reading.words import remove_words
from digest.select.continuity import restore_post
from digest.store import Store
from digest.store.post_tables import is_withdrawn
from digest.write.extractive.notes import emptied, list_words, quiet
from digest.write.verify import verify

RUN = 6
"""Letters, signs and digits in a row that are compared."""
OWN_WORDS = 0.5
"""Share of a sentence's runs in a post from which it is told in that post's words."""
_STOPS = ("；", "; ", "。", ". ", "! ", "？", "? ")
"""Ends of sentences and, however short, of the parts of an overview."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a withdrawal deleted."""

    posts: int
    reports: int
    items: int
    authors: tuple[str, ...] = ()
    """The marks of the author, one per source, whose later posts stay out too; empty for a post."""


async def withdraw(store: Store, name: str, now: datetime) -> Withdrawal:
    """Delete a post by its key or address, or all posts of an author, for good.

    Items that rest on them alone, or are told in their words, go, and their report counts them; so
    do their words in the cloud, and its picture is drawn again.
    Raises DigestError where no such post is known.
    """
    saved = False
    while not saved:  # another report may be stored meanwhile
        state = await store.read_state()
        keys, authors = await store.find_posts(name)
        if not keys:
            raise DigestError(
                f"no post and no author {name!r}: write a key (x:123), an address, or @name"
            )
        rewritten: list[Report] = []
        urls: set[str] = set()
        items = 0
        for topic, first, last in await store.reports_on(keys):
            report = await _load_whole(store, topic, first, last)
            urls.update(report.posts[key].url for key in keys & report.posts.keys())
            streams = await store.posts(topic, first, last)
            stripped = strip_posts(report, keys, {post.key: post for _, post in streams})
            items += stripped.counts.withdrawn - report.counts.withdrawn
            if stripped != report:
                rewritten.append(stripped)
        saved = await store.save_withdrawal(authors | keys, keys, rewritten, now, state, urls)
    return Withdrawal(len(keys), len(rewritten), items, tuple(sorted(authors)))


async def save_allowed(
    store: Store,
    report: Report,
    streams: Iterable[tuple[str, Post]] = (),
    *,
    replace: bool = False,
) -> Report:
    """Save a report that was made of the posts of these streams, and return it, without those that
    were withdrawn while it was made, or while it was saved. Raises StoreError as `save_report`
    does."""
    checked_marks: frozenset[str] | None = None
    made_of = {key: restore_post(report, key) for key in report.posts}
    made_of |= {post.key: post for _, post in streams}
    while checked_marks != (marks := await store.list_withdrawn()):
        checked_marks = marks
        keys = {key for key, post in made_of.items() if is_withdrawn(post, marks)}
        report = strip_posts(report, keys, made_of) if keys else report
        made_of = {key: post for key, post in made_of.items() if key not in keys}
        await store.save_report(report, replace=replace)
    return report


async def _load_whole(store: Store, topic: str, first: date, last: date) -> Report:
    """Return a report with its picture and what it left out; the file it came from would still
    hold the post and goes."""
    days = (first, last)
    report = await store.report(topic, *days)
    if report is None:
        raise DigestError("a report was deleted meanwhile: run this again")
    dropped = await store.dropped(topic, *days)
    cloud = await store.cloud(topic, *days)
    return replace(report, cloud=cloud, dropped=tuple(drop for drop, _ in dropped))


def strip_posts(report: Report, keys: set[str], stored: Mapping[str, Post] | None = None) -> Report:
    """Return a report without these posts, without the items that only they prove, without those
    told in their words, and without their words in the cloud. An item that goes in one language
    goes in all. `stored`: what the store has of the posts of its days."""
    versions = (report.sections, *report.renderings.values())
    gone = {
        identity
        for section in chain(*versions)
        for identity, item in _identify(section)
        if not set(item.cites).isdisjoint(keys) and not _stands(_drop(item, keys), item, report)
    }
    items = [identity for section in report.sections for identity, _ in _identify(section)]
    posts = {**(stored or {}), **{key: restore_post(report, key) for key in report.posts}}
    uncounted = {drop.key for drop in report.dropped if drop.of != drop.key}
    taken = [post for key, post in posts.items() if key in keys - uncounted]
    is_empty = posts.keys() <= keys
    words = {} if is_empty else remove_words(report.wordcounts, read(taken))
    same_words = words == report.wordcounts and not is_empty  # an imported report counts none
    notes = _Notes(is_empty, None if same_words else tuple(words))
    quality = replace(report.quality, refusals=()) if report.quality else None
    return replace(
        report,
        sections=_without(report.sections, report.language, gone, keys, notes),
        renderings={
            language: _without(rendering, language, gone, keys, notes)
            for language, rendering in report.renderings.items()
        },
        wordcounts=words,
        cloud=report.cloud if same_words else draw(words),
        quality=quality,  # its refusals quote posts
        posts={key: post for key, post in report.posts.items() if key not in keys},
        counts=replace(
            report.counts, withdrawn=report.counts.withdrawn + sum(i in gone for i in items)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Notes:
    """What a report's own lines are to say anew."""

    is_empty: bool
    """True where no post of its days is left."""
    words: tuple[str, ...] | None
    """Of the cloud; None where they stay as they are."""


Identity = tuple[SectionName, frozenset[str], int]
"""Of an item in all languages: section, cited posts, and how many before it cite the same."""


def _identify(section: Section) -> Iterator[tuple[Identity, Item]]:
    seen: Counter[frozenset[str]] = Counter()
    for item in section.items:
        cites = frozenset(item.cites)
        yield (section.name, cites, seen[cites]), item
        seen[cites] += 1


def _without(
    sections: Iterable[Section],
    language: Language,
    gone: Collection[Identity],
    keys: Collection[str],
    notes: _Notes,
) -> tuple[Section, ...]:
    stripped = []
    for section in sections:
        items = [_drop(item, keys) for place, item in _identify(section) if place not in gone]
        if section.name == "points" and items and items[-1].status == "note":
            items[-1] = quiet(language, len(items) - 1)  # it says how many there are
        if section.name == "points" and notes.is_empty and len(items) < 2:
            items = [emptied(language)]
        if section.name == "cloud" and notes.words is not None:
            items = [list_words(notes.words, language)]
        stripped.append(replace(section, items=tuple(items)))
    return tuple(stripped)


def _drop(item: Item, keys: Collection[str]) -> Item:
    return replace(item, cites=tuple(key for key in item.cites if key not in keys))


def _stands(left: Item, before: Item, report: Report) -> bool:
    """Return whether the posts that are left still prove an item, and no sentence of it is told in
    the words of one that was deleted."""
    if not left.cites:
        return False
    texts = {key: report.posts[key].text for key in before.cites if key in report.posts}
    if any(_is_taken(sentence, texts, left.cites) for sentence in _list_sentences(left)):
        return False
    if report.writer != "llm":
        return True
    posts = [restore_post(report, key) for key in left.cites if key in report.posts]
    return verify(left, posts).ok


def _list_sentences(item: Item) -> list[str]:
    """Return title and sentences of an item; an overview's stand between semicolons."""
    text = f"{item.title}\n{item.text}"
    for stop in _STOPS:
        text = text.replace(stop, "\n")
    return [line for line in text.splitlines() if line.strip()]


def _is_taken(sentence: str, texts: Mapping[str, str], left: Collection[str]) -> bool:
    """Return whether a sentence is told in the words of a text whose key is not `left`."""
    runs = _list_runs(sentence)
    shares = {key: len(runs & _list_runs(text)) / max(1, len(runs)) for key, text in texts.items()}
    deleted = max((share for key, share in shares.items() if key not in left), default=0.0)
    return deleted > OWN_WORDS and deleted > max(shares.get(key, 0.0) for key in left)


def _list_runs(text: str) -> set[str]:
    signs = "".join(sign for sign in text.lower() if sign.isalnum())
    return {signs[at : at + RUN] for at in range(max(1, len(signs) - RUN + 1))}
