"""Withdraw posts on their author's request: delete them from the store, the pages and the
search."""

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

NGRAM_CHARS = 6
"""Length in characters of the n-grams that are compared."""
MAX_SHARED = 0.5
"""A sentence with a larger share of its n-grams in a post is worded like that post."""
_STOPS = ("；", "; ", "。", ". ", "! ", "？", "? ")
"""Ends of sentences and of the parts of an overview."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a withdrawal deleted."""

    posts: int
    reports: int
    items: int
    authors: tuple[str, ...] = ()
    """Marks of the author, one per source, which block later posts; empty for a single post."""


async def withdraw(store: Store, name: str, now: datetime) -> Withdrawal:
    """Delete a post by key or address, or all posts of an author, permanently.

    Items that only these posts prove, or that use their wording, are removed and counted in their
    report. Their words are removed from the word cloud, and it is drawn again. Raises DigestError
    if no such post is known.
    """
    saved = False
    while not saved:  # retry if a report was stored in the meantime
        state = await store.read_state()
        keys, authors = await store.find_posts(name)
        if not keys:
            raise DigestError(
                f"no post and no author {name!r}: write a key (x:123), an address, or @name"
            )
        rewritten: list[Report] = []
        urls: set[str] = set()
        items = 0
        for topic, first, last in await store.find_reports(keys):
            report = await _load_complete(store, topic, first, last)
            urls.update(report.posts[key].url for key in keys & report.posts.keys())
            streams = await store.load_posts(topic, first, last)
            stripped = strip_posts(report, keys, {post.key: post for _, post in streams})
            items += stripped.counts.withdrawn - report.counts.withdrawn
            if stripped != report:
                rewritten.append(stripped)
        saved = await store.save_withdrawal(authors | keys, keys, rewritten, now, state, urls)
    return Withdrawal(len(keys), len(rewritten), items, tuple(sorted(authors)))


async def save_allowed(
    store: Store, report: Report, streams: Iterable[tuple[str, Post]] = (), *, replace: bool = False
) -> Report:
    """Save a report made from these streams and return it, without posts that were withdrawn while
    it was made or saved. Raises StoreError as `save_report` does."""
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


async def _load_complete(store: Store, topic: str, first: date, last: date) -> Report:
    """Return a report with its picture and dropped posts, but without its source file, which would
    still contain the withdrawn post."""
    days = (first, last)
    report = await store.load_report(topic, *days)
    if report is None:
        raise DigestError("a report was deleted meanwhile: run this again")
    dropped = await store.list_dropped(topic, *days)
    cloud = await store.load_cloud(topic, *days)
    return replace(report, cloud=cloud, dropped=tuple(drop for drop, _ in dropped))


def strip_posts(report: Report, keys: set[str], stored: Mapping[str, Post] | None = None) -> Report:
    """Return a report without these posts, the items that only they prove, items in their wording,
    and their words in the cloud. An item removed in one language is removed in all. `stored`: the
    stored posts of the report's days."""
    versions = (report.sections, *report.renderings.values())
    gone = {
        identity
        for section in chain(*versions)
        for identity, item in _identify(section)
        if not set(item.cites).isdisjoint(keys) and not _is_proved(_drop(item, keys), item, report)
    }
    items = [identity for section in report.sections for identity, _ in _identify(section)]
    posts = {**(stored or {}), **{key: restore_post(report, key) for key in report.posts}}
    uncounted = {drop.key for drop in report.dropped if drop.of != drop.key}
    taken = [post for key, post in posts.items() if key in keys - uncounted]
    is_empty = posts.keys() <= keys
    words = {} if is_empty else remove_words(report.wordcounts, read(taken))
    same_words = words == report.wordcounts and not is_empty  # an imported report has no counts
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
    """Values for the notes that must be rewritten."""

    is_empty: bool
    """True if its days have no posts left."""
    words: tuple[str, ...] | None
    """Words of the cloud; None to keep the note."""


Identity = tuple[SectionName, frozenset[str], int]
"""Identifies an item in all languages: section, cited posts, and its index among items of the
section with the same citations."""


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
            items[-1] = quiet(language, len(items) - 1)  # the note states the number of points
        if section.name == "points" and notes.is_empty and len(items) < 2:
            items = [emptied(language)]
        if section.name == "cloud" and notes.words is not None:
            items = [list_words(notes.words, language)]
        stripped.append(replace(section, items=tuple(items)))
    return tuple(stripped)


def _drop(item: Item, keys: Collection[str]) -> Item:
    return replace(item, cites=tuple(key for key in item.cites if key not in keys))


def _is_proved(left: Item, before: Item, report: Report) -> bool:
    """Return True if the remaining posts still prove the item and no sentence of it is in the
    wording of a deleted post."""
    if not left.cites:
        return False
    texts = {key: report.posts[key].text for key in before.cites if key in report.posts}
    if any(_is_copied(sentence, texts, left.cites) for sentence in _list_sentences(left)):
        return False
    if report.writer != "llm":
        return True
    posts = [restore_post(report, key) for key in left.cites if key in report.posts]
    return verify(left, posts).ok


def _list_sentences(item: Item) -> list[str]:
    """Return the title and the sentences of an item; overview parts are split at semicolons."""
    text = f"{item.title}\n{item.text}"
    for stop in _STOPS:
        text = text.replace(stop, "\n")
    return [line for line in text.splitlines() if line.strip()]


def _is_copied(sentence: str, texts: Mapping[str, str], left: Collection[str]) -> bool:
    """Return True if the sentence is worded like a text whose key is not in `left`."""
    ngrams = _ngrams(sentence)
    shares = {key: len(ngrams & _ngrams(text)) / max(1, len(ngrams)) for key, text in texts.items()}
    deleted = max((share for key, share in shares.items() if key not in left), default=0.0)
    return deleted > MAX_SHARED and deleted > max(shares.get(key, 0.0) for key in left)


def _ngrams(text: str) -> set[str]:
    signs = "".join(sign for sign in text.lower() if sign.isalnum())
    return {signs[at : at + NGRAM_CHARS] for at in range(max(1, len(signs) - NGRAM_CHARS + 1))}
