"""Exchanged figures of a statement, and words attributed to another author."""

from __future__ import annotations

import pytest

from digest.models import Item
from digest.reading.speakers import find_lower_speakers, is_speaker
from digest.write.verify import verify
from digest.write.verify.nearness import prove
from tests.posts import post

SWAPPED = [
    (
        "JPMorgan had 180,000 and VanEck 170,000.",
        "15 万 - 渣打银行\n17 万 - 摩根大通\n18 万 - VanEck",
    ),
    ("美国 11 月失业率为 4.4%，高于 4.6% 的预期。", "美国11月失业率 4.6%，预期4.4%。"),
    (
        "1983 年以来学费上涨 486%，医疗费用上涨 899%。",
        "Tuition is up 899% since 1983. Healthcare rose 486%.",
    ),
    (
        "Apple was sold to Nvidia for $1 billion and Intel to Amazon for $1.95 billion.",
        "Apple → $1.95B exit to Nvidia\nIntel → $1B acquisition by Amazon",
    ),
    ("输入每百万 3 元、输出每百万 2 元", "每百万输入 tokens 2元，每百万输出 tokens 3元"),
    ("在 ARC 2 上拿到 41 分，在 HLE 上拿到 45.1 分", "把 ARC 2 拉到了 45.1 分，HLE 干到了 41 分"),
    (
        "McDonald's sold for $98 billion, 7-Eleven for $130 billion.",
        "McDonald's $130B, 7-Eleven $98B, KFC $34B",
    ),
    ("预估 2025 年增长 3.54%，2026 年增长 7.37%。", "2025年成長率為7.37%，2026年預估為3.54%"),
    ("Acme 上半年收入 135 亿美元，亏损 43 亿美元", "Acme 上半年收入 43 亿美元，亏损 135 亿美元"),
]
TRUE = [
    ("预期为 4.4%，而实际失业率达到 4.6%。", "美国11月失业率 4.6%，预期4.4%。"),
    (
        "Intel went to Amazon for $1 billion, Apple to Nvidia for $1.95 billion.",
        "Apple → $1.95B exit to Nvidia\nIntel → $1B acquisition by Amazon",
    ),
    # counts of different things and numbers in names cannot be exchanged
    ("A score of 77.0 on 8 tests.", "It was tried on 8 tests and got a score of 77.0."),
    ("852 made 40 clips with Sora 2.", "With Sora 2 a man called 852 made 40 clips."),
    ("Four times as much for both: $1 / $5 against $0.25 / $1.25.", "new 0.25 / 1.25, old 1 / 5"),
    ("It is all-ticket: 2,650 of the 3,200 are sold.", "all-ticket: capacity 3,200, 2,650 sold"),
    ("年化营收 200–260 亿美元，目前为 70 亿美元", "from $7 billion now to $20-26 billion"),
    # the first figure follows the subject of both
    ("Acme 上半年亏损 135 亿美元，收入 43 亿美元", "Acme 上半年收入 43 亿美元，亏损 135 亿美元"),
    ("In June Acme lost $9M and earned $4M.", "In June Acme earned $4M and lost $9M."),
]


def has_exchanged(said: str, posted: str) -> bool:
    [verdict] = prove([(Item(said, cites=("x:1",)), [post(posted, "1")], False)])
    return any(claim.kind == "exchanged" for claim in verdict.claims)


@pytest.mark.parametrize(("said", "posted"), SWAPPED)
def test_exchanged_figures_are_refused(said: str, posted: str) -> None:
    assert has_exchanged(said, posted)


@pytest.mark.parametrize(("said", "posted"), TRUE)
def test_another_order_of_the_same_facts_passes(said: str, posted: str) -> None:
    assert not has_exchanged(said, posted)


def test_figures_of_two_posts_are_compared_by_whole_posts() -> None:
    posts = [
        post("INTRODUCTION to Probabilistic Machine Learning (2nd Ed., 860-page PDF)", "1"),
        post("Math for Machine Learning and AI: FREE 479-page eBook on its statistics", "2"),
    ]
    said = "Two PDFs: a {}-page introduction to probabilistic learning, a {}-page book on math."
    items = [Item(said.format(*pages), cites=("x:1", "x:2")) for pages in ((479, 860), (860, 479))]
    verdicts = prove([(item, posts, False) for item in items])
    assert [[claim.kind for claim in verdict.claims] for verdict in verdicts] == [["exchanged"], []]


def test_words_of_another_author_are_refused() -> None:
    posts = [
        post(
            "Call centers are cooked. Voice agents will do the work in 2026.", "1", author="santi"
        ),
        post("Software engineers translate between market and computer.", "2", author="levie"),
    ]
    said = "{} argues that software engineers translate between the market and the computer."
    items = [Item(said.format(author), cites=("x:1", "x:2")) for author in ("Santi", "Levie")]
    verdicts = prove([(item, posts, False) for item in items])
    assert [[claim.kind for claim in verdict.claims] for verdict in verdicts] == [["speaker"], []]


