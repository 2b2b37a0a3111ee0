"""Sentences of posts, whole and clean: no links, marks, hashtag tails, or words cut by the
source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from digest.reading.vocabulary import load_lines, load_words
from digest.text import EMOJI, URL, language, replace_links

CUT_WIDTHS, LINK_WIDTH = range(255, 286), 23
"""Widths (a Han character counts two) of what X cuts without a sign, where it has no full stop at
its end, and the width of a link in it. On 48 days 2,400 posts of these widths lack the stop and
900 have it; of shorter ones no more lack it than of those of half the width."""
MOST_ENTRIES, ENTRY_CHARS = 4, 110
"""A list of at most so many entries of at most so many characters is one sentence with the line
above."""
HEADLINE_WORDS, HEADLINE_CHARS = 6, 110
"""Whole words that are left of a headline which its source cut off, and its characters at the
most: longer texts that are cut are posts."""
SHORT_CLAUSE = 20
"""Characters before a semicolon that are no sentence of their own."""

_REPOST = re.compile(
    r"^\s*(?:RT\s*@?|(?:转发|轉發|转|via)\s*@)[\w.]+\s*[:：]?\s*|\s*//\s*@\w+.*$", re.IGNORECASE
)
_CONTEXT = re.compile(r"(?:\A|\n)> @\w{0,40}: “[^\n]*\Z")
"""What `fetch.xposts` puts behind a post that quotes or answers another one."""
_REPLY = re.compile(r"^(?:\s*\.?@\w+)+[\s,:，：]*")
_CUT = re.compile(r"\[?(?:…|\.\.\.)\]?\s*$")
_BULLETS = "-–—*•·▪▫■□◆◇●○►▶➤➡→>✓✔✅☑❌|"
_BULLET = re.compile(
    rf"^\s*(?:[{_BULLETS}]+"
    r"|[(（]?(?!24/7|50/50|9/11)\d{1,2}\s*(?:[.)、）．]|/(?:\s*(?:\d{1,2}|n|x)\b[.)、）]?|(?=\s)))(?!\d)"
    r"|[①-⑳]|[一二三四五六七八九十]{1,2}[、.)）]|(?:#{1,6}|\+)\s)\s*",
    re.IGNORECASE,
)
_FLAIR = re.compile(r"\\?\[(?:[A-Z]|video|audio|pdf)\\?\]")
"""What forums and Hacker News add to titles."""
_KEYCAP = re.compile(r"[0-9#*]\ufe0f?\u20e3")
_THREAD = re.compile(
    r"\s*[(（]?\b\d{1,2}\s*/\s*(?:\d{1,2}|n)\b[)）]?\s*$|\s*\b(?:a )?thread\b\s*[:：↓]*\s*$", re.I
)
_PART = re.compile(r"\s*[(\[]?(\d{1,2})\s?/\s?(?:\d{1,2}|[nN])?[)\]]?(?!\d)")
_TAGS_AFTER = re.compile(r"(?:\s*[#＃][\w\u4e00-\u9fff·]+)+\s*$")
_TAGS_BEFORE = re.compile(r"^(?:[#＃][\w\u4e00-\u9fff·]+\s+){2,}")
_MARK = re.compile(r"(?<!\w)[#＃](?=[^\W\d])|(?<![\w@])@(?=\w)")
_CREDIT = re.compile(
    r"\s*(?:[来图]源[:：][\w@,， ]{0,40}"
    r"|(?:(?<!\S)来自|\bvia|h/t|[–—|]\s*by)[:：]?\s*(?:@\w+[,，]?\s*)*|\bby|来自)$",
    re.IGNORECASE,
)
"""A source or handle behind the words, or what is left of it where it was a link. Names that say
who did it or how are none: "led by Iconiq", "via our API"."""
_END = re.compile(r"[。！？!?；;]+[”’」』）)\"']*|\.(?=[”’\"')]*\s)[”’\"')]*")
_STOPS, _CLOSINGS = tuple(".。！？!?"), "”’」』）)\"'"
_ENDS = (*_STOPS, *"…)）”\"'’：:")
_COLONS = (":", "：")
_SHORT_LINK = "//t.co/"
_FINAL_LINK = re.compile(rf"(?:{URL.pattern})\s*$", URL.flags)
_LAST_WORD = re.compile(r"([\w.]+)\.$|(\w+|[\u4e00-\u9fff])$")
_LOOSE_SPACE = re.compile(r"\s+([,;:!?，。；：！？、）)]|\.(?!\w))")
_EMPTY_BRACKETS = re.compile(r"[(（]\s*[)）]|[\[【]\s*[\]】]|[\"“]\s*[\"”]")
_SPACES = re.compile(r"[ \t\u3000]+")


def strip_addressees(text: str) -> str:
    """Return a reply without the handles before it: whom it speaks to."""
    return _REPLY.sub("", text)


def strip_context(text: str) -> str:
    """Return a post's own words, without those of the post that it quotes or answers."""
    return _CONTEXT.sub("", text)


