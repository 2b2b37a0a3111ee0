"""Reports built by hand for tests of the conversation."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from digest.models import SECTIONS, Cited, Counts, Item, Language, Report, Section, SourceResult

DAY = date(2025, 12, 6)
WHEN = datetime(2025, 12, 6, 9, 30, tzinfo=UTC)


def report(day: date = DAY, language: Language = "zh", **items: tuple[Item, ...]) -> Report:
    """A report of `day` with two points, a stock, a coin, and these items in place of the usual ones."""
    usual: dict[str, tuple[Item, ...]] = {
        "overview": (Item("共收集 5 条帖子。", status="note"),),
        "points": (
            Item("It scores 81.2%.", "Meridian 3.2 Pro is out", cites=("x:1", "x:2")),
            Item("Kitewick 完成融资。", cites=("x:2",)),
        ),
        "views": (Item("I think it is cheap.", "Ada (@ada)", cites=("x:1",)),),
        "markets": (
            Item("NVDA fell 2%.", "英伟达 (NVDA)", "个股", ("x:1",)),
            Item("BTC rose.", "比特币 (BTC)", "数字货币", ("x:2",)),
        ),
        "filtered": (Item("广告与推广：1 条。", status="note"),),
    }
    chosen = usual | items
    return Report(
        topic="ai",
        first=day,
        last=day,
        language=language,
        writer="extractive",
        sections=tuple(Section(n, f"标题{n}", chosen.get(n, ())) for n in SECTIONS),
        counts=Counts(collected=5, ads=1, stories=2),
        sources=(SourceResult("x_list", 5), SourceResult("hn", ok=False, note="no answer")),
        posts={
            "x:1": Cited("ada", "https://x.com/ada/status/1", "The whole text of Ada.", WHEN),
            "x:2": Cited("bob", "https://x.com/bob/status/2", "Bob's text. " * 100, WHEN),
        },
        wordcounts={"Meridian": 2},
        cloud=b"\x89PNG picture",
        created_at=datetime.combine(day, time(8), UTC) + timedelta(days=1),
    )
