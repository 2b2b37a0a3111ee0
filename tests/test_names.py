"""Names: one recogniser for Latin letters, Han characters and kana."""

import pytest

from digest.reading import Reading, read
from digest.reading.vocabulary import FOLDER, load_entries, load_table
from tests.posts import post

SENTENCES = {
    "Introducing Claude Haiku 4.5 and GPT-5.2: Nvidia and 台积电 back Northlight's Series B at $15B": (
        "claude haiku 4.5, gpt 5.2, nvidia, tsmc, northlight"
    ),
    "OpenAI CEO Sam Altman says Claude 4.5 Haiku beats Gemini 3 Pro on SWE-bench.": (
        "openai, sam altman, claude haiku 4.5, gemini pro 3"
    ),
    "openai just shipped gpt-5.2 and qwen3-vl for everyone": "openai, gpt 5.2, qwen vl 3",
    "千问3 Max 与混元3.0 同日发布，黄仁勋称英伟达将支持。": "max qwen 3, hunyuan 3, jensen huang, nvidia",
    "輝達與台積電宣布擴大合作，馬斯克回應稱xAI也會加入。": "nvidia, tsmc, elon musk, xai",
    "エヌビディアはソフトバンクと提携、OpenAIも参加する。": "nvidia, softbank, openai",
    "新会社ミライテックは新しいモデルを公開した。": "ミライテック",
    "白驹科技完成亿元融资，创始人张金豪表示明年量产。": "白驹科技, 张金豪",
    "智谱发布新模型；字节跳动、阿里云同日降价。": "zhipu, bytedance, alibaba cloud",
    "Micron Announces Exit from Crucial Consumer Business": "micron",
    "Shares of Block rose; the road block stayed. $AMD fell.": "block, amd",
    "他早上喝了一碗小米粥，苹果汁也不错，联合国家队。": "",
    "Meta hires five people from Thinking Machines Lab in San Francisco": (
        "meta, thinking machines, san francisco"
    ),
    "the new iPhone 17 Pro, H100s and Moonshot's Kimi K2 Thinking": (
        "iphone pro 17, h100, moonshot, kimi thinking k2"
    ),
}


@pytest.mark.parametrize(("text", "keys"), SENTENCES.items(), ids=range(len(SENTENCES)))
def test_names_of_a_sentence(text: str, keys: str) -> None:
    assert ", ".join(name.key for name in Reading(post(text)).names) == keys


@pytest.mark.parametrize(
    "spellings",
    [
        ("GPT-5.2", "GPT 5.2", "gpt5.2"),
        ("Qwen3-VL", "Qwen 3 VL", "qwen3-vl"),
        ("Nvidia", "NVIDIA", "英伟达", "輝達", "エヌビディア", "$NVDA"),
        ("台积电", "台積電", "TSMC"),
        ("Claude Haiku 4.5", "Claude 4.5 Haiku"),
    ],
)
def test_all_spellings_of_one_thing_share_a_key(spellings: tuple[str, ...]) -> None:
    keys = {Reading(post(f"新闻：{s} 的消息 is out")).name_keys for s in spellings}
    assert len(keys) == 1
    assert len(next(iter(keys))) == 1


def test_posts_read_together_have_the_names_they_have_alone() -> None:
    texts = list(SENTENCES)
    together = read([post(text, str(n)) for n, text in enumerate(texts)])
    assert [r.names for r in together] == [Reading(post(text)).names for text in texts]


def _rows(file: str) -> list[tuple[str, dict[str, str]]]:
    return [(table, row) for table, rows in load_table(file).items() for row in rows]


def _is_found(row: dict[str, str], text: str) -> bool:
    wanted = next(e for e in load_entries() if _same(e.key, e.ticker, row))
    return any(
        name.key == wanted.key or name.key.startswith(f"{wanted.key} ")
        for name in Reading(post(text)).names
    )


def _same(key: str, ticker: str, row: dict[str, str]) -> bool:
    return ticker == row["ticker"] if "ticker" in row else key == row["latin"][0].lower()


@pytest.mark.parametrize("file", ["names", "assets"])
def test_each_known_name_has_an_example_that_matches_and_one_that_does_not(file: str) -> None:
    rows = _rows(file)
    assert [row["match"] for _, row in rows if not _is_found(row, row["match"])] == []
    assert [row["reject"] for _, row in rows if _is_found(row, row["reject"])] == []


LISTS = sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem not in ("names", "assets"))


@pytest.mark.parametrize("file", LISTS)
def test_each_list_has_what_it_should_and_not_what_it_should_not(file: str) -> None:
    for name, table in load_table(file).items():
        words = set(table["words"].split()) | set(table["words"].splitlines())
        assert table["match"], name
        assert table["reject"], name
        assert words.issuperset(table["match"]), name
        assert words.isdisjoint(table["reject"]), name
