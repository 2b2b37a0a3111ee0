"""Model answers of several characters, computed from nothing but the prompt."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from digest.text import language

Reply = dict[str, Any]
_POST = re.compile(r"^(p\d+)(?: (.{1,90}?))?: (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^\[\d+\].*\n((?:p\d+ .*\n?)+)", re.MULTILINE)
_STORY = re.compile(r"^\[(\d+)\] ", re.MULTILINE)
_ITEM = re.compile(r"^\[(i\d+)\] ", re.MULTILINE)
_WANTED = re.compile(r"^Write `(\w+)`", re.MULTILINE)
_STOP = re.compile(r"(?<=[。！!])|(?<=[.])\s")


def wanted(prompt: str) -> str:
    """Return what the prompt asks for first: must, points, views, events, markets, checks or items."""
    if "story numbers only" in prompt:
        return "must"
    if "fact checker" in prompt:
        return "checks"
    found = _WANTED.search(prompt)
    assert found, "a prompt that asks for nothing known"
    return found[1]


def spoken(system: str) -> str:
    return "zh" if "Write Chinese" in system else "en"


def sentences_of(prompt: str, speech: str) -> list[tuple[str, str]]:
    """Return id and first sentence of each post in the report's language."""
    told = []
    for key, _, text in _POST.findall(prompt):
        first = next((part.strip() for part in _STOP.split(text) if len(part.strip()) > 12), "")
        if first and "…" not in first and language(text) == speech:
            told.append((key, first))
    return told


def honest(system: str, prompt: str) -> Reply:
    """Copy what the posts say, in the requested form."""
    speech = spoken(system)
    told = sentences_of(prompt, speech)
    first = {
        block: next(iter(sentences_of(block, speech)), None) for block in _BLOCK.findall(prompt)
    }
    by_event = [found for found in first.values() if found]
    match wanted(prompt):
        case "must":
            numbers = [int(number) for number in _STORY.findall(prompt)]
            return {"must": numbers[:10], "detail": numbers[10:40], "views": [], "same": []}
        case "checks":
            return {"wrong": [], "judged": _ITEM.findall(prompt)}
        case "points":
            points = [{"title": "", "text": text, "cites": [key]} for key, text in by_event[:10]]
            return {"points": points, "overview": []}
        case "views":
            return {"views": [{"post": key, "who": "", "text": text} for key, text in told[:8]]}
        case "events":
            items = [{"group": "", "text": text, "cites": [key]} for key, text in by_event]
            return {"events": items[:8], "special": items[8:12]}
        case "markets":
            items = [{"text": text, "cites": [key]} for key, text in told]
            return {"markets": [], "finance": items[:6]}
        case _:
            return {"items": []}


Writer = Callable[[str, str], Reply]


def changed(change: Callable[[Reply], None]) -> Writer:
    """Return the honest answer with every item changed."""

    def write(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        for items in reply.values() if wanted(prompt) not in ("must", "checks") else ():
            for item in items:
                change(item)
        return reply

    return write


def with_items(more: Callable[[list[str]], list[Reply]]) -> Writer:
    """Return the honest answer with items before its own; `more` gets the ids in the prompt."""

    def write(system: str, prompt: str) -> Reply:
        reply = honest(system, prompt)
        ids = [key for key, _, _ in _POST.findall(prompt)]
        for name in reply if wanted(prompt) not in ("must", "checks") else ():
            reply[name] = [*more(ids), *reply[name]]
        return reply

    return write


def story_numbers(prompt: str) -> list[int]:
    return [int(number) for number in re.findall(r"^\[(\d+)\] ", prompt, re.MULTILINE)]
