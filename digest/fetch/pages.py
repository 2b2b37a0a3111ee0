"""HTML of strangers as plain text and links."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

MAX_HTML = 100_000
"""Characters of HTML that are read; what follows is beyond what a post keeps."""
MAX_LINKS = 20

_BLOCKS = "p,div,br,li,tr,h1,h2,h3,h4,h5,h6,blockquote,pre,section,article,ul,ol,table,hr"
_MARKUP = re.compile(r"<[a-zA-Z/!][^<>]*>|&(?:#\d+|#x[0-9a-fA-F]+|\w+);")
_SPACES = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r"\s*\n\s*")


def plain_text(html: str) -> str:
    """The words of a piece of HTML, or of plain text, with a line break where a block ends."""
    html = html[:MAX_HTML]
    if not _MARKUP.search(html):
        return _folded(html)
    tree = LexborHTMLParser(html)
    tree.strip_tags(["script", "style", "noscript", "template", "iframe", "svg"])
    body = tree.body
    return node_text(body) if body else ""


def node_text(node: LexborNode) -> str:
    """The words of a node; changes the tree it is in."""
    for block in node.css(_BLOCKS):
        block.insert_after("\n")
    return _folded(node.text(deep=True))


def links(html: str, base: str) -> tuple[str, ...]:
    """Web addresses that the anchors lead to, each once."""
    tree = LexborHTMLParser(html[:MAX_HTML])
    found = (web_link(anchor.attributes.get("href") or "", base) for anchor in tree.css("a[href]"))
    return tuple(dict.fromkeys(link for link in found if link))[:MAX_LINKS]


def web_link(address: str, base: str = "") -> str:
    """The address made whole, or nothing where it is no address of the web."""
    try:
        whole = urljoin(base, address.strip())
    except ValueError:
        return ""
    fine = whole.lower().startswith(("https://", "http://")) and len(whole) <= 2000
    return whole if fine and not re.search(r"[\s<>\"\x00-\x1f\x7f]", whole) else ""


def _folded(text: str) -> str:
    return _BREAKS.sub("\n", _SPACES.sub(" ", text)).strip()
