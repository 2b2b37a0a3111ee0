"""Assemble and score the items that passed the check; fill gaps from the extractive report.

Pure functions. Order, headings and counts are made by code, so that no post can change them.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from digest.models import MAX_POINTS, Item, Language, Quality, Section, SectionName
from digest.reading.amounts import find_amounts
from digest.reading.names import find_names
from digest.reading.sentences import split_line
from digest.reading.units import YEARS
from digest.select.embed import embed
from digest.select.split import list_versions
from digest.text import language
from digest.write import Material
from digest.write.extractive import notes
from digest.write.extractive.alignment import GROUP_NAMES, WRITTEN, fill_sections
from digest.write.extractive.brief import LEADING, QUIET, join_news
from digest.write.extractive.draft import SAME_FIGURE, Draft, join_sentences, make_item
from digest.write.extractive.groups import EVENTS, drop_lone_other
from digest.write.extractive.money import CAPITAL, has_figure
from digest.write.extractive.quotes import Quote
from digest.write.model.candidates import LIMIT, Candidate
from digest.write.model.context import MUST, Event
from digest.write.verify.screening import is_generic

NEWS_SECTIONS: tuple[SectionName, ...] = ("points", "markets", "finance", "events", "ai")
"""If two items report the same, the one in the earlier of these sections stays; overview and views
may repeat it."""
_ORDER = ("points", "markets", "finance", "views", "events", "ai", "overview")
FEW_POINTS = 6
"""With fewer points, points of the extractive report are added if it has more."""
_FILLED: tuple[SectionName, ...] = ("views", "events", "ai")
"""Sections that are filled from the extractive report if the model left them empty. A section about
money may be empty."""
SAME_POST, SAME_EVENT, SAME_NAMES, SAME_WORDS = 0.45, 0.55, 0.58, 0.92
"""Minimum cosine of two items that say the same: with the same first post; of one event; sharing a
name; without any condition. Items of one event or name that share a figure need SAME_FIGURE."""
MIN_FIGURE = 100
"""Smaller numbers, like years, are shared by chance."""
GATE = 0.67
"""Minimum score of a model's report; one in which every third item fails does not pass."""
_WEIGHTS = {"supported": 0.44, "complete": 0.28, "distinct": 0.17, "specific": 0.11}


@dataclass(frozen=True, slots=True)
class Edited:
    """The result of a model run: the sections to print, their quality (None if there was nothing to
    ask), the number of items that failed the check, and the number of printed items that the
    model's check did not judge in their final form."""

    sections: tuple[Section, ...]
    quality: Quality | None
    unproved: int = 0
    unjudged: int = 0


def assemble(
    material: Material,
    extractive: Sequence[Section],
    candidates: Sequence[Candidate],
    unanswered: AbstractSet[SectionName],
    events: Sequence[Event],
    repeated: int = 0,
) -> Edited:
    """Return all nine sections and their score.

    `unanswered` sections got no answer and stay extractive, without advertising. `events` are the
    picked events of the day; `repeated` is the number of items dropped as repetitions before.
    """
    extractive = _drop_ads(extractive, events)
    rank = _rank_posts(material)
    picked = _rank_posts(material, events)
    good = [c for c in candidates if not c.problems]
    distinct = list_distinct(material, good, events)
    failed = [c for c in candidates if c.problems]
    spare = _Spare(extractive, _number_events(material, events), distinct)
    items: dict[SectionName, list[Item]] = {name: [] for name in WRITTEN}
    for candidate in distinct:
        items[candidate.section].append(candidate.item)
    for name in WRITTEN:
        if name in unanswered:
            items[name] += spare.take_remaining(name)
    for candidate in failed:
        if not candidate.withdrawn:  # if withdrawn, its posts have nothing to quote either
            items[candidate.section] += spare.find_replacement(candidate)
    _move_deals(items)
    _fill_gaps(items, spare)
    items["events"] += _report_missed(material, items, events)
    # The pick did not include market stories, so the money sections keep the rank of the code.
    orders = {name: rank if name in ("markets", "finance") else picked for name in WRITTEN}
    sections = _build_sections(material, extractive, items, orders)
    written, told_twice = len(candidates) + repeated, len(good) - len(distinct) + repeated
    parts = {
        # An item that was repaired, or cut to what its posts support, counts as supported.
        "supported": _divide(written - len(failed), written),
        "distinct": _divide(written - told_twice, written),
        "complete": _measure_completeness(sections, extractive),
        "specific": _divide(written - sum(map(is_generic, candidates)), written),
    }
    score = round(sum(_WEIGHTS[name] * value for name, value in parts.items()), 3)
    quality = Quality(score, {name: round(value, 3) for name, value in parts.items()})
    unproved = len(failed) + sum(c.cut for c in candidates)
    return Edited(sections, quality, unproved, sum(not c.judged for c in distinct))


