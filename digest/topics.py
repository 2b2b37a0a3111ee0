"""Load and validate `topics.toml`."""

import re
import tomllib
from collections.abc import Iterable
from datetime import time
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from digest.errors import DigestError, TopicsError
from digest.models import Language, SourceSpec, Topic
from digest.text import clean

SHIPPED = Path("topics.toml")
"""Default of TOPICS_FILE."""
PAGES = frozenset("en zh search metrics healthz readyz".split())
"""Path names used by the web pages; a topic with such a name would be unreachable."""


def _clock(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"(?:[01]\d|2[0-3]):[0-5]\d", value):
        return time.fromisoformat(value)
    raise ValueError('write the time like "08:00"')


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            "no such time zone: write one like Europe/Berlin or Asia/Shanghai"
        ) from None
    return name


ZoneName = Annotated[str, AfterValidator(_check_zone)]
"""A time zone name; the validator's error suggests a valid one."""


# A title of U+FEFF alone is empty, and an empty keyword would match every post.
_Text = Annotated[
    str,
    StringConstraints(min_length=1),
    BeforeValidator(lambda text: clean(text) if isinstance(text, str) else text),
]
_Titles = Annotated[
    dict[Language, _Text],
    BeforeValidator(lambda both: {"zh": both, "en": both} if isinstance(both, str) else both),
]

_ADVICE = {
    "literal_error": "write %(expected)s",
    "greater_than_equal": "write %(ge)g or more",
    "less_than_equal": "write %(le)g or less",
    "missing": "is missing: add it",
    "extra_forbidden": "is not a known key: check its spelling",
    "too_short": 'write one text, or { zh = "...", en = "..." }',
    "string_pattern_mismatch": 'write small letters, digits, - and _, like "twitter_ai"',
    "string_too_short": "is empty: write something",
    "string_type": "write text in quotes",
    "list_type": 'write a list, like ["one", "two"]',
    "dict_type": "write a table, like { name = ... }",
    "model_type": "write a table, like { name = ... }",
    "float_parsing": "write a number, like 0.5",
    "finite_number": "write a number, like 0.5",
    "int_parsing": "write a whole number, like 90",
    "int_from_float": "write a whole number, like 90",
}
"""Advice by pydantic error type, where pydantic's own message does not help."""


class _Source(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: _Text
    address: str = ""
    weight: float = Field(1.0, ge=0, le=10)
    fallback_for: str = ""
    private: bool = False


class _Topic(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Annotated[_Titles, Field(min_length=2)]
    slug: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$")
    timezone: ZoneName = "UTC"
    build_at: Annotated[time, BeforeValidator(_clock)] = time(5)
    language: Language | None = None
    languages: list[Language] = []
    about: str = ""
    keywords: list[_Text] = []
    special: _Titles = {}
    watch: list[_Text] = []
    authors: dict[str, Annotated[float, Field(ge=0, le=10)]] = {}
    sources: list[_Source] = []


def load_topics(path: Path) -> dict[str, Topic]:
    """Return the topics by name, in file order.

    Raise TopicsError that lists every invalid key with advice on what to write instead.
    """
    tables = _tables(find_topics_file(path))
    topics, problems = {}, []
    for name, table in tables.items():
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", name):
            problems.append(f"[{name}]: write small letters, digits, - and _, a letter first")
        if name in PAGES:
            problems.append(f"[{name}]: is a page of its own: write another name, like [{name}_1]")
        try:
            slugged = {"slug": name} | table if isinstance(table, dict) else table
            topics[name] = _topic(name, _Topic.model_validate(slugged))
        except ValidationError as error:
            problems += [_word_problem(name, fault) for fault in error.errors(include_url=False)]
    names: dict[str, str] = {}
    for name, topic in topics.items():  # reports are stored by slug
        if (other := names.setdefault(topic.slug, name)) != name:
            problems.append(f'[{name}] slug: "{topic.slug}" is already that of [{other}]')
    if problems:
        raise TopicsError("\n".join(f"{path.name}: {problem}" for problem in problems))
    if not topics:
        raise TopicsError(f"{path.name}: no topic in it: add a table like [ai]")
    return topics


def refuse_unknown(name: str, names: Iterable[str]) -> None:
    """Raise DigestError if the topic is not one of these names."""
    listed = list(names)
    if name not in listed:
        others = f"topics: {', '.join(listed)}" if listed else "there are no topics yet"
        raise DigestError(f'there is no topic "{name}"; {others}')


def find_topics_file(path: Path) -> Path:
    """Return the topics file to read. If the default file is not in the working directory, use that
    of the checkout or of the installed wheel."""
    if path != SHIPPED or path.exists():
        return path
    beside = Path(__file__).parents[1] / SHIPPED
    if beside.is_file():
        return beside
    try:
        files = metadata.files("jianbao") or []
    except metadata.PackageNotFoundError:
        return path
    return next((Path(str(file.locate())) for file in files if file.name == SHIPPED.name), path)


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise TopicsError(f"{path}: no such file: name the topics file in TOPICS_FILE") from None
    except (OSError, UnicodeDecodeError):
        raise TopicsError(f"{path}: cannot be read: it must be a UTF-8 text file") from None
    except tomllib.TOMLDecodeError as error:
        raise TopicsError(f"{path.name}: not TOML: {error}") from None


def _topic(name: str, data: _Topic) -> Topic:
    words = "".join((*data.title.values(), data.about, *data.keywords))
    spoken: Language = "zh" if any("\u4e00" <= char <= "\u9fff" for char in words) else "en"
    values = dict(data) | {
        "language": data.languages[0] if data.languages else data.language or spoken,
        "languages": tuple(dict.fromkeys(data.languages[1:])),
        "keywords": tuple(data.keywords),
        "watch": tuple(data.watch),
        "authors": {handle.lower().lstrip("@"): w for handle, w in data.authors.items()},
        "sources": tuple(SourceSpec(**dict(source)) for source in data.sources),
    }
    return Topic(name, **values)


def _word_problem(topic: str, fault: Any) -> str:
    if not fault["loc"]:
        return (
            f"[{topic}]: is not a table: a topic is a table like [ai], and every key belongs to one"
        )
    key = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    return f"[{topic}] {key}: {advise(fault)}"


def advise(fault: Any) -> str:
    """Return advice for a pydantic error dict `fault`."""
    advice = _ADVICE.get(fault["type"])
    words = str(fault["msg"]).removeprefix("Value error, ")
    return advice % fault.get("ctx", {}) if advice else words
