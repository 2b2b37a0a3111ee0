"""What was said about which company or coin as money. "Nothing today" is a good answer."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from digest.models import Item
from digest.text import language
from digest.write import notes
from digest.write.companies import Asset, about_money, assets_in
from digest.write.draft import Draft
from digest.write.groups import CRYPTO, STOCKS
from digest.write.points import join
from digest.write.sentences import Sentence, sentences
from digest.write.substance import telling, usable

_MOVE = re.compile(
    r"涨|跌|突破|新高|新低|净流|清仓|增持|减持|目标价|\b(?:fell|falls?|rose|rises|jump\w*|drop\w*|surge\w*|plunge\w*|slump\w*|rall\w+|gain\w*|record|"
    r"upgrade\w*|downgrade\w*|sold|bought|inflows?|outflows?|bearish|bullish)\b",
    re.IGNORECASE,
)
"""What moved: said before where there is a choice."""
MAX_STOCKS = 8
MAX_COINS = 8
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
