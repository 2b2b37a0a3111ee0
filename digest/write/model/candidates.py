"""A model's answers as items that have yet to prove themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from digest.models import MAX_POINTS, Item, Language, Post, SectionName
from digest.text import EMOJI, clean, language
from digest.write.extractive.detail import MAX_VIEWS
from digest.write.extractive.draft import speaker
from digest.write.extractive.groups import CRYPTO, EVENTS, OTHER, STOCKS, THEMES, Group, group_of
from digest.write.extractive.money import MAX_FINANCE
from digest.write.model.schemas import Answer, Brief, Events, Grouped, Money, Repaired, Views

MOST: Mapping[SectionName, int] = {
    "overview": 3,
    "points": MAX_POINTS,
    "views": MAX_VIEWS,
    "events": 10,
    "ai": 6,
    "markets": 8,
    "finance": MAX_FINANCE,
}
"""Items a model may write for each section."""
TITLE = {"zh": 60, "en": 120}
TEXT = {"zh": 260, "en": 640}
MAX_CITES = 5

_MARKUP = re.compile(r"\*\*|__|`+|^\s*(?:[-*•#>]+|\d{1,2}[.)、])\s+", re.MULTILINE)
_SENTENCE = re.compile(r".*?(?:[。！？!?；;]|(?<!\d)\.(?=\s|$)|$)[”」’\"')）]*\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item as a model wrote it, the posts it cites, and what the check found wrong with it."""

    section: SectionName
    item: Item
    posts: tuple[Post, ...]
    problems: tuple[str, ...] = ()
    cut: bool = False
    """Whether sentences that failed were taken out of it."""

    @property
    def said(self) -> str:
        return f"{self.item.title}\n{self.item.text}"


def candidates(answer: Answer, shown: Mapping[str, Post], spoken: Language) -> Iterator[Candidate]:
    """The items of an answer, at most MOST a section, each with the posts whose ids it gives."""
    match answer:
        case Brief():
            for point in answer.points[: MOST["points"]]:
                yield _made("points", point.text, point.cites, shown, spoken, title=point.title)
            for said in answer.overview[: MOST["overview"]]:
                yield _made("overview", said.text, said.cites, shown, spoken)
        case Views():
            for view in answer.views[: MOST["views"]]:
                post = next((shown[key] for key in view.post if key in shown), None)
                who = _tidy(view.who, TITLE[spoken]) or (speaker(post) if post else "")
                title = _who(who, post)
                yield _made("views", view.text, view.post[:1], shown, spoken, title=title)
        case Events():
            for told in answer.events[: MOST["events"]]:
                group = _group(told, EVENTS, spoken)
                yield _made("events", told.text, told.cites, shown, spoken, group=group)
            for told in answer.special[: MOST["ai"]]:
                group = _group(told, THEMES, spoken)
                yield _made("ai", told.text, told.cites, shown, spoken, group=group)
        case Money():
            for asset in answer.markets[: MOST["markets"]]:
                group = (CRYPTO if "coin" in asset.kind.lower() else STOCKS)[spoken]
                title, text = asset.title, asset.text
                yield _made("markets", text, asset.cites, shown, spoken, title=title, group=group)
            for said in answer.finance[: MOST["finance"]]:
                yield _made("finance", said.text, said.cites, shown, spoken)


def repaired(
    candidate: Candidate, again: Repaired, shown: Mapping[str, Post], spoken: Language
) -> Candidate:
    """The candidate with the words of its second version; it may cite only posts it had."""
    own = {key: post for key, post in shown.items() if post in candidate.posts}
    cites = [key for key in again.cites if key in own] or list(own)
    title = candidate.item.title if candidate.section == "views" else again.title
    group = candidate.item.group
    made = _made(candidate.section, again.text, cites, own, spoken, title=title, group=group)
    return made if candidate.item.title else replace(made, item=replace(made.item, title=""))


def pieces(one: Candidate) -> list[Candidate]:
    """Title and sentences of a candidate, each to be checked alone; a speaker stays with each."""
    title = one.item.title if one.section == "views" else ""
    texts = [s.strip() for s in _SENTENCE.findall(one.item.text) if s.strip()]
    texts = texts if title else [one.item.title, *texts]
    return [replace(one, item=replace(one.item, title=title, text=text)) for text in texts]


def without(one: Candidate, failed: Sequence[bool]) -> Candidate:
    """The candidate without those of its `pieces` that failed."""
    kept = [p.item.text for p, wrong in zip(pieces(one), failed, strict=True) if not wrong]
    title = one.item.title
    if one.section != "views":
        title = kept.pop(0) if not failed[0] else ""
    space = "" if language("".join(kept)) == "zh" else " "
    return replace(one, item=replace(one.item, title=title, text=space.join(kept)), cut=True)


def _made(
    section: SectionName,
    text: str,
    ids: Sequence[str],
    shown: Mapping[str, Post],
    spoken: Language,
    *,
    title: str = "",
    group: str = "",
) -> Candidate:
    posts = tuple({shown[key].key: shown[key] for key in ids if key in shown}.values())[:MAX_CITES]
    item = Item(
        _tidy(text, TEXT[spoken]),
        title=_tidy(title, TITLE[spoken]).rstrip("。.") if section != "views" else title,
        group=group,
        cites=tuple(post.key for post in posts),
        status="new",
    )
    return Candidate(section, item, posts)


def _tidy(text: str, most: int) -> str:
    """One clean line without the marks of Markdown, cut after the last whole sentence that fits."""
    line = " ".join(EMOJI.sub(" ", _MARKUP.sub("", clean(text))).split())
    if len(line) <= most:
        return line
    kept = ""
    for sentence in _SENTENCE.findall(line):
        if len(kept) + len(sentence) > most:
            break
        kept += sentence
    return kept.strip()


def _who(name: str, post: Post | None) -> str:
    """A view's speaker; the author of the post is always named in the same way."""
    if post is None:
        return name
    bare = re.sub(r"\s*[(（].*", "", name).lstrip("@").casefold()
    if bare in (post.author.casefold(), clean(post.author_name).casefold()):
        return speaker(post)
    return name


def _group(told: Grouped, groups: tuple[Group, ...], spoken: Language) -> str:
    """The group the model chose, or where there is no such group, the one the words point to."""
    names = [group[spoken] for group, _ in groups] + [OTHER[spoken]]
    return told.group if told.group in names else group_of(told.text, groups, spoken)


def with_handle(item: Item, posts: Sequence[Post]) -> Item:
    """The item with the handle behind the name of the first cited author it names in its text."""
    for post in posts:
        name = clean(post.author_name)
        known = post.source == "x" and post.author and name.casefold() != post.author.casefold()
        if not known or len(name) < 3 or f"@{post.author}" in item.text:
            continue
        start = item.text.find(name)
        if start >= 0 and _whole(item.text, start, start + len(name)):
            end = start + len(name)
            han = language(item.text) == "zh"
            handle = f"（@{post.author}）" if han else f" (@{post.author})"
            rest = item.text[end:].lstrip(" ") if han else item.text[end:]
            return replace(item, text=item.text[:end] + handle + rest)
    return item


def _whole(text: str, start: int, end: int) -> bool:
    """Whether the name at this place is no part of a longer one."""
    before, after = text[max(0, start - 1) : start], text[end:]
    # "Claude" is no author in "Claude Code", nor in "Claude's".
    return not re.match(r"[A-Za-z0-9@]", before) and not re.match(r" ?[A-Z0-9]|[a-z’'-]", after)
