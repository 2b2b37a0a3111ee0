"""Posts about one event meet across languages; two releases of one company do not."""

from collections.abc import Sequence

import numpy as np
import pytest

from digest.models import Post
from digest.reading import Reading, attach, read
from digest.reading.index_terms import list_sums
from digest.select import cluster, embed
from digest.select.cluster import cluster_posts
from digest.select.split import is_apart, split_readings
from tests.posts import post

EVENTS = [
    [
        "Northlight releases Meridian 3.2 Pro, a model that scores 81.2% on HardMath and costs half as much",
        "Northlight 发布 Meridian 3.2 Pro 模型，HardMath 得分 81.2%，价格减半",
        "Meridian 3.2 Pro is out: Northlight's new flagship beats every open model on HardMath",
    ],
    [
        "Northlight opens a data centre in Lisbon with 40,000 Tesselund chips",
        "Northlight 在里斯本启用数据中心，配备 4 万块 Tesselund 芯片",
    ],
    [
        "Regulators in Veland fine Kitewick Robotics 20 million for leaking camera footage of its Butler robot",
        "Veland 监管机构因 Butler 机器人泄露摄像头画面，对 Kitewick Robotics 罚款 2000 万",
    ],
    ["A long walk with the dog is the best debugging tool there is"],
]


def _day() -> tuple[list[Post], list[int]]:
    posts: list[Post] = []
    event: list[int] = []
    for number, texts in enumerate(EVENTS):
        for text in texts:
            posts.append(post(text, str(len(posts)), author=f"a{len(posts)}"))
            event.append(number)
    return posts, event


def _groups(posts: list[Post]) -> list[set[int]]:
    found = cluster_posts(read(posts), embed.embed([p.text for p in posts]))
    return sorted((set(c.members) for c in found), key=min)


def test_one_event_in_two_languages_is_one_story() -> None:
    posts, event = _day()
    expected = [{i for i, e in enumerate(event) if e == number} for number in range(len(EVENTS))]
    assert _groups(posts) == expected


def test_the_fallback_encoder_keeps_events_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "_encoder", lambda: None)
    posts, event = _day()
    groups = _groups(posts)
    assert {0, 2} <= groups[0]
    for group in groups:
        assert len({event[i] for i in group}) == 1


def test_every_post_is_in_exactly_one_story(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "MAX_CLUSTERED", 4)
    posts, _ = _day()
    vectors = embed.embed([p.text for p in posts])
    vectors[4:] = 0
    members = sorted(i for c in cluster_posts(read(posts), vectors) for i in c.members)
    assert members == list(range(len(posts)))


def test_no_posts_and_one_post() -> None:
    assert cluster_posts([], np.zeros((0, 512), np.float32)) == []
    (only,) = cluster_posts(read([post("A model")]), embed.embed(["A model"]))
    assert only.members == (0,)


def terms(text: str) -> frozenset[str]:
    """Return the terms of a post with this text."""
    return Reading(post(text)).terms


def test_a_sum_of_money_is_one_term_however_it_is_written() -> None:
    sums = [terms(text) for text in ("raises $13B", "13 billion dollars", "融资 130 亿美元")]
    assert all("13000000000" in found for found in sums)
    assert "13000000000" not in terms("13B parameters")


def test_an_account_has_the_name_at_its_beginning() -> None:
    names = ("OpenAI Developers", "ChatGPT研究所", "Mei Larkin", "the OpenAI fan")
    accounts = [Reading(post("Hello", author_name=name)).account for name in names]
    assert [account.key if account else "" for account in accounts[:2]] == ["openai", ""]
    assert accounts[3] is None


def test_names_are_spelled_alike_in_both_languages() -> None:
    assert terms("Northlight 发布 Meridian 3.2 Pro") >= {"northlight", "meridian", "3.2", "pro"}
    assert "the" not in terms("The model by @Someone https://example.com/Name")
    assert "someone" not in terms("The model by @Someone")


def test_words_of_lower_case_texts_are_terms_in_the_singular() -> None:
    assert terms("copper prices rise in three ports") == terms("copper price rise in three port")
    assert "access" in terms("crisis of access to news")


@pytest.mark.parametrize(
    "texts",
    [
        ("台積電宣布在高雄擴建新廠，明年量產。", "TSMC to expand its Kaohsiung plant next year"),
        ("エヌビディアの売上高が過去最高となった。", "英伟达营收创历史新高"),
        ("openai ships gpt-5.2 to all users", "OpenAI 向所有用户推出 GPT-5.2"),
    ],
)
def test_posts_in_two_scripts_share_terms(texts: tuple[str, str]) -> None:
    assert terms(texts[0]) & terms(texts[1])


SMALL_DAY = [
    "Salah double helps Quillport beat Everby in the derby\nIt is two points behind Arsenal.",
    "Arsenal agree £44m deal to sign Navarro\nThe midfielder will have a medical on Monday.",
    "Python 3.15 alpha 2 released\nThe release brings a new JIT and lazy imports.",
    "NumPy 2.5 drops support for Python 3.11\nWheels for free-threaded builds are standard.",
    "Bitcoin falls below $92,000 as ETF outflows reach $1.2 billion\nIBIT lost most of it.",
    "Larkspur buys 8,178 bitcoin for $835 million\nThe company now holds 649,870 bitcoin.",
]


