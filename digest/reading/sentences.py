"""Split posts into complete, clean sentences: without links, marks, trailing hashtags, or words cut
by the source."""

import re
from collections.abc import Callable, Sequence
from functools import cache

from digest.reading.markup import drop_emphasis, find_handles
from digest.reading.names import find_names
from digest.reading.vocabulary import compile_words, load_lines, load_words
from digest.text import EMOJI, URL, language, replace_links

CUT_WIDTHS, LINK_WIDTH = range(255, 286), 23
"""Widths (Han characters count two) at which X cuts posts without an ellipsis, if they lack a final
full stop, and the width of a link. On 48 days 2,400 posts of these widths lack the full stop and
900 have it; of shorter posts no more lack it than of those of half the width."""
MAX_ENTRIES, ENTRY_CHARS = 4, 110
"""A list of at most this many entries of at most this many characters becomes one sentence with the
line before it."""
HEADLINE_WORDS, HEADLINE_CHARS = 6, 110
"""Minimum complete words left of a headline that its source cut off, and its maximum characters:
longer cut texts are posts."""
LONGEST_WORD = 40
"""Characters that are searched for the last word."""
SHORT_CLAUSE, MAX_CLAUSES = 20, 140
"""Characters before a semicolon that are too few for a sentence, and up to which clauses after one
are kept, because they may deny the first clause or give a condition."""
SUBJECT_CHARS = 24
"""Characters after a handle that opens a post in which a verb of speech makes it the subject."""

_REPOST = re.compile(
    r"^\s*(?:RT\s+(?=\w+[:：])|(?:RT|转发|轉發|转|via)\s*@)[\w.]+\s*[:：]?\s*|\s*//\s*@\w+.*$",
    re.IGNORECASE,
)
_CONTEXT = re.compile(r"(?:\A|\n)> @\w{0,40}: “[^\n]*\Z")
"""What `fetch.xposts` appends to a post that quotes or answers another one."""
_REPLY = re.compile(r"^(?:\s*@\w+)+[\s,:，：]*|^\.(?=@)")
_CUT = re.compile(r"\[?(?:…|\.\.\.)\]?\s*$")
_BULLETS = "-–—*•·▪▫■□◆◇●○►▶➤➡→>✓✔✅☑❌|"
_NUMERALS = "一二三四五六七八九十"
_BULLET = re.compile(
    rf"^\s*(?:[{_BULLETS}]+(?<![-–>→](?=[\d$€£¥]))"
    r"|[(（]?\d\d?\s*(?:[.)、）．]|/\s*(?:\d{0,2}[nx]?(?:\s*[.)、）▪]|$)|[nx]\b)|/(?=\s))(?!\d)"
    rf"|[①-⑳]|[{_NUMERALS}]{{1,2}}[、.)）](?![{_NUMERALS}])|(?:#{{1,6}}|\+)\s)\s*",
    re.IGNORECASE,
)
_FLAIR = re.compile(r"\\?\[(?:[A-Z]|\d\d?|video|audio|pdf)\\?\]")
"""Labels that forums and Hacker News add to titles; footnote marks."""
_KEYCAP = re.compile(r"(?:[0-9#*]\ufe0f?\u20e3)+")
_SIGN = "▪"
"""Placeholder for emoji and links until their neighbours have been checked."""
_MOVES = "→➡➔➜➞⇒⟶↑⬆↓⬇▲▼📈📉"
"""Signs that say how a figure moved, or which of two came first."""
_BREAK = re.compile(r"(?<=[a-z])▪(?=\s[a-z])|[=→]\s*▪")
_THREAD = re.compile(
    r"(?:[(（]\d+\s?/\s?\w+[)）]|(?<![\w\s])\s*(?:\d+/\w+|(?:a )?thread\s*[:：↓]*))[\s▪]*$", re.I
)
"""After a word "9/10" is a figure or a day."""
_PART = re.compile(r"\s*[(\[]?(\d\d?)\s?/\s?(?:\d\d?|[nN])?[)\]]?(?!\d)")
_TAGS_AFTER = re.compile(r"(?:\s*[#＃][\w·]+)+[\s▪]*$")
_TAGS_BEFORE = re.compile(r"^(?:[#＃][\w·]+\s+){2,}")
_MARK = re.compile(r"(?<!\w)[#＃](?=[^\W\d])|(?<![\w@])@(?=\w)")
_CREDIT = re.compile(
    r"\s*(?:[来图]源[:：][\w@,， ]{0,40}"
    r"|(?:(?<!\S)来自|\bvia|h/t|[–—|]\s*by)[:：]?\s*(?:@\w+[,，]?\s*)*|\bby|来自)$",
    re.IGNORECASE,
)
"""A trailing source or handle, or what is left of it after removing a link. Names that say who did
something, or how, are not credits: "led by Iconiq", "via our API"."""
_END = re.compile(r"\v|[;；]|[。！？!?]+[”’」』）)\"']*|\.(?=[”’\"')]*\s)[”’\"')]*")
_OPENS = {"”": "“", "」": "「", "』": "『", "）": "（", ")": "(", '"': '"'}
_QUOTATION = re.compile(f"[{''.join([*_OPENS, *_OPENS.values()])}\n]")
_STOPS, _CLOSINGS = tuple(".。！？!?"), "”’」』）)\"'"
_ENDS = (*_STOPS, *"…)）”\"'’：:")
_COLONS = (":", "：")
_SHORT_LINK = "//t.co/"
_FINAL_LINK = re.compile(rf"(?:{URL.pattern})\s*$", URL.flags)
_LAST_WORD = re.compile(r"([\w.]+)\.$|(\w+)$")
_LOOSE_SPACE = re.compile(r"\s+([,;:!?，。；：！？、）)]|\.(?!\w))")
_EMPTY_BRACKETS = re.compile(r"[(（【\[\"“]\s*[)）】\]\"”]")
_SPACES = re.compile(r"\s+")
_DANGLING = " -–—|·•~*,，、>→;；"


