"""Derive a post's key, which is the same whichever source delivers it.

A post of X has the key `x:ID` through X, RSSHub or Nitter; a Hacker News story has `hn:ID` through
the API or a feed. Posts without the id of a known service are keyed by their address without
tracking parameters. If entries of a feed share an address, they are keyed by guid, or else by title
and day. Keys are remembered per feed, so that an entry keeps its key if its address or its
neighbours change.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from yarl import URL

from digest.fetch import Entry

MAX_ID = 180
_X_HOSTS = {"x.com", "twitter.com", "mobile.twitter.com", "fxtwitter.com", "vxtwitter.com"}
_X_PATH = re.compile(r"(?:/i)?/(?P<author>\w{1,15})/status(?:es)?/(?P<id>\d{1,20})\b.*")
_BRIDGED = range(17, 21)
"""Lengths of X ids since 2013; on other hosts a shorter number means something else."""
_TRACKING = frozenset(
    "spm scm si fbclid gclid mc_cid mc_eid igshid ref_src ref_url cmpid ncid guccounter".split()
)


_NO_PLACE = re.compile(
    r"(?:top|comments|respond)?|(?:utm|xtor|at_|ref|rss|atom)\b.*", re.IGNORECASE
)
"""URL fragments that do not identify a part of a page."""
MAX_REMEMBERED, MAX_SHARED = 400, 60
"""Remembered entries per feed, and remembered addresses that several entries share."""
_OWN_POSTS = {"x", "hn", "reddit", "v2ex", "telegram", "mastodon"}
"""Services for which a link means the post itself; a link to a video or paper may be about it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Source and id of a post, its address, and its author if the address names one."""

    source: str
    id: str
    url: str
    author: str = ""
    place: str = ""
    """Its community, like `r/LocalLLaMA`."""


def identity(link: str) -> Identity:
    """Return the identity of the post at an address, from the address alone."""
    url = _parse(link)
    return (_of_service(url) if url else None) or identify_page(link)


def identify_page(link: str) -> Identity:
    """Return the identity of a page by its address, even if it belongs to a known service."""
    url = _parse(link)
    return _of_page(url, link) if url else Identity("rss", _hash(link), "")


def _of_page(url: URL, link: str) -> Identity:
    id_ = re.sub(r"\s", "_", _normal(url))
    return Identity("rss", id_ if len(id_) <= MAX_ID else _hash(id_), link)


@dataclass(frozen=True, slots=True)
class _Names:
    """Candidate identities of a feed entry."""

    page: Identity | None
    """By address."""
    guid: Identity | None
    """By guid."""
    title: Identity
    day: str
    own_post: bool
    """True if the address alone identifies the post."""
    repeats_page: bool
    """True if its guid is its address, which may be written differently next time."""

    @property
    def mark(self) -> str:
        """Return what distinguishes entries with the same address: guid or title."""
        return self.guid.id if self.guid else self.title.id


def identify_entries(
    entries: Iterable[Entry], feed: str, memory: Iterable[str] = ()
) -> tuple[list[Identity], list[str]]:
    """Return the identity of each entry of a feed, and the feed's memory for the next fetch.

    `feed`: its address. The entries' links are absolute or empty. `memory`: from the last fetch.
    """
    names = _drop_shared_guids([_name(entry, feed) for entry in entries])
    rows = [row.split(" ", 2) for row in memory if row.count(" ") >= 2]
    remembered = {guid: (day, id_) for guid, day, id_ in rows if guid != _SHARED}
    shared = {id_ for guid, _, id_ in rows if guid == _SHARED}
    recalled = [_recall(name, remembered) for name in names]
    claims: dict[str, set[str]] = {}
    for name, earlier in zip(names, recalled, strict=True):
        if name.page and not name.own_post and earlier in ("", name.page.id):
            claims.setdefault(name.page.id, set()).add(name.mark)
    repeated = {name.page.id for name in names if name.page and name.repeats_page}
    for guid, (_, id_) in remembered.items():
        if id_ not in repeated:
            claims.setdefault(id_, set()).add(guid)
    shared |= {id_ for id_, marks in claims.items() if len(marks) > 1}
    chosen = [_choose(n, earlier, shared) for n, earlier in zip(names, recalled, strict=True)]
    for name, identity_ in zip(names, chosen, strict=True):
        if name.guid and identity_.source == "rss":
            remembered.pop(name.guid.id, None)  # move to the end: the newest come last
            remembered[name.guid.id] = (name.day, identity_.id)
    rows = [[_SHARED, _SHARED, id_] for id_ in sorted(shared)[:MAX_SHARED]]
    rows += [[guid, day, id_] for guid, (day, id_) in [*remembered.items()][-MAX_REMEMBERED:]]
    return chosen, [" ".join(row) for row in rows]


_SHARED = "-"


def _name(entry: Entry, feed: str) -> _Names:
    """Return the candidate identities of an entry."""
    page_url, guid_url = _parse(entry.link), _parse(entry.id)
    urls = filter(None, (page_url, guid_url))
    service_post = next(filter(None, map(_of_service, urls)), None)
    video = entry.id.removeprefix("yt:video:")[:MAX_ID]
    if service_post is None and video and entry.id.startswith("yt:video:"):
        service_post = Identity("youtube", video, f"https://www.youtube.com/watch?v={video}")
    page = service_post
    if page is None and page_url:
        page = _of_page(page_url, entry.link)
    elif page is None and guid_url:
        page = _of_page(guid_url, entry.id)
    address = page.url if page else ""
    host = (page_url or _parse(feed) or URL()).host or ""
    day = str(entry.published.date()) if entry.published else _SHARED
    return _Names(
        page,
        Identity("rss", _hash(f"{host} {entry.id}"), address) if entry.id else None,
        Identity("rss", _hash(f"{host} {entry.title or entry.content[:500]} {day}"), address),
        day,
        own_post=service_post is not None and service_post.source in _OWN_POSTS,
        repeats_page=bool(page_url and guid_url and _normal(page_url) == _normal(guid_url)),
    )


def _drop_shared_guids(names: Sequence[_Names]) -> list[_Names]:
    """Remove guids that the feed uses for several entries."""
    entries: dict[str, set[tuple[str, str]]] = {}
    for name in names:
        if name.guid:
            page = name.page.id if name.page else ""
            entries.setdefault(name.guid.id, set()).add((page, name.title.id))
    return [
        replace(name, guid=None) if name.guid and len(entries[name.guid.id]) > 1 else name
        for name in names
    ]


def _recall(name: _Names, remembered: Mapping[str, tuple[str, str]]) -> str:
    """Return the remembered id of an entry, whatever its address was; "" for a new entry."""
    if name.guid is None or name.own_post or name.guid.id not in remembered:
        return ""
    day, id_ = remembered[name.guid.id]
    same = day in (name.day, _SHARED) or name.day == _SHARED
    return id_ if same or (name.page and name.page.id == id_) else ""


def _choose(name: _Names, earlier: str, shared: Collection[str]) -> Identity:
    if earlier:
        return Identity("rss", earlier, name.title.url)
    if name.page and (name.own_post or name.page.id not in shared):
        return name.page
    return name.guid or name.title


def _of_service(url: URL) -> Identity | None:
    host = (url.host or "").lower().removeprefix("www.")
    path = url.path.rstrip("/")
    return (
        _of_x(host, path)
        or _of_forum(host, path, url)
        or _of_video(host, path, url)
        or _of_federation(host, path)
    )


def _of_x(host: str, path: str) -> Identity | None:
    match = _X_PATH.fullmatch(path)
    if match and (host in _X_HOSTS or len(match["id"]) in _BRIDGED):
        author = match["author"] if match["author"] not in {"i", "web"} else ""
        url = f"https://x.com/{author or 'i'}/status/{match['id']}"
        return Identity("x", match["id"], url, author)
    return None


def _of_forum(host: str, path: str, url: URL) -> Identity | None:
    if host == "news.ycombinator.com" and path == "/item" and url.query.get("id", "").isdigit():
        id_ = url.query["id"]
        return Identity("hn", id_, f"https://news.ycombinator.com/item?id={id_}")
    if host == "v2ex.com" and (match := re.fullmatch(r"/t/(\d{1,12})", path)):
        return Identity("v2ex", match[1], f"https://www.v2ex.com/t/{match[1]}")
    if host.split(".", 1)[-1] == "reddit.com" or host == "reddit.com":
        match = re.match(r"(?:/(r/\w{1,40}))?/comments/(\w{1,12})", path)
        if match:
            address = f"https://www.reddit.com/comments/{match[2]}"
            return Identity("reddit", match[2], address, place=match[1] or "")
    if host == "arxiv.org" and (
        match := re.fullmatch(r"/(?:abs|pdf|html)/([\w.-]+(?:/\d+)?)", path)
    ):
        id_ = re.sub(r"(?:v\d+)?(?:\.pdf)?$", "", match[1])
        return Identity("arxiv", id_, f"https://arxiv.org/abs/{id_}")
    return None


def _of_video(host: str, path: str, url: URL) -> Identity | None:
    id_ = url.query.get("v", "") if path == "/watch" else path.rsplit("/", 1)[-1]
    names_one = path == "/watch" or path.startswith(("/watch/", "/shorts/", "/live/"))
    video = host in {"youtube.com", "m.youtube.com"} and names_one
    if (video or host == "youtu.be") and re.fullmatch(r"[\w-]{6,20}", id_):
        return Identity("youtube", id_, f"https://www.youtube.com/watch?v={id_}")
    return None


def _of_federation(host: str, path: str) -> Identity | None:
    if host in {"t.me", "telegram.me"} and (
        match := re.fullmatch(r"(?:/s)?/(\w{4,32})/(\d+)", path)
    ):
        name = match[1].lower()
        return Identity(
            "telegram", f"{name}/{match[2]}", f"https://t.me/{match[1]}/{match[2]}", name
        )
    if match := re.fullmatch(r"/@(\w{1,30})(?:@[\w.-]+)?/(\d{10,20})", path):
        url = f"https://{host}/@{match[1]}/{match[2]}"
        return Identity("mastodon", f"{host}/{match[2]}", url, f"{match[1]}@{host}")
    return None


def _parse(address: str) -> URL | None:
    try:
        url = URL(address)
        return url if url.scheme in ("http", "https") and url.host else None
    except (ValueError, TypeError, IndexError):  # yarl raises these for http://x[::1]@
        return None


def _normal(url: URL) -> str:
    """Normalise an address: ignore scheme, `www.`, default ports and tracking parameters."""
    query = sorted(
        (name, value)
        for name, value in url.query.items()
        if name.lower() not in _TRACKING and not name.lower().startswith("utm_")
    )
    host = (url.host or "").lower().removeprefix("www.")
    port = f":{url.port}" if url.port not in (None, 80, 443) else ""
    end = f"?{URL.build(query=query).query_string}" if query else ""
    end += "" if _NO_PLACE.fullmatch(url.fragment) else f"#{url.fragment}"
    return f"{host}{port}{url.path.rstrip('/')}{end}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
