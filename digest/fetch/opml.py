"""Subscription lists of feed readers (OPML 2.0, opml.org/spec2.opml)."""

from __future__ import annotations

from lxml import etree

from digest.errors import DigestError
from digest.fetch.pages import web_link

MAX_BYTES = 2_000_000
MAX_FEEDS = 500


def feeds_in(body: bytes, name: str) -> list[str]:
    """Addresses of the feeds in a list, each once, in its order. Raises DigestError for one that is none."""
    if len(body) > MAX_BYTES:
        raise DigestError(f"{name}: larger than {MAX_BYTES // 1_000_000} MB")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None or etree.QName(root).localname.lower() != "opml":
        raise DigestError(f"{name}: no OPML list: export one from your feed reader")
    found: dict[str, None] = {}
    for outline in root.iter("outline"):
        named = {key.lower(): value for key, value in outline.attrib.items()}
        if address := web_link(named.get("xmlurl", "")):
            found[address] = None
    if not found:
        raise DigestError(f"{name}: no feed in it")
    return list(found)[:MAX_FEEDS]
