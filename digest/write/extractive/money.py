"""What was said about which company or coin as money. "Nothing today" is a good answer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from digest.models import Item
from digest.reading import Story
from digest.text import language
from digest.write.companies import Asset, about_money, assets_in
from digest.write.extractive import notes
from digest.write.extractive.brief import join
from digest.write.extractive.draft import Draft, cites, lead_in, others
from digest.write.extractive.groups import CRYPTO, STOCKS
from digest.write.extractive.substance import telling, usable
from digest.write.sentences import Sentence, sentences

_MOVE = re.compile(
    r"涨|跌|突破|新高|新低|净流|清仓|增持|减持|目标价|\b(?:fell|falls?|rose|rises|jump\w*|drop\w*|surge\w*|plunge\w*|slump\w*|rall\w+|gain\w*|record|"
    r"upgrade\w*|downgrade\w*|sold|bought|inflows?|outflows?|bearish|bullish)\b",
    re.IGNORECASE,
)
"""What moved: said before where there is a choice."""
_INDUSTRY = re.compile(
    r"\b(?:funding|rais(?:es|ed|ing) (?:over |about |nearly |up to )?\$|series [a-h]\b|valuation|valued at|revenue|arr|annualized|ipo|acquir\w+|acquisition|capex|"
    r"interest rates?|rate cuts?|federal reserve|inflation|unemployment|payrolls?|gdp|tariffs?|treasur(?:y|ies)|yields?|nasdaq|s&p 500|"
    r"profits?|earnings|invest(?:s|ed|ing|ment|ments))\b|"
    r"融资|估值|营收|年收入|利润|财报|收购|投资(?!者)|资本开支|加息|降息|利率|通胀|失业率|非农|就业人口|美联储|央行|国债|关税|GDP|纳斯达克|标普|道指|恐慌.{0,4}指数",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d")
MAX_STOCKS = 8
MAX_COINS = 8
MAX_FINANCE = 6
AN_ASSET = 2
"""Sentences about one asset, from different people."""
MONEY = 2
"""How much a sentence must speak of money (`about_money`) to count."""


@dataclass(slots=True)
class Talk:
    """What people said about one asset."""

    said: list[tuple[float, Sentence]] = field(default_factory=list)
    voices: set[str] = field(default_factory=set)


def markets(draft: Draft) -> list[Item]:
    """Stocks, then coins; the most talked about first."""
    talk = money_talk(draft)
    ranked = sorted(
        talk.items(),
        key=lambda e: (-len(e[1].voices), -max(weight for weight, _ in e[1].said), e[0].ticker),
    )
    items: list[Item] = []
    for coin, most in ((False, MAX_STOCKS), (True, MAX_COINS)):
        group = (CRYPTO if coin else STOCKS)[draft.language]
        told = (_item(draft, asset, found, group) for asset, found in ranked if asset.coin == coin)
        items += [item for item in told if item is not None][:most]
    return items or [notes.nothing(draft.material, "markets")]


def money_talk(draft: Draft) -> dict[Asset, Talk]:
    """What was said about each asset as money."""
    talk: defaultdict[Asset, Talk] = defaultdict(Talk)
    for story in draft.material.stories:
        for post in story.posts:
            if about_money(post.text) < MONEY:
                continue  # so is each of its sentences
            for sentence in sentences(post):
                money = about_money(sentence.text)
                if money < MONEY or not usable(sentence) or not draft.free(sentence):
                    continue
                named = assets_in(sentence.text, draft.material.topic.watch)
                # A list of ten tickers says nothing about any of them.
                if named and len(named) <= 3:
                    found = talk[named[0]]
                    found.voices.add(post.author)
                    found.said.append((_weight(draft, sentence, money, story.score), sentence))
    return talk


def _weight(draft: Draft, sentence: Sentence, money: int, score: float) -> float:
    weight = (
        0.2 * money
        + 0.4 * telling(sentence)
        + 0.3 * score
        + 0.3 * bool(_MOVE.search(sentence.text))
    )
    return weight - 0.3 * draft.foreign(language(sentence.text))


def _item(draft: Draft, asset: Asset, talk: Talk, group: str) -> Item | None:
    """The best sentences about the asset, each by somebody else, in one language."""
    chosen: list[Sentence] = []
    for _, sentence in sorted(talk.said, key=lambda entry: (-entry[0], entry[1].post.key)):
        if any(
            s.post.author == sentence.post.author or s.language != sentence.language for s in chosen
        ):
            continue
        if len(chosen) < AN_ASSET and draft.free(sentence):
            chosen.append(sentence)
            draft.take(sentence)
    if not chosen:
        return None
    return Item(
        join([s.text for s in chosen]),
        title=asset.title(draft.language),
        group=group,
        cites=tuple(dict.fromkeys(s.post.key for s in chosen)),
    )


def finance(draft: Draft) -> list[Item]:
    """Money of the industry and the economy: rounds, revenue, rates; single assets are in markets."""
    items: list[Item] = []
    for _, sentence, story in sorted(deals(draft), key=lambda entry: -entry[0]):
        if len(items) < MAX_FINANCE and draft.free(sentence):
            draft.take(sentence)
            text = lead_in([sentence]) + sentence.text
            items.append(Item(text, cites=cites(story, [sentence.post])))
    return items or [notes.nothing(draft.material, "finance")]


def deals(draft: Draft) -> Iterator[tuple[float, Sentence, Story]]:
    """Of each story the best sentence with a figure about the industry's money, with its weight."""
    for story in draft.material.stories:
        if not any(about_money(post.text) for post in story.posts):
            continue  # so does no sentence
        sentence = next(others(draft, story, _is_deal), None)
        if sentence is not None:
            words = len(set(_INDUSTRY.findall(sentence.text.lower())))
            weight = story.score + 0.2 * words - 0.3 * draft.foreign(sentence.language)
            yield weight, sentence, story


def _is_deal(sentence: Sentence) -> bool:
    text = sentence.text
    return bool(_FIGURE.search(text) and _INDUSTRY.search(text) and about_money(text))
