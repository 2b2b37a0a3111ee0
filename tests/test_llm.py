"""Questions to a model server: what is said, learned, kept and counted."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from datetime import timedelta

import pytest

from digest.errors import BudgetSpent, LlmError
from digest.llm import retry
from digest.llm.budget import Budget, tokens
from digest.llm.client import Llm, probe
from digest.models import Provider
from digest.store import Store
from tests import model_server as ms
from tests.model_server import MODEL, Answer, ModelServer, Request, in_turn
from tests.questions import GOOD, NOW, Desk, News, call, closed_port


@pytest.fixture(autouse=True)
def _brief_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BACKOFF_SECONDS", 0.01)


async def test_a_good_answer_is_asked_for_once_and_kept() -> None:
    async with ModelServer(in_turn(GOOD)) as server:
        desk = Desk(server)
        assert await desk.ask() == [News.model_validate(GOOD)]
        assert await desk.ask() == [News.model_validate(GOOD)]
        assert len(server.requests) == 1
        assert server.requests[0].form == "json_schema"
        assert server.requests[0].name == "events"
        assert server.requests[0].body["max_tokens"] == 500
        assert await desk.ask(call("p1: something else")) == [News.model_validate(GOOD)]
        assert len(server.requests) == 2
    counted = ms.count(server.requests[0].text)
    assert desk.purse.settled[0] == (counted, ms.count(json.dumps(GOOD, ensure_ascii=False)))
    assert all(held[1] == 500 and held[0] > 20 for held in desk.purse.held)


async def test_the_answer_of_one_server_is_not_that_of_another() -> None:
    async with ModelServer(in_turn(GOOD)) as first, ModelServer(in_turn(GOOD)) as second:
        desk, other = Desk(first), Desk(second)
        other.shelf = desk.shelf
        await desk.ask()
        await other.ask()
        assert len(first.requests) == len(second.requests) == 1


async def test_half_an_emoji_is_no_reason_to_fail() -> None:
    async with ModelServer(in_turn(GOOD)) as server:
        await Desk(server).ask(call("p1: out \ud83d"))
    assert server.requests[0].prompt == "p1: out ?"


async def test_only_needed_headers_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer other\nX-Who: me")
    async with ModelServer(in_turn(GOOD)) as server:
        await Desk(server).ask()
    names = set(server.requests[0].headers)
    assert names == {"host", "content-type", "content-length", "accept", "accept-encoding"} | {
        "user-agent",
        "authorization",
    } | (names & {"connection"})


@pytest.mark.parametrize(
    ("forms", "wording", "asked"),
    [
        ({"json_object"}, "openai", ["json_schema", "json_object"]),
        ({"json_object"}, "deepseek", ["json_schema", "json_object"]),
        (set(), "vllm", ["json_schema", "json_object", "text"]),
        ({"json_object"}, "llama-cpp-python", ["json_schema"] * 2 + ["json_object"]),
    ],
)
async def test_the_form_goes_down_and_is_remembered(
    forms: set[str], wording: str, asked: list[str]
) -> None:
    said = "Here it is:\n```json\n" + json.dumps(GOOD) + "\n```"
    script = in_turn(said) if not forms else in_turn(GOOD)
    async with ModelServer(script, forms=frozenset(forms), wording=wording) as server:
        desk = Desk(server)
        assert await desk.ask() == [News.model_validate(GOOD)]
        assert [request.form for request in server.requests] == asked
        await desk.ask(call("p1: other"), call("p1: third"))
        assert [r.form for r in server.requests] == [*asked, asked[-1], asked[-1]]
    assert "JSON schema" in server.requests[-1].text
    assert '"cites"' in server.requests[-1].text


@pytest.mark.parametrize("wording", ["openai", "vllm", "mistral"])
async def test_refused_parameters_are_renamed_or_dropped_and_remembered(wording: str) -> None:
    without = frozenset(["temperature", "reasoning_effort"])
    limit = "max_completion_tokens"
    script = in_turn(GOOD)
    async with ModelServer(script, without=without, limit=limit, wording=wording) as server:
        desk = Desk(server)
        await desk.ask()
        assert len(server.requests) == 4
        await desk.ask(call("p1: other"))
        assert len(server.requests) == 5
    body = server.requests[-1].body
    rest = {"stream", "stream_options"}
    assert body.keys() - rest == {"model", "messages", limit, "response_format"}
    assert [s for s in desk.purse.settled if s == (0, 0)] == [(0, 0)] * 3


async def test_calls_in_parallel_learn_from_each_other() -> None:
    server = ModelServer(in_turn(GOOD), forms=frozenset(), without=frozenset(["temperature"]))
    async with server:
        desk = Desk(server)
        await desk.ask(*[call(f"p1: {n}") for n in range(4)])
        assert len(server.requests) <= 16
        before = len(server.requests)
        await desk.ask(call("p1: later"))
        assert len(server.requests) == before + 1


async def test_what_was_learned_is_forgotten_after_a_while() -> None:
    async with ModelServer(in_turn(GOOD)) as server:
        desk = Desk(server)
        old = (NOW - timedelta(days=15)).date().isoformat()
        learned = {"form": "text", "limit": "max_tokens", "without": [], "since": old}
        desk.shelf.known[server.base_url, MODEL] = learned
        await desk.ask()
    assert server.requests[0].form == "json_schema"


async def test_a_server_that_refuses_everything_ends_the_call() -> None:
    async with ModelServer(in_turn(ms.refuses("temperature"))) as server:
        desk = Desk(server)
        await desk.fails("refused the request")
    assert 2 < len(server.requests) <= 1 + retry.ADJUSTMENTS
    assert server.requests[-1].body.keys() == {"model", "messages", "max_tokens"}


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        "many",
        {"prompt_tokens": "12", "completion_tokens": "3"},
        {"prompt_tokens": -5, "completion_tokens": 3},
        {"prompt_tokens": 5, "completion_tokens": True},
        {"prompt_tokens": 10**12, "completion_tokens": 3},
        {"prompt_tokens": 0, "completion_tokens": 0},
    ],
    ids=repr,
)
async def test_absurd_usage_is_replaced_by_an_estimate(usage: object) -> None:
    content = json.dumps(GOOD)
    async with ModelServer(in_turn(Answer(content, usage=usage))) as server:
        desk = Desk(server)
        await desk.ask()
    assert desk.purse.settled == [(desk.purse.held[0][0], tokens(content))]


async def test_a_cancelled_call_is_paid_for_as_far_as_one_knows() -> None:
    async with ModelServer(in_turn(ms.SILENT)) as server:
        desk = Desk(server)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await desk.ask()
    assert desk.purse.settled == desk.purse.held != []


async def test_a_spent_budget_stops_the_requests() -> None:
    async with ModelServer(in_turn(ms.EMPTY)) as server:
        desk = Desk(server)
        desk.purse.requests = 1
        with pytest.raises(BudgetSpent):
            await desk.ask()
    assert len(server.requests) == 1


async def test_with_the_real_store_and_budget(store_url: str) -> None:
    """Calls side by side through a server that knows little; a second run asks and pays nothing."""
    calls = [call(f"p1: {n}") for n in range(4)]
    forms, without = frozenset({"json_object"}), frozenset({"temperature"})
    server = ModelServer(in_turn(GOOD), model="gpt-5-mini", forms=forms, without=without)
    async with server, await Store.open(store_url) as store:
        provider = Provider("gpt-5-mini", server.base_url, ms.KEY)
        for run in range(2):
            budget = Budget(store, "ai", day=1.0, month=1.0, now=lambda: NOW)
            async with Llm([provider], store, budget, now=lambda: NOW) as llm:
                answers = await asyncio.gather(*[llm.ask(one) for one in calls])
            assert answers == [News.model_validate(GOOD)] * 4
            assert bool(budget.cost.calls) is (run == 0)
        assert (await store.load_learned(server.base_url, "gpt-5-mini"))["form"] == "json_object"
        (spent,), _ = await store.sum_spending(NOW.date())
        good = [
            r for r in server.requests if r.form == "json_object" and "temperature" not in r.body
        ]
        assert spent.prompt_tokens == sum(ms.count(request.text) for request in good)


async def test_a_real_budget_is_passed_by_no_call(store_url: str) -> None:
    server = ModelServer(in_turn(ms.PROSE), model="gpt-5-mini")
    async with server, await Store.open(store_url) as store:
        provider = Provider("gpt-5-mini", server.base_url, ms.KEY)
        budget = Budget(store, "ai", day=0.0022, month=1.0, now=lambda: NOW)
        async with Llm([provider], store, budget, now=lambda: NOW) as llm:
            asked = [llm.ask(call(f"p1: {n}")) for n in range(4)]
            failed = await asyncio.gather(*asked, return_exceptions=True)
        (spent,), _ = await store.sum_spending(NOW.date())
    assert any(isinstance(error, BudgetSpent) for error in failed)
    assert 0 < spent.usd <= 0.0022


async def test_a_broken_store_stops_the_call_but_loses_no_answer() -> None:
    began, go, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()

    def script(request: Request) -> object:
        loop.call_soon_threadsafe(began.set)
        go.wait(10)
        return GOOD

    async with ModelServer(script) as server:
        desk = Desk(server)
        async with desk.llm() as llm:
            asked = asyncio.create_task(llm.ask(call()))
            await asyncio.wait_for(began.wait(), 10)
            desk.shelf.broken = desk.purse.broken = True
            go.set()
            await asked
        await desk.fails("database is busy")
    assert len(server.requests) == 1


async def test_an_unreadable_kept_answer_is_asked_for_again() -> None:
    async with ModelServer(in_turn(GOOD)) as server:
        desk = Desk(server)
        await desk.ask()
        desk.shelf.answers = dict.fromkeys(desk.shelf.answers, '{"item')
        assert await desk.ask() == [News.model_validate(GOOD)]
    assert len(server.requests) == 2


async def test_the_log_tells_of_failures_but_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told = ms.error(500, f"You sent: {call().prompt} with {ms.KEY}", type=call().prompt)
    async with ModelServer(in_turn(told)) as server, Desk(server).llm() as llm:
        for _ in range(2):
            with pytest.raises(LlmError):
                await llm.ask(call())
    warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    said = f"{MODEL} at 127.0.0.1:{server.port} failed (500): try again later"
    assert warnings == [f"events: {said}"], "once, though two calls failed"
    assert ms.KEY not in caplog.text
    assert "Meridian" not in caplog.text


async def test_without_a_provider_the_error_says_what_to_set() -> None:
    await Desk().fails("OPENAI_API_KEY")


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        (Provider(MODEL, "api.example/v1", "k"), "check OPENAI_BASE_URL"),
        (Provider(MODEL, "http://[x/v1", "k"), "check OPENAI_BASE_URL"),
        (Provider(MODEL, "http://127.0.0.1:99999/v1", "k"), "check OPENAI_BASE_URL"),
        (Provider(MODEL, "http://a\nb/v1", "k"), "check OPENAI_BASE_URL"),
        (Provider(MODEL, "https://", "k"), "check OPENAI_BASE_URL"),
        (Provider(MODEL, "", "k"), "check OPENAI_BASE_URL"),
        (Provider(MODEL, "http://127.0.0.1:1/v1", "sk-ключ"), "invalid characters"),
        (Provider(MODEL, "http://127.0.0.1:1/v1", "sk\n-1"), "invalid characters"),
    ],
)
async def test_impossible_settings_are_named(provider: Provider, said: str) -> None:
    with pytest.raises(LlmError, match=said):
        await probe(provider, "")


async def test_https_where_there_is_none_is_named() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(LlmError, match="speak https: check OPENAI_BASE_URL"):
            await probe(Provider(MODEL, f"https://127.0.0.1:{port}/v1", "k"), "")


async def test_a_proxy_is_used_but_not_for_what_is_near() -> None:
    with ModelServer(in_turn(GOOD)) as server:
        await Desk(server, proxy="http://127.0.0.1:9").ask()
    far = Provider(MODEL, "http://api.example/v1", ms.KEY)
    with pytest.raises(LlmError, match="cannot be reached"):
        await probe(far, closed_port().removesuffix("/v1"))
    with pytest.raises(LlmError, match="HTTPS_PROXY"):
        await probe(far, "ftp://127.0.0.1:9")


async def test_probe_says_how_the_model_answers() -> None:
    async with ModelServer(in_turn({"ok": True}), forms=frozenset(["json_object"])) as server:
        said = await probe(Provider(MODEL, server.base_url, ms.KEY), "")
    assert said == f"{MODEL} at 127.0.0.1:{server.port} answers (json_object)"


async def test_probe_shows_what_was_learned() -> None:
    server = ModelServer(
        in_turn({"ok": True}), without=frozenset(["temperature"]), limit="max_completion_tokens"
    )
    async with server:
        line = await probe(Provider(MODEL, server.base_url, ms.KEY), "")
    assert line.endswith("(json_schema; without temperature; max_completion_tokens)")


async def test_a_local_server_needs_no_key() -> None:
    async with ModelServer(in_turn({"ok": True}), key="") as server:
        await probe(Provider(MODEL, server.base_url), "")
    assert "authorization" not in server.requests[0].headers
