"""Roll up daily reports into one report over several days, by code alone.

Each story appears once, with one row per day; figures that changed are listed with their days.
Every statement is an item of a daily report and keeps its citations. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from itertools import accumulate

from digest.models import (
    MAX_POINTS,
    SECTIONS,
    Counts,
    Item,
    Language,
    Report,
    Section,
    SectionName,
    Topic,
)
from digest.reading.amounts import find_amounts
from digest.reading.days import blank_days
from digest.reading.index_terms import FUNCTION_WORDS
from digest.reading.mentions import cut_pieces, has_han
from digest.reading.names import find_names, simplify
from digest.reading.sentences import split_line
from digest.reading.units import Amount
from digest.storylines import Storyline, Telling, trace_storylines
from digest.text import fill
from digest.write.extractive.notes import heading
from digest.write.verify.figures import is_supported

WRITER = "rollup"
MAX_ITEMS, MAX_TELLINGS, MAX_CITES = 8, 5, 6
"""Items per section other than the points; days shown per story (the first and the latest); posts
cited per item."""
TELLING_CHARS = 220
"""Maximum length of one day's row if a story has several."""
MAX_CHANGES = 3
MAX_DAYS_IN_OVERVIEW = 7
"""Up to this many days, the overview has a line per day; more would hide the stories."""
CONTEXT_CHARS = 20
"""Characters on each side of a figure that are searched for the words it counts."""
STEM_CHARS = 5
"""Letters compared of a Latin-script word."""
SKIPPED_CHARS = " 约为达至到了超过近逾共"
"""Characters to skip between a word and the figure after it."""

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_ENDS = tuple('。！？….!?”"')
_COLON: Mapping[Language, str] = {"zh": "：", "en": ": "}
_CHANGED: Mapping[Language, str] = {"zh": "数字变化：{}", "en": "Changed: {}"}
_SUMMARY: Mapping[Language, str] = {
    "zh": "汇总自 {reports} 份日报，共 {stories} 件事{lasting}。",
    "en": "{reports:daily report} covered {stories:story|stories}{lasting}.",
}
_LASTING: Mapping[Language, str] = {
    "zh": "，其中 {} 件报道了不止一天",
    "en": ", {} of them on more than one day",
}
_MISSING: Mapping[Language, str] = {
    "zh": "没有日报的日子：{}。",
    "en": "Days without a report: {}.",
}
_MORE: Mapping[Language, str] = {"zh": "等", "en": " and more"}
MAX_MISSING = 10
"""Maximum number of missing days that are listed."""


def roll_up(
    topic: Topic,
    reports: Sequence[Report],
    first: date,
    last: date,
    language: Language,
    due: date = date.max,
) -> Report:
    """Return the stories of the daily reports from `first` to `last` as one report. Raise
    ValueError without reports. `due`: the newest day that should have a report by now."""
    if not reports:
        raise ValueError("no report to roll up")
    spoken = [report.in_language(language) for report in reports]
    lines = trace_storylines(reports, language)
    points = lines[:MAX_POINTS]
    items = {"points": [_story_item(line, language) for line in points]}
    items["overview"] = list(_overview(spoken, language))
    for name in SECTIONS[2:-2]:
        others = [line for line in lines[MAX_POINTS:] if line.best.section == name]
        stories = [_story_item(line, language, grouped=name) for line in others[:MAX_ITEMS]]
        groups = list(dict.fromkeys(item.group for item in stories))
        items[name] = sorted(stories, key=lambda item: groups.index(item.group))
    items["points"].append(_summary(reports, lines, first, min(last, due), language))
    cites = {key for rows in items.values() for item in rows for key in item.cites}
    titled = replace(topic, language=language)
    return Report(
        topic=topic.name,
        first=first,
        last=last,
        language=language,
        writer=WRITER,
        sections=tuple(
            Section(name, heading(name, titled), tuple(items.get(name, ()))) for name in SECTIONS
        ),
        counts=Counts(
            **{f.name: sum(getattr(r.counts, f.name) for r in reports) for f in fields(Counts)}
        ),
        posts={key: post for r in spoken for key, post in r.posts.items() if key in cites},
        wordcounts=_add_words(reports),
        created_at=max((daily.created_at for daily in reports if daily.created_at), default=None),
    )