def strip_repost(text: str) -> str:
    """Return a text without the sign that it repeats another, and without the others behind it."""
    return _REPOST.sub("", text)


def is_repost(text: str) -> bool:
    """Return True where a text begins with the sign that it repeats another."""
    return bool(_REPOST.match(text))


def thread_number(text: str) -> int:
    """Return the number of a part of a thread ("2/", "(2/5)"), 0 where the text bears none."""
    part = _PART.match(text)
    return int(part[1]) if part else 0


def split_sentences(text: str) -> tuple[tuple[str, int, bool], ...]:
    """Return the sentences, headlines and list entries of a cleaned text, in order: the words, the
    number of the line, and True where the sentence ends with a full stop.

    A sentence that the source cut off is left out.
    """
    text = strip_addressees(strip_repost(text))
    lines = [line for line in replace_links(text, " ").split("\n") if line.strip()]
    sentences, number = [], 0
    while number < len(lines):
        line, entries = _strip_marks(lines[number]), _list_entries(lines[number:])
        parts = [_join_entries(line, entries)] if entries else split_line(line)
        if parts and not entries and number == len(lines) - 1:
            parts[-1:] = _list_ends(text, parts[-1], is_only=number == len(parts) - 1 == 0)
        for part in parts:
            if words := _tidy(part):
                sentences.append((words, number, part.strip().rstrip(_CLOSINGS).endswith(_STOPS)))
        number += 1 + len(entries)
    return tuple(sentences)


def _list_ends(text: str, last: str, *, is_only: bool) -> list[str]:
    """Return the last sentence of a text as it may be read: none where the source cut it off, of a
    headline what is left; without the colon that only leads to a link."""
    if _is_cut(text, last):
        headline = _shorten_headline(last) if is_only else ""
        return [headline] if headline else []
    leads_to_link = bool(last.rstrip().endswith(_COLONS) and _FINAL_LINK.search(text))
    return [last.rstrip()[:-1] if leads_to_link else last]


def _shorten_headline(last: str) -> str:
    """Return a cut headline up to its last whole word that leaves nothing open, with an ellipsis;
    empty where too little is left."""
    words = _CUT.sub("", last).split()[:-1]
    while words and words[-1].strip(",:;–—-&").lower() in {"", *load_words("sentences", "open")}:
        words.pop()
    if len(words) < HEADLINE_WORDS or len(last) > HEADLINE_CHARS or not _CUT.search(last):
        return ""
    headline = " ".join(words).rstrip(" ,:;–—-&")
    is_open = headline.startswith('"') and headline.count('"') == 1
    return headline[is_open:] + "…"


def _list_entries(lines: Sequence[str]) -> list[str]:
    """Return the entries of the short list that the first line, ending in a colon, introduces: it
    says nothing without them."""
    entries: list[str] = []
    if not lines[0].rstrip().endswith(_COLONS):
        return entries
    for line in lines[1:]:
        words = _tidy(_strip_marks(line))
        fits = words and len(words) <= ENTRY_CHARS and not words.endswith(_COLONS)
        if not fits or _CUT.search(line) or not _BULLET.match(EMOJI.sub("• ", line, count=1)):
            break
        entries.append(words.rstrip(".;。；"))
    return entries if 2 <= len(entries) <= MOST_ENTRIES else []


