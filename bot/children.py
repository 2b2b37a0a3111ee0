"""Commands of the program in a process of their own: what they load goes with them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys

log = logging.getLogger(__name__)

DEADLINE = 600.0
"""Seconds a child may take before it is ended."""


async def run_child(*words: str) -> str:
    """Runs `python -m bot` with these words; empty where it worked, else why not."""
    return (await ask_child(*words))[1]


async def ask_child(*words: str) -> tuple[str, str]:
    """Runs `python -m bot` with these words; what it printed, and why it failed or nothing."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        printed, said = await asyncio.wait_for(process.communicate(), DEADLINE)
    except TimeoutError:
        log.error("%s took longer than %d s and was ended", " ".join(words[:4]), DEADLINE)
        return "", f"it took longer than {DEADLINE:.0f} s and was ended"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode == 0:
        return printed.decode("utf-8", "replace"), ""
    lines = said.decode("utf-8", "replace").strip().splitlines() or ["it ended without a word"]
    why = lines[-1].removeprefix("jianbao: ")
    log.error("%s failed: %s", " ".join(words[:4]), why)
    return "", why
