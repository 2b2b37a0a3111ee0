"""News about money: companies and coins of the topic, then the industry and the economy.

A section without an item ("nothing today") is a good result.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

from digest.models import Item
from digest.reading import Story
from digest.reading.amounts import find_amounts
from digest.reading.assets import Asset, find_assets
from digest.reading.index_terms import MIN_SUM
from digest.reading.names import find_names
from digest.reading.vocabulary import CURRENCIES
from digest.write.extractive import notes
from digest.write.extractive.draft import (
    Draft,
    is_same_event,
    is_topical,
    join_sentences,
    make_item,
    name_speaker,
    reports_news,
)
from digest.write.extractive.groups import ECONOMY, EVENTS, KINDS, MARKET, Group
from digest.write.extractive.quotes import Quote

MAX_STOCKS = 8
MAX_COINS = 8
MAX_FINANCE = 6
QUOTES_OF_ASSET = 2
"""Sentences about one asset, by different authors."""
MAX_NAMED = 3
"""Maximum assets named in a sentence; a list of ten tickers says nothing about any of them."""
PRICE_FITNESS, MIN_FITNESS = -0.2, 0.2
"""Minimum fitness of a sentence about a price, because these are short and repeated every day, and
of any other sentence about money."""
MIN_PRINT = 0.4
"""Minimum print log odds (`rate_print`) of a sentence about money, unless `Draft.takes_all`."""
MIN_COSINE = 0.3
"""Minimum cosine to prices or the economy, because percentages occur in every kind of news."""
CAPITAL = EVENTS[0]


Talk = list[tuple[float, Quote, Story]]
"""Sentences about an asset with their weights and stories."""


def list_markets(draft: Draft) -> list[Item]:
    """Return the items on stocks, then on coins, the most discussed first."""

    def order(entry: tuple[Asset, Talk]) -> tuple[int, float, str]:
        authors = {quote.post.author for _, quote, _ in entry[1]}
        return -len(authors), -max(weight for weight, _, _ in entry[1]), entry[0].ticker

    ranked = sorted(collect_talk(draft).items(), key=order)
    items: list[Item] = []
    for is_coin, most in ((False, MAX_STOCKS), (True, MAX_COINS)):
        talks = [(asset, talk) for asset, talk in ranked if asset.coin == is_coin]
        group = (notes.CRYPTO if is_coin else notes.STOCKS)[draft.language]
        asset_items = (_make_item(draft, asset, talk, group) for asset, talk in talks)
        # `islice` stops at `most`, because making an item records its sentences as printed.
        items += islice(filter(None, asset_items), most)
    return items or [notes.nothing(draft.material, "markets")]


def collect_talk(draft: Draft) -> dict[Asset, Talk]:
    """Return the market sentences about each asset of the topic."""
    talk: defaultdict[Asset, Talk] = defaultdict(list)
    watch = draft.material.topic.watch
    for story, quote in _list_money(draft, (MARKET,), PRICE_FITNESS):
        assets = find_assets(quote.text, watch)
        if not 0 < len(assets) <= MAX_NAMED or draft.is_quoted(quote):
            continue
        if story.event in draft.events and quote.sentence.language != draft.language:
            continue  # usually repeats the printed item in another language
        if _is_topical(story) or _is_watched(draft, assets[0]):
            talk[assets[0]].append((quote.fitness + story.score, quote, story))
    return dict(talk)


def _is_watched(draft: Draft, asset: Asset) -> bool:
    """Return True if the topic watches the asset, or names the company in one of its stories."""
    if asset.ticker in draft.material.topic.watch:
        return True
    names = find_names(f"{asset.zh} {asset.en} ${asset.ticker}")
    return not asset.coin and any(name.key in draft.topic_names for _, name in names)


def _is_topical(story: Story) -> bool:
    return not story.market and is_topical(story)


def _list_money(
    draft: Draft, groups: tuple[Group, ...], least: float
) -> Iterator[tuple[Story, Quote]]:
    """Yield quotes with a sum of money that are nearest to one of the groups in meaning and have at
    least this fitness."""
    for story in draft.material.stories:
        for quote in draft.list_quotes(story):
            if quote.fitness < least or not reports_news(quote):
                continue
            group = quote.find_group(KINDS)
            if group is not CAPITAL:
                group = quote.find_group(KINDS, MIN_COSINE)
            if group in groups and has_figure(quote.text, moves=group is not CAPITAL):
                yield story, quote


def has_figure(text: str, *, moves: bool) -> bool:
    """Return True if a text has a large sum of money; with `moves` (prices and rates) any sum or
    percentage counts. Small sums are prices of products."""
    return any(
        (moves and amount.unit in ("percent", "bp"))
        or (amount.unit in CURRENCIES and (moves or amount.value >= MIN_SUM))
        for amount in find_amounts(text)
    )


def _make_item(draft: Draft, asset: Asset, talk: Talk, group: str) -> Item | None:
    """Return an item of the best sentences about the asset: different authors, one language."""
    chosen: list[Quote] = []
    for _, quote, story in sorted(talk, key=lambda e: (-e[0], e[1].post.key)):
        fits = all(
            other.post.author != quote.post.author
            and other.sentence.language == quote.sentence.language
            and not is_same_event(quote, other)
            for other in chosen
        )
        if fits and len(chosen) < QUOTES_OF_ASSET and not draft.is_quoted(quote):
            chosen.append(quote)
            draft.add(story, quote)
    if not chosen:
        return None
    return Item(
        join_sentences([name_speaker([quote.sentence]) + quote.text for quote in chosen]),
        title=asset.title(draft.language),
        group=group,
        cites=tuple(dict.fromkeys(quote.post.key for quote in chosen)),
    )


def list_finance(draft: Draft) -> list[Item]:
    """Return the items on money in the industry and the economy: rounds, revenue, rates."""
    items: list[Item] = []
    for _, quote, story in sorted(list_deals(draft), key=lambda entry: -entry[0]):
        is_told = story.event in draft.events or draft.is_printed(quote)
        if len(items) < MAX_FINANCE and not is_told and not draft.is_weak(quote, MIN_PRINT):
            items.append(make_item(draft, story, [quote]))
    return items or [notes.nothing(draft.material, "finance")]


def list_deals(draft: Draft) -> Iterator[tuple[float, Quote, Story]]:
    """Yield sentences with a name about capital, prices and rates in stories of the topic, with
    their weights and stories."""
    for story, quote in _list_money(draft, (CAPITAL, MARKET, ECONOMY), MIN_FITNESS):
        if _is_topical(story) and quote.sentence.names:
            yield quote.fitness + story.score, quote, story