def strip_addressees(text: str) -> str:
    """Return a reply without the leading handles of its addressees."""
    return _REPLY.sub("", text)


def list_addressees(text: str) -> list[str]:
    """Return the leading handles of a reply: @ada is addressed and says nothing. "@ada says",
    "@ada's point" and "@ada: ..." are not replies."""
    reply = _REPLY.match(text)
    if not reply or ":" in reply.group().replace("：", ":"):
        return []
    behind = text[reply.end() :][:SUBJECT_CHARS]
    is_subject = behind.startswith(("'s", "’s")) or any(
        compile_words("speech", table).search(behind) for table in ("chinese", "english")
    )
    return [] if is_subject else find_handles(reply.group())


def strip_context(text: str) -> str:
    """Return a post's own words, without those of the post that it quotes or answers."""
    return _CONTEXT.sub("", text)


def strip_repost(text: str) -> str:
    """Return a text without its repost mark and without further reposts after it."""
    return _REPOST.sub("", text)


def is_repost(text: str) -> bool:
    """Return True if a text begins with a repost mark."""
    return bool(_REPOST.match(text))


def thread_number(text: str) -> int:
    """Return the number of a part of a thread ("2/", "(2/5)"), or 0."""
    part = _PART.match(text)
    return int(part[1]) if part else 0