def _join_entries(line: str, entries: Sequence[str]) -> str:
    if "：" in line or language(line) in ("zh", "ja"):
        return f"{line}{'；'.join(entries)}。"
    return f"{line} {'; '.join(entries)}."


def _strip_marks(line: str) -> str:
    """Return the line without the bullets, labels and tags around it."""
    line = _FLAIR.sub(" ", EMOJI.sub(" ", _KEYCAP.sub(" ", line)))
    for _ in range(2):  # a bullet may stand before a label and a label before a bullet
        line = _label().sub("", _BULLET.sub("", line.strip()))
    line = _TAGS_BEFORE.sub("", _strip_last_tags(_THREAD.sub("", line.strip())))
    return _SPACES.sub(" ", line).strip()


@cache
def _label() -> re.Pattern[str]:
    """Return a pattern of a label at the start of a line: "BREAKING:", 【快讯】."""
    words = "|".join(map(re.escape, sorted(load_lines("sentences", "labels"), key=len)[::-1]))
    return re.compile(
        rf"^(?:[\[【(（]\s*)?(?:{words})(?:\s*[\]】)）]|\s*[:：|!！]+)\s*[:：|]?\s*", re.IGNORECASE
    )


def _strip_last_tags(text: str) -> str:
    """Return the text without the tags at its end, unless one is a word of it: "supports
    #Bitcoin"."""
    tags = _TAGS_AFTER.search(text)
    if not tags:
        return text
    before = text[: tags.start()]
    return text if _last_word(before) in load_words("sentences", "open") else before


def _last_word(text: str) -> str:
    """Return the last word in small letters, without the full stop behind it; of Chinese, the last
    character."""
    match = _LAST_WORD.search(text)
    word = (match[1] or match[2]).lower() if match else ""
    return word[-1:] if word[-1:] >= "\u2e80" else word


def split_line(line: str) -> list[str]:
    """Return the sentences of a line, which together are the line; a full stop after an
    abbreviation or an initial ends none."""
    parts, start = [], 0
    for end in _END.finditer(line):
        part = line[start : end.end()]
        if end.group() == "." and _is_abbreviation(part):
            continue
        if end.group()[0] in ";；" and len(part) < SHORT_CLAUSE:
            continue
        parts.append(part)
        start = end.end()
    parts.append(line[start:])
    return [part for part in parts if part.strip()]


def _is_abbreviation(part: str) -> bool:
    """Return True if the full stop at the end belongs to an abbreviation or an initial."""
    word = _last_word(part)
    initials = word.isascii() and all(len(p) == 1 and p.isalpha() for p in word.split("."))
    return initials or word in load_words("sentences", "abbreviations")


def is_cut_off(text: str) -> bool:
    """Return True where the source cut a cleaned text off in the middle of a sentence."""
    lines = [line for line in replace_links(text, " ").split("\n") if line.strip()]
    return bool(lines) and _is_cut(text, split_line(lines[-1])[-1])


def _is_cut(text: str, last: str) -> bool:
    """Return True if the source cut the post off: by an ellipsis, or by its length without a
    stop."""
    if _CUT.search(last):
        return True
    *inner, final = ["", *URL.findall(text)]
    ends_in_link = bool(final) and text.endswith(final)
    if ends_in_link and _SHORT_LINK not in final:
        return False  # no post of X
    body = URL.sub("", text).strip()
    width = sum(2 if ord(c) > 0x2E7F else 1 for c in body)
    width += LINK_WIDTH * (len(inner) - ends_in_link)
    return width in CUT_WIDTHS and not last.strip().endswith(_ENDS)


def _tidy(part: str) -> str:
    """Return the sentence as it is printed: handles and tags as words, no dangling signs."""
    text = _MARK.sub("", _CREDIT.sub("", _strip_last_tags(part).strip()))
    text = _EMPTY_BRACKETS.sub("", _LOOSE_SPACE.sub(r"\1", text))
    text = _SPACES.sub(" ", text).strip(" -–—|·•~*,，、>→;；")
    return text if any(map(str.isalnum, text)) else ""
