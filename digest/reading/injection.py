"""Find prompt injection: text that gives instructions to the program that summarises it.

Posts with prompt injection are dropped before anything else reads them, and a model's items are
checked for it again. This filter is not the main defence: order, links and ids are made by code,
and items are verified against their posts.

Markup for programs is recognised by patterns. Everything else is judged by the head `injection`,
sentence by sentence, after disguises (look-alike letters, spaced letters, encodings) are removed.
News about prompt injection quotes it, so quotations inside a sentence are ignored.
"""

import base64
import binascii
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from digest.reading.heads.linear import load_head
from digest.reading.heads.ngrams import hash_text
from digest.text import compile_table, replace_links, shown

THRESHOLD = 0.05
"""Margin of the head from which a sentence is an injection. Held out, 8 of 10 injections pass it, 1
of 20 texts about injections, and 1 of 2,000 sentences of real posts."""
STRICT_THRESHOLD = -0.1
"""Lower threshold, used if a match costs only the sentence and not the whole post."""
MAX_SENTENCES = 60
"""Maximum sentences of a text that are judged, half of them from its end."""
MAX_PIECES = 200
"""Pieces from which a text with an injection is dropped as a whole; honest posts have fewer."""
MIN_LETTERS = 12
"""Minimum letters of an injection; a Han character counts as two and a half."""
_BLOCK = 256
"""Texts that are judged at once."""
DENSE_PAIRS = (
    ("ignore", "instruction"), ("ignore", "previous"), ("disregard", "instruction"), ("forget", "instruction"),
    ("override", "prompt"), ("systemprompt", ""), ("忽略", "指令"), ("无视", "指令"),
)  # fmt: skip
"""Pairs of words that identify an injection with spaced, reversed or joined letters."""
PROMPTS, LEAD_CHARS = ("prompt", "instruction", "提示词", "指令"), 80
"""Words for a prompt in news that quotes one, and characters before the quotation to look for
them."""

