"""Run `python -m bot ...` with long timeouts, for a "model" whose answers are written by hand.

    OPENAI_BASE_URL=http://127.0.0.1:8099/v1 OPENAI_API_KEY=x OPENAI_MODEL=bridge \\
        python -m tools.patient digest ai --date 2025-10-16 --posts FILE... --writer llm --json

Only this process waits longer; the product's timeouts are unchanged.
"""

from __future__ import annotations

import sys

from bot.__main__ import main
from digest.llm import client

PATIENCE_SECONDS = 4 * 3600.0


def run() -> None:
    """Raise the timeouts and run the bot's command line."""
    client.SILENCE_SECONDS = client.UNSTREAMED_SECONDS = PATIENCE_SECONDS
    client.REPORT_SECONDS = PATIENCE_SECONDS
    sys.argv[0] = "bot"
    main()


if __name__ == "__main__":
    run()
