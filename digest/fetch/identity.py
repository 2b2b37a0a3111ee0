"""One key for one post, whoever delivers it.

A post of X has the key `x:ID` through X itself, RSSHub or Nitter; a story of Hacker News has `hn:ID` through
its API or a feed. What has no id of a service that we know goes by its address, without what only tracks.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from yarl import URL

MAX_ID = 180
_X_HOSTS = {"x.com", "twitter.com", "mobile.twitter.com", "fxtwitter.com", "vxtwitter.com"}
_X_PATH = re.compile(r"/(?P<author>\w{1,15})/status(?:es)?/(?P<id>\d{1,20})(?:/.*)?")
_BRIDGED = re.compile(r"\d{17,20}")
"""Ids of X since 2013 have at least 17 digits; a shorter number on another host means something else."""
_TRACKING = re.compile(
    r"(?:utm_\w+|spm|scm|si|fbclid|gclid|mc_cid|mc_eid|igshid|ref_src|ref_url|cmpid|ncid|guccounter)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Source and id of a post, its own address, and its author where the address names one."""

    source: str
    id: str
    url: str
    author: str = ""
    place: str = ""
    """The community it stands in: `r/LocalLLaMA`."""


def identity(link: str, guid: str = "", text: str = "", feed: str = "") -> Identity:
    """Who the post is, by its address, or by the id that its `feed` gives it; `text` stands in for both."""
    for address in (link, guid):
        url = _parsed(address)
        if url is not None and (known := _known(url)):
            return known
    url = _parsed(link)
    if url is not None:
        return Identity("rss", _short(_normal(url)), link)
    if guid.startswith("yt:video:"):
        id_ = guid.removeprefix("yt:video:")[:MAX_ID]
        return Identity("youtube", id_, f"https://www.youtube.com/watch?v={id_}")
    permalink = _parsed(guid)
    if permalink is not None:
        return Identity("rss", _short(_normal(permalink)), guid)
    host = (url.host or "") if (url := _parsed(feed)) is not None else ""
    return Identity("rss", _hash(f"{host} {guid or text}"), "")


def _known(url: URL) -> Identity | None:
    host = (url.host or "").lower().removeprefix("www.")
    path = url.path.rstrip("/")
    return (
        _of_x(host, path)
        or _of_forum(host, path, url)
        or _of_video(host, path, url)
        or _of_federation(host, path)
    )


def _of_x(host: str, path: str) -> Identity | None:
    found = _X_PATH.fullmatch(path)
    if found and (host in _X_HOSTS or _BRIDGED.fullmatch(found["id"])):
        author = found["author"] if found["author"] not in {"i", "web"} else ""
        url = f"https://x.com/{found['author']}/status/{found['id']}"
        return Identity("x", found["id"], url, author)
    return None


def _of_forum(host: str, path: str, url: URL) -> Identity | None:
    if host == "news.ycombinator.com" and path == "/item" and url.query.get("id", "").isdigit():
        id_ = url.query["id"]
        return Identity("hn", id_, f"https://news.ycombinator.com/item?id={id_}")
    if host == "v2ex.com" and (found := re.fullmatch(r"/t/(\d{1,12})", path)):
        return Identity("v2ex", found[1], f"https://www.v2ex.com/t/{found[1]}")
    if host.split(".", 1)[-1] == "reddit.com" or host == "reddit.com":
        found = re.match(r"(?:/(r/\w{1,40}))?/comments/(\w{1,12})", path)
        if found:
            address = f"https://www.reddit.com/comments/{found[2]}"
            return Identity("reddit", found[2], address, place=found[1] or "")
    if host == "arxiv.org" and (
        found := re.fullmatch(r"/(?:abs|pdf|html)/([\w.-]+(?:/\d+)?)", path)
    ):
        id_ = re.sub(r"(?:v\d+)?(?:\.pdf)?$", "", found[1])
        return Identity("arxiv", id_, f"https://arxiv.org/abs/{id_}")
    return None


def _of_video(host: str, path: str, url: URL) -> Identity | None:
    id_ = url.query.get("v", "") if path == "/watch" else path.rsplit("/", 1)[-1]
    video = host in {"youtube.com", "m.youtube.com"} and re.match(r"/(?:watch|shorts|live)\b", path)
    if (video or host == "youtu.be") and re.fullmatch(r"[\w-]{6,20}", id_):
        return Identity("youtube", id_, f"https://www.youtube.com/watch?v={id_}")
    return None


def _of_federation(host: str, path: str) -> Identity | None:
    if host in {"t.me", "telegram.me"} and (
        found := re.fullmatch(r"(?:/s)?/(\w{4,32})/(\d+)", path)
    ):
        name = found[1].lower()
        return Identity(
            "telegram", f"{name}/{found[2]}", f"https://t.me/{found[1]}/{found[2]}", name
        )
    if found := re.fullmatch(r"/@(\w{1,30})(?:@[\w.-]+)?/(\d{10,20})", path):
        url = f"https://{host}/@{found[1]}/{found[2]}"
        return Identity("mastodon", f"{host}/{found[2]}", url, f"{found[1]}@{host}")
    return None


def _parsed(address: str) -> URL | None:
    try:
        url = URL(address)
        return url if url.scheme in ("http", "https") and url.host else None
    except (ValueError, TypeError):
        return None


def _normal(url: URL) -> str:
    """Host, path and query that matters: http or https, www or not, tracked or not is one address."""
    kept = sorted((k, v) for k, v in url.query.items() if not _TRACKING.fullmatch(k))
    host = (url.host or "").lower().removeprefix("www.")
    port = f":{url.port}" if url.port not in (None, 80, 443) else ""
    query = f"?{URL.build(query=kept).query_string}" if kept else ""
    return f"{host}{port}{url.path.rstrip('/')}{query}"


def _short(text: str) -> str:
    return text if len(text) <= MAX_ID else _hash(text)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
