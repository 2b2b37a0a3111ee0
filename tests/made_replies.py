"""Texts and replies made up from everything that ever broke a program, always the same for a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from bot.messages import (
    Block,
    Button,
    Heading,
    Link,
    ListItem,
    Manner,
    Paragraph,
    Picture,
    Reply,
    Rows,
)

HAN = "模型发布新价格市场今天上涨数据研究公司开源推理芯片融资用户测试结果显示的了在是和与及其"
WORDS = "the model price market open rises data chip funding users tests show 81.2% v3.2 U.S. a,b NVDA x-y it's 5:30 $5 1.5B".split()
EMOJI = ["👍", "👨‍👩‍👧‍👦", "🇨🇳🇺🇸🇯🇵", "👩🏽‍🚀", "❤️‍🔥", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "𝐁𝐨𝐥𝐝", "𠮷野家"]
HOSTILE = """
**bold** __under__ *it* _it_ ~~gone~~ ||spoiler|| `code` ```js\ncode``` [click](https://evil.example/a)
[click](<https://evil.example>) <https://evil.example> <b>bold</b> <a href="http://evil.example">x</a> &lt;b&gt; &amp;
@everyone @here <@1> <@!1> <@&1> <#1> </brief:1> <:e:123> <a:e:123> <t:1:R> <id:customize> @durov @durov_bot
#tag ＃标签 $NVDA /start /now@bot https://evil.example/x www.evil.example evil.com t.me/durov tg://resolve?domain=x
javascript:alert(1) mailto:a@evil.example 10.0.0.1 пример.рф 例子.中国 discord.gg/abc 4111111111111111 +12025550123
\\ \\* \\\\[x] {0} %s %n ${x} {{x}} '; DROP TABLE x;-- ../../etc/passwd \x1b[31mred\x1b[0m \x00 \x07 \ud800 \udfff
\u202eevil\u202c \u2066x\u2069 a\u200bb\u200dc \ufeff \u2060@\u2060x \u3164 \xa0 \u2028 \ue000 e\u0301\u0301\u0301\u0301\u0301
""".split(" ")
MANNERS: tuple[Manner, ...] = ("answer", "private", "post")
LINES = (
    "# heading,### heading,> quote,>>> all,- item,* item,1. item,-# small,```,***,| a | b |".split(
        ","
    )
)
MENTIONS = "@everyone @here <@1> <@!1> <@&1> <#1> </brief:1> <:e:1> <t:1:R> @durov #tag $NVDA /start /now@x".split()
ADDRESSES = """http://evil.example https://evil.example/a(b) www.evil.example evil.com t.me/x tg://resolve?domain=x
javascript:alert(1) mailto:a@evil.example 10.0.0.1 discord.gg/x ton://x ftp://evil.example steam://run/1
https://evil.example@good.example http://[::1]/ http://пример.рф//x https://evil.example\\@x""".split()
PROGRAMS = """'; DROP TABLE posts;-- | " OR ""=" | {0} {x} {{}} %s%n%x | ${7*7} {{7*7}} | ../../../etc/passwd | C:\\nul
| /dev/null | $(reboot) | `id` | && rm -rf / | <script>alert(1)</script> | <b>x | </b> | <a href="http://evil.example">x</a>
| <!-- | ]]> | &lt;b&gt; | &#x202e; | \\u0000 | None | null | undefined | NaN | -1 | 0 | 99999999999999999999 | 1e309
| 2025-13-45 | 2025-W01-1 | ٢٠٢٥-١٢-٠٦ | 0x1F | 1/0 | true | [] | {} | | \\\\ | --help | -rf | +1 | =1+1 | @SUM(1)""".split(
    " | "
)
MARKUP = "**b** __u__ *i* _i_ ~~s~~ ||s|| `c` ```c [x](http://evil.example) ![x](http://evil.example) [x][y] \\* ** __ ~~ || ``` > >>> # - 1. -#".split()
CONTROLS = "\x00 \x07 \x08 \x1b[31mred \x1b]0;x\x07 \x7f \x85 \u202e \u2066x \u200b \u200f \ufeff \ufff9 \U000e0041 \ud800 \udfff \ue000 \u2028 \u3164".split(
    " "
)
SCRIPTS = "Ω≈ç√∫ ÅÍÎÏ ﷽ ﷺ مرحبا שלום 田中さん 사회과학원 หมี ไ\u0e49\u0e49\u0e49\u0e49 Ｔｈｅ 𝐓𝐡𝐞 ⒯⒣⒠ z\u0351\u0321\u034e\u0353 ᚠᛇᚻ ḀḀ ǅ ß İi ﬀ".split()
KINDS = (MENTIONS, ADDRESSES, PROGRAMS, MARKUP, CONTROLS, SCRIPTS, HOSTILE, EMOJI, LINES)
LONG = ("\n", "x ", *"a 长 @ * \\ e\u0301 👍 🇨🇳 [ <@1> 。 \u202e ../ ǅ".split())


def strings(count: int = 1000) -> list[str]:
    """So many of them, each another one."""
    chance = random.Random(7)  # noqa: S311 (nothing secret)
    found = dict.fromkeys(text for kind in KINDS for text in kind if text)
    found |= dict.fromkeys(unit * (10_000 // len(unit)) for unit in LONG)
    joints = ("", " ", "\n", "\u2060", "a", "。", "](", "\\")
    while len(found) < count:
        parts = [chance.choice(chance.choice(KINDS)) for _ in range(chance.randint(2, 4))]
        found[chance.choice(joints).join(parts)] = None
    return list(found)[:count]


def replies(count: int, seed: int) -> Iterator[Reply]:
    """So many replies."""
    chance = random.Random(seed)  # noqa: S311 (nothing secret)
    texts = _texts(chance)
    for number in range(count):
        long = number % 80 == 0
        blocks = [
            _block(chance, texts, long)
            for _ in range(chance.choice((1, 1, 1, 2, 30 if long else 2)))
        ]
        if chance.random() < 0.8:
            blocks.insert(0, Heading(_title(chance, texts), 1))
        if chance.random() < 0.2:
            blocks.insert(
                chance.randrange(len(blocks) + 1), Picture(b"", Path("cloud.png"), "cloud")
            )
        line = chance.choice(("", "/views ai 2025-12-06", "/stocks " + "英伟达" * 30))
        buttons = tuple(_buttons(chance) for _ in range(chance.choice((0, 0, 1, 2, 3))))
        manner = chance.choice(MANNERS)
        topic = chance.choice(("", "ai"))
        yield Reply(tuple(blocks), "zh", buttons, manner, topic, line)


def _texts(chance: random.Random) -> Callable[[bool], str]:
    """A maker of texts: a few sentences, or many."""
    pool = [_sentence(chance) for _ in range(3000)]
    odd = [_odd(chance) for _ in range(300)]

    def text(long: bool) -> str:
        number = chance.choice((1, 1, 1, 2, 60 if long else 3))
        parts = chance.choices(pool, k=number)
        if chance.random() < (0.1 if long else 0.01):
            parts.insert(chance.randrange(len(parts) + 1), chance.choice(odd))
        if chance.random() < 0.2:
            parts.insert(chance.randrange(len(parts) + 1), "\n" + chance.choice(LINES) + "\n")
        return "".join(parts)

    return text


def _sentence(chance: random.Random) -> str:
    if chance.random() < 0.5:
        words = chance.choices(HAN, k=chance.randint(2, 40))
        gap, stop = "", "。"
    else:
        words = chance.choices(WORDS, k=chance.randint(2, 15))
        gap, stop = " ", ". "
    for _ in range(chance.choice((0, 0, 1, 3))):
        words.insert(chance.randrange(len(words) + 1), chance.choice(HOSTILE + EMOJI))
    return gap.join(words) + stop


def _odd(chance: random.Random) -> str:
    """Something that is too long."""
    length = chance.choice((300, 3000, 5000, 7000))
    return chance.choice(
        (
            "https://example.com/" + "a/b?c=(d)&" * (length // 10),
            "a" * length,
            "长" * length,
            "👨‍👩‍👧‍👦" * (length // 7),
            "🇨🇳" * (length // 2),
            "e\u0301\u0323" * (length // 3),
            "ก" + "ั" * length,
            "Z\u0351\u0321\u034e" * (length // 4),
            "*" * length,
            "_[(<@" * (length // 5),
            "no stop at all " * (length // 15),
            "没有句号，只有逗号，" * (length // 10),
            "。" * length,
            "\n" * length,
            " " * length,
        )
    )


def _title(chance: random.Random, texts: Callable[[bool], str]) -> str:
    return texts(False)[: chance.choice((5, 20, 60, 60, 300))]


def _block(chance: random.Random, texts: Callable[[bool], str], long: bool) -> Block:
    kind = chance.random()
    if kind < 0.2:
        return Heading(_title(chance, texts), chance.choice((1, 2, 2, 3)))
    if kind < 0.35:
        return Paragraph(texts(long))
    if kind < 0.4:
        return Rows(tuple((_title(chance, texts), texts(False)) for _ in range(3)))
    links = tuple(_link(chance, texts) for _ in range(chance.choice((0, 1, 1, 2, 9))))
    title = _title(chance, texts) if chance.random() < 0.3 else ""
    return ListItem(texts(long), title, chance.choice((0, 0, 7, 12)), links)


def _link(chance: random.Random, texts: Callable[[bool], str]) -> Link:
    label = chance.choice(
        ("@ada", "@x_y_z", "张三", "", texts(False)[:40], "[x](http://evil.example)")
    )
    tail = chance.choice(("status/1", "1", "2", "a(b)", "[x]", "_a_*b*", "中文", "?a=b&c=<d>"))
    if chance.random() < 0.03:
        tail = chance.choice(("a" * 3000, "(" * 1000, "(" * 3000))
    good = f"https://example.com/{tail}"
    bad = ("javascript:alert(1)", "tg://resolve?domain=x", "", "http://localhost/x", "//x.com", "x")
    odd = ("http://u:p@evil.example/", "http://[::1", "https://a.example:99999/", "http://a b.c/")
    return Link(label, good if chance.random() < 0.8 else chance.choice(bad + odd))


def _buttons(chance: random.Random) -> tuple[Button, ...]:
    number = chance.choices((1, 2, 5, 8, 26, 60), (30, 30, 20, 10, 2, 1))[0]
    return tuple(
        Button(
            chance.choice(
                ("观点", "◀ 12-04", str(n), "订阅：" + "".join(chance.choices(HAN, k=30)))
            ),
            chance.choice((f"/views ai 2025-12-{n % 28 + 1:02}", "/brief", f"/stocks {'长' * n}")),
            chance.random() < 0.5,
        )
        for n in range(number)
    )
