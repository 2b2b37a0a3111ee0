"""What a model fills in: the shape of each answer.

Every field has a default, so that one slip of a model costs one field; a check with a refusal that
names no item is asked for again. `digest.llm.compat` makes the strict JSON schema,
`digest.llm.answers` puts slips of form right; only ids are read here.
"""

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator


def _post_ids(value: object) -> list[str]:
    """Read ids however a model writes them: "p1", "[p1, p2]", ["P1, p2"], 1."""
    text = str(value).lower()
    bare = (word.strip("[]'\"") for word in text.replace(",", " ").split())
    numbers = [word for word in bare if word.isdigit() and len(word) < 4]
    return re.findall(r"\bp\d+\b", text) or [f"p{number}" for number in numbers]


def read_numbers(value: object) -> list[int]:
    """Read numbers however a model writes them: 3, "i3", ["1, 2"]."""
    parts = value if isinstance(value, list) else [value]
    return [int(number) for part in parts for number in re.findall(r"\d{1,4}", str(part))]


PostIds = Annotated[list[str], BeforeValidator(_post_ids)]
PostId = Annotated[str, BeforeValidator(lambda value: next(iter(_post_ids(value)), ""))]
Numbers = Annotated[list[int], BeforeValidator(read_numbers)]
ItemId = Annotated[
    str, BeforeValidator(lambda value: "".join(f"i{n}" for n in read_numbers(value)[:1]))
]


class Pick(BaseModel):
    """Answer to `pick.md`: numbers of stories."""

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
    """A point: its title and text."""

    title: str = ""
    text: str = ""
    cites: PostIds = []


class Grouped(BaseModel):
    """An event or finding in one of the groups."""

    group: str = ""
    text: str = ""
    cites: PostIds = []


class View(BaseModel):
    """A view and who holds it."""

    post: PostId = ""
    who: str = ""
    text: str = ""


class AssetEntry(BaseModel):
    """What was said about a stock or a coin."""

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
"""An answer that holds items of the report."""


class WrongItem(BaseModel):
    """An item that a check finds wrong, and the words that are."""

    id: str
    words: str = ""


class Sum(BaseModel):
    """How a figure of an item follows from those of its posts: `55 - 26`."""

    id: ItemId = ""
    sum: str = ""


class Check(BaseModel):
    """Answer to `check.md`: what is in no list stays as the code judged it."""

    sums: list[Sum] = []
    wrong: list[WrongItem] = []
    judged: Numbers = []


class Rewritten(BaseModel):
    """An item that failed, once more."""

    id: ItemId = ""
    title: str = ""
    text: str = ""
    cites: PostIds = []


class Repair(BaseModel):
    """Answer to `repair.md`."""

    items: list[Rewritten] = []


class WrittenSentence(BaseModel):
    """A sentence of an answer; `items` are places in the list that was shown."""

    text: str = ""
    items: Numbers = []


class WrittenAnswer(BaseModel):
    """Answer to `ask.md`. Who has to copy the words that answer first finds out where there are
    none."""

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
