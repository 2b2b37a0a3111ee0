"""What earlier runs paid for and learned: answers by hash, and the dialect of each server."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from datetime import datetime

from pydantic import ValidationError

from digest.errors import StoreError
from digest.llm.compat import Call, Dialect, T, recalled, schema_text
from digest.models import Provider
from digest.store import Store

log = logging.getLogger(__name__)


class Memory:
    """Answers and dialects in the store. Reading may raise StoreError."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._dialects: dict[Provider, Dialect] = {}

    async def answer(self, provider: Provider, call: Call[T]) -> T | None:
        """The answer that was kept for exactly this question to this model."""
        content = await self._store.answer(_hash(provider, call))
        if content is None:
            return None
        try:
            return call.schema.model_validate_json(content)
        except ValidationError:
            log.warning("the kept answer to %s is unreadable: asking again", call.name)
            return None

    async def dialect(self, provider: Provider) -> Dialect:
        """What was learned of the server; it is read once."""
        if provider not in self._dialects:
            learned = await self._store.learned(provider.base_url, provider.model)
            self._dialects[provider] = recalled(learned, self._now().date())
        return self._dialects[provider]

    async def keep(self, provider: Provider, call: Call[T], answer: T, dialect: Dialect) -> None:
        """Keeps a good answer and how it was got. One that cannot be kept is still an answer."""
        now = self._now()
        try:
            await self._store.save_answer(_hash(provider, call), answer.model_dump_json(), now)
            if self._dialects.get(provider) != dialect:
                learned = dialect.learned(now.date())
                await self._store.save_learned(provider.base_url, provider.model, learned)
                self._dialects[provider] = dialect
        except StoreError as error:
            log.warning("the answer to %s could not be kept: %s", call.name, error)


def _hash(provider: Provider, call: Call[T]) -> str:
    """What an answer is kept under: all that it depends on."""
    parts = [provider.model, call.system, call.prompt, schema_text(call.schema), call.answer_tokens]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