_HIDDEN = re.compile(
    "[\u202d\u202e]|(?<![\U0001f3f4\U000e0061-\U000e007a])[\U000e0000-\U000e007f]"  # flags use tags too
)
"""Marks that override the direction of text or hide it; honest posts do not need them."""
_ROLES, _TAGS = "system|user|assistant", "end|tool_call|posts?|input|instructions?"
_MARKUP = re.compile(
    rf"im_start\|> ?(?:{_ROLES})|<[|/\s]{{0,3}}(?:{_ROLES}|{_TAGS})\b"
    r"|<<SYS|^\W{0,4}(?:\[/?INST|(?:system|assistant|human)\W{0,3}:)|^#{1,4} ?(?:system|instruction)"
    r"|\{\{|<!--|\]\(javascript|!\[[^\]]*\]\(http|^/(?:now|subscribe|unsubscribe)\b|@everyone\b"
    r"|\"(?:role|cites|points)\" ?:|---+ ?end of",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED = re.compile(
    r"[\"“「『'‘`](?:(?<![`'‘])[^\"”」』\n]{1,160}[\"”」』]"
    r"|(?<!\w.)(?<=['‘])[^'’\n]{3,160}['’](?!\w)|(?<=`)[^`\n]{1,160}`)"
)
_FULL_STOP = re.compile(r"\.(?<=[^\d\s]\.)\s+")
_COMMAS = str.maketrans(dict.fromkeys("。！？!?；;.", ","))
_PIECE = re.compile(r"\n+|(?<=[。！？；])|(?<=[!?;.])\s+")


@lru_cache(maxsize=8192)
def has_injection(text: str) -> bool:
    """Return True if the text has instructions to a program: plain, disguised, or as markup."""
    return _has_match(text, THRESHOLD, unquote=True)


def remove_injections(text: str) -> str:
    """Return the text without the sentences that are instructions to a program.

    Stricter than `has_injection`: the rest of the paragraph is removed too, the rest of the text
    after markup, and what news quotes. If the result is still suspicious, it is "".
    """
    text = _QUOTED.sub(_hide_quoted_injection, text)
    if not _has_match(text, STRICT_THRESHOLD, unquote=False):
        return text
    pieces = _split_pieces(text)
    if len(pieces) > MAX_PIECES:
        return ""
    left = "".join(_keep_pieces(pieces)).strip()
    return "" if _has_match(left, STRICT_THRESHOLD, unquote=False) else left


def find_injections(texts: Sequence[str]) -> list[bool]:
    """Return for each text True if it has an injection; cheaper than one call per text."""
    blocks = (texts[start : start + _BLOCK] for start in range(0, len(texts), _BLOCK))
    return [order for block in blocks for order in _match_texts(block, THRESHOLD, unquote=True)]


def _has_match(text: str, margin: float, *, unquote: bool) -> bool:
    return _match_texts([text], margin, unquote=unquote)[0]


def _match_texts(texts: Sequence[str], margin: float, *, unquote: bool) -> list[bool]:
    plain = [unmask(text) for text in texts]
    orders = [_is_marked(*pair) for pair in zip(texts, plain, strict=True)]
    owners, sentences = [], []
    for place, text in enumerate(plain):
        for variant in () if orders[place] else (text, *list_variants(text)):
            joined = _QUOTED.sub(_join_sentences, variant) if unquote else variant
            judged = list_sentences(joined, unquote=unquote)
            owners += [place] * len(judged)
            sentences += judged
    for place, score in zip(owners, _score_sentences(sentences), strict=True):
        orders[place] |= score > margin
    return orders


def _join_sentences(quotation: re.Match[str]) -> str:
    """Join a quotation to one sentence if it quotes a prompt, whose last sentence would otherwise
    be separated from the words that introduce it."""
    start = quotation.start()
    lead = _split_sentences(quotation.string[max(0, start - LEAD_CHARS) : start].lower())[-1]
    is_prompt = any(word in lead for word in PROMPTS)
    return quotation[0].translate(_COMMAS) if is_prompt else quotation[0]


def _is_marked(text: str, plain: str) -> bool:
    """Return True for markup for programs and hidden words. `plain` is the folded text."""
    if not text.isascii() and _HIDDEN.search(text):
        return True
    lines = plain.replace(". ", ".\n").replace("。", "。\n")
    if _MARKUP.search(lines) or ((plain != text or "。" in text) and _MARKUP.search(text)):
        return True
    letters = "".join(filter(str.isalnum, plain.lower())) if plain.isascii() else ""
    return any(map(_is_dense_injection, (join_spaced(plain), *decode_reversed(letters))))


def _score_sentences(sentences: Sequence[str]) -> list[float]:
    hashes = [hash_text(sentence) for sentence in sentences]
    scores: list[float] = load_head("injection").score(hashes, None).tolist()
    return scores


def _is_dense_injection(letters: str) -> bool:
    return any(first in letters and second in letters for first, second in DENSE_PAIRS)


def list_sentences(text: str, *, unquote: bool) -> list[str]:
    """Return the sentences, and the lines if there are several: an injection may end either way.

    Links are removed, with `unquote` also quotations; pieces too short for an injection are left
    out.
    """
    text = replace_links(text, " ")
    flowing = text.replace("\n", " ")
    # A text of one line needs no second split.
    spans = [flowing, *text.split("\n")] if flowing != text else [text]
    pieces = [part for span in spans for part in _split_sentences(span)]
    parts = dict.fromkeys(" ".join(part.split()) for part in pieces if part)
    sentences = [unquote_sentence(part) if unquote else part for part in parts]
    sentences = [sentence for sentence in sentences if _is_long_enough(sentence)]
    half = MAX_SENTENCES // 2
    return sentences if len(sentences) <= MAX_SENTENCES else sentences[:half] + sentences[-half:]


def _split_sentences(text: str) -> list[str]:
    """Return the sentences and paragraphs of a text; a null character, which texts cannot have,
    marks their ends."""
    text = _FULL_STOP.sub(".\0", text).replace("\n\n", "\0")
    for stop in "。！？!?；;":
        text = text.replace(stop, f"{stop}\0")
    return text.split("\0")


def _is_long_enough(sentence: str) -> bool:
    start = sentence[: 2 * MIN_LETTERS]  # nearly always enough
    return sum(map(str.isalpha, start)) >= MIN_LETTERS or _count_letters(sentence) >= MIN_LETTERS


def _count_letters(text: str) -> float:
    """Return the number of letters; a Han character counts as two and a half."""
    return sum(2.5 if c > "\u2e7f" else 1 for c in text if c.isalpha())


def unquote_sentence(sentence: str, *, names: bool = False) -> str:
    """Return a sentence without its quotations, unless it consists of little else.

    A quotation too short for an injection is usually a name ("Code Red"): its words stay, unless
    `names` is set.
    """

    def replace(quotation: re.Match[str]) -> str:
        is_name = not names and _count_letters(quotation[0]) < MIN_LETTERS
        return quotation[0][1:-1] if is_name else " "

    bare = _QUOTED.sub(replace, sentence)
    return bare if len(bare.strip()) >= len(sentence) / 3 else sentence


def _hide_quoted_injection(quotation: re.Match[str]) -> str:
    words = quotation.group()
    scores = _score_sentences(list_sentences(words[1:-1], unquote=False))
    return "…" if max(scores, default=STRICT_THRESHOLD) > STRICT_THRESHOLD else words


def _split_pieces(text: str) -> list[str]:
    """Return sentences and lines, each with the gap before it; joined they are the text again."""
    cuts = [0, *(m.start() for m in _PIECE.finditer(text) if m.start()), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(cuts) if start < end]


def _keep_pieces(pieces: Sequence[str]) -> Iterator[str]:
    """Yield the pieces outside injections, without the rest of their paragraphs, and after markup
    without the rest of the text."""
    skipping = marked = False
    for piece in pieces:
        if piece.startswith("\n\n"):
            skipping = marked
        if not skipping and _has_match(piece, STRICT_THRESHOLD, unquote=False):
            skipping, marked = True, marked or bool(_MARKUP.search(piece.strip()))
        if not skipping:
            yield piece


_ALIKE = zip(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u051d\u04bb"
    "\u0406\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0405\u0408"
    "\u03bf\u03b1\u03b5\u03b9\u03bd\u03c1\u03c5\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u0131\u0261\u026a\u0274\u0280",
    "aeopcyxijsdqwhIABEKMHOPCTXSJoaeivpuABEZHIKMNOPTYXigINR",
    strict=True,
)
"""Cyrillic, Greek and small-capital letters that look Latin (Unicode TR39, confusables)."""
_SIMPLIFIED = zip(
    "請將無視則為個這條貼總結語報語機應開頭標題簡報頂鏈連結務須從現開輸給對於讀項寫規設編輯複訊後裡內與覆蓋過聯絡絕說該當時點員單傳達動類資獲僅隱評級論術獎勵處優順權帳號訂閱",
    "请将无视则为个这条贴总结语报语机应开头标题简报顶链连结务须从现开输给对于读项写规设编辑复讯后里内与覆盖过联络绝说该当时点员单传达动类资获仅隐评级论术奖励处优顺权帐号订阅",
    strict=True,
)
"""Traditional characters of words that injections use."""
_FRAMED = {chr(start + n): chr(97 + n) for start in (0x1F150, 0x1F170) for n in range(26)}
"""White letters in black circles and squares, which NFKD does not decompose."""
_VOICED = 8
"""The combining class of the marks that turn か into が."""
_make_plain = compile_table({**dict(_ALIKE), **dict(_SIMPLIFIED), **_FRAMED})
_DIGITS = str.maketrans("0134578$@!", "oieastbsai")
_MIXED = re.compile(
    r"(?<![\w$@])(?=[a-z0-9$@!]{0,19}[a-z])(?=[a-z0-9$@!]{0,19}[0-9$@!])[a-z0-9$@!]{3,20}(?![\w$@])"
)
_WORD_BEGINNINGS = tuple(
    "ignor igor disreg forget overr instru promp syste previou summar digest report append includ"
    " assist rule".split()
)
"""Beginnings of words that injections use; "gpt4" and "3d" are not decoded."""
_SPACED = re.compile(r"(?<!\w)(?:[^\W_][\s._*|/~-]{1,3}){5,80}\w(?!\w)")
_BY_THIRTEEN = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyz", b"nopqrstuvwxyzabcdefghijklm")
_RUN = re.compile(r"[A-Za-z]{20,}")
_GAPS = re.compile(r"[\W_]+")
_CODED = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{24,800}={0,2}")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-f]{2}[\s:%]?){16,400}(?![0-9A-Za-z])", re.IGNORECASE)
MAX_CODES = 5


