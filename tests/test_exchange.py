"""Reports out of one store and into another, and the customer's posts through all of it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.__main__ import cli
from digest import pipeline
from digest.errors import DigestError
from digest.models import Post, Report, Window, cited_keys
from digest.publish import exchange, mark_of
from digest.publish.archive import Imported, read_post
from digest.publish.exchange import export_reports, import_post
from digest.publish.jekyll import body
from digest.sources.jsonl import PostRows
from digest.store import Store
from digest.topics import load_topics
from tests.samples import DAY, report

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
TOPICS = load_topics(ROOT / "topics.toml")
NOW = datetime(2025, 12, 7, 3, tzinfo=UTC)


async def there_and_back(made: Report, tmp_path: Path) -> Report:
    """The report exported from one store and imported into an empty one."""
    async with await Store.open(f"sqlite:///{tmp_path}/one.db") as one:
        await one.save_topic(TOPICS["ai"])
        await one.save_report(made)
        paths = await export_reports(tmp_path / "site", TOPICS, one, "ai", None)
        again = await export_reports(tmp_path / "site", TOPICS, one, "ai", (made.last, made.last))
    assert paths == again
    async with await Store.open(f"sqlite:///{tmp_path}/two.db") as two:
        await import_post(paths[0], paths[0].read_bytes(), TOPICS, two, replace_ours=False)
        found = await two.load_report("ai", made.first, made.last)
        assert found is not None
        assert await two.load_import("ai", made.first, made.last) == paths[0].read_bytes()
        back = await export_reports(tmp_path / "back", TOPICS, two, "", None)
    assert [p.name for p in back] == [p.name for p in paths]
    assert [p.read_bytes() for p in back] == [p.read_bytes() for p in paths]
    return found


def made(posts: list[Post], day: date, language: str) -> Report:
    topic = replace(TOPICS["ai"], language=language)  # type: ignore[arg-type]
    gathered = pipeline.Gathered(tuple(("x", p) for p in posts), ())
    window = Window(day, day, "UTC")
    material = pipeline.prepare_material(topic, window, gathered, lambda _: None)
    return pipeline.draft_report(material, lambda _: None, NOW)


def posts_of(*paths: Path) -> list[Post]:
    return [
        p
        for path in paths
        for p in PostRows(path.name).parse(path.read_text(encoding="utf-8").splitlines())
    ]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_sample_report_comes_back_equal(tmp_path: Path, language: str) -> None:
    posts = [
        p for p in posts_of(ROOT / "digest/sources/sample.jsonl") if p.created_at.date() == DAY
    ]
    original = made(posts, DAY, language)
    assert original.cloud.startswith(b"\x89PNG")
    made_up = "These posts are a made-up sample." if language == "en" else "这些帖子是虚构的示例。"
    assert body(original, "twitter_ai", "").count(made_up) == 1
    found = await there_and_back(original, tmp_path)
    assert found.sections == original.sections
    assert list(found.posts) == cited_keys(original.sections), "not those of the other language"
    assert {k: p.url for k, p in found.posts.items()} == {
        k: original.posts[k].url for k in found.posts
    }


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared")
@pytest.mark.parametrize("day", ["2025-12-16"])
async def test_a_real_report_comes_back_equal(tmp_path: Path, day: str) -> None:
    posts = posts_of(*sorted((SHARED / "data" / "posts" / day).glob("*.jsonl")))
    original = made(posts, date.fromisoformat(day), "zh")
    found = await there_and_back(original, tmp_path)
    assert found.sections == original.sections
    assert list(found.posts) == list(original.posts)


POST = "---\ntitle: {title}\n---\n\n## 核心信息\n- 甲\n\n## 广告内容过滤\n无。\n"


async def test_an_unknown_topic_is_made_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    async with await Store.open(f"sqlite:///{tmp_path}/one.db") as store:
        for title in (
            "twitter_web3_20251201_20251201",
            "twitter_web3_20251202_20251202",
            "en_20251204_20251204",
            '"../evil\\nlayout: x_20251203_20251203"',
        ):
            path.write_text(POST.format(title=title), encoding="utf-8")
            await import_post(path, path.read_bytes(), TOPICS, store, replace_ours=False)
        known = {topic.name: topic.slug for topic in await store.list_topics()}
        assert known["twitter_web3"] == "twitter_web3"
        assert len(known) == 3
        assert known[f"en_{mark_of('en')}"] == "en"
        assert len(await store.list_days("twitter_web3")) == 2
        for written in await export_reports(tmp_path / "site", TOPICS, store, "", None):
            assert written.resolve().is_relative_to((tmp_path / "site").resolve())


async def test_neither_kind_overwrites_the_other_unasked(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(POST.format(title="twitter_ai_20251206_20251206"), encoding="utf-8")
    async with await Store.open(f"sqlite:///{tmp_path}/one.db") as store:
        await store.save_report(report())
        with pytest.raises(DigestError, match="--replace"):
            await import_post(path, path.read_bytes(), TOPICS, store, replace_ours=False)
        await import_post(path, path.read_bytes(), TOPICS, store, replace_ours=True)
        await import_post(path, path.read_bytes(), TOPICS, store, replace_ours=False)
        found = await store.load_report("ai", DAY, DAY)
        assert found is not None
        assert found.writer == "imported"
        assert found.section("views").title == "重要观点与见解"
        await store.save_report(report())
        assert await store.load_import("ai", DAY, DAY) == b"", "our own report has no source file"


async def test_the_picture_beside_the_post_comes_along(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(POST.format(title="twitter_ai_20251206_20251206"), encoding="utf-8")
    jpeg = b"\xff\xd8 picture"
    (tmp_path / "wordcloud_twitter_ai_20251206_20251206.jpg").write_bytes(jpeg)
    async with await Store.open(f"sqlite:///{tmp_path}/one.db") as store:
        await import_post(path, path.read_bytes(), TOPICS, store, replace_ours=False)
        assert await store.load_cloud("ai", DAY, DAY) == jpeg
        _, beside, linked = await export_reports(tmp_path / "site", TOPICS, store, "", None)
    assert beside.read_bytes() == linked.read_bytes() == jpeg
    assert linked.relative_to(tmp_path / "site").parts[:3] == ("2025", "12", "06")


async def test_nothing_to_export_says_so(tmp_path: Path) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/one.db") as store:
        with pytest.raises(DigestError, match="no such report"):
            await export_reports(tmp_path / "site", TOPICS, store, "", None)
        with pytest.raises(DigestError, match="no such report"):
            await export_reports(tmp_path / "site", TOPICS, store, "ai", None)


async def import_slug(slug: str, store: Store, folder: Path) -> Report:
    path = folder / "x.md"
    path.write_text(POST.format(title=f"{slug}_20251206_20251206"), encoding="utf-8")
    return await import_post(path, path.read_bytes(), TOPICS, store, replace_ours=True)


async def test_no_slug_takes_the_place_of_another_topic(tmp_path: Path) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/one.db") as store:
        await store.save_report(report())
        names = [(await import_slug(slug, store, tmp_path)).topic for slug in ("a_b", "A_B", "ai", "AI", "a b")]  # fmt: skip
        assert len({"ai", *names}) == 6
        assert names[0] == "a_b"
        again = [(await import_slug(slug, store, tmp_path)).topic for slug in ("A_B", "ai", "a_b")]
        assert again == [names[1], names[2], names[0]]
        found = await store.load_report("ai", DAY, DAY)
        assert found is not None
        assert found.writer != "imported", "the configured topic is untouched"


async def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    folder = tmp_path / "site" / "_posts"
    folder.mkdir(parents=True)
    name = "2025-12-06-twitter_ai_20251206_20251206.md"
    for planted in (name, f"{name}.part", f".{name}.part"):
        (folder / planted).symlink_to(victim)
    async with await Store.open(f"sqlite:///{tmp_path}/one.db") as store:
        await store.save_topic(TOPICS["ai"])
        await store.save_report(report())
        await export_reports(tmp_path / "site", TOPICS, store, "", None)
    assert victim.read_text() == "mine"
    assert not (folder / name).is_symlink()


def test_a_file_that_breaks_the_import_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOPICS_FILE", str(ROOT / "topics.toml"))

    def read(content: bytes, name: str, slug: str) -> Imported:
        if name == "bad.md":
            raise KeyError("words of a post")
        return read_post(content, name, slug)

    monkeypatch.setattr(exchange, "read_post", read)
    for name in ("bad.md", "twitter_ai_20251206.md"):
        (tmp_path / name).write_text("## 核心信息\n- 甲\n", encoding="utf-8")
    files = [str(tmp_path / name) for name in ("bad.md", "twitter_ai_20251206.md")]
    result = CliRunner().invoke(cli, ["import", *files])
    assert "bad.md: internal error (KeyError)" in result.output
    assert "twitter_ai_20251206.md: ai 2025-12-06" in result.output
    assert "words of a post" not in result.output
    assert str(result.exception) == "files not imported: 1 of 2"
