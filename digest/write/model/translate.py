"""Translate the finished items to the topic's other languages and verify them again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from digest.errors import BudgetSpent, LlmError
from digest.llm.budget import tokens
from digest.llm.client import Call
from digest.models import Item, Language, Section
from digest.write import Material
from digest.write.extractive.alignment import WRITTEN, fill_sections, name_group
from digest.write.model.candidates import Candidate
from digest.write.model.editor import add_to_filtered
from digest.write.model.prompts import LANGUAGES, Prompt
from digest.write.model.schemas import Translated, Translation
from digest.write.verify.screening import screen_items, trim_items

log = logging.getLogger(__name__)

CHUNK_TOKENS, ANSWER_TOKENS = 2_400, 3_000
"""Tokens of the items in one call, and of its answer."""
MIN_TRANSLATED = 2 / 3
"""Minimum share of items that must be translated and verified, or the fallback is used."""

_TRANSLATED: Mapping[Language, str] = {
    "zh": "本篇译自报告的另一种语言：译文的数字、日期与名称由程序再次核对，未经模型复核。",
    "en": "Translated from the report in its other language: figures, dates and names were checked"
    " again by the program, not by the model.",
}


async def translate(
    sections: Sequence[Section],
    material: Material,
    fallback: tuple[Section, ...],
    ask: Callable[[Call[Any]], Awaitable[Any]],
    prompts: Mapping[str, Prompt],
) -> tuple[Section, ...]:
    """Return the sections in the language of `material`'s topic.

    `fallback` is the extractive report in that language, used if too little was translated.
    """
    items = [
        (s.name, item) for s in sections if s.name in WRITTEN for item in s.items if item.cites
    ]
    chunks = list(
        _chunks([f"[i{n}] title: {i.title}\ntext: {i.text}" for n, (_, i) in enumerate(items)])
    )
    language = material.topic.language
    system = prompts["system"].render(language=LANGUAGES[language])

    async def ask_chunk(chunk: str) -> list[Translated]:
        prompt = prompts["translate"].render(language=LANGUAGES[language], items=chunk)
        try:
            answer = await ask(Call("translate", system, prompt, Translation, ANSWER_TOKENS))
        except (LlmError, BudgetSpent):
            return []
        return list(answer.items)

    answers = await asyncio.gather(*map(ask_chunk, chunks))
    translated = {entry.id: entry for answer in answers for entry in answer}
    posts = {post.key: post for story in material.list_all() for post in story.posts}
    candidates = [
        _candidate(name, item, translated[f"i{n}"], posts, language)
        for n, (name, item) in enumerate(items)
        if f"i{n}" in translated
    ]
    proved = trim_items(screen_items(candidates, posts, language), posts, language)
    good = [candidate for candidate in proved if not candidate.problems]
    if len(good) < MIN_TRANSLATED * len(items):
        log.warning("%d of %d items could be translated to %s", len(good), len(items), language)
        return fallback
    items_of = {name: [c.item for c in good if c.section == name] for name in WRITTEN}
    return add_to_filtered(
        fill_sections(sections, items_of, material, fallback), _TRANSLATED[language]
    )


def _chunks(blocks: Sequence[str]) -> Iterator[str]:
    chunk: list[str] = []
    for block in blocks:
        if chunk and tokens("\n\n".join([*chunk, block])) > CHUNK_TOKENS:
            yield "\n\n".join(chunk)
            chunk = []
        chunk.append(block)
    if chunk:
        yield "\n\n".join(chunk)


def _candidate(
    section: Any, item: Item, entry: Translated, posts: Mapping[str, Any], language: Language
) -> Candidate:
    """Return the translated item; views keep their speaker, groups use their translated names."""
    title = " ".join(entry.title.split()) if item.title and section != "views" else item.title
    text = " ".join(entry.text.split())
    group = name_group(item.group, language)
    cited = tuple(posts[key] for key in item.cites if key in posts)
    return Candidate(section, replace(item, title=title, text=text, group=group), cited)
