"""Questions to a model server that does what servers do on their bad days."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime

import pytest

from digest.errors import LlmError
from digest.llm import client, retry
from tests import model_server as ms
from tests.model_server import Answer, ModelServer, Request, in_turn
from tests.questions import GOOD, NOW, TWO, Desk, News, call, closed_port


@pytest.fixture(autouse=True)
def _brief_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BACKOFF_SECONDS", 0.01)


def no_quota() -> Answer:
    message = "You exceeded your current quota, please check your plan and billing details."
    return ms.error(429, message, type="insufficient_quota", code="insufficient_quota")


def no_model() -> Answer:
    message = f"The model `{ms.MODEL}` does not exist or you do not have access to it."
    return ms.error(404, message, code="model_not_found")


def redirect(to: str, status: int = 307) -> Answer:
    return Answer(status=status, headers={"Location": to}, body=b"")


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
        (ms.too_many(), "limits the rate of requests .429 rate_limit_exceeded"),
        (ms.trouble(), "failed .500 server_error"),
        (ms.html(), "failed .502"),
        (ms.EMPTY, "no usable answer .empty"),
        (ms.PROSE, "no usable answer .no JSON"),
        (Answer('{"items": 5}'), "no usable answer .wrong shape"),
        (ms.html(200), "not answer with a completion: check OPENAI_BASE_URL"),
        (Answer(GOOD, cut=10), "broke the connection"),
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
        (no_model(), "no such model or address .404 model_not_found"),
        (no_quota(), "no quota left"),
        (ms.error(402, "Insufficient Balance"), "requires payment"),
        (ms.error(403, "Country not supported"), "forbids this"),
        (ms.error(400, "Invalid API key provided"), "refused the key"),
        (redirect("https://example.com/v1/chat/completions"), "redirect .307"),
        (redirect("https://example.com/", 302), "redirect .302"),
        (ms.REFUSAL, "refused to answer"),
        (Answer("", finish="content_filter"), "refused to answer"),
        (ms.error(400, "This model's maximum context length is 8192 tokens."), "longer context"),
        (ms.error(400, "max_tokens is too large: 500.", param="max_tokens"), "refused the requ"),
        (ms.too_many(3600), "limits the rate of requests"),
        (ms.too_many(format_datetime(NOW + timedelta(hours=1))), "limits the rate of requests"),
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
        return Answer(json.dumps(GOOD), delay=0.5) if request.number == 0 or go else ms.too_many()

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
        desk = Desk(server, seconds=2.0)
        async with desk.llm() as llm:
            begin = time.monotonic()
            calls = [llm.ask(call(f"p1: {n}")) for n in range(3)]
            failed = await asyncio.gather(*calls, return_exceptions=True)
            with pytest.raises(LlmError, match="did not answer in time"):
                await llm.ask(call("p1: late"))
        assert time.monotonic() - begin < 10
    assert all(isinstance(error, LlmError) for error in failed)
    assert len(server.requests) == 3
    assert desk.purse.settled == desk.purse.held


async def test_a_trickling_answer_is_cut() -> None:
    async with ModelServer(in_turn(Answer(GOOD, trickle=0.1))) as server:
        assert await Desk(server, seconds=2.0).fails("did not answer in time") < 10


async def test_a_silent_provider_leaves_time_for_the_next() -> None:
    async with ModelServer(in_turn(ms.SILENT)) as bad, ModelServer(in_turn(GOOD)) as good:
        desk = Desk(bad, good, seconds=2.0)
        assert await desk.ask(call(), call("p1: other")) == [News.model_validate(GOOD)] * 2
    assert len(good.requests) == 2


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    body = b'{"choices": "' + b"x" * 5_000_000
    async with ModelServer(in_turn(Answer(body=body))) as server:
        await Desk(server).fails("far beyond the limit")
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


def _until(accepts: Callable[[Request], bool], refusal: Answer) -> Callable[[Request], object]:
    """A server that answers only what it accepts."""
    return lambda request: GOOD if accepts(request) else refusal


PICKY = {
    "an effort it lists": (
        lambda r: r.body.get("reasoning_effort") in ("none", "low"),
        ms.error(
            400, 'invalid reasoning value: "minimal" (must be "high", "low", "max" or "none")'
        ),
    ),
    "a switch of its own": (
        lambda r: r.body.get("enable_thinking") is False,
        ms.error(400, "parameter.enable_thinking must be set to false for non-streaming calls"),
    ),
    "no temperature, in Chinese": (
        lambda r: "temperature" not in r.body,
        ms.error(400, "不支持该参数", code="1210"),
    ),
    "no parameter it does not know, unnamed": (
        lambda r: not r.body.keys() & {"reasoning_effort", "stream_options"},
        Answer(status=422, body=b'{"detail": "Unprocessable"}'),
    ),
    "no form, unnamed": (
        lambda r: r.form == "text",
        Answer(status=400, body=b"bad request", kind="text/plain"),
    ),
    "no stream": (
        lambda r: not r.body.get("stream"),
        ms.error(400, "Streaming is not available for this deployment"),
    ),
    "nothing but messages": (
        lambda r: r.body.keys() == {"model", "messages", "max_tokens"},
        ms.error(400, "Bad Request"),
    ),
    "fewer tokens": (
        lambda r: r.body["max_tokens"] <= 400,
        ms.error(400, "max_tokens is too large: 500. This model supports at most 400."),
    ),
}
"""What a server accepts, and how it refuses the rest."""


@pytest.mark.parametrize("kind", PICKY)
async def test_a_picky_server_is_asked_in_its_own_way(kind: str) -> None:
    accepts, refusal = PICKY[kind]
    script = _until(accepts, refusal)
    async with ModelServer(script, switches=frozenset(["enable_thinking"])) as server:
        desk = Desk(server)
        assert await desk.ask() == [News.model_validate(GOOD)]
        asked = len(server.requests)
        assert 2 <= asked <= 5
        await desk.ask(call("p1: later"))
        assert len(server.requests) == asked + 1  # remembered


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, "requires payment .402 1008.*message: insufficient balance"),
        ({"choices": None, "base_resp": {"status_code": 1004, "status_msg": "login fail: invalid api key"}}, "refused the key .*invalid api key"),
        ({"error": {"code": "1113", "message": "您的账户余额不足，请充值"}}, "requires payment .*余额不足"),
        ({"error_code": 17, "error_msg": "Open api daily request limit reached"}, "daily request limit"),
        ({"code": "Arrearage", "message": "Access denied, account in arrears"}, "requires payment .402 Arrearage"),
        ({"error": "model is overloaded"}, "limits the rate of requests .*overloaded"),
        ({"detail": "no healthy upstream"}, "no healthy upstream"),
        ({"success": False, "msg": "service down", "code": 5001}, "service down"),
        ({"code": "4" * 5000, "msg": "down \x1b]0;\u202ex\x07."}, r"message: down \]0;x\."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_error_under_status_200_is_an_error(
    body: dict[str, object], said: str, streamed: bool
) -> None:
    text = json.dumps(body, ensure_ascii=False).encode()
    text = b"data: " + text + b"\n\n" if streamed else text
    async with ModelServer(in_turn(Answer(body=text))) as server:
        desk = Desk(server)
        await desk.fails(said)
    assert desk.shelf.answers == {}


async def test_a_good_answer_may_carry_a_status_of_its_own() -> None:
    body = {
        "choices": [{"message": {"content": json.dumps(GOOD)}}],
        "base_resp": {"status_code": 0},
    }
    body["base_resp"] = {"status_code": 0, "status_msg": "success"}
    async with ModelServer(in_turn(Answer(body=json.dumps(body).encode()))) as server:
        assert await Desk(server).ask() == [News.model_validate(GOOD)]


async def test_the_query_of_an_address_stays() -> None:
    async with ModelServer(in_turn(GOOD), query="api-version=2025-01-01") as server:
        await Desk(server).ask()
    assert server.requests[0].path.endswith("/chat/completions?api-version=2025-01-01")
    assert server.requests[0].headers["api-key"] == ms.KEY


async def test_a_server_that_ignores_stream_is_understood() -> None:
    async with ModelServer(in_turn(GOOD), streams=False) as server:
        assert await Desk(server).ask() == [News.model_validate(GOOD)]
    assert server.requests[0].body["stream"] is True


@pytest.mark.parametrize("streams", [True, False])
async def test_only_the_ends_of_lines_end_a_line(*, streams: bool) -> None:
    """JSON may hold those of Unicode as they are, and posts have them."""
    news = {"items": [{"text": "Kite\u2028raised\x85 $5m.", "cites": ["p1"]}]}
    answer = Answer(json.dumps(news, ensure_ascii=False))
    async with ModelServer(in_turn(answer), streams=streams) as server:
        assert await Desk(server).ask() == [News.model_validate(news)]


async def test_an_answer_that_still_comes_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENCE_SECONDS", 0.4)
    long = {"items": [{"text": "Meridian is out. " * 9, "cites": ["p1"]}] * 3}
    async with ModelServer(in_turn(long), tokens_per_second=80) as server:
        begin = time.monotonic()
        (news,) = await Desk(server).ask()
        assert time.monotonic() - begin > 1.0
    assert len(news.items) == 3
    assert len(server.requests) == 1


async def test_signs_of_life_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENCE_SECONDS", 0.3)
    waiting = Answer(body=b": OPENROUTER PROCESSING\n\n" * 400, trickle=0.01)
    async with ModelServer(in_turn(waiting)) as server:
        assert await Desk(server).fails("did not answer in time") < 6


@pytest.mark.parametrize("cut", [200, 700])
async def test_a_stream_that_breaks_off_is_asked_again(cut: int) -> None:
    async with ModelServer(in_turn(Answer(GOOD, cut=cut), GOOD)) as server:
        assert await Desk(server).ask() == [News.model_validate(GOOD)]
    assert len(server.requests) == 2


async def test_a_servers_words_are_not_shown_where_they_repeat_a_post() -> None:
    told = ms.error(400, f"cannot serve: {call().prompt}", param="messages")
    async with ModelServer(in_turn(told)) as server:
        with pytest.raises(LlmError) as caught:
            await Desk(server).ask()
    assert "Meridian" not in str(caught.value)
