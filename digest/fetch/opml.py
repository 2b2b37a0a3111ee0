"""Parse OPML subscription lists of feed readers (OPML 2.0, opml.org/spec2.opml) leniently."""

import re
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from lxml import etree

from digest.errors import DigestError, SourceError
from digest.fetch.addresses import check_address, is_near
from digest.fetch.encodings import as_utf8

MAX_BYTES = 2_000_000
MAX_FEEDS = 500
_SIGN = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#\w{1,8});)|<(?![\w/!?])")
"""Signs in titles that are not escaped."""
_FEED_SCHEME = re.compile(r"feed:(?://)?(https?://)?", re.IGNORECASE)
"""Both `feed:https://...` and `feed://...` (which means http) occur."""


def is_opml(body: bytes) -> bool:
    """Return True if the content is OPML, whatever the file is called."""
    head = as_utf8(body[:4_000], {})[0].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"<") and _parse_opml(head)[0] is not None


def _parse_opml(body: bytes) -> tuple[etree._Element | None, etree._ListErrorLog]:
    """Return the root (None if it is not OPML) and the repaired syntax errors."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=False)
    root = None
    with suppress(etree.XMLSyntaxError, ValueError):
        root = etree.fromstring(_SIGN.sub(_escape_sign, body), parser)
    is_list = root is not None and etree.QName(root).localname.lower() == "opml"
    return root if is_list else None, parser.error_log


def _escape_sign(sign: re.Match[bytes]) -> bytes:
    return b"&amp;" if sign[0] == b"&" else b"&lt;"


def parse_opml(body: bytes, name: str) -> tuple[list[str], list[str]]:
    """Return the distinct feed addresses in order, and the refused lines.

    Raise DigestError if the file is not OPML or has no feeds.
    """
    if len(body) > MAX_BYTES:
        raise DigestError(f"{name}: larger than {MAX_BYTES // 1_000_000} MB")
    body, _ = as_utf8(body, {})
    root, faults = _parse_opml(body)
    if root is None:
        raise DigestError(f"{name}: not an OPML list: export one from your feed reader")
    feeds: dict[str, None] = {}
    refused = []
    broken = {e.line for e in faults if e.type_name == "ERR_LT_IN_ATTRIBUTE"}
    for line, address in _outlines(root):
        try:
            if line in broken:
                raise SourceError("is cut by a < in it")
            scheme = _FEED_SCHEME.match(address)
            if scheme:
                address = (scheme[1] or "http://") + address[scheme.end() :]
            address = check_address(address)
            if is_near(urlsplit(address).hostname or ""):
                refused.append(f"line {line}: leads into a private network: set it in topics.toml")
            else:
                feeds[address] = None
        except SourceError:
            refused.append(f"line {line}: no address of a feed")
    if not feeds:
        raise DigestError(
            f"{name}: contains no feed" + "".join(f"; {line}" for line in refused[:1])
        )
    if len(feeds) > MAX_FEEDS:
        refused.append(f"only the first {MAX_FEEDS} feeds are taken")
    return list(feeds)[:MAX_FEEDS], refused


def _outlines(root: etree._Element) -> Iterator[tuple[int, str]]:
    """Yield line and address of feed outlines; skip pages that the reader scrapes."""
    for element in root.iter():
        if not isinstance(element.tag, str) or etree.QName(element).localname.lower() != "outline":
            continue
        values = {key.lower(): value.strip() for key, value in element.attrib.items()}
        kind = values.get("type", "").lower()
        address = values.get("xmlurl", "") or (values.get("url", "") if kind == "rss" else "")
        if (address or kind == "rss") and not kind.startswith(("html", "xml+", "json")):
            yield element.sourceline or 0, address
