"""Units and scales in both languages: what 亿, bn, ms, 毫秒 and GB mean."""

from __future__ import annotations

import re
from collections.abc import Iterable

SCALES = {
    "千": 1e3, "k": 1e3, "thousand": 1e3, "万": 1e4, "萬": 1e4, "w": 1e4, "百万": 1e6, "百萬": 1e6, "m": 1e6, "mn": 1e6, "mm": 1e6,
    "million": 1e6, "mil": 1e6, "千万": 1e7, "亿": 1e8, "億": 1e8, "十亿": 1e9, "b": 1e9, "bn": 1e9, "bil": 1e9, "billion": 1e9,
    "百亿": 1e10, "千亿": 1e11, "万亿": 1e12, "兆": 1e12, "t": 1e12, "tn": 1e12, "trillion": 1e12, "百": 1e2, "hundred": 1e2,
    "十万": 1e5, "lakh": 1e5, "crore": 1e7,
}  # fmt: skip

# Unit, its dimension, how many base units it is, and its words in both languages.
_TABLE = """
percent percent 1 % ％ percent pct per·cent
pp pp 1 个百分点 百分点 percentage·point percentage·points pp ppt ppts
permille permille 1 ‰
bp pp 0.01 个基点 基点 basis·points basis·point bps bp
times times 1 倍 times x × ×倍 fold -fold
usd usd 1 美元 美金 usd dollars dollar us·dollars u.s.·dollars 刀 美刀 usdt usdc u bucks
cent usd 0.01 美分 cents cent ¢
cny cny 1 元 人民币 块 块钱 rmb cny yuan 元人民币
eur eur 1 欧元 eur euros euro
gbp gbp 1 英镑 gbp pounds·sterling
hkd hkd 1 港元 港币 hkd
jpy jpy 1 日元 日圆 jpy yen
krw krw 1 韩元 krw won
inr inr 1 卢比 印度卢比 inr rupees
twd twd 1 新台币 台币 twd
ns time 1e-9 纳秒 ns nanoseconds
us time 1e-6 微秒 μs µs microseconds
ms time 0.001 毫秒 ms millisecond milliseconds
second time 1 秒 秒钟 s sec secs second seconds
minute time 60 分钟 min mins minute minutes
hour time 3600 个小时 小时 个钟头 h hr hrs hour hours
day time 86400 天 日 day days
week time 604800 周 个星期 星期 个礼拜 week weeks wk wks
month time 2629800 个月 month months mo
year time 31557600 年 周年 岁 year years yr yrs years·old
decade time 315576000 decade decades
kb byte 1e3 kb kib
mb byte 1e6 mb mib
gb byte 1e9 gb g gib
tb byte 1e12 tb tib
pb byte 1e15 pb
mbps rate 1e6 mbps mb/s
gbps rate 1e9 gbps gb/s
w watt 1 瓦 watt watts
kw watt 1e3 千瓦 kw kilowatts kilowatt
mw watt 1e6 兆瓦 mw megawatts megawatt
gw watt 1e9 吉瓦 gw gigawatts gigawatt
tw watt 1e12 太瓦 tw terawatts
kwh wh 1e3 千瓦时 度电 kwh
mwh wh 1e6 兆瓦时 mwh
gwh wh 1e9 吉瓦时 gwh
nm metre 1e-9 纳米 nm nanometer nanometre nanometers
um metre 1e-6 微米 μm µm
mm metre 1e-3 毫米 millimeters
cm metre 1e-2 厘米 cm centimeters
metre metre 1 米 meters meter metres metre
km metre 1e3 公里 千米 km kilometers kilometres kilometer
inch metre 0.0254 英寸 inch inches
foot metre 0.3048 英尺 ft feet foot
mile metre 1609.344 英里 mile miles mi
mg gram 1e-3 毫克 mg
gram gram 1 克 grams gram
kg gram 1e3 公斤 千克 kg kilograms kilogram kilos
ton gram 1e6 吨 ton tons tonnes tonne
pound gram 453.592 磅 lb lbs pounds
celsius celsius 1 摄氏度 °c ℃
hz hz 1 赫兹 hz
khz hz 1e3 khz
mhz hz 1e6 mhz 兆赫
ghz hz 1e9 ghz
fps fps 1 帧 fps 帧/秒 帧每秒 frames·per·second
p p 1 p
tops tops 1 tops
mah mah 1 毫安时 毫安 mah
"""
DIMENSIONS: dict[str, tuple[str, float]] = {}
UNIT_OF: dict[str, str] = {}
for _row in _TABLE.strip().splitlines():
    _unit, _dimension, _factor, *_spelled = _row.split()
    DIMENSIONS[_unit] = (_dimension, float(_factor))
    UNIT_OF.update((word.replace("·", " "), _unit) for word in _spelled)
SIGNS = {"$": "usd", "us$": "usd", "€": "eur", "£": "gbp", "¥": "cny", "￥": "cny", "hk$": "hkd", "nt$": "twd", "₩": "krw", "₹": "inr"}  # fmt: skip


def _longest_first(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=lambda word: (-len(word), word)))


_TIGHT = ("k", "m", "b", "t", "w")
_APART = {word: value for word, value in SCALES.items() if word not in _TIGHT}
SCALE_WORDS = _longest_first(_APART)
SCALE = rf"(?:[\s-]?(?P<scale>{SCALE_WORDS})(?![A-Za-z瓦米克时])|(?P<tight>[kmbtw])(?![A-Za-z/]))"
UNIT_WORDS = _longest_first(UNIT_OF)
UNIT = rf"(?:[\s-]?(?P<unit>{UNIT_WORDS})(?![A-Za-z])(?!(?<=[x×])\d))"