def split_sentences(text: str, *, source: str = "x") -> tuple[str, ...]:
    """Return the sentences, headlines and list entries of a cleaned text, in order.

    A sentence that the source cut off is dropped. What a colon introduces is joined to the sentence
    before it, which may deny it; the sentences after that stand alone.
    """
    text = _join_quotations(strip_addressees(strip_repost(text)))
    raw = [line for line in text.split("\n") if replace_links(line, " ").strip()]
    lines = [strip_marks(line) for line in raw]
    if lines and lines[-1]:
        lines[-1] = _drop_cut(text, lines[-1], source, is_only=len(lines) == 1)
    sentences: list[str] = []
    number = 0
    while number < len(lines):
        end = _list_end(raw, lines, number)
        entries = [_split_entry(entry) for entry in lines[number + 1 : end]]
        parts = _split_sentences(lines[number])
        lead = parts.pop() if entries else ""
        sentences += map(_keep_clauses, parts)
        if 2 <= len(entries) <= MAX_ENTRIES and all(len(entry) == 1 for entry in entries):
            sentences.append(_join_entries(lead, [words for (words,) in entries]))
        elif entries:
            sentences.append(lead)
            fits = len(lead) <= ENTRY_CHARS
            for words, *others in filter(None, entries):
                sentences += [_join_entries(lead, [words])] * fits + others
        number = end
    return tuple(filter(None, map(tidy, sentences)))


def find_quotations(text: str) -> list[tuple[int, int]]:
    """Return the spans in quotation marks, or in brackets on one line, with the marks. An unclosed
    one ends with its line, but continues if a line opens it again."""
    opened: dict[str, int] = {}
    spans = []
    for match in _QUOTATION.finditer(text):
        sign, place = match.group(), match.start()
        before, after = text[place - 1 : place], text[place + 1 : place + 2]
        opens = sign not in _OPENS
        if sign == '"':
            opens = not before.isdigit() if sign not in opened else not before.strip()
            opens = opens and bool(after.strip())
        if sign == "\n":
            opened.pop("(", None)
            opened.pop("（", None)
        elif opens and not (sign in opened and before == "\n"):
            opened[sign] = place
        elif not opens and _OPENS[sign] in opened:
            spans.append((opened.pop(_OPENS[sign]), place + 1))
    ends = {start: text.find("\n", start) for start in opened.values()}
    spans += [(start, end if end > 0 else len(text)) for start, end in ends.items()]
    return sorted(spans)


def _join_quotations(text: str) -> str:
    """Join each quotation to one line."""
    for start, end in find_quotations(text):
        if "\n" in text[start:end]:
            line = text[start:end].replace("\n“", "  ").replace("\n", " ")
            text = text[:start] + line + text[end:]
    return text


def _keep_clauses(sentence: str) -> str:
    """Return a sentence up to the last semicolon within MAX_CLAUSES characters."""
    if len(sentence) <= MAX_CLAUSES:
        return sentence
    end = max(sentence.rfind(sign, SHORT_CLAUSE, MAX_CLAUSES) for sign in ";；")
    return sentence[:end] if end > 0 else sentence


def _drop_cut(text: str, line: str, source: str, *, is_only: bool) -> str:
    """Return the last line of a text without what the source cut off, or what is left of a cut
    headline; and without a colon that only introduces a link."""
    *before, last = _split_sentences(line)
    if _is_cut(text, last, source):
        clauses = max(last.rfind(sign) for sign in ";；")
        headline = _shorten_headline(last) if is_only and not before else ""
        return "".join(before) + (last[:clauses] if clauses > SHORT_CLAUSE else headline)
    leads_to_link = line.endswith(_COLONS) and _FINAL_LINK.search(text)
    return line[:-1] if leads_to_link else line


def _shorten_headline(last: str) -> str:
    """Return a cut headline up to its last complete word that can end it, with an ellipsis; "" if
    too little is left."""
    left = _CUT.split(last)[0]
    words = left.split()
    if not left.endswith(" "):  # else the last word is whole
        words = words[:-1]
    while words and words[-1].strip(",:;–—-&").lower() in {"", *load_words("sentences", "open")}:
        words.pop()
    if len(words) < HEADLINE_WORDS or len(last) > HEADLINE_CHARS or not _CUT.search(last):
        return ""
    headline = " ".join(words).rstrip(" ,:;–—-&")
    is_open = headline.startswith('"') and headline.count('"') == 1
    return headline[is_open:] + "…"