def test_a_cited_post_without_words_is_not_compared() -> None:
    posts = [
        post("https://t.co/x", "1", author="wire"),
        post("Acme ships a new voice model in ten languages.", "2", author="acme"),
        post("Software engineers translate between market and computer.", "3", author="levie"),
    ]
    cites = ("x:1", "x:2", "x:3")
    items = [Item(f"{name} says the voice model is out.", cites=cites) for name in ("Acme", "Wire")]
    assert len(prove([(item, posts, False) for item in items])) == 2


def test_feeds_without_handles_are_different_authors() -> None:
    texts = {
        "Santi": "Call centers are cooked. Voice agents will do the work in 2026.",
        "Levie": "Software engineers translate between market and computer.",
    }
    posts = [
        post(text, str(number), author="", author_name=name)
        for number, (name, text) in enumerate(texts.items(), 1)
    ]
    said = "{} argues that software engineers translate between the market and the computer."
    items = [Item(said.format(name), cites=("x:1", "x:2")) for name in texts]
    verdicts = prove([(item, posts, False) for item in items])
    assert [[claim.kind for claim in verdict.claims] for verdict in verdicts] == [["speaker"], []]


def test_a_company_may_be_named_for_news_by_others() -> None:
    posts = [
        post(
            "Northlight raises $48M, enters strategic partnership with Bluegate", "1", author="wire"
        ),
        post("We have raised $48M to accelerate technological progress!", "2", author="Northlight"),
    ]
    item = Item(
        "Northlight 融资 4800 万美元，并与 Bluegate 建立战略合作伙伴关系。", cites=("x:1", "x:2")
    )
    (verdict,) = prove([(item, posts, False)])
    assert verdict.ok, verdict.claims


def test_one_sentence_may_report_products_of_two_authors() -> None:
    posts = [
        post("微软放出轻量级实时语音合成模型 Echo-Realtime，主打低延迟。", "1", author="aiclub"),
        post(
            "Our new Larkspur-TTS is here! Over 49 voices in 10 languages.", "2", author="larkspur"
        ),
    ]
    told = "语音合成有两款新品：微软的实时模型 Echo-Realtime 和 Larkspur 的 Larkspur-TTS。"
    (verdict,) = prove([(Item(told, cites=("x:1", "x:2")), posts, False)])
    assert verdict.ok, verdict.claims


@pytest.mark.parametrize(
    ("text", "speaks"),
    [
        ("Acme Labs says it ships", True),
        ("据 Acme Labs，新版已上线", True),
        ("Acme Labs（@acme）称新版已上线", True),
        ("Acme Labs ships a model", False),
        ("the model of @acme", False),
        ("Non-Acme Labsters said it ships", False),
        ("公开数据 Acme Labs 上涨", False),
        ("根据 Acme Labs，新版已上线", True),
        ("Acme Labs 称霸榜单", False),
        ("Acme Labs adds a voice mode", False),
        ("Acme Labs adds that it ships", True),
    ],
)
def test_speakers_are_found(text: str, speaks: bool) -> None:
    assert is_speaker(text, "Acme Labs", "acme") is speaks


def test_names_are_whole_words_in_any_script() -> None:
    assert not is_speaker("Official said it ships", "Al", "al")
    assert is_speaker("苹果公司表示已上线", "蘋果公司", "")


def test_a_lower_case_word_after_an_article_is_no_speaker() -> None:
    told = "a redditor says so, its ombudsman warned, tipsters said yes, and roon says no"
    assert list(find_lower_speakers(told)) == ["roon"]


@pytest.mark.parametrize(
    ("said", "posted", "words"),
    [
        ("Google adds a voice mode to Gemini.", "Gemini now has a voice mode", ()),
        ("Google says Gemini has a voice mode.", "Gemini now has a voice mode", ("Google",)),
        ("Two funds put in $2 billion altogether.", "A fund put in $1 billion", ("$2 billion",)),
        ("Sora 2 is $2 billion in total.", "Sora 2 is $1 billion", ("$2 billion",)),
        ("28 people came.", "up by 28 percentage points", ("28",)),
        ("It is up 28 points.", "a 28 pp rise", ()),
        ("千余页：一本 860 页，一本 479 页，合计 1339 页", "860-page PDF, FREE 479-page book", ()),
        ("千余页：一本 860 页，一本 79 页", "860-page PDF, FREE 79-page book", ("千",)),
        ("北京时间 7 日凌晨 2 点开始", "tonight at 6pm UTC", ()),
        ("北京时间 19 日凌晨 2 点开始", "tonight at 6pm UTC", ("19 日",)),
        ("第二季开赛", "the second season begins", ()),
        ("第三季开赛", "the second season begins", ("第三季",)),
        ("with 200 Mbps of bandwidth", "200M 带宽", ()),
        ("with 300 Mbps of bandwidth", "200M 带宽", ("300 Mbps",)),
        ("专业人士两两对比", "professionals voted on pairs", ()),
        ("增加到 12 门课程", "10 courses:\n5. Agents\n7. Systems", ("12",)),
        ("格蕾丝·霍珀设想过", "Grace Hopper imagined it", ()),
        ("德鲁·休斯顿与 a16z 对谈", "a16z sat down with Aaron Levie", ("德鲁·休斯顿",)),
        ("The two have $2 billion in total.", "Each of two funds has $1 billion", ()),
    ],
)
def test_unsupported_words_are_named(said: str, posted: str, words: tuple[str, ...]) -> None:
    assert verify(Item(said, cites=("x:1",)), [post(posted, "1")]).unsupported == words


