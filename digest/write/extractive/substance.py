"""Can this sentence stand in a report on its own? A score for those that can."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice

from digest.orders import gives_orders
from digest.write.sentences import Sentence

LEAST, MOST = 11, 165
"""Size of a sentence (`Sentence.size`): less says nothing, more is none a reader finishes."""

_ANNOUNCE = r"(?:announce|introduce|launch|release|open[- ]?source|unveil|share that)\b"
"""What somebody may be excited to do in a report."""
_BROKEN = re.compile(
    r"^(?!\$[A-Za-z])[\W_]|^\d{1,2}:\d{2}|^(?:PnL|Wallet|Tx|Symbol|Address|On-chain)\b|[:：,，、(（\[【“-]$|^\S{60,}$|[\u0300-\u036f]{2}|^(?:https?|www)\b|(\S)\1{5,}|[|｜].*[|｜].*[|｜]|[�]"
)
_DANGLING = re.compile(
    r"^(?:it|its|it's|this|these|those|they|them|their|he|she|his|her|him|that|that's|there|here|here's|and|but|so|or|"
    r"also|however|then|thus|therefore|because|although|though|while|which|who|whose|where|plus|yet|instead|otherwise|"
    r"meanwhile|additionally|furthermore|moreover|still|finally|first|firstly|second|secondly|third|next|lastly|basically|"
    r"honestly|anyway|well|ok|okay|yes|no|yeah|nope|lol|imo|like|just|not|both|same|another|others|such|very|more|most|"
    r"one|some|many|each|every|only|even|if|when|what|why|how|as|"
    # Orders and half sentences: "Simply update", "Tried this", "Available now".
    r"simply|complete|ultimate|top|tried|trying|available|calling|testing|tested|use|using|run|build|try|learn|get|got|make|made|making|start|starting|see|"
    r"watch|check|add|plug|say|meet|read|join|let|let's|give|take|stop|think|imagine|remember|looking|looks|sounds|feels|seems|"
    rf"(?:happy|excited|proud|thrilled)(?! to {_ANNOUNCE})|"
    r"thanks|official|great|good|nice|cool|very|super|pretty|love|loved|posted|spent|just|now|today i|been|was|were|is|are|"
    r"can|could|would|should|will|do|does|did|don't|doesn't|won't|can't|have|has|had|of|in (?:this|it|addition|short|other)|for (?:this|example|instance)|"
    r"with (?:this|it|that)|from (?:this|there)|on (?:this|that|the other)|by (?:this|doing)|after|before|until|unless|otherwise|since|once|during)\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"[a-z]+\b(?![.-])")
"""A later line that begins with a small word goes on with the one before; "iPhone", "qwen3" and "gpt-oss" are none."""
_DANGLING_ZH = re.compile(
    r"^(?:它|这|那|他|她|其|该|此|但|而|所以|因此|不过|然后|同时|另外|此外|并|且|以及|如果|虽然|因为|于是|接着|最后|首先|其次|再|还有|也|就|"
    r"都|却|又|或者|总之|当然|其实|比如|例如|以下|如下|上面|下面|前者|后者|对此|对于|哈哈|嗯|啊|哎|唉|真的|太|好像|感觉|反正|"
    r"そして|しかし|また|これ|それ|この|その|でも|ただ)"
)
_PERSONAL = re.compile(
    r"\b(?:i|i'm|i've|i'll|i'd|me|my|mine|myself)\b|(?:^|[，,。\s])(?:我|俺|本人|咱|笔者|藏师傅)|我(?:觉得|认为|想|的|在|们家|自己|也|就|会|是)|昨天我|今天我|尝试一下|试了一下|没试过|[问让给叫跟帮]我|我们组|我们公司|我们部门|我们学校|朋友们|兄弟们|家人们|大家好",
    re.IGNORECASE,
)
_TEASER = re.compile(
    r"\b(?:check (?:it|this|them|out)|link (?:in|below)|see (?:below|thread|more|how)|read (?:more|on|the|about|our)|details? (?:below|here|in)|watch (?:the|this|now|here|on)|"
    r"learn (?:more|how)|sign up|click|subscribe|follow (?:me|us|along|for)|try it|join (?:us|me)|stay tuned|let me (?:know|explain)|"
    rf"let us explain|be the first|chance (?:at|to win)|below|thoughts\?|bookmark|thanks? (?:to|you|for)|congrats|congratulations|(?:excited|happy|proud|thrilled) to(?! {_ANNOUNCE})|can't wait|come (?:talk|join)|"
    r"tune in|dm me|here(?:'s| is| are) (?:the|what|why|how|a|my)|full (?:video|paper|post|report|thread|article)|download|drop a|what do you think|"
    r"available here|find out|more (?:info|details|here)|reply|retweet|save this|don't miss|link:|appeared first on|read the)\b|"
    r"详情|链接|评论区|置顶|点击|关注|将你的|把你的|帮你|教你|转发|收藏|扫码|下一条|见图|戳|围观|请看|欢迎|求推荐|求助|教程在|领取|原文|地址[:：]|来源[:：]|如图|传送门|↓|更多信息|敬请期待|点赞|"
    r"詳細|こちら|チェック|以下を|フォロー|リプ",
    re.IGNORECASE,
)
HYPE = re.compile(
    r"\b(?:insane|crazy|wild|mind-?blow\w+|game[- ]?chang\w+|holy|wow|omg|lol|lmao|haha\w*|damn|shit\w*|fuck\w*|bangs?|banger|epic|unreal|"
    r"jaw-?dropping|cooked|cooking|(?<!-)based(?! (?:on|in|at|upon|off|out))|goat|beautiful|amazing|awesome|incredible|literally|super fun|love this|so good|hell|bro|dude|y'all|imagine|can't believe|so back|"
    r"gonna|wanna|kinda|ain't|stupid|dumb|bullshit|crap|weird)\b|"
    r"炸裂|绝了|太强|牛逼|牛x|卧槽|我靠|离谱|逆天|神器|爽|哈哈|笑死|yyds|真香|王炸|狠狠|天花板|疯了|震惊|！！|尼玛|傻逼|他妈|md|牛批|吃瓜|冲啊|上车|起飞|やばい|すごい|マジ",
    re.IGNORECASE,
)
_NEWS = re.compile(
    r"\b(?:introduc\w+|announc\w+|releas\w+|launch\w+|unveil\w+|open[- ]?sourc\w+|available|support\w*|roll\w* out|adds?|added|partner\w*|acquir\w+|"
    r"rais(?:es|ed|ing)|valu(?:ed|ation)|achiev\w+|outperform\w*|scor(?:e|es|ed|ing)|reach\w*|surpass\w*|beats?|publish\w*|report\w*|show\w*|found|finds|"
    r"plans?|expected|according|develop\w*|built|builds|train\w*|model|benchmark\w*|study|research\w*|paper|researchers|fell|rose|drop\w*|gain\w*|sign\w*|"
    r"agree\w*|sue[sd]?|ban\w*|fin(?:e|ed|es)|approv\w*|invest\w*|cuts?|hir(?:es|ed)|joins?|update[sd]?|upgrad\w*|debut\w*|now)\b|"
    r"现在|分析|数据显示|统计|调查|发布|推出|上线|开源|宣布|发表|新增|支持|升级|更新|突破|超越|融资|收购|合作|报道|显示|研究|论文|正式|实现|达到|完成|计划|预计|将于|将在|获得|签署|批准|"
    r"表示|指出|上涨|下跌|增长|提升|降低|开放|上市|裁员|任命|加入|推进|投资|估值|营收|训练|模型|得分|曝|拟|称|発表|公開|開始|リリース|対応",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Z][A-Za-z0-9.+-]*|(?<![A-Za-z])[a-z][A-Za-z]*\d[\w.]*")
_NUMBER = re.compile(r"\d")
_COMMON = frozenset(
    "I A The AI And In On For With To Of It This We You At By From Is Are OK TV US".split()
)


def usable(sentence: Sentence, *, after: bool = False, personal: bool = False) -> bool:
    """Whether a reader who sees only this sentence understands it.

    `after`: it will stand behind the sentence before it, so it may lean on that one.
    `personal`: it is somebody's view, so it may say "I".
    """
    fits = LEAST * (0.7 if after else 1) <= sentence.size <= MOST
    if not (after or personal) and sentence.place and _GOES_ON.match(sentence.text):
        return False
    return fits and _understood(sentence.text, after, personal)


@lru_cache(maxsize=16384)  # every section asks for the same sentences again
def _understood(text: str, after: bool, personal: bool) -> bool:
    if (
        text.count('"') % 2
        or text.count("“") != text.count("”")
        or text.count("(") != text.count(")")
    ):
        return False
    if text.endswith(("?", "？")) or _BROKEN.search(text) or _TEASER.search(text):
        return False
    if not after and (_DANGLING.search(text) or _DANGLING_ZH.search(text)):
        return False
    if not personal and (_PERSONAL.search(text) or HYPE.search(text)):
        return False
    return _is_language(text) and not gives_orders(text)


def _is_language(text: str) -> bool:
    """Letters, in their usual case: no tables, code, sums, or shouting."""
    letters = sum(c.isalpha() for c in text)
    if letters < 0.55 * len(text.replace(" ", "")):
        return False
    upper = sum(c.isupper() for c in text)
    return (
        upper <= 0.5 * max(1, sum(c.isascii() and c.isalpha() for c in text))
        or letters - upper > 20
    )


def proper_names(text: str) -> set[str]:
    """Latin names and versions in the text; the first word of a sentence counts only if it is odd."""
    return {n for n in _NAME.findall(text) if n not in _COMMON and (len(n) > 1)}


_OPINION = re.compile(
    r"\b(?:hope|wish|feels?|seems?|probably|likely|maybe|honestly)\b|希望|讨厌|喜欢|觉得|好用|感觉|期待|应该是|可能是|蛮好|挺好|不错|厉害|估计|实属",
    re.IGNORECASE,
)


def telling(sentence: Sentence) -> float:
    """How much the sentence tells, about 0 to 1: news, names, numbers, a sensible length."""
    text = sentence.text
    verbs = len(list(islice(_NEWS.finditer(text), 3)))
    score = 0.35 * bool(verbs) + 0.10 * max(0, verbs - 1)
    score += 0.12 * min(2, len(proper_names(text)))
    score += 0.10 * bool(_NUMBER.search(text))
    score += 0.10 * (22 <= sentence.size <= 100)
    score += 0.08 * (sentence.place == 0)
    return score - 0.2 * bool(HYPE.search(text)) - 0.25 * bool(_OPINION.search(text))
