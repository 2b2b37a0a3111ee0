"""Post files: the good lines are used, each bad one is named."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.errors import SourceError
from digest.models import SourceSpec, SourceState, Window
from digest.sources import kinds, open_source
from digest.sources.jsonl import FileSource, parse_row
from tests.posts import WINDOW

GOOD = {
    "id": "1",
    "source": "x",
    "author": "@ada",
    "author_name": None,
    "text": "A model",
    "created_at": "2025-12-06T08:00:00+08:00",
    "url": "https://example.com/1",
    "lang": None,
    "metrics": {"likes": 3, "views": None, "odd": 1},
    "links": ["https://example.com/a", 5],
}


def test_a_line_becomes_a_post() -> None:
    post = parse_row(json.dumps(GOOD))
    assert post.key == "x:1"
    assert post.author == "ada"
    assert post.author_name == ""
    assert post.created_at.isoformat() == "2025-12-06T00:00:00+00:00"
    assert post.metrics == {"likes": 3}
    assert post.links == ("https://example.com/a",)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"text": None}, '"text" is empty'),
        ({"id": " "}, '"id" is empty'),
        ({"id": "\0"}, '"id" is empty'),
        ({"source": "\ud83d"}, '"source" is empty'),
        ({"created_at": "Sat Dec 06 08:00:00 2025"}, '"created_at"'),
        ({"created_at": "2025-12-06T08:00:00"}, "no time zone"),
        ({"created_at": "yesterday"}, '"created_at"'),
        ({"created_at": 1e300}, '"created_at"'),
        ({"created_at": "0001-01-01T00:00:00Z"}, "year 1"),
        ({"id": "1" * 300}, "longer than"),
        ({"text": ["a"]}, '"text"'),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_row(json.dumps({**GOOD, **change}))


@pytest.mark.parametrize(
    "said",
    [
        "Sat Dec 06 08:00:00 +0000 2025",
        "Sat, 06 Dec 2025 08:00:00 GMT",
        " 2025-12-06 08:00:00 UTC",
        "20251206T080000Z",
        "2025/12/06 16:00:00 +0800",
        1765008000,
    ],
)
def test_times_in_the_forms_of_services_are_read(said: object) -> None:
    post = parse_row(json.dumps({**GOOD, "created_at": said}))
    assert post.created_at == datetime(2025, 12, 6, 8, tzinfo=UTC)


@pytest.mark.parametrize("form", ["\ufeff{}", "\x1e{}", "{},"])
def test_lines_of_files_that_were_put_together_are_read(form: str) -> None:
    line = json.dumps({**GOOD, "source": "x\0\ud83d", "text": "a-b"}).replace("a-b", "a\tb")
    post = parse_row(form.replace("{}", line))
    assert (post.source, post.text) == ("x", "a\tb")


@pytest.mark.parametrize("line", ["{", "[]", '"text"', "[" * 100_000, "\x00"])
def test_what_is_no_object_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not"):
        parse_row(line)


def test_names_are_shown_as_they_read() -> None:
    name = "\u202eada\u202c\n## News\u200b" + "!" * 300
    post = parse_row(json.dumps(GOOD | {"author_name": name, "author": name}))
    assert post.author_name == post.author == f"ada ## News{'!' * 89}"


def test_an_address_that_is_no_link_is_left_out() -> None:
    assert parse_row(json.dumps({**GOOD, "url": "javascript:alert(1)"})).url == ""


async def test_bad_lines_are_logged_with_their_number(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "day.jsonl"
    path.write_bytes(
        b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\n{broken\n\n" + b'{"id": "2"}\n\xff\xfe\n'
    )
    posts, _ = await FileSource(path).fetch(WINDOW, SourceState())
    assert [post.id for post in posts] == ["1"]
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(": ")[0] for line in lines] == ["day.jsonl:2", "day.jsonl:4", "day.jsonl:5"]
    assert '"source" is missing' in lines[1]


async def test_gzip_is_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(GOOD).encode()))
    source = FileSource(path)
    assert source.name == "day"
    posts, _ = await source.fetch(WINDOW, SourceState())
    assert [post.id for post in posts] == ["1"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gbk", "实验室今天发布了新的人工智能模型"),
        ("cp932", "研究所が新しいモデルを公開しました"),
        ("euc_jp", "研究所が新しいモデルを公開しました"),
        ("euc_kr", "연구소가 새로운 모델을 공개했습니다"),
    ],
)
async def test_letters_tell_the_encoding(tmp_path: Path, encoding: str, text: str) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(json.dumps([GOOD | {"text": text}], ensure_ascii=False), encoding)
    [post] = (await FileSource(path).fetch(WINDOW, SourceState()))[0]
    assert post.text == text


@pytest.mark.parametrize("name", ["none.jsonl", "broken.jsonl.gz", "."])
async def test_a_file_that_cannot_be_read_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.jsonl.gz").write_bytes(gzip.compress(b"{}" * 5000)[:30])
    with pytest.raises(SourceError, match=r"no such file|cannot be read"):
        await FileSource(tmp_path / name).fetch(WINDOW, SourceState())


@pytest.mark.parametrize("kind", ["gzip", "array"])
async def test_what_precedes_a_break_is_used(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "day.jsonl"
    rows = [json.dumps({**GOOD, "id": str(n), "text": f"{n * 7919} said"}) for n in range(500)]
    if kind == "gzip":
        whole = gzip.compress("\n".join(rows).encode())
        path.write_bytes(whole[: len(whole) // 2])
    else:
        path.write_text(f"[{','.join(rows[:200])},{rows[200][:40]}")
    posts, _ = await FileSource(path).fetch(WINDOW, SourceState())
    assert [post.id for post in posts] == [str(n) for n in range(len(posts))]
    assert len(posts) == 200 if kind == "array" else len(posts) > 100
    assert f"only its first {len(posts)} posts are used" in caplog.text


def test_sources_are_found_by_their_place() -> None:
    assert {"jsonl", "sample"} <= set(kinds())
    with pytest.raises(SourceError, match="kinds: "):
        open_source(SourceSpec("carrier-pigeon"))


async def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    """A round every five minutes goes through it only then."""
    today = datetime.now(UTC).date()
    path, window = tmp_path / "a.jsonl", Window(today, today, "UTC")
    line = json.dumps(GOOD) + "\n"
    path.write_text(line)
    source = FileSource(path)
    posts, state = await source.fetch(window, SourceState())
    again, same = await source.fetch(window, state)
    assert (len(posts), again, same) == (1, (), state)
    old, _ = await source.fetch(WINDOW, state)
    assert old == posts, "the store may have let go what is older"
    path.write_text(line + json.dumps(GOOD | {"id": "2"}))
    posts, _ = await source.fetch(window, state)
    assert len(posts) == 2
