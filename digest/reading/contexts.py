"""Read the words around an amount: what it counts, whose it is, whether it rose or fell."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby, pairwise

from digest.reading.amounts import find_amounts, find_cues
from digest.reading.days import blank_days, read_spans
from digest.reading.mentions import follows_name
from digest.reading.sentences import split_line
from digest.reading.units import Amount, Quantity
from digest.reading.vocabulary import CURRENCIES, compile_words, load_dimensions, load_words

BEFORE_CHARS, AFTER_CHARS, MIN_CHARS = 48, 40, 4
_STOP = r"[，,、;；。！？!?\n:：()（）]|\.\s|\b(?:and|while|but)\b|而"
_RANGE = re.compile(r"\s?(?:[-–~～至到/]|to)\s?[$€£¥]?")


@cache
def _compile_cut() -> re.Pattern[str]:
    """Return a pattern that ends the words belonging to one figure."""
    return re.compile(f"{_STOP}|{compile_words('figures', 'apart').pattern}", re.I)


def read_contexts(text: str) -> list[tuple[Amount, str]]:
    """Return the amounts of a text that count or measure, without the ends of ranges, each with the
    words around it: "月失业率为" for the 4.6% of "月失业率为 4.6%，预期 4.4%"."""
    amounts = [
        amount
        for amount in find_amounts(blank_days(text))
        if amount.kind in ("number", "multiple", "share") and not _is_named(amount, text)
    ]
    starts = [0, *(amount.end for amount in amounts)]
    ends = [*(amount.start for amount in amounts[1:]), len(text)]
    ranges = {a.start for pair in pairwise(amounts) if _is_range(text, *pair) for a in pair}
    return [
        (amount, _read_beside(text, amount, start, end))
        for amount, start, end in zip(amounts, starts, ends, strict=False)
        if amount.start not in ranges
    ]


def _is_named(amount: Amount, text: str) -> bool:
    """Return True for a year and for the number in a name (Sora 2, 7-Eleven)."""
    year = amount.unit in ("", "year") and 1900 <= amount.value < 2100
    glued = text[amount.start - 1 : amount.start] == "-" and amount.spelled
    behind = text[amount.end : amount.end + 2]
    if behind[:1] == "-":
        return amount.in_name or year or glued or behind[1:].isupper()  # a FREE 479-page book
    # The 170,000 of "VanEck 170,000" is not a version, but 4090 may be.
    name = not amount.unit and "," not in amount.text and follows_name(text, amount.start)
    return amount.in_name or year or glued or name


def _read_beside(text: str, amount: Amount, first: int, last: int) -> str:
    before = text[max(first, amount.start - BEFORE_CHARS) : amount.start]
    after = text[amount.end : min(last, amount.end + AFTER_CHARS)]
    cut = _compile_cut()
    cuts = [0, *(match.end() for match in cut.finditer(before))]
    near, behind = before[cuts[-1] :], cut.split(after, maxsplit=1)[0]
    if len(near.strip()) + len(behind.strip()) < MIN_CHARS:
        near = before[cuts[-2:][0] :]
    return f"{near} {behind}".strip()


def _is_range(text: str, first: Amount, second: Amount) -> bool:
    """Return True if two amounts are the ends of one range: 20 to 50%."""
    return bool(_RANGE.fullmatch(text[first.end : second.start]))


CLAUSE_CHARS = 160
MOVE_CHARS = 24
RISE_BEFORE_CHARS, RISE_AFTER_CHARS = 64, 12
"""Characters around a figure that may say whether it rose or fell."""
_SENTENCE_END = re.compile(r"[;；。！？!?\n]|\.\s|\.$")
_CLAUSE_END = re.compile(r"(?:(?<!\d),|,(?!\d))|[，;；。！？!?\n]|\.\s")


_LIMIT = re.compile(r"(?<!went |back )\bup to|makes? up", re.I)
"""A maximum or a share rather than a rise: "up to $50", but not "went up to $50"."""
_LEFT = ("原价的", "原来的", "只剩", "仅剩")
"""Before the remaining part of something."""
_BESIDE = re.compile(rf"{_STOP}|[\d、但]")
"""Ends the words beside a figure that may refer to it."""


def find_clause(text: str, amount: Amount, parts: int = 2) -> str:
    """Return the clause of an amount, with the `parts` - 1 clauses before it."""
    first, last = max(0, amount.start - CLAUSE_CHARS), amount.end + CLAUSE_CHARS
    ends = [first, *(match.end() for match in _CLAUSE_END.finditer(text, first, amount.start))]
    after = _CLAUSE_END.search(text, amount.end, last)
    return text[ends[-parts:][0] : after.start() if after else last]


def joins_things(text: str, amount: Amount) -> bool:
    """Return True if a sentence names, up to its end, several things and only this figure:
    1100 万本科和硕士毕业生, "7,000 yuan for debts, the mortgage and rent"."""
    before = find_clause(text, amount, 1).partition(amount.text)[0]
    clause = before + _SENTENCE_END.split(text[amount.end :][:CLAUSE_CHARS], maxsplit=1)[0]
    return bool(_AND.search(clause)) and not _FIGURE.search(clause)


def find_direction(text: str, amount: Amount) -> int:
    """Return 1 if the sign before a figure or the nearest word beside it says that it rises, -1 if
    it falls, else 0. Only words of its clause without a figure in between count."""
    before = _LIMIT.sub("", text[max(0, amount.start - RISE_BEFORE_CHARS) : amount.start])
    head = before.rstrip(" $€£¥")
    if head.endswith(("+", "-")):
        sign, prior = head[-1], head[-2:-1]
        if prior in " \n(:：（" or (sign == "+" and not prior.isascii()):
            return 1 if sign == "+" else -1
    after = text[amount.end : amount.end + RISE_AFTER_CHARS]
    before, after = _BESIDE.split(before)[-1], _BESIDE.split(after)[0]
    near = [
        (gap, sign)
        for sign, table in ((1, "up"), (-1, "down"))
        for gap in (
            *(len(before) - match.end() for match in find_cues(before, table)),
            *(match.start() for match in find_cues(after, table)),
        )
    ]
    return min(near)[1] if near else 0


def find_aim(text: str, amount: Amount) -> str:
    """Return "to" for a figure that something rose or fell to, "by" for one that it did so by ("cut
    to 63%", "down 5%"), or "" if the words say neither."""
    before = _LIMIT.sub("", text[max(0, amount.start - RISE_BEFORE_CHARS) : amount.start])
    head = before.rstrip(" 约近")
    if head.endswith(_LEFT) or text.startswith(" of what", amount.end):
        return "to"
    clause = find_clause(text, amount, 1)
    if not (has_cue(clause, "up") or has_cue(clause, "down")):
        return ""
    for word in reversed(before.lower().split()[-3 if amount.hedge else -1 :]):
        if word in ("to", "by"):
            return word
    if head.endswith(("至", "到")):
        return "to"
    near = _BESIDE.split(before)[-1]
    tables = ("up", "down") if near.strip() else ()
    ends = [match.end() for table in tables for match in find_cues(near, table)]
    return "by" if ends and len(near[max(ends) :].strip()) < 2 else ""


def find_pace(text: str, amount: Amount) -> frozenset[str]:
    """Return the time units of a rate around a figure: 每天, "a month"."""
    spans = read_spans(find_clause(text, amount, 1).replace(amount.text, " 0"))
    return frozenset(unit for _, counted, unit in spans if counted)


def find_moves(text: str, amounts: Sequence[Amount]) -> Iterator[tuple[Amount, Amount]]:
    """Yield start and end value of changes: "from 51 to 53.3", 从 51 升至 53.3, and "53.3, up from
    51"."""
    for first, second in pairwise(amounts):
        before, between = (
            text[start:end].rstrip(" $€£¥了").lower()
            for start, end in ((max(0, first.start - 8), first.start), (first.end, second.start))
        )
        if second.start - first.end >= MOVE_CHARS:
            continue
        if before.endswith(("从", "由", "from")):
            if between.endswith(("至", "到", " to")):
                yield first, second
        elif between.endswith((" from", "此前的", "此前为")):
            yield second, first


def join_amounts(text: str, amounts: Sequence[Amount]) -> Iterator[Amount]:
    """Yield the combination of two adjacent amounts: 71 inches for 5 ft 11 inches, $10,000 for 10 x
    $1,000."""
    for first, second in pairwise(amounts):
        if text[first.end : second.start].strip(" 零又和") or second.start - first.end > 3:
            continue
        if first.unit == "times" and first.text.endswith(tuple("xX×")):
            product = Quantity(first.value * second.value, second.unit)
            yield Amount(first.start, second.end, first.text, (product,))
        sizes = load_dimensions()
        (dimension, size), others = sizes.get(first.unit, ("", 0)), second.quantities
        if first.unit == "hour" and text.startswith("分", second.end):
            others = (Quantity(second.value, "minute"),)  # 一小时五十分
        for quantity in others if dimension and dimension not in CURRENCIES else ():
            own, part = sizes.get(quantity.unit, ("", 0))
            if own == dimension and size > part:
                total = Quantity(first.value * size / part + quantity.value, quantity.unit)
                yield Amount(first.start, second.end, first.text, (total,), step=second.step)


def find_reversed_words(text: str, posted: str) -> Iterator[str]:
    """Yield words on prices and bets in a statement of which its posts have only the opposite: rose
    for fell, long for short. More words prove a price move ("is sliding") than claim one: someone
    who declined to comment did not fall."""
    proofs = {"rising": "gaining", "falling": "sliding"}
    for pair in (("rising", "falling"), ("long", "short")):
        for word, opposite in (pair, pair[::-1]):
            words = [match.group() for match in find_cues(text, word)]
            is_posted = has_cue(posted, word) or has_cue(posted, proofs.get(word, word))
            if words and not is_posted and not has_cue(text, opposite):
                yield from words[: has_cue(posted, opposite)]


def is_in_top(text: str, amount: Amount) -> bool:
    """Return True for the ten of "top ten" and 前十, but not of 目前十家 or "laptop 10"."""
    if amount.unit not in ("", "count", "rank"):
        return False
    before = f"{text[: amount.start]}{amount.text[: 3 * (amount.kind == 'rank')]}".lower()
    before = before.rstrip(" -")
    if before.endswith("top"):
        return not (before[-4:-3].isascii() and before[-4:-3].isalpha())
    return before.endswith("前") and not before.endswith(tuple(load_words("figures", "no_best")))


def has_cue(clause: str, table: str) -> bool:
    """Return True if a clause has a word of a table of `vocabulary/figures.toml`."""
    return any(find_cues(clause, table))


_ENTRY = re.compile(r"(?:[-*•·–→>✅🔹◦▪]|\(?\d\d?[.)、）]|[\U0001f1e6-\U0001faff\u2600-\u27bf])")
_MARKS = " • , · , | , – , — , → ".split(",")
_BETWEEN = ("/", "→", "#", ";", "；", " vs ", " vs. ")
"""Separators of the things in a run; the sign of a tag is before it."""
_AND = re.compile(r",\s(?:and\s|or\s)?|,(?=@)|\sand\s|\s&\s|[、和与及+]")
_FIGURE = re.compile(r"(?<![A-Za-z])\d")
_THREAD = re.compile(r"\b\d/(\d\d?)\b")


LONGEST_ENTRY = 40
"""Characters of a line that can be one of a list."""


def count_entries(text: str) -> set[int]:
    """Return the lengths of the text's lists: lines with markers, runs such as "A, B and C", the
    parts of a thread."""
    lines = [line.strip() for line in text.split("\n")]
    entries = sum(bool(_ENTRY.match(line)) for line in lines)
    marked = sum(any(mark in line for mark in _MARKS) for line in lines)
    sizes = {count for count in (entries, marked) if count > 1}
    sizes |= {int(parts) for parts in _THREAD.findall(text)}
    blocks = groupby(lines, key=lambda line: 0 < len(line) <= LONGEST_ENTRY)
    sizes |= {size for short, block in blocks if short and (size := len(list(block))) > 2}
    sentences = (part for line in text.split("\n") for part in split_line(line))
    for clause in (clause for part in sentences for clause in re.split("[:：]", part)):
        parts = _AND.split(clause)
        short = [part for part in parts if 0 < len(part.strip()) <= 40]
        sizes.update({len(short), len(parts)} if len(parts) > 1 else ())
    for line in lines:
        words = " ".join(word for word in line.split() if "//" not in word)
        for sign in _BETWEEN:
            run = words.split(sign)
            if len(run) > 2 and all(len(part) <= 40 for part in run[1:-1]):
                sizes.add(len(run) - (sign == "#"))
    return sizes
