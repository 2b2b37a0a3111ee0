"""Texts in disguise: look-alike letters, letters set apart, digits for letters, codes.

Only for finding what is hidden. Nothing that is printed comes from here.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator

from digest.text import shown

_ALIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u051d\u04bb"
    "\u0406\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0405\u0408"
    "\u03bf\u03b1\u03b5\u03b9\u03bd\u03c1\u03c5\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u0131\u0261\u026a\u0274\u0280",
    "aeopcyxijsdqwhIABEKMHOPCTXSJoaeivpuABEZHIKMNOPTYXigINR",
)
"""Cyrillic, Greek and small-capital letters that look Latin (Unicode TR39, confusables)."""
_SIMPLIFIED = str.maketrans(
    "請將無視則為個這條貼總結語報語機應開頭標題簡報頂鏈連結務須從現開輸給對於讀項寫規設編輯複訊後裡內與覆蓋過聯絡絕說該當時點員單傳達動類資獲僅隱評級論術獎勵處優順權帳號訂閱",
    "请将无视则为个这条贴总结语报语机应开头标题简报顶链连结务须从现开输给对于读项写规设编辑复讯后里内与覆盖过联络绝说该当时点员单传达动类资获仅隐评级论术奖励处优顺权帐号订阅",
)
"""Traditional characters of the words that orders are made of."""
_PLAIN = _ALIKE | _SIMPLIFIED
_DIGITS = str.maketrans("0134578$@!", "oieastbsai")
_MIXED = re.compile(
    r"(?<![\w$@])(?=[a-z0-9$@!]{0,19}[a-z])(?=[a-z0-9$@!]{0,19}[0-9$@!])[a-z0-9$@!]{3,20}(?![\w$@])"
)
_ORDERING = tuple(
    "ignor igor disreg forget overr instru promp syste previou summar digest report append includ"
    " assist rule".split()
)
"""How words of orders begin: "gpt4" and "3d" are digits for digits."""
_SPACED = re.compile(r"(?<!\w)(?:\w[\s._*|/~-]{1,3}){5,80}\w(?!\w)")
_BY_THIRTEEN = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyz", b"nopqrstuvwxyzabcdefghijklm")
_RUN = re.compile(r"[A-Za-z]{20,}")
_GAPS = re.compile(r"[\W_]+")
_CODED = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{24,800}={0,2}")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-f]{2}[\s:]?){16,400}(?![0-9A-Za-z])", re.IGNORECASE)
MOST_CODES = 5


def folded(text: str) -> str:
    """Return the letters as they look: full width, look-alikes, accents and traditional
    characters become the plain ones; what is not shown is gone."""
    text = shown(text).replace("_", " ")
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text).translate(_PLAIN)
    accents = dict.fromkeys(ord(c) for c in set(apart) if unicodedata.combining(c))
    return apart.translate(accents) if accents else apart


def spelled_out(text: str) -> str:
    """Return what letters with gaps between them spell ("i g n o r e"), and words run together."""
    apart = (_GAPS.sub("", m.group()) for m in _SPACED.finditer(text))
    return " ".join((*apart, *_RUN.findall(text))).lower()


def unmasked(text: str) -> Iterator[str]:
    """Yield what a folded text says once digits are letters again and codes are read."""
    lower = text.lower()
    mixed = {m.group().translate(_DIGITS) for m in _MIXED.finditer(lower)}
    if any(word.startswith(_ORDERING) for word in mixed):
        yield _MIXED.sub(lambda m: m.group().translate(_DIGITS), lower)
    yield from _decoded(text)


def turned(letters: str) -> Iterator[str]:
    """Yield small letters and digits read backwards, and with the alphabet turned by thirteen
    letters."""
    yield letters[::-1]
    yield letters.encode("ascii", "ignore").translate(_BY_THIRTEEN, b"0123456789").decode()


def _decoded(text: str) -> Iterator[str]:
    for coded in _CODED.findall(text)[:MOST_CODES]:
        try:
            yield base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    for coded in _HEX.findall(text)[:MOST_CODES]:
        try:
            yield bytes.fromhex(re.sub(r"[\s:]", "", coded)).decode()
        except (ValueError, UnicodeDecodeError):
            continue
