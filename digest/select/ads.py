"""Is this post an advertisement? Pure rules in Chinese and English, each with the reason it gives.

A rule adds weight; a post is an ad once its rules reach `THRESHOLD`. Strong wording settles it alone,
weak wording ("try it free", "link in bio") only in company, so that news about a sale or a course
is not taken for the sale itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from digest.models import Dropped, Post
from digest.orders import gives_orders
from digest.sieve import Sieve
from digest.text import clean, plain

THRESHOLD = 2
MOSTLY = 0.4
"""Share of an author's posts, of at least four, that makes a promoter of the author."""


@dataclass(frozen=True, slots=True)
class Rule:
    reason: str
    weight: int
    patterns: tuple[str, ...]


RULES: tuple[Rule, ...] = (
    Rule(
        "giveaway",
        2,
        (
            r"\bgive-?aways?\b(?!\s+(?:scam|fraud))",
            r"\b(?:enter|chance|tag \w+ friends?|follow|repost|retweet|rt)\b.{0,60}\bto (?:win|enter)\b",
            r"\bwinners? (?:will be|announced|picked|drawn)\b",
            r"\bwin (?:a|an|one of|up to)\b.{0,40}(?:\$|prize|free|iphone|macbook|switch|gpu|rtx)",
            r"\bprize pool\b.{0,80}\b(?:join|earn|complete|leaderboard|register|climb)|\b(?:join|earn|complete|climb)\b.{0,80}\bprize pool\b",
            r"抽奖|抽獎|(?:转发|轉發|转评|关注|點贊|点赞|评论).{0,18}(?:抽|送出|赠送|揪|领取)|(?:送出|抽)\s*\d+\s*(?:位|名|个|份|台)",
            r"(?:免费|免費)(?:送|领|領|赠)",
        ),
    ),
    Rule(
        "sale",
        2,
        (
            r"\b\d{1,2}\s?% (?:off|discount)\b",
            # A code is in capitals: "with Claude Code for", "use code review" are none.
            r"\b(?:use|with|discount|promo|coupon|voucher)\s(?:my |our |the )?(?:(?:discount|referral|special) )?code\b[:\s]+['\"“‘]?(?-i:[A-Z0-9]{3,})",
            r"\b(?:promo|discount|coupon) codes?\b",
            r"\b(?:black friday|cyber monday|holiday|flash|labor day|launch|early[- ]bird) (?:sale|deals?|discount|offer|price|pricing|tickets?)\b",
            r"\b(?:shop|order|buy|pre-?order|grab|claim|get) (?:yours?|now|today|the \w+ (?:sale|deal))\b(?!.{0,15}\bthe dip)",
            r"\blimited[- ]time (?:offer|deal|only|price|discount)",
            r"\b(?:only|last) (?:a )?(?:few|\d+) (?:seats?|spots?|units?|tickets?|copies) (?:left|remaining|available)\b",
            r"(?:限时|限時|早鸟|早鳥|特惠|粉丝|专属)(?:优惠|優惠|折扣|特价|福利|价|降价|秒杀)|优惠码|優惠碼|折扣码|立减|满减|半价(?:抢|购)|[一二三四五六七八九\d](?:\.\d)?\s?折(?:优惠|起|购|促|，|。|！|!)",
            r"(?:点击|戳|扫码).{0,10}(?:购买|下单|抢购|领取|报名)|下单(?:即|立)|拼车|拼团|代充|成品号|批发价|包邮|(?:长期|低价)(?:出售|供应)|(?:出售|转让|代购|代开).{0,12}(?:账号|帐号|会员|成品|plus|pro\b)",
        ),
    ),
    Rule(
        "sale",
        2,
        (
            r"\b(?:new release|available now|out now|get it here|download (?:it )?here)\b.{0,160}\b(?:book|edition|packt|guide|cookbook)\b|\b(?:via|from|by|v/|at)\s*@(?:PacktDataML|PacktPublishing|OReillyMedia|ManningBooks)\b",
            r"\b(?:brilliant|best|top|must-read|great|useful|amazing|huge|comprehensive|essential)\s(?:\w+\s){0,3}(?:books?|e-?books?|cookbooks?|handbooks?)\b|\bhandbook\s*[:—-]",
            r"\btable of contents\b|what you will learn\b|\bkey features:",
            r"\(\d{3,4} pages\)|\[?\d(?:st|nd|rd|th) ed(?:ition|\.)\]?|\b\d{3,4}[- ]page (?:pdf|book|ebook)\b|\b(?:these|this|useful|great|new|free|coding) (?:e-?)?books?\b",
            r"\b(?:offers?|packed with|full of) (?:invaluable|practical|actionable) (?:insights?|steps|tips)\b|\binfographic source\b|\bget (?:the|this|your) (?:book|copy|report|guide|e-?book)\b",
        ),
    ),
    Rule(
        "course",
        2,
        (
            r"\b(?:enrol+|join|register for|sign up for)\b.{0,60}\b(?:course|bootcamp|cohort|masterclass|workshop|training|academy)\b",
            r"\b(?:our|my|first|next|live|new) (?:live )?(?:cohort|bootcamp|masterclass)\b",
            r"(?:训练营|实战课|公开课|体验课|陪跑|知识星球|社群|星球|付费群|课程|小册).{0,20}(?:开营|报名|招募|上线|招生|加入|扫码|优惠|名额|原价)|(?:报名|加入|扫码).{0,16}(?:训练营|课程|社群|星球|体验课|公开课)",
            r"(?:加|添加)(?:我)?(?:微信|vx|v信|wx|客服)|(?:vx|wx|微信号?|薇信)\s?[:：]",
        ),
    ),
    Rule(
        "signup",
        2,
        (
            r"\b(?:register|sign ?up|rsvp|book|reserve|apply|save|claim|secure) (?:now|today|here|asap|your (?:spot|seat|place|demo|ticket)|a (?:demo|call|seat|spot)|for (?:the|our|this|free|early))\b",
            r"\bjoin (?:us|me)\b.{0,80}\b(?:webinar|workshop|livestream|session|summit|meetup|event|conference|hackathon|register|tomorrow|\d{1,2} ?(?:am|pm)|booth)\b",
            r"\b(?:webinar|masterclass)\b.{0,120}\b(?:join|register|sign up|tomorrow|live)\b",
            r"\bjoin (?:the|our) (?:waitlist|table|newsletter|community|discord|telegram|beta)\b",
            r"\b(?:tickets?|registration) (?:is |are )?(?:now )?(?:on sale|open|available)\b",
            r"(?:立即|马上|点击|扫码|欢迎|抓紧|火速|免费)(?:报名|注册|預約|预约|参会|入群|进群|体验|试用|下载|领取)|(?:报名|注册|参会|预约)(?:链接|地址|通道|入口|方式)|名额有限|先到先得|席位有限|直播预约|预约直播",
        ),
    ),
    Rule(
        "referral",
        2,
        (
            r"\b(?:referral|affiliate|invite|ref) (?:link|code)\b",
            r"\b(?:use|with|through|via) my (?:link|code|referral)\b|\blink in (?:my )?bio\b",
            r"(?:邀请码|邀請碼|返佣|返利|推广链接|推薦碼|推荐码|注册(?:即|就)?送|我的链接|专属链接|邀请链接|拉新|aff\s?链接)",
        ),
    ),
    Rule(
        "token",
        2,
        (
            r"\b(?:presale|pre-sale|airdrop|whitelist|allowlist|mint(?:ing)?|community sale|token sale|ICO|TGE|IDO)\b.{0,90}\b(?:live|now|join|claim|open|early access|register|apply|is here|eligible|participate|stakers?|allocations?)\b",
            r"\b(?:just (?:created|launched)|buy|ape|load) .{0,30}\b(?:on )?pump\.?fun\b|\bpump\.?fun\b.{0,50}\b(?:dyor|nfa|ca:)|\bca: ?[0-9a-z]{20,}",
            r"\b(?:start trading|trade (?:now|on|with)|zero fees|earn rewards|rewards boost|leverage up to)\b.{0,90}\b(?:giveaways?|today|now|rewards?|join|traders?|fees?|\d+ ?%|users)\b",
            r"\b(?:100x|1000x) (?:gem|potential|soon)\b|\bnext 100x\b|\bto the moon\b.{0,40}\b(?:buy|join|ape)\b",
            r"带单|跟单(?:社区|群|返)|(?:空投|打新|撸毛).{0,24}(?:教程|领取|参与|任务|链接|资格|速度|积分|冲)|(?:交互|嘴撸|刷分).{0,12}(?:教程|任务|积分)|(?:白名单).{0,20}(?:开放|领取|申请|抢)",
            r"(?:充值|入金|开户|交易).{0,14}(?:返|送|奖励|手续费减|减免|空投)|瓜分.{0,16}(?:奖池|USDT|U\b|万)|奖池",
        ),
    ),
    Rule(
        "follow",
        2,
        (
            r"\bfollow (?:me|us|@\w+|my account|for)\b.{0,60}\b(?:more|daily|updates|alpha|tips|threads?|content|ai)\b",
            r"\b(?:subscribe to|sign up for|join) (?:my|our|the) (?:\w+ ){0,3}(?:newsletter|channel|telegram|substack|discord|community|letter)\b",
            r"\bcomment ['\"“‘]?\w+['\"”’]? (?:and|&|below|to)\b.{0,60}\b(?:send|dm|get|receive)\b|\b(?:i'?ll|we'?ll) (?:dm|send) (?:you|it)\b.{0,40}\b(?:free|guide|prompt|link|file)",
            r"\b(?:like|rt|retweet|repost)\s*(?:\+|and|&|,)\s*(?:comment|follow|repost|retweet|bookmark)\b",
            r"(?:关注|關注|点赞|點贊)(?:我|公众号|公眾號|本账号|小编|并).{0,20}|(?:进群|入群|加群|交流群|粉丝群).{0,12}(?:扫码|加|领|私信|链接)|(?:评论区|私信).{0,12}(?:扣|回复|领取|发你|获取|找我)",
        ),
    ),
    Rule(
        "promo",
        2,
        (
            r"\b(?:sponsored|paid partnership|#ad\b|#sponsored|in partnership with|brought to you by|#partner)\b",
            r"\b(?:investor spotlight|company to watch|stocks? to watch|earned top honors|(?:customer|five-star|5-star) reviews|"
            r"(?:named|recognized|recognised|ranked) (?:as )?(?:a|the|an)? ?(?:#1|no\. ?1|leader|winner|top \d+|best)\b|gartner|forrester wave|g2 ?(?:dotcom|\.com)|"
            r"(?:now )?(?:open|open for|accepting) (?:applications|registrations?)|meet (?:us|our team|the team) (?:at|in)|visit (?:us|our booth)|booth #?\d+|"
            r"(?:our|my) (?:latest|new|next|upcoming) (?:podcast|episode|webinar|newsletter|ebook|e-book|whitepaper|white paper|course|book))\b",
            r"\b(?:terms|t&cs?|restrictions?) apply\b|\bnot (?:available )?(?:for|in) (?:the )?(?:us|uk|u\.s\.)\b|\bnot financial advice\b.{0,40}\bbuy\b",
            r"(?:^|[\[【(（#])(?:广告|推广|恰饭|商务合作|赞助)(?:[\]】)）：:]|\s|$)",
        ),
    ),
    Rule(
        "promo",
        1,
        (
            r"\b(?:get started|try (?:it )?(?:free|for free|today|now|out today)|start (?:your )?free|free trial|learn more|book a demo|request a demo|see how|find out how|discover how|check (?:it|us|them) out|download (?:the|our|now)|now hiring|we.re hiring|apply here|listen (?:now|here|to)|watch (?:now|the full)|tune in|new episode|in this episode|joined? (?:us|me|the podcast)|full episode|on-demand|case study|customer story|success story|whitepaper|roundtable|fireside|panel discussion|start building|start creating|start for free|read more)\b",
            r"\b(?:our (?:platform|app|product|tool|customers|solution|team) (?:is|are|helps?|lets?|makes?|can)|helps? (?:you|teams?|businesses|companies|brands)|supercharge|empower(?:s|ing)?|seamless(?:ly)?|all[- ]in[- ]one|no credit card|cutting[- ]edge|game[- ]chang\w+|effortless(?:ly)?|unlock(?:s|ing)? (?:your|the)|boost your|grow your|10x your|save hours|in minutes|level up)\b",
            r"[👇👉🔗⬇️]\s*(?:https?://\S+)?\s*$",
            r"\b(?:DYOR|NFA)\b",
            r"(?:了解更多|立即体验|一键(?:生成|搞定|拥有)|强烈推荐|福利|干货|安利|官网[:：]|详情(?:见|点|戳)|神器|赶紧|冲鸭|宝藏|收藏(?:起来|备用))",
        ),
    ),
)


