"""Why a source gave nothing, in the words of the chat: sources say it in English, after their address."""

from __future__ import annotations

import re

from digest.models import Language

_CHINESE = (
    (r"no whole answer within (\d+) s", r"\1 秒内没有完整的应答"),
    (
        r"leads into a private network: .*",
        "通往内网：只有 topics.toml 里写了 private = true 的来源可以",
    ),
    (r"cannot be reached \((\w+)\)", r"连不上（\1）"),
    (r"redirects without end", "不停地转向"),
    (r"redirects to no usable address", "转向了一个不能用的地址"),
    (r"packed as (.+), which was not asked for", r"以没有要求的方式压缩（\1）"),
    (r"its packed answer is broken", "压缩的应答是坏的"),
    (r"larger than (\d+) MB", r"超过 \1 MB"),
    (r"its (?:answer|page) broke off.*", "应答不完整；稍后再问"),
    (r"gone for good \(410\)", "已永久消失（410）"),
    (r"not there \(404\); check the address", "不存在（404）；请检查地址"),
    (r"asks to come back later \((\d+)\)", r"请我们稍后再来（\1）"),
    (r"not allowed \((\d+)\); .*", r"不允许（\1）；可能需要密钥，或不让程序读取"),
    (r"answered (\d+)", r"应答 \1"),
    (
        r"no feed: give the address of its RSS or Atom file",
        "不是订阅源：请给 RSS 或 Atom 文件的地址",
    ),
    (r"no feed: .*", "不是可用的订阅源"),
    (r"write an address like (\S+)", r"请写 \1 这样的地址"),
    (r"write the channel like (\S+)", r"请写 \1 这样的频道地址"),
    (r"write list:123, user:jack or search:WORDS", "请写 list:123、user:jack 或 search:词语"),
    (r"no public channel, or one without a web view", "不是公开频道，或没有网页版"),
    (
        r"no key: set X_BEARER_TOKEN, or read X through an RSS bridge",
        "没有密钥：请设置 X_BEARER_TOKEN，或用 RSS 桥读取 X",
    ),
    (r"no reads are left for today; .*", "今天的次数已用完；每月次数由 X_READS_MONTH 决定"),
    (r"no such user", "没有这个用户"),
    (r"X refuses the request; check the address: .*", "X 拒绝了请求；请检查地址"),
)


def reason(said: str, language: Language) -> str:
    """Without the address it begins with, which stands beside it; in Chinese where it is known."""
    bare = re.sub(
        r"^(?:hackernews|x(?: \w+:\S+)?|\S*[./]\S*|.{0,60}?(?=: write )): (?=\S)", "", said, count=1
    )
    if language == "zh":
        for english, chinese in _CHINESE:
            if found := re.fullmatch(english, bare):
                return found.expand(chinese)
    return bare
