"""Posts made up for tests; `INJECTIONS` have prompt injection, `NEWS` only resembles it."""

import tomllib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from digest.models import Post, Topic, Window

_TEXTS = tomllib.loads(Path(__file__).with_name("injection.toml").read_text("utf-8"))
INJECTIONS: list[str] = _TEXTS["injections"]
NEWS: list[str] = _TEXTS["news"]
START = datetime(2025, 12, 6, 8, tzinfo=UTC)
WINDOW = Window(date(2025, 12, 6), date(2025, 12, 6), "UTC")

TOPIC = Topic(
    name="ai",
    title={"zh": "人工智能", "en": "AI"},
    slug="twitter_ai",
    build_at=time(8),
    about="Artificial intelligence, large language models and the companies that build them. "
    "New AI models and benchmark results. AI agents and coding assistants. 人工智能、大模型与智能体。",
    keywords=("AI", "LLM", "model", "agent", "GPU", "大模型", "模型", "智能体", "人工智能"),
)


def post(
    text: str, id: str = "", *, author: str = "ada", source: str = "x", **fields: object
) -> Post:
    """A post of 2025-12-06; `id` also moves its time, so that ids order posts."""
    number = id or str(abs(hash(text)) % 10**9)
    minutes = int(number) % 600 if number.isdigit() else 0
    given: dict[str, object] = {
        "author_name": author.title(),
        "created_at": START + timedelta(minutes=minutes),
        "url": f"https://example.com/{number}",
        **fields,
    }
    return Post(number, source, author, text=text, **given)  # type: ignore[arg-type]
