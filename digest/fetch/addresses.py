"""Addresses of strangers: which may be fetched, which may be shown to readers, and what a message
may tell.

The special ranges are those of IANA's registries (RFC 6890 and its successors).
"""

import ipaddress
import re
import socket
import unicodedata
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from digest.errors import SourceError

MAX_LINK = 1_000
"""Characters of a link that readers get; a chat message has 2,000 in all."""

_LOCAL_ZONES = frozenset(
    "localhost localdomain local internal intranet lan home corp onion".split()
)
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+))*\.?", re.IGNORECASE)
"""How inet_aton writes an address: `127.1`, `0x7f000001`, `0177.0.0.1`, `2130706433`."""
_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_PLACEHOLDER = ipaddress.IPv4Network("198.18.0.0/15")
"""Proxy clients answer every question for a name with an address of this range ("fake-ip")."""
_V4_SPECIAL = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24"
        " 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16"
        " 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
        " 168.63.129.16/32"
    ).split()
)
"""The last one is no special address, but on each machine of Azure the way to its platform."""
_V6_GLOBAL = ipaddress.IPv6Network("2000::/3")
_V6_SPECIAL = tuple(
    ipaddress.IPv6Network(net)
    for net in "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20".split()
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SCRIPTS_TOGETHER = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA"},
    {"LATIN", "CJK", "BOPOMOFO"},
    {"LATIN", "CJK", "HANGUL"},
)
"""Scripts that one name may mix (UTS 39, "highly restrictive"); others imitate each other."""


class AddressRefused(Exception):
    """An address that must not be dialled; `host` is its name."""


class PlaceholderDns(AddressRefused):
    """A name that the local DNS maps to an address of a proxy client."""


def is_public(address: str) -> bool:
    """Return True for an IP address, as a resolver gives it, of the open internet.

    `ipaddress.is_global` knows fewer ranges, fewest before Python 3.11.10.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False  # also those with a zone, like fe80::1%eth0
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in net for net in _V4_SPECIAL)
    if ip in _NAT64:  # what DNS64 makes of an IPv4 address in networks that have IPv6 alone
        return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip in _V6_GLOBAL and not any(ip in net for net in _V6_SPECIAL)


def is_placeholder(address: str) -> bool:
    """Return True for an IP address that a proxy client hands out in the place of the real one."""
    try:
        return ipaddress.ip_address(address) in _PLACEHOLDER
    except ValueError:
        return False


@lru_cache(maxsize=4096)  # hosts come again and again
def is_near(host: str) -> bool:
    """Return True for a host of this machine or network as it is written, before any look-up."""
    bare = host.strip("[]").rstrip(".").lower()
    labels = bare.split(".")
    if not bare or labels[-1] in _LOCAL_ZONES or labels[-2:] == ["home", "arpa"]:
        return True
    if ":" not in bare and _NUMBER.fullmatch(bare):
        try:
            return not is_public(socket.inet_ntoa(socket.inet_aton(bare)))
        except OSError:
            return True
    # A name without a dot is one of the local network.
    return not is_public(bare) if ":" in bare else len(labels) == 1


def choose_proxy(address: str, proxy: str) -> str:
    """Return the proxy to reach a server through: none for one of this machine or network."""
    try:
        host = urlsplit(address).hostname
    except ValueError:
        host = None
    return "" if host and is_near(host) else proxy


def describe_address(address: str) -> str:
    """Return host and path of an address: what a message may tell, without passwords and keys."""
    try:
        url = urlsplit(address if "://" in address else f"//{address}")
        host, port = url.hostname or "", url.port
    except ValueError:
        return "that address"
    return f"{host}{f':{port}' if port else ''}{url.path.rstrip('/')}"[:120]


def check_address(address: str) -> str:
    """Return the address of a page or feed. Raise SourceError for one that is none."""
    address = re.sub(r"\s", "%20", address.strip())
    try:
        url = urlsplit(address)
        good = url.scheme.lower() in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        good = False
    if not good:
        raise SourceError(
            f"{describe_address(address) or 'no address'}: write an address like https://example.com/feed"
        )
    return address


_ENDS_LINK = frozenset(' <>"`\\^{}|')


def make_link(address: str, base: str = "", *, near: bool = False) -> str:
    """Return the address as readers may get it, made absolute; empty where it is no good.

    The host must be one of the open internet (unless `near`), in letters of one script; names in
    other letters than ASCII are written in punycode. Blanks are escaped. No password, no more than
    MAX_LINK characters.
    """
    address = re.sub(r"[\t\r\n]+\s*", "", address.strip())
    if re.search(r"\s\S*://", address):
        return ""  # two addresses in one field
    try:
        url = urlsplit(urljoin(base, address))
        host, port = _ascii_host(url.hostname or ""), url.port
    except ValueError:
        return ""
    if url.scheme not in ("http", "https") or not host or "@" in url.netloc:
        return ""
    if not near and is_near(host):
        return ""
    netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    path, query, fragment = map(_escape, (url.path, url.query, url.fragment))
    link = urlunsplit((url.scheme, netloc, path, query, fragment))
    return link if len(link) <= MAX_LINK else ""


@lru_cache(maxsize=4096)
def _ascii_host(host: str) -> str:
    """Return the host in ASCII. Raise ValueError for one that mixes scripts, or is none."""
    if ":" in host:
        return str(ipaddress.IPv6Address(host))
    ascii_host = host.encode("idna").decode("ascii").lower()
    for label in ascii_host.split("."):
        text = label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else ""
        scripts = {unicodedata.name(c, "?").split()[0] for c in text if c.isalpha()}
        if len(scripts) > 1 and not any(scripts <= some for some in _SCRIPTS_TOGETHER):
            raise ValueError(f"{len(scripts)} scripts in one name")
    if not _HOST.fullmatch(ascii_host):
        raise ValueError("no host")
    return ascii_host


def _escape(part: str) -> str:
    """Escape what ends a link, opens markup or is not shown; other letters stay as they are."""
    return "".join(
        sign if sign.isprintable() and sign not in _ENDS_LINK else quote(sign, "", errors="replace")
        for sign in part
    )