@pytest.mark.parametrize(
    ("said", "posted", "words"),
    [
        ("南加州的经销商", "SoCal dealers", ()),
        ("在加拿大和新西兰推出", "Rolling out in 🇨🇦🇳🇿", ()),
        ("向司法部长投诉", "a complaint to @AGPamBondi", ()),
        ("The US company refunded a Chinese user.", "中国用户的 Claude 退款了", ()),
        ("Realty Income ($O) shares climbed", "$O climbed", ()),
        ("罗宾汉（HOOD）上涨", "HOOD is up", ()),
        ("加拿大的经销商", "dealers in Japan", ("加拿大",)),
        ("总部在旧金山的公司", "a company", ("旧金山",)),
        ("麻省理工学院的实验室", "a lab at Stanford", ("麻省理工学院",)),
        ("Dealers in Canada", "SoCal dealers", ("Canada",)),
        ("Councillor Ward voted against it.", "Cllr Ward voted against it", ()),
        ("A story on Hacker News", "Read on Hackernews today", ()),
        ("California's law and French speech", "CA's law, speech in EN and FR", ()),
        ("Ukraine's law is new", "UK's law is new", ("Ukraine",)),
        ("理查德·索彻表示，You.com 可以搜索", "Richard Socher: @youdotcom can search", ()),
        ("理查德·米勒表示，搜索已上线", "Richard Socher: search is on", ("查德·米勒",)),
    ],
)
def test_posts_in_another_script_have_forms_of_their_own(
    said: str, posted: str, words: tuple[str, ...]
) -> None:
    """A name of the same kind that is left over in the posts may have been replaced by this one."""
    assert verify(Item(said, cites=("x:1",)), [post(posted, "1")]).unsupported == words


@pytest.mark.parametrize(
    "said",
    [
        "The team twice delayed the model.",
        "The model costs twice its price.",
        "The team delayed the model twice this year.",
        "The model is twice what the team had.",
    ],
)
def test_two_posts_on_one_thing_do_not_prove_a_count_of_two(said: str) -> None:
    posts = [post("The team delayed the model this year.", id) for id in ("1", "2")]
    assert not verify(Item(said, cites=("x:1", "x:2")), posts).ok


@pytest.mark.parametrize(
    ("author", "words"),
    [("claudeai", ()), ("claudedupont", ("Anthropic",)), ("alexcl", ("Anthropic",))],
)
def test_a_product_account_speaks_for_its_maker(author: str, words: tuple[str, ...]) -> None:
    cited = post("Claude is out", "1", author=author)
    item = Item("Anthropic says Claude is out.", cites=("x:1",))
    assert verify(item, [cited]).unsupported == words


@pytest.mark.parametrize(
    ("said", "posted", "words"),
    [
        ("每月 4.5 万美元的生意", "a $45K/month machine", ()),
        ("每月 5.4 万美元的生意", "a $45K/month machine", ("5.4 万美元",)),
        ("年收入 300 万美元", "it makes $3M/year", ()),
        ("36 项基准中有 22 项最佳，其余 14 项不是", "best on 22/36 benchmarks", ()),
        ("37 项基准中有 22 项最佳", "best on 22/36 benchmarks", ("37 项",)),
        ("10 个广告里有 10 个与房产有关", "10 out of 10 ads are about houses", ()),
        ("解决了六成出头的问题", "62.4% resolved", ()),
        ("解决了七成出头的问题", "62.4% resolved", ("七成",)),
        ("It answers in about 0.2 seconds", "211ms latency", ()),
        ("It answers in about 0.3 seconds", "211ms latency", ("0.3 seconds",)),
        ("Storage for twelve months", "storage for an entire year", ()),
        ("Storage for ten months", "storage for an entire year", ("ten months",)),
    ],
)
def test_figures_match_in_other_forms(said: str, posted: str, words: tuple[str, ...]) -> None:
    assert verify(Item(said, cites=("x:1",)), [post(posted, "1")]).unsupported == words
