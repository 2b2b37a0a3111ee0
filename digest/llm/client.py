"""Client of model servers with the OpenAI chat completions API. The only user of their SDK.

A call goes to the providers in order, one request at a time. `compat` builds the request, `retry`
classifies failures, `answers` parses the text. No other module retries.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from pydantic import BaseModel, ValidationError

from digest.errors import BudgetSpent, DigestError, LlmError, StoreError
from digest.llm.answers import Unusable, read
from digest.llm.budget import Budget, tokens
from digest.llm.compat import Call, Compat, T, recall_compat, schema_text
from digest.llm.retry import (
    NO_COMPLETION,
    NO_TIME,
    TIME_OUT,
    Attempts,
    Fault,
    classify_connection_error,
    classify_status,
    host,
    quotable,
)
from digest.models import Provider
from digest.store import Store

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from digest.llm.transport import Completion

__all__ = ["Call", "Llm", "LlmError", "Model", "probe"]

log = logging.getLogger(__name__)

SILENCE_SECONDS = 45.0
"""Idle timeout of a streamed request, in seconds."""
UNSTREAMED_SECONDS = 120.0
"""Timeout of a request that is not streamed, whose answer arrives all at once."""
REPORT_SECONDS = 300.0
"""Total time of all calls of one report."""
PROBE_SECONDS = 30.0
MIN_SECONDS = 1.0
"""Minimum remaining time to start a request."""


@dataclass(frozen=True, slots=True)
class Model:
    """Configuration of the model: providers in order of preference, prompts, budget caps in USD."""

    providers: tuple[Provider, ...]
    prompts: Path
    usd_day: float
    usd_month: float
    proxy: str = field(default="", repr=False)

    def open(self, store: Store, topic: str) -> Llm:
        """Return a client with the budget of one report; `topic`: whom the cost is charged to."""
        now = partial(datetime.now, UTC)
        budget = Budget(store, topic, day=self.usd_day, month=self.usd_month, now=now)
        return Llm(self.providers, store, budget, proxy=self.proxy, now=now)


class Llm:
    """The models of one report. All calls end within `seconds` (REPORT_SECONDS) of the first."""

    def __init__(
        self,
        providers: Sequence[Provider],
        store: Store,
        budget: Budget,
        *,
        proxy: str = "",
        seconds: float | None = None,
        now: Callable[[], datetime],
    ) -> None:
        self._servers = [Server(provider, proxy, budget, now) for provider in providers]
        self.budget, self._store, self._now = budget, store, now
        self._seconds = seconds or REPORT_SECONDS
        self._until: float | None = None
        self._logged: set[str] = set()
        """Failures already logged: a wrong key, for example, fails every call."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            await server.close()

    async def ask(self, call: Call[T]) -> T:
        """Return the answer to a call, from the cache or a server.

        Raise LlmError if no provider answered, BudgetSpent if a cap is the reason.
        """
        loop = asyncio.get_running_loop()
        if self._until is None:
            self._until = loop.time() + self._seconds
        try:
            for server in self._servers:
                if (answer := await self._load_answer(server.provider, call)) is not None:
                    return answer
            return await self._ask_servers(call, self._until)
        except (LlmError, BudgetSpent, StoreError) as error:
            if str(error) not in self._logged:
                log.warning("%s: %s", call.name, error)
            self._logged.add(str(error))
            raise LlmError(str(error)) if isinstance(error, StoreError) else error from None

    async def _ask_servers(self, call: Call[T], until: float) -> T:
        loop = asyncio.get_running_loop()
        failures: list[DigestError] = []
        for server in self._servers:
            # Each provider but the last may use half of the remaining time.
            left = until - loop.time()
            share = left if server is self._servers[-1] else left / 2
            await self._recall(server)
            try:
                answer = await server.ask(call, loop.time() + share)
            except (LlmError, BudgetSpent) as error:
                failures.append(error)
            else:
                await self._save_answer(server, call, answer)
                return answer
        spent = [error for error in failures if isinstance(error, BudgetSpent)]
        if spent and len(spent) == len(failures):
            raise spent[0]
        reasons = "; ".join(dict.fromkeys(str(error) for error in failures))
        raise LlmError(reasons or "no model is set: set OPENAI_API_KEY")

    async def _recall(self, server: Server) -> None:
        """Load the stored capabilities of the server, once."""
        if server.stored is None:
            learned = await self._store.load_learned(
                server.provider.base_url, server.provider.model
            )
            if server.stored is None:  # a concurrent call may have loaded and changed them
                server.stored = server.compat = recall_compat(learned, self._now().date())

    async def _load_answer(self, provider: Provider, call: Call[T]) -> T | None:
        """Return the cached answer to this exact call to this model, if any."""
        content = await self._store.load_answer(_hash(provider, call))
        if content is None:
            return None
        try:
            return call.schema.model_validate_json(content)
        except ValidationError:
            log.warning("the cached answer to %s is unreadable: asking again", call.name)
            return None

    async def _save_answer(self, server: Server, call: Call[T], answer: T) -> None:
        """Cache an answer and the server's capabilities. Failing to save is not an error."""
        now, provider, compat = self._now(), server.provider, server.compat
        try:
            await self._store.save_answer(_hash(provider, call), answer.model_dump_json(), now)
            if server.stored != compat:
                learned = compat.learned(now.date())
                await self._store.save_learned(provider.base_url, provider.model, learned)
                server.stored = compat
        except StoreError as error:
            log.warning("the answer to %s could not be cached: %s", call.name, error)


