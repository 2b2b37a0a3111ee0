"""Words of a day: names whole, each word once per post, no non-words."""

import logging
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import digest.sources
from digest.reading import read
from digest.reading.segment import KNOWN_COUNT, Segmenter, known_words
from digest.reading.words import count_words, remove_words
from tests.costs import growth
from tests.posts import post


def counts(*texts: str, names: tuple[str, ...] = ()) -> dict[str, int]:
    return count_words(read(post(text, str(i)) for i, text in enumerate(texts)), terms=names)


def test_names_stay_whole_and_spellings_are_merged() -> None:
    found = counts(
        "Claude Opus 4.5 beats GPT-5.2 today",
        "claude opus 4.5 与 GPT 5.2 的对比",
        "I prefer GPT‑5.2 over Claude Opus 4.5",
    )
    assert found["Claude Opus 4.5"] == 3
    assert [found[word] for word in found if "5.2" in word] == [3]
    assert "Opus" not in found


def test_an_unlisted_name_is_found_in_the_posts() -> None:
    found = counts(
        "Meridian 3.2 Pro is out", "We tried Meridian 3.2 Pro", "价格很低的 Meridian 3.2 Pro 来了"
    )
    assert found["Meridian 3.2 Pro"] == 3


def test_removing_posts_leaves_the_words_of_others() -> None:
    texts = ("Northlight 的开放模型 folds a towel", "Anna Postlethwaite folds towels", "Nvidia")
    left = counts(*texts)
    assert left["folds"] == 2
    for text in texts[:2]:
        left = remove_words(left, read([post(text, "9")]))
    assert left == {"Nvidia": 1}


def test_each_post_counts_a_word_once() -> None:
    assert counts("robotics " * 50, "robotics matter")["robotics"] == 2


def test_chinese_is_split_into_words() -> None:
    found = counts("人形机器人正在学习叠衣服", "人形机器人进入工厂")
    assert found["人形机器人"] == 2


@pytest.mark.parametrize(
    "text",
    [
        "https://t.co/abc",
        "@someone",
        "🚀🔥",
        "the and with",
        "可以 就是 今天",
        "12345 2025",
        "&amp; &nbsp;",
        "a b c",
    ],
)
def test_non_words_are_left_out(text: str) -> None:
    assert counts(text) == {}


def test_handles_links_and_other_scripts_are_left_out() -> None:
    found = counts(
        "Northlight @handle https://example.com/page released",
        "Новая модель Northlight вышла сегодня в сети",
    )
    assert found == {"Northlight": 1}


def test_merged_words_count_once_per_post() -> None:
    found = counts("one benchmark, many benchmarks", "Haiku 4.5: Claude Haiku 4.5", "Haiku 4.5")
    assert (found["benchmark"], found["Haiku 4.5"]) == (1, 2)


@pytest.mark.parametrize(
    "pair",
    [
        ("on-chain flows", "onchain moves"),
        ("machine learning", "#MachineLearning"),
        ("加密货币", "加密货币交易"),
        ("区块链", "区块链安全"),
        ("communities", "community"),
    ],
)
def test_spellings_of_one_word_are_counted_together(pair: tuple[str, str]) -> None:
    assert max(counts(*pair).values()) == 2


def test_a_name_starts_at_its_own_first_letter() -> None:
    found = counts("My iPhone 17 Pro", "Introducing iPhone 17 Pro")
    assert found == {"iPhone 17 Pro": 2}


def test_a_common_word_with_a_number_is_not_a_name() -> None:
    assert counts("Step 1, Top 10, December 5", "Step 1, Top 10, December 5") == {}


def test_a_name_does_not_split_a_longer_version() -> None:
    found = counts("Meridian 3 is here", "Meridian 3 again", "so is Meridian 3.7")
    assert found["Meridian 3"] == 2


def test_plurals_are_merged_with_their_singular() -> None:
    assert list(counts("one benchmark", "two benchmarks", "more benchmarks").values()) == [3]
    assert list(counts("ＧＰＴ－６")) == ["GPT-6"]
    assert counts("It runs on Windows", "so does Windows", "a window")["Windows"] == 2
    assert counts("the chip, i.e. silicon", "a chip, e.g. silicon") == {"chip": 2, "silicon": 2}


def test_the_same_posts_give_the_same_order() -> None:
    texts = ["alphaville robotics", "zebra robotics", "middle kernels", "kernels robotics"]
    assert list(counts(*texts).items()) == list(counts(*texts).items())
    assert next(iter(counts(*texts))) == "robotics"


def test_a_megabyte_without_a_stop_does_not_hang() -> None:
    assert growth(counts, "模型智能体算力开源推理数据芯片", 400_000) < 12


@pytest.mark.parametrize("piece", ["A", "Aa ", "A1.1"])
def test_a_flood_of_lookalike_names_does_not_hang(piece: str) -> None:
    assert growth(lambda text: counts(*(f"{text}{n}" for n in range(100))), piece) < 12


def test_words_are_split_as_with_the_whole_dictionary() -> None:
    import jieba

    sample = (Path(digest.sources.__file__).parent / "sample.jsonl").read_text(encoding="utf-8")
    runs = list(re.findall("[\u4e00-\u9fff]+", sample))
    jieba.setLogLevel(logging.ERROR)
    whole = jieba.Tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        whole.tmp_dir = folder
        whole.initialize()
    for name in known_words():
        if not whole.FREQ.get(name):
            whole.add_word(name, KNOWN_COUNT)
    partial = Segmenter()
    partial.prepare(runs)
    cut = [[word for word, _, _ in partial.cut(run)] for run in runs]
    same = sum(ours == whole.lcut(run) for ours, run in zip(cut, runs, strict=True))
    assert len(runs) > 700
    assert same >= 0.985 * len(runs)


def test_jieba_leaves_no_file_and_prints_nothing(tmp_path: Path) -> None:
    script = "from tests.test_words import counts; print(len(counts('人形机器人进入工厂')))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
        env={"TMPDIR": str(tmp_path), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert int(done.stdout) > 0
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
