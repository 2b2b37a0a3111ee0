"""Questions to model servers that speak OpenAI's chat completions. The only user of their SDK.

A question goes to the providers in order. One request at a time: `dialect` says what the server
understands, `faults` what a failure means, `answers` what the text says. Retries are made here and
nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, Self

from pydantic import BaseModel

from digest.errors import BudgetSpent, DigestError, LlmError, StoreError
from digest.llm.answers import Unusable, read
from digest.llm.budget import Budget, tokens
from digest.llm.cache import Memory
from digest.llm.compat import Call, Dialect, T, schema_text
from digest.llm.completion import Reply, read_body
from digest.llm.course import Course
from digest.llm.retry import NO_TIME, TIME_OUT, Fault, host, of_connection, of_status
from digest.models import Cost, Provider
from digest.store import Store

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["Call", "Llm", "probe"]

log = logging.getLogger(__name__)

ATTEMPT = 45.0
"""Seconds one request may take."""
LEAST = 1.0
"""Seconds without which a request is not worth its price."""


class Meter(Protocol):
    """What counts the tokens: `digest.llm.budget.Budget`."""

    async def hold(self, provider: Provider, prompt_tokens: int, answer_tokens: int, /) -> int: ...

    async def settle(
        self, hold: int, provider: Provider, prompt_tokens: int, answer_tokens: int, /
    ) -> Cost: ...


class Llm:
    """The models of one report. All its calls together end within `seconds` of the first."""

    def __init__(
        self,
        providers: Sequence[Provider],
        store: Store,
        budget: Budget,
        *,
        proxy: str = "",
        seconds: float = 70.0,
        now: Callable[[], datetime],
    ) -> None:
        self._servers = [Server(provider, proxy, budget, now) for provider in providers]
        self._memory = Memory(store, now)
        self._seconds = seconds
        self._until: float | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            await server.close()

    async def ask(self, call: Call[T]) -> T:
        """The answer, kept from an earlier run or asked for now.

        Raises LlmError where no provider gave one, BudgetSpent where the money is the reason.
        """
        loop = asyncio.get_running_loop()
        if self._until is None:
            self._until = loop.time() + self._seconds
        try:
            for server in self._servers:
                if (kept := await self._memory.answer(server.provider, call)) is not None:
                    return kept
            return await self._asked(call, self._until)
        except StoreError as error:
            raise LlmError(str(error)) from None

    async def _asked(self, call: Call[T], until: float) -> T:
        loop = asyncio.get_running_loop()
        failures: list[DigestError] = []
        for server in self._servers:
            # Whoever comes first leaves half of the time to the others.
            left = until - loop.time()
            share = left if server is self._servers[-1] else left / 2
            await self._recall(server)
            try:
                answer = await server.ask(call, loop.time() + share)
            except (LlmError, BudgetSpent) as error:
                failures.append(error)
            else:
                await self._memory.keep(server.provider, call, answer, server.known)
                return answer
        spent = [error for error in failures if isinstance(error, BudgetSpent)]
        if spent and len(spent) == len(failures):
            raise spent[0]
        said = "; ".join(dict.fromkeys(str(error) for error in failures))
        raise LlmError(said or "no model is set: set OPENAI_API_KEY")

    async def _recall(self, server: Server) -> None:
        if not server.recalled:
            dialect = await self._memory.dialect(server.provider)
            if not server.recalled:  # a call in parallel may have been faster, and learned since
                server.recalled, server.known = True, dialect


class Server:
    """One provider during a run: its connection, what it understands, whether it is of use."""

    def __init__(
        self, provider: Provider, proxy: str, meter: Meter, now: Callable[[], datetime]
    ) -> None:
        self.provider = provider
        self.known = Dialect()
        self.recalled = False
        self.down: Fault | None = None
        self._proxy = proxy
        self._meter = meter
        self._now = now
        self._client: AsyncOpenAI | None = None
        self._answered = False
        self._busy = 0

    async def close(self) -> None:
        if self._client:
            await self._client.close()

    async def ask(self, call: Call[T], until: float) -> T:
        """The answer to a call, before `until` on the loop's clock. Raises LlmError or BudgetSpent."""
        course = Course(self.known)
        while True:
            outcome = self.down or await self._attempt(call, course.dialect, until)
            if not isinstance(outcome, Fault):
                self.known = self.known.merged(course.dialect)
                return outcome
            if outcome is not self.down:
                log.warning("%s, %s: %s", self._name, call.name, outcome.kind)
            await self._prepare(course, outcome, until)

    async def _prepare(self, course: Course, fault: Fault, until: float) -> None:
        """Waits until the next request may be made. Raises LlmError where none is worth it."""
        wait = None if self.down else course.after(fault)
        left = until - asyncio.get_running_loop().time()
        if wait is None or wait + LEAST > left:
            # What failed until the end and never answered anything will not do so for another call;
            # but one that is busy with another call may refuse this one for that reason.
            dead = fault.down or not (fault.final or self._answered or self._busy)
            self.down = self.down or (fault if dead else None)
            raise LlmError(f"{self._name} {fault.said}")
        if fault.adjust:
            self.known = self.known.merged(course.dialect)  # for the calls beside this one
        await asyncio.sleep(wait)

    async def _attempt(self, call: Call[T], dialect: Dialect, until: float) -> T | Fault:
        """One request, paid for: the answer, or what went wrong."""
        seconds = min(ATTEMPT, until - asyncio.get_running_loop().time())
        if seconds <= 0:
            return NO_TIME
        sent = tokens(call.system + call.prompt + schema_text(call.schema))
        hold = await self._meter.hold(self.provider, sent, call.answer_tokens)
        paid = (sent, call.answer_tokens)  # also where this task is cancelled
        self._busy += 1
        try:
            got = await self._request(dialect.body(self.provider.model, call), seconds)
            if isinstance(got, Fault):
                paid = paid if got.ran else (0, 0)
                return got
            paid = got.usage or (sent, tokens(got.text))
            return _answer(got, call)
        finally:
            self._busy -= 1
            await asyncio.shield(self._settle(hold, *paid))

    async def _settle(self, hold: int, prompt_tokens: int, answer_tokens: int) -> None:
        """What cannot be settled stays held at its most: no reason to lose a paid answer."""
        try:
            await self._meter.settle(hold, self.provider, prompt_tokens, answer_tokens)
        except StoreError as error:
            log.warning("the cost of a call could not be recorded: %s", error)

    async def _request(self, body: dict[str, Any], seconds: float) -> Reply | Fault:
        """What the server answers; no error of the SDK or of HTTP leaves here."""
        import openai

        try:
            async with asyncio.timeout(seconds):
                client = self._client = self._client or self._open()
                raw = await client.chat.completions.with_raw_response.create(
                    **body, timeout=_timeout(seconds)
                )
            got = read_body(raw.content, self._now())
            self._answered = self._answered or isinstance(got, Reply)
            return got
        except TimeoutError:
            return TIME_OUT
        except openai.APIStatusError as error:
            return of_status(error.status_code, error.response.headers, error.body, self._now())
        except openai.APIConnectionError as error:
            return of_connection(error)
        except _BadSetting as error:
            return Fault("setting", str(error), final=True, down=True, ran=False)
        except openai.OpenAIError:
            return Fault("SDK", "answers with something else: check OPENAI_BASE_URL")

    def _open(self) -> AsyncOpenAI:
        import openai

        from digest.llm.transport import open_client

        provider = self.provider
        try:
            http = open_client(provider.base_url, provider.key, self._proxy)
        except ValueError as error:
            raise _BadSetting(str(error)) from None
        # Our client sets the header with the key, if there is one; the SDK insists on one.
        return openai.AsyncOpenAI(
            api_key="none", base_url=provider.base_url, max_retries=0, http_client=http
        )

    @property
    def _name(self) -> str:
        return f"{self.provider.model} at {host(self.provider.base_url)}"


