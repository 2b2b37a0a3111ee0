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
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949"}
_WIDER |= {"iso8859-1": "cp1252", "ascii": "cp1252", "windows-31j": "cp932"}
"""What documents mean by an encoding, as browsers read it (encoding.spec.whatwg.org)."""
_OF_ASIA = (("cp932", "ぁ", "ヿ", 0.2), ("euc_jp", "ぁ", "ヿ", 0.2), ("cp949", "가", "힣", 0.8))
"""Encodings with the letters of a language, and their least share of its text."""


def as_utf8(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
    """Return the body as it is, or as UTF-8 with headers that say so. Raise FeedError for one that
    is packed and broken, or too large."""
    if body.startswith(GZIP):  # what no header names as packed
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
    """Return the encoding of a text file by its beginning: UTF-8 unless its bytes say otherwise."""
    # A character may be cut at the end of the sample.
    return detect_wide(sample) or _mislabelled(sample[: sample.rfind(b'"') + 1], {}) or "utf-8-sig"


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


def find_codec(label: str) -> str:
    """Return Python's name of an encoding that documents are in; nothing for any other label."""
    try:
        label = label.lower().removeprefix("x-")
        b"<".decode(label := _WIDER.get(label, label), "replace")
    except (LookupError, UnicodeError):
        return ""
    name = codecs.lookup(label).name
    return "" if name in _OF_PROGRAMS else _WIDER.get(name, name)


def detect_wide(body: bytes) -> str:
    """Return the encoding of letters of two or four bytes, or of EBCDIC; nothing for any other."""
    if body.startswith(_EBCDIC):
        declared = re.search(r"encoding\s*=\s*[\"']([\w.-]{1,30})", body[:200].decode("cp037"))
        return (declared and find_codec(declared[1])) or "cp037"
    return next((name for mark, name in _WIDE.items() if body.startswith(mark)), "")


def _stated(body: bytes, headers: Mapping[str, str]) -> str:
    """Return the encoding that the server names, or else the body, where it can be: as HTTP has it,
    the server's word counts first, unless it is the one that servers put on all they have.

    A byte order mark says UTF-8, and so does JSON (RFC 8259, 8.1).
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
        return "cp1252" if high < 1.3 * len(runs) else _asian(body[:100_000])


def _asian(body: bytes) -> str:
    """Return an encoding of Japanese or Korean, or else GB18030 or Big5, whichever has more of its
    common characters there, if many."""
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
