"""What is to be done once the reports have changed: the overviews of weeks and months, and the
pages of a folder. Each is a command that a child process runs.

Which state of the reports an errand was last run for stands in the store, so one that is proposed
twice, or on two machines, is run once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from bot.builds import run_child
from bot.services import Services
from bot.settings import Settings
from digest.store import Store
from digest.store.ledger import Ledger

ERRANDS = "errand"
"""Where the store keeps the notes."""
TURN_SECONDS = 3600.0
"""How long an errand belongs to who began it; after that one that failed is tried again."""


@dataclass(frozen=True, slots=True)
class Errand:
    """A command, and the role of who runs it."""

    role: str
    words: tuple[str, ...]

    @property
    def line(self) -> str:
        """Return the words as one string of JSON."""
        return json.dumps(self.words)


def list_errands(settings: Settings, topics: Iterable[str]) -> list[Errand]:
    """Return what the settings ask for: overviews where there is a model, pages where there is a
    folder for them."""
    errands = [Errand(f"roll-up:{topic}", ("roll-up", topic)) for topic in topics]
    errands = errands if settings.providers else []
    if settings.publish_dir:
        errands.append(Errand("publish", ("publish", settings.publish_dir)))
    return errands


async def is_due(store: Store, errand: Errand) -> bool:
    """Return True if the reports have changed since the errand last ran."""
    return await store.note(ERRANDS, errand.role) != await store.read_state()


async def run_errand(context: Services, ledger: Ledger, holder: str, errand: Errand) -> None:
    """Run the command if the reports have changed since it last ran and nobody else is at it."""
    if not await is_due(context.store, errand):
        return
    state = await context.store.read_state()
    now = context.now()
    # A holder of its own each time: this process waits like all others until the turn is over.
    turn = f"{holder}:{now.timestamp()}"
    if not await ledger.lease(errand.role, turn, now, TURN_SECONDS):
        return
    if not await run_child(*errand.words):
        await context.store.save_note(ERRANDS, errand.role, state)
        await ledger.give_back(errand.role, turn)