def test_one_shared_name_among_few_posts_is_no_evidence() -> None:
    posts = [post(text, str(n), author="") for n, text in enumerate(SMALL_DAY)]
    assert _groups(posts) == [{n} for n in range(6)]


HEADLINES = (
    "northlight robot wins chess title oslo",
    "chess title northlight robot oslo final",
    "robot northlight beats champion chess oslo",
    "kitewick robot opens bakery bergen",
    "bergen bakery kitewick robot bakes bread",
    "robot bakes bread kitewick bergen bakery opening",
    "larkspur robot cleans beach lisbon",
    "beach lisbon larkspur robot plastic waste",
)


def test_lower_case_headlines_are_compared_by_rare_words() -> None:
    found = cluster_posts(
        read([post(t, str(n)) for n, t in enumerate(HEADLINES)]), embed.embed(HEADLINES)
    )
    assert sorted(c.members for c in found) == [(0, 1, 2), (3, 4, 5), (6, 7)]


def test_a_few_lower_case_posts_are_not_headlines() -> None:
    texts = [
        "at all times i have three agents on the code and one context for each",
        "will it finish before the context of the agents runs out?",
        *(f"Northlight Meridian {n} reads {n}0 books of Larkspur." for n in range(9)),
    ]
    found = cluster_posts(read([post(t, str(n)) for n, t in enumerate(texts)]), embed.embed(texts))
    assert not any({0, 1} <= set(c.members) for c in found)


def test_one_lower_case_author_does_not_make_words_rare() -> None:
    posts = [post(f"People of port {n} talk", str(n)) for n in range(300)]
    posts += [post("people of the quokka", "900"), post("quokka people", "901")]
    rarity = cluster._weigh_terms(read(posts), np.array([p.text.islower() for p in posts]))
    assert rarity["people"] < 1 < 5 < rarity["quokka"]


def test_a_text_without_words_has_a_zero_vector() -> None:
    vectors = embed.embed(["", "🚀 https://t.co/x", "words"])
    assert np.linalg.norm(vectors, axis=1).round(3).tolist() == [0, 0, 1]


def test_the_encoder_reports_itself() -> None:
    assert "Encoder" in embed.encoder_check()


def _pair(
    first: str, second: str, cosine: float, *, authors: str = "ab", minutes: int = 1
) -> list[Reading]:
    posts = [
        post(t, f"{n * minutes}", author=a)
        for n, (t, a) in enumerate(zip((first, second), authors, strict=True))
    ]
    readings = list(read(posts))
    second_row = [cosine, -((1 - cosine**2) ** 0.5)]
    attach(readings, vectors=np.array([[1.0, 0.0], second_row], np.float32))
    return readings


@pytest.mark.parametrize(
    ("first", "second", "cosine", "apart"),
    [
        (
            "Acme releases Voxel-7 for speech.",
            "Zenith ships Murmur-0.5B, a voice model.",
            0.54,
            True,
        ),
        ("Acme releases Voxel-7 for speech.", "I tried Voxel-7 on my laptop today.", 0.30, False),
        ("Acme releases Voxel-7 for speech.", "Voxel-7 由 Acme 发布，支持十种语言。", 0.35, False),
        ("OpenAI opens an office in Lisbon.", "OpenAI asks users what they fear.", 0.40, True),
        ("Rain again in the north today.", "My cat sleeps on the keyboard.", 0.20, True),
        ("OpenAI raised $13 billion.", "OpenAI: a round of $13B, led by Veld.", 0.40, False),
        ("Acme ships Flow 1.0 today.", "Zenith opens Graph 1.0 to all.", 0.40, True),
    ],
)
def test_posts_of_two_events_are_apart(first: str, second: str, cosine: float, apart: bool) -> None:
    assert is_apart(*_pair(first, second, cosine)) is apart


@pytest.mark.parametrize(("minutes", "apart"), [(15, False), (16, True)])
def test_a_thread_by_one_author_stays_one_story(minutes: int, apart: bool) -> None:
    """A newsroom's account reports other events later in the day; the id of a post is its minute."""
    pair = _pair("A long day of talks.", "More in our blog.", 0.2, authors="aa", minutes=minutes)
    assert is_apart(*pair) is apart


def test_a_story_of_two_events_is_split() -> None:
    pair = _pair("Acme releases Voxel-7.", "Zenith ships Murmur-0.5B for voices.", 0.5)
    assert split_readings(pair) == [[pair[0]], [pair[1]]]
    assert split_readings(pair[:1]) == [pair[:1]]


def test_texts_encoded_in_several_threads_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    class Encoder:
        def encode(self, texts: Sequence[str]) -> list[list[float]]:
            return [[float(text)] * 512 for text in texts]

    monkeypatch.setattr(embed, "_encoder", Encoder)
    texts = [str(n) for n in range(300)]
    vectors = embed._encode(texts, 2)
    assert vectors[:, 0].tolist() == list(range(300))
    assert embed._encode(texts, 1).tolist() == vectors.tolist()


@pytest.mark.parametrize("sum_", ["$13 Billion", "$13B", "13,000 million dollars", "130 亿美元"])
def test_large_sums_are_equal_in_any_spelling(sum_: str) -> None:
    assert list_sums(f"It raised {sum_} in 20 minutes.") == {"13000000000"}
