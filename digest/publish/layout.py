"""Templates, links and text helpers of the archive pages."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from digest.fetch.addresses import is_near
from digest.models import Cited, Item, Language, Report, SourceResult, Topic, show_author
from digest.publish import days_of, label, say_sample
from digest.reading.tokens import find_matches
from digest.sources import name_source
from digest.text import shown

FOLDER = Path(__file__).with_name("templates")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Frame:
    """Path and language of a page, and its links to other pages."""

    path: str
    """Path without the language: `ai/2025-12-06`."""
    language: Language
    usual: Language
    """Default language, whose pages are at the top level, not below `en/` or `zh/`."""
    topics: Mapping[str, Language] = field(default_factory=dict)
    """Default languages of the topics."""
    address: str = ""
    """PUBLIC_URL without a trailing slash; empty if unknown."""
    static: bool = False
    """True for a site written to files: links are relative and end in a file name."""
    other_path: str | None = None
    """Path of this page in the other language, if it differs."""

    @property
    def prefix(self) -> str:
        """Return `en/` or `zh/` if the language is not the default."""
        return self._prefix_of(self.path)

    def _prefix_of(self, path: str) -> str:
        usual = self.topics.get(path.partition("/")[0], self.usual)
        return "" if self.language == usual else f"{self.language}/"

    @property
    def other(self) -> Language:
        """Return the other language."""
        return next(code for code in LANGUAGES if code != self.language)

    @property
    def canonical(self) -> str:
        return self.absolute(f"{self.prefix}{self.path}")

    @property
    def other_language(self) -> str:
        """Return the link to the same page in the other language."""
        prefix = "" if self.prefix else f"{self.other}/"
        path = self.path if self.other_path is None else self.other_path
        return self._to(f"{prefix}{path}".rstrip("/"))

    def absolute(self, path: str) -> str:
        """Return the absolute URL of a file or page of the site."""
        return f"{self.address}/{quote(path, safe='/.')}"

    def file(self, path: str) -> str:
        """Return the link to a file, which is the same in all languages."""
        return self._root() + quote(path, safe="/.")

    def link(self, path: str) -> str:
        """Return the link to a page in the same language."""
        return self._to(f"{self._prefix_of(path)}{path}".rstrip("/"))

    def _to(self, path: str) -> str:
        end = ("/" if path else "") + "index.html" if self.static else ""
        return self._root() + quote(path, safe="/.") + end

    def _root(self) -> str:
        if self.static:
            depth = f"{self.prefix}{self.path}".strip("/").count("/") + 1
            return "../" * (depth if self.prefix or self.path else 0) or "./"
        return urlsplit(self.address).path.rstrip("/") + "/"


def render(template: str, frame: Frame, **values: Any) -> bytes:
    """Render a page as UTF-8. All values are escaped."""
    defaults = {"topic": None, "picture": "", "picture_alt": "", "words": "", "content_lang": ""}
    say = partial(label, language=frame.language)
    page = _environment().get_template(template)
    return page.render({**defaults, **values, "page": frame, "say": say}).encode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
    )
    environment.globals.update(
        cited=list_cited,
        public_sources=list_public_sources,
        web_address=web_address,
        days_of=days_of,
        say_sample=say_sample,
    )
    return environment


def printable(text: str) -> str:
    """Replace characters that HTML and XML forbid: controls, noncharacters, surrogates."""
    return _CONTROLS.sub(" ", shown(text))


def list_cited(item: Item, posts: Mapping[str, Cited]) -> list[tuple[str, Cited]]:
    """Return the item's cited posts that the report contains, with their authors."""
    return [(show_author(key, posts[key].author), posts[key]) for key in item.cites if key in posts]


def list_public_sources(topic: Topic, report: Report) -> list[SourceResult]:
    """Return the results of sources, except those in the operator's private network, because their
    names contain its hosts."""
    private = tuple(f"{name_source(spec)} " for spec in topic.sources if spec.private)
    # Suffixes that make names unique follow a space.
    return [source for source in report.sources if not f"{source.name} ".startswith(private)]


def web_address(url: str) -> str:
    """Return the URL if it is a public web address, else ""."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
        good = parts.scheme in ("http", "https") and host and not is_near(host)
    except ValueError:
        return ""
    return re.sub(r"\s", "%20", url.strip()) if good else ""


def mark_words(text: str, words: str) -> Markup:
    """Return the text with search matches highlighted."""
    parts, end = [], 0
    for start, stop in find_matches(text, words):
        parts += [Markup.escape(printable(text[end:start]))]
        parts += [Markup("<mark>{}</mark>").format(printable(text[start:stop]))]
        end = stop
    return Markup("").join([*parts, Markup.escape(printable(text[end:]))])


def describe(report: Report) -> str:
    """Return a report's description for search engines and previews: the start of its overview."""
    items = [*report.section("overview").items, *report.section("points").items]
    return shorten(next((item.text for item in items if item.text), ""), 160)


def shorten(text: str, most: int) -> str:
    """Return the text on one line, truncated to `most` characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


T = TypeVar("T")


class Memo(Generic[T]):
    """LRU cache of coroutine results."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: OrderedDict[Hashable, asyncio.Task[T]] = OrderedDict()

    async def get(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the cached result, or compute it with `make`. Exceptions are not cached."""
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(make())
            while len(self._tasks) > self._most:
                self._tasks.popitem(last=False)
        self._tasks.move_to_end(key)
        task = self._tasks[key]
        try:
            # Shielded, because the first caller may be cancelled while others wait.
            return await asyncio.shield(task)
        except Exception:
            self.drop(key)
            raise

    def drop(self, key: Hashable) -> None:
        self._tasks.pop(key, None)

    def clear(self) -> None:
        self._tasks.clear()
