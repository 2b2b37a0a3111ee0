"""The stand-in for model servers refuses what real ones refuse, and says so at the end."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest

from tests.model_server import KEY, MODEL, Answer, ModelServer, in_turn

BODY: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "你好 there"}],
    "max_tokens": 5,
}
LOOSE = {"type": "object", "properties": {"a": {"type": "string"}}}


def post(server: ModelServer, body: object, key: str = KEY, path: str = "") -> tuple[int, Any]:
    """Status and body, as any client would see them."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    connection.request("POST", path or "/v1/chat/completions", json.dumps(body), headers)
    response = connection.getresponse()
    told = response.read()
    connection.close()
    return response.status, json.loads(told)


def test_a_plain_answer_has_usage_of_its_own_count() -> None:
    with ModelServer(in_turn({"a": "模型"})) as server:
        status, body = post(server, BODY)
    assert status == 200
    assert json.loads(body["choices"][0]["message"]["content"]) == {"a": "模型"}
    assert body["usage"] == {"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9}
    assert (server.requests[0].form, server.requests[0].prompt) == ("text", "你好 there")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"temprature": 1}, "unknown parameters"),
        ({"model": "other"}, "wrong model"),
        ({"messages": []}, "odd messages"),
        ({"max_completion_tokens": 5}, "limits"),
        ({"response_format": {"type": "xml"}}, "unknown form"),
        ({"response_format": {"type": "json_object"}}, "must contain the word 'json'"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "strict": True, "schema": LOOSE},
                }
            },
            "'additionalProperties' must be false",
        ),
    ],
)
def test_a_surprise_is_refused_and_reported(more: dict[str, Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said), ModelServer(in_turn("yes")) as server:
        assert post(server, BODY | more)[0] == 400


def test_key_and_path_are_looked_at() -> None:
    with pytest.raises(AssertionError, match="wrong key"), ModelServer(in_turn("a")) as server:
        post(server, BODY, key="other")
    with pytest.raises(AssertionError, match="/v2"), ModelServer(in_turn("a")) as server:
        post(server, BODY, path="/v2")


def test_a_mistake_of_the_script_reaches_the_test() -> None:
    script = lambda request: request.body["seed"]  # noqa: E731
    with pytest.raises(AssertionError, match="KeyError"), ModelServer(script) as server:
        assert post(server, BODY)[0] == 500


def test_a_refused_parameter_is_no_surprise() -> None:
    with ModelServer(in_turn("a"), limit="max_completion_tokens") as server:
        status, body = post(server, BODY)
    assert status == 400
    assert body["error"]["param"] == "max_tokens"


def test_answers_take_their_time() -> None:
    with ModelServer(in_turn(Answer('{"a": 1}', delay=0.1)), tokens_per_second=50) as server:
        assert post(server, BODY)[0] == 200
        assert post(server, BODY)[0] == 200
    assert server.requests[1].at - server.requests[0].at >= 0.1 + 2 / 50
