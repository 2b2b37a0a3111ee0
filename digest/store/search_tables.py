"""The search index `entries`: one row per item, with the tokens of the item and its cited posts.

It is an FTS5 table on SQLite and a table with a `tsvector` on PostgreSQL. Both hold the tokens of
`digest.reading.tokens` and only return candidates; scoring happens here, the same for both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Connection,
    Row,
    TextClause,
    column,
    delete,
    literal,
    select,
    table,
    text,
    tuple_,
)

from digest.models import Hit, Item, Report
from digest.store.database import Database
from digest.store.tables import items, reports, sections, storable

if TYPE_CHECKING:
    from digest.reading.tokens import Clause

POST_CHARS = 600
"""Characters of a cited post that are indexed."""
MAX_POSTS = 4
"""Cited posts per item that are indexed."""
CANDIDATES = 120
"""Candidates per query: the newest entries with all terms, and the best with some."""
COMMON = 600
"""A token in this many entries or more is too common for a loose search."""
LOOSE_CLAUSES = 8
ENOUGH = 5
"""With this many hits for all terms, the loose search is skipped."""
MIN_COVERAGE = 0.5
IN_POSTS = 0.6
"""Score factor of a term found only in the cited posts."""
NEWNESS, NEWNESS_DAYS = 0.1, 60
SECTION_WORTH: Mapping[str, float] = {"points": 0.05, "overview": -0.05, "filtered": -0.2}

_REPORT_BITS, _NUMBER_BITS = 27, 16
_MAX_DAY = (1 << 20) - 1

_entries = table(
    "entries", *map(column, ("rowid", "head", "body", "topic", "report_id", "section", "position"))
)
_COMMON_INSERT = (
    "INSERT INTO entries (rowid, head, body, topic, report_id, section, position{0})"
    " VALUES (:rowid, :head, :body, :topic, :report_id, :section, :position{1})"
)
_INSERT = {
    "sqlite": text(_COMMON_INSERT.format("", "")),
    "postgresql": text(_COMMON_INSERT.format(", terms", ", CAST(:terms AS tsvector)")),
}
_MATCH = {"sqlite": "entries MATCH :query", "postgresql": "terms @@ CAST(:query AS tsquery)"}
_RANK = {"sqlite": "rank, ", "postgresql": "ts_rank(terms, CAST(:query AS tsquery)) DESC, "}
# Built once, because building these statements takes longer than running most of them.
_COUNT_SQL = "SELECT count(*) FROM (SELECT 1 FROM entries WHERE {match} LIMIT :most) AS counted"
_FIND_SQL = (
    "SELECT rowid, head, body, report_id, section, position FROM entries"
    " WHERE {match} AND rowid BETWEEN :low AND :high"
    " AND (CAST(:topic AS TEXT) = '' OR topic = :topic) ORDER BY {rank}rowid DESC LIMIT :most"
)


def _in_dialects(sql: str, rank: Mapping[str, str] = MappingProxyType({})) -> dict[str, TextClause]:
    return {d: text(sql.format(match=_MATCH[d], rank=rank.get(d, ""))) for d in _MATCH}


_COUNT, _NEWEST, _BEST = (
    _in_dialects(_COUNT_SQL),
    _in_dialects(_FIND_SQL),
    _in_dialects(_FIND_SQL, _RANK),
)


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A row of the index."""

    number: int
    section: int
    position: int
    head: str
    """Tokens of the item in all languages of its report."""
    body: str
    """Tokens of the cited posts."""


@dataclass(frozen=True, slots=True)
class _Scored:
    """A scored candidate with its key in `items`."""

    place: tuple[int, int, int]
    number: int
    score: float
    coverage: float
    in_posts: bool


class SearchTables(Database):
    """The table `entries`."""

    async def search(
        self,
        words: str,
        *,
        topic: str = "",
        first: date | None = None,
        last: date | None = None,
        limit: int = 10,
    ) -> list[Hit]:
        """Return the items that match best, without duplicates within a report.

        Empty if no item matches at least half of the query. `topic`: search only this topic;
        `first`, `last`: only reports whose last day is in this range.
        """
        low = _row_id(first or date.min, 0, 0)
        high = _row_id(last or date.max, (1 << _REPORT_BITS) - 1, (1 << _NUMBER_BITS) - 1)
        scope = {"low": low, "high": high, "topic": storable(topic)}
        return await self._read(_search, words, scope, limit)


