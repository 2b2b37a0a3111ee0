"""Handle what is not words: handles, links, markup that a chat would act on, and signs; normalise
dashes, digits and characters."""

import re
from collections.abc import Iterator
from itertools import groupby

from digest.reading.names import simplify
from digest.text import URL, clean

_FRACTIONS = {"½": ".5", "¼": ".25", "¾": ".75"}
_FRACTION_SIGN = re.compile(r"(\d)([½¼¾])")
_FEET = re.compile(r"(?<![\d.'])([1-9])['\u2032] ?(1[01]|\d)(?:[\"\u201d\u2033]|'')")
_LONG_DASH = re.compile(r"[\u2014\u2015]+")
_SIGNS = {0xFF10 + n: str(n) for n in range(10)} | {
    ord(sign): plain
    for signs, plain in (("\u2010\u2011\u2012\u2013\u2212\ufe58\uff0d", "-"), ("\u2018\u2019", "'"))
    for sign in signs
} | {0xFF05: "%", 0xFF04: "$", 0xFF20: "@", 0xFF0E: "."}  # fmt: skip
_EMPHASIS = re.compile(r"(?<![*_@a-z\d])(\*{1,3}|_)([^\s*_][^*_\n]*)\1(?![*_a-z\d])", re.IGNORECASE)
"""3.3 *billion*, **OpenAI**, as written in posts."""
_HANDLE = re.compile(r"(?<![\w@])(?<!\w\.)@(\w{2,})", re.A)
_SHORT_LINK = re.compile(r"https?://t\.co/\w+", re.A)
_MARKUP = re.compile(
    r"https?://|www\.|\]\(|<[a-z/!]|\*\*|```|__\w|^#{1,6}\s", re.IGNORECASE | re.MULTILINE
)
_COMMAND = re.compile(r"(?<![\w/.\u3400-\u9fff<])/[a-z][a-z_]{2,31}(?![\w/.-])")
_ADDRESS = re.compile(
    r"(?<![\w@.-])(?:[a-z0-9-]+\.)+[a-z]{2,12}(?![\w.-]|\.\w)(/\S)?", re.IGNORECASE
)
_MARKDOWN = re.compile(r"\*\*|__|`+|^\s*(?:[-*•#>]+|\d\d?[.)、])\s+", re.MULTILINE)
_LOOSE_MARK = re.compile(r"\\?(?:[`|\[\]{}]+|\*{2,})|(?<!\w)(?:_+|\*(?=\w)|[#＃](?!\d))|_+(?!\w)")
_ARROWS = {
    ord(sign): f" {word} "
    for signs, word in (("→➡➔➜➞⇒⟶", "->"), ("↑⬆▲", "up"), ("↓⬇▼", "down"))
    for sign in signs
}
"""Signs that would be removed as emoji, but say which figure came first, or whether it rose."""


def fold_text(text: str) -> str:
    """Return cleaned text with one kind of dash and apostrophe, ASCII digits and simplified
    characters."""
    plain = _FRACTION_SIGN.sub(lambda match: match[1] + _FRACTIONS[match[2]], clean(text))
    plain = drop_emphasis(_LONG_DASH.sub(" - ", plain))
    return simplify(_FEET.sub(r"\1 ft \2 inch", plain.translate(_SIGNS)))


def drop_emphasis(text: str) -> str:
    """Return the text without the Markdown signs of bold and italics."""
    return _EMPHASIS.sub(r"\2", text)


def find_handles(text: str) -> list[str]:
    """Return the handles of a text without their @."""
    return _HANDLE.findall(text)


def blank_handles(text: str) -> str:
    """Return the text with handles replaced by blanks of the same length."""
    return _HANDLE.sub(lambda match: " " * len(match.group()), text)


def drop_short_links(text: str) -> str:
    """Return the text without the t.co links that X appends to a post."""
    return _SHORT_LINK.sub(" ", text)


def has_markup(text: str) -> bool:
    """Return True if a text has a link or markup that a chat or page would act on."""
    return bool(_MARKUP.search(text) or URL.search(text))


def find_commands(text: str) -> list[str]:
    """Return the words that a chat would treat as commands: /start."""
    return _COMMAND.findall(text)


def find_addresses(text: str) -> Iterator[tuple[str, bool]]:
    """Yield names with a dot, which chats turn into links, with True if a path follows."""
    yield from ((match.group(), bool(match[1])) for match in _ADDRESS.finditer(text))


def strip_markdown(text: str) -> str:
    """Return the text without emphasis and the marks of lists and headings."""
    return _MARKDOWN.sub("", text)


def drop_marks(text: str) -> str:
    """Return the text on one line, without marks that mean nothing in a prompt."""
    return " ".join(_LOOSE_MARK.sub(" ", drop_emphasis(text)).split())


def spell_arrows(text: str) -> str:
    """Return the text with "->", "up" and "down" instead of arrows."""
    return text.replace("\ufe0f", "").translate(_ARROWS)


def find_numeric_words(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of words and decimals with a sign for a number, outside Chinese: 0.11.0, H20,
    ⑥③. A single circled number only counts the parts of a list."""
    start = 0
    for kind, chars in groupby(enumerate(text), key=lambda pair: _kind_of(text, *pair)):
        end = start + len(list(chars))
        is_marker = kind == "circled" and end == start + 1
        if kind and not is_marker and any(map(str.isnumeric, text[start:end])):
            yield start, end
        start = end


def _kind_of(text: str, at: int, char: str) -> str:
    if char.isdigit() and not char.isdecimal():
        return "circled"
    is_point = char == "." and text[at + 1 : at + 2].isdigit()
    return "word" if char < "\u2e80" and (char.isalnum() or is_point) else ""
