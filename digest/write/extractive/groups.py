"""Groups of items inside a section: a sentence belongs where a learned head says, or, where there
is none, the sentences nearest in meaning are."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np

from digest.models import Item, Language, Topic
from digest.reading.heads.linear import score_texts
from digest.reading.vocabulary import load_lines
from digest.select.embed import Vectors, embed
from digest.select.relevance import list_descriptions
from digest.write.extractive.notes import OTHER, Names

NEAREST = 2
"""Examples of a group that a sentence is compared with, the nearest ones."""
MIN_COSINE = 0.15
"""Mean cosine to the examples below which a sentence belongs to no group."""
LEAST_LEARNED = -0.5
"""Score below which a sentence belongs to no group that was learned: two of three then are about
something else."""


class Group(NamedTuple):
    """A heading and what belongs under it."""

    names: Names
    examples: str
    """Table of `digest/vocabulary/groups.toml`: sentences that belong under it."""
    head: str = ""
    """The head that learned what belongs under it."""


NONE = Group(OTHER, "")
COMPUTE = Group({"zh": "算力与芯片", "en": "Compute and chips"}, "compute", head="group_compute")
USE = Group({"zh": "应用与产业", "en": "Applications and industry"}, "use", head="group_society")

EVENTS: tuple[Group, ...] = (
    Group({"zh": "公司与资本", "en": "Companies and capital"}, "company", head="group_company"),
    Group({"zh": "政策与安全", "en": "Policy and safety"}, "policy", head="group_policy"),
    Group({"zh": "研究与技术", "en": "Research and technology"}, "research", head="group_research"),
    Group({"zh": "产品发布", "en": "Products and releases"}, "product", head="group_product"),
    COMPUTE,
    USE,
)

THEMES: tuple[Group, ...] = (
    Group({"zh": "智能体与编程", "en": "Agents and coding"}, "agents"),
    COMPUTE,
    Group({"zh": "安全与治理", "en": "Safety and governance"}, "safety"),
    Group({"zh": "模型与能力", "en": "Models and abilities"}, "models"),
    USE,
)

LEAST_THEME = 0.35
"""Cosine of an example and a sentence about the topic from which the theme is the topic's: 0.55 and
more for the shipped AI, at most 0.29 for coins, security, space and web3. A topic may say of itself
no more than "Large language models" (0.52)."""

MARKET = Group({"zh": "行情", "en": "Prices"}, "prices")
ECONOMY = Group({"zh": "宏观", "en": "Economy"}, "economy")
KINDS = tuple(g for g in (*EVENTS, MARKET, ECONOMY) if g not in (COMPUTE, USE))
"""What a sentence may be about where the question is whether it is about money: billions for a data
center are capital."""


def list_themes(topic: Topic) -> tuple[Group, ...]:
    """Return the themes of the topic's special analysis; of another field than AI it has none."""
    about = embed(list_descriptions(topic))
    near = [(_encode(theme.examples) @ about.T).max() for theme in THEMES]
    return tuple(theme for theme, fit in zip(THEMES, near, strict=True) if fit >= LEAST_THEME)


def drop_lone_other(items: Sequence[Item], language: Language) -> list[Item]:
    """Return the items without "Other" above them where nothing else is: other than what?"""
    is_lone = {item.group for item in items} == {OTHER[language]}
    return [replace(item, group="") for item in items] if is_lone else list(items)


def choose_group(
    groups: tuple[Group, ...], texts: Sequence[str], vectors: Vectors, least: float = MIN_COSINE
) -> Group:
    """Return the group of the texts (a sentence, its post) and their unit vectors, or NONE.

    Heads decide where all groups have one: on days left out they put 76 of 100 pieces of news of
    six kinds under their heading (always the commonest: 50). Else the nearest examples do, from
    cosine `least`.
    """
    if not groups:
        return NONE
    if all(group.head for group in groups):
        heads = [group.head for group in groups]
        scores = [float(each.sum()) for each in score_texts(heads, texts, vectors)]
        least = LEAST_LEARNED
    else:
        vector = vectors.sum(axis=0)
        vector = vector / (np.linalg.norm(vector) or 1.0)
        nearness = (np.sort(_encode(group.examples) @ vector) for group in groups)
        scores = [float(cosines[-NEAREST:].mean()) for cosines in nearness]
    best = int(np.argmax(scores))
    return groups[best] if scores[best] >= least else NONE


@cache
def _encode(table: str) -> Vectors:
    return embed(load_lines("groups", table))
