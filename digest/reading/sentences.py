"""Sentences of posts, whole and clean: no links, marks, hashtag tails, or words cut by the source."""

from __future__ import annotations

import re

from digest.text import EMOJI, URL, language

FULL_POST = 175
"""Width (a Han character counts two) from which X cuts posts: an end without a full stop is a cut."""

MOST_ENTRIES, ENTRY = 4, 110
"""A list of at most so many entries, each of at most so many characters, is one sentence with the
line above it."""

_REPOST = re.compile(r"^\s*(?:RT|转发|via)\s*@\w+\s*[:：]?\s*", re.IGNORECASE)
_REPLY = re.compile(r"^(?:\s*\.?@\w+)+[\s,:，：]*")
_CUT = re.compile(r"(?:…|\.\.\.|\[…\]|\[\.\.\.\])\s*$")
_BULLET = re.compile(
    r"^\s*(?:[-–—*•·▪▫■□◆◇●○►▶➤➡→>✓✔✅☑❌|]+|[(（]?(?!24/7|50/50|9/11)\d{1,2}\s*(?:[.)、）．]|/(?:\s*(?:\d{1,2}|n|x)\b[.)、）]?|(?=\s)))(?!\d)|"
    r"[①-⑳]|[一二三四五六七八九十]{1,2}[、.)）])\s*",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:[\[【(（]\s*)?(?:breaking(?: news)?|just in|news|new|exclusive|update|thread|psa|fyi|tl;?dr|ps|boom|huge|wow|"
    r"速報|速递|快讯|突发|资讯|重磅|独家|最新|更新|喜讯|💡资讯)(?:\s*[\]】)）]|\s*[:：|!！]+)\s*[:：|]?\s*",
    re.IGNORECASE,
)
_KEYCAP = re.compile(r"[0-9#*]\ufe0f?\u20e3")
_THREAD = re.compile(
    r"\s*[(（]?\b\d{1,2}\s*/\s*(?:\d{1,2}|n)\b[)）]?\s*$|\s*\b(?:a )?thread\b\s*[:：↓]*\s*$", re.I
)
_TAGS_AFTER = re.compile(r"(?:\s*[#＃][\w\u4e00-\u9fff·]+)+\s*$")
_OPEN = re.compile(
    r"(?:\b(?:the|an?|of|on|in|for|to|with|and|or|by|about|is|are|from|at|into|using|than|like|new|supports?|adds?|accepts?|buys?|sells?|holds?)|[的在与和用对是为])$",
    re.IGNORECASE,
)
"""A text that ends so lacks its next word."""
_TAGS_BEFORE = re.compile(r"^(?:[#＃][\w\u4e00-\u9fff·]+\s+){2,}")
_TAG = re.compile(r"(?<!\w)[#＃](?=[^\W\d])")
_HANDLE = re.compile(r"(?<![\w@])@(?=\w)")
_VIA = re.compile(
    r"\s*(?:\bvia|\bby|来源[:：]?|来自|图源[:：]?|h/t)\s*(?:[@\w]+[,，]?\s*){0,4}$", re.IGNORECASE
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|al|approx|no|fig|inc|ltd|corp|co|mr|mrs|ms|dr|prof|st|jr|sr|u\.s|u\.k|a\.m|p\.m)|\b[A-Z])\.$",
    re.IGNORECASE,
)
_END = re.compile(r"[。！？!?；;]+[”’」』）)\"']*|\.(?=\s)[”’\"')]*")
_SPACES = re.compile(r"[ \t\u3000]+")


def split_sentences(text: str) -> tuple[tuple[str, int, bool], ...]:
    """Return the sentences, headlines and list entries of a cleaned text, in order: the words, the
    number of the line, and True where the sentence ends with a full stop.

    A sentence that the source cut off is left out.
    """
    text = _REPLY.sub("", _REPOST.sub("", text))
    lines = [line for line in URL.sub(" ", text).split("\n") if line.strip()]
    found, number = [], 0
    while number < len(lines):
        line, entries = _bare(lines[number]), _entries(lines[number], lines[number + 1 :])
        parts = [_joined(line, entries)] if entries else _split(line)
        if parts and not entries and number == len(lines) - 1 and _is_cut(text, parts[-1]):
            parts.pop()
        for part in parts:
            if words := _tidy(part):
                stopped = bool(re.search(r"[.。！？!?][”’」』）)\"']*$", part.strip()))
                found.append((words, number, stopped))
        number += 1 + len(entries)
    return tuple(found)


def _entries(line: str, below: list[str]) -> list[str]:
    """The short list that a line ending in a colon introduces: it says nothing without it."""
    found: list[str] = []
    if not re.search(r"[:：]\s*$", line):
        return found
    for entry in below:
        words = _tidy(_bare(entry))
        marked = _BULLET.match(EMOJI.sub("• ", entry, count=1))
        if (
            not marked
            or not words
            or len(words) > ENTRY
            or re.search(r"[:：]$", words)
            or _CUT.search(entry)
        ):
            break
        found.append(words.rstrip(".;。；"))
    return found if 2 <= len(found) <= MOST_ENTRIES else []


def _joined(line: str, entries: list[str]) -> str:
    if "：" in line or language(line) in ("zh", "ja"):
        return f"{line}{'；'.join(entries)}。"
    return f"{line} {'; '.join(entries)}."


def _bare(line: str) -> str:
    """The line without the marks around it."""
    line = EMOJI.sub(" ", _KEYCAP.sub(" ", line))
    for _ in range(2):  # a bullet may stand before a lead and a lead before a bullet
        line = _LEAD.sub("", _BULLET.sub("", line.strip()))
    line = _TAGS_BEFORE.sub("", _untagged(_THREAD.sub("", line.strip())))
    return _SPACES.sub(" ", line).strip()


def _untagged(text: str) -> str:
    """Without the tags at its end, but for one that is a word of it: "now supports #Bitcoin"."""
    found = _TAGS_AFTER.search(text)
    if not found or _OPEN.search(text[: found.start()]):
        return text
    return text[: found.start()]


def _split(line: str) -> list[str]:
    parts, start = [], 0
    for end in _END.finditer(line):
        head = line[start : end.end()]
        if end.group().startswith(".") and _ABBREVIATION.search(head):
            continue
        if end.group()[0] in ";；" and len(head) < 20:
            continue
        parts.append(head)
        start = end.end()
    parts.append(line[start:])
    return [part for part in parts if part.strip()]


def _is_cut(text: str, last: str) -> bool:
    """Whether the source cut the post off: by an ellipsis, or by its length without a full stop."""
    if _CUT.search(last):
        return True
    body = URL.sub("", text).strip()
    width = sum(2 if ord(c) > 0x2E7F else 1 for c in body)
    linked = bool(re.search(r"https?://\S+\s*$", text))
    return (
        linked
        and FULL_POST <= width <= FULL_POST + 150
        and not re.search(r"[.。！？!?…)）”\"'’：:]$", last.strip())
    )


def _tidy(part: str) -> str:
    """The sentence as it is printed: handles and tags as words, no dangling signs."""
    text = _HANDLE.sub("", _TAG.sub("", _untagged(part)))
    text = _VIA.sub("", text.strip())
    text = re.sub(r"\s+([,;:!?，。；：！？、）)]|\.(?!\w))", r"\1", text)
    text = re.sub(r"[(（]\s*[)）]|[\[【]\s*[\]】]|[\"“]\s*[\"”]", "", text)
    text = _SPACES.sub(" ", text).strip(" -–—|·•~*,，、>→;；")
    return text if re.search(r"\w", text) else ""
