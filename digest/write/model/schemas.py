"""What a model fills in: the shape of each answer, and how strict servers want it described."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator


def _strict(schema: dict[str, Any]) -> None:
    """As strict servers demand: every field required, no other allowed, nothing optional said."""
    schema["required"] = list(schema.get("properties", {}))
    schema["additionalProperties"] = False
    schema.pop("title", None)
    schema.pop("description", None)
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
        field.pop("default", None)


class Form(BaseModel):
    """An answer, or a part of one. What is missing is empty, so that one slip costs one field."""

    model_config = ConfigDict(json_schema_extra=_strict, coerce_numbers_to_str=True)


def _ids(value: object) -> object:
    """Ids however a model writes them: "p1", "[p1, p2]", ["p1, p2"]."""
    parts = value if isinstance(value, list) else [value]
    return [found for part in parts for found in re.findall(r"\bp\d+\b", str(part))]


def _entries(value: object) -> object:
    """The entries that are objects; anything else between them is noise, unless there is only noise."""
    if not isinstance(value, list):
        raise ValueError("not a list")
    entries = [entry for entry in value if isinstance(entry, dict)]
    if value and not entries:
        raise ValueError("no objects in the list")
    return entries


def _text(value: object) -> object:
    return value if isinstance(value, (str, int, float)) else ""


Text = Annotated[str, BeforeValidator(_text)]
Ids = Annotated[list[str], BeforeValidator(_ids)]


class Statement(Form):
    text: Text = ""
    cites: Ids = []


class Titled(Form):
    title: Text = ""
    text: Text = ""
    cites: Ids = []


class Grouped(Form):
    group: Text = ""
    text: Text = ""
    cites: Ids = []


class View(Form):
    post: Ids = []
    who: Text = ""
    text: Text = ""


class Asset(Form):
    kind: Text = ""
    title: Text = ""
    text: Text = ""
    cites: Ids = []


class Repaired(Form):
    id: Text = ""
    title: Text = ""
    text: Text = ""
    cites: Ids = []


class Answer(Form):
    """A whole answer: an object that knows none of the lists asked for is another answer."""

    @model_validator(mode="before")
    @classmethod
    def _known(cls, value: object) -> object:
        if not isinstance(value, dict) or not cls.model_fields.keys() & value.keys():
            raise ValueError("none of the lists that were asked for")
        return value


class Brief(Answer):
    """Answer to `brief.md`."""

    points: Annotated[list[Titled], BeforeValidator(_entries)] = []
    overview: Annotated[list[Statement], BeforeValidator(_entries)] = []


class Views(Answer):
    """Answer to `views.md`."""

    views: Annotated[list[View], BeforeValidator(_entries)] = []


class Events(Answer):
    """Answer to `events.md`."""

    events: Annotated[list[Grouped], BeforeValidator(_entries)] = []
    special: Annotated[list[Grouped], BeforeValidator(_entries)] = []


class Money(Answer):
    """Answer to `money.md`."""

    markets: Annotated[list[Asset], BeforeValidator(_entries)] = []
    finance: Annotated[list[Statement], BeforeValidator(_entries)] = []


class Repair(Answer):
    """Answer to `repair.md`."""

    items: Annotated[list[Repaired], BeforeValidator(_entries)] = []
