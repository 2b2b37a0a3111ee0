"""How long a search takes in three years of reports, and what the index takes on disk."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from digest.models import SECTIONS, Cited, Item, Post, Report, Section
from digest.sources.jsonl import parse_lines
from digest.store import Store

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "posts"
DAYS, ITEMS = 1096, 45
QUERIES = (
    "nvidia h100 price|英伟达 市值|openai agents|摩尔线程 上市|claude code|gemini 3 pro benchmark|人工智能 芯片 出口"
    "|AI|模型|the company said it would|什么 公司 发布 了 新 模型|$NVDA|deepseek v3.2|robotaxi las vegas|苹果 搜索"
    "|zyxwv qqq|AND OR NOT NEAR|涨|google deepmind gold medal icpc|开源 大模型 智能体 推理 训练 数据"
).split("|")


def make_reports(posts: list[Post]) -> Iterator[Report]:
    """Yield three years of daily reports whose items are sentences of real posts."""
    first = date(2023, 1, 1)
    for n in range(DAYS):
        day = first + timedelta(days=n)
        some = [posts[(n * ITEMS + k) * 7 % len(posts)] for k in range(ITEMS)]
        items = [Item(p.text[:220], p.author_name, cites=(p.key,)) for p in some]
        parts = {"points": items[:10], "views": items[10:14], "events": items[14:]}
        sections = tuple(Section(s, s, tuple(parts.get(s, ()))) for s in SECTIONS)
        cited = {p.key: Cited(p.author, p.url, p.text, p.created_at) for p in some}
        yield Report("ai", day, day, "zh", "extractive", sections, posts=cited)


async def measure(url: str) -> tuple[float, float, float, int]:
    """Return median and 99th percentile of a search in ms, the mean of its processor time, and the
    number of reports."""
    files = sorted(DATA.glob("*/*.jsonl"))
    texts = (line for file in files for line in file.read_text(encoding="utf-8").split("\n"))
    posts = list(parse_lines(texts, "bench"))
    async with await Store.open(url) as store:
        if not await store.report_days("ai"):
            for report in make_reports(posts):
                await store.save_report(report)
        times, used = [], time.process_time()
        for _ in range(10):
            for words in QUERIES:
                began = time.perf_counter()
                await store.search(words)
                times.append((time.perf_counter() - began) * 1000)
        used = (time.process_time() - used) * 1000 / len(times)
        times.sort()
        days = len(await store.report_days("ai"))
    return times[len(times) // 2], times[int(len(times) * 0.99)], used, days


def main() -> None:
    """Print the figures; an argument names another database."""
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/search.db"
        usual, slow, used, days = asyncio.run(measure(url))
    print(
        f"search in {days} reports: median {usual:.1f} ms, p99 {slow:.1f} ms, processor {used:.1f} ms"
    )


if __name__ == "__main__":
    main()
