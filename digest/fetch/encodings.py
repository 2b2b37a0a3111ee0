"""Convert bodies to UTF-8 when their declared encoding is missing or wrong."""

import codecs
import re
import zlib
from collections.abc import Mapping

from digest.errors import FeedError

GZIP = b"\x1f\x8b"
MAX_UNPACKED = 5_000_000
MAX_MEMBERS = 100
"""Maximum members of a gzip file, because the rest of the data is copied after each."""

ENOUGH = 12
"""Minimum number of non-ASCII bytes to identify an encoding: fewer may match by chance."""

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
"""First bytes of encodings with two or four bytes per character."""
_EBCDIC = "<?xml".encode("cp037")
_DECLARED = re.compile(r"^\ufeff?\s*<\?xml[^>]{0,200}\?>")
_NAMED = re.compile(rb"^\s*<\?xml[^>]{0,100}encoding\s*=\s*[\"']([\w.:-]{1,30})")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,30})", re.IGNORECASE)
_UTF8 = {"utf-8", "utf8", ""}
_OF_PROGRAMS = {"idna", "punycode", "unicode-escape", "raw-unicode-escape"}
"""Python-only codecs, used by no document; decoding punycode takes quadratic time."""
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949"}
_WIDER |= {"iso8859-1": "cp1252", "ascii": "cp1252", "windows-31j": "cp932"}
"""Supersets that documents mean by these names, as in browsers (encoding.spec.whatwg.org)."""
_OF_ASIA = (("cp932", "ぁ", "ヿ", 0.2), ("euc_jp", "ぁ", "ヿ", 0.2), ("cp949", "가", "힣", 0.8))
"""Encodings, the range of their language's characters, and the minimum share of these."""


def as_utf8(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
    """Return the body and headers, converted to UTF-8 if needed. Raise FeedError if it is broken
    gzip data or too large."""
    if body.startswith(GZIP):  # gzip data without a Content-Encoding header
        try:
            body, _ = unpack_gzip(body)
        except zlib.error:
            raise FeedError("not a feed: a broken gzip file") from None
        if len(body) > MAX_UNPACKED:
            raise FeedError(f"not a feed: larger than {MAX_UNPACKED // 1_000_000} MB")
    encoding = detect_wide(body) or _mislabelled(body, headers) or _stated(body, headers)
    if not encoding:
        return body.removeprefix(b"\xef\xbb\xbf"), headers
    text = body.decode(encoding, "replace")
    plain = _DECLARED.sub("", text, count=1).removeprefix("\ufeff")
    utf8 = {**headers, "content-type": "application/xml; charset=utf-8"}
    return plain.encode("utf-8", "replace"), utf8


def detect_encoding(sample: bytes) -> str:
    """Return the encoding of a text file from its first bytes; UTF-8 by default."""
    # Cut at a quote, because the sample may end inside a character.
    return detect_wide(sample) or _mislabelled(sample[: sample.rfind(b'"') + 1], {}) or "utf-8-sig"


def unpack_gzip(body: bytes) -> tuple[bytes, bool]:
    """Return the unpacked members of a gzip file (RFC 1952, 2.2), at most MAX_UNPACKED + 1 bytes,
    and whether it is complete. Raise zlib.error if it is broken."""
    unpacked = bytearray()
    for _ in range(MAX_MEMBERS):
        member = zlib.decompressobj(31)
        unpacked += member.decompress(body, MAX_UNPACKED + 1 - len(unpacked))
        body = member.unused_data
        if len(unpacked) > MAX_UNPACKED or not body.startswith(GZIP):
            return bytes(unpacked), member.eof
    raise zlib.error("too many members")


def find_codec(label: str) -> str:
    """Return Python's codec name for a document encoding, or ""."""
    try:
        label = label.lower().removeprefix("x-")
        b"<".decode(label := _WIDER.get(label, label), "replace")
    except (LookupError, UnicodeError):
        return ""
    name = codecs.lookup(label).name
    return "" if name in _OF_PROGRAMS else _WIDER.get(name, name)


def detect_wide(body: bytes) -> str:
    """Return the encoding if it is UTF-16, UTF-32 or EBCDIC, else ""."""
    if body.startswith(_EBCDIC):
        declared = re.search(r"encoding\s*=\s*[\"']([\w.-]{1,30})", body[:200].decode("cp037"))
        return (declared and find_codec(declared[1])) or "cp037"
    return next((name for mark, name in _WIDE.items() if body.startswith(mark)), "")


def _stated(body: bytes, headers: Mapping[str, str]) -> str:
    """Return the declared encoding that decodes the body. The HTTP header precedes the document, as
    in the standard, except for ISO 8859-1, which servers send as a default.

    A byte order mark means UTF-8, and so does JSON (RFC 8259, 8.1).
    """
    if body.startswith(b"\xef\xbb\xbf") or body.lstrip().startswith(b"{"):
        return ""
    charset, declared = _CHARSET.search(headers.get("content-type", "")), _NAMED.search(body)
    encodings = [charset and find_codec(charset[1]), declared and find_codec(declared[1].decode())]
    if encodings[0] == "cp1252":
        encodings = [encodings[1], "utf-8", "cp1252", "latin-1"]
    for encoding in filter(None, encodings):
        try:
            body.decode(encoding)
        except UnicodeError:
            continue
        return encoding
    return ""


def _mislabelled(body: bytes, headers: Mapping[str, str]) -> str:
    """Return the actual encoding if it differs from the declared one, else ""."""
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
            return ""  # mostly valid UTF-8, for example with a truncated character
        # In Western European text, accented letters stand alone among ASCII letters.
        return "cp1252" if high < 1.3 * len(runs) else _asian(body[:100_000])


def _asian(body: bytes) -> str:
    """Return a Japanese or Korean encoding if its characters are frequent enough, else GB18030 or
    Big5, whichever has more of its common characters, if these are the majority."""
    for encoding, first, last, share in _OF_ASIA:
        letters = [letter for letter in body.decode(encoding, "replace") if letter > "\x7f"]
        own = sum(first <= letter <= last for letter in letters)
        if own >= share * len(letters) and letters.count("\ufffd") <= len(letters) / 50:
            return encoding
    pairs = re.findall(rb"([\x81-\xfe])[\x40-\xfe]", body)
    mainland = sum(0xB0 <= lead[0] <= 0xD7 for lead in pairs)
    taiwan = sum(0xA4 <= lead[0] <= 0xC6 for lead in pairs)
    if max(mainland, taiwan) < len(pairs) / 2:
        return ""
    return "gb18030" if mainland >= taiwan else "big5"
