"""The report as JSON and as Markdown."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from digest.models import SECTIONS, Cited, Counts, Item, Report, Section, SourceResult
from digest.publish import as_dict
from digest.publish.jekyll import body, escape_line
from digest.publish.layout import list_cited
from digest.publish.site import Site
from digest.store import Store
from tests.posts import TOPIC

ITEM = Item("It scores 81%.", title="Meridian 3 is out", cites=("x:1", "hn:2"))
REPORT = Report(
    topic="ai",
    first=date(2025, 12, 6),
    last=date(2025, 12, 6),
    language="en",
    writer="extractive",
    sections=tuple(
        Section(
            name, name.title(), (ITEM,) if name == "points" else (Item("Nothing.", status="note"),)
        )
        for name in SECTIONS
    ),
    counts=Counts(collected=5, ads=1),
    sources=(SourceResult("x_list", 4), SourceResult("hn", 0, ok=False, note="no answer")),
    posts={
        "x:1": Cited(
            "ada", "https://x.com/ada/status/1", "It scores 81%.", datetime(2025, 12, 6, tzinfo=UTC)
        ),
        "hn:2": Cited("bob", "", "A headline", datetime(2025, 12, 6, tzinfo=UTC)),
    },
    wordcounts={"Meridian": 2},
)


async def test_an_archive_without_reports_says_so(tmp_path: Path) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/site.db") as store:
        page = await Site(store, {"ai": TOPIC}, "https://digest.example").make_page("en")
    assert "There are no reports yet." in page.body.decode()


async def test_the_page_of_a_day_that_was_not_over_says_so(tmp_path: Path) -> None:
    async with await Store.open(f"sqlite:///{tmp_path}/site.db") as store:
        for hour, is_told in ((20, True), (30, False)):
            made_at = datetime(2025, 12, 6, tzinfo=UTC) + timedelta(hours=hour)
            await store.save_report(replace(REPORT, created_at=made_at))
            page = await Site(store, {"ai": TOPIC}, "https://digest.example").make_page(
                "en/ai/2025-12-06"
            )
            assert ("before the day was over" in page.body.decode()) is is_told


def test_the_contract_has_its_keys_and_nothing_else() -> None:
    data = json.loads(json.dumps(as_dict(REPORT, Path("cloud.png"))))
    assert list(data) == [
        *("topic", "from", "to", "language", "writer", "sections", "counts", "sources", "cost"),
        *("posts", "cloud", "wordcounts"),
    ]
    assert list(data["counts"]) == [
        *("collected", "outside", "ads", "offtopic", "duplicates", "stories", "unproved")
    ]
    assert [s["name"] for s in data["sections"]] == list(SECTIONS)
    assert data["sections"][1]["items"] == [
        {
            "group": "",
            "title": "Meridian 3 is out",
            "text": "It scores 81%.",
            "cites": ["x:1", "hn:2"],
            "status": "extractive",
        }
    ]
    assert data["sources"][1] == {"name": "hn", "posts": 0, "ok": False, "note": "no answer"}
    assert data["posts"]["x:1"]["created_at"] == "2025-12-06T00:00:00+00:00"
    assert as_dict(REPORT, None)["cloud"] is None


def test_markdown_links_each_item_to_its_posts() -> None:
    text = body(REPORT, "twitter_ai", "cloud.png")
    ada = r'[@ada](<https://x.com/ada/status/1> "x:1")'
    assert f'1. **Meridian 3 is out**: It scores 81%. ({ada}, [@bob](<> "hn:2"))' in text
    assert all(f"# {section.title}\n" in text for section in REPORT.sections)
    assert "![Cloud](cloud.png)" in text


@pytest.mark.parametrize(
    ("key", "author", "label"),
    [
        ("x:1", "ada", "@ada"),
        ("hn:2", "bob", "@bob"),
        ("rss:blog.example/2", "电车日报", "电车日报"),
        ("rss:blog.example/2", "", "rss:blog.example/2"),
        ("youtube:v1", "Northlight", "Northlight"),
        ("reddit:1", "r/singularity", "r/singularity"),
        ("weibo:3", "Ada Lin", "Ada Lin"),
    ],
)
def test_only_handles_have_an_at_sign(key: str, author: str, label: str) -> None:
    item = Item("It is out.", cites=(key,))
    posts = {key: Cited(author, "https://blog.example/2", "It is out.", None)}
    sections = (replace(s, items=(item,)) for s in REPORT.sections)
    report = replace(REPORT, sections=tuple(sections), posts=posts)
    assert f"([{label}](<https://blog.example/2>" in body(report, "t", "").replace("\\", "")
    assert [author for author, _ in list_cited(item, posts)] == [label]


def test_a_note_is_a_paragraph_of_its_own() -> None:
    items = (*REPORT.sections[1].items, Item("A quiet day.", status="note"))
    sections = (replace(s, items=items) for s in REPORT.sections)
    text = body(replace(REPORT, sections=tuple(sections)), "t", "")
    assert '"hn:2"))\n\nA quiet day.\n\n## ' in text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("[x](javascript:alert(1))", r"\[x\](javascript:alert(1))"),
        ("# not a heading", r"\# not a heading"),
        ("- not a list", r"\- not a list"),
        ("1. not a list", r"1\. not a list"),
        ("<b>**bold**</b>", r"&lt;b&gt;\*\*bold\*\*&lt;/b&gt;"),
        ("two\nlines", "two lines"),
    ],
)
def test_markup_of_posts_is_shown_as_text(hostile: str, shown: str) -> None:
    assert escape_line(hostile) == shown


def test_an_address_cannot_leave_its_link() -> None:
    post = replace(REPORT.posts["x:1"], url="https://e.com/a)b(c> d")
    text = body(replace(REPORT, posts={"x:1": post}), "t", "")
    assert '(<https://e.com/a%29b%28c%3E%20d> "x:1")' in text