def _row_id(last: date, report_id: int, number: int) -> int:
    """Return a row id that grows with the day, so that the newest entries are read first."""
    day = min(last.toordinal(), _MAX_DAY)
    return (day << _REPORT_BITS | report_id) << _NUMBER_BITS | number


def make_entries(report: Report) -> list[IndexEntry]:
    """Return the index entries of a report."""
    from digest.reading.tokens import index_text

    contents = report.sections
    bodies = {key: index_text(post.text[:POST_CHARS]) for key, post in report.posts.items()}
    entries: list[IndexEntry] = []
    number = 0
    for place in sorted(range(len(contents)), key=lambda n: contents[n].name != "points"):
        for position, item in enumerate(contents[place].items):
            number += item.status != "note"
            if item.status == "note" or contents[place].name == "cloud":
                continue
            texts = [item, *_translations(report, contents[place].name, item)]
            head = index_text("\n".join(f"{t.title}\n{t.text}\n{t.group}" for t in texts))
            cited = [bodies.get(key, "") for key in item.cites[:MAX_POSTS]]
            body = " ".join(dict.fromkeys(" ".join(cited).split()))
            entries.append(IndexEntry(number, place, position, head, body))
    return entries


def _translations(report: Report, section: str, item: Item) -> list[Item]:
    others = chain.from_iterable(report.renderings.values())
    items_there = chain.from_iterable(other.items for other in others if other.name == section)
    return [twin for twin in items_there if not set(item.cites).isdisjoint(twin.cites)]


def write_entries(
    connection: Connection, topic: str, last: date, report_id: int, entries: Sequence[IndexEntry]
) -> None:
    """Replace the index entries of a report."""
    most = (1 << _NUMBER_BITS) - 1
    first_row, last_row = (_row_id(last, report_id, number) for number in (0, most))
    connection.execute(
        delete(_entries).where(_entries.c.rowid.between(literal(first_row), literal(last_row)))
    )
    rows = [
        {
            "rowid": _row_id(last, report_id, entry.number),
            "head": entry.head,
            "body": entry.body,
            "topic": storable(topic),
            "report_id": report_id,
            "section": entry.section,
            "position": entry.position,
            "terms": " ".join(f"'{t}'" for t in f"{entry.head} {entry.body}".split()),
        }
        for entry in entries
        if entry.number <= most
    ]
    if rows:
        connection.execute(_INSERT[connection.dialect.name], rows)


def _search(
    connection: Connection, words: str, scope: Mapping[str, object], limit: int
) -> list[Hit]:
    # Imported here, in a reader thread, to block neither the bot's start nor the event loop.
    from digest.reading.tokens import parse_query

    clauses = parse_query(words)
    if not clauses:
        return []
    counts = [_count(connection, clause) for clause in clauses]
    weights = [_weigh(clause, n) for clause, n in zip(clauses, counts, strict=True)]
    if len(clauses) == 2 and all(counts) and all(c.required and not c.pair for c in clauses):
        weights = [max(weights)] * 2  # each word counts as half of the query
    strict = [c for c, n in zip(clauses, counts, strict=True) if n and c.required]
    rows = _candidates(connection, _NEWEST, strict, scope)
    if len(rows) < ENOUGH:
        rare = [(n, c) for c, n in zip(clauses, counts, strict=True) if 0 < n < COMMON]
        rare.sort(key=lambda pair: pair[0])
        loose = [clause for _, clause in rare[:LOOSE_CLAUSES]]
        rows += _candidates(connection, _BEST, loose, scope)
    newest = max((_day(row) for row in rows), default=0)
    by_id = {row.rowid: _score(row, clauses, weights, newest) for row in rows}
    best = sorted(by_id.values(), key=lambda scored: -scored.score)
    enough = [scored for scored in best if scored.coverage >= MIN_COVERAGE][: 3 * limit]
    return _hits(connection, enough)[:limit]


def _day(row: Row[*tuple[Any, ...]]) -> int:
    return int(row.rowid) >> (_REPORT_BITS + _NUMBER_BITS)


def _count(connection: Connection, clause: Clause) -> int:
    """Return the number of entries that match a clause, at most COMMON."""
    dialect = connection.dialect.name
    values = {"query": _expression([clause], " ", dialect), "most": COMMON}
    return int(connection.scalar(_COUNT[dialect], values) or 0)