def _move_deals(items: dict[SectionName, list[Item]]) -> None:
    """Move rounds, purchases and revenue from the events to `finance`; that section has a page of
    its own only if several posts have sums."""
    room = max(0, LIMIT["finance"] - len(items["finance"]))
    of_companies = (item for item in items["events"] if item.group in CAPITAL.names.values())
    deals = [item for item in of_companies if has_figure(_full_text(item), moves=False)][:room]
    items["events"] = [item for item in items["events"] if item not in deals]
    items["finance"] += [replace(item, group="") for item in deals]


def _drop_ads(sections: Sequence[Section], events: Sequence[Event]) -> list[Section]:
    """Remove the items whose first post the pick calls advertising."""
    ads = {p.key for e in events if e.importance == 0 for p in e.posts}
    return [
        replace(s, items=tuple(i for i in s.items if ads.isdisjoint(i.cites[:1]))) for s in sections
    ]


def _rank_posts(material: Material, events: Sequence[Event] = ()) -> dict[str, int]:
    """Return the rank of each post by key; posts of picked events come first."""
    importance = {p.key: e.importance for e in events if e.importance for p in e.posts}
    rank = {p.key: n for n, s in enumerate(material.list_all()) for p in s.posts}
    return {key: place - 1000 * importance.get(key, 0) for key, place in rank.items()}


def _number_events(material: Material, events: Sequence[Event]) -> dict[str, int]:
    """Return the event number of each post by key."""
    numbers = {p.key: s.event for s in material.list_all() for p in s.posts}
    return numbers | {p.key: -e.number for e in events for p in e.posts}


def list_distinct(
    material: Material, candidates: Iterable[Candidate], events: Sequence[Event]
) -> list[Candidate]:
    """Return the candidates without repetitions, by section and importance."""
    rank = _rank_posts(material, events)
    ordered = sorted(
        candidates,
        # The sentences of an overview keep their order: the most important comes first.
        key=lambda c: (_ORDER.index(c.section), c.section != "overview" and _rank(c.item, rank)),
    )
    return drop_repeats(ordered, _number_events(material, events))


def drop_repeats(candidates: Sequence[Candidate], event: Mapping[str, int]) -> list[Candidate]:
    """Return the candidates that do not repeat an earlier one.

    `event` is the event number of each post by key. A shared event number is not enough: the
    meaning must agree too. An asset may have several statements.
    """
    vectors = embed([candidate.full_text for candidate in candidates])
    items = [candidate.item for candidate in candidates]
    events = [{event[p.key] for p in c.posts[:1] if p.key in event} for c in candidates]
    distinct: list[int] = []

    def same(at: int, other: int) -> bool:
        cosine = float(vectors[at] @ vectors[other])
        sections = {candidates[at].section, candidates[other].section}
        if cosine >= SAME_WORDS:
            return True
        is_one_post = candidates[at].posts[:1] == candidates[other].posts[:1] != ()
        if "overview" in sections or sections == {"markets"}:
            return False
        if "markets" in sections:  # a price move is another statement than its cause
            figures = _list_figures(items[other], 0)
            is_event = bool(figures) and figures <= _list_figures(items[at], 0)
            is_same = is_event and is_one_post and cosine >= SAME_NAMES
            return is_same and sections.isdisjoint(("points", "views"))
        if is_one_post:
            # One post may report both a round and revenue.
            is_other = _differ_in_figures(items[at], items[other])
            return cosine >= (SAME_NAMES if is_other else SAME_POST)
        if "views" in sections:
            return False
        is_event = bool(events[at] & events[other])
        return is_one_event(items[at], items[other], cosine, is_event=is_event)

    for at in range(len(candidates)):
        if not any(same(at, other) for other in distinct):
            distinct.append(at)
    return [candidates[at] for at in distinct]


