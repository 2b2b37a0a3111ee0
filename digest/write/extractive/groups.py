"""Groups of items inside a section: a sentence belongs where a learned head says, or, where there
is none, the sentences nearest in meaning are."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from digest.models import Language
from digest.reading.heads.linear import score_texts
from digest.select.embed import Vectors, embed
from digest.write.extractive.notes import OTHER, Names

NEAREST = 2
"""Examples of a group that a sentence is compared with, the nearest ones."""
MIN_COSINE = 0.15
"""Mean cosine to the examples below which a sentence belongs to no group."""


LEAST_LEARNED = -0.5
"""Score below which a sentence belongs to no group that was learned: two of three then are about
something else."""


class Group(NamedTuple):
    """A heading with sentences that belong under it."""

    names: Names
    examples: tuple[str, ...]
    head: str = ""
    """The head that learned what belongs under it."""


COMPUTE = Group(
    {"zh": "算力与芯片", "en": "Compute and chips"},
    (
        "The data center will use a gigawatt of power and thousands of GPUs.",
        "英伟达发布新一代芯片，用于训练大模型。",
        "Chip makers compete for memory and wafer capacity.",
        "算力需求推动数据中心投资。",
    ),
    "group_compute",
)
USE = Group(
    {"zh": "应用与产业", "en": "Applications and industry"},
    (
        "Hospitals and schools use AI in their daily work.",
        "企业用人工智能改造客服与办公。",
        "Robots and self-driving cars enter service.",
        "AI 搜索和应用的用户快速增长。",
    ),
    "group_society",
)

EVENTS: tuple[Group, ...] = (
    Group(
        {"zh": "公司与资本", "en": "Companies and capital"},
        (
            "The startup raised $200 million in a Series B at a valuation of $2 billion.",
            "公司完成 3 亿元融资，估值 20 亿美元。",
            "The company acquires a smaller rival.",
            "Annual revenue passed $1 billion and is growing fast.",
            "两家公司签署了价值数十亿美元的合作协议。",
            "The chief scientist left the company; a new head was appointed.",
            "The company hired a well-known researcher from a rival to lead its team.",
            "公司聘请竞争对手的前研究员担任首席科学家。",
            "公司宣布裁员并调整组织架构。",
        ),
        "group_company",
    ),
    Group(
        {"zh": "政策与安全", "en": "Policy and safety"},
        (
            "Regulators opened an antitrust investigation.",
            "法院裁定公司侵犯版权，须赔偿作者。",
            "The parliament passed a law on artificial intelligence.",
            "监管部门发布人工智能新规。",
            "Attackers exploited a vulnerability and stole user data.",
            "The service was down for hours after an outage.",
            "服务大面积宕机，官方称正在修复。",
        ),
        "group_policy",
    ),
    Group(
        {"zh": "研究与技术", "en": "Research and technology"},
        (
            "A new paper proposes a method for training neural networks.",
            "研究人员发表论文，提出新的训练方法。",
            "The model scores 90% on the benchmark and leads the leaderboard.",
            "模型在基准测试中排名第一。",
            "The model reaches state of the art on hard mathematics problems.",
            "Researchers published a dataset and the results of their experiments.",
            "The architecture makes attention cheaper for long contexts.",
            "NVIDIA presents a method for low-bit quantization of language models.",
            "AI helps scientists discover a new treatment for a disease.",
        ),
        "group_research",
    ),
    Group(
        {"zh": "产品与模型发布", "en": "Products and releases"},
        (
            "The lab launched a new model today.",
            "新模型今天发布并开源。",
            "The app now supports a new feature.",
            "新版本上线，新增多项功能。",
            "It is now available in the API at a lower price.",
            "You can now use the assistant in your browser and on your phone.",
            "ChatGPT, Claude and Gemini get new features for subscribers.",
            "产品负责人介绍了新功能的用法。",
            "An open source tool for developers was released on GitHub.",
            "Version 4 of the software is out: it is faster and makes fewer mistakes.",
            "We are upgrading our service, which now reads more kinds of files.",
            "公司推出产品的新版本，性能大幅升级。",
        ),
        "group_product",
    ),
    COMPUTE,
    USE,
)

THEMES: tuple[Group, ...] = (
    Group(
        {"zh": "智能体与编程", "en": "Agents and coding"},
        (
            "Coding agents write and review software for developers.",
            "AI 编程助手帮助开发者写代码。",
            "Agents call tools and run workflows on their own.",
            "智能体可以自主调用工具完成任务。",
        ),
    ),
    COMPUTE,
    Group(
        {"zh": "安全与治理", "en": "Safety and governance"},
        (
            "Researchers study the risks and the alignment of powerful models.",
            "监管、版权与隐私成为人工智能的难题。",
            "Deepfakes and misuse of AI worry governments.",
            "人工智能对就业与社会的影响。",
        ),
    ),
    Group(
        {"zh": "模型与能力", "en": "Models and abilities"},
        (
            "The language model reasons better and has a longer context.",
            "新的开源大模型参数更少，推理能力更强。",
            "The model generates images, video and speech.",
            "多模态模型在评测中领先。",
        ),
    ),
    USE,
)

MARKET = Group(
    {"zh": "行情", "en": "Prices"},
    (
        "The share price fell 4% after the results.",
        "英伟达股价上涨 3%，市值突破 4 万亿美元。",
        "Analysts raised their price target for the stock.",
        "比特币现货 ETF 单日净流入 2 亿美元。",
        "The token rallied above resistance and may correct.",
        "以太坊跌破支撑位，多单爆仓。",
    ),
)
ECONOMY = Group(
    {"zh": "宏观", "en": "Economy"},
    (
        "The central bank cut interest rates by 25 basis points.",
        "美联储宣布降息 25 个基点。",
        "Payrolls rose less than expected and unemployment reached 4.6%.",
        "通胀数据高于市场预期，国债收益率上升。",
    ),
)
KINDS = tuple(g for g in (*EVENTS, MARKET, ECONOMY) if g not in (COMPUTE, USE))
"""What a sentence may be about where the question is whether it is about money: billions for a data
center are capital."""


def group_of(text: str, groups: tuple[Group, ...], language: Language) -> str:
    """Return the name of the group that the text belongs to, or that of OTHER."""
    group = choose_group(groups, [text], embed([text]))
    return (group.names if group else OTHER)[language]


def choose_group(
    groups: tuple[Group, ...], texts: Sequence[str], vectors: Vectors, least: float = MIN_COSINE
) -> Group | None:
    """Return the group of the texts (a sentence, its post) and their unit vectors, or None.

    Heads decide where all groups have one: on days left out they put 76 of 100 pieces of news of
    six kinds under their heading (always the commonest: 50). Else the nearest examples do, from
    cosine `least`.
    """
    if all(group.head for group in groups):
        heads = [group.head for group in groups]
        scores = [float(each.sum()) for each in score_texts(heads, texts, vectors)]
        least = LEAST_LEARNED
    else:
        vector = vectors.sum(axis=0)
        vector = vector / np.linalg.norm(vector)
        scores = [
            float(np.sort(_encode(group.examples) @ vector)[-NEAREST:].mean()) for group in groups
        ]
    best = int(np.argmax(scores))
    return groups[best] if scores[best] >= least else None


@cache
def _encode(examples: tuple[str, ...]) -> Vectors:
    return embed(examples)
