"""The detail: views, events, money of the industry, and the topic's special analysis."""

from __future__ import annotations

import re
from collections.abc import Iterator

from digest.models import Item, Post
from digest.reading import Story
from digest.write.extractive import notes
from digest.write.extractive.brief import join
from digest.write.extractive.draft import NO_NAMES, Draft, cites, lead_in, leads, speaker
from digest.write.extractive.groups import EVENTS, OTHER, THEMES, Group, group_of
from digest.write.extractive.substance import HYPE, proper_names, telling, usable
from digest.write.sentences import Sentence, sentences

MAX_VIEWS = 8
MAX_EVENTS = 12
MAX_SPECIAL = 10
A_GROUP = 4
WORTH = 0.5

_VIEW = re.compile(
    r"\b(?:i (?:think|believe|expect|suspect|predict|doubt|argue)|in my (?:view|opinion|experience)|my (?:view|take|guess|bet|prediction)|"
    r"we (?:believe|think|should|need to|must)|should(?:n't)?|the (?:real|biggest|main|key|only|hard) "
    r"(?:problem|question|risk|reason|lesson|issue|challenge|part)|underrated|overrated|argues?|warns?|predicts?|believes?|"
    r"more important|arguably|inevitabl[ey])\b|"
    r"我(?:认为|觉得|相信|预测|猜|看好|的看法|的判断|的观点|的理解|更倾向)|个人(?:认为|觉得|观点|看法)|(?:认为|指出|强调|预测|警告|呼吁|坦言|直言|相信)|"
    r"应该(?!是)|关键(?:在于|是)|本质(?:上|是)|意味着|真正(?:的|重要)|核心在于|大概率|更重要"
)
"""For small letters: every post is asked, and to look for both cases takes twice as long."""
_FIRST_HAND = re.compile(
    r"\bi (?:think|believe|expect|suspect|predict|doubt)|in my (?:view|opinion)|my (?:view|take)|我(?:认为|觉得|相信|预测|看好)|个人(?:认为|觉得)|[“\"「].{12,}[”\"」]",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"\b(?:ai|agents?|models?|llms?|gpus?|agi)\b|模型|智能体|人工智能|算力|大厂|程序员|开发者",
    re.IGNORECASE,
)


def views(draft: Draft) -> list[Item]:
    """Who says what: one view an author, in sentences of that author."""
    found = sorted(opinions(draft), key=lambda entry: -entry[0])
    items: list[Item] = []
    authors: set[str] = set()
    for _, sentence, story in found:
        post = sentence.post
        if len(items) == MAX_VIEWS:
            break
        if post.author in authors or not draft.free(sentence):
            continue
        authors.add(post.author)
        rest = _goes_on(draft, sentence)
        draft.take(sentence, *rest)
        text = join([sentence.text, *(s.text for s in rest)])
        items.append(Item(text, title=speaker(post), cites=cites(story, [post])[:1]))
    return items or [notes.nothing(draft.material, "views")]


def opinions(draft: Draft) -> Iterator[tuple[float, Sentence, Story]]:
    """Every sentence that is a view of its author, with its weight and story, in no order."""
    for story in draft.stories():
        for post in story.posts:
            if not may_hold_view(post):
                continue
            for sentence in sentences(post):
                if _is_view(sentence):
                    yield _weight(draft, story, sentence), sentence, story


def may_hold_view(post: Post) -> bool:
    """Whether a person wrote the post and it sounds like a view somewhere, readable alone or not."""
    spoken = post.source not in NO_NAMES and post.author and not post.text.startswith("@")
    return bool(spoken and _VIEW.search(post.text.lower()))


def _is_view(sentence: Sentence) -> bool:
    """A view that a reader understands: it says so, it names what it is about, and it is no joke."""
    text = sentence.text
    if (
        not (sentence.stopped or sentence.size > 25)
        or not _VIEW.search(text.lower())
        or HYPE.search(text)
    ):
        return False
    if not usable(sentence, personal=True):
        return False
    return sentence.size >= 16 and bool(proper_names(text) or _SUBJECT.search(text))


def _weight(draft: Draft, story: Story, sentence: Sentence) -> float:
    score = story.score + 0.3 * telling(sentence)
    score += 0.5 * bool(_FIRST_HAND.search(sentence.text))
    score += 0.1 * min(3, len(_VIEW.findall(sentence.text.lower())))
    score += 0.4 * story.parts.get("author", 0.0)
    return score - 0.35 * draft.foreign(sentence.language)


def _goes_on(draft: Draft, first: Sentence) -> list[Sentence]:
    following = sentences(first.post)[first.place + 1 : first.place + 2]
    return [s for s in following if draft.free(s) and usable(s, after=True, personal=True)]


def events(draft: Draft) -> list[Item]:
    """What happened, in groups: a sentence a story, the best stories first in each group."""
    items = _told(draft, EVENTS, MAX_EVENTS, A_GROUP + 1)
    return items or [notes.nothing(draft.material, "events")]


def special(draft: Draft) -> list[Item]:
    """The topic's own analysis, by theme, from what the other sections have not used."""
    items = _told(draft, THEMES, MAX_SPECIAL, A_GROUP, least=WORTH)
    return items or [notes.nothing(draft.material, "ai")]


def _told(
    draft: Draft, groups: tuple[Group, ...], most: int, in_group: int, least: float = WORTH
) -> list[Item]:
    by_group: dict[str, list[Item]] = {names[draft.language]: [] for names, _ in groups}
    by_group[OTHER[draft.language]] = []
    for story in draft.stories():
        if sum(map(len, by_group.values())) == most:
            break
        if story.event in draft.told:
            continue
        lead = next((s for s in leads(draft, story) if telling(s) >= least), None)
        if lead is None or not proper_names(lead.text):
            continue
        group = group_of(f"{lead.text} {lead.post.text}", groups, draft.language)
        if len(by_group[group]) < in_group:
            draft.take(lead)
            draft.told.add(story.event)
            text = lead_in([lead]) + lead.text
            by_group[group].append(Item(text, group=group, cites=cites(story, [lead.post])))
    return [item for members in by_group.values() for item in members]
