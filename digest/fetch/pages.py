"""HTML of strangers as plain text and links."""

from __future__ import annotations

import re
from html import unescape
from itertools import islice
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

MAX_HTML = 100_000
"""Characters of HTML that are read; what follows is beyond what a post keeps."""
MAX_TAGS = 2_000
"""Tags that are opened: the time of a parser of HTML grows with the square of their depth."""
MAX_LINKS, MAX_ANCHORS = 20, 200

_BLOCKS = "p,div,br,li,tr,h1,h2,h3,h4,h5,h6,blockquote,pre,section,article,ul,ol,table,hr"
_MARKUP = re.compile(r"<[a-zA-Z/!][^<>]*>|&(?:#\d+|#x[0-9a-fA-F]+|\w+);")
_OPENED = re.compile(r"<[a-zA-Z]")
_INSIDE = r"""(?:[^<>"']|"[^"<]*"|'[^'<]*')*+"""
_TAG = re.compile(rf"<(/?[a-zA-Z][\w:-]{{0,30}}){_INSIDE}>?")
_ANCHOR = re.compile(rf"<a\s{_INSIDE}", re.IGNORECASE)
_HREF = re.compile(r"""(?<=[\s"'])href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_SPACES = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r"\s*\n\s*")


def plain_text(html: str) -> str:
    """The words of a piece of HTML, or of plain text, with a line break where a block ends."""
    html = html[:MAX_HTML]
    if not _MARKUP.search(html):
        return _folded(html)
    # Without attributes: a tag with thousands takes seconds.
    tree = LexborHTMLParser(_TAG.sub(r"<\1>", shallow(html, MAX_TAGS)))
    tree.strip_tags(["script", "style", "noscript", "template", "iframe", "svg"])
    body = tree.body
    return node_text(body) if body else ""


def node_text(node: LexborNode) -> str:
    """The words of a node; changes the tree it is in."""
    for block in node.css(_BLOCKS):
        block.insert_after("\n")
    return _folded(node.text(deep=True))


def shallow(html: str, tags: int) -> str:
    """The HTML up to so many opened tags."""
    more = next(islice(_OPENED.finditer(html), tags, None), None)
    return html if more is None else html[: more.start()]


def links(html: str, base: str) -> tuple[str, ...]:
    """Web addresses that the anchors lead to, each once."""
    found: dict[str, None] = {}
    for anchor in islice(_ANCHOR.finditer(html[:MAX_HTML]), MAX_ANCHORS):
        leads = _HREF.search(anchor.group())
        link = web_link(unescape("".join(filter(None, leads.groups()))), base) if leads else ""
        if link:
            found[link] = None
        if len(found) == MAX_LINKS:
            break
    return tuple(found)


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
