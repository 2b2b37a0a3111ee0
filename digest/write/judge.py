"""Verify labelled items with the product's own verifier (`evaluate verify`)."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from digest.errors import DigestError
from digest.llm.client import Call, Llm
from digest.models import Item, Post
from digest.sources.jsonl import name_problem, parse_row
from digest.write.model.candidates import Candidate
from digest.write.model.check import apply_check, show_items
from digest.write.model.context import ShownPosts
from digest.write.model.editor import ANSWER, ROOM
from digest.write.model.prompts import Prompt
from digest.write.model.schemas import Check
from digest.write.verify.nearness import prove

SHAPE = 'write {"id": "1", "item": {"text": "...", "cites": ["x:1"]}, "posts": [...]} on a line'


class _Item(BaseModel):
    title: str | None = None
    text: str = ""
    cites: list[str] | None = None


class _Line(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)
    id: str
    view: bool | None = None
    item: _Item
    posts: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class LabelledItem:
    """One line of the file: an item with the posts it was written from."""

    id: str
    item: Item
    posts: tuple[Post, ...]
    view: bool


def read_items(lines: Iterable[str], name: str) -> Iterator[LabelledItem]:
    """Yield the items; `cites` are post keys (`x:123`) or bare ids.

    Raise DigestError with the line number if a line is malformed.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = _Line.model_validate_json(line)
            posts = tuple(parse_row(post) for post in data.posts)
        except ValueError as error:
            problem = name_problem(error) if isinstance(error, ValidationError) else error
            raise DigestError(f"{name}:{number}: {problem}; {SHAPE}") from None
        keys = {post.id: post.key for post in posts}
        cites = tuple(keys.get(cite, cite) for cite in data.item.cites or ())
        item = Item(data.item.text, data.item.title or "", cites=cites)
        yield LabelledItem(data.id, item, posts, bool(data.view))


def judge_by_code(lines: Iterable[str], name: str) -> Iterator[str]:
    """Yield a JSON line `{"id","ok","unsupported"}` for each item, as verified by code alone."""
    items = list(read_items(lines, name))
    for labelled, candidate in zip(items, _prove(items), strict=True):
        yield _line(labelled.id, candidate.problems)


async def judge_with_model(
    items: Sequence[LabelledItem],
    open_llm: Callable[[], AbstractAsyncContextManager[Llm]],
    prompts: Mapping[str, Prompt],
) -> list[str]:
    """Return a JSON line for each item, as verified by code and model together.

    A call has as many items as the check of a report, and its own cost limit.
    """
    candidates = _prove(items)
    waiting = list(range(len(items)))
    while waiting:
        part = [candidates[at] for at in waiting]
        posts, lines, places = show_items(part, ShownPosts(), ROOM["check"])
        if not places:
            break
        system = prompts["system"].render(language="")
        prompt = prompts["check"].render(posts=posts, items=lines)
        async with open_llm() as llm:
            answer = await llm.ask(Call("check", system, prompt, Check, ANSWER["check"] * 2))
        part, _ = apply_check(part, answer, places, max_refused=1.0)
        for at, candidate in zip(waiting, part, strict=True):
            candidates[at] = candidate
        shown = set(places.values())
        waiting = [at for place, at in enumerate(waiting) if place not in shown]
    return [
        _line(labelled.id, candidate.problems)
        for labelled, candidate in zip(items, candidates, strict=True)
    ]


def _prove(items: Sequence[LabelledItem]) -> list[Candidate]:
    """Return the items with the claims that their posts do not support."""
    verdicts = prove([(labelled.item, labelled.posts, labelled.view) for labelled in items])
    return [
        Candidate(
            "views" if labelled.view else "points",
            labelled.item,
            tuple(post for post in labelled.posts if post.key in labelled.item.cites),
            verdict.unsupported,
        )
        for labelled, verdict in zip(items, verdicts, strict=True)
    ]


def _line(id_: str, unsupported: Sequence[str]) -> str:
    answer = {"id": id_, "ok": not unsupported, "unsupported": list(unsupported)}
    return json.dumps(answer, ensure_ascii=False)