def _list_end(raw: Sequence[str], lines: Sequence[str], number: int) -> int:
    """Return the end of the list that line `number` introduces by a colon, or of the sentence below
    it, which would say nothing, or something else, without that line."""
    first = end = number + 1
    if not lines[number].endswith(_COLONS):
        return end
    while end < len(raw) and _BULLET.match(_blank_signs(raw[end])):
        end += 1
    if first == end < len(raw) and raw[number].rstrip().endswith(_COLONS):
        end += len(lines[first]) >= SHORT_CLAUSE and not lines[first].endswith(_COLONS)
    return end


def _split_entry(line: str) -> list[str]:
    """Return a list entry, a long one as sentences; none if the first sentence is cut off or
    continues below."""
    words, *others = [line] if len(line) <= ENTRY_CHARS else _split_sentences(line)
    is_open = _CUT.search(words) or words.endswith(_COLONS)
    words = tidy(words).rstrip(".;。；")
    return [words, *others] if words and not is_open else []


def _join_entries(line: str, entries: Sequence[str]) -> str:
    is_wide = "：" in line or language(line) in ("zh", "ja")
    listed = ("；" if is_wide else "; ").join(entries)
    stop = "" if listed.rstrip(_CLOSINGS).endswith(_STOPS) else "。" if is_wide else "."
    return f"{line}{listed}{stop}" if is_wide else f"{line} {listed}{stop}"


def strip_marks(line: str) -> str:
    """Return the line without the bullets, labels and tags around it."""
    line = _FLAIR.sub(" ", _blank_signs(line)).lstrip(f"{_SIGN} ")
    for _ in range(2):  # bullets and labels may occur in either order
        line = _label().sub("", _BULLET.sub("", line.strip()))
    line = _TAGS_BEFORE.sub("", _strip_last_tags(_THREAD.sub("", line.strip())))
    return _BREAK.sub("\v", _SPACES.sub(" ", line)).replace(_SIGN, " ").strip()


def _blank_signs(line: str) -> str:
    """Return the line without emphasis, and with _SIGN for links and for emoji other than moves."""
    line = _KEYCAP.sub(_spell_keycap, replace_links(drop_emphasis(line), _SIGN))
    return EMOJI.sub(_keep_move, line)


def _spell_keycap(match: re.Match[str]) -> str:
    """Return the digits of keycaps, or a bullet at the start of a line."""
    is_bullet = not match.string[: match.start()].strip()
    return _SIGN if is_bullet else "".join(filter(str.isdigit, match.group()))


def _keep_move(match: re.Match[str]) -> str:
    """Return an arrow between words and a figure, otherwise _SIGN."""
    before, after = match.string[: match.start()], match.string[match.end() :].lstrip(" +-~$€£¥")
    is_move = match.group()[0] in _MOVES and after[:1].isdigit() and any(map(str.isalnum, before))
    return match.group()[0] if is_move else _SIGN


@cache
def _label() -> re.Pattern[str]:
    """Return a pattern of a label at the start of a line: "BREAKING:", 【快讯】."""
    words = "|".join(map(re.escape, sorted(load_lines("sentences", "labels"), key=len)[::-1]))
    return re.compile(
        rf"^(?:[\[【(（]\s*)?(?:{words})\s*(?:[\]】)）]|[:：|!！，]+)\s*[:：|]?\s*", re.IGNORECASE
    )


def _strip_last_tags(text: str) -> str:
    """Return the text without its trailing tags, except a first one that is a word of the text:
    "supports #Bitcoin", "buys the model maker #Mistral"."""
    tags = _TAGS_AFTER.search(text)
    if not tags:
        return text
    before, first = text[: tags.start()], re.split("[#＃]", tags.group())[1]
    is_word = _last_word(before) in load_words("sentences", "open")
    if is_word or (before[-1:].isalnum() and not _known(first) <= _known(before)):
        return f"{before} #{first.rstrip(_SIGN)}"
    return before


def _strip_credit(text: str) -> str:
    """Return the text without the source after it, unless it is a known name, which may be part of
    the sentence: "free for students via @Perplexity"."""
    credit = _CREDIT.search(text)
    if not credit or ("via" in credit.group().lower() and _known(credit.group().replace("@", " "))):
        return text
    return text[: credit.start()]