def _overview(reports: Sequence[Report], language: Language) -> Iterator[Item]:
    """Yield the start of each day's overview if a model or a person wrote it; the extractive
    overview only repeats the points."""
    written = [report for report in reports if report.writer != "extractive"]
    for report in written if len(written) <= MAX_DAYS_IN_OVERVIEW else ():
        items = report.section("overview").items
        # An imported post may begin with its own title, which is not a sentence.
        candidates = (i for i in items if i.status != "note" and i.text.rstrip()[-1:] in _ENDS)
        if item := next(candidates, None):
            text = item.text if len(item.text) <= TELLING_CHARS else _beginning(item.text)
            day = name_day(report.last, language)
            yield replace(item, text=f"{day}{_COLON[language]}{text}", group="")


def name_day(day: date, language: Language) -> str:
    """Return a day as used within a line: `12月5日`, `5 Dec`."""
    if language == "zh":
        return f"{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]}"


def _add_words(reports: Sequence[Report]) -> dict[str, int]:
    """Return the total word counts, most frequent first, each word in its commonest spelling."""
    counts = sum((Counter(report.wordcounts) for report in reports), Counter[str]())
    spellings = {word.casefold(): word for word, _ in reversed(counts.most_common())}
    added = Counter[str]()
    for word, count in counts.items():
        added[spellings[word.casefold()]] += count
    return dict(added.most_common())


@dataclass(frozen=True, slots=True)
class _Figure:
    """A figure of one day, with the word before and the word after it ("" if none)."""

    day: date
    amount: Amount
    words: tuple[str, str]

    def goes_on(self, last: _Figure) -> bool:
        """Return True if both figures count the same thing, judged by adjacent words and unit."""
        pairs = [pair for pair in zip(self.words, last.words, strict=True) if all(pair)]
        is_same = bool(pairs) and all(word == other for word, other in pairs)
        return is_same and self.amount.unit == last.amount.unit


def find_changes(line: Storyline) -> list[list[tuple[date, str]]]:
    """Return the figures of a story that changed, each as a list of days and values."""
    chains: list[list[_Figure]] = []
    for telling in line.tellings:
        figures = list(_list_figures(telling))
        for chain in chains:
            if any(is_supported(figure.amount, [chain[-1].amount]) for figure in figures):
                continue  # the old value is repeated: a different value is another figure
            chain += [figure for figure in figures if figure.goes_on(chain[-1])][:1]
        seen = [figure.amount for chain in chains for figure in chain]
        chains += [[figure] for figure in figures if not is_supported(figure.amount, seen)]
    changed = [chain for chain in chains if len(chain) > 1]
    return [[(figure.day, figure.amount.text.strip()) for figure in chain] for chain in changed]


def _list_figures(telling: Telling) -> Iterator[_Figure]:
    text = blank_days(f"{telling.item.title}. {telling.item.text}")
    names = [(at, at + len(name.text)) for at, name in find_names(text)]
    for amount in find_amounts(text):
        in_name = any(first <= amount.start and amount.end <= last for first, last in names)
        if amount.kind not in ("number", "share") or amount.in_name or in_name:
            continue
        before = text[max(0, amount.start - CONTEXT_CHARS) : amount.start].rstrip(SKIPPED_CHARS)
        after = text[amount.end : amount.end + CONTEXT_CHARS]
        words = _list_words(before)[-1:] or [""], _list_words(after)[:1] or [""]
        yield _Figure(telling.day, amount, (words[0][0], words[1][0]))