def is_one_event(first: Item, second: Item, cosine: float, *, is_event: bool = False) -> bool:
    """Return True if two items with this cosine report one event: `is_event` says that their posts
    do, otherwise they must share a name. A shared figure lowers the threshold."""
    is_named = share_names(first, second)
    if cosine < SAME_FIGURE or not (is_event or is_named):
        return False
    if is_named and _list_figures(first) & _list_figures(second):
        return True
    # One event may have posts about the results of two companies.
    if not is_named and _differ_in_figures(first, second) and _list_names(_full_text(first)):
        return False
    return cosine >= (SAME_EVENT if is_event else SAME_NAMES)


def _differ_in_figures(first: Item, second: Item) -> bool:
    """Return True if both items have figures, but none in common."""
    figures, others = _list_figures(first), _list_figures(second)
    return bool(figures and others) and figures.isdisjoint(others)


def share_names(first: Item, second: Item) -> bool:
    """Return True if two items share a numbered product, or a name if either has no such product.
    Qwen3-Max is not Qwen3-Omni, though both are Qwen's."""
    products, others = _list_products(first), _list_products(second)
    if products and others:
        return any(a <= b or b <= a for a in products for b in others)
    return bool(_list_names(_full_text(first)) & _list_names(_full_text(second)))


def _list_products(item: Item) -> list[set[str]]:
    """Return the parts of each name with a number in the title, or else in the text."""
    keys = (_list_names(text) for text in (item.title, item.text))
    numbered = (list_versions(names) for names in keys)
    return next(filter(None, numbered), [])


def _list_figures(item: Item, least: float = MIN_FIGURE) -> set[tuple[float, str]]:
    amounts = (a for a in find_amounts(_full_text(item)) if a.value >= least and not a.in_name)
    return {
        (a.value, a.unit)
        for a in amounts
        if a.unit not in ("", "year") or a.text[:4] not in YEARS  # "2,000 people" is no year
    }


def _full_text(item: Item) -> str:
    return f"{item.title}\n{item.text}"


def _list_names(text: str) -> set[str]:
    return {name.key.casefold() for _, name in find_names(text)}


def _divide(part: int, total: int) -> float:
    return max(0, part) / total if total else 0.0


def _measure_completeness(sections: Sequence[Section], extractive: Sequence[Section]) -> float:
    """Return the share of the extractive report that the model covers: points and the number of
    other filled sections count half each."""
    had, has = _count_items(extractive), _count_items(sections, status="new")
    filled, told = (sum(bool(n[name]) for name in WRITTEN if name != "points") for n in (had, has))
    points = min(1.0, _divide(has["points"], min(had["points"], 5))) if had["points"] else 1.0
    return 0.5 * points + 0.5 * (min(1.0, told / filled) if filled else 1.0)


def _count_items(sections: Sequence[Section], status: str = "") -> Mapping[SectionName, int]:
    return {
        s.name: sum(i.status != "note" and status in ("", i.status) for i in s.items)
        for s in sections
    }


def _rank(item: Item, rank: Mapping[str, int]) -> int:
    return min((rank[key] for key in item.cites if key in rank), default=len(rank))


class _Spare:
    """Items of the extractive report that may still be printed, each event once."""

    def __init__(
        self, extractive: Sequence[Section], event: Mapping[str, int], printed: Sequence[Candidate]
    ) -> None:
        self._items = {s.name: [i for i in s.items if i.status != "note"] for s in extractive}
        self._event = event
        reporting = [c for c in printed if c.section in NEWS_SECTIONS]
        self._reported = {event[p.key] for c in reporting for p in c.posts if p.key in event}
        self._cited = {key for c in printed if c.section == "views" for key in c.item.cites}

    def take_remaining(self, section: SectionName, most: int = MAX_POINTS) -> list[Item]:
        """Return the remaining items of the section, best first."""
        return [item for item in list(self._items[section]) if self._take(section, item)][:most]

    def find_replacement(self, candidate: Candidate) -> list[Item]:
        """Return the unused extractive item on the candidate's subject, or nothing. A sentence of
        the overview has no replacement: the overview gets shorter. Only a point may be in another
        language than the report."""
        if candidate.section == "overview":
            return []
        keys = set(candidate.item.cites)
        events = {self._event[key] for key in keys if key in self._event}
        for item in self._items.get(candidate.section, []):
            first = {self._event[key] for key in item.cites[:1] if key in self._event}
            views = candidate.section == "views"
            same = keys & set(item.cites) if views else events & first
            same_language = language(item.text) == language(candidate.item.text)
            is_readable = same_language or candidate.section == "points"
            if same and is_readable and self._take(candidate.section, item):
                return [item]
        return []

    def _take(self, section: SectionName, item: Item) -> bool:
        """Return True if the item may be printed; it is offered once only."""
        if item not in self._items[section]:
            return False
        self._items[section].remove(item)
        if section == "views":
            return not self._cited & set(item.cites)
        if section not in NEWS_SECTIONS:
            return True
        events = {self._event[key] for key in item.cites[:1] if key in self._event}
        if section != "markets" and events & self._reported:
            return False
        self._reported |= events
        return True


