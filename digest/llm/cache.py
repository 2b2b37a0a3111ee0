"""Keep what earlier runs paid for and learned: answers by hash, the quirks of each server."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from datetime import datetime

from pydantic import ValidationError

from digest.errors import StoreError
from digest.llm.compat import Call, Compat, T, recall_compat, schema_text
from digest.models import Provider
from digest.store import Store

log = logging.getLogger(__name__)


class Cache:
    """Answers and quirks in the store. Reading may raise StoreError."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._compats: dict[Provider, Compat] = {}

    async def load_answer(self, provider: Provider, call: Call[T]) -> T | None:
        """Return the answer to exactly this question by this model, if there is one."""
        content = await self._store.answer(_hash(provider, call))
        if content is None:
            return None
        try:
            return call.schema.model_validate_json(content)
        except ValidationError:
            log.warning("the cached answer to %s is unreadable: asking again", call.name)
            return None

    async def load_compat(self, provider: Provider) -> Compat:
        """Return what was learned of the server; it is read once."""
        if provider not in self._compats:
            learned = await self._store.learned(provider.base_url, provider.model)
            self._compats[provider] = recall_compat(learned, self._now().date())
        return self._compats[provider]

    async def save_answer(
        self, provider: Provider, call: Call[T], answer: T, compat: Compat
    ) -> None:
        """Save a good answer and how it was got. One that cannot be saved is still an answer."""
        now = self._now()
        try:
            await self._store.save_answer(_hash(provider, call), answer.model_dump_json(), now)
            if self._compats.get(provider) != compat:
                learned = compat.learned(now.date())
                await self._store.save_learned(provider.base_url, provider.model, learned)
                self._compats[provider] = compat
        except StoreError as error:
            log.warning("the answer to %s could not be cached: %s", call.name, error)


def _hash(provider: Provider, call: Call[T]) -> str:
    """Return the key of an answer: all that it depends on."""
    parts = [provider.model, call.system, call.prompt, schema_text(call.schema), call.answer_tokens]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
