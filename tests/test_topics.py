"""topics.toml: works unedited, and names every wrong key."""

from pathlib import Path

import pytest

from digest.models import SourceSpec
from digest.topics import TopicsError, load_topics

SHIPPED = Path(__file__).parents[1] / "topics.toml"


def test_the_shipped_file_works_unedited() -> None:
    topic = load_topics(SHIPPED)["ai"]
    assert (topic.slug, topic.timezone, topic.language) == ("twitter_ai", "UTC", "zh")
    assert topic.sources == (SourceSpec("sample"),)
    assert len(topic.keywords) > 100


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "topics.toml"
    path.write_text(
        '[Bad-Name]\ntitle = "x"\nslug = "../x"\n\n'
        '[b]\ntitle = "B"\nslug = "b"\ntimezone = "Mars"\nlanguage = "fr"\nbuild_at = "8"\ntypo = 1\n'
    )
    with pytest.raises(TopicsError) as problem:
        load_topics(path)
    said = str(problem.value)
    for expected in (
        "[Bad-Name]: name topics",
        "slug:",
        "timezone: no such",
        "language:",
        "build_at: write",
        "typo: is no key",
    ):
        assert expected in said


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
