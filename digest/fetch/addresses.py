"""Rules for untrusted addresses: which may be fetched, which may be shown to readers, and what may
be quoted in messages.

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
"""Maximum length of a link for readers; a whole Discord message has 2,000 characters."""

_LOCAL_ZONES = frozenset(
    "localhost localdomain local internal intranet lan home corp onion".split()
)
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+))*\.?", re.IGNORECASE)
"""Address forms that inet_aton accepts: `127.1`, `0x7f000001`, `0177.0.0.1`, `2130706433`."""
_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_PLACEHOLDER = ipaddress.IPv4Network("198.18.0.0/15")
"""Range with which proxy clients answer every DNS query ("fake-ip")."""
_V4_SPECIAL = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24"
        " 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16"
        " 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
        " 168.63.129.16/32"
    ).split()
)
"""The last one is public, but on Azure machines it leads to the platform's own service."""
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
"""Scripts that may be mixed in one name (UTS 39, "highly restrictive"); others are look-alikes."""


class AddressRefused(Exception):
    """The address must not be contacted; `host` is its name."""


class PlaceholderDns(AddressRefused):
    """The local DNS returned a placeholder address of a proxy client."""


def is_public(address: str) -> bool:
    """Return True if a resolved IP address is on the public internet.

    `ipaddress.is_global` covers fewer ranges, especially before Python 3.11.10.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False  # also for scoped addresses like fe80::1%eth0
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in net for net in _V4_SPECIAL)
    if ip in _NAT64:  # DNS64 maps IPv4 addresses to this range in IPv6-only networks
        return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip in _V6_GLOBAL and not any(ip in net for net in _V6_SPECIAL)


def is_placeholder(address: str) -> bool:
    """Return True for a placeholder address that a proxy client returns in DNS."""
    try:
        return ipaddress.ip_address(address) in _PLACEHOLDER
    except ValueError:
        return False


@lru_cache(maxsize=4096)  # the same hosts recur
def is_near(host: str) -> bool:
    """Return True if the host, as written, is on this machine or network. Makes no DNS query."""
    bare = host.strip("[]").rstrip(".").lower()
    labels = bare.split(".")
    if not bare or labels[-1] in _LOCAL_ZONES or labels[-2:] == ["home", "arpa"]:
        return True
    if ":" not in bare and _NUMBER.fullmatch(bare):
        try:
            return not is_public(socket.inet_ntoa(socket.inet_aton(bare)))
        except OSError:
            return True
    # A name without a dot belongs to the local network.
    return not is_public(bare) if ":" in bare else len(labels) == 1


def choose_proxy(address: str, proxy: str) -> str:
    """Return the proxy for an address: "" for hosts on this machine or network."""
    try:
        host = urlsplit(address).hostname
    except ValueError:
        host = None
    return "" if host and is_near(host) else proxy


def describe_address(address: str) -> str:
    """Return host and path of an address for messages, without credentials and query."""
    try:
        url = urlsplit(address if "://" in address else f"//{address}")
        host, port = url.hostname or "", url.port
    except ValueError:
        return "that address"
    return f"{host}{f':{port}' if port else ''}{url.path.rstrip('/')}"[:120]


def check_address(address: str) -> str:
    """Return the address of a page or feed. Raise SourceError if it is invalid."""
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
    """Return the address as an absolute link that is safe for readers; "" if it is not.

    The host must be public (unless `near`) and in a single script; names that are not ASCII are
    converted to punycode. Blanks are escaped. Links with passwords or over MAX_LINK characters are
    refused.
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
    """Return the host in ASCII. Raise ValueError if it mixes scripts or is invalid."""
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
    """Percent-encode invisible characters and those that end a link or open markup."""
    return "".join(
        sign if sign.isprintable() and sign not in _ENDS_LINK else quote(sign, "", errors="replace")
        for sign in part
    )
