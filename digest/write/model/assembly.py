"""What passed the check, put together: order, headings, what stands in for what failed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from digest.models import MAX_POINTS, SECTIONS, Item, Section, SectionName
from digest.write import Material
from digest.write.extractive import notes
from digest.write.extractive.brief import QUIET
from digest.write.extractive.groups import CRYPTO, EVENTS, OTHER, STOCKS, THEMES
from digest.write.extractive.notes import heading
from digest.write.model.candidates import MOST, Candidate, with_handle
from digest.write.model.gate import WRITTEN, Edited, quality
from digest.write.verify.screening import TELLING, generic, without_repeats

_ORDER: tuple[SectionName, ...] = (
    "points",
    "markets",
    "finance",
    "views",
    "events",
    "ai",
    "overview",
)
"""Of two items that tell the same, the one in the earlier of these sections stays."""
FEW_POINTS = 6
"""With fewer points than this, and more in the extractive report, those fill up."""
_FILLED: tuple[SectionName, ...] = ("views", "events", "ai")
"""Sections that are not left empty where the posts hold something; of money, nothing is an answer."""


def assembled(
    material: Material,
    extractive: Sequence[Section],
    found: Sequence[Candidate],
    unanswered: AbstractSet[SectionName],
) -> Edited:
    """All nine sections and their score. `unanswered` sections had no answer and stay extractive."""
    event = {p.key: s.event for s in material.stories for p in s.posts}
    rank = {p.key: n for n, s in enumerate(material.stories) for p in s.posts}
    good = sorted((one for one in found if not one.problems), key=_telling_order(rank))
    kept, repeated = without_repeats(good, event)
    failed = [one for one in found if one.problems]
    unproved = len(failed) + sum(one.cut for one in found)
    spare = _Spare(extractive, event, kept)
    items: dict[SectionName, list[Item]] = {name: [] for name in WRITTEN}
    for one in kept:
        items[one.section].append(with_handle(one.item, one.posts))
    for name in WRITTEN:
        if name in unanswered:
            items[name] = [*items[name], *spare.rest(name)]
    for one in failed:
        items[one.section] += spare.instead_of(one)
    _fill(items, spare)
    sections = _sections(material, extractive, items, rank)
    measured = quality(
        sections,
        extractive,
        written=len(found),
        unproved=unproved,
        repeated=repeated,
        generic=sum(map(generic, found)),
    )
    return Edited(sections, measured, unproved)


def _telling_order(rank: Mapping[str, int]) -> Callable[[Candidate], tuple[int, int]]:
    """By section, then by the importance that our own ranking gave."""

    def order(one: Candidate) -> tuple[int, int]:
        return _ORDER.index(one.section), _rank(one.item, rank)

    return order


def _rank(item: Item, rank: Mapping[str, int]) -> int:
    return min((rank[key] for key in item.cites if key in rank), default=len(rank))


class _Spare:
    """Items of the extractive report that may still be printed: no event is told twice."""

    def __init__(
        self, extractive: Sequence[Section], event: Mapping[str, int], kept: Sequence[Candidate]
    ) -> None:
        self._items = {s.name: [i for i in s.items if i.status != "note"] for s in extractive}
        self._event = event
        self._told = {
            event[p.key]
            for one in kept
            if one.section in TELLING
            for p in one.posts
            if p.key in event
        }
        self._cited = {key for one in kept if one.section == "views" for key in one.item.cites}

    def rest(self, section: SectionName, most: int = MAX_POINTS) -> list[Item]:
        """What the section has left, the best first."""
        return [item for item in list(self._items[section]) if self._take(section, item)][:most]

    def instead_of(self, one: Candidate) -> list[Item]:
        """The extractive item about what the candidate is about, if there is one left. A sentence
        of the overview is no news by itself: without it the overview is shorter."""
        if one.section == "overview":
            return []
        keys = set(one.item.cites)
        events = {self._event[key] for key in keys if key in self._event}
        for item in self._items.get(one.section, []):
            first = {self._event[key] for key in item.cites[:1] if key in self._event}
            same = keys & set(item.cites) if one.section == "views" else events & first
            if same and self._take(one.section, item):
                return [item]
        return []

    def _take(self, section: SectionName, item: Item) -> bool:
        """Whether the item may be printed; it is not offered again."""
        if item not in self._items[section]:
            return False
        self._items[section].remove(item)
        if section == "views":
            return not self._cited & set(item.cites)
        if section not in TELLING:
            return True
        events = {self._event[key] for key in item.cites[:1] if key in self._event}
        if section != "markets" and events & self._told:
            return False
        self._told |= events
        return True


def _fill(items: dict[SectionName, list[Item]], spare: _Spare) -> None:
    """Extractive points where the model gave few, and extractive items for sections it left empty."""
    missing = FEW_POINTS - len(items["points"])
    if missing > 0:
        items["points"] += spare.rest("points", missing)
    for name in _FILLED:
        if not items[name]:
            items[name] = spare.rest(name)


def _sections(
    material: Material,
    extractive: Sequence[Section],
    items: Mapping[SectionName, list[Item]],
    rank: Mapping[str, int],
) -> tuple[Section, ...]:
    whole: dict[SectionName, tuple[Item, ...]] = {s.name: s.items for s in extractive}
    for name in WRITTEN:
        whole[name] = tuple(_whole(material, name, items[name], rank))
    return tuple(Section(name, heading(name, material.topic), whole[name]) for name in SECTIONS)


def _whole(
    material: Material, name: SectionName, told: Iterable[Item], rank: Mapping[str, int]
) -> list[Item]:
    """The items of one section in their order, with the lines that code writes."""
    groups = _group_order(material)
    found = sorted(told, key=lambda item: (groups.get(item.group, 0), _rank(item, rank)))
    found = found[: MOST[name]]
    if name == "overview":
        return [notes.counts(material), *notes.talked_about(material), *found]
    if name == "points":
        quiet = [notes.quiet(material, len(found))] if len(found) < QUIET else []
        return [*found, *quiet]
    return found or [notes.nothing(material, name)]


def _group_order(material: Material) -> dict[str, int]:
    spoken = material.topic.language
    names = [*(n for n, _ in (*EVENTS, *THEMES)), STOCKS, CRYPTO, OTHER]
    return {name[spoken]: place for place, name in enumerate(names)}


def reduced(extractive: Sequence[Section], material: Material, why: str) -> tuple[Section, ...]:
    """The extractive report with a line in the overview that says it is one, and why."""
    line = notes.reduced(material, why)
    return tuple(
        replace(s, items=(line, *s.items)) if s.name == "overview" else s for s in extractive
    )
