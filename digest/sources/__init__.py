"""Sources of posts. Each kind is one file in this folder with a class or function `open_source`
that takes a spec and an Access."""

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
"""Earliest plausible date: unset clocks yield 1970 or 1980, broken dates the year 1."""
MAX_KEY = 200
"""Maximum length of a post's key, which is indexed; no service has longer ids."""
MAX_NAME, MAX_LINKS = 100, 20
MAX_SOURCE = 80
"""Maximum length of a source's name in reports, without its number."""
_TELLING_PARTS = frozenset(
    "q query search keyword keywords tag category topic channel channel_id playlist_id user"
    " username author feed lang".split()
)
"""Query parameters that say what is requested."""


@dataclass(frozen=True, slots=True)
class Access:
    """Credentials and limits that sources share."""

    proxy: str = field(default="", repr=False)
    x_token: str = field(default="", repr=False)
    x_reads_month: int = 0


class Source(Protocol):
    """A source of posts."""

    name: str
    """Name in reports."""
    reach: int | None = 7
    """Days back for which it still lists posts; None: a local file, which has all."""
    billed: bool = False
    """True if reads cost money; `SourceState.budget` then limits them."""
    site: str = ""
    """Host of the posts it may complete if another source truncated them, and take over from other
    sources; empty: it may complete any."""

    async def fetch(self, window: Window, state: SourceState) -> tuple[Sequence[Post], SourceState]:
        """Return the posts it has now, of any day, and the state for the next fetch. `window` is
        what the caller needs.

        Posts and state are saved in one transaction, so nothing is lost or paid for twice if the
        process dies. Raise SourceError if the fetch fails.
        """


def kinds() -> list[str]:
    """Return the kinds of sources found in this folder."""
    return sorted(module.name for module in iter_modules(__path__))


def open_source(spec: SourceSpec, access: Access | None = None) -> Source:
    """Return the source for a spec. Secrets in its address are masked from now on.

    Raise SourceError for an unknown kind or an invalid address.
    """
    register_secrets(secrets_in(spec.address))
    if spec.kind not in kinds():
        raise SourceError(f'no kind "{spec.kind}"; kinds: {", ".join(kinds())}')
    module = import_module(f"{__name__}.{spec.kind}")
    return cast(Source, module.open_source(spec, access or Access()))


def name_source(spec: SourceSpec, access: Access | None = None) -> str:
    """Return the source's name in reports, even if it cannot be opened."""
    try:
        return open_source(spec, access).name
    except SourceError:
        return f"{spec.kind} {describe_address(spec.address)}"[:MAX_SOURCE].strip()


def name_sources(
    specs: Iterable[SourceSpec], access: Access | None = None
) -> dict[SourceSpec, str]:
    """Return a unique name for each source of a topic: names that collide get words of the query or
    a number."""
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
    """Return the values of the descriptive query parameters; of long ids only the beginning, and
    never credentials (`pw`, `session`, `code`)."""
    try:
        pairs = parse_qsl(urlsplit(address).query)
    except ValueError:
        return []
    values = dict.fromkeys(
        " ".join(clean(v).split()) for n, v in pairs if n.casefold() in _TELLING_PARTS
    )
    return [value if len(value) < 20 else f"{value[:8]}…" for value in values]


def refuse_idle(spec: SourceSpec, access: Access) -> None:
    """Raise SourceError if the source cannot work as configured; makes no request."""
    source = open_source(spec, access)
    if source.billed and not access.x_token:
        raise SourceError(f"{source.name}: set X_BEARER_TOKEN, or read X through an RSS bridge")
    if source.reach is None and spec.address and not Path(spec.address).expanduser().is_file():
        raise SourceError(f"{spec.address}: no such file; check the name")
    if source.site and not spec.private and is_near(source.site):
        raise SourceError(f"{source.name}: leads into a private network: set private = true")


def parse_spec(words: Sequence[str]) -> SourceSpec:
    """Return the source a user typed: a kind and an address, or an address alone.

    Raise SourceError for invalid input, and for local files, which only the topics file may name.
    """
    kind, address = (words[0], words[1:]) if words[0] in kinds() else ("", words)
    spec = SourceSpec(kind or "rss", " ".join(address))
    # A kind may claim addresses with a pattern, CLAIMS; any other address is a feed.
    for name in () if kind else kinds():
        claims = getattr(import_module(f"{__name__}.{name}"), "CLAIMS", None)
        if claims is not None and claims.match(spec.address):
            spec = replace(spec, kind=name)
    if open_source(spec).reach is None:
        raise SourceError(f'a source of kind "{spec.kind}" can only be set in the topics file')
    return spec


def is_plausible(moment: datetime, now: datetime) -> bool:
    """Return True if a post may have this date."""
    return EARLIEST <= moment <= now + timedelta(days=1)


def admit_posts(posts: Iterable[Post], now: datetime, *, near: bool = False) -> list[Post]:
    """Return the posts made safe to store, without those whose key is too long.

    A post with an implausible date gets `now`, the time it was first seen. `near`: allow links to
    private networks.
    """
    return [admit_post(post, now, near=near) for post in posts if len(post.key) <= MAX_KEY]


def admit_post(post: Post, now: datetime, *, near: bool = False) -> Post:
    """Return an untrusted post with valid text, safe links and a plausible date."""
    links = (make_link(link, near=near) for link in post.links[: 2 * MAX_LINKS])
    return replace(
        post,
        id=_valid(post.id),
        source=_valid(post.source),
        author=_clean_name(post.author),
        author_name=_clean_name(post.author_name),
        text=_valid(post.text),
        created_at=post.created_at if is_plausible(post.created_at, now) else now,
        url=make_link(post.url, near=near) if post.url else "",
        lang=_valid(post.lang)[:20],
        links=tuple(dict.fromkeys(filter(None, links)))[:MAX_LINKS],
    )


def _clean_name(name: str) -> str:
    """Return the name on one line, without invisible characters (bidi marks, zero width)."""
    return " ".join(clean(_valid(name)).split())[:MAX_NAME].strip()


def _valid(text: str) -> str:
    """Return the text without lone surrogates and NUL, which cannot be encoded or stored."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-8", "ignore").decode().replace("\0", "")
