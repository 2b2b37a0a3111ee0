"""Where posts come from. A new source is one new file here with a class or function named
`open_source`, called with spec and access."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import count
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol, cast
from urllib.parse import parse_qsl, urlsplit

from digest.errors import SourceError
from digest.fetch.addresses import describe_address, is_near, make_link
from digest.masking import register_secrets, secrets_in
from digest.models import Post, SourceSpec, SourceState, Window
from digest.text import clean

EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
"""Clocks that were never set say 1970 or 1980, broken dates the year 1."""
MAX_KEY = 200
"""Characters of a post's key: databases index it, and no service has longer ids."""
MAX_NAME, MAX_LINKS = 100, 20
MAX_SOURCE = 80
"""Characters of what reports call a source, but for its number."""
_TELLING_PARTS = frozenset(
    "q query search keyword keywords tag category topic channel channel_id playlist_id user"
    " username author feed lang".split()
)
"""Parts of a query that say what is asked for."""


@dataclass(frozen=True, slots=True)
class Access:
    """What sources need of the operator besides their own line."""

    proxy: str = field(default="", repr=False)
    x_token: str = field(default="", repr=False)
    x_reads_month: int = 0


class Source(Protocol):
    """A place that gives posts."""

    name: str
    """What the report calls it."""
    reach: int | None = 7
    """How many days back it can still give posts; None: all it ever had, without a network."""
    billed: bool = False
    """True if reading it costs money: then `SourceState.budget` holds how much may be read."""
    site: str = ""
    """The host whose posts alone it may complete where another source cut them, and whose posts are
    its own whoever brought them first; empty: it may complete any."""

    async def fetch(self, window: Window, state: SourceState) -> tuple[Sequence[Post], SourceState]:
        """Return posts it has now, of whatever day, `window` being what is wanted; and what to
        remember.

        Posts and state are stored together, so nothing is lost or paid for twice where the process
        dies. Raise SourceError where it has none to give.
        """


def kinds() -> list[str]:
    """Return the kinds of source found in this folder."""
    return sorted(module.name for module in iter_modules(__path__))


def open_source(spec: SourceSpec, access: Access | None = None) -> Source:
    """Return the source a topic lists. Secrets in its address are masked from now on.

    Raise SourceError for a kind there is no file for, or an address that is none of that kind.
    """
    register_secrets(secrets_in(spec.address))
    if spec.kind not in kinds():
        raise SourceError(f'no kind "{spec.kind}"; kinds: {", ".join(kinds())}')
    module = import_module(f"{__name__}.{spec.kind}")
    return cast(Source, module.open_source(spec, access or Access()))


def name_source(spec: SourceSpec, access: Access | None = None) -> str:
    """Return what reports call a source, also one that cannot be opened."""
    try:
        return open_source(spec, access).name
    except SourceError:
        return f"{spec.kind} {describe_address(spec.address)}"[:MAX_SOURCE].strip()


def name_sources(
    specs: Iterable[SourceSpec], access: Access | None = None
) -> dict[SourceSpec, str]:
    """Return what reports call the sources of a topic, each by a name of its own: those that would
    share one are told apart by their queries, or by a number."""
    plain = {spec: name_source(spec, access) for spec in specs}
    queries = {spec: _list_query(spec.address) for spec in plain}
    sharing = Counter(plain.values())
    having = Counter((name, value) for spec, name in plain.items() for value in queries[spec])
    numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(2))
    names: dict[str, SourceSpec] = {}
    for spec, name in plain.items():
        words = [value for value in queries[spec] if having[name, value] < sharing[name]]
        unique = alike = " ".join([name, *words])[:MAX_SOURCE].strip()
        while unique in names:
            unique = f"{alike} {next(numbers[alike])}"
        names[unique] = spec
    return {spec: name for name, spec in names.items()}


def _list_query(address: str) -> list[str]:
    """Return what the query of an address asks for: of ids only the beginning, and nothing that
    could open a door (`pw`, `session`, `code`)."""
    try:
        pairs = parse_qsl(urlsplit(address).query)
    except ValueError:
        return []
    values = dict.fromkeys(
        " ".join(clean(v).split()) for n, v in pairs if n.casefold() in _TELLING_PARTS
    )
    return [value if len(value) < 20 else f"{value[:8]}…" for value in values]


def refuse_idle(spec: SourceSpec, access: Access) -> None:
    """Raise SourceError for a source that can give nothing as it is set up, without asking it."""
    source = open_source(spec, access)
    if source.billed and not access.x_token:
        raise SourceError(f"{source.name}: set X_BEARER_TOKEN, or read X through an RSS bridge")
    if source.reach is None and spec.address and not Path(spec.address).expanduser().is_file():
        raise SourceError(f"{spec.address}: no such file; check the name")
    if source.site and not spec.private and is_near(source.site):
        raise SourceError(f"{source.name}: leads into a private network: set private = true")


def parse_spec(words: Sequence[str]) -> SourceSpec:
    """Return the source that somebody types: a kind and its address, or an address that tells its
    kind.

    Raise SourceError for what names none, and for files of this machine: only the topics file may.
    """
    kind, address = (words[0], words[1:]) if words[0] in kinds() else ("", words)
    spec = SourceSpec(kind or "rss", " ".join(address))
    # A kind's file may claim addresses by a pattern, CLAIMS; any other is a feed.
    for name in () if kind else kinds():
        claims = getattr(import_module(f"{__name__}.{name}"), "CLAIMS", None)
        if claims is not None and claims.match(spec.address):
            spec = replace(spec, kind=name)
    if open_source(spec).reach is None:
        raise SourceError(f'a source of kind "{spec.kind}" can only be set in the topics file')
    return spec


def is_plausible(moment: datetime, now: datetime) -> bool:
    """Return True for a moment that a post of today or of an archive can be of."""
    return EARLIEST <= moment <= now + timedelta(days=1)


def admit_posts(posts: Iterable[Post], now: datetime, *, near: bool = False) -> list[Post]:
    """Return the posts as they may be stored: one that is broken costs only itself.

    A date that cannot be counts as none: such a post is of `now`, when it was first seen. `near`:
    links to private networks are good.
    """
    return [admit_post(post, now, near=near) for post in posts if len(post.key) <= MAX_KEY]


def admit_post(post: Post, now: datetime, *, near: bool = False) -> Post:
    """Return a stranger's post with valid text, links that readers may get, a date that can be."""
    links = (make_link(link, near=near) for link in post.links[: 2 * MAX_LINKS])
    return replace(
        post,
        id=_valid(post.id),
        author=_clean_name(post.author),
        author_name=_clean_name(post.author_name),
        text=_valid(post.text),
        created_at=post.created_at if is_plausible(post.created_at, now) else now,
        url=make_link(post.url, near=near) if post.url else "",
        lang=_valid(post.lang)[:20],
        links=tuple(dict.fromkeys(filter(None, links)))[:MAX_LINKS],
    )


def _clean_name(name: str) -> str:
    """Return a name on one line, without what is not shown: marks of direction, zero width."""
    return " ".join(clean(_valid(name)).split())[:MAX_NAME].strip()


def _valid(text: str) -> str:
    """Return the text without lone surrogates and NUL, which can be neither written nor stored."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-8", "ignore").decode().replace("\0", "")
