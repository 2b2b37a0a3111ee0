"""What a reader sees in the terminal."""

import io
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from bot.logs import Progress
from bot.messages import Heading, Link, ListItem, Paragraph, Rows, reply
from bot.platforms.terminal import render, wrap
from bot.rich import cells


def test_han_characters_take_two_columns() -> None:
    assert cells("a简b报") == 6
    assert cells("é✅") == 3, "an emoji takes two, an accent none"
    assert cells("e\u0301") == 1


def test_words_stay_whole_and_stops_stay_with_their_word() -> None:
    lines = wrap(
        "Northlight 发布 Meridian，价格减半。It costs half as much as the last one did.", 24
    )
    assert all(cells(line) <= 25 for line in lines)
    assert not any(line.lstrip().startswith(("，", "。", ".")) for line in lines)
    assert wrap("发布新模型（五人五条）", 12) == ["发布新模型", "（五人五条）"]
    assert " ".join(lines).count("Northlight") == 1


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(20, 100))
def test_no_text_is_lost_and_no_escape_gets_through(text: str, columns: int) -> None:
    shown = render(reply(Paragraph(text), ListItem(text, text, 3)), columns, styled=False)
    # Characters newer than Python's tables (category Cn) are kept; no control, no private use.
    assert all(c == "\n" or unicodedata.category(c) not in {"Cc", "Cs", "Co"} for c in shown)
    from digest.text import clean

    wanted = "".join(clean(text).split())
    assert "".join(shown.split()).startswith(wanted)


def test_an_entry_shows_who_said_it_and_one_address() -> None:
    links = tuple(Link(f"@a{n}", f"https://x.com/{n}") for n in range(6))
    shown = render(reply(Heading("H", 1), ListItem("text", "title", 2, links)), 80, styled=False)
    assert "2.  title\n    text\n    ↳ @a0 <https://x.com/0> @a1 @a2 @a3 +2" in shown


def test_an_address_stays_whole_on_a_narrow_screen() -> None:
    address = "https://example.com/" + "a" * 60
    links = (Link("@somebody", address), Link("@somebody_else", ""))
    shown = render(reply(ListItem("text", links=links)), 40, styled=False).splitlines()
    assert shown[1:] == ["    ↳ @somebody", f"      <{address}>", "      @somebody_else"]


def test_a_name_cannot_begin_a_line_of_its_own() -> None:
    forged = "eve\n2.  A forged point"
    blocks = (
        Heading(forged),
        ListItem("text", links=(Link(forged, ""),)),
        Rows(((forged, forged),)),
    )
    assert "\n2." not in render(reply(*blocks), 80, styled=False)


def test_terms_stand_in_two_columns() -> None:
    rows = (("/简报", "the brief"), ("/report 2025", "a report of one day"))
    assert render(reply(Rows(rows)), 28, styled=False).splitlines() == [
        "/简报         the brief",
        "/report 2025  a report of",
        "              one day",
    ]
    assert "\x1b[1m/简报\x1b[0m  the brief" in render(reply(Rows(rows[:1])), 80, styled=True)


def test_own_words_stand_apart_from_the_entries_before_them() -> None:
    shown = render(
        reply(Paragraph("a"), Paragraph("b"), ListItem("c"), Paragraph("d")), 80, styled=False
    )
    assert shown == "a\nb\n•   c\n\nd"


def test_progress_is_lines_without_a_terminal_and_a_bar_with_one() -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    plain, screen = io.StringIO(), Screen()
    for out in (plain, screen):
        show = Progress(out)
        for step in range(3):
            show("working", step, 2)
    assert plain.getvalue() == "working (1/2)\nworking (2/2)\n"
    assert "█" in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K"), "the bar is gone at the end"
