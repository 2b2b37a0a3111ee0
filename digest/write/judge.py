"""Labelled items through the product's own verifier: what `evaluate verify` runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from digest.errors import DigestError
from digest.models import Item
from digest.sources.jsonl import parse_line
from digest.write.verify.nearness import prove


class _Item(BaseModel):
    title: str = ""
    text: str = ""
    cites: list[str] = []


class _Line(BaseModel):
    id: str
    lang: str = ""
    view: bool = False
    item: _Item
    posts: list[dict[str, Any]]


def judged(lines: Iterable[str], name: str) -> Iterator[str]:
    """A JSON line `{"id","ok","unsupported"}` for each item; `cites` are post keys (`x:123`) or bare ids.

    Raises DigestError that names the line where one is not as described.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = _Line.model_validate_json(line)
            posts = [parse_line(json.dumps(post)) for post in data.posts]
        except (ValidationError, ValueError) as error:
            said = str(error).splitlines()[0]
            raise DigestError(f"{name}:{number}: {said}") from None
        keys = {post.id: post.key for post in posts}
        cites = tuple(keys.get(cite, cite) for cite in data.item.cites)
        [verdict] = prove([(Item(data.item.text, data.item.title, cites=cites), posts, data.view)])
        answer = {"id": data.id, "ok": verdict.ok, "unsupported": list(verdict.unsupported)}
        yield json.dumps(answer, ensure_ascii=False)
