"""Verification of statements against the posts they cite."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.errors import DigestError
from digest.models import Item
from digest.write.judge import judge_by_code
from digest.write.verify import verify
from digest.write.verify.nearness import prove, split_statements
from tests.costs import growth
from tests.posts import post


def missing(said: str, posted: str, title: str = "", view: bool = False) -> tuple[str, ...]:
    """Return the parts of `said` that the post does not support."""
    cited = post(posted, "1", author="ada")
    return verify(Item(said, title, cites=("x:1",)), [cited], view=view).unsupported


@pytest.mark.parametrize(
    ("said", "posted"),
    [
        ("融资 150亿美元", "raised $15B"),
        ("The zone gets a second test.", "the zone will be tested again"),
        ("runs 90 frames a second from Oct. 3", "90FPS on Oct 3rd"),
        ("从每分钟 3 万 token 起", "30K TPM from today"),
        ("the 30% rise to 150, from about 115", "30% more: 150"),
        ("便宜了 60%，此前约 25 美元，现为 10 美元", "60% cheaper at $10"),
        ("每月 140 美元，折算一年也就 1680 美元", "$140 a month"),
        ("raised 15 billion dollars", "融资150亿美元"),
        ("12月9日发布", "ships on Dec 9"),
        ("ships on 9 December 2025", "2025-12-09 发布"),
        ("谷歌推出新模型", "Google launched a new model"),
        ("Nvidia fell 3%", "英伟达下跌 3%"),
        ("650 万次下滑", "sliding 6.5 m times, rising flows are bullish, declining ones not"),
        ("涨幅 20%-50%", "up between 20% and 50%"),
        ("增长 10%", "增长百分之十"),
        ("GPT-5.2 来了", "GPT‑5.2 is here"),
        ("价格减半,下降 50%", "at half the price"),
        ("年化营收 200–260 亿美元", "revenue of $20 billion to $26 billion"),
        ("上下文 100 万 token", "a context of one million tokens"),
        ("1.8 万份", "18,000 images"),
        ("三个城市的 200 户", "200 families in three cities"),
        ("Shares of $NVDA rose", "英伟达上涨"),
        ("今天(2025-12-06)上线", "out today"),
        ("计划联合国家实验室与超级计算机", "the program links national labs and supercomputers"),
        ("Wrote a kernel. Introducing a new card.", "写了一个算子，新卡"),
        ("功率为 65 瓦的充电器", "a 65W charger"),
        ("two 32-inch screens", "两块 32 寸的屏幕"),
        ("she lost four kilograms", "她瘦了八斤"),
        ("占地 120 英亩", "a campus of 120 acres"),
        ("为期八周的课程", "taught in 8 very busy weeks"),
        ("跑赢纳斯达克 100 指数", "beat the Nasdaq 100 by a mile"),
        ("营收增至原来的 6 倍", "revenue is up 500%"),
        ("talks from May 3 to 5", "talks on May 3, 4, 5.\nCome along"),
        ("open until 9:30 p.m.", "从中午开到九点半"),
        ("closes at 9:30 p.m.", "晚上九点半关门"),
        ("On 9 December 2025 the sale starts", "only 3 days until the sale"),
        ("试了五六次", "试了 5/6 次"),
        ("一段 3 分 49 秒的视频", "a 3:49 min video"),
        ("激活部分不到总量的十分之一", "16B total parameters and 1.4B activated"),
        ("7,000 yuan for debts, the mortgage and rent", "3000 元还债\n2000 元房贷\n2000 元房租"),
        ("lists five stops", "🇬🇧 London\n🇨🇦 Toronto\n🇩🇪 Munich\n🇳🇱 Delft\n🇺🇸 NYC"),
        ("draws on just over a year of data", "分析最近13个月的数据，每日更新"),
        ("奖给四人各 1000 美元，加起来是 4000 美元", "“A” Award: a\n“B” Award: b\neach won $1k"),
        ("停摆从 12 月 5 日开始", "Day 2 of the shutdown"),
        ("a joint work with University College London", "developed with @UCL"),
        ("下午 2 点至 4 点半举办", "we host it from 2-4:30pm"),
        ("fewer than one in a hundred got in", "6,800 teams set out, 60 got in"),
        ("它出自 YC 2022 年冬季批次", "Launch HN: LlamaFarm (YC W22)"),
        ("一家十亿美元的公司", "a billion-dollar company"),
        ("完成十七亿欧元融资", "raised €1.7B"),
        ("the contract runs for a year", "12 month contract"),
        ("26 points higher", "a +26 p.p. increase"),
        ("The stop is on Thursday, September 4.", "see you this Thursday! THUR 4th SEPT"),
        ("三项合计", "it lists what was saved and earned"),
        ("今年为 32.6 万盎司", "from 326,000 this year"),
        ("每只重 80 至 110 克", "80~110g"),
        ("$28bn over the two years", "$9bn this year and $19bn next year, $28bn in all"),
        ("pay rose by 2,000 to 8,500", "工资 6k5，后来多 2k"),
        ("nine tenths of it in the first half of this year", "今年上半年占 90%"),
        ("两者相差 0.67 个百分点", "GDP6.7％\n经济增长率为7.37%"),
        ("不到对方的三分之一", "$30M against $100M"),
        ("将成本削减 70%", "cuts cost by up to 70%"),
        ("先激增后回落", "surged in 2025, then pulled back"),
        ("下午 4 点 15 分开始", "starts 4:15 PM"),
        ("shown by @orlaquint", ".@orlaquint has built it"),
        ("有 Jam 参加", "with @Jamdotdev"),
        ("提供 3800 万 token", "链接https://t.co/AbC，可获得3800万 token"),
        ("首席执行官雷内·哈斯", "CEO @renehaas237 spoke"),
        ("截止日期为 Nov. 15。", "submissions by Nov. 15:\nJoin"),
        ("The CLI gets /deploy and /security:scan now", "New!\n/deploy: ship\n/security:scan"),
    ],
)
def test_one_fact_in_two_notations(said: str, posted: str) -> None:
    assert missing(said, posted) == ()


@pytest.mark.parametrize(
    ("said", "posted", "what"),
    [
        ("得分 82.1%", "scores 81.2%", "82.1%"),
        ("trained on 8 GPUs", "trained on 128 GPUs", "8"),
        ("延迟 5 毫秒", "latency of 180 ms", "5 毫秒"),
        ("answers in 3 seconds", "the new model is faster", "3 seconds"),
        ("50 tokens a second", "50 tokens each minute", "50 tokens a second"),
        ("下午 3 点到 5 点，还是 7 点？", "3-5pm or 6pm?", "7 点"),
        ("an extra 75 basis points", "an extra 0.85%", "75 basis points"),
        ("排名第五", "the new model is better", "第五"),
        ("cuts costs by 24%", "done in 24 hours", "24%"),
        ("saves 40%", "saves 40 GB", "40%"),
        ("up 238%", "joined by 238 teams", "238%"),
        ("costs up to $45", "$20 a month, $25 with tools", "$45"),
        ("In December it is out", "out on October 3", "December"),
        ("founded in 2025", "founded in 2023", "2025"),
        ("通用汽车发布模型", "通用人工智能模型发布", "通用汽车"),
        ("延迟 180 秒", "180 ms latency", "180 秒"),
        ("功率为 45 瓦", "a 65W charger", "45 瓦"),
        ("she lost eight kilograms", "她瘦了八斤", "eight kilograms"),
        ("为期八个月的课程", "taught in 8 very busy weeks", "八个月"),
        ("talks from May 3 to 6", "talks on May 3, 4, 5.\nCome along", "May 3 to 6"),
        ("closes at 9:30 a.m.", "晚上九点半关门", "9:30 a.m."),
        ("营收增至原来的 5 倍", "revenue is up 500%", "5 倍"),
        ("the 30% rise to 150, from about 105", "30% more: 150", "105"),
        ("walks for ten hours", "可以行走十分钟", "ten hours"),
        ("$0.02 an hour", "每分钟 0.02 美元", "$0.02 an hour"),
        ("融资 15 万美元", "raised $15B", "15 万美元"),
        ("costs €1.20", "costs $1.20", "€1.20"),
        ("12月19日发布", "ships on Dec 9", "12月19日"),
        ("微软推出新模型", "Google launched a new model", "微软"),
        ("Microsoft launched it", "Google launched it", "Microsoft"),
        ("GPT-5.3 is here", "GPT-5.2 is here", "GPT-5.3"),
        ("fixed in 2.8.4", "fixed in 2.8.1", "2.8.4"),
        ("it rose ($QXZT)", "it rose", "$QXZT"),
        ("论文《另一篇》", "论文《这一篇》", "《另一篇》"),
        ("see https://evil.example", "see", "a link, markup or mention"),
        ("六个组件", "五个组件", "六个"),
        ("占用 512 GB", "takes 512 MB", "512 GB"),
        ("利率为 5.25 个百分点", "a rate of 5.25%", "5.25 个百分点"),
        ("fixed in two days", "fixed in three days", "two days"),
        ("type /subscribe now", "subscribe now", "/subscribe"),
    ],
)
def test_a_changed_fact_is_refused(said: str, posted: str, what: str) -> None:
    assert what in missing(said, posted)


def test_a_view_needs_a_cited_author_or_a_named_person() -> None:
    posted = "I think it is cheap, and Mara Holt agrees"
    assert missing("It is cheap.", posted, "Ada (@ada)", view=True) == ()
    assert missing("It is cheap.", posted, "Mara Holt", view=True) == ()
    assert missing("It is cheap.", posted, "Orla Quint", view=True) != ()
    assert missing("It is cheap.", posted, "Eve (@eve)", view=True) != ()


def test_an_item_without_its_posts_is_not_proved() -> None:
    assert verify(Item("A model.", cites=()), [post("A model.", "1")]).unsupported == (
        "cites no post",
    )
    unknown = verify(Item("A model.", cites=("x:9",)), [post("A model.", "1")]).unsupported
    assert "cites x:9, which is not among the posts" in unknown


@example("", "ΆaÀ0×9BÀ0%")
@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_can_be_verified(said: str, posted: str) -> None:
    assert "cannot be judged" not in missing(said, posted, view=True)
    assert {*missing(posted, posted)} <= {"a link, markup or mention"}


def lines() -> Iterator[str]:
    """Two items in the format of `evaluate verify`."""
    cited = {
        "id": "1",
        "source": "x",
        "text": "It scores 81%.",
        "created_at": "2025-12-06T08:00:00Z",
    }
    for id_, said, cite in (("good", "It scores 81%.", "x:1"), ("bad", "It scores 82%.", "1")):
        item = {"title": None, "text": said, "cites": [cite]}
        yield json.dumps({"id": id_, "lang": None, "view": None, "item": item, "posts": [cited]})


def test_evaluate_answers_a_line_for_each() -> None:
    answers = [json.loads(answer) for answer in judge_by_code(lines(), "set.jsonl")]
    assert answers == [
        {"id": "good", "ok": True, "unsupported": []},
        {"id": "bad", "ok": False, "unsupported": ["82%"]},
    ]
    for row, said in (
        ("{broken", '"line": Invalid JSON'),
        ('{"id": "1", "item": {}}', '"posts" is missing; write {"id": "1", "item"'),
        ('{"id": "1", "item": {"cites": 1}, "posts": []}', '"item.cites": Input should be'),
        ('{"id": "1", "item": {}, "posts": [{"id": "1"}]}', '"source" is missing'),
    ):
        with pytest.raises(DigestError, match=re.escape(f"set.jsonl:2: {said}")):
            list(judge_by_code([*list(lines())[:1], row], "set.jsonl"))


@pytest.mark.parametrize(
    "piece", ["1-", "Ab-", "1,", "百", "《", "某某表示", "Jan 1 ", "one hundred and ", "("]
)
def test_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    def judge(hostile: str) -> None:
        missing(hostile, "x is out")
        missing("x 1", hostile)

    assert growth(judge, piece) < 12


@pytest.mark.parametrize(
    ("said", "posted"),
    [
        # sums, differences, ratios, shares, prices, as the sentence says them
        ("The two raised $7 million in total.", "Alpha raised $3M. Beta raised $4M."),
        ("两家公司合计融资 700 万美元", "Alpha raised $3M. Beta raised $4M."),
        ("Pay there is 300,000 yuan higher.", "起步年薪 70 万元和 100 万元"),
        ("涨幅相差 48 个百分点", "Silver: 113%, gold: 65%"),
        ("Revenue is 2.6 times Beta's.", "Alpha makes $13B a year, Beta $5B"),
        ("亏损约为收入的三倍", "$4.3B in income, $13.5B in loss"),
        ("activates a tenth of them", "30 billion parameters, 3 billion active"),
        ("The ten seats cost $500 each.", "10 seats for $5,000"),
        # rounding
        ("roughly 9 million tokens", "买入 913 万枚代币"),
        ("just under $13 million", "1284 万美元"),
        ("交易近 1.2 万笔", "11,736 transactions"),
        ("more than three thousand people", "3,412 people"),
        # notation
        ("估值三点五亿美元", "valued at $350 million"),
        ("共 12亿3400万元", "1.234 billion yuan"),
        ("部署一千万千瓦", "a 10 GW deployment"),
        ("half a billion users", "5 亿用户"),
        ("四成用户", "40% of users"),
        ("256,000 tokens of context", "256k 上下文"),
        ("一个半月后", "in 1.5 months"),
        ("两千多亿美元", "over $200 billion"),
        # days and hours
        ("On 5 December it shipped.", "It shipped yesterday."),
        ("The stream starts at 23:00 UTC.", "live at 3pm PT"),
        ("北京时间 23 点开始", "starts at 15:00 UTC"),
        ("二〇二六年三月上线", "ships in March 2026"),
        # names in another script
        ("Lula spoke in Camaçari.", "卢拉在卡马萨里发表演讲"),
        ("威利森写道", "Simon Willison wrote"),
        ("Ivan Drago won.", "Победил Иван Драго"),
        ("The Argentine exchange grew.", "阿根廷交易所在增长"),
        ("Cao Yue joined.", "曹越加入"),
        ("The United Arab Emirates agreed.", "UAE agreed"),
    ],
)
def test_derived_figures_are_supported(said: str, posted: str) -> None:
    assert missing(said, posted) == ()


@pytest.mark.parametrize(
    ("said", "posted", "kind"),
    [
        ("They raised $8 million in total.", "Alpha raised $3M. Beta raised $4M.", "figure"),
        ("Alpha has $7 million.", "Alpha raised $3M. Beta raised $4M.", "derived"),
        ("rated 7.2", "rated 7.13 and 6.2", "figure"),
        ("about 9.9 million tokens", "买入 913 万枚代币", "figure"),
        ("融资三点五亿美元", "raised $35 million", "figure"),
        ("more than 5,000 people", "3,412 people", "figure"),
        ("latency fell 40%", "Gemini 2.5 Flash is faster now", "figure"),
        ("The stream starts at 22:00 UTC.", "live at 3pm PT", "day"),
        ("12 月 17 日发布", "It shipped yesterday.", "day"),
        ("Gold fell 3%.", "Gold: +3%", "direction"),
        ("比特币上涨 7.7%", "BTC: -7.7%", "direction"),
        ("Made by Gamma 2.0 last week", "Made by Gamma 3.0", "version"),
        ("B200 芯片获批", "H200 chips approved", "name"),
        ("施密德胡伯认为它会赢", "François Chollet thinks it wins", "name"),
        ("Karina Lopes spoke.", "卢拉在卡马萨里发表演讲", "name"),
        ("The Peruvian exchange grew.", "阿根廷交易所在增长", "name"),
        ("Gamma buys Orla Labs.", "lol\n\n> @some: “Hm? Gamma buys Orla Labs.”", "name"),
    ],
)
def test_unsupported_claims_have_their_kind(said: str, posted: str, kind: str) -> None:
    cited = post(posted, "1", author="ada")
    kinds = [claim.kind for claim in verify(Item(said, cites=("x:1",)), [cited]).claims]
    assert kind in kinds


def test_the_day_of_one_post_is_not_a_time_span() -> None:
    """The night of the post has two dates in different zones, which is no time span."""
    night = post("OpenAI has fixed it.", "1", created_at=datetime(2025, 12, 6, 2, tzinfo=UTC))
    refused = verify(Item("OpenAI fixed it after two days.", cites=("x:1",)), [night]).unsupported
    assert any("two days" in words for words in refused)


@pytest.mark.parametrize("day", ["10 Kasım", "10 KASIM", "10 kasım"])
def test_a_month_in_turkish_is_read_in_capitals_too(day: str) -> None:
    assert missing("Konser 10 November.", f"Konser {day} günü İstanbul'da.") == ()


@given(st.integers(20_000, 10**9), st.sampled_from([10, 100, 1000]))
def test_a_figure_rounds_to_the_nearest_only(value: int, step: int) -> None:
    nearest = round(value / step) * step
    assert missing(f"about {nearest:,} people", f"{value:,} people") == ()
    wrong = value * 3 + step
    assert missing(f"about {wrong:,} people", f"{value:,} people") != ()


@pytest.mark.parametrize(
    ("said", "posted", "invented"),
    [
        (
            "Acme opened its data centre in Oslo. The chief executive resigned shortly afterwards.",
            "Acme has opened a new data centre in Oslo today, its largest in Europe.",
            "The chief executive resigned shortly afterwards.",
        ),
        (
            "Acme 在奥斯陆启用数据中心。监管机构已对此展开调查。",
            "Acme has opened a new data centre in Oslo today, its largest in Europe.",
            "监管机构已对此展开调查。",
        ),
    ],
)
def test_an_invented_sentence_beside_a_true_one_is_refused(
    said: str, posted: str, invented: str
) -> None:
    [verdict] = prove([(Item(said, cites=("x:1",)), [post(posted, "1")], False)])
    assert [(c.kind, c.words) for c in verdict.claims] == [("unrelated", invented)]
    true = said.removesuffix(invented).strip()
    [verdict] = prove([(Item(true, cites=("x:1",)), [post(posted, "1")], False)])
    assert verdict.ok


def test_a_sentence_that_the_source_cut_is_evidence() -> None:
    posted = (
        "In a long-awaited antitrust ruling, a federal judge ordered Acme to give eligible rivals "
        "a one-time copy of its index and to syndicate its results on existing partner terms.\n\n"
        "The court declined to order divestitures or otherwise break https://t.co/ZPmhoMen9v"
    )
    item = Item("法官要求 Acme 向对手提供索引副本；法院拒绝下令剥离业务。", cites=("x:1",))
    assert prove([(item, [post(posted, "1")], False)])[0].ok


def test_a_full_stop_after_an_initial_does_not_end_a_sentence() -> None:
    text = "Peter H. Diamandis says U.S. firms lead by 3.5 points. 他不同意这种说法。"
    assert split_statements(text) == [
        "Peter H. Diamandis says U.S. firms lead by 3.5 points.",
        "他不同意这种说法。",
    ]


@pytest.mark.parametrize(
    ("said", "posted"),
    [
        # an unlisted name renders one that the posts write in the other script
        ("Norvantel shipped a new disk.", "硕腾科技推出了新硬盘"),
        ("马蒂亚斯·布伦纳获奖", "Matthias Brenner won the prize"),
        ("The director of 'The Long Field' died.", "曾执导《漫长田野》的导演去世"),
        # notation
        ("吞吐达到每秒 1000 兆字节", "throughput reached 1GB/s"),
        ("Each image costs 6.6 cents.", "priced at $66/1k images"),
        ("shorted it with 100x leverage", "开了 x100 的做空仓"),
        ("二十五年间", "over the past 2½ decades"),
        ("First-half revenue was 4.7 billion yuan.", "上半年营业收入为 47 亿元"),
        ("每周工作三到四天", "a 3-4 day workweek is coming"),
        ("全球下载量突破十亿次", "1+ billion downloads worldwide"),
        ("7 亿周活用户", "700M weekly users"),
        ("日活用户增至 33 亿以上", "over 3.3 *billion* daily active users"),
        ("模型 Corvid V3.1", "the new model Corvid V3-1"),
        ("日均进账两三千元", "日均也有2-3k左右"),
        ("约为后者的四十倍", "over by ~40x"),
        ("15 分钟缩短到 4 分钟", "15分かかっていたタスクが4分未満"),
        ("十次对话中有七次是私人用途", "Seven in ten conversations are personal"),
        ("推理模型远未过半", "reasoning models are not close to a majority"),
        # operations that the sentence names
        ("三处合计 1.21 万亿美元", "4300亿+5100亿+2700亿美元"),
        ("more than 10,000 a day, a million in 90 days", "1 million new repos in 90 days"),
        ("nearly a third of the $109 billion", "crossed $109B, with this attracting $33.9B"),
        ("two and a half times the bank's figure", "10 万 - the bank, 25 万 - Ada"),
        ("每年贵 40 元", "￥169.00/年，￥209.00/年"),
        # hours after one that the posts name
        ("北京时间 10 点截止，13 点开放", "by 2 AM UTC, claims go live 3 hours later"),
        ("It opens 3 hours later.", "closes 2 AM UTC, opens 5 AM UTC"),
        # a word of direction counts only beside its own figure
        ("Demand is up, and the loss was 12%.", "lower demand, the loss came to 12%"),
        # companies, their people, and initials
        ("OpenAI 的 Sora 可免费使用", "Sora is free to use"),
        ("ChatGPT maker OpenAI hired ten people.", "OpenAI hired 10 people"),
        ("ChatGPT 的母公司 OpenAI 招了十人", "OpenAI hired 10 people"),
        ("Elon Musk's xAI hired ten people.", "xAI hired 10 people"),
        ("Replit CEO Amjad Masad met a doctor.", "Amjad Masad met a doctor"),
        ("Claude Code struggled for an hour.", "I struggled for an hour with CC"),
        # numbers of other languages, and of parts of a year
        ("ETFs took in $194.6 million.", "ETF 194.6 triệu USD"),
        ("the first six months brought $4 billion", "First Half Results: $4 Billion"),
        ("几乎是乙的两倍", "82% for A, 44% for B"),
        ("almost half a trillion dollars", "spends $450B"),
        ("带宽降低近三分之一", "30% lower bitrate"),
        ("一千万本科生", "10 million undergraduates"),
        ("1亿个工作岗位", "AI could erase 100 million U.S. jobs"),
        ("守住 11.2 万美元", "112 k support held"),
        ("胜过 Corvid 4.5 Swift", "beats corvid-4-5-swift"),
        ("罗尼·瓦西什塔发言", "Ronnie Vasishta speaks"),
        ("3B active, under 4% of the total", "on Alder AI\n80B parameters, 3B activated"),
        ("共 300 亿参数，激活 3B", "new Corvid models (3B/30B MoE)"),
        # notation
        ("年产值两千五百亿美元", "worth $250bb a year"),
        ("单价 0.1 元", "一首歌只要一毛钱"),
        ("三千万亿 token", "a 3 quadrillion token run rate"),
        ("全天 24 小时、每周 7 天播出", "a 24/7 broadcast"),
        ("三年翻了一番", "has 2xed in 3 years"),
        ("more than half of it", "over 55% of it"),
        ("过半资金", "71% of the money"),
        # operations that follow from unit, list or rest
        ("本科和硕士共 1100 万", "本科 1000 万，硕士 100 万"),
        ("每年 1100 多万本科和硕士毕业生", "每年 1000 多万的本科，100 多万的硕士"),
        ("A、B 和 C 三家合计 2620 亿美元", "A $130B, 7-Eleven $98B, C $34B"),
        ("录取率约 1.7%", "around 150 accepted of 8897 applicants"),
        ("three times what he paid", "bought it for 1/3 of that"),
        ("不到 45% 流向其他领域", "over 55% went to AI"),
        ("每两秒 1 个，相当于每分钟 30 个", "1 token every 2s"),
        ("$5 billion a month", "$60 billion per year"),
        ("two firms, Aro and Bex, agree", "Aro agrees with Bex"),
        ("在一组六条推文中警告", "A warning (1/6)"),
        ("显存和内存各 256GB，合计 512GB", "256GB VRAM + 256GB RAM"),
        ("连续工作七个多小时", "works for more than 7 hours"),
        ("三个多月后", "over 3 months later"),
        ("实习工资 6500 元", "工资到手是 6k5"),
        ("36 years earlier, at 17", "I'm 53. I left when I was 17."),
        ("融资 130 亿美元，投后 1830 亿，投前 1700 亿", "raised $13B at $183B post-money"),
        ("50 tokens, 100 people: that makes 5,000", "每人 50 个，前 100 位"),
        ("11,999 is one and a half times 7,999", "一款 7999 ，一款 11999"),
        ("covered some 6,200 miles", "开了快一万公里"),
        ("forked 10,000 times: 10,000 forks", "forked 10k times"),
        ("its tenth anniversary", "celebrates 10 years"),
        (
            "支持 11 种语言",
            "✅ High-accuracy EN + 9 more: ar, de, en, es, fr, it, ja, ko, pt, ru, zh",
        ),
        ("less than a third of the $100 million", "<$30M vs $100M"),
        # spans and months
        ("from October 28 to 30, three days in all", "Oct 28-30"),
        ("1 月中旬举行", "One month to go until it starts"),
        ("He showed it in December.", "Comparing Gemma 3.1 with SmolLM 3.2"),
        ("9 月通胀为 2.8%", "Lạm phát PCE tháng 9: 2.8%"),
        ("on 5 September", "el 5 de septiembre"),
        ("24 years after it joined in 2001, in 2025", "Since it joined in 2001 ... by 2025"),
        ("北京时间凌晨 3:30（太平洋时间上午 11:30）", "today @ 11:30am PT"),
        ("FatPipe 2024 财年营收", "FatPipe FY24 revenue"),
        # names within names, homes of makers
        ("奥斯汀·奥尔雷德说", "Austen Allred says"),
        ("检索增强生成的方法", "retrieval-augmented generation methods"),
        ("弗朗索瓦·肖莱认为", "François Chollet thinks"),
        ("阿里·法哈迪认为", "Ali Farhadi thinks"),
        ("与丹尼尔·纽曼对谈", "joined by @danielnewmanUV"),
        ("联合主任 James Landay 出访", "HAI Co-Director @landay traveled"),
        ("Box 首席执行官亚伦·列维认为", "Aaron Levie thinks"),
    ],
)
def test_a_true_translation_passes(said: str, posted: str) -> None:
    assert missing(said, posted) == ()


@pytest.mark.parametrize(
    ("said", "posted", "what"),
    [
        ("Norvantel shipped a new disk.", "Ostarix shipped a new disk.", "Norvantel"),
        ("Norvantel shipped a new disk.", "Ostarix 推出了新硬盘", "Norvantel"),
        ("马蒂亚斯·布伦纳获奖", "Olga Tikhonov won the prize", "马蒂亚斯·布伦纳"),
        ("Microsoft shipped a new disk.", "硕腾科技推出了新硬盘", "Microsoft"),
        ("Each image costs 9.9 cents.", "priced at $66/1k images", "9.9 cents"),
        ("三处合计 1.31 万亿美元", "4300亿+5100亿+2700亿美元", "1.31 万亿美元"),
        ("nearly half of the $109 billion", "crossed $109B, with this attracting $33.9B", "half"),
        ("700M monthly users", "700M weekly users by July 2025", "700M monthly users"),
        ("OpenAI and Codex moved to Oslo.", "Sora moved to Oslo", "Codex"),
        ("融资 130 亿美元，投前 1730 亿", "raised $13B at $183B post-money", "1730 亿"),
        ("阿里的法哈迪认为", "Ali Farhadi thinks", "阿里"),
        ("两周后，2 月举行", "in two weeks", "2 月"),
        ("A whale went long 5,000 ETH.", "巨鲸卖空了 5,000 枚 ETH", "went long"),
        ("Acme cut its target to $38", "Acme's target raised to $38", "Acme cut its target to $38"),
        ("股价暴跌 27%", "股价暴涨 27%", "跌"),
        ("股价已跌 261%", "居然+261% 了", "股价已跌 261%"),
        ("指数从 53.3 降至 51", "指数从51上升到了53.3", "53.3 降至 51"),
        ("Acme ranks second.", "Acme takes 3rd place", "second"),
        ("beats Gemini-2.0-Pro", "beats Gemini-2.5-Pro", "Gemini-2.0"),
        ("OpenAI says GPT-5 fixes bugs.", "GPT-5 is best at fixing bugs", "OpenAI"),
        ("It is out, and roon says it is fast.", "it is out and it is fast", "roon"),
        ("Zorbax ($NIO) 获得许可", "@NioZorbax $NB has all permits", "$NIO"),
        ("谷歌推出 A2A", "谷歌搞了个 A2UI", "A2A"),
        ("Join on Wednesday, December 10.", "Wednesday, December 17, 10 a.m.", "December 10"),
        ("Images 1.5 于周四上线", "Images 1.5 launches today", "周四"),
        ("every 8.9 billion", "每年 1000 万的本科和 100 万的硕士", "8.9 billion"),
        ("$9 billion a month", "$60 billion per year", "$9 billion"),
        ("只有 35% 流向其他领域", "over 55% went to AI", "35%"),
        ("COLM 2024 接收了它", "accepted at COLM 2025", "2024"),
    ],
)
def test_a_name_or_price_of_something_else_is_refused(said: str, posted: str, what: str) -> None:
    assert what in missing(said, posted)
