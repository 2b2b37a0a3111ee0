"""Schemas of the model's answers.

Every field has a default, so that one mistake of a model costs one field; only a check with a
refusal that names no item is asked again. `digest.llm.compat` makes the strict JSON schema,
`digest.llm.answers` repairs malformed answers; only ids are parsed here.
"""

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator


def _post_ids(value: object) -> list[str]:
    """Parse post ids in any notation: "p1", "[p1, p2]", ["P1, p2"], 1."""
    text = str(value).lower()
    bare = (word.strip("[]'\"") for word in text.replace(",", " ").split())
    numbers = [word for word in bare if word.isdigit() and len(word) < 4]
    return re.findall(r"\bp\d+\b", text) or [f"p{number}" for number in numbers]


def read_numbers(value: object) -> list[int]:
    """Parse numbers in any notation: 3, "i3", ["1, 2"]."""
    parts = value if isinstance(value, list) else [value]
    return [int(number) for part in parts for number in re.findall(r"\d{1,4}", str(part))]


PostIds = Annotated[list[str], BeforeValidator(_post_ids)]
PostId = Annotated[str, BeforeValidator(lambda value: next(iter(_post_ids(value)), ""))]
Numbers = Annotated[list[int], BeforeValidator(read_numbers)]
ItemId = Annotated[
    str, BeforeValidator(lambda value: "".join(f"i{n}" for n in read_numbers(value)[:1]))
]


class Pick(BaseModel):
    """Answer to `pick.md`: story numbers."""

    ads: Numbers = []
    must: Numbers = []
    detail: Numbers = []
    views: Numbers = []
    same: list[Numbers] = []


class Statement(BaseModel):
    """A sentence of the overview, or one about funding."""

    text: str = ""
    cites: PostIds = []


class Titled(BaseModel):
    """A point."""

    title: str = ""
    text: str = ""
    cites: PostIds = []


class Grouped(BaseModel):
    """An event or finding with the name of its group."""

    group: str = ""
    text: str = ""
    cites: PostIds = []


class View(BaseModel):
    """A view, its post and its speaker."""

    post: PostId = ""
    who: str = ""
    text: str = ""


class AssetEntry(BaseModel):
    """A statement about a stock or a coin."""

    kind: str = ""
    title: str = ""
    text: str = ""
    cites: PostIds = []


class Brief(BaseModel):
    """Answer to `brief.md`."""

    points: list[Titled] = []
    overview: list[Statement] = []


class Views(BaseModel):
    """Answer to `views.md`."""

    views: list[View] = []


class Events(BaseModel):
    """Answer to `events.md`."""

    events: list[Grouped] = []
    special: list[Grouped] = []


class Money(BaseModel):
    """Answer to `money.md`."""

    markets: list[AssetEntry] = []
    finance: list[Statement] = []


Page = Brief | Views | Events | Money
"""An answer that contains items of the report."""


class WrongItem(BaseModel):
    """An item that the check refuses, and the wrong words."""

    id: str
    words: str = ""


class Sum(BaseModel):
    """Calculation of an item's figure from those of its posts: `55 - 26`."""

    id: ItemId = ""
    sum: str = ""


class Check(BaseModel):
    """Answer to `check.md`; items in no list stay as the code judged them."""

    sums: list[Sum] = []
    wrong: list[WrongItem] = []
    judged: Numbers = []


class Rewritten(BaseModel):
    """A failed item, rewritten."""

    id: ItemId = ""
    title: str = ""
    text: str = ""
    cites: PostIds = []


class Repair(BaseModel):
    """Answer to `repair.md`."""

    items: list[Rewritten] = []


class WrittenSentence(BaseModel):
    """A sentence of an answer; `items` are numbers of shown items."""

    text: str = ""
    items: Numbers = []


class WrittenAnswer(BaseModel):
    """Answer to `ask.md`. A model that has to copy the words that answer the question (`told`)
    notices if there are none."""

    asked: str = ""
    told: str = ""
    verdict: str = ""
    sentences: list[WrittenSentence] = []


class Translated(BaseModel):
    """An item in another language."""

    id: ItemId = ""
    title: str = ""
    text: str = ""


class Translation(BaseModel):
    """Answer to `translate.md`."""

    items: list[Translated] = []
