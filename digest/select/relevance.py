"""Does a post belong to the topic? From the topic's own words, so that it serves any topic.

Two views again: how near the post's meaning is to the topic's description, and how many of its
keywords it names. Talk about stocks and coins is kept for the money sections even off topic.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from digest.models import Dropped, Post, Topic
from digest.orders import gives_orders
from digest.select.cluster import names
from digest.select.embed import Vectors, embed
from digest.sieve import Sieve
from digest.text import URL, clean, plain, unaddressed

ON_TOPIC = 0.20
"""Fit below which a post is off topic; chosen on labelled posts (CONTRIBUTING, design notes)."""
AT_HEART = 0.40
"""Fit from which talk about money is news of the topic too ("the lab raised $4B")."""
KEYWORD_WEIGHT = 0.12
MOST_LEARNED = 2
"""Names of the day that count as keywords in one post."""
LEARNED = ((3, 0.6), (4, 0.2))
"""How many posts with a name must fit, and which share of its posts: most of a few, or some of many.
"Some" is enough for the lab whose outage and whose takeover sound like any company's."""
ROUNDS = 3
"""A name that was learned makes further posts fit, and these may settle further names."""
MOST_KEYWORDS = 3
"""Further keywords say nothing more: lists of hashtags are not more on topic than a sentence."""
NEAREST = 3
"""Descriptions a post is compared with; the mean of the nearest few is steadier than the best."""
MIN_WORDS = 4
"""Words (or pairs of Han characters) below which a text is chatter unless it names a keyword."""

