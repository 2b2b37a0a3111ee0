"""Posts from files: JSONL or a JSON array, plain or gzipped, detected by content, not by name.

Files are streamed, and memory is bounded whatever their size.
"""

import asyncio
import codecs
import gzip
import html
import json
import logging
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ValidationError

from digest.errors import SourceError
from digest.fetch import UnknownZone, parse_date
from digest.fetch.encodings import GZIP, detect_encoding, detect_wide
from digest.models import Post, SourceSpec, SourceState, Window
from digest.sources import MAX_KEY, Access, Source, admit_post

log = logging.getLogger(__name__)

MAX_LINE = 4_000_000
"""Maximum characters of a line or value; longer ones are skipped."""
MAX_TEXT = 12_000
"""Characters kept of a text: twice what a digest reads of a post."""
MAX_BYTES = 1_000_000_000
"""Maximum unpacked size of a file: 1 MB of gzip can unpack to 1 GB."""
MAX_MEMORY = 150_000_000
"""Approximate memory limit for the posts of one file, about 100,000 posts."""
MAX_COUNT = 10**12
"""A larger count is invalid and would not fit the store."""
PIECE = 1_000_000
MAX_LOGGED = 50
"""Bad lines per file that are logged one by one."""


def _blank_for_null(value: object) -> object:
    return "" if value is None else str(value) if isinstance(value, int) else value


def _counts(value: object) -> object:
    """Return only valid counts: a broken metric does not invalidate the post."""
    if not isinstance(value, dict):
        return {}
    return {
        name: int(count)
        for name in ("likes", "reposts", "replies", "views")
        if isinstance(count := value.get(name), int | float)
        and not isinstance(count, bool)
        and 0 <= count <= MAX_COUNT
    }


def _addresses(value: object) -> object:
    return [link for link in value if isinstance(link, str)] if isinstance(value, list) else []


def _moment(value: object) -> object:
    """Return the time in a text of any form that feeds use, unless it lacks a time zone."""
    if not isinstance(value, str):
        return value
    with suppress(ValueError):
        return datetime.fromisoformat(value.strip())
    if any(sign.isalpha() or sign in "+-" for sign in value.partition(":")[2]):
        with suppress(UnknownZone):
            return parse_date(value) or value
    return value


_Text = Annotated[str, BeforeValidator(_blank_for_null)]


class _Row(BaseModel):
    id: _Text
    source: _Text
    text: _Text
    created_at: Annotated[datetime, BeforeValidator(_moment)]
    author: _Text = ""
    author_name: _Text = ""
    url: _Text = ""
    lang: _Text = ""
    metrics: Annotated[dict[str, int], BeforeValidator(_counts)] = {}
    links: Annotated[list[str], BeforeValidator(_addresses)] = []


def parse_row(row: Any) -> Post:
    """Return the post in a line or a JSON value. Raise ValueError with a short reason if it is
    invalid."""
    if isinstance(row, str):
        if len(row) > MAX_LINE:
            raise ValueError(f"longer than {MAX_LINE} characters")
        try:
            # Files that are put together have marks in between; strict refuses a tab in a text.
            row = json.loads(row.strip().strip("\ufeff\x1e,"), strict=False)
        except (ValueError, RecursionError):
            raise ValueError("not JSON") from None
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    try:
        row = _Row.model_validate(row)
    except ValidationError as error:
        raise ValueError(name_problem(error)) from None
    if len(row.id) + len(row.source) > MAX_KEY:
        raise ValueError(f'"id" and "source" are longer than {MAX_KEY} characters')
    if not 1990 <= row.created_at.year <= 2200:
        raise ValueError(f'"created_at" is in the year {row.created_at.year}')
    if row.created_at.tzinfo is None:
        raise ValueError('"created_at" has no time zone: write it like 2025-12-06T09:30:00Z')
    post = Post(
        id=row.id.strip(),
        source=row.source.strip(),
        author=row.author.strip().lstrip("@"),
        author_name=row.author_name.strip(),
        # X escapes three characters as HTML; other sources deliver plain text.
        text=(html.unescape(row.text) if row.source.strip() == "x" else row.text)[:MAX_TEXT],
        created_at=row.created_at.astimezone(UTC),
        url=row.url,
        lang=row.lang,
        metrics=row.metrics,
        links=tuple(row.links),
    )
    post = admit_post(post, post.created_at)  # a file may hold any day
    for name in ("id", "source", "text"):
        if not getattr(post, name).strip():
            raise ValueError(f'"{name}" is empty')
    return post


def name_problem(error: ValidationError) -> str:
    """Return the first problem of a line, with the field's name."""
    problem = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(map(str, problem["loc"])) or "line"
    return f'"{name}" is missing' if problem["type"] == "missing" else f'"{name}": {problem["msg"]}'


