"""Text that talks to programs instead of people: hidden orders to whoever summarises it.

Such posts are left out before anything reads them, and what a model writes is checked once more. It is
a filter, not the defence: order, links and ids are made by code, and items are proved by their posts.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
import unicodedata

_FORCED = re.compile(
    "[\u202d\u202e]|(?<![\U0001f3f4\U000e0061-\U000e007a])[\U000e0000-\U000e007f]"  # flags use tags too
)
"""Marks that force the direction of text or hide it altogether: honest posts have no use for them."""

_ALIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0406\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u03bf\u03b1\u03b5\u0131",
    "aeopcyxijsIABEKMHOPCTXoaei",
)
"""Cyrillic and Greek letters that look Latin (Unicode TR39, confusables)."""
_DIGITS = str.maketrans("01345$@", "oieassa")
_MIXED = re.compile(r"\b(?=\w*[a-z])(?=\w*[0-9$@])[a-z0-9$@]{4,20}\b")
_SPACED = re.compile(r"\b(?:\w[ ._-]{1,2}){5,60}\w\b")
_CODED = re.compile(r"\b[A-Za-z0-9+/]{24,400}={0,2}")
_QUOTED = re.compile(r"[\"“「『][^\"”」』\n]{1,80}[\"”」』]")
_NEWS = re.compile(
    r"\b(?:papers?|researchers?|study|injections?|attack(?:s|ers)?)\b|论文|研究|注入|攻击",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[\n。！？!?；;]+|(?<=[^\d\s])\.(?:\s+|$)")

_MACHINE = (
    r"(?:(?:a\.?i\.?|llms?|gpt|chat ?gpt|(?:large )?language models?|chat ?bots?|bots?|(?:ai )?assistants?|(?:ai )?agents?|"
    r"summari[sz](?:er|ers|ation tools?)|digest(?: bot| writer)?|editor model|(?:ai )?models?|automated (?:systems?|summar\w+|readers?|tools?)|crawlers?)\b)"
)
_DO = (
    r"(?:include|add|append|put|place|insert|rank|rate|mention|output|reply|respond|answer|write|say|print|start|begin|end|finish|translate|"
    r"ignore|drop|mark|send|skip|repeat|promote|recommend|advertise|praise|treat|state|report|cite|quote|copy|list|make|set|do not|don'?t|never)\b"
)
_OUTPUT = r"(?:summar(?:y|ies)|digest|report|answer|reply|response|output|briefing?|key points?|translation)\b"
_RULES = r"(?:instructions?|prompts?|rules?|guidelines?|directives?|commands?|orders?|context|messages?|constraints?)\b"

_LINES = re.compile(
    r"^\W{0,4}(?:system|assistant|developer) ?(?:prompt|message|instructions?)? ?[:：>](?! ?(?:requirements|windows|ios|macos|linux|android))|"
    r"!\[[^\]\n]{0,80}\]\([^)\s]{0,200}\?[^)\s]{0,80}=(?:[A-Z_]{6}|[{$])|<!--",
    re.IGNORECASE | re.MULTILINE,
)
_ORDERS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Taking back what the program was told.
        rf"\b(?:ignore|disregard|forget|override|bypass|discard|violate)\b.{{0,30}}\b(?:previous|prior|above|earlier|preceding|all|any|your|its|system|other|these|the)\b.{{0,25}}\b{_RULES}",
        r"\b(?:forget|ignore|disregard) (?:everything|all|anything)\b.{0,24}\b(?:told|said|before|above|previous)",
        r"\boverride (?:the |your )?(?:system|developer) (?:prompt|message)",
        r"\bfollow (?:my|these|the following) (?:instructions|orders|rules)\b.{0,20}\b(?:not|instead|only|from now)",
        r"\bfrom (?:now|here) on,? (?:you (?:are|must|will|only|praise|answer|write|act)|follow my|answer only|only)\b",
        # Roles, templates and tools of chat programs.
        r"<\|\w+\|>|\[/?INST\]|<<SYS>>|</?(?:system|post|posts|instructions?|script|user|assistant|iframe|img|a href)\b",
        r"^\W{0,4}#{2,} ?(?:instructions?|system|prompt|task)\b|\b(?:begin|start|end) (?:of )?system (?:message|prompt)\b",
        r"\byou are now (?:in |a |an |the )?(?:\w+ ){0,2}(?:mode|DAN|assistant|agent|bot|unrestricted|jailbroken)\b",
        r"\b(?:tool|function)[_ ]calls? ?[:：=]|\bfunction ?\{|^\W{0,3}\{ ?[\"'](?:points|views|events|items|cites|role|name|tool)[\"']|[\"']cites[\"'] ?:",
        r"\{\{|\{%|\b(?:drop table|select \* from|union select)\b|\bjailbreak mode\b",
        r"^\W{0,2}/(?:now|subscribe|unsubscribe|settings|source|sources|report|brief|detail|status|cost|start)\b|@(?:everyone|here)\b|(?:请|发送|执行|run|send|type) ?/(?:now|subscribe|source|settings)\b",
        # Speaking to the program that reads.
        rf"^\W{{0,4}}(?:dear|hey|hi|hello)\b,? ?(?:the |any |all |every |an? )?{_MACHINE} ?[:,]",
        rf"^\W{{0,4}}(?:attention|note to|notes? for|reminder to|reminder for|message (?:to|for)|to|for|instructions? (?:to|for))\b,? ?(?:the |any |all |every |an? |your )?{_MACHINE}(?: (?:reading|processing|summari[sz]ing) .{{0,40}}| only)? ?[:：]",
        rf"^\W{{0,4}}(?:attention|note to|notes? for|to|for)\b,? ?(?:the |any |all |every |an? |your )?{_MACHINE} (?:reading|processing|summari[sz]ing) this\b",
        rf"\b(?:if|when|whenever|in case) (?:you(?:'re| are) an? |an? |any |the )(?:\w+ )?{_MACHINE}.{{0,50}}\b(?:you|it|please)?\b.{{0,12}}\b(?:must|should|please|end|begin|start|include|add|mention|say|has to)\b",
        rf"^\W{{0,4}}(?:any |all |every |the )?{_MACHINE}(?: (?:reading|processing|summari[sz]ing|that reads?|who reads?) (?:this|it|these)\b.{{0,30}}|[,:：]| (?:must|should|please|have to|has to))[:：,]? ?(?:you )?(?:must |should |please |have to )?{_DO}.{{0,60}}(?:\b|/)(?:this|these|following|sentence|post|link|digest|summary|report|answer|first|top|only|every|other|your|subscribe|reply with)\b",
        rf"^\W{{0,4}}(?:any |all |every )?{_MACHINE} (?:reading|processing|summari[sz]ing) this\b ?(?:[:：,]|must|should|please|text)",
        r"^\W{0,4}as an? (?:ai|large)(?: language)? (?:model|assistant),? (?:you|do|please|ignore|your)\b|\bas an ai (?:language )?model you\b",
        rf"^\W{{0,4}}{_MACHINE},? {_DO}.{{0,80}}\b(?:this|story|stories|post|one|others?|subscribe|digest|summary)\b",
        # Speaking of what it will write.
        rf"\b{_DO}.{{0,80}}\b(?:in|to|into|of|with|at the (?:top|end|start|beginning) of|as) (?:your|the|today'?s|this|every|each) (?:daily |ai |news |next |final )?{_OUTPUT}",
        rf"^\W{{0,4}}(?:please )?(?:begin|start|end|finish|open|close) (?:your|the|today'?s|every|each) {_OUTPUT} with\b",
        rf"\b{_OUTPUT}.{{0,40}}\b(?:must|have to|has to|should always) (?:start|begin|end|include|mention|contain|say)\b",
        rf"\bwhen(?:ever)? (?:you )?summari[sz](?:e|es|ing) (?:this|these|today'?s?|the (?:posts|day|thread))\b.{{0,60}}\b(?:must|should|always|please|{_DO})",
        r"\b(?:do not|don'?t|never) summari[sz]e (?:this|it)\b|\binstead,? write (?:that|this)\b",
        r"\byour (?:real|new|true|only|actual) (?:task|job|goal|role|purpose|instruction)\b.{0,20}\b(?:is|are)\b|\b(?:instruction|rule|message)s? (?:has|have|takes?) (?:absolute )?(?:priority|precedence)\b",
        r"\bnew rule ?[:：].{0,80}\b(?:cite|item|post|summary|digest|report|answer)\b|\b(?:print|reveal|show|repeat|output|send) (?:me )?(?:the text of )?your (?:\w+ )?(?:instructions|system prompt|prompt|api key|rules)\b",
        r"\b(?:put|rank|place|keep|pin|list) this (?:post|item|story|tweet|one|news)? ?(?:first|at (?:the )?(?:top|position|number)|10/10|as (?:the )?(?:first|top|number one))",
        r"\bdecode (?:this|it|the (?:above|following))\b.{0,40}\b(?:do|follow|execute|obey)\b",
        # The same in Chinese.
        r"(?:忽略|无视|忘记|忘掉|覆盖|不要理会|绕过).{0,10}(?:以上|之前|上述|前面|所有|全部|你的|系统|本帖以外).{0,10}(?:指令|提示|规则|设定|要求|任务|内容|限制)",
        r"^\W{0,4}(?:系统|系统提示|系统指令|系统消息|管理员|开发者)\W{0,2}[:：】\]] ?(?=.{0,40}(?:你|必须|请|将|本条|输出|现在))|#?系统提示 ?你|【系统(?:指令|提示|消息)】",
        r"(?:给|致|告|对|请|各位|所有).{0,12}(?:AI|大模型|语言模型|机器人|助手|摘要(?:模型|程序|机器人)|智能体|总结程序)的?(?:提示|提醒|说明|指令|注意)? ?[:：]",
        r"(?:AI|大模型|模型|机器人|助手|摘要模型|智能体) ?(?:请注意[:：]|请(?:忽略|务必|将|把|在|不要|优先|执行)|必须(?:把|将|在|优先|置顶)).{0,40}",
        r"如果你是.{0,6}(?:大模型|语言模型|AI|机器人|助手|模型)(?!.{0,2}(?:开发|研究|工程|从业|爱好|公司|厂)).{0,30}(?:请|必须|务必|就|要|末尾|开头)",
        r"作为(?:一个|一名)? ?(?:AI|人工智能|语言模型|大模型)(?: ?(?:助手|语言模型|模型))?[，, ]{0,2}你(?:需要|必须|应该|要|不能|只能)(?!.{0,4}(?:了解|学))",
        r"(?:在|于|往).{0,6}(?:摘要|日报|报告|总结|简报|要点|回复|回答)(?:里|中|内|末尾|开头|第一|的开头|的末尾).{0,8}(?:加入|加上|写上|写|推荐|置顶|提到|附上|宣传)|(?:原样|逐字).{0,4}写(?:入|进|到)",
        r"(?:总结|摘要|概括|汇总).{0,14}时.{0,3}[，,]?.{0,3}(?:必须|务必|请务必|请把|请将|一定要).{0,30}(?:提到|提及|置顶|加|写|放|把|将)",
        r"(?:此条|本条|本帖|这条(?:新闻|帖子|消息)?|这篇).{0,8}(?:请)?.{0,12}(?:置顶|排在.{0,6}第一|放在.{0,6}第一|列为.{0,6}第一|评分设为|设为最高)|把这条.{0,8}(?:第一|置顶)",
        r"从现在(?:开始|起)[，,]? ?你(?:只能|必须|要|就是|只)|你的(?:新|真正|唯一)的?(?:任务|目标|身份)是|你现在是(?!.{0,6}(?:可以|能)).{0,12}(?:没有限制|助手|模式|机器人)",
        r"(?:输出|返回) ?JSON ?[:：].{0,3}\{|(?:输出|打印|说出|告诉我)你?的?(?:系统提示|提示词|指令)(?:词|内容)?(?!.{0,2}(?:的能力|教程))|在每一条.{0,6}(?:加上|附上|写上)",
        r"覆盖(?:你的|系统).{0,6}(?:系统)?提示",
    )
)


def gives_orders(text: str) -> bool:
    """Whether the text talks to a program: hidden orders, roles, markup, commands of a bot."""
    if _FORCED.search(text) or _LINES.search(text):
        return True
    return any(_ordering(part) for part in _parts(text))


def _parts(text: str) -> list[str]:
    """Sentences, each two that follow each other, and what is spelled out or coded in the text."""
    plain = _folded(text)
    said = [_unquoted(part.strip()[:400]) for part in _SENTENCE.split(plain) if part.strip()]
    pairs = [f"{one} {two}" for one, two in itertools.pairwise(said)]
    return [*pairs, *(said[-1:]), *_hidden(plain)]


def _unquoted(part: str) -> str:
    """The sentence without its quotations, where it is news about such orders."""
    return _QUOTED.sub(" ", part) if _NEWS.search(part) else part


def _folded(text: str) -> str:
    """Letters as they look: full width, look-alikes and stray accents become plain ones."""
    return unicodedata.normalize("NFKC", text).translate(_ALIKE)


def _hidden(text: str) -> list[str]:
    """What letters with spaces between them, digits for letters, and Base64 say."""
    found = [re.sub(r"[ ._-]+", "", m.group()) for m in _SPACED.finditer(text)]
    found = [
        re.sub(r"(ignore|disregard|forget)(all)?(previous|prior|above)?", r"\1 \2 \3 ", f)
        for f in found
    ]
    if _MIXED.search(text.lower()):
        found.append(_MIXED.sub(lambda m: m.group().translate(_DIGITS), text.lower())[:400])
    for coded in _CODED.findall(text)[:5]:
        try:
            decoded = base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        found.append(decoded[:400])
    return found


def _ordering(part: str) -> bool:
    return any(pattern.search(part) for pattern in _ORDERS)
