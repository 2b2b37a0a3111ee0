"""Names: one recogniser for Latin letters, Han characters and kana."""

import pytest

from digest.reading import Reading, read
from digest.reading.mentions import read_mentions
from digest.reading.vocabulary import FOLDER, load_entries, load_table
from digest.reading.words import count_words
from digest.write.verify.naming import find_missing_names
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
    "他早上喝了一碗小米粥，苹果汁也不错，联合国家队。打马赛克、夸下海口。": "",
    "A parser in C under the MIT license; MIT-licensed code needs 16 GB; MIT researchers agree.": "mit",
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
def test_all_spellings_of_a_name_share_a_key(spellings: tuple[str, ...]) -> None:
    keys = {Reading(post(f"新闻：{s} 的消息 is out")).name_keys for s in spellings}
    assert len(keys) == 1
    assert len(next(iter(keys))) == 1


def test_posts_have_the_same_names_alone_and_in_a_batch() -> None:
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


TRIED_ELSEWHERE = {"names", "assets", "ads"}
"""Files whose examples are whole texts, which other tests check."""
LISTS = sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem not in TRIED_ELSEWHERE)


@pytest.mark.parametrize("file", LISTS)
def test_each_list_matches_its_examples(file: str) -> None:
    for name, table in load_table(file).items():
        words = set(table["words"].split()) | set(table["words"].splitlines())
        assert table["match"], name
        assert table["reject"], name
        assert words.issuperset(table["match"]), name
        assert words.isdisjoint(table["reject"]), name


ROOMS = [text for text, keys in SENTENCES.items() if keys]


@pytest.mark.parametrize("text", ROOMS, ids=range(len(ROOMS)))
def test_every_room_finds_the_same_names(text: str) -> None:
    reading = read([post(text)])[0]
    keys = reading.name_keys
    # the writer chooses among sentences
    assert {key for s in reading.sentences for key in s.name_keys} == keys
    # clusters compare their parts
    assert {part for key in keys for part in key.split() if len(part) > 1} <= reading.terms
    # without evidence the verifier misses every name of the text
    languages = frozenset([reading.language])
    assert list(find_missing_names(text, read_mentions(text, languages))) == []
    # the word cloud shows them whole
    words = count_words([reading])
    assert {name.text.removeprefix("$") for name in reading.names} <= words.keys()


DAYS = {
    "zh": "云岭科技完成二亿元融资，用于建造第二座工厂。|寒武纪发布新一代推理芯片，功耗下降三成。|工信部公布人工智能标识细则，明年三月施行。|"
    "月之暗面开源新的代码模型。|黄仁勋表示明年产能将翻倍。|北京大学与蓝湾智能联合成立实验室。",
    "zh-Hant": "輝達公布財報，營收成長六成。|台積電宣布在高雄擴建新廠。|聯發科推出新款晶片。|馬斯克表示將延後發射。|谷歌開源新模型。|歐盟通過新的法案。",
    "ja": "ソフトバンクは新しいデータセンターを建設すると発表した。|エヌビディアの売上高が過去最高となった。|トヨタは自動運転の新会社を設立した。|"
    "日銀は金利を据え置いた。|ミライテックは新しいモデルを公開した。|楽天は対話サービスを始めた。",
    "lower": "openai ships gpt-5.2 to all users today|nvidia beats its own forecast again|anthropic opens an office in tokyo|"
    "qwen3 tops the board of open weights|deepseek cuts the price of its model by half|mistral raises two billion euros",
}


@pytest.mark.parametrize("day", DAYS)
def test_a_day_in_one_script_has_names_in_every_post(day: str) -> None:
    readings = read(post(text, str(n)) for n, text in enumerate(DAYS[day].split("|")))
    assert [reading.text for reading in readings if not reading.names] == []
