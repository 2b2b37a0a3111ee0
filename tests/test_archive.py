"""Jekyll posts out and in again: ours exactly, others whatever their headings, hostile ones harmlessly."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import ArchiveError
from digest.models import SECTIONS, Cited, Item, Language, Report, Section
from digest.publish import safe_slug, stem
from digest.publish.archive import read_post
from digest.publish.jekyll import export, write_files
from tests.costs import growth

ARCHIVE = Path(__file__).parents[2] / "shared" / "archive"
DAY = date(2025, 12, 6)
MADE = datetime(2025, 12, 7, 1, 2, 3, tzinfo=UTC)
HOSTILE = [
    "title\nlayout: evil",
    "---\npermalink: /evil/\n---",
    "{{ site.github.token }}",
    "{% include ../../_config.yml %}",
    "{{'x' | append: 'y'}}",
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[click](javascript:alert(1))",
    "![x](https://example.com/pixel.png)",
    "[ref]: https://example.com",
    "# Heading",
    "## 核心信息",
    "- list",
    "1. list",
    "1) list",
    "> quote",
    "| a | b |",
    "***",
    "---",
    "```\ncode\n```",
    "`code`",
    "~~~",
    "**bold** _em_ __x__",
    "{: .class onclick='x'}",
    "{::nomarkdown}",
    "$$ x $$",
    "[^1]",
    "[^1]: note",
    "*[abbr]: x",
    "term\n: definition",
    "\\",
    "ends with \\",
    "&lt;b&gt; &amp; &#123;",
    "../../etc/passwd",
    "..\\..\\windows",
    "/absolute",
    "C:\\con",
    "con",
    "nul.md",
    "x" * 300,
    "长" * 300,
    "\u202egnp.exe",
    "a\u200bb\u2066c",
    "z\u0301\u0302\u0303\u0304",
    "'; DROP TABLE reports; --",
    '"quoted": value',
    "- **group**：",
    "**title**：text",
    '(<a> "b")',
    "<!-- comment",
    "--> after",
    "*更新* fake",
    "@everyone #tag",
]


def report(text: str = "It scores 81.2%.", language: Language = "zh", **changes: object) -> Report:
    """A report with every kind of item, `text` in each place that posts fill."""
    keys = ("x:1", f"rss:{text}")
    items = {
        "overview": (Item("共 5 条。", status="note"), Item(text, cites=keys)),
        "points": tuple(Item(text, title=f"{text} {n}", cites=("x:1",)) for n in range(3)),
        "views": (Item(text, title=f"{text} (@ada)", cites=("x:1",)),),
        "events": (
            Item(text, group="产品", cites=keys),
            Item("two", group="产品", cites=("x:1",), status="update"),
            Item("three", group=text, cites=("x:1",)),
            Item("no group", cites=("x:1",)),
        ),
        "ai": (Item("", title=text, cites=("x:1",)),),
        "filtered": (Item(text, status="note"), Item("2 条。", status="note")),
    }
    whole = Report(
        topic="ai",
        first=DAY,
        last=DAY,
        language=language,
        writer="extractive",
        sections=tuple(Section(n, f"标题 {n}", items.get(n, ())) for n in SECTIONS),
        posts={
            "x:1": Cited("ada", "https://x.com/ada/status/1", text, MADE),
            keys[1]: Cited(text, 'https://example.com/a b(c)<d>"', text, MADE),
        },
        created_at=MADE,
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def _post(found: Report, slug: str = "twitter_ai") -> str:
    return next(iter(export(found, slug, "Asia/Shanghai", b"").values())).decode()


def _flat(found: Report) -> list[Section]:
    """Sections as a post can hold them: each text on one line."""

    def line(item: Item) -> Item:
        text, title, group = (" ".join(t.split()) for t in (item.text, item.title, item.group))
        return Item(text, title, group, tuple(" ".join(k.split()) for k in item.cites), item.status)

    return [replace(s, items=tuple(line(item) for item in s.items)) for s in found.sections]


def test_the_post_has_the_archives_form() -> None:
    files = export(report(), "twitter_ai", "Asia/Shanghai", b"jpeg")
    assert list(files) == [
        "_posts/2025-12-06-twitter_ai_20251206_20251206.md",
        "_posts/wordcloud_twitter_ai_20251206_20251206.jpg",
        "2025/12/06/wordcloud_twitter_ai_20251206_20251206.jpg",
    ]
    text = next(iter(files.values())).decode()
    assert text.startswith(
        '---\nlayout: post\ntitle: "twitter_ai_20251206_20251206"\n'
        'date: "2025-12-06 12:00:00 +0000"\nposttime: "2025-12-07 09:02:03 +0800"\n'
        'permalink: "/2025/12/06/twitter_ai_20251206_20251206.html"\n---\n\n'
        "Twitter Ai 报告 (2025-12-06 至 2025-12-06)\n\n## 简要部分\n"
    )
    assert "](wordcloud_twitter_ai_20251206_20251206.jpg)" in text
    assert '[@ada](<https://x.com/ada/status/1> "x:1")' in text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_report_comes_back_equal(language: Language) -> None:
    original = report(language=language)
    found = read_post(_post(original).encode(), "any.md")
    assert found.slug == "twitter_ai"
    assert found.report.sections == original.sections
    assert (found.report.first, found.report.last) == (DAY, DAY)
    assert (found.report.writer, found.report.language) == ("extractive", language)
    assert found.report.posts["x:1"].url == "https://x.com/ada/status/1"
    assert found.report.posts["x:1"].author == "ada"


def test_a_models_report_comes_back_with_the_posts_own_words_marked() -> None:
    def status(n: int, item: Item) -> Item:
        wanted = item.status == "extractive" and n % 2
        return replace(item, status="new") if wanted else item

    mixed = tuple(
        replace(s, items=tuple(status(n, item) for n, item in enumerate(s.items)))
        for s in report().sections
    )
    found = read_post(_post(report(writer="llm", sections=mixed)).encode(), "any.md").report
    assert found.writer == "llm"
    assert found.sections == mixed
    assert {i.status for s in mixed for i in s.items} == {"note", "new", "extractive", "update"}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_hostile_text_stays_text(text: str, language: Language) -> None:
    post = _post(report(text, language))
    matter, body = re.fullmatch(r"---\n(.*?\n)---\n(.*)", post, re.DOTALL).groups()  # type: ignore[union-attr]
    assert list(yaml.safe_load(matter)) == [
        "layout",
        "title",
        "date",
        "posttime",
        "permalink",
    ]
    assert "{" not in body
    assert not re.search(r"<(?!https?:|!-- jianbao|>)", body), "no HTML but our own comment"
    assert list(read_post(post.encode(), "x.md").report.sections) == _flat(report(text, language))


@pytest.mark.parametrize("slug", HOSTILE)
def test_hostile_topics_stay_in_the_folder(slug: str, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    paths = write_files(folder, export(report(), slug, "UTC", b"jpeg"))
    for path in paths:
        assert path.resolve().is_relative_to(folder.resolve())
        assert re.fullmatch(r"[\w.-]{1,120}", path.name, re.ASCII)
    assert yaml.safe_load(paths[0].read_text().split("---\n")[1])["layout"] == "post"
    assert {p for p in tmp_path.rglob("*") if p.is_file()} == set(paths)


def test_two_topics_never_meet_in_one_file() -> None:
    names = {stem(slug, DAY, DAY).lower() for slug in [*HOSTILE, "twitter_ai", "twitter ai"]}
    assert len(names) == len(HOSTILE) + 2
    assert safe_slug("twitter_ai") == "twitter_ai"


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=80).filter(str.strip)
)
def test_any_text_comes_back(text: str) -> None:
    found = report(text)
    back = read_post(_post(found).encode(), "x.md").report
    assert [s.name for s in back.sections] == list(SECTIONS)
    assert list(back.sections) == _flat(found)


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    files = export(report(), "twitter_ai", "UTC", b"jpeg")
    before = {p: p.stat().st_mtime_ns for p in write_files(tmp_path, files)}
    assert {p: p.stat().st_mtime_ns for p in write_files(tmp_path, files)} == before


VARIANT = """---
title: twitter_web3_20251201_20251203
date: 2025-12-03
---

