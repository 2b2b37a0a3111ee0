"""What a chat gets of a report: every option of a subscription, delivered and read."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest

from bot.compose import (
    MARK,
    ReportView,
    compose,
    compose_digest,
    folded,
    links_of,
    report_blocks,
    section_blocks,
)
from bot.messages import Foldable, Heading, ListItem, Paragraph, Picture, Reply
from bot.platforms.telegram.entities import message, sheets
from bot.rich import cells
from digest.models import (
    BRIEF,
    SECTIONS,
    Chat,
    Cited,
    Counts,
    Item,
    Language,
    Report,
    Section,
    Subscription,
)
from digest.store import Store
from tests.hosts import context, fill
from tests.posts import TOPIC
from tests.samples import DAY, WHEN, report

HAN = range(0x4E00, 0x9FFF)
DIGEST = Subscription(Chat("telegram", "1"), "ai", time(8), "UTC")
OVERVIEW = (Item("Meridian 3.2 led the day.", cites=("x:1",)), Item("讨论最多。", status="note"))


async def digest(folder: Path, stored: Report, **options: object) -> Reply:
    async with await Store.open(f"sqlite:///{folder}/bot.db") as store:
        await fill(store, stored)
        subscription = replace(DIGEST, **options)  # type: ignore[arg-type]
        return await compose_digest(context(store, folder), stored, subscription)


def own_words(reply: Reply) -> str:
    """Headings, notes and buttons: what is not taken from posts."""
    words = [b.text for b in reply.blocks if isinstance(b, Heading | Paragraph)]
    return "\n".join([*words, *(b.label for group in reply.buttons for b in group)])


def points(reply: Reply) -> list[ListItem]:
    return [b for b in reply.blocks if isinstance(b, ListItem) and b.number]


def headings(reply: Reply) -> list[str]:
    return [b.text for b in reply.blocks if isinstance(b, Heading) and b.level == 2]


async def test_a_digest_is_news_first_and_counts_last(tmp_path: Path) -> None:
    reply = await digest(tmp_path, report(DAY, overview=OVERVIEW))
    kinds = [type(block).__name__ for block in reply.blocks]
    assert kinds[:3] == ["Heading", "Heading", "ListItem"], "title, then the first sentence"
    assert kinds[-2:] == ["Picture", "Paragraph"]
    assert isinstance(reply.blocks[-1], Paragraph)
    assert reply.blocks[-1].text.startswith("读了 5 条帖子：去掉广告 1 条，归纳为 2 件事。"), (
        "no zeros"
    )
    assert reply.manner == "post"


@pytest.mark.parametrize(("language", "han"), [("en", False), ("zh", True), (None, True)])
async def test_the_bot_s_own_words_are_in_the_chat_s_language(
    tmp_path: Path, language: Language | None, han: bool
) -> None:
    made = report(DAY, overview=OVERVIEW)
    reply = await digest(tmp_path, made, language=language, sections=SECTIONS)
    assert any(ord(char) in HAN for char in own_words(reply)) is han
    assert len(points(reply)) == 2, "the sentences of posts stay as they are"


async def test_a_report_that_exists_in_the_chat_s_language_comes_in_it(tmp_path: Path) -> None:
    english = tuple(
        Section(name, f"Title {name}", (Item(f"English {name}.", cites=("x:1",)),))
        for name in SECTIONS
    )
    made = replace(report(DAY), renderings={"en": english})
    reply = await digest(tmp_path, made, language="en", length="detail")
    assert headings(reply) == [f"Title {name}" for name in SECTIONS]
    said = [b.text for b in reply.blocks if isinstance(b, ListItem)]
    assert said == [f"English {name}." for name in SECTIONS]


async def test_a_report_made_before_its_day_was_over_says_so_in_every_view(tmp_path: Path) -> None:
    early = replace(report(DAY), created_at=WHEN)
    async with await Store.open(f"sqlite:///{tmp_path}/bot.db") as store:
        await fill(store, early)
        for made, is_told in ((early, True), (report(DAY), False)):
            reply = await compose(context(store, tmp_path), made, ReportView("zh", SECTIONS))
            assert ("在当天结束之前生成" in own_words(reply)) is is_told


async def test_no_button_leads_to_an_empty_section(tmp_path: Path) -> None:
    reply = await digest(tmp_path, report(DAY, markets=(Item("没有行情。", status="note"),)))
    assert [button.line.split()[0] for button in reply.buttons[0]] == [
        *("/views", "/sources", "/detail", "/report")
    ]


async def test_sections_and_length(tmp_path: Path) -> None:
    made = report(DAY, overview=OVERVIEW)
    brief = await digest(tmp_path, made)
    assert headings(brief) == [f"标题{name}" for name in BRIEF]
    whole = await digest(tmp_path, made, length="detail")
    assert headings(whole) == [f"标题{name}" for name in SECTIONS]
    some = await digest(tmp_path, made, sections=("views", "points"))
    assert headings(some) == ["标题points", "标题views"]
    titles = [own_words(one).split("\n")[0].split(" · ")[2:] for one in (brief, some, whole)]
    assert titles == [["简报"], [], ["完整报告"]]
    pictured = await digest(tmp_path, made, sections=("points", "cloud"))
    shown = [any(isinstance(b, Picture) for b in one.blocks) for one in (brief, some, pictured)]
    assert shown == [True, False, True], "the cloud brings the picture"


async def test_a_follow_up_is_marked_before_its_title(tmp_path: Path) -> None:
    made = report(DAY)
    post = replace(made.posts["x:1"], earlier="2025-12-04")
    told = Item("It is open.", "Butler ships", cites=("x:1",), status="update")
    made = replace(report(DAY, points=(told,)), posts={**made.posts, "x:1": post})
    (point,) = points(await digest(tmp_path, made, language="en"))
    assert (point.title, point.text) == ("[Follow-up to 2025-12-04] Butler ships", "It is open.")


async def test_a_note_on_the_filter_is_shown_rather_than_denied(tmp_path: Path) -> None:
    made = replace(report(DAY), counts=Counts())
    reply = await digest(tmp_path, made, language="en", sections=("filtered",))
    assert "广告与推广：1 条。" in own_words(reply)
    assert "There is nothing" not in own_words(reply)


async def test_keywords_lead_and_hide_but_numbers_stay(tmp_path: Path) -> None:
    first, second = points(await digest(tmp_path, report(DAY), highlight=("融资",)))
    assert (first.number, second.number) == (2, 1)
    assert first.text.startswith(MARK)
    (left,) = points(await digest(tmp_path, report(DAY), without=("meridian",)))
    assert left.number == 2, "/sources 2 asks for it"
    made = report(DAY, overview=(Item("Meridian is out.", cites=("x:1",)),))
    hidden = own_words(await digest(tmp_path, made, without=("meridian",)))
    assert "概述" not in hidden, "an overview of which nothing is left"


@pytest.mark.parametrize(
    ("keyword", "text", "found"),
    [
        ("eth", "Ethan says that a method is whether", False),
        ("rag", "Storage and leverage", False),
        ("5090", "It cost $50,900 or 50900", False),
        ("c++", "Citigroup rises", False),
        ("eth", "以太坊升级", True),
        ("NVDA", "Nvidia buys $5B in Intel stock", True),
        ("英伟达", "Nvidia buys $5B in Intel stock", True),
        ("$nvda", "英伟达入股", True),
        ("qwen", "Qwen3-VL is out", True),
        ("5090", "RTX5090在售", True),
        ("agent", "Agents in code", True),
        ("c++", "A C++ compiler", True),
        ("融资", "完成融资。", True),
    ],
)
def test_a_keyword_is_a_whole_word_under_any_spelling(keyword: str, text: str, found: bool) -> None:
    made = report(DAY, points=(Item(text, cites=("x:1",)),))
    blocks = section_blocks(TOPIC, made, "points", ReportView("en", without=(keyword,)))
    assert any(isinstance(block, ListItem) for block in blocks) is not found


@pytest.mark.parametrize("letter", ["字", "word "])
async def test_ten_points_are_two_messages_and_begin_on_the_first_screen(
    tmp_path: Path, letter: str
) -> None:
    text = (letter * 300)[: 80 if letter == "字" else 240]
    many = tuple(Item(f"{n} {text}.", f"Title {n}", cites=("x:1",)) for n in range(10))
    overview = (Item((letter * 300)[: 200 if letter == "字" else 400], cites=("x:1",)),)
    reply = await digest(tmp_path, report(DAY, overview=overview, points=many))
    sent = sheets(reply)
    assert len(sent) <= 2
    assert sent[0].picture is None
    lines, rows = ["".join(run.text for run in line) for line in sent[0].lines], 0
    for line in lines:
        if "Title 0" in line:
            break
        rows += max(1, -(-cells(line) // 36))
    assert rows < 28


def test_a_long_section_is_folded_behind_its_beginning() -> None:
    views = tuple(Item("A long view. " * 12, f"Ada {n}", cites=("x:1",)) for n in range(12))
    made = report(DAY, views=views)
    blocks = section_blocks(TOPIC, made, "views", ReportView("zh"))
    flags = [block.folded for block in blocks if isinstance(block, ListItem)]
    assert flags == sorted(flags)
    assert flags.count(False) in (3, 4)
    (sheet,) = sheets(Reply(tuple(blocks), "zh"))
    text, entities = message(sheet.lines)
    (quote,) = (e for e in entities if e.type == "expandable_blockquote")
    folded_text = text.encode("utf-16-le")[2 * quote.offset : 2 * (quote.offset + quote.length)]
    assert folded_text.decode("utf-16-le").startswith("• Ada ")
    assert quote.offset + quote.length <= len(text.encode("utf-16-le")) // 2
    assert len(sheets(Reply(tuple(blocks), "zh"))) == 1, "the whole section is one message"


def test_short_sections_and_the_brief_are_not_folded() -> None:
    made = report(DAY)
    blocks = report_blocks(TOPIC, made, ReportView("zh", SECTIONS), "report")
    short = [block for block in blocks[:4] if isinstance(block, Foldable)]
    assert len(short) == 4
    assert folded(short) == short
    assert not any(getattr(block, "folded", False) for block in blocks)


def test_an_author_is_named_once_with_numbers_for_further_posts() -> None:
    authors = {"x:1": "ada", "x:2": "bo", "x:3": "ada", "x:4": "bo", "x:5": "ada"}
    posts = {key: Cited(author, f"https://x/{key}", "", None) for key, author in authors.items()}
    links = links_of(posts, Item("Two share five works.", cites=tuple(posts)))
    assert [link.label for link in links] == ["@ada", "2", "3", "@bo", "2"]
    assert [link.url[-1] for link in links] == list("13524")
