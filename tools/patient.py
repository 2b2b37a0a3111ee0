"""Run `python -m bot ...` for a model whose answers are written by hand and take minutes.

    OPENAI_BASE_URL=http://127.0.0.1:8099/v1 OPENAI_API_KEY=x OPENAI_MODEL=bridge \\
        python -m tools.patient digest ai --date 2025-10-16 --posts FILE... --writer llm --json

The product's own limits of time stay as they are; only this process waits longer.
"""

from __future__ import annotations

import sys

from bot.__main__ import main
from digest.llm import client

PATIENCE_SECONDS = 4 * 3600.0


def run() -> None:
    """Raise the limits of time and hand over to the bot's own command line."""
    client.SILENCE_SECONDS = client.UNSTREAMED_SECONDS = PATIENCE_SECONDS
    client.REPORT_SECONDS = PATIENCE_SECONDS
    sys.argv[0] = "bot"
    main()


if __name__ == "__main__":
    run()