def _fill_gaps(items: dict[SectionName, list[Item]], spare: _Spare) -> None:
    """Add extractive points if there are few, and items for sections that the model left empty."""
    missing = FEW_POINTS - len(items["points"])
    if missing > 0:
        items["points"] += spare.take_remaining("points", missing)
    for name in _FILLED:
        if not items[name]:
            items[name] = spare.take_remaining(name)


def _report_missed(
    material: Material, items: Mapping[SectionName, Sequence[Item]], events: Sequence[Event]
) -> list[Item]:
    """Return an extractive item for each MUST event that no item reports."""
    reporting = [item for name in NEWS_SECTIONS for item in items[name]]
    cited = {key for item in reporting for key in item.cites}
    missed = [e for e in events if e.importance == MUST and not cited & {p.key for p in e.posts}]
    if not missed:
        return []
    draft = Draft(material)
    vectors = embed([f"{item.title}\n{item.text}" for item in reporting])
    added: list[Item] = []

    def is_reported(quote: Quote) -> bool:
        lead = Item(quote.text)
        return any(
            is_one_event(lead, item, float(quote.vector @ vector))
            for vector, item in zip(vectors, reporting, strict=True)
        )

    for event in missed:
        leads = ((story, draft.choose_lead(story)) for story in event.stories)
        story, lead = next(((s, lead) for s, lead in leads if lead), (event.stories[0], None))
        if lead is None or is_reported(lead):
            continue
        group = lead.find_group(EVENTS).names[draft.language]
        added.append(make_item(draft, story, [lead], group=group))
    return added


def _build_sections(
    material: Material,
    extractive: Sequence[Section],
    items: Mapping[SectionName, list[Item]],
    orders: Mapping[SectionName, Mapping[str, int]],
) -> tuple[Section, ...]:
    language = material.topic.language
    reported = {name: _order_items(language, name, items[name], orders[name]) for name in WRITTEN}
    if not reported["overview"]:
        overview = next(s.items for s in extractive if s.name == "overview")
        reported["overview"] = list(_sum_up(reported["points"], language) or overview)
    sections = [Section(name, "", tuple(reported[name])) for name in WRITTEN]
    if len(reported["points"]) < QUIET:
        reported["points"].append(notes.quiet(language, len(reported["points"])))
    return fill_sections(sections, reported, material, extractive)


def _sum_up(points: Sequence[Item], language: Language) -> tuple[Item, ...]:
    """Return an overview of the leading points written by the model; empty if it wrote none."""
    leads = [point for point in points if point.status == "new"][:LEADING]
    texts = [point.title or split_line(point.text)[0] for point in leads]
    cites = dict.fromkeys(point.cites[0] for point in leads)
    return (Item(join_news(texts, language), cites=tuple(cites)),) if leads else ()


def _order_items(
    language: Language, name: SectionName, items: Iterable[Item], rank: Mapping[str, int]
) -> list[Item]:
    """Return the items of a section in printed order."""
    if name == "overview":
        return _join_overview(list(items)[: LIMIT[name]])
    best = sorted(items, key=lambda item: _rank(item, rank))[: LIMIT[name]]
    groups = {names[language]: n for n, names in enumerate(GROUP_NAMES)}
    best.sort(key=lambda item: groups.get(item.group, 0))
    return drop_lone_other(best, language)


def _join_overview(sentences: Sequence[Item]) -> list[Item]:
    """Join the sentences of the overview, each of which was verified, to one paragraph."""
    if not sentences:
        return []
    text = join_sentences([sentence.text for sentence in sentences])
    cites = dict.fromkeys(key for sentence in sentences for key in sentence.cites)
    return [replace(sentences[0], text=text, cites=tuple(cites))]


def reduce(extractive: Sequence[Section], material: Material, why: str) -> tuple[Section, ...]:
    """Return the extractive report with a note in the overview on why it is used."""
    line = notes.reduced(material, why)
    return tuple(
        replace(s, items=(line, *s.items)) if s.name == "overview" else s for s in extractive
    )