def _hash(provider: Provider, call: Call[T]) -> str:
    """Return the cache key of a call: a hash of everything the answer depends on."""
    request = (call.system, call.prompt, schema_text(call.schema), call.answer_tokens)
    parts = [provider.base_url, provider.model, *request]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Server:
    """One provider during a run: connection, capabilities, and whether it is down."""

    def __init__(
        self, provider: Provider, proxy: str, budget: Budget | None, now: Callable[[], datetime]
    ) -> None:
        """`budget`: None for a call whose cost is not counted."""
        self.provider = provider
        self.compat = Compat()
        self.stored: Compat | None = None
        """The stored value of `compat`; None if not loaded."""
        self.down: Fault | None = None
        self._proxy = proxy
        self._budget = budget
        self._now = now
        self._client: AsyncOpenAI | None = None
        self._answered = False
        self._busy = 0

    async def close(self) -> None:
        if self._client:
            await self._client.close()

    async def ask(self, call: Call[T], until: float) -> T:
        """Return the answer before the loop time `until`. Raise LlmError or BudgetSpent."""
        attempts = Attempts(self.compat)
        while True:
            outcome = self.down or await self._attempt(call, attempts.compat, until)
            if not isinstance(outcome, Fault):
                self.compat = attempts.compat
                return outcome
            if outcome is not self.down:
                log.info("%s, %s: %s", self._name, call.name, outcome.kind)
            await self._prepare(attempts, outcome, call, until)

    async def _prepare(
        self, attempts: Attempts, fault: Fault, call: Call[Any], until: float
    ) -> None:
        """Wait until the next request. Raise LlmError if no retry makes sense."""
        wait = None if self.down else attempts.next_wait(fault, self.compat)
        left = until - asyncio.get_running_loop().time()
        if wait is None or wait + MIN_SECONDS > left:
            # A server that failed to the end and has never answered counts as down, unless another
            # call is in progress: it may have refused this one because it was busy.
            dead = fault.down or not (fault.final or self._answered or self._busy)
            self.down = self.down or (fault if dead else None)
            secrets = (call.system, call.prompt, self.provider.key)
            words = quotable(fault.words, tuple(filter(None, secrets)))
            raise LlmError(f"{self._name} {fault.advice}{words and f' (its message: {words})'}")
        if fault.refusal:
            self.compat = attempts.compat  # for concurrent calls, too
        await asyncio.sleep(wait)

    async def _attempt(self, call: Call[T], compat: Compat, until: float) -> T | Fault:
        """Make and pay for one request; return the answer or the fault."""
        if until <= asyncio.get_running_loop().time():
            return NO_TIME
        sent = tokens(call.system + call.prompt + schema_text(call.schema))
        answered = call.answer_tokens
        hold = await self._budget.hold(self.provider, sent, answered) if self._budget else 0
        paid = (sent, answered)  # also if this task is cancelled
        self._busy += 1
        try:
            silence = UNSTREAMED_SECONDS if "stream" in compat.without else SILENCE_SECONDS
            outcome = await self._request(compat.body(self.provider.model, call), until, silence)
            if isinstance(outcome, Fault):
                paid = paid if outcome.billed else (0, 0)
                return outcome
            paid = outcome.usage or (sent, tokens(outcome.text))
            return _read_answer(outcome, call)
        finally:
            self._busy -= 1
            await asyncio.shield(self._settle(hold, *paid))

    async def _settle(self, hold: int, prompt_tokens: int, answer_tokens: int) -> None:
        """Record the cost. If that fails, the reservation stays; the answer is not lost."""
        try:
            if self._budget:
                await self._budget.settle(hold, self.provider, prompt_tokens, answer_tokens)
        except StoreError as error:
            log.warning("the cost of a call could not be recorded: %s", error)

    async def _request(
        self, body: Mapping[str, Any], until: float, silence: float
    ) -> Completion | Fault:
        """Make a request; convert all errors of the SDK and of HTTP to faults."""
        import openai
        from httpx2 import HTTPError

        from digest.llm.transport import BadSetting

        try:
            outcome = await self._receive(body, until, silence)
        except TimeoutError:
            return TIME_OUT
        except openai.APIStatusError as error:
            headers, status = error.response.headers, error.status_code
            return classify_status(status, headers, error.body, self._now())
        except (openai.APIConnectionError, HTTPError) as error:
            return classify_connection_error(error)
        except BadSetting as error:
            return Fault("setting", str(error), final=True, down=True, billed=False)
        except openai.OpenAIError:
            return NO_COMPLETION
        self._answered = self._answered or not isinstance(outcome, Fault)
        return outcome

    async def _receive(
        self, body: Mapping[str, Any], until: float, silence: float
    ) -> Completion | Fault:
        """Read the answer line by line; every received line restarts the idle timeout."""
        import httpx2

        from digest.llm.transport import CONNECT_SECONDS, BodyReader, split_lines

        loop, reader = asyncio.get_running_loop(), BodyReader()
        async with asyncio.timeout_at(min(until, loop.time() + silence)) as limit:
            client = self._client = self._client or self._open()
            create = client.chat.completions.with_streaming_response.create
            timeout = httpx2.Timeout(silence, connect=min(CONNECT_SECONDS, silence))
            async with create(**body, timeout=timeout) as response:
                async for line in split_lines(response.iter_text()):
                    if reader.feed(line):
                        limit.reschedule(min(until, loop.time() + silence))
        return reader.result(self._now())

    def _open(self) -> AsyncOpenAI:
        import openai

        from digest.llm.transport import open_client

        provider = self.provider
        http = open_client(provider.base_url, provider.key, self._proxy)
        parts = urlsplit(provider.base_url)
        # Our client sets the key's header, if there is a key; the SDK requires one anyway.
        return openai.AsyncOpenAI(
            api_key="none",
            base_url=urlunsplit(parts._replace(query="", fragment="")),
            default_query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            max_retries=0,
            http_client=http,
        )

    @property
    def _name(self) -> str:
        return f"{self.provider.model} at {host(self.provider.base_url)}"


def _read_answer(completion: Completion, call: Call[T]) -> T | Fault:
    if completion.refused:
        return Fault("refusal", "refused to answer: choose another model", final=True)
    try:
        return read(completion.text, call.schema, completion.cut)
    except Unusable as error:
        # A server with strict schemas could not return this, so it ignores the response format.
        ignored = str(error) in ("no JSON", "wrong shape")
        advice = f"gave no usable answer ({error}): choose another model"
        return Fault(str(error), advice, wait=0.0, lower="now" if ignored else "last")


class _Probe(BaseModel):
    ok: bool


async def probe(provider: Provider, proxy: str) -> str:
    """Return one line on how the model answers and what it refused. Raise LlmError if it fails."""
    server = Server(provider, proxy, None, lambda: datetime.now(UTC))
    call = Call("check", "You are being tested.", 'Answer {"ok": true}.', _Probe, 1000)
    try:
        await server.ask(call, asyncio.get_running_loop().time() + PROBE_SECONDS)
    finally:
        await server.close()
    return f"{provider.model} at {host(provider.base_url)} answers ({server.compat.describe()})"
