"""Questions to a model server that does what servers do on their bad days."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import timedelta
from email.utils import format_datetime

import pytest

from digest.errors import LlmError
from digest.llm import course
from tests import model_server as ms
from tests.model_server import Answer, ModelServer, Request, in_turn
from tests.questions import GOOD, NOW, TWO, Desk, News, call, closed_port


@pytest.fixture(autouse=True)
def _brief_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "BACKOFF", 0.01)


@pytest.mark.parametrize(
    "first",
    [
        ms.too_many(),
        ms.too_many(0.05),
        ms.too_many(50, "Retry-After-Ms"),
        ms.trouble(500),
        ms.trouble(503),
        ms.html(502),
        ms.NO_JSON_BODY,
        Answer(GOOD, cut=40),
        Answer(body=b"[1, 2]"),
        Answer(body=b"null"),
        Answer(body=b'{"choices": []}'),
        Answer(body=b'{"choices": [{"message": null}]}'),
        Answer(body=b'{"error": {"message": "overloaded", "code": 502}}'),
        Answer(body=b"[" * 100_000),
        Answer(body=b"\xff\xfe", kind="text/plain"),
        ms.html(200),
        ms.EMPTY,
        Answer(None),
        ms.PROSE,
        Answer('{"items": "none"}'),
        Answer('{"items": [{"text": {"a": 1}, "cites": 7.5e400}]}'),
        Answer('{"items": [{"text": "It says', finish="length"),
        Answer("<think>Let me see. {} What if", finish="length"),
    ],
    ids=repr,
)
async def test_one_bad_answer_is_followed_by_another_request(first: Answer) -> None:
    async with ModelServer(in_turn(first, GOOD)) as server:
        desk = Desk(server)
        assert await desk.ask() == [News.model_validate(GOOD)]
    assert len(server.requests) == 2
    assert len(desk.purse.settled) == len(desk.purse.held) == 2
    assert len(desk.shelf.answers) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ms.too_many(), "asked too often .429 rate_limit_exceeded"),
        (ms.trouble(), "has trouble .500 server_error"),
        (ms.html(), "has trouble .502"),
        (ms.EMPTY, "no usable answer .empty"),
        (ms.PROSE, "no usable answer .no JSON"),
        (Answer('{"items": 5}'), "no usable answer .wrong shape"),
        (ms.html(200), "something else: check OPENAI_BASE_URL"),
        (Answer(GOOD, cut=10), "broke off"),
    ],
)
async def test_three_requests_are_the_most(answer: Answer, said: str) -> None:
    async with ModelServer(in_turn(answer)) as server:
        desk = Desk(server)
        await desk.fails(said)
    assert len(server.requests) == 3
    assert desk.shelf.answers == {}
    assert desk.shelf.known == {}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ms.unauthorized(), "refused the key .401 invalid_api_key.: check OPENAI_API_KEY"),
        (ms.no_model(), "no such model or address .404 model_not_found"),
        (ms.no_quota(), "no quota left"),
        (ms.error(402, "Insufficient Balance"), "wants to be paid"),
        (ms.error(403, "Country not supported"), "forbids this"),
        (ms.error(400, "Invalid API key provided"), "refused the key"),
        (ms.redirect("https://example.com/v1/chat/completions"), "redirect .307"),
        (ms.redirect("https://example.com/", 302), "redirect .302"),
        (ms.REFUSAL, "refused to answer"),
        (Answer("", finish="content_filter"), "refused to answer"),
        (ms.error(400, "This model's maximum context length is 8192 tokens."), "refused the requ"),
        (ms.error(400, "max_tokens is too large: 500.", param="max_tokens"), "refused the requ"),
        (ms.too_many(3600), "asked too often"),
        (ms.too_many(format_datetime(NOW + timedelta(hours=1))), "asked too often"),
    ],
)
async def test_what_is_final_is_asked_once(answer: Answer, said: str) -> None:
    async with ModelServer(in_turn(answer)) as server:
        await Desk(server).fails(said)
    assert len(server.requests) == 1


async def test_retry_after_is_kept_to() -> None:
    when = format_datetime(NOW + timedelta(seconds=1))
    async with ModelServer(in_turn(ms.too_many(0.3), ms.too_many(when), GOOD)) as server:
        await Desk(server).ask()
    first, second, third = (request.at for request in server.requests)
    assert second - first >= 0.3
    assert third - second >= 1.0


async def test_a_provider_that_is_out_is_skipped_by_the_other_calls() -> None:
    async with ModelServer(in_turn(ms.unauthorized())) as bad, ModelServer(in_turn(GOOD)) as good:
        desk = Desk(bad, good)
        async with desk.llm() as llm:
            for n in range(3):
                assert await llm.ask(call(f"p1: {n}")) == News.model_validate(GOOD)
        assert (len(bad.requests), len(good.requests)) == (1, 3)
        for provider in desk.providers[:1]:
            desk.providers = [provider]
        await desk.fails("refused the key")


async def test_a_refusal_of_one_call_leaves_the_provider_to_the_others() -> None:
    async with ModelServer(in_turn(ms.REFUSAL, GOOD)) as server:
        desk = Desk(server)
        async with desk.llm() as llm:
            with pytest.raises(LlmError, match="refused to answer"):
                await llm.ask(call())
            await llm.ask(call("p1: other"))


async def test_a_busy_provider_is_not_given_up() -> None:
    def script(request: Request) -> Answer:
        return ms.after(0.5, GOOD) if request.number == 0 or go else ms.too_many()

    go = False
    async with ModelServer(script) as server:
        desk = Desk(server)
        async with desk.llm() as llm:
            calls = [llm.ask(call(f"p1: {n}")) for n in range(2)]
            found = await asyncio.gather(*calls, return_exceptions=True)
            assert sorted(type(one).__name__ for one in found) == ["LlmError", "News"]
            go = True
            await llm.ask(call("p1: later"))


async def test_a_dead_address_is_tried_thrice_and_then_left_alone() -> None:
    desk = Desk(closed_port())
    async with desk.llm() as llm:
        for _ in range(2):
            with pytest.raises(LlmError, match="cannot be reached: check OPENAI_BASE_URL"):
                await llm.ask(call())
    assert desk.purse.settled == [(0, 0)] * 3


async def test_a_silent_server_costs_no_more_than_the_time_given() -> None:
    async with ModelServer(in_turn(ms.SILENT)) as server:
        desk = Desk(server, seconds=0.5)
        async with desk.llm() as llm:
            begin = time.monotonic()
            calls = [llm.ask(call(f"p1: {n}")) for n in range(3)]
            failed = await asyncio.gather(*calls, return_exceptions=True)
            with pytest.raises(LlmError, match="did not answer in time"):
                await llm.ask(call("p1: late"))
        assert time.monotonic() - begin < 5
    assert all(isinstance(error, LlmError) for error in failed)
    assert len(server.requests) == 3
    assert desk.purse.settled == desk.purse.held


async def test_a_trickling_answer_is_cut() -> None:
    async with ModelServer(in_turn(Answer(GOOD, trickle=0.1))) as server:
        assert await Desk(server, seconds=0.5).fails("did not answer in time") < 5


async def test_a_silent_provider_leaves_time_for_the_next() -> None:
    async with ModelServer(in_turn(ms.SILENT)) as bad, ModelServer(in_turn(GOOD)) as good:
        desk = Desk(bad, good, seconds=2.0)
        assert await desk.ask(call(), call("p1: other")) == [News.model_validate(GOOD)] * 2
    assert len(good.requests) == 2


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    body = b'{"choices": "' + b"x" * 3_000_000
    async with ModelServer(in_turn(Answer(body=body))) as server:
        await Desk(server).fails("far more than was asked")
    assert len(server.requests) == 1


async def test_ten_times_too_long_is_still_an_answer() -> None:
    long = {"items": [{"text": "Meridian is out. " * 300, "cites": ["p1"]}] * 20}
    async with ModelServer(in_turn(long)) as server:
        (news,) = await Desk(server).ask()
    assert len(news.items) == 20


async def test_a_cut_answer_gives_what_was_complete() -> None:
    text = json.dumps(TWO)[:-20]
    async with ModelServer(in_turn(Answer(text, finish="length"))) as server:
        assert await Desk(server).ask() == [News.model_validate(GOOD)]
    assert len(server.requests) == 1