class _BadSetting(Exception):
    """The provider cannot be asked at all."""


def _timeout(seconds: float) -> Any:
    import httpx2

    from digest.llm.transport import CONNECT

    return httpx2.Timeout(seconds, connect=min(CONNECT, seconds))


def _answer(got: Reply, call: Call[T]) -> T | Fault:
    if got.refused:
        return Fault("refusal", "refused to answer: choose another model", final=True)
    try:
        return read(got.text, call.schema, got.cut)
    except Unusable as error:
        # An answer that a strict server could not have given: it does not know the form.
        ignored = str(error) in ("no JSON", "wrong shape")
        said = f"gave no usable answer ({error}): choose another model"
        return Fault(str(error), said, wait=0.0, lower="now" if ignored else "last")


class _Probe(BaseModel):
    ok: bool


class _Free:
    """Counts nothing: the one request of `check`."""

    async def hold(self, provider: Provider, prompt_tokens: int, answer_tokens: int, /) -> int:
        return 0

    async def settle(
        self, hold: int, provider: Provider, prompt_tokens: int, answer_tokens: int, /
    ) -> Cost:
        return Cost()


async def probe(provider: Provider, proxy: str, seconds: float = 30.0) -> str:
    """One line that says how the model answers. Raises LlmError with one that says why it does not."""
    server = Server(provider, proxy, _Free(), lambda: datetime.now(UTC))
    call = Call("check", "You are being tested.", 'Answer {"ok": true}.', _Probe, 1000)
    try:
        await server.ask(call, asyncio.get_running_loop().time() + seconds)
    finally:
        await server.close()
    return f"{provider.model} at {host(provider.base_url)} answers ({server.known.form})"
