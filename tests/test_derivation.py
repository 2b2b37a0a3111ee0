"""What a reader works out from the posts: multiples, rests, averages, years, other notations."""

import pytest

from tests.test_verify import missing


@pytest.mark.parametrize(
    ("said", "posted"),
    [
        ("at a fifth of the price", "80% cheaper"),
        ("奖金平均每个项目 1000 美元", "$3,000 in prizes for the top 3 projects"),
        ("more than 120 in total", "Over EDA 50 recipes. Now 70+ recipes"),
        ("In 2022, the city was said to be over", "3 years ago, people said it was over"),
        ("错误率 21.2%", "an error rate of 0.212"),
        ("$240 for 12 months at $20 each, $251 in all", "$20 a month for 12 months, setup $11"),
        ("a one-in-100-million chance", "一亿分之一的概率"),
        ("Two posts of December 6 tell of it", "it was out on May 19"),
        ("Lei Jun spoke", "雷军发言"),
        ("Foo 将于 2026 年 6 月发布", "In Jun 2026, Foo launches."),
        ("发布三折屏手机", "released a tri-fold phone"),
        ("13 时至 18 时", "10/24 (金) 13-18時"),
        ("at ten in the morning Pacific time", "at 10am PST"),
        ("7-Eleven 提供优惠", "@7eleven has offers"),
        ("马克·库班认为", "@mcuban says"),
        ("nearly a quarter of a million followers", "245K people follow me"),
        ("a three-and-a-half-year-old", "小孩 3 岁半"),
        ("第2337期", "2337 – the market waits"),
        ("年收入都已上亿", "9 figures/yr in revenue"),
        ("身高约 1.80 米", "5'11\" 160"),
        ("$10,000 in ten equal prizes", "10 x $1,000 up for grabs"),
        ("一年合计 588 美元", "$49/mo for the first year"),
        ("五折出售", "50% off"),
        ("a model nine times its size", "With 8B parameters, it beats Foo-VL 72B"),
        ("a little over four hours a year", "spend 5 minutes per week"),
        ("within half a minute", "30秒内响应"),
        ("wrote it in a minute and a half, over 110 a second", "10,000 条花费不到一分半"),
        ("right almost nine times in ten", "准确率高达89%"),
        ("翻了一倍还多", "from $226 to $500"),
        ("50 岁以上的人", "anyone over 50 without wealth"),
        ("最迟 12 月 20 日上市", "in stores within 2 weeks"),
        ("9 月 22 日讲课", "a tutorial on September 21, lectures the day after"),
        ("That was in 2008", "零八年的上海"),
        ("released in November", "上个月发布"),
        ("open on Monday", "every day, Thu–Mon"),
        ("twelve hours, from 5 a.m. to 5 p.m.", "早上 5 点 一直持续到晚上 5 点"),
        ("里斯本发生事故", "the derailed tram deaths in lisbon"),
        ("files it on Instagram", "Scrapea de IG"),
        ("Tesla says so", "Тесла снизила цены"),
        ("奥逊·威尔斯的电影", "ORSON WELLES’ film"),
    ],
)
def test_what_follows_from_the_posts_is_proved(said: str, posted: str) -> None:
    assert missing(said, posted) == ()


@pytest.mark.parametrize(
    ("said", "posted", "what"),
    [
        ("下载量是 Uber 的 1.7 倍", "downloads outpaced Uber by 40%", "1.7 倍"),
        ("costs 60% of it", "40% cheaper", "60%"),
        ("In 2021, the city was said to be over", "3 years ago, it was over", "2021"),
        ("December 6 is the day it went out, as @ada posted", "it was out on May 19", "December 6"),
        ("Foo raised $30 million in all", "Foo raised $10 million for 3 models", "$30 million"),
        ("out on December 6", "it was out on May 19", "December 6"),
        ("out in Jun 2025", "out in May 2025", "Jun"),
        ("In Jun 2026, Foo launches", "In July 2026, Foo launches", "Jun"),
        ("Foo raised $2.5 million", "Foo raised $10 million, 4 times faster", "$2.5 million"),
        ("Foo has 25 users", "Foo has 100 users and is 4 times faster", "25"),
        ("A fifth of users prefer Foo", "80% of users prefer Foo", "A fifth"),
        ("A third of users prefer Foo", "Two thirds of users prefer Foo", "A third"),
        ("Foo has 1.8x the users", "80% of users prefer Foo", "1.8x"),
        ("it grew its accuracy to 70%", "Foo 0.7 is out and grew its accuracy", "70%"),
        ("准确率达到 90%", "温度设为 0.9,准确率未公布", "90%"),
        ("Foo won in 2019", "Foo has a 6-year warranty and won", "2019"),
        ("马丁·艾奥投资", "@mao invests", "马丁·艾奥"),
        ("玛丽·卡本投资", "@mcuban invests", "玛丽·卡本"),
        (
            "Foo raised its prices by 20%",
            "Foo cut its prices by 20%",
            "Foo raised its prices by 20%",
        ),
        ("20 时开始", "13-18時", "20 时"),
        ("错误率 2.12%", "an error rate of 0.212", "2.12%"),
        ("八折出售", "50% off", "八折"),
        ("年收入九位数", "8 figures/yr in revenue", "九位数"),
        ("$12,000 in prizes", "10 x $1,000 up for grabs", "$12,000"),
        ("一年合计 600 美元", "$49/mo for the first year", "600 美元"),
        ("9 月 25 日讲课", "a tutorial on September 21, lectures the day after", "9 月 25 日"),
        ("released in October", "上个月发布", "October"),
        ("pays $5 billion a month for 36 months", "$60 billion a year", "36 months"),
        ("founded in 2024", "they worked on it for 7 months", "2024"),
        ("it paid $100 million", "a nine-figure sum was paid", "$100 million"),
        ("the startup a16z says so", "Компания снизила цены", "a16z"),
        ("Oracle invests", "оракул говорит؟؟", "Oracle"),
        ("Uber invests", "убор купил", "Uber"),
        ("China Mobile invests", "研发移动应用", "China Mobile"),
        ("五折出售", "九点五折", "五折"),
    ],
)
def test_another_result_is_named(said: str, posted: str, what: str) -> None:
    assert what in missing(said, posted)
