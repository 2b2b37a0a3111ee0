"""The brief: the points, one an event, and the overview above them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from digest.models import MAX_POINTS, Item
from digest.reading import Story
from digest.text import language
from digest.write.extractive import notes
from digest.write.extractive.draft import Draft, about, cites, lead_in, leads, others
from digest.write.extractive.substance import proper_names, telling, usable
from digest.write.sentences import Sentence, sentences

TITLE = {"zh": 60, "en": 110}
"""Characters of a title; a longer sentence is text without a title."""
FOLLOWING = 2
"""Sentences behind the first, where they go on in the same post."""
WORTH = 0.42
"""Least telling sentence that makes a point; below it the story is passed over."""
GOES_ON = 0.3
"""The same for a sentence that goes on behind another."""
QUIET = 5
"""Fewer points than this make a quiet day, and the reader is told."""
TIGHT = {"zh": 80, "en": 180}
"""Characters of a sentence of the overview."""
OVERVIEW, VOICES = 3, 2
"""Sentences of the overview, and authors a story needs to have more to say."""

_VERSION = re.compile(r"([A-Za-z]{2,})[\s\u2010-\u2015-]?(\d+\.\d+)")
_STOPPED = re.compile(r"[.。！？!?；;…][”\"'’」』)）]*$")
"""A sentence that ends, also inside a quotation: no second stop behind it."""
_STOPPED_WIDE = re.compile(r"[。！？；][”」』）]*$")
_BREAK = re.compile(r"(?<=[^\d])\s*(?:[：:|｜]|\s[-–—]\s)\s*")


def points(draft: Draft) -> list[Item]:
    """At most MAX_POINTS, no two of one event; fewer on a quiet day, with a line that says so."""
    chosen: list[Item] = []
    said: list[set[str]] = []
    for story in draft.stories():
        if len(chosen) == MAX_POINTS:
            break
        if story.event in draft.told:
            continue
        item = _point(draft, story, said)
        if item is not None:
            chosen.append(item)
            draft.told.add(story.event)
    if len(chosen) < QUIET:
        chosen.append(notes.quiet(draft.material, len(chosen)))
    return chosen


def _point(draft: Draft, story: Story, said: list[set[str]]) -> Item | None:
    lead = next(
        (s for s in leads(draft, story) if telling(s) >= WORTH and proper_names(s.text)), None
    )
    if lead is None:
        return None
    if draft.foreign(lead.language) == 2:
        return None  # told among the events: the brief is in languages its readers know
    named = versions(lead.text) | about(story)
    if any(_same(named, names) for names in said):
        return None
    said.append(named)
    rest = _following(draft, lead)
    draft.take(lead, *rest)
    title, text = _headline(lead)
    who = lead_in([lead, *rest])
    title, text = (who + title, text) if title else ("", who + text)
    parts = [text, *(s.text for s in rest)]
    return Item(
        text=join([part for part in parts if part]),
        title=title,
        cites=cites(story, [lead.post]),
    )


def _same(names: set[str], others: set[str]) -> bool:
    """Whether two stories are of one version of one thing, or of mostly the same things: one event."""
    if any(" " in name for name in names & others):
        return True
    smaller = min(len(names), len(others))
    return len(names & others) >= max(2, 2 / 3 * smaller)


def versions(text: str) -> set[str]:
    """Names with their version numbers, spelled alike: "Wan2.6" and "wan 2.6" are "wan 2.6"."""
    return {f"{name.lower()} {number}" for name, number in _VERSION.findall(text)}


def _following(draft: Draft, lead: Sentence) -> list[Sentence]:
    """The next sentences of the same post, as long as they can be read on."""
    rest: list[Sentence] = []
    room = 200 if language(lead.text) in ("zh", "ja") else 420
    for sentence in sentences(lead.post)[lead.place + 1 :]:
        room -= len(sentence.text)
        if len(rest) == FOLLOWING or room < 0:
            break
        if (
            not draft.free(sentence)
            or not usable(sentence, after=True)
            or telling(sentence) < GOES_ON
        ):
            break
        rest.append(sentence)
    return rest


def _headline(lead: Sentence) -> tuple[str, str]:
    """Title and the rest of the sentence: the sentence itself where it is short, else what stands
    before its colon or dash where that can stand alone."""
    limit = TITLE["zh" if language(lead.text) in ("zh", "ja") else "en"]
    text = lead.text.rstrip("。.；;")
    if len(text) <= limit:
        return text, ""
    before, *after = _BREAK.split(text, maxsplit=1)
    if after and limit // 5 <= len(before) <= limit and proper_names(before) and len(after[0]) > 15:
        return before, after[0] + lead.text[len(text) :]
    return "", lead.text


def join(parts: Sequence[str]) -> str:
    """Sentences one behind the other: with a stop where one lacks it, a space between Latin ones."""
    whole = ""
    for part in parts:
        if whole:
            if not _STOPPED.search(whole):
                latin = ";" if part[:1].islower() else "."
                whole += "。" if language(whole) in ("zh", "ja") else latin
            whole += "" if _STOPPED_WIDE.search(whole) else " "
        whole += part
    return whole


def overview(draft: Draft, told: Sequence[Item]) -> list[Item]:
    """The counts, then what else was said on the leading stories, one sentence each."""
    items = [notes.counts(draft.material), *notes.talked_about(draft.material)]
    if not any(item.cites for item in told):
        return items
    most = len(items) + OVERVIEW
    leading = [
        (min(draft.foreign(language(post.text)) for post in story.posts), story)
        for story in draft.stories()
        if story.event in draft.told and len({post.author for post in story.posts}) >= VOICES
    ]
    # Sorted: those in the report's language first, else in the order of the stories.
    for spoken, story in sorted(leading, key=lambda pair: pair[0]):
        more = _more(draft, story, spoken)
        if more is not None:
            draft.take(more)
            items.append(Item(lead_in([more]) + more.text, cites=cites(story, [more.post])))
        if len(items) == most:
            break
    return items


def _more(draft: Draft, story: Story, spoken: int) -> Sentence | None:
    """What else was said on a story, in the report's language if anybody speaks it there: in another
    it is often what a point has just said."""
    wanted = others(draft, story, lambda s: _tight(s) and draft.foreign(s.language) == spoken)
    return next(wanted, None)


def _tight(sentence: Sentence) -> bool:
    """Asked in the order of what it costs: a big story has thousands of sentences."""
    size = len(sentence.text)
    return (
        sentence.stopped
        and size <= TIGHT["en"]
        and bool(proper_names(sentence.text))
        and sentence.language in ("zh", "en")
        and telling(sentence) >= WORTH
        and (size <= TIGHT["zh"] or language(sentence.text) not in ("zh", "ja"))
    )
