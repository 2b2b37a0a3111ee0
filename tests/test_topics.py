"""topics.toml: works unedited, and names every wrong key."""

import re
from datetime import time
from pathlib import Path

import pytest

from digest.calendar import days_back
from digest.errors import TopicsError
from digest.models import SourceSpec
from digest.sources import kinds, open_source
from digest.topics import load_topics

SHIPPED = Path(__file__).parents[1] / "topics.toml"


def test_the_shipped_file_works_unedited() -> None:
    topic = load_topics(SHIPPED)["ai"]
    assert (topic.slug, topic.timezone, topic.language) == ("twitter_ai", "UTC", "zh")
    assert SourceSpec("sample") in topic.sources
    assert SourceSpec("hackernews") in topic.sources
    assert all(open_source(source).name for source in topic.sources)
    assert not {source.kind for source in topic.sources} & {"x", "jsonl"}, (
        "no key, no file is needed"
    )
    assert len(topic.keywords) > 100


def test_the_commented_examples_work_too(tmp_path: Path) -> None:
    said = re.sub(r"^( *)# (?=\[|\w+ = |  \{|\]|\{)", r"\1", SHIPPED.read_text("utf-8"), flags=re.M)
    path = tmp_path / "topics.toml"
    path.write_text(said, "utf-8")
    topics = load_topics(path)
    assert list(topics) == ["ai", "crypto", "security", "web3"]
    specs = [source for topic in topics.values() for source in topic.sources]
    assert {source.kind for source in specs} == set(kinds())
    assert all(open_source(source).name for source in specs)
    [bridge] = [source for source in specs if source.private]
    assert bridge.fallback_for in {source.address for source in specs if source.kind == "x"}


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "topics.toml"
    path.write_text(
        '[Bad-Name]\ntitle = "x"\nslug = "../x"\n\n'
        '[b]\ntitle = "B"\nslug = "b"\ntimezone = "Mars"\nlanguage = "fr"\nbuild_at = "8"\ntypo = 1\n'
        "[search]\n"
    )
    with pytest.raises(TopicsError) as problem:
        load_topics(path)
    said = str(problem.value)
    for expected in (
        "[Bad-Name]: write small letters, digits, - and _, a letter first",
        "[search]: is a page of its own",
        "slug:",
        "timezone: no such",
        "language:",
        "build_at: write",
        "typo: is not a known key",
    ):
        assert expected in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("keywords = ['AI', ' ']", "keywords.1: is empty"),
        ("keywords = 'AI'", "keywords: write a list"),
        ("special = { fr = 'IA' }", "special.fr: write 'zh' or 'en'"),
        ("sources = ['sample']", "sources.0: write a table"),
        ("sources = [{ address = 'x' }]", "sources.0.kind: is missing"),
        ("sources = [{ kind = 'x', weight = 11 }]", "sources.0.weight: write 10 or less"),
    ],
)
def test_a_wrong_value_says_what_to_write(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "topics.toml"
    path.write_text(f'[a]\ntitle = "A"\nslug = "a"\n{line}\n')
    with pytest.raises(TopicsError) as problem:
        load_topics(path)
    assert str(problem.value).startswith(f"topics.toml: [a] {said}")
    assert "\n" not in str(problem.value)


def test_a_key_outside_a_topic_is_no_topic(tmp_path: Path) -> None:
    path = tmp_path / "topics.toml"
    path.write_text('title = "A"\n')
    with pytest.raises(TopicsError, match=r"^topics\.toml: \[title\]: is not a table"):
        load_topics(path)


def test_a_title_in_one_language_only_is_not_enough(tmp_path: Path) -> None:
    path = tmp_path / "topics.toml"
    path.write_text('[a]\ntitle = { zh = "甲" }\nslug = "A!"\n', encoding="utf-8-sig")
    with pytest.raises(TopicsError) as problem:
        load_topics(path)
    assert [line.split(": ", 2)[1:] for line in str(problem.value).splitlines()] == [
        ["[a] title", 'write one text, or { zh = "...", en = "..." }'],
        ["[a] slug", 'write small letters, digits, - and _, like "twitter_ai"'],
    ]


@pytest.mark.parametrize(
    ("lines", "language"),
    [
        ('title = "Motor sport"', "en"),
        ('title = "F1"\nkeywords = ["一级方程式"]', "zh"),
        ('title = { zh = "赛车", en = "Racing" }', "zh"),
        ('title = { zh = "赛车", en = "Racing" }\nlanguage = "en"', "en"),
    ],
)
def test_a_title_is_enough(tmp_path: Path, lines: str, language: str) -> None:
    path = tmp_path / "topics.toml"
    path.write_text(f"[racing]\n{lines}\n", "utf-8")
    topic = load_topics(path)["racing"]
    assert (topic.slug, topic.language) == ("racing", language)


def test_the_shipped_topic_is_of_yesterday_at_breakfast_in_europe_and_america() -> None:
    topic = load_topics(SHIPPED)["ai"]
    for zone in ("Europe/Moscow", "Europe/Berlin", "America/New_York", "America/Los_Angeles"):
        assert days_back(topic.timezone, topic.build_at, zone, time(8), 2026) == 1


def test_two_topics_cannot_share_a_slug(tmp_path: Path) -> None:
    path = tmp_path / "topics.toml"
    path.write_text('[a]\ntitle = "A"\nslug = "s"\n[b]\ntitle = "B"\nslug = "s"\n')
    with pytest.raises(TopicsError, match="already that of"):
        load_topics(path)


@pytest.mark.parametrize(
    ("content", "problem"), [("[", "not TOML"), ("", "no topic"), (None, "no such file")]
)
def test_a_file_that_is_none_says_so(tmp_path: Path, content: str | None, problem: str) -> None:
    path = tmp_path / "topics.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TopicsError, match=problem):
        load_topics(path)


def test_the_first_language_is_written_in_and_the_others_are_rendered(tmp_path: Path) -> None:
    path = tmp_path / "topics.toml"
    path.write_text('[b]\ntitle = "B"\nslug = "b"\nlanguages = ["en", "zh", "zh"]\n', "utf-8")
    topic = load_topics(path)["b"]
    assert (topic.language, topic.languages) == ("en", ("zh",))
