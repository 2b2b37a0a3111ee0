"""Convert untrusted HTML to plain text and links."""

import re
from html import escape, unescape
from itertools import islice

from selectolax.lexbor import LexborHTMLParser, LexborNode

from digest.fetch.addresses import make_link

MAX_HTML = 100_000
"""Characters of HTML that are parsed; a post keeps less."""
MAX_TAGS = 2_000
"""Maximum opening tags: HTML parsers take quadratic time in nesting depth."""
MAX_HEAD = 50_000
MAX_LINKS, MAX_ANCHORS = 20, 200

_BLOCKS = (
    "p,div,br,li,tr,h1,h2,h3,h4,h5,h6,blockquote,pre,section,article,ul,ol,table,hr,dl,dt,dd,figure"
    ",figcaption,caption,header,footer,main,aside,nav,address,center,details,summary,form,option"
)
_APART = "td,th,button,label"
_ELEMENTS = frozenset(
    "a abbr acronym address applet area article aside audio b base basefont bdi bdo big blink"
    " blockquote body br button canvas caption center cite code col colgroup data datalist dd del"
    " details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form frame"
    " frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label"
    " legend li link main map mark marquee math menu meta meter mfrac mi mn mo mrow msub msup nav"
    " nobr noscript object ol optgroup option output p param picture path plaintext pre progress q"
    " rp rt ruby s samp script section select slot small source span strike strong style sub"
    " summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul"
    " var video wbr g circle rect line".split()
)
"""HTML elements and the commonest of MathML and SVG; `<think>` and `p50<p99` are not markup."""
_MARKUP = re.compile(r"<[a-zA-Z/!][^<>]*>|&(?:#\d+|#x[0-9a-fA-F]+|\w+);")
_OPENED = re.compile(r"<[a-zA-Z]")
_CLOSED = re.compile(
    r"</([a-zA-Z][a-zA-Z0-9]{0,12})\s*>|<(?:br|hr|img|wbr)\b[^<>]*>", re.IGNORECASE
)
_INSIDE = r"""(?:[^<>"']|"[^"<]*"|'[^'<]*')*+"""
_TAG = re.compile(rf"<(/?)([a-zA-Z][\w:-]{{0,30}}){_INSIDE}>?")
_ANCHOR = re.compile(rf"<a\s{_INSIDE}", re.IGNORECASE)
_HREF = re.compile(r"""(?<=[\s"'])href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_SPACES = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r"\s*\n\s*")


def plain_text(html: str) -> str:
    """Return the text of an HTML fragment, with line breaks after blocks."""
    html = html[:MAX_HTML]
    if not _MARKUP.search(html):
        return fold_spaces(html)
    # Strip attributes first: a tag with thousands of them takes seconds.
    tree = LexborHTMLParser(_TAG.sub(_bare_tag, limit_tags(html, MAX_TAGS)))
    tree.strip_tags(["script", "style", "noscript", "template", "iframe", "svg"])
    while (hidden := tree.css_first("body [hidden]")) is not None:
        hidden.decompose()
    body = tree.body
    return node_text(body) if body else ""


def title_text(title: str) -> str:
    """Return the text of a title; it is parsed as HTML only if it closes an HTML element."""
    closed = (match[1] for match in _CLOSED.finditer(title))
    if any(name is None or name.lower() in _ELEMENTS for name in closed):
        return plain_text(title)
    return fold_spaces(unescape(title))


def _bare_tag(tag: re.Match[str]) -> str:
    name = tag[2].lower()
    if (inner := name.rpartition(":")[2]) in _ELEMENTS:  # XHTML with a prefix
        name = inner
    if name in _ELEMENTS or "-" in name or ":" in name:
        style = tag.group().lower().partition("style=")[2]
        is_hidden = "display:none" in "".join(style.split())
        return f"<{tag[1]}{name}{' hidden' * is_hidden}>"
    return escape(tag.group())


def node_text(node: LexborNode) -> str:
    """Return the text of a node; modifies its tree."""
    for parts, gap in ((_BLOCKS, "\n"), (_APART, " ")):
        for part in node.css(parts):
            part.insert_before(gap)
            part.insert_after(gap)
    return fold_spaces(node.text(deep=True))


def limit_tags(html: str, most: int) -> str:
    """Truncate the HTML after `most` opening tags."""
    more = next(islice(_OPENED.finditer(html), most, None), None)
    return html if more is None else html[: more.start()]


def extract_links(html: str, base: str, *, near: bool = False) -> tuple[str, ...]:
    """Return the distinct web addresses of the anchors."""
    links: dict[str, None] = {}
    for anchor in islice(_ANCHOR.finditer(html[:MAX_HTML]), MAX_ANCHORS):
        target = _HREF.search(anchor.group())
        address = unescape("".join(filter(None, target.groups()))) if target else ""
        if address and (link := make_link(address, base, near=near)):
            links[link] = None
        if len(links) == MAX_LINKS:
            break
    return tuple(links)


def find_feed(page: bytes, base: str) -> str:
    """Return the address of the first feed that the head of a page names, or ""."""
    html = limit_tags(page[:MAX_HEAD].decode("utf-8", "replace"), MAX_TAGS)
    links = LexborHTMLParser(html).css('link[rel~="alternate" i]')
    for link in links:
        kind, address = (link.attributes.get(name) or "" for name in ("type", "href"))
        if kind.endswith(("rss+xml", "atom+xml", "feed+json")) and (to := make_link(address, base)):
            return to
    return ""


def fold_spaces(text: str) -> str:
    """Return the text with runs of blanks and line breaks collapsed."""
    return _BREAKS.sub("\n", _SPACES.sub(" ", text)).strip()
