"""Draw the word cloud: word counts in, PNG out."""

import io
import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from digest.errors import CloudError
from digest.text import clean

WIDTH, HEIGHT, SCALE = 800, 450, 2
"""The layout runs at half size, which is four times cheaper; drawing at double size stays crisp."""
EDGE = 14
"""Margin around the words, in layout units."""
MAX_WORDS = 100
LARGEST_LETTERS = (64, 48, 32)
"""Font sizes to try for the most frequent word, in layout units."""
MIN_FITTING = 0.9
"""Share of the words that must fit at a font size; the rarest may be left out."""
MAX_COUNT = 1e9
"""Upper limit of a valid count; a larger one may overflow a float."""
WORD_CHARS = 32
BACKGROUND = "#fbfaf7"
_GROUND = 0
"""Palette index of the background."""
SHADES = 21
"""Palette steps from the background to each colour, for anti-aliasing."""
COLOURS = ("#12355b", "#c8553d", "#1b7f79", "#7a3e65", "#3d5a80", "#b07d1e")

_SYSTEM_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "C:/Windows/Fonts/msyh.ttc",
)

log = logging.getLogger(__name__)


def render(counts: Mapping[str, int]) -> bytes:
    """Return a 1600 x 900 PNG of the most frequent words; the same counts give the same picture.

    Words are cleaned first; a word with a glyph missing from the font is left out. Raises
    CloudError if nothing is left to draw or no font with Han characters is found.
    """
    words = drawable(counts)
    if not words:
        raise CloudError("no words to draw")
    from PIL import Image, ImageOps

    file = io.BytesIO()
    try:
        image = _laid_out(words).to_image()
        image = image.quantize(palette=_palette(), dither=Image.Dither.NONE)
        ImageOps.expand(image, border=EDGE * SCALE, fill=_GROUND).save(file, "PNG")
    except (ValueError, OSError, ZeroDivisionError) as error:
        raise CloudError(f"the words could not be drawn ({type(error).__name__})") from error
    return file.getvalue()


def draw(counts: Mapping[str, int]) -> bytes:
    """Return the picture, or b"" if drawing fails: a missing picture must not stop a report."""
    try:
        return render(counts) if counts else b""
    except CloudError as error:
        log.warning("no word cloud: %s", error)
        return b""


@cache
def _palette() -> Any:
    """Return a picture whose palette holds the colours and their steps to the background.

    A fixed palette is enough, and computing one per picture costs half as much as a layout."""
    from PIL import Image, ImageColor

    ground = ImageColor.getrgb(BACKGROUND)
    steps = [
        tuple(round(g + (c - g) * step / SHADES) for c, g in zip(ink, ground, strict=True))
        for ink in map(ImageColor.getrgb, COLOURS)
        for step in range(1, SHADES + 1)
    ]
    picture = Image.new("P", (1, 1))
    picture.putpalette(bytes(part for colour in (ground, *steps) for part in colour))
    return picture


def _laid_out(words: Mapping[str, float]) -> Any:
    """Return the laid-out cloud; try smaller fonts while long words crowd out too many others."""
    from wordcloud import WordCloud

    ranks = {word: rank for rank, word in enumerate(words)}

    def colour(word: str, **_: Any) -> str:
        return COLOURS[ranks[word] % len(COLOURS)]

    for size in LARGEST_LETTERS:
        cloud = WordCloud(
            width=WIDTH - 2 * EDGE,
            height=HEIGHT - 2 * EDGE,
            scale=SCALE,
            font_path=str(font_path()),
            background_color=BACKGROUND,
            max_words=MAX_WORDS,
            max_font_size=size,
            min_font_size=8,
            font_step=2,
            prefer_horizontal=1.0,
            margin=8,
            relative_scaling=0.3,
            color_func=colour,
            random_state=Random(1),  # noqa: S311 the same picture each time, no secret
        )
        cloud.generate_from_frequencies(words)
        if len(cloud.layout_) >= MIN_FITTING * len(words):
            break
    return cloud


def as_jpeg(picture: bytes) -> bytes:
    """Return the picture as JPEG; bytes that are already JPEG are returned unchanged.

    Raises CloudError if the bytes are not a picture.
    """
    if picture.startswith(b"\xff\xd8"):
        return picture
    from PIL import Image, UnidentifiedImageError

    file = io.BytesIO()
    try:
        with Image.open(io.BytesIO(picture)) as image:
            image.convert("RGB").save(file, "JPEG", quality=90)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise CloudError("the stored word cloud is not a picture") from None
    return file.getvalue()


def drawable(counts: Mapping[str, int]) -> dict[str, float]:
    """Return cleaned words with weights, most frequent first, at most MAX_WORDS."""
    weights: dict[str, float] = {}
    for word, count in counts.items():
        text = " ".join(clean(word[: 4 * WORD_CHARS]).split())
        valid = isinstance(count, int | float) and 0 < count < MAX_COUNT  # NaN is neither
        if valid and 0 < len(text) <= WORD_CHARS and all(has_glyph(c) for c in text if c != " "):
            weights[text] = max(weights.get(text, 0), math.sqrt(count))
    ordered = sorted(weights.items(), key=lambda entry: (-entry[1], entry[0]))
    return dict(ordered[:MAX_WORDS])


@cache
def font_path() -> Path:
    """Return a font with Han characters: from the font package, else from the system."""
    from PIL import ImageFont

    for path in filter(Path.is_file, _fonts()):
        # Skip a damaged font file: another font, or no picture, is better than no report.
        with suppress(OSError):
            ImageFont.truetype(str(path), 12)
            return path
    raise CloudError("no font with Chinese characters: reinstall the dependencies")


def _fonts() -> list[Path]:
    fonts = [Path(name) for name in _SYSTEM_FONTS]
    try:
        from pylopdf_fonts_zh_cn import sans_path
    except ImportError:
        log.warning("the font package is missing; trying the system's fonts")
        return fonts
    return [Path(sans_path()), *fonts]


@cache
def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(str(font_path()), 16, layout_engine=ImageFont.Layout.BASIC)


@cache
def has_glyph(character: str) -> bool:
    """Return True if the font has its own glyph for it, not the "missing character" glyph."""
    return _shape(character) != _shape("\U0010ffff")


def _shape(character: str) -> tuple[Any, bytes]:
    mask = _font().getmask(character)
    return mask.size, bytes(mask)


def font_check() -> str:
    """Return one line about the font for `check`. Raise CloudError if it has no Han characters."""
    if not all(map(has_glyph, "简报词云")):
        raise CloudError(
            f"{font_path().name} has no Chinese characters: reinstall the dependencies"
        )
    return f"{font_path().name}, with Chinese characters"
