"""A thousand texts that ever broke a program, made here; always the same ones."""

from __future__ import annotations

import random

from tests.made_replies import EMOJI, HOSTILE, LINES

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
LONG = (
    "a",
    "长",
    "@",
    "*",
    "\\",
    "e\u0301",
    "👍",
    "🇨🇳",
    "[",
    "<@1>",
    "x ",
    "。",
    "\n",
    "\u202e",
    "../",
    "ǅ",
)


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
