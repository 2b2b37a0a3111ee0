"""The sample day as material of an editor, and models that answer without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from digest.llm.client import Call
from digest.models import Counts, Item, Language, Quality, Section, SourceResult, Window
from digest.select.selection import select
from digest.sources.jsonl import PostRows
from digest.topics import load_topics
from digest.write import Material
from digest.write.extractive.quotes import collect_quotes
from digest.write.extractive.writer import write
from digest.write.model.assembly import Edited
from digest.write.model.editor import Editor
from digest.write.model.prompts import load_prompts
from tests.writers import Writer, honest

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "digest" / "sources" / "sample.jsonl"
DAY = date(2025, 12, 5)
PROMPTS = load_prompts(ROOT / "prompts")


@cache
def material(language: Language = "zh") -> Material:
    topic = replace(load_topics(ROOT / "topics.toml")["ai"], language=language)
    posts = list(PostRows(SAMPLE.name).parse(SAMPLE.read_text(encoding="utf-8").splitlines()))
    posts = [post for post in posts if post.created_at.date() == DAY]
    chosen = select(topic, posts, lambda _: None)
    stories, prospects = chosen.stories, chosen.prospects
    counts = Counts(collected=len(posts), stories=len(stories))
    window = Window(DAY, DAY, "UTC")
    sources = (SourceResult("sample", len(posts)),)
    quotes = collect_quotes(stories, language)
    return Material(topic, window, stories, counts, sources, (), (), quotes, prospects)


@cache
def extractive(language: Language = "zh") -> tuple[Section, ...]:
    return write(material(language))


class Model:
    """A model that answers with a writer and records its calls."""

    def __init__(self, writer: Writer, failing: dict[str, Exception] | None = None) -> None:
        self.writer, self.failing, self.calls = writer, failing or {}, list[Call[Any]]()

    async def ask(self, call: Call[Any]) -> Any:
        self.calls.append(call)
        if error := self.failing.get(call.name):
            raise error
        return call.schema.model_validate(self.writer(call.system, call.prompt))


_USUAL: dict[Language, Edited] = {}


async def edited(
    writer: Writer, language: Language = "zh", failing: dict[str, Exception] | None = None
) -> Edited:
    """Return the report of the sample day; that of the honest writer is built once."""
    usual = writer is honest and not failing
    if usual and language in _USUAL:
        return _USUAL[language]
    model = Model(writer, failing)
    found = await Editor(material(language), extractive(language), model.ask, PROMPTS).write()
    if usual:
        _USUAL[language] = found
    return found


def items(found: Edited, *names: str) -> list[Item]:
    return [
        item
        for section in found.sections
        for item in section.items
        if item.status != "note" and (not names or section.name in names)
    ]


def text(found: Edited) -> str:
    return "\n".join(f"{item.title} {item.text}" for s in found.sections for item in s.items)


def score(found: Edited) -> Quality:
    assert found.quality
    return found.quality
