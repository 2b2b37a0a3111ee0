"""Units of both languages: what 美元, ms, 毫秒, GB and 千瓦 mean, and how they convert."""

from __future__ import annotations

# Unit, its dimension, how many base units it is, and its words in both languages ("·" is a space).
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
week time 604800 周 个周 个星期 星期 个礼拜 week weeks wk wks
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
kwh wh 1e3 千瓦时 度电 kwh kilowatt-hours
mwh wh 1e6 兆瓦时 mwh
gwh wh 1e9 吉瓦时 gwh
twh wh 1e12 太瓦时 twh
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
"""By unit: its dimension, and how many base units of that dimension it is."""
UNIT_NAMES: dict[str, str] = {}
"""The unit by each of its words, in lower case."""
for _row in _TABLE.strip().splitlines():
    _unit, _dimension, _factor, *_words = _row.split()
    DIMENSIONS[_unit] = (_dimension, float(_factor))
    UNIT_NAMES.update((word.replace("·", " "), _unit) for word in _words)

CURRENCY_SIGNS = {
    "$": "usd", "us$": "usd", "usd": "usd", "€": "eur", "eur": "eur", "£": "gbp", "gbp": "gbp", "¥": "cny", "￥": "cny",
    "rmb": "cny", "cny": "cny", "hk$": "hkd", "hkd": "hkd", "nt$": "twd", "₩": "krw", "₹": "inr", "jpy": "jpy",
}  # fmt: skip
CURRENCIES = frozenset(CURRENCY_SIGNS.values())

COUNTERS = tuple(
    "周年 名 家 款 种 项 位 次 步 人 国 城 座 台 部 篇 章 轮 层 条 套 只 场 份 个 件 间 支 行 页 枚 辆 笔 栋 起 所 张 颗 本 届".split()
)
"""Chinese words that count things: 三名, 五家."""
