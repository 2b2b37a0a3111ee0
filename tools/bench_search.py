"""Measure search time in three years of reports, and the size of the index."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from digest.models import SECTIONS, Cited, Item, Post, Report, Section
from digest.sources.jsonl import PostRows
from digest.store import Store

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "posts"
DAYS, ITEMS = 1096, 45
QUERIES = (
    "nvidia h100 price|英伟达 市值|openai agents|摩尔线程 上市|claude code|gemini 3 pro benchmark|人工智能 芯片 出口"
    "|AI|模型|the company said it would|什么 公司 发布 了 新 模型|$NVDA|deepseek v3.2|robotaxi las vegas|苹果 搜索"
    "|zyxwv qqq|AND OR NOT NEAR|涨|google deepmind gold medal icpc|开源 大模型 智能体 推理 训练 数据"
).split("|")

HOSTILE = (
    *(
        "的 " * 3000,
        "a " * 5000,
        "人工智能" * 2500,
        "zyxwv " * 2000,
        'a" OR head:b*',
        "NEAR(a b, 2)",
    ),
    *("人 大 中 国 上 来 发 新 公 模 智 能", "1 2 3 4 5 6 7 8 9", "涨 跌 的 是 了 在", "x", "中"),
    "AI OpenAI Google Nvidia Microsoft Meta Apple Amazon Anthropic Tesla DeepSeek Claude Gemini",
    "模型 公司 发布 人工 智能 技术 数据 市场 投资 芯片 美国 中国 全球 推出 用户 平台 系统 研究",
)


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds per search, sorted."""

    walls: list[float]
    used: list[float]
    """CPU time."""

    def __str__(self) -> str:
        """Return median, 99th percentile and maximum of both."""
        return ", ".join(
            f"{name} median {v[len(v) // 2]:.1f} ms, p99 {v[int(len(v) * 0.99)]:.1f} ms,"
            f" at most {v[-1]:.1f} ms"
            for name, v in (("time", self.walls), ("processor", self.used))
        )


def make_reports(posts: list[Post]) -> Iterator[Report]:
    """Yield three years of daily reports made of sentences of real posts."""
    first = date(2023, 1, 1)
    for n in range(DAYS):
        day = first + timedelta(days=n)
        some = [posts[(n * ITEMS + k) * 7 % len(posts)] for k in range(ITEMS)]
        items = [Item(p.text[:220], p.author_name, cites=(p.key,)) for p in some]
        parts = {"points": items[:10], "views": items[10:14], "events": items[14:]}
        sections = tuple(Section(s, s, tuple(parts.get(s, ()))) for s in SECTIONS)
        cited = {p.key: Cited(p.author, p.url, p.text, p.created_at) for p in some}
        yield Report("ai", day, day, "zh", "extractive", sections, posts=cited)


async def measure(url: str) -> tuple[Figures, Figures, int]:
    """Return the figures of usual and of hostile searches, and the number of reports."""
    files = sorted(DATA.glob("*/*.jsonl"))
    texts = (line for file in files for line in file.read_text(encoding="utf-8").split("\n"))
    posts = list(PostRows("bench").parse(texts))
    async with await Store.open(url) as store:
        if not await store.list_days("ai"):
            for report in make_reports(posts):
                await store.save_report(report)
        usual, hostile = await _time(store, QUERIES, 10), await _time(store, HOSTILE, 3)
        return usual, hostile, len(await store.list_days("ai"))


async def _time(store: Store, queries: Sequence[str], rounds: int) -> Figures:
    await store.search(queries[0])  # warm up
    walls, used = list[float](), list[float]()
    for words in [*queries] * rounds:
        began, before = time.perf_counter(), time.process_time()
        await store.search(words)
        used.append((time.process_time() - before) * 1000)
        walls.append((time.perf_counter() - began) * 1000)
    return Figures(sorted(walls), sorted(used))


def main() -> None:
    """Print the figures; an argument names another database."""
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/search.db"
        usual, hostile, days = asyncio.run(measure(url))
    print(f"search in {days} reports: {usual}")
    print(f"hostile searches: {hostile}")


if __name__ == "__main__":
    main()
