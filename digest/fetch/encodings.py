"""Bodies as UTF-8 where what they say of their letters is missing, wrong, or hidden."""

import codecs
import re
import zlib
from collections.abc import Mapping

from digest.errors import FeedError

GZIP = b"\x1f\x8b"
MAX_UNPACKED = 5_000_000
MAX_MEMBERS = 100
"""Of a gzip file; what follows each is copied."""

ENOUGH = 12
"""Bytes above ASCII that prove UTF-8: fewer may come out right by chance."""

_WIDE = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"<\0\0\0": "utf-32-le",
    b"\0\0\0<": "utf-32-be",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
    b"{\0": "utf-16-le",
    b"\0{": "utf-16-be",
    b"[\0": "utf-16-le",
    b"\0[": "utf-16-be",
}
"""How bodies begin whose letters take two or four bytes."""
_EBCDIC = "<?xml".encode("cp037")
_DECLARED = re.compile(r"^\ufeff?\s*<\?xml[^>]{0,200}\?>")
_NAMED = re.compile(rb"^\s*<\?xml[^>]{0,100}encoding\s*=\s*[\"']([\w.:-]{1,30})")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,30})", re.IGNORECASE)
_UTF8 = {"utf-8", "utf8", ""}
_OF_PROGRAMS = {"idna", "punycode", "unicode-escape", "raw-unicode-escape"}
"""Codecs of Python that no document is in: punycode's time grows with the square."""


def as_utf8(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
    """Return the body as it is, or as UTF-8 with headers that say so. Raise FeedError for one that
    is packed and broken, or too large."""
    if body.startswith(GZIP):
        body = _unpack(body)
    encoding = detect_wide(body) or _mislabelled(body, headers) or _named_by_server(body, headers)
    if not encoding:
        return body.removeprefix(b"\xef\xbb\xbf"), headers
    text = body.decode(encoding, "replace")
    plain = _DECLARED.sub("", text, count=1).removeprefix("\ufeff")
    utf8 = {**headers, "content-type": "application/xml; charset=utf-8"}
    return plain.encode("utf-8", "replace"), utf8


def detect_encoding(sample: bytes) -> str:
    """Return the encoding of a text file by its beginning: UTF-8 unless its bytes say otherwise."""
    # A character may be cut at the end of the sample.
    return detect_wide(sample) or _mislabelled(sample[: sample.rfind(b"\n") + 1], {}) or "utf-8-sig"


def unpack_gzip(body: bytes) -> tuple[bytes, bool]:
    """Return what the members of a gzip file hold (RFC 1952, 2.2), at most one byte more than
    MAX_UNPACKED, and whether it is whole. Raise zlib.error for one that is broken."""
    unpacked = bytearray()
    for _ in range(MAX_MEMBERS):
        member = zlib.decompressobj(31)
        unpacked += member.decompress(body, MAX_UNPACKED + 1 - len(unpacked))
        body = member.unused_data
        if len(unpacked) > MAX_UNPACKED or not body.startswith(GZIP):
            return bytes(unpacked), member.eof
    raise zlib.error("too many members")


def _unpack(body: bytes) -> bytes:
    """Return what a gzip file holds that no header names as one."""
    try:
        unpacked, _ = unpack_gzip(body)
    except zlib.error:
        raise FeedError("not a feed: a broken gzip file") from None
    if len(unpacked) > MAX_UNPACKED:
        raise FeedError(f"not a feed: larger than {MAX_UNPACKED // 1_000_000} MB")
    return unpacked


def is_of_documents(encoding: str) -> bool:
    """Return True for an encoding that a document may be in and Python knows."""
    try:
        b"<".decode(encoding, "replace")
    except (LookupError, UnicodeError):
        return False
    return codecs.lookup(encoding).name not in _OF_PROGRAMS


def detect_wide(body: bytes) -> str:
    """Return the encoding of letters of two or four bytes, or of EBCDIC; nothing for any other."""
    if body.startswith(_EBCDIC):
        declared = re.search(r"encoding\s*=\s*[\"']([\w.-]{1,30})", body[:200].decode("cp037"))
        return declared[1] if declared and is_of_documents(declared[1]) else "cp037"
    return next((name for mark, name in _WIDE.items() if body.startswith(mark)), "")


def _named_by_server(body: bytes, headers: Mapping[str, str]) -> str:
    """Return what the server calls the encoding: as HTTP has it, that counts, not what the body
    says, but for its byte order mark. JSON is UTF-8 whatever the server says (RFC 8259, 8.1)."""
    named = _CHARSET.search(headers.get("content-type", ""))
    if not named or not is_of_documents(named[1]):
        return ""
    if body.startswith(b"\xef\xbb\xbf") or body.lstrip().startswith(b"{"):
        return ""
    try:
        body.decode(named[1])
    except UnicodeError:
        return ""
    return named[1]


def _mislabelled(body: bytes, headers: Mapping[str, str]) -> str:
    """Return what the body is encoded as, where it is not what it says; else nothing."""
    if body.isascii():
        return ""
    high = sum(map(len, runs := re.findall(rb"[\x80-\xff]+", body)))
    if high < ENOUGH:
        return ""
    declared, charset = _NAMED.search(body), _CHARSET.search(headers.get("content-type", ""))
    stated = {
        declared[1].decode().lower() if declared else "",
        charset[1].lower() if charset else "",
    }
    try:
        body.decode("utf-8")
        return "" if stated <= _UTF8 else "utf-8"
    except UnicodeDecodeError:
        lost = body.decode("utf-8", "replace").count("\ufffd")
        if not stated <= _UTF8 or lost < high / 4:
            return ""  # a letter that broke off makes no other encoding
        # The letters of Western Europe stand alone among those of ASCII.
        return "cp1252" if high < 1.3 * len(runs) else _chinese(body)


def _chinese(body: bytes) -> str:
    """Return GB18030 or Big5, whichever has more of its common characters there, if many."""
    pairs = re.findall(rb"([\x81-\xfe])[\x40-\xfe]", body[:100_000])
    mainland = sum(0xB0 <= lead[0] <= 0xD7 for lead in pairs)
    taiwan = sum(0xA4 <= lead[0] <= 0xC6 for lead in pairs)
    if max(mainland, taiwan) < len(pairs) / 2:
        return ""
    return "gb18030" if mainland >= taiwan else "big5"
