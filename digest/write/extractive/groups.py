"""Groups of items inside a section, and what puts a sentence into one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from digest.models import Language

Names = Mapping[Language, str]

STOCKS: Names = {"zh": "个股", "en": "Stocks"}
CRYPTO: Names = {"zh": "数字货币", "en": "Crypto"}
OTHER: Names = {"zh": "其他", "en": "Other"}

Group = tuple[Names, re.Pattern[str]]


def _group(zh: str, en: str, pattern: str) -> Group:
    return {"zh": zh, "en": en}, re.compile(pattern, re.IGNORECASE)


EVENTS: tuple[Group, ...] = (
    _group(
        "公司与资本",
        "Companies and capital",
        r"\b(?:acqui\w+|rais(?:es|ed|ing)|funding|valuation|valued|ipo|invest\w*|revenue|partner\w*|hir(?:es|ed|ing)|joins?|layoffs?|ceo|"
        r"billion|series [a-h]|deal|stake|merger)\b|融资|收购|估值|投资|营收|合作|任命|加入|裁员|上市|签署|并购|入股|战略|買収|資金調達|提携",
    ),
    _group(
        "政策与安全",
        "Policy and safety",
        r"\b(?:regulat\w+|law|laws|court|lawsuit|sue[sd]?|ban(?:s|ned)?|executive order|copyright|privacy|breach|leak\w*|vulnerab\w+|attack\w*|hack\w*|"
        r"safety|outage|policy|government|senate|eu)\b|监管|法案|法院|起诉|禁令|版权|隐私|泄露|漏洞|攻击|安全|宕机|故障|政策|政府|处罚|罚款|行政令|訴訟|規制|漏洩|脆弱性",
    ),
    _group(
        "研究与技术",
        "Research and technology",
        r"\b(?:paper|research\w*|study|benchmark\w*|dataset|train\w*|reinforcement|neurips|iclr|icml|arxiv|method|algorithm|scal\w+|architecture|"
        r"theorem|experiments?|leaderboard|evaluat\w*|sota|state-of-the-art)\b|论文|研究|基准|数据集|训练|算法|架构|评测|榜单|方法|实验|预印本|論文|実験",
    ),
    _group(
        "产品与模型发布",
        "Products and releases",
        r"\b(?:releas\w+|launch\w*|introduc\w+|announc\w+|available|roll\w* out|open[- ]?sourc\w+|updat\w+|new|adds?|support\w*|api|app|model|version|"
        r"feature|live|debut\w*|ships?|upgrad\w*|integrat\w*)\b|发布|推出|上线|开源|更新|升级|新增|支持|版本|功能|开放|模型|接入|リリース|発表|公開|提供|対応|アップデート|利用可能|機能",
    ),
)
"""Kinds of events, the most telling first: money in a release is news about the company."""

THEMES: tuple[Group, ...] = (
    _group(
        "智能体与编程",
        "Agents and coding",
        r"\b(?:agents?|agentic|cod(?:e|ing|ex)|developers?|cli|ide|mcp|workflow|skills?|copilot|cursor|claude code|programming|software|github|tool use)\b|"
        r"智能体|编程|代码|开发者|程序员|工作流|工具调用",
    ),
    _group(
        "算力与芯片",
        "Compute and chips",
        r"\b(?:gpus?|tpus?|chips?|compute|data ?cent(?:er|re)s?|nvidia|cuda|inference|gigawatts?|gw|power|cluster|semiconductors?|hbm|blackwell)\b|"
        r"算力|芯片|数据中心|显卡|英伟达|輝達|晶圆|内存|服务器|推理成本|电力",
    ),
    _group(
        "安全与治理",
        "Safety and governance",
        r"\b(?:safety|align\w*|regulat\w*|policy|copyright|privacy|risks?|security|attacks?|jailbreak\w*|deepfakes?|ethic\w*|law|laws|agi|jobs?|labor)\b|"
        r"安全|对齐|监管|版权|隐私|风险|伦理|就业|攻击|漏洞|滥用|治理",
    ),
    _group(
        "模型与能力",
        "Models and abilities",
        r"\b(?:models?|llms?|gpt[\w.-]*|claude|gemini|llama|qwen|deepseek|mistral|grok|benchmark\w*|reasoning|multimodal|context|parameters|train\w*|"
        r"rl|reinforcement|weights|tokens?|sota|image|video|speech|tts|vision)\b|模型|推理|多模态|参数|评测|训练|上下文|开源|语音|图像|视频",
    ),
    _group(
        "应用与产业",
        "Applications and industry",
        r"\b(?:app|product|customers?|enterprise|business\w*|health\w*|medical|education|search|robot\w*|self-driving|companies|startup\w*|users?|science|discovery)\b|"
        r"应用|产品|企业|医疗|教育|搜索|机器人|自动驾驶|行业|用户|科研|创业|公司",
    ),
)


def group_of(text: str, groups: tuple[Group, ...], language: Language) -> str:
    """The group whose words the text uses most; of equals the first; OTHER where it uses none."""
    found = [(len(pattern.findall(text)), names) for names, pattern in groups]
    most, names = max(found, key=lambda entry: entry[0])
    return names[language] if most else OTHER[language]
