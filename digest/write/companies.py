"""Listed companies and coins as people write them: name, ticker, and when a word really means them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice

from digest.reading.names import find_names
from digest.sieve import Sieve

# ticker | Chinese name, other spellings | English name, other spellings
_LISTED = """
NVDA|英伟达,輝達,辉达|Nvidia
AAPL|苹果公司,苹果|Apple Inc
MSFT|微软,微軟|Microsoft
GOOGL|谷歌|Alphabet,Google
AMZN|亚马逊,亞馬遜|Amazon
META|Meta 平台|Meta Platforms,Facebook
TSLA|特斯拉|Tesla
TSM|台积电,台積電|TSMC,Taiwan Semiconductor
AVGO|博通|Broadcom
AMD|超威半导体,超微|AMD,Advanced Micro Devices
INTC|英特尔,英特爾|Intel
ORCL|甲骨文|Oracle
NFLX|奈飞,网飞|Netflix
CRM|赛富时|Salesforce
ADBE|奥多比|Adobe
PLTR||Palantir
IBM|国际商业机器|IBM
QCOM|高通|Qualcomm
MU|美光|Micron
SMCI|超微电脑|Super Micro,Supermicro
DELL|戴尔|Dell
ASML|阿斯麦|ASML
ARM||Arm Holdings
SNOW||Snowflake
NOW||ServiceNow
SHOP||Shopify
UBER|优步|Uber
SPOT||Spotify
DIS|迪士尼|Disney
WMT|沃尔玛|Walmart
COST|好市多|Costco
JPM|摩根大通|JPMorgan,JP Morgan
GS|高盛|Goldman Sachs
MS|摩根士丹利|Morgan Stanley
BAC|美国银行|Bank of America
C|花旗|Citigroup
BLK|贝莱德|BlackRock
V|维萨|Visa
MA|万事达|Mastercard
PYPL|贝宝|PayPal
BRK.B|伯克希尔|Berkshire Hathaway
COIN||Coinbase
HOOD|罗宾汉|Robinhood
MSTR|微策略|MicroStrategy,Strategy Inc
CRCL||Circle Internet
BMNR||BitMine
MARA||MARA Holdings,Marathon Digital
RIOT||Riot Platforms
SQ||Block Inc
SOFI||SoFi
CRWV||CoreWeave
NBIS||Nebius
RDDT||Reddit Inc
SNAP||Snap Inc
PINS||Pinterest
ABNB|爱彼迎|Airbnb
BA|波音|Boeing
F|福特|Ford Motor
GM|通用汽车|General Motors
TM|丰田|Toyota
RIVN||Rivian
NIO|蔚来|NIO Inc
XPEV|小鹏|XPeng
LI|理想汽车|Li Auto
BABA|阿里巴巴,阿里|Alibaba
0700.HK|腾讯,騰訊|Tencent
BIDU|百度|Baidu
JD|京东|JD.com
PDD|拼多多|Pinduoduo
3690.HK|美团|Meituan
1810.HK|小米|Xiaomi
9618.HK|京东集团|
NTES|网易|NetEase
BILI|哔哩哔哩|Bilibili
1024.HK|快手|Kuaishou
0020.HK|商汤|SenseTime
002594.SZ|比亚迪|BYD
300750.SZ|宁德时代|CATL
600519.SH|贵州茅台,茅台|Kweichow Moutai
688256.SH|寒武纪|Cambricon
688041.SH|海光信息|Hygon
0981.HK|中芯国际|SMIC
2454.TW|联发科,聯發科|MediaTek
2317.TW|鸿海,鴻海|Foxconn
005930.KS|三星电子|Samsung Electronics
000660.KS|海力士|SK Hynix
9984.T|软银,軟銀|SoftBank
SONY|索尼|Sony
LLY|礼来|Eli Lilly
NVO|诺和诺德|Novo Nordisk
UNH|联合健康|UnitedHealth
XOM|埃克森美孚|ExxonMobil
CVX|雪佛龙|Chevron
VRT|维谛|Vertiv
OKLO||Oklo
CEG||Constellation Energy
ISRG|直觉外科|Intuitive Surgical
ANET||Arista Networks
MRVL|迈威尔|Marvell
TXN|德州仪器|Texas Instruments
CSCO|思科|Cisco
HPE|慧与|Hewlett Packard Enterprise
WDC|西部数据|Western Digital
SNDK|闪迪|SanDisk
U||Unity Software
RBLX||Roblox
EA|艺电|Electronic Arts
NTDOY|任天堂|Nintendo
WBD|华纳兄弟|Warner Bros
NDAQ|纳斯达克公司|Nasdaq Inc
"""

_COINS = """
BTC|比特币,大饼,比特幣|Bitcoin
ETH|以太坊,以太币,姨太|Ethereum,Ether
SOL|索拉纳|Solana
XRP|瑞波币|XRP
BNB|币安币|BNB
DOGE|狗狗币|Dogecoin
ADA|艾达币|Cardano
TRX|波场|Tron
AVAX|雪崩|Avalanche
LINK||Chainlink
DOT|波卡|Polkadot
LTC|莱特币|Litecoin
BCH|比特现金|Bitcoin Cash
TON||Toncoin
SHIB|柴犬币|Shiba Inu
PEPE||Pepe coin
SUI||Sui
APT||Aptos
ARB||Arbitrum
OP||Optimism
NEAR||NEAR Protocol
HYPE||Hyperliquid
ASTER||Aster
ENA||Ethena
AAVE||Aave
UNI||Uniswap
XLM|恒星币|Stellar
XMR|门罗币|Monero
ZEC|大零币|Zcash
HBAR||Hedera
FIL||Filecoin
TAO||Bittensor
WLD|世界币|Worldcoin
PENGU||Pudgy Penguins
ONDO||Ondo
JUP||Jupiter
"""


@dataclass(frozen=True, slots=True)
class Asset:
    """A listed company or a coin."""

    ticker: str
    zh: str
    en: str
    coin: bool

    def title(self, language: str) -> str:
        """`英伟达 (NVDA)`; the ticker alone where it has no name in that language."""
        name = (self.zh if language == "zh" else "") or self.en or self.zh
        return f"{name} ({self.ticker})" if name and name != self.ticker else self.ticker


# Ordinary words that are names or tickers too: these need a cashtag.
_WORDS = frozenset(
    "C V F U MS MA GS EA BA LI OP ARM NOW SNOW SHOP SPOT DIS COST COIN HOOD BLK MU GM TM SQ TON DOT LINK NEAR SUI APT ARB UNI HYPE ASTER"
    " ADA FIL TAO JUP Meta Apple Block Strategy Circle Unity Snap Visa Aster Sui Ether Jupiter Stellar Optimism Avalanche Tether".split()
)
_CASHTAG = re.compile(r"\$([A-Za-z][A-Za-z0-9]{0,9}(?:\.[A-Z])?)\b(?!\s?[\d(])")
_ROW = re.compile(r"\$[A-Za-z]\w{0,9}(?:[\s,、]+\$[A-Za-z]\w{0,9})+")
_CODE = re.compile(r"\b(\d{6}\.(?:SH|SZ|SS)|\d{4,5}\.HK|\d{4}\.TW)\b", re.IGNORECASE)
_MONEY_WORDS = frozenset("usd usdt us ca hk au bn b k m t".split())


@cache
def _assets() -> tuple[dict[str, Asset], re.Pattern[str], dict[str, Asset]]:
    """By ticker; a pattern of all spellings; by spelling."""
    by_ticker: dict[str, Asset] = {}
    by_name: dict[str, Asset] = {}
    for table, coin in ((_LISTED, False), (_COINS, True)):
        for row in table.strip().splitlines():
            ticker, zh, en = row.split("|")
            asset = Asset(ticker, zh.split(",")[0], en.split(",")[0], coin)
            by_ticker[ticker] = asset
            for name in [*zh.split(","), *en.split(","), ticker]:
                if len(name) > 1 and name not in _WORDS:
                    by_name.setdefault(name.lower(), asset)
    spelled = sorted(by_name, key=lambda name: (-len(name), name))
    latin = "|".join(re.escape(n) for n in spelled if n.isascii())
    han = "|".join(re.escape(n) for n in spelled if not n.isascii())
    pattern = re.compile(rf"(?<![A-Za-z0-9$@.])(?:{latin})(?![A-Za-z0-9])|{han}", re.IGNORECASE)
    return by_ticker, pattern, by_name


def ticker_rows() -> Iterator[tuple[str, list[str]]]:
    """Ticker and spellings of each listed company and coin."""
    for row in [*_LISTED.split("\n"), *_COINS.split("\n")]:
        if row:
            ticker, zh, en = row.split("|")
            yield ticker, [name for name in (*zh.split(","), *en.split(",")) if len(name) > 1]


def han_names(text: str) -> list[str]:
    """Well-known names that the text has in Chinese characters."""
    return [name.text for _, name in find_names(text) if not name.text.isascii()]


def assets_in(text: str, watch: tuple[str, ...] = ()) -> list[Asset]:
    """The companies and coins that the text names, each once, in the order of the text.

    A cashtag (`$NVDA`) counts even where the table does not know it; a bare word only where it can
    mean nothing else. `watch` are further names of the topic.
    """
    by_ticker, pattern, by_name = _assets()
    found: list[tuple[int, Asset]] = []
    tags = [m for m in _CASHTAG.finditer(text) if m.group(1).lower() not in _MONEY_WORDS]
    # A row of cashtags is a list of keywords, not talk about any of them.
    listed = {
        m.start(1) - 1 for row in _ROW.finditer(text) for m in _CASHTAG.finditer(text, *row.span())
    }
    for match in tags:
        ticker = match.group(1).upper()
        if ticker in by_ticker:
            found.append((match.start(), by_ticker[ticker]))
        elif match.start() not in listed:
            found.append((match.start(), Asset(ticker, "", "", coin=_is_coin(text))))
    for match in _CODE.finditer(text):
        code = match.group(1).upper()
        found.append((match.start(), by_ticker.get(code) or Asset(code, "", "", coin=False)))
    for match in pattern.finditer(text):
        if match.group().lower() != match.group() or not match.group().isascii():
            found.append((match.start(), by_name[match.group().lower()]))
    for name in watch:
        at = text.find(name)
        if name and at >= 0:
            found.append(
                (at, by_name.get(name.lower()) or Asset(name, "", "", coin=_is_coin(text)))
            )
    return list(dict.fromkeys(asset for _, asset in sorted(found, key=lambda entry: entry[0])))


def _is_coin(text: str) -> bool:
    """Whether an unknown symbol stands in talk about coins rather than shares."""
    return bool(
        re.search(
            r"\b(?:token|coin|chain|defi|airdrop|staking|meme|perp|usdt|tvl|crypto|binance|alpha|btc|eth|dex|solana|wallet)\b|"
            r"代币|币|链上|合约|空投|回购|现货|巨鲸|USDT|主网",
            text,
            re.IGNORECASE,
        )
    )


_ABOUT_MONEY = (
    r"\b(?:stocks?|shares(?! (?:a|an|the|his|her|how|why|what|its|their|our|your))|share price|prices?|priced|market cap|earnings|revenue|valuations?|valued|etfs?|bull(?:ish)?|bear(?:ish)?|ipo|rall(?:y|ied|ies)|"
    r"sell-?off|liquidat\w+|short(?:s|ed|ing)?|longs?|support|resistance|in-?flows?|out-?flows?|upgrades?d?|downgrades?d?|target price|price target|"
    r"all-time high|ath|trad(?:e|es|ed|ing)|volume|investors?|profit|loss(?:es)?|raised?|raising|funding|buyback|holdings?|bought|sold|buys?|sells?|"
    r"fell|falls|fall|rose|rises|jump(?:s|ed)?|drop(?:s|ped)?|surge[sd]?|slump\w*|plunge[sd]?|gains?|dip|unlock\w*|breakout|correction|deposits?)\b|"
    r"股价|股票|市值|财报|营收|估值|涨|跌|牛市|熊市|多单|空单|做多|做空|爆仓|清仓|减持|增持|抛售|买入|卖出|持仓|持币|回购|净流入|净流出|"
    r"成本|浮亏|浮盈|亏损|盈利|现价|均价|抄底|仓位|目标价|评级|上市|退市|融资|收益|套牢|解套|行情|支撑|阻力|新高|新低|回调|反弹|平仓|开仓|减仓|加仓|解锁|质押"
)
_FIGURE = re.compile(
    r"[$¥€]\s?\d|\d\s?(?:%|％|美元|美金|刀|亿|万|U\b|USDT|million|billion|bn\b|[kKmMbB]\b)",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)  # the markets and the industry's money are looked for in the same posts
def about_money(text: str) -> int:
    """How much the text speaks of money: 0 not at all, 2 or more with words and figures."""
    sieve = _about_money()
    words = islice(sieve.matches(text), 2)
    return sum(1 for _ in words) + bool(_FIGURE.search(text))


@cache
def _about_money() -> Sieve:
    return Sieve([_ABOUT_MONEY])