# 周报

## 简要概要
### 行业趋势概述
趋势一句话。
### 核心要点
- **要点甲**：甲的内容
- 要点乙

## 详细分析
### 重要观点与见解
**张三**说了一句话。
### 关键事件
#### 一、发布
1. 事件甲
   - 细节
**影响**：很大。
### 股票与加密货币
比特币上涨。
### Web3 专项分析
#### 链上动态
TVL 上升。
### 金融市场专项分析
利率不变。
## 广告过滤
无。
## 词云
![词云](x.jpg)

---
**数据来源**：公开帖子
**统计周期**：三天
"""


def test_other_headings_are_recognised() -> None:
    found = read_post(VARIANT.encode(), "post.md")
    texts = {s.name: [i.text for i in s.items] for s in found.report.sections}
    assert found.slug == "twitter_web3"
    assert (found.report.first.day, found.report.last.day) == (1, 3)
    assert texts["overview"] == ["趋势一句话。"]
    assert texts["points"] == ["要点甲：甲的内容", "要点乙"]
    assert texts["views"] == ["张三说了一句话。"]
    assert texts["markets"] == ["比特币上涨。"]
    assert texts["finance"] == ["利率不变。"]
    assert "TVL 上升。" in texts["ai"]
    assert texts["filtered"] == ["无。"]
    assert texts["cloud"] == ["数据来源：公开帖子", "统计周期：三天", "周报"]
    assert found.report.section("points").title == "核心要点"
    assert {i.status for s in found.report.sections for i in s.items} == {"imported"}
    assert found.report.section("events").items[0].group == "一、发布"


OTHER_FORMS = """---
title: "twitter_ai_20251201_20251201"
---
# AI 行业趋势与个股总结报告

