"""Groups of items inside a section, chosen by trained heads or, without heads, by the cosine to
example sentences."""

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
"""Number of nearest examples of a group whose cosines are averaged."""
MIN_COSINE = 0.15
"""Mean cosine to the examples below which a sentence belongs to no group."""
MIN_LEARNED = -0.5
"""Head score below which a sentence belongs to no group; two of three sentences below it are about
something else."""


class Group(NamedTuple):
    """A heading and the means to recognise its sentences."""

    names: Names
    examples: str
    """Table of example sentences in `digest/vocabulary/groups.toml`."""
    head: str = ""
    """Head trained for the group; empty if the examples decide."""


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

MIN_THEME = 0.35
"""Cosine of an example and a description of the topic from which the topic has the theme: 0.55 and
more for the shipped AI topic, at most 0.29 for coins, security, space and web3. A short description
such as "Large language models" has 0.52."""

MARKET = Group({"zh": "行情", "en": "Prices"}, "prices")
ECONOMY = Group({"zh": "宏观", "en": "Economy"}, "economy")
KINDS = tuple(g for g in (*EVENTS, MARKET, ECONOMY) if g not in (COMPUTE, USE))
"""Candidate groups when deciding whether a sentence is about money. COMPUTE and USE are left out so
that billions for a data centre count as capital."""


def list_themes(topic: Topic) -> tuple[Group, ...]:
    """Return the themes of the topic's special analysis; empty for topics other than AI."""
    about = embed(list_descriptions(topic))
    near = [(_encode(theme.examples) @ about.T).max() for theme in THEMES]
    return tuple(theme for theme, fit in zip(THEMES, near, strict=True) if fit >= MIN_THEME)


def drop_lone_other(items: Sequence[Item], language: Language) -> list[Item]:
    """Remove the heading "Other" if it is the only heading."""
    is_lone = {item.group for item in items} == {OTHER[language]}
    return [replace(item, group="") for item in items] if is_lone else list(items)


def choose_group(
    groups: tuple[Group, ...], texts: Sequence[str], vectors: Vectors, least: float = MIN_COSINE
) -> Group:
    """Return the group of the texts (a sentence, its post) and their unit vectors, or NONE.

    Heads decide if all groups have one: on held-out days they put 76 of 100 news sentences of six
    groups under the right heading (majority class: 50). Otherwise the mean cosine to the NEAREST
    examples decides, with the minimum `least`.
    """
    if not groups:
        return NONE
    if all(group.head for group in groups):
        heads = [group.head for group in groups]
        scores = [float(each.sum()) for each in score_texts(heads, texts, vectors)]
        least = MIN_LEARNED
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
