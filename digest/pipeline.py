"""Build one report: collect, select, write, draw, store; then let a model rewrite it.

Reading comes first, then computing. Database transactions are short, so that nobody waits for a
lock while a report is built. The report without a model is stored before a model is asked.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from typing import get_args

from digest.calendar import DAY, closes, day_start, local_day
from digest.cloud import draw
from digest.collect import SHOWN, collect, list_answers, list_weights
from digest.errors import DigestError, PromptError, SourceError
from digest.llm.client import Model
from digest.models import (
    Cited,
    Cost,
    Counts,
    Dropped,
    Language,
    Post,
    Report,
    Section,
    SourceResult,
    SourceSpec,
    SourceState,
    Topic,
    Window,
    cited_keys,
)
from digest.ranges import load_span
from digest.reading.words import count_words
from digest.select.continuity import COMPARED, list_earlier_items
from digest.select.embed import release
from digest.select.selection import STEPS, select
from digest.sources import Access, open_source
from digest.store import Store
from digest.store.post_tables import is_withdrawn
from digest.store.source_tables import SourceBook
from digest.text import clean
from digest.withdraw import save_allowed
from digest.write import Material
from digest.write.extractive.alignment import align_sections
from digest.write.extractive.quotes import collect_quotes
from digest.write.extractive.writer import write

log = logging.getLogger(__name__)

MAX_NAMED = 5
"""Maximum number of days named in an error."""

Progress = Callable[[str, int, int], None]
"""Called as each step begins: name, number of finished steps, total number of steps."""

_PROGRESS = ("collect", *STEPS, "write", "cloud", "store")
_WITH_MODEL = (*_PROGRESS, "model")
CITED_CHARS = 4000
"""Characters stored of a cited post: more than a reader wants to see in a chat."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Posts of a window by stream, results of the sources, and posts outside the window."""

    streams: tuple[tuple[str, Post], ...]
    sources: tuple[SourceResult, ...]
    outside: tuple[Dropped, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    """Weights of the streams whose weight is not 1."""


async def run(
    topic: Topic,
    window: Window,
    *,
    store: Store,
    posts_files: Sequence[Path],
    progress: Progress,
    now: datetime,
    model: Model | None = None,
    access: Access | None = None,
    replace_imported: bool = False,
) -> Report:
    """Build and store the report of the window; an earlier report stays until then. Raises
    StoreError if the stored report was imported meanwhile and must not be replaced.

    `posts_files`: use exactly the posts of these files. Without them, use the stored posts, after a
    collection round if the window is not over or its posts may be incomplete. Raises DigestError if
    no source answered and there are no posts, or if the window has not begun.

    `model`: after the extractive report, publish the model's version if it passes the gate. A
    stored report by a model stays until then, as long as the posts it cites are unchanged.
    """
    if window.first > local_day(now, window.timezone):
        raise DigestError(f"{window.first} has not begun in {window.timezone}")
    steps = _WITH_MODEL if model else _PROGRESS

    def step(name: str) -> None:
        progress(name, steps.index(name), len(steps))

    earlier = await store.load_report(topic.name, window.first, window.last)
    step("collect")
    gathered = await _gather(topic, window, store, posts_files, now, access or Access())
    if not (model or posts_files) and (week := await _roll_up(topic, window, gathered, store, now)):
        progress("done", len(steps), len(steps))
        return week
    before = (window.first - COMPARED, window.first - DAY)
    reports = await store.load_daily(topic.name, *before)
    material = prepare_material(topic, window, gathered, step, reports)
    report = draft_report(material, step, now)
    step("store")
    stored = await store.load_report(topic.name, window.first, window.last)
    standing = stored if stored and _is_current(stored, material, now) else None
    if standing and not model and standing != earlier:
        report = standing  # another process stored a model's report in the meantime
    elif not (standing and model):
        if stored and stored.counts.collected > report.counts.collected:
            counts = (stored.counts.collected, report.counts.collected)
            log.warning("%s: a report of %d posts is replaced by one of %d", window.first, *counts)
        report = await save_allowed(store, report, gathered.streams, replace=replace_imported)
    if model:
        step("model")
        report = await _edit(report, material, store, model)
        if standing and report.writer != "llm":
            log.warning("the model wrote no report: its earlier one of %s is kept", window.last)
            report = standing
        else:
            report = await save_allowed(store, report, gathered.streams, replace=replace_imported)
    progress("done", len(steps), len(steps))
    return report


def _list_earlier_points(reports: Sequence[Report]) -> tuple[str, ...]:
    """Return the headlines of the reports' points, the latest day first."""
    ordered = sorted(reports, key=lambda report: report.last, reverse=True)
    points = [item for report in ordered for item in report.section("points").items]
    return tuple(item.title or item.text for item in points if item.status != "note")


async def _roll_up(
    topic: Topic, window: Window, gathered: Gathered, store: Store, now: datetime
) -> Report | None:
    """Return a report over several days made from their daily reports, if every day with posts has
    one that was made after the day closed. It is not stored. Writing a week directly from the posts
    would lose its days and follow-ups."""
    if window.first == window.last:
        return None
    days = {local_day(post.created_at, window.timezone) for _, post in gathered.streams}
    reports = await store.load_daily(topic.name, window.first, window.last)
    closed_days = {
        r.last for r in reports if not r.created_at or r.created_at >= closes(topic, r.last)
    }
    if not days <= closed_days:
        return None
    rolled = await load_span(store, topic, (window.first, window.last), now)
    return rolled and replace(rolled, cloud=draw(rolled.wordcounts))


async def _edit(report: Report, material: Material, store: Store, model: Model) -> Report:
    """Return the model's version of the report, or the report marked as reduced; add the cost."""
    # Imported here so that a digest without a model does not load the model code.
    from digest.write.model.editor import Editor, unedited
    from digest.write.model.prompts import load_prompts

    cost, renderings = Cost(), report.renderings
    others = material.list_all()[len(material.stories) :]
    quotes = {**collect_quotes(others, material.topic.language), **material.quotes}
    material = replace(material, quotes=quotes)
    try:
        prompts = load_prompts(model.prompts)
        async with model.open(store, material.topic.name) as llm:
            edited = await Editor(material, report.sections, llm.ask, prompts).write()
            cost = llm.budget.cost
    except PromptError as error:
        log.error("%s", error)
        edited = unedited(material, report.sections)
    passed = edited.quality is not None and not edited.quality.reduced
    if passed:
        renderings, more = await _translate(edited.sections, report, material, store, model)
        cost += more
    refusals = edited.quality.refusals if edited.quality else ()
    refused = sum(not refusal.final for refusal in refusals)
    counted = material.count_reported(cited_keys(edited.sections))
    return replace(
        report,
        writer="llm" if passed else "extractive",
        sections=mark_updates(edited.sections, material),
        counts=replace(counted.counts, unproved=edited.unproved, refused=refused),
        dropped=counted.dropped,
        cost=cost,
        quality=edited.quality,
        posts=collect_cited([*edited.sections, *chain(*renderings.values())], material),
        renderings=renderings,
    )


async def _translate(
    sections: tuple[Section, ...], report: Report, material: Material, store: Store, model: Model
) -> tuple[Mapping[Language, tuple[Section, ...]], Cost]:
    """Return the finished sections in the topic's other languages, and the cost. A language whose
    translation fails keeps its extractive rendering."""
    from digest.write.model.prompts import load_prompts
    from digest.write.model.translate import translate

    renderings, cost = {}, Cost()
    for language in material.topic.languages:
        rendering = report.renderings[language]
        try:
            # Each language has a budget of its own, so the first cannot use up the second's time.
            spoken, prompts = _in_language(material, language), load_prompts(model.prompts)
            async with model.open(store, material.topic.name) as llm:
                translation = await translate(sections, spoken, rendering, llm.ask, prompts)
                rendering = mark_updates(translation, material)
                cost += llm.budget.cost
        except PromptError as error:
            log.error("%s", error)
        renderings[language] = rendering
    return renderings, cost


def _is_current(stored: Report, material: Material, now: datetime) -> bool:
    """Return True if the stored report is a model's, was made after the day closed, and every post
    it cites is still selected with unchanged text."""
    if stored.writer != "llm":
        return False
    closed = closes(material.topic, material.window.last)
    if stored.created_at and stored.created_at < closed <= now:
        return False
    texts = {p.key: clean(p.text)[:CITED_CHARS] for s in material.list_all() for p in s.posts}
    return all(texts.get(key) == cited.text for key, cited in stored.posts.items())


def _in_language(material: Material, language: Language) -> Material:
    return replace(material, topic=replace(material.topic, language=language))


def prepare_material(
    topic: Topic,
    window: Window,
    gathered: Gathered,
    step: Callable[[str], None],
    earlier: Sequence[Report] = (),
) -> Material:
    """Return the input of the writers: the stories of these posts and their counts, without stories
    that `earlier` reports covered and that have no news."""
    posts = [post for _, post in gathered.streams]
    weights = {
        p.key: w for name, p in gathered.streams if (w := gathered.weights.get(name, 1.0)) != 1
    }
    selection = select(topic, posts, step, weights, list_earlier_items(earlier))
    quotes = collect_quotes(selection.stories, topic.language)
    steps = Counter(drop.step for drop in selection.dropped)
    step("write")
    topical = [reading for s in selection.stories if not s.market for reading in s.readings]
    return Material(
        topic=topic,
        window=window,
        stories=selection.stories,
        counts=Counts(
            collected=len(posts) + len(gathered.outside),
            outside=len(gathered.outside),
            ads=steps["ads"],
            offtopic=steps["offtopic"],
            duplicates=steps["duplicates"],
            stories=len(selection.stories),
        ),
        sources=gathered.sources,
        dropped=(*gathered.outside, *selection.dropped),
        wordcounts=tuple(count_words(topical, terms=topic.watch).items()),
        quotes=quotes,
        prospects=selection.prospects,
        earlier_points=_list_earlier_points(earlier),
        knows_news=selection.knows_news,
    )


def draft_report(material: Material, step: Callable[[str], None], now: datetime) -> Report:
    """Return the extractive report with its word cloud."""
    sections = write(material)
    # The other languages get sentences of posts in that language, where there are any, and notes.
    renderings = {}
    for language in get_args(Language):
        if language != material.topic.language:
            spoken = _in_language(material, language)
            rendering = align_sections(sections, spoken, write(spoken))
            renderings[language] = mark_updates(rendering, material)
    release()  # free the encoder's memory: the writer used it last
    words = dict(material.wordcounts)
    step("cloud")
    return Report(
        topic=material.topic.name,
        first=material.window.first,
        last=material.window.last,
        language=material.topic.language,
        writer="extractive",
        sections=mark_updates(sections, material),
        counts=material.counts,
        sources=material.sources,
        posts=collect_cited([*sections, *chain(*renderings.values())], material),
        renderings=renderings,
        wordcounts=words,
        cloud=draw(words),
        dropped=material.dropped,
        created_at=now,
    )


async def _gather(
    topic: Topic, window: Window, store: Store, files: Sequence[Path], now: datetime, access: Access
) -> Gathered:
    await store.save_topic(topic)
    if files:
        return await _gather_files(topic, window, store, files)
    streams = await store.load_posts(topic.name, window.first, window.last)
    results_now: list[SourceResult] = []
    if not streams or not await _is_complete(topic, window, store, now):
        results_now = await collect(topic, store=store, access=access, now=now, window=window)
        streams = await store.load_posts(topic.name, window.first, window.last)
    counted = Counter(stream for stream, _ in streams)
    results = await list_answers(
        topic, window, counted, results_now, store=store, access=access, today=now
    )
    if not streams and not results:
        raise DigestError(
            f"no posts of {window.last} are stored for {topic.name}, and none of its sources shows"
            " that day any more: --posts FILE takes them from a file"
        )
    if not streams and not any(result.ok for result in results):
        raise DigestError(
            f"no source of {topic.name} answered, so there is no report of {window.last}:"
            f" python -m bot collect {topic.name} says why"
        )
    return Gathered(tuple(streams), results, weights=await list_weights(topic, store, access))


async def _is_complete(topic: Topic, window: Window, store: Store, now: datetime) -> bool:
    """Return True if the window's posts are complete: a source answered after the window's end, or
    the window is so old that sources no longer list it."""
    end = day_start(window.last + DAY, window.timezone)
    if now < end:
        return False
    health = await SourceBook(store).load_health(topic.name, now.astimezone(UTC).date())
    answered = [how.answered_at for how in health.values() if how.answered_at]
    return now - end > SHOWN or any(at >= end for at in answered)


async def _gather_files(
    topic: Topic, window: Window, store: Store, files: Sequence[Path]
) -> Gathered:
    """Return the posts of these files. Posts of other days are stored too, for their own
    reports."""
    results: list[SourceResult] = []
    inside: list[tuple[str, Post]] = []
    outside: list[Dropped] = []
    days: set[date] = set()
    marks = await store.list_withdrawn()
    for path in files:
        source = open_source(SourceSpec("jsonl", str(path)))
        try:
            posts, _ = await source.fetch(window, SourceState())
        except SourceError as error:
            log.warning("%s", error)
            results.append(SourceResult(source.name, ok=False, note=str(error)[:200]))
            continue
        if not posts:
            log.warning("%s: no posts in it", source.name)
        posts = [post for post in posts if not is_withdrawn(post, marks)]
        await store.save_posts(topic, source.name, posts)
        results.append(SourceResult(source.name, len(posts)))
        for post in posts:
            day = local_day(post.created_at, window.timezone)
            if window.first <= day <= window.last:
                inside.append((source.name, post))
            else:
                outside.append(Dropped(post.key, "outside", "outside"))
                days.add(day)
    if not any(result.ok for result in results):
        notes = "; ".join(result.note for result in results)
        raise DigestError(f"none of the post files could be read: {notes}")
    if outside and not inside:
        raise DigestError(_say_other_days(topic, window, days))
    if not inside and await store.load_report(topic.name, window.first, window.last):
        raise DigestError(f"there is no post in these files: the report of {window.last} is kept")
    return Gathered(tuple(inside), tuple(results), tuple(outside))


def _say_other_days(topic: Topic, window: Window, days: Collection[date]) -> str:
    """Return the error text for files whose posts are all of other days."""
    named = ", ".join(map(str, sorted(days)[:MAX_NAMED]))
    named += " …" if len(days) > MAX_NAMED else ""
    window_days = " to ".join(map(str, dict.fromkeys([window.first, window.last])))
    return (
        f"no post in these files is of {window_days} ({window.timezone}), but of {named}:"
        f" python -m bot digest {topic.name} --date {max(days)} makes a report of such a day"
    )


def mark_updates(sections: Sequence[Section], material: Material) -> tuple[Section, ...]:
    """Mark each item about a story of an earlier day as an update.

    Overview items cover several stories and are not marked.
    """
    follows = {p.key for s in material.list_all() if s.earlier for p in s.posts}
    return tuple(
        replace(
            section,
            items=tuple(
                replace(item, status="update")
                if section.name != "overview" and set(item.cites[:1]) & follows
                else item
                for item in section.items
            ),
        )
        for section in sections
    )


def collect_cited(sections: Sequence[Section], material: Material) -> dict[str, Cited]:
    """Return the stored part of the posts that these sections cite."""
    tellers = {post.key: (post, story) for story in material.list_all() for post in story.posts}
    return {
        key: Cited(
            author=post.author or post.author_name,
            url=post.url,
            text=clean(post.text)[:CITED_CHARS],
            created_at=post.created_at,
            why={name: round(part, 3) for name, part in story.parts.items()},
            earlier=story.earlier.isoformat() if story.earlier else "",
        )
        for key in cited_keys(sections)
        for post, story in [tellers[key]]
    }