## 一、简要概要
### （一）主要话题
话题。
### （二）核心信息
- 要点
## 二、详细分析
### 📌 重要观点
观点。
### 专项分析
**人工智能相关**：
- 模型变多
**金融市场相关**：
- 利率不变
## 三、📊 词云分析
"""


def test_numbers_bold_lines_and_titles_do_not_mislead() -> None:
    found = read_post(OTHER_FORMS.encode(), "x.md").report
    texts = {s.name: [i.text for i in s.items] for s in found.sections}
    assert (texts["overview"], texts["cloud"]) == (["话题。"], ["AI 行业趋势与个股总结报告"])
    assert texts["points"] == ["要点"]
    assert texts["views"] == ["观点。"]
    assert texts["ai"] == ["模型变多"]
    assert texts["finance"] == ["利率不变"]
    assert texts["markets"] == []
    assert found.section("ai").title == "人工智能相关："


def test_one_heading_is_the_title_and_the_others_are_lines() -> None:
    content = "# AI 日报\n# 甲发布年度报告\n乙\n## 核心信息\n- 丙\n# 本周财报总结\n丁\n"
    found = read_post(content.encode(), "twitter_ai_20251206.md").report
    texts = [item.text for section in found.sections for item in section.items]
    assert texts == ["甲发布年度报告", "乙", "丙", "丁", "本周财报总结", "AI 日报"]


def test_headings_about_assets_and_filters_are_none_of_ours() -> None:
    content = "## 核心资讯\n- 甲\n## 事件\n- 乙\n## 核心资产\n- 丙\n## Filters in the API\n- 丁\n"
    found = read_post(f"{content}## Ad filtering\n- 戊\n".encode(), "twitter_ai_20251206.md").report
    texts = {s.name: [i.text for i in s.items] for s in found.sections}
    assert texts["points"] == ["甲"]
    assert {"丙", "丁"} <= set(texts["events"])
    assert texts["filtered"] == ["戊"]


@pytest.mark.parametrize(
    "name", ["2025-12-06-twitter_ai_20251206_20251206.md", "twitter_ai_20251206.txt"]
)
def test_days_come_from_the_file_name_where_there_is_no_title(name: str) -> None:
    found = read_post("## 核心信息\n- 甲\n".encode(), name)
    assert (found.slug, found.report.first, found.report.last) == ("twitter_ai", DAY, DAY)


def test_links_of_other_posts_are_their_sources() -> None:
    lines = (
        "1. **比亚迪推出新车** 续航700公里。（[@byd](https://x.com/byd/status/1)，"
        '[@ev](<https://x.com/ev/status/2> "x"))',
        "2. 据 [The Verge](https://verge.example/a?f[0]=x) 报道 ![图](cloud.png)，召回。",
        "3. [安全说明](#notes) 不变。",
    )
    found = read_post("\n".join(["## 核心信息", *lines]).encode(), "twitter_ev_20251206.md").report
    items = found.section("points").items
    assert [item.text for item in items] == [
        "比亚迪推出新车 续航700公里。",
        "据 The Verge 报道 图，召回。",
        "安全说明 不变。",
    ]
    keys = items[0].cites + items[1].cites
    assert (keys[:2], items[2].cites) == (("x:1", "x:2"), ())
    shown = [(found.posts[key].author, found.posts[key].url) for key in keys]
    assert shown[0] == ("byd", "https://x.com/byd/status/1")
    assert shown[2] == ("The Verge", "https://verge.example/a?f[0]=x")


def test_a_post_with_a_day_alone_takes_the_topic_that_is_named() -> None:
    content = "---\ntitle: EV news\n---\n## 核心信息\n- 甲\n".encode()
    found = read_post(content, "2025-12-06-news.md", "twitter_ev")
    assert (found.slug, found.report.first, found.report.last) == ("twitter_ev", DAY, DAY)
    dated = content.replace(b"EV news", b"EV news\ndate: 2025-12-06 12:00:00 +0800")
    assert read_post(dated, "news.md", "twitter_ev").report.first == DAY
    for name, slug in (("2025-12-06-news.md", ""), ("news.md", "twitter_ev")):
        with pytest.raises(ArchiveError, match="add --topic"):
            read_post(content, name, slug)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"just text", "write them like"),
        (b"---\ntitle: twitter_ai_20259999_20259999\n---\n", "write them like"),
        (b"---\ntitle: twitter_ai_99991201_99991231\n---\n", "write them like"),
        (b"---\ntitle: twitter_ai_20200101_20251206\n---\n", "write them like"),
        (b"---\ntitle: [\n---\n", "not valid YAML"),
        (b"x" * 6_000_000, "larger"),
        (b"", "write them like"),
    ],
)
def test_what_is_no_report_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ArchiveError, match=problem):
        read_post(content, "notes.md")


@pytest.mark.skipif(not ARCHIVE.is_dir(), reason="needs ../shared/archive")
def test_the_customers_own_posts_lose_no_line() -> None:
    names = sorted(ARCHIVE.iterdir())
    assert names
    for path in names:
        content = path.read_bytes()
        found = read_post(content, path.name)
        served = [
            t
            for s in found.report.sections
            for t in (s.title, *(x for i in s.items for x in (i.group, i.text)))
        ]
        everything = "\n".join(_bare(text) for text in served)
        lines = content.decode().split("---\n", 2)[2].splitlines()
        for line in (line for line in lines if line.strip() and not re.match(r"---|!\[", line)):
            container = re.match(r"#+ (?:简要|详细|专项)", line)
            assert container or _bare(line) in everything, line
        assert "报告" not in found.report.section("overview").items[0].text
        for name in ("overview", "points", "views", "events", "markets", "ai", "finance"):
            assert found.report.section(name).items, f"{path.name}: {name}"
        assert len(found.report.section("points").items) == 10
        exported = export(found.report, found.slug, "UTC", b"", content)
        assert list(exported.values()) == [content]


def _bare(line: str) -> str:
    """A line without Markdown marks and spaces."""
    return re.sub(r"[\s*`]", "", re.sub(r"^\s*(?:#+\s+)?(?:(?:[-*]|\d+\.)\s+)?", "", line))


def test_points_and_what_follows_them_are_told_apart() -> None:
    post = "---\ntitle: ev_20251120_20251120\n---\n## 今日要点\n1. 换电站破三千座。\n## 其他\n- 降价。\n"
    read = read_post(post.encode(), "ev.md").report
    assert [(item.group, item.text) for item in read.section("points").items] == [
        ("", "换电站破三千座。"),
        ("其他", "降价。"),
    ]
    assert not read.section("overview").items


@pytest.mark.parametrize(
    "line",
    ["title: !!bool foo", "date: !!timestamp foo", "x: !!int ''", "a: &a [1]\nb: *a", "[" * 3_000],
)
def test_front_matter_that_is_no_yaml_is_one_clear_error(line: str) -> None:
    with pytest.raises(ArchiveError, match="is not valid YAML"):
        read_post(f"---\n{line}\n---\n## 核心信息\n- 甲\n".encode(), "a_20251206.md")


def test_moments_and_numbers_that_cannot_be_are_passed_over() -> None:
    head = '---\nposttime: "0001-01-01 00:00:00 +1400"\n---\n## 核心信息\n- 甲\n'
    found = read_post(
        f"{head}<!-- jianbao zh llm points:{'1' * 5_000} -->".encode(), "a_20251206.md"
    )
    assert found.report.created_at is None


@pytest.mark.parametrize("piece", ["[", "[a]("])
def test_time_of_links_grows_with_the_length_of_a_line(piece: str) -> None:
    def read(text: str) -> None:
        read_post(f"## 核心信息\n{text}!".encode(), "a_20251206.md")

    assert growth(read, piece, 40_000 if piece == "[" else 8_000) < 12


@pytest.mark.parametrize("piece", [" ", "#", " #"])
def test_time_of_headings_grows_with_the_length_of_a_line(piece: str) -> None:
    def read(text: str) -> None:
        read_post(f"## 核心信息\n- 甲\n# x{text}!".encode(), "a_20251206.md")

    assert growth(read, piece, 24_000) < 12


@pytest.mark.parametrize(
    ("line", "words"),
    [("其他 ##", "其他"), ("其他#", "其他"), ("其他 # ", "其他 #"), ("C# #", "C#")],
)
def test_marks_that_close_a_heading_are_none_of_its_words(line: str, words: str) -> None:
    post = f"## 核心信息\n- 甲\n### {line}\n- 乙\n".encode()
    [_, item] = read_post(post, "a_20251206.md").report.section("points").items
    assert item.group == words