def _known(text: str) -> set[str]:
    """Return the keys of the known names of a text."""
    return {name.key for _, name in find_names(text) if name.kind}


def _last_word(text: str) -> str:
    """Return the last word in lower case without its full stop; of Chinese, the last character."""
    match = _LAST_WORD.search(text)
    word = (match[1] or match[2]).lower() if match else ""
    return word[-1:] if word[-1:] >= "\u2e80" else word


def split_line(line: str) -> list[str]:
    """Split a line into all its sentences and clauses, also inside quotations, because each of them
    is verified. Joined they are the line."""
    return _split_at_ends(
        line, line, lambda part, end: part[-1] in ";；" and len(part) < SHORT_CLAUSE
    )


def _split_sentences(line: str) -> list[str]:
    """Split a line into sentences; joined they are the line. None ends inside a quotation, or after
    one that begins it, because the speaker may follow."""
    spans, masked = find_quotations(line), line
    quoted = {span for span in spans if line[span[0]] not in "(（"}
    for start, end in spans:
        inner = "_" * (end - start - 3)
        masked = f"{masked[: start + 1]}{inner}{masked[start + 1 + len(inner) :]}"
    return _split_at_ends(
        line,
        masked,
        lambda part, end: part[-1] in ";；" or (end - len(part.lstrip()), end) in quoted,
    )


def _split_at_ends(line: str, masked: str, goes_on: Callable[[str, int], bool]) -> list[str]:
    """Split a line at each end in its masked form after which it does not go on; a full stop after
    an abbreviation or an initial is no end."""
    parts, start = [], 0
    for match in _END.finditer(masked):
        part, end = line[start : match.end()], match.end()
        is_short = match.group() == "." and _is_abbreviation(part[-LONGEST_WORD:])
        if not is_short and not goes_on(part, end):
            parts.append(part)
            start = end
    parts.append(line[start:])
    return [part for part in parts if part.strip()]


def _is_abbreviation(part: str) -> bool:
    """Return True if the full stop at the end belongs to an abbreviation or an initial."""
    word = _last_word(part)
    initials = word.isascii() and all(len(p) == 1 and p.isalpha() for p in word.split("."))
    return initials or word in load_words("sentences", "abbreviations")


def is_cut_off(text: str) -> bool:
    """Return True if the source cut a cleaned text off in the middle of a sentence."""
    lines = [line for line in replace_links(text, " ").split("\n") if line.strip()]
    return bool(lines) and _is_cut(text, _split_sentences(lines[-1])[-1], "x")


def _is_cut(text: str, last: str, source: str) -> bool:
    """Return True if the source cut the post off: with an ellipsis, or on X if it has the maximum
    length and no full stop."""
    if _CUT.search(last) or source != "x" or last.strip().endswith(_ENDS):
        return bool(_CUT.search(last))
    *inner, final = ["", *URL.findall(text)]
    ends_in_link = bool(final) and text.endswith(final)
    if ends_in_link and _SHORT_LINK not in final:
        return False  # not a post on X
    body = replace_links(text, "").strip()
    width = sum(2 if ord(c) > 0x2E7F else 1 for c in body)
    width += LINK_WIDTH * (len(inner) - ends_in_link)
    return width in CUT_WIDTHS


def tidy(part: str) -> str:
    """Return the sentence as printed: handles and tags as words, no dangling signs."""
    text = _MARK.sub("", _strip_credit(_strip_last_tags(part).strip()))
    text = _EMPTY_BRACKETS.sub("", _LOOSE_SPACE.sub(r"\1", text))
    text = _SPACES.sub(" ", text).rstrip(_DANGLING)
    bare = text.lstrip(_DANGLING)
    sign = text[: -len(bare)][-1:]
    is_signed = bare[:1] in "$€£¥" or bare[:1].isdigit()
    text = sign + bare if sign in "-–~>" and is_signed else bare
    return text if any(map(str.isalnum, text)) else ""