def unmask(text: str) -> str:
    """Return the text as it looks: full-width letters, look-alikes, accents and traditional
    characters become plain ones; invisible characters are removed."""
    text = shown(text)
    if text.isascii():
        return text.replace("_", " ")
    apart = _make_plain(unicodedata.normalize("NFKD", text)).replace("_", " ")
    accents = dict.fromkeys(
        ord(c) for c in set(apart) if unicodedata.combining(c) not in (0, _VOICED)
    )
    return unicodedata.normalize("NFC", apart.translate(accents) if accents else apart)


def join_spaced(text: str) -> str:
    """Return the words that spaced letters spell ("i g n o r e"), and words run together."""
    apart = (_GAPS.sub("", m.group()) for m in _SPACED.finditer(text))
    return " ".join((*apart, *_RUN.findall(text))).lower()


def list_variants(text: str) -> Iterator[str]:
    """Yield a folded text with digits read as letters, and decoded codes in it."""
    lower = text.lower()
    mixed = {m.group().translate(_DIGITS) for m in _MIXED.finditer(lower)}
    if any(word.startswith(_WORD_BEGINNINGS) for word in mixed):
        yield _MIXED.sub(lambda m: m.group().translate(_DIGITS), lower)
    yield from _decoded(text)


def decode_reversed(letters: str) -> Iterator[str]:
    """Yield lower-case letters and digits reversed, and decoded by ROT13."""
    yield letters[::-1]
    yield letters.encode("ascii", "ignore").translate(_BY_THIRTEEN, b"0123456789").decode()


def _decoded(text: str) -> Iterator[str]:
    for coded in _CODED.findall(text)[:MAX_CODES]:
        try:
            yield base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    for coded in _HEX.findall(text)[:MAX_CODES]:
        try:
            yield bytes.fromhex(re.sub(r"[\s:%]", "", coded)).decode()
        except (ValueError, UnicodeDecodeError):
            continue