def advertisement(post: Post) -> str:
    """The reason why the post counts as an advertisement, or "" where it does not."""
    text = clean(post.text)
    found: defaultdict[Rule, set[str]] = defaultdict(set)
    rules, sieve = _sieve()
    for place in sieve.possible(text):
        rule, pattern = rules[place], sieve.pattern(place)
        if rule.weight >= THRESHOLD:
            if pattern.search(text):
                return rule.reason
        else:
            found[rule].update(match.group().lower() for match in pattern.finditer(text))
    weights = {rule.reason: rule.weight * len(each) for rule, each in found.items()}
    reason = max(weights, key=lambda name: weights[name], default="")
    return reason if reason and weights[reason] >= THRESHOLD else ""


def worded(text: str) -> bool:
    """Whether anything in the text is worded as in an advertisement, be it ever so weak."""
    _, sieve = _sieve()
    text = clean(text)
    return sieve.finds(text, sieve.possible(text))


@cache
def _sieve() -> tuple[Sequence[Rule], Sieve]:
    """The patterns of all rules, of which a text may match few, and the rule of each."""
    rules = [rule for rule in RULES for _ in rule.patterns]
    return rules, Sieve(pattern for rule in RULES for pattern in rule.patterns)


def drop_ads(posts: Sequence[Post]) -> tuple[list[Post], list[Dropped]]:
    """Posts without the ads, and the ads with their reasons.

    An author who repeats one pitch is a promoter, and so is one whose posts of these days are
    mostly ads: the others are ads in milder words.
    """
    # Who talks to programs is left to the next step, which says so.
    reasons = {p.key: "" if gives_orders(p.text) else advertisement(p) for p in posts}
    pitches = Counter((post.author, plain(post.text).casefold()) for post in posts)
    for post in posts:
        words = plain(post.text).casefold()
        if not reasons[post.key] and len(words) > 20 and pitches[post.author, words] >= 3:
            reasons[post.key] = "promo"
    written = Counter(post.author for post in posts)
    sold = Counter(post.author for post in posts if reasons[post.key])
    for post in posts:
        if (
            post.author
            and written[post.author] >= 4
            and sold[post.author] >= MOSTLY * written[post.author]
        ):
            reasons[post.key] = reasons[post.key] or "promo"
    kept = [post for post in posts if not reasons[post.key]]
    dropped = [Dropped(p.key, "ads", reasons[p.key]) for p in posts if reasons[p.key]]
    return kept, dropped
