"""Posts from files: JSONL, one post a line, plain or gzipped (`*.gz`)."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ValidationError

from digest.errors import SourceError
from digest.models import Post, SourceSpec, SourceState, Window
from digest.sources import Access

log = logging.getLogger(__name__)

MAX_LINE = 4_000_000
"""Characters of one line; a longer one is skipped, so that a file without line breaks cannot fill memory."""
MAX_KEY = 200
"""Characters of a post's key: databases index it, and no service has longer ids."""
MAX_COUNT = 10**12
"""No post has more likes; a larger number is a broken field and would not fit the store."""


def _blank_for_null(value: object) -> object:
    return "" if value is None else str(value) if isinstance(value, int) else value


def _counts(value: object) -> object:
    """Only whole counts: one broken metric costs that metric, not the post."""
    if not isinstance(value, dict):
        return {}
    kept = {
        str(name): int(count)
        for name, count in value.items()
        if isinstance(count, int | float)
        and not isinstance(count, bool)
        and 0 <= count <= MAX_COUNT
    }
    return {name: kept[name] for name in ("likes", "reposts", "replies", "views") if name in kept}


def _addresses(value: object) -> object:
    return [link for link in value if isinstance(link, str)] if isinstance(value, list) else []


_Text = Annotated[str, BeforeValidator(_blank_for_null)]


class _Line(BaseModel):
    id: _Text
    source: _Text
    text: _Text
    created_at: datetime
    author: _Text = ""
    author_name: _Text = ""
    url: _Text = ""
    lang: _Text = ""
    metrics: Annotated[dict[str, int], BeforeValidator(_counts)] = {}
    links: Annotated[list[str], BeforeValidator(_addresses)] = []


def parse_line(line: str) -> Post:
    """One line of a post file. Raises ValueError that says in a few words what is wrong with it."""
    if len(line) > MAX_LINE:
        raise ValueError(f"longer than {MAX_LINE} characters")
    try:
        data = _Line.model_validate(_object(line))
    except ValidationError as error:
        raise ValueError(_first_problem(error)) from None
    for name in ("id", "source", "text"):
        if not getattr(data, name).strip():
            raise ValueError(f'"{name}" is empty')
    if len(data.id) + len(data.source) > MAX_KEY:
        raise ValueError(f'"id" and "source" are longer than {MAX_KEY} characters')
    if not 1990 <= data.created_at.year <= 2200:
        raise ValueError(f'"created_at" is in the year {data.created_at.year}')
    if data.created_at.tzinfo is None:
        raise ValueError('"created_at" has no zone: write it like 2025-12-06T09:30:00Z')
    return Post(
        id=data.id.strip(),
        source=data.source.strip(),
        author=data.author.strip().lstrip("@"),
        author_name=data.author_name.strip(),
        text=data.text,
        created_at=data.created_at.astimezone(UTC),
        url=data.url if data.url.startswith(("https://", "http://")) else "",
        lang=data.lang,
        metrics=data.metrics,
        links=tuple(data.links),
    )


def _object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    name = str(problem["loc"][0]) if problem["loc"] else "line"
    return f'"{name}" is missing' if problem["type"] == "missing" else f'"{name}": {problem["msg"]}'


def parse_lines(lines: Iterable[str], name: str) -> Iterator[Post]:
    """Posts of the good lines; each bad line is logged as `name:number: what is wrong` and skipped."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield parse_line(line)
        except (ValueError, OverflowError) as error:
            log.warning("%s:%d: %s; line skipped", name, number, error)


class FileSource:
    """The posts of one file; called by the file's name without its endings."""

    reach: int | None = None
    billed = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name.removesuffix(".gz").removesuffix(".jsonl") or path.name

    async def fetch(self, window: Window, state: SourceState) -> tuple[Sequence[Post], SourceState]:
        """All posts of the file. Raises SourceError where the file cannot be read."""
        return await asyncio.to_thread(self._read), SourceState()

    def _read(self) -> list[Post]:
        opener = gzip.open if self.path.suffix == ".gz" else open
        try:
            with opener(self.path, "rt", encoding="utf-8-sig", errors="replace") as file:
                return list(parse_lines(file, self.path.name))
        except FileNotFoundError:
            raise SourceError(f"{self.path}: no such file; check the name") from None
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(f"{self.path}: cannot be read ({error})") from None


def open_source(spec: SourceSpec, access: Access) -> FileSource:
    """The file named by the address."""
    return FileSource(Path(spec.address))