def _list_words(text: str) -> list[str]:
    """Return the index terms of a short text: prefixes of Latin-script words, pairs of Han."""
    pieces = [piece for piece in cut_pieces(simplify(text).lower()) if piece[0].isalpha()]
    telling = (p for p in pieces if has_han(p) or (len(p) > 2 and p not in FUNCTION_WORDS))
    return [piece[:STEM_CHARS] for piece in telling]


def _story_item(line: Storyline, language: Language, grouped: SectionName | None = None) -> Item:
    best = line.best
    shown = line.tellings
    if len(shown) > MAX_TELLINGS:
        shown = (shown[0], *shown[1 - MAX_TELLINGS :])
    # An item with only a title puts it in the row, after the day.
    title = best.item.title if best.item.text else ""
    rows = [_row(telling, title, language, short=len(shown) > 1) for telling in shown]
    rows += [
        _CHANGED[language].format(show_chain(c, language)) for c in find_changes(line)[:MAX_CHANGES]
    ]
    group = best.item.group if grouped in ("markets", "events") else ""
    imported = any(item.status == "imported" for day in line.tellings for item in day.items)
    status = "imported" if imported else best.item.status
    if status == "update":  # the earlier day may be part of the same item
        status = "new"
    return Item("\n".join(rows), title, group, _cites(shown), status)


def _row(telling: Telling, title: str, language: Language, *, short: bool) -> str:
    item = telling.item
    parts = [item.title if item.title != title else "", item.text]
    text = _COLON[language].join(part for part in parts if part)
    if short and len(text) > TELLING_CHARS:
        text = _beginning(text)
    return name_day(telling.day, language) + (_COLON[language] + text if text else "")


def _beginning(text: str) -> str:
    """Return the leading sentences that fit, or else a truncated first sentence."""
    parts = split_line(text)
    ends = [
        end
        for part, end in zip(parts, accumulate(map(len, parts)), strict=True)
        # Do not cut a list: "Three firms: A; B; C." must not end after two of them.
        if end <= TELLING_CHARS and not part.endswith((";", "；"))
    ]
    return text[: ends[-1]].rstrip() if ends else text[:TELLING_CHARS].rstrip() + "…"


def show_chain(chain: Sequence[tuple[date, str]], language: Language) -> str:
    """Return the values of a figure with their days: `$2B (2 Dec) → $3B (5 Dec)`."""
    form = "{}（{}）" if language == "zh" else "{} ({})"
    return " → ".join(form.format(value, name_day(day, language)) for day, value in chain)


def _cites(tellings: Sequence[Telling]) -> tuple[str, ...]:
    """Return up to MAX_CITES posts in day order; every day's first post has priority."""
    ranked = sorted(
        (place, n, key)
        for n, telling in enumerate(tellings)
        for place, key in enumerate(telling.cites)
    )
    chosen = sorted(ranked[:MAX_CITES], key=lambda row: (row[1], row[0]))
    return tuple(dict.fromkeys(key for _, _, key in chosen))


def _summary(
    reports: Sequence[Report],
    lines: Sequence[Storyline],
    first: date,
    last: date,
    language: Language,
) -> Item:
    """Return the note that counts reports and stories and names missing days."""
    lasting = sum(len(line.tellings) > 1 for line in lines)
    shared = _LASTING[language].format(lasting) if lasting else ""
    text = fill(_SUMMARY[language], reports=len(reports), stories=len(lines), lasting=shared)
    reported = {report.last for report in reports}
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    form = "%m-%d" if first.year == last.year else "%Y-%m-%d"
    missing = [f"{day:{form}}" for day in days if day not in reported]
    if missing:
        listed = ("、" if language == "zh" else ", ").join(missing[:MAX_MISSING])
        listed += _MORE[language] if len(missing) > MAX_MISSING else ""
        text += ("" if language == "zh" else " ") + _MISSING[language].format(listed)
    return Item(text, status="note")
