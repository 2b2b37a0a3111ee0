"""The picture: the same for the same words, with every glyph, whatever the words are."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from PIL import Image, ImageChops
from wordcloud import WordCloud

from digest import cloud
from digest.cloud import BACKGROUND, EDGE, drawable, font_check, font_path, has_glyph, render
from digest.errors import CloudError

WORDS = {f"word{n}": 100 - n for n in range(60)} | {
    "人工智能": 90,
    "Claude Opus 4.5": 80,
    "大模型": 70,
}
HOSTILE = {
    "new\nline": 5,
    "x" * 10_000: 5,
    "z" + "\u0301" * 40: 5,
    "\u202egnp.exe": 5,
    "👩‍👩‍👧": 5,
    "": 5,
    "  ": 5,
    "\ud800": 5,
    "\x00": 5,
    "zero": 0,
    "minus": -3,
    "nan": float("nan"),
    "inf": float("inf"),
    "huge": 10**400,
    "<b>": 5,
    "ꦱꦮꦫ": 5,
    "good": 4,
}


def test_a_crisp_picture_of_the_promised_size() -> None:
    png = render(WORDS)
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.size) == ("PNG", (1600, 900))
    assert len(image.convert("RGB").getcolors(1_000_000) or []) > 20


def test_the_words_keep_off_the_edge() -> None:
    image = Image.open(io.BytesIO(render(WORDS))).convert("RGB")
    inside = ImageChops.difference(image, Image.new("RGB", image.size, BACKGROUND)).getbbox()
    assert inside is not None
    left, top, right, bottom = inside
    assert min(left, top, 1600 - right, 900 - bottom) >= EDGE


def test_a_hundred_words_find_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    draw: Callable[[WordCloud], Image.Image] = WordCloud.to_image

    def counting(cloud: WordCloud) -> Image.Image:
        drawn.append(len(cloud.layout_))
        return draw(cloud)

    monkeypatch.setattr(WordCloud, "to_image", counting)
    render({f"人工智能{n}" if n % 4 == 0 else f"Northlight {n}": 120 - n for n in range(100)})
    assert drawn == [100]


def test_the_same_words_give_the_same_bytes() -> None:
    assert render(WORDS) == render(dict(reversed(WORDS.items())))


def test_hostile_words_are_cleaned_or_left_out() -> None:
    words = drawable(HOSTILE)  # type: ignore[arg-type]
    assert "good" in words
    assert "new line" in words
    assert not {"zero", "minus", "nan", "inf", "huge", "", "ꦱꦮꦫ"} & set(words)
    assert all(len(word) <= 32 for word in words)
    render(HOSTILE)  # type: ignore[arg-type]


def test_every_drawn_character_has_a_glyph() -> None:
    with TTFont(font_path(), fontNumber=0) as font:
        known = set(font.getBestCmap())
    for word in drawable(HOSTILE | WORDS):  # type: ignore[arg-type]
        assert {ord(c) for c in word if c != " "} <= known
    some = [*range(33, 0x600), *range(0x4E00, 0x4E80), *range(0x1F600, 0x1F640)]
    assert [c for c in some if has_glyph(chr(c)) != (c in known)] == []


@pytest.mark.parametrize("words", [{}, {"👩": 3}, {"": 1}])
def test_nothing_to_draw_says_so(words: dict[str, int]) -> None:
    with pytest.raises(CloudError):
        render(words)


def test_one_word_is_a_picture() -> None:
    assert render({"模型": 1}).startswith(b"\x89PNG")


def test_the_font_has_han_characters() -> None:
    assert "characters" in font_check()


def test_without_the_font_package_the_systems_fonts_are_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = font_path()
    font_path.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "pylopdf_fonts_zh_cn", None)
    try:
        monkeypatch.setattr(cloud, "_SYSTEM_FONTS", (str(tmp_path / "none.otf"), str(own)))
        assert font_path() == own
        font_path.cache_clear()
        monkeypatch.setattr(cloud, "_SYSTEM_FONTS", (str(tmp_path / "none.otf"),))
        with pytest.raises(CloudError, match="no font"):
            font_path()
    finally:
        font_path.cache_clear()


def test_a_damaged_font_costs_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = font_path(), tmp_path / "bad.ttf"
    bad.write_bytes(b"\0\1\0\0 no font" * 500)
    monkeypatch.setattr(cloud, "_fonts", lambda: [bad])
    _forget_font()
    try:
        with pytest.raises(CloudError, match="no font with Chinese"):
            render({"模型": 3, "model": 2})
        monkeypatch.setattr(cloud, "_fonts", lambda: [bad, good])
        _forget_font()
        assert font_path() == good
    finally:
        _forget_font()


def _forget_font() -> None:
    for cached in (font_path, cloud._font, has_glyph):
        cached.cache_clear()
