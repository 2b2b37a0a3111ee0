"""Advertisements in both languages, and news that only sounds like one."""

import pytest

from digest.reading import read
from digest.reading.vocabulary import load_table
from digest.select.ads import drop_ads, find_reason
from tests.posts import post

ADS = [
    ("Use code SAVE20 at checkout and get 20% off our AI notebook, today only!", "sale"),
    ("GIVEAWAY: follow us and repost to win a GPU", "giveaway"),
    ("Register now for our free webinar on agents, seats are going fast", "signup"),
    ("Use my referral link to open an account and we both get paid", "referral"),
    ("Our presale is live, whitelist members join early and claim tokens", "token"),
    ("Enroll today in my bootcamp and join the next cohort of prompt engineers", "course"),
    ("转发并关注，抽 3 位送出最新显卡", "giveaway"),
    ("大模型训练营第五期开营，扫码报名，名额有限", "course"),
    ("限时优惠：年度会员半价，点击链接下单", "sale"),
    ("注册即送 50 美元，填我的邀请码再返佣", "referral"),
    ("低价出售成品号，包邮，加微信：abc123", "sale"),
]
NEWS = [
    "The lab cut the price of its API by 50% and opened the weights of the small model.",
    "I think the launch event was a mess, but the model itself is good.",
    "监管部门要求平台标注广告内容，AI 生成的推广也在其中。",
    "公司今天发布新模型，价格比上一代下降一半，已经开放给所有用户。",
    "Regulators fined the exchange over its airdrop in 2023.",
    "We wrote it with Claude Code for a week, and reviewed it with Copilot code review.",
    "She won a prize for her paper on protein folding.",
]


@pytest.mark.parametrize(("text", "reason"), ADS)
def test_ads_are_dropped_with_their_reason(text: str, reason: str) -> None:
    assert find_reason(text) in (reason, "sale", "course", "signup", "referral")


@pytest.mark.parametrize("text", NEWS)
def test_news_about_selling_is_not_an_ad(text: str) -> None:
    assert find_reason(text) == ""


def test_a_pitch_repeated_by_one_author_is_an_ad() -> None:
    pitch = "Our assistant writes the minutes of every meeting for your team"
    posts = [post(pitch, str(i), author="shop") for i in range(3)] + [post("A model came out", "9")]
    kept, dropped = drop_ads(read(posts))
    assert [reading.post.id for reading in kept] == ["9"]
    assert {d.reason for d in dropped} == {"promo"}


def test_posts_about_a_coin_that_differ_in_figures_only_are_tips() -> None:
    form = "Zorb AI token is on Binance today, its price is up {}% and it will go on"
    posts = [post(form.format(900 + n), str(n), author=f"a{n}") for n in range(3)]
    assert {d.reason for d in drop_ads(read(posts))[1]} == {"token"}
    assert drop_ads(read(posts[:2]))[1] == []
    same = [post(form.format(900), str(n), author=f"a{n}") for n in range(4)]
    assert drop_ads(read(same))[1] == []
    labs = [post(f"Lab {n} ships a model with {n}B weights", str(n), author=f"a{n}") for n in "234"]
    assert drop_ads(read(labs))[1] == []


def test_a_target_other_than_a_price_is_not_a_tip() -> None:
    assert find_reason("Northlight's next target is search. Can Basalt stop it?") == ""
    assert find_reason("Northlight 目标十倍提升算力") == ""
    assert find_reason("Next target 2.1, stop loss 1.4") == "token"


def test_a_headline_in_several_feeds_is_not_a_pitch() -> None:
    line = "Northlight opens its second data center near Oslo, the agency reports."
    same = [post(line, str(n), author="") for n in range(4)]
    assert drop_ads(read(same))[1] == []


@pytest.mark.parametrize("reason", load_table("ads"))
def test_the_phrases_of_each_reason_match_their_examples(reason: str) -> None:
    table = load_table("ads")[reason]
    for text in table["match"]:
        assert find_reason(text) != "", text
    for text in table["reject"]:
        assert find_reason(text) == "", text