_SENTENCE = re.compile(r"(?<=[.!?。！？；;])\s*|\n+")
_WORDS = re.compile(r"[A-Za-z\u00c0-\u024f]{2,}|[\u3041-\u30fa\u3400-\u9fff\uac00-\ud7af]{2}")
_MONEY = re.compile(
    r"\b(?:stocks?|shares?|price|market cap|earnings|revenue|valuation|etfs?|bullish|bearish|rall(?:y|ied)|"
    r"ipo|nasdaq|s&p|dow|fed|rate cuts?|inflation|unemployment|payrolls?|treasur(?:y|ies)|yields?|hedge fund|"
    r"sell-?off|liquidat\w+|long|short|support|resistance|inflows?|outflows?|tokens?|staking|stablecoins?|"
    r"upgrades?|downgrades?|funding|raised|acquir\w+)\b"
    r"|股价|股票|市值|财报|营收|估值|价格|出售|持币|美元|美金|美股|港股|a股|涨|跌|牛市|熊市|多单|空单|做多|做空|爆仓|加息|降息|通胀|失业率|非农|"
    r"美联储|融资|上市|减持|增持|抛售|行情|现货|合约|稳定币|代币|链上|交易所|收购|基金",
    re.IGNORECASE,
)
_SYMBOL = re.compile(r"\$[A-Za-z][A-Za-z.]{1,9}\b|\b\d{6}\.(?:SH|SZ)\b|\b\d{4}\.HK\b")
_ECONOMY = re.compile(
    r"\b(?:payrolls?|unemployment|cpi|core inflation|interest rates?|rate (?:cuts?|hikes?)|central bank|jobs report|"
    r"jobless claims)\b|非农|失业率|新增就业|就业人口|CPI|降息|加息|央行|国债收益率",
    re.IGNORECASE,
)
_COIN = re.compile(
    r"\b(?:bitcoin|btc|ethereum|eth|solana|sol|xrp|bnb|dogecoin|doge|usdt|usdc|tether|binance|coinbase|crypto\w*|defi|stablecoins?|blockchain|web3|"
    r"nasdaq|s&p 500|wall street|federal reserve)\b|比特币|以太坊|以太|大饼|币安|稳定币|区块链|加密货币|币圈|山寨币|纳斯达克|标普|美联储|美股|港股|A股",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Relevance:
    """`fit`: how well each post suits the topic (about 0 to 1). `market`: it talks about money."""

    fit: npt.NDArray[np.float32]
    market: tuple[bool, ...]
    heart: tuple[bool, ...]
    """Whether the post is so much about the topic that its talk of money is news of the topic too."""

    def money_story(self, members: Sequence[int]) -> bool:
        """Whether a story is here for its talk about money, not for the topic."""
        money = sum(self.market[i] for i in members)
        return 2 * money >= len(members) and not any(self.heart[i] for i in members)


def relevance(topic: Topic, posts: Sequence[Post], vectors: Vectors) -> Relevance:
    """How each post suits the topic; `vectors` are the posts' own."""
    prototypes = embed(_descriptions(topic))
    keywords = _keyword_patterns(topic.keywords)
    near = np.sort(vectors @ prototypes.T, axis=1)[:, -NEAREST:].mean(axis=1)
    named = np.array([_named(keywords, post) for post in posts], np.float32)
    fit = near + KEYWORD_WEIGHT * np.minimum(named, MOST_KEYWORDS)
    heart = tuple(bool(f >= AT_HEART) for f in fit)
    fit += KEYWORD_WEIGHT * np.minimum(_learned(posts, fit), MOST_LEARNED)
    market = tuple(is_market(topic, post) for post in posts)
    return Relevance(fit.astype(np.float32), market, heart)


def _learned(posts: Sequence[Post], fit: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """How many names in each post are the topic's today: a lab or a model that no keyword list knows
    yet, but that posts of the topic speak of."""
    found = [frozenset(n for n in names(post.text) if n.isalpha()) for post in posts]
    used = Counter(name for each in found for name in each)
    known = np.zeros(len(posts), np.float32)
    for _ in range(ROUNDS):
        fits = fit + KEYWORD_WEIGHT * np.minimum(known, MOST_LEARNED) >= ON_TOPIC
        fitting = Counter(n for each, f in zip(found, fits, strict=True) if f for n in each)
        own = {name for name, count in fitting.items() if _own(count, used[name])}
        known = np.array([len(each & own) for each in found], np.float32)
    return known


def _own(fitting: int, used: int) -> bool:
    return any(fitting >= least and fitting >= share * used for least, share in LEARNED)


def _descriptions(topic: Topic) -> list[str]:
    """Sentences of `about`, and the keywords a few at a time: single words embed poorly."""
    sentences = [s.strip() for s in _SENTENCE.split(topic.about) if s and s.strip()]
    words = list(topic.keywords)
    bunches = [", ".join(words[at : at + 6]) for at in range(0, len(words), 6)]
    return sentences + bunches or [*topic.title.values(), topic.name]


@lru_cache(maxsize=8)
def _keyword_patterns(keywords: tuple[str, ...]) -> Sieve:
    """Keywords, longest first, each whole: Latin ones are bounded by letters and digits of their own
    script only, since Chinese and Japanese write them without spaces ("用GPT写")."""
    longest_first = sorted({k.strip() for k in keywords if k.strip()}, key=lambda k: (-len(k), k))
    return Sieve(_bounded(k) for k in longest_first)


def _bounded(keyword: str) -> str:
    escaped = re.escape(keyword).replace(r"\ ", r"[\s-]?")
    # Where both cases are named, to leave the other case alone compiles three times as fast.
    before = r"(?-i:(?<![A-Za-z0-9]))" if re.match(r"[A-Za-z0-9]", keyword) else ""
    after = r"s?(?-i:(?![A-Za-z]))" if re.search(r"[A-Za-z0-9]$", keyword) else ""
    return before + escaped + after


def _named(keywords: Sieve, post: Post) -> int:
    """Different keywords in the post's text. The handle a reply starts with is not what it says."""
    found = keywords.matches(unaddressed(post.text))
    return len({match.group().lower().rstrip("s") for match in found})


@cache
def _subjects() -> Sieve:
    return Sieve([_COIN.pattern, _ECONOMY.pattern])


def is_market(topic: Topic, post: Post) -> bool:
    """Whether the post speaks of a stock, a coin, the markets or the economy as money."""
    text = clean(post.text)
    subject = (
        (("$" in text or "." in text) and _SYMBOL.search(text))
        or _subjects().finds(text, _subjects().possible(text))
        or any(name and name in text for name in topic.watch)
    )
    return bool(subject) and bool(_MONEY.search(text) or re.search(r"[$¥€]\s?\d|\d\s?%", text))


def chatter(post: Post, fit: float) -> str:
    """The reason why the post says nothing that a digest could use, or "" where it says something."""
    if gives_orders(post.text):
        return "hostile"
    words = plain(post.text)
    if not words:
        return "link_only" if URL.search(post.text) else "unreadable"
    said = len(_WORDS.findall(words))
    enough = MIN_WORDS if fit >= ON_TOPIC else 2 * MIN_WORDS
    return "" if said >= enough else "chatter"


def drop_chatter(posts: Sequence[Post], found: Relevance) -> tuple[list[int], list[Dropped]]:
    """Indices of the posts that say something, and the others with their reasons."""
    kept, dropped = [], []
    for i, post in enumerate(posts):
        reason = chatter(post, 1.0 if found.market[i] else float(found.fit[i]))
        if reason:
            dropped.append(Dropped(post.key, "offtopic", reason))
        else:
            kept.append(i)
    return kept, dropped


def belongs(members: Sequence[int], found: Relevance) -> bool:
    """Whether a story belongs to the digest: if one of its posts does, the others tell of the same."""
    return any(found.fit[i] >= ON_TOPIC or found.market[i] for i in members)
