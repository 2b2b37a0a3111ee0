"""Find listed companies and coins in a text, and measure how much it is about money."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from digest.reading.names import find_names
from digest.reading.vocabulary import count_words_of, list_asset_rows, load_entries

_CODES = r"\b(\d{6}\.(?:SH|SZ|SS)|\d{4,5}\.HK|\d{4}\.TW)\b"
_CODE = re.compile(_CODES, re.IGNORECASE)
_CASHTAG = re.compile(r"\$([A-Za-z][A-Za-z0-9]{0,9}(?:\.[A-Z])?)\b(?!\s?[\d(])")
_EXCHANGES = "|".join("NASDAQ NYSE AMEX HKEX 纳斯达克 纽交所 港交所 股票代码 代码".split())
_LISTED = re.compile(
    rf"\$([A-Za-z]{{1,10}}(?:\.[A-Z])?)\b|{_CODES}"
    rf"|\b(?:{_EXCHANGES})\s?[:：]\s?([A-Z]{{1,6}}|\d{{4,6}})\b"
)
_ROW = re.compile(r"\$[A-Za-z]\w{0,9}(?:[\s,、]+\$[A-Za-z]\w{0,9})+")
_MONEY = "|".join("% ％ 美元 美金 刀 亿 万 USDT million billion".split())
_FIGURE = re.compile(rf"[$¥€]\s?\d|\d\s?(?:{_MONEY}|(?:U|bn|[kmb])\b)", re.IGNORECASE)
_CURRENCIES = frozenset("usd usdt us ca hk au bn b k m t".split())
"""Codes after a dollar sign that are not tickers."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A listed company or a coin."""

    ticker: str
    zh: str
    en: str
    coin: bool

    def title(self, language: str) -> str:
        """Return `英伟达 (NVDA)`, or the ticker alone if there is no name in that language."""
        name = (self.zh if language == "zh" else "") or self.en or self.zh
        return f"{name} ({self.ticker})" if name and name != self.ticker else self.ticker


def find_tickers(text: str) -> Iterator[tuple[str, str]]:
    """Yield each ticker as written and in capitals: $NVDA, 0700.HK, NASDAQ: NVDA."""
    for match in _LISTED.finditer(text):
        yield match.group(), next(group for group in match.groups() if group).upper()


def blank_tickers(text: str) -> str:
    """Return the text with a blank for each ticker."""
    return _LISTED.sub(" ", text)


def find_assets(text: str, watch: tuple[str, ...] = ()) -> list[Asset]:
    """Return the companies and coins in a text, each once, in their order.

    A cashtag (`$NVDA`) counts even if no list has it; a bare word only if it is a known name.
    `watch` has further names of the topic.
    """
    placed = [*_find_tagged(text), *_find_named(text), *_find_watched(text, watch)]
    return list(dict.fromkeys(asset for _, asset in sorted(placed, key=lambda pair: pair[0])))


def _find_tagged(text: str) -> Iterator[tuple[int, Asset]]:
    """Yield assets by cashtag and by stock code, with their indices."""
    by_ticker, _ = _load_assets()
    # A row of cashtags is a list of keywords: only the known ones in it count.
    rows = [match.span() for match in _ROW.finditer(text)]
    for match in _CASHTAG.finditer(text):
        ticker = match[1].upper()
        if ticker in by_ticker:
            yield match.start(), by_ticker[ticker]
        elif ticker.lower() not in _CURRENCIES and not any(
            start <= match.start() < end for start, end in rows
        ):
            yield match.start(), _unknown_asset(ticker, text)
    for match in _CODE.finditer(text):
        code = match[1].upper()
        yield match.start(), by_ticker.get(code) or Asset(code, "", "", coin=False)


def _find_named(text: str) -> Iterator[tuple[int, Asset]]:
    _, by_key = _load_assets()
    for start, name in find_names(text):
        if name.key in by_key:
            yield start, by_key[name.key]


def _find_watched(text: str, watch: tuple[str, ...]) -> Iterator[tuple[int, Asset]]:
    by_ticker, by_key = _load_assets()
    for name in watch:
        place = text.find(name) if name else -1
        if place >= 0:
            known = by_ticker.get(name.upper()) or by_key.get(name.lower())
            yield place, known or _unknown_asset(name, text)


def _unknown_asset(name: str, text: str) -> Asset:
    return Asset(name, "", "", coin=count_words_of(text, "money", "coins") > 0)


@cache
def _load_assets() -> tuple[dict[str, Asset], dict[str, Asset]]:
    """Return the listed assets by ticker, and by name key."""
    by_ticker = {
        row["ticker"]: Asset(
            row["ticker"],
            next(iter(row.get("zh", ())), ""),
            next(iter(row.get("en", ())), ""),
            coin,
        )
        for row, coin in list_asset_rows()
    }
    by_key = {entry.key: by_ticker[entry.ticker] for entry in load_entries() if entry.ticker}
    return by_ticker, by_key


def count_money_words(text: str) -> int:
    """Return how much a text is about money: 0 not at all, 2 or more with words and figures."""
    words = count_words_of(text, "money", "english", "chinese")
    return min(2, words) + bool(_FIGURE.search(text))