def _weigh(clause: Clause, count: int) -> float:
    """Return the weight of a clause; rare terms weigh more. A character pair without any match is
    probably not a word and weighs little."""
    count = 50 if clause.pair and not count else count
    return clause.weight * math.log(2 + COMMON / (count + 1))


def _candidates(
    connection: Connection,
    statements: Mapping[str, TextClause],
    clauses: Sequence[Clause],
    scope: Mapping[str, object],
) -> list[Row[*tuple[Any, ...]]]:
    if not clauses:
        return []
    dialect = connection.dialect.name
    operator = " " if statements is _NEWEST else " OR "
    query = _expression(clauses, operator, dialect)
    values = {**scope, "query": query, "most": CANDIDATES}
    return list(connection.execute(statements[dialect], values))


def _expression(clauses: Sequence[Clause], operator: str, dialect: str) -> str:
    """Return the query in the database's syntax. Tokens contain no quotation marks."""
    if dialect == "postgresql":
        quote, both, either, beginning = "'", " & ", " | ", ":*"
    else:
        quote, both, either, beginning = '"', " AND ", " OR ", " *"

    def quoted(term: str) -> str:
        mark = beginning if term.endswith("*") else ""
        return f"{quote}{term.rstrip('*')}{quote}{mark}"

    parts = [
        either.join(f"({both.join(map(quoted, way))})" for way in clause.alternatives)
        for clause in clauses
    ]
    return (both if operator == " " else either).join(f"({part})" for part in parts)


def _score(
    row: Row[*tuple[Any, ...]], clauses: Sequence[Clause], weights: Sequence[float], newest: int
) -> _Scored:
    head = f" {row.head} "
    missing = [n for n, clause in enumerate(clauses) if not clause.matches(head)]
    both = f"{head}{row.body} " if missing else head
    lost = [n for n in missing if not clauses[n].matches(both)]
    in_head = sum(weights) - sum(weights[n] for n in missing)
    anywhere = sum(weights) - sum(weights[n] for n in lost)
    total = sum(weights)
    age = (newest - _day(row)) / NEWNESS_DAYS
    relevance = (in_head + IN_POSTS * (anywhere - in_head)) / total
    brevity = 0.1 / (1 + len(row.head.split()) / 50)
    return _Scored(
        (row.report_id, row.section, row.position),
        int(row.rowid) & ((1 << _NUMBER_BITS) - 1),
        relevance + NEWNESS * 0.5**age + brevity,
        anywhere / total,
        in_head < MIN_COVERAGE * total,
    )


def _hits(connection: Connection, scored: Sequence[_Scored]) -> list[Hit]:
    """Load and return the hits. Of two items of a report with the same posts, keep the better one;
    drop overview items whose posts another hit cites."""
    if not scored:
        return []
    by_place = _load_items(connection, [candidate.place for candidate in scored])
    hits: dict[tuple[int, object], Hit] = {}
    for candidate in scored:
        row = by_place.get(candidate.place)
        if row is None:
            continue
        item = Item(row.text, row.title, row.group, tuple(row.cites), row.status)
        score = candidate.score + SECTION_WORTH.get(row.name, 0.0)
        where = (row.topic, row.first, row.last, row.language, row.name, candidate.number)
        hit = Hit(*where, item, score, candidate.coverage, candidate.in_posts)
        same = (candidate.place[0], frozenset(item.cites) or item.text)
        if same not in hits or hits[same].score < score:
            hits[same] = hit
    elsewhere = {
        (same[0], key)
        for same, hit in hits.items()
        if hit.section != "overview"
        for key in hit.item.cites
    }
    news = [
        hit
        for same, hit in hits.items()
        if hit.section != "overview"
        or not any((same[0], key) in elsewhere for key in hit.item.cites)
    ]
    return sorted(news, key=lambda hit: -hit.score)


def _load_items(
    connection: Connection, places: Sequence[tuple[int, int, int]]
) -> dict[tuple[int, int, int], Row[*tuple[Any, ...]]]:
    key = (items.c.report_id, items.c.section, items.c.position)
    rows = connection.execute(
        select(
            *key,
            *(items.c[name] for name in ("title", "text", "group", "cites", "status")),
            *(reports.c[name] for name in ("topic", "first", "last", "language")),
            sections.c.name,
        )
        .select_from(items.join(sections).join(reports))
        # SQLite uses no index for the triples, but it does for the report ids.
        .where(items.c.report_id.in_({place[0] for place in places}), tuple_(*key).in_(places))
    )
    return {(row.report_id, row.section, row.position): row for row in rows}