class PostRows:
    """Parser of one file's rows; records the first bad one."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.problem = ""
        self.bad = 0

    def parse(self, rows: Iterable[str | Mapping[str, Any]]) -> Iterator[Post]:
        """Yield the posts of lines or JSON values; log each bad one as `name:number: why`."""
        for number, row in enumerate(rows, 1):
            if isinstance(row, str) and not row.strip():
                continue
            try:
                yield parse_row(row)
            except (ValueError, OverflowError) as error:
                self.problem = self.problem or f"{number}: {error}"
                self.bad += 1
                if self.bad <= MAX_LOGGED:
                    log.warning("%s:%d: %s; line skipped", self._name, number, error)
        if self.bad > MAX_LOGGED:
            log.warning("%s: %d more lines skipped", self._name, self.bad - MAX_LOGGED)


class BrokenOffError(ValueError):
    """The file ends in the middle of a JSON value."""


class FileSource(Source):
    """The posts of one file; its name is the file name without extensions."""

    reach = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name.removesuffix(".gz").removesuffix(".jsonl") or path.name

    async def fetch(self, window: Window, state: SourceState) -> tuple[Sequence[Post], SourceState]:
        """Return all posts of the file, or none if it is unchanged since the last round. Raise
        SourceError if no post of a non-empty file can be read."""
        version = {}
        with suppress(OSError):  # _read reports the problem
            about = self.path.stat()
            version = {"version": f"{about.st_size} {about.st_mtime_ns}"}
        # For older days read again: the store may have deleted posts that the file still has.
        recent = window.last >= datetime.now(UTC).date() - timedelta(days=2)
        if version and version == state.marks and recent:
            return (), state
        return await asyncio.to_thread(self._read), SourceState(version)

    def _read(self) -> list[Post]:
        rows = PostRows(self.path.name)
        try:
            with self.path.open("rb") as file:
                posts = self._collect(rows.parse(_read_rows(file)))
        except FileNotFoundError:
            raise SourceError(f"{self.path}: no such file; check the name") from None
        except (OSError, EOFError, ValueError, zlib.error) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise SourceError(f"{self.path}: cannot be read ({why})") from None
        if not posts and rows.problem:
            raise SourceError(
                f"{self.path.name}: cannot be read as posts ({rows.problem}): a post is a JSON"
                " object on a line of its own"
            )
        return posts

    def _collect(self, posts: Iterable[Post]) -> list[Post]:
        """Return the posts up to the memory limit or a break in the gzip data or JSON."""
        admitted: list[Post] = []
        memory = 0
        try:
            for post in posts:
                memory += 800 + sys.getsizeof(post.text) + sum(map(sys.getsizeof, post.links))
                if memory > MAX_MEMORY:
                    self._warn_truncated(admitted)
                    break
                admitted.append(post)
        except (BrokenOffError, EOFError, gzip.BadGzipFile, zlib.error):
            if not admitted:
                raise
            self._warn_truncated(admitted)
        return admitted

    def _warn_truncated(self, posts: Sequence[Post]) -> None:
        log.warning("%s: only its first %d posts are used", self.path.name, len(posts))


def _read_rows(file: BufferedReader) -> Iterator[str | Mapping[str, Any]]:
    """Yield the lines of a file, or the values of a JSON array or of multi-line JSON."""
    packed = file.read(2) == GZIP
    file.seek(0)
    stream = cast(BufferedReader, gzip.GzipFile(fileobj=file)) if packed else file
    read = _read_pieces(stream)
    sample = next(read)
    encoding = detect_encoding(sample)
    if b"\0" in sample and not detect_wide(sample):
        raise ValueError("it is not text")
    pieces = codecs.iterdecode(chain([sample], read), encoding, "replace")
    beginning = next(pieces, "")
    first_line = beginning.lstrip("\ufeff \t\r\n").partition("\n")[0].strip()
    split = _split_values if first_line == "{" or first_line.startswith("[") else _split_lines
    yield from split(chain([beginning], pieces))


def _read_pieces(stream: BufferedReader) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces of about PIECE, including those before a gzip error.
    Raise ValueError if the file is too large."""
    piece, total = bytearray(), 0
    try:
        while part := stream.read1(PIECE):
            piece += part
            total += len(part)
            if total > MAX_BYTES:
                raise ValueError(f"larger than {MAX_BYTES // 1_000_000} MB: split it")
            if len(piece) >= PIECE:
                yield bytes(piece)
                piece.clear()
    except (EOFError, gzip.BadGzipFile, zlib.error):
        yield bytes(piece)
        raise
    yield bytes(piece)


def _split_lines(pieces: Iterable[str]) -> Iterator[str]:
    """Yield lines; cut a line that is too long, but leave it long enough to be refused."""
    left = ""
    for piece in pieces:
        end, *lines = piece.split("\n")
        left += end[: MAX_LINE + 1 - len(left)]
        if lines:
            yield left
            *lines, left = lines
            yield from lines
    if left:
        yield left


_BETWEEN = re.compile(r"[\s,\[\]\ufeff]*")


def _split_values(pieces: Iterable[str]) -> Iterator[Any]:
    """Yield the values of a JSON array or of concatenated JSON. Raise ValueError at a value that is
    cut off."""
    decoder = json.JSONDecoder(strict=False)
    left, number = "", 0
    for piece in pieces:
        left += piece
        at = _after(left, 0)
        while at < len(left):
            try:
                value, end = decoder.raw_decode(left, at)
            except (ValueError, RecursionError):
                break  # incomplete so far
            yield value
            number += 1
            at = _after(left, end)
        left = left[at:]
        if len(left) > MAX_LINE:
            break
    if left:
        raise BrokenOffError(f"its JSON is broken after {number} values")


def _after(text: str, at: int) -> int:
    match = _BETWEEN.match(text, at)
    return match.end() if match else at


def open_source(spec: SourceSpec, access: Access) -> FileSource:
    return FileSource(Path(spec.address).expanduser())
