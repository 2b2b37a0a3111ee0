"""What refusals teach of a server, and how it is asked then."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from digest.llm.compat import EXTRAS, Call, Compat, Effort, recall_compat, strict_schema
from tests.model_server import not_strict


class Point(BaseModel):
    text: str
    cites: list[str]
    rank: int = 0
    kind: Literal["stock", "coin"] | None = None


class Brief(BaseModel):
    points: list[Point]
    notes: list[str]


def first(compat: Compat, param: str, message: str) -> Compat | None:
    """Return what is tried first after a refusal."""
    return next(compat.adjustments(param, message), None)


def bare(*names: str) -> Compat:
    return Compat(without=frozenset(names))


def test_the_schema_is_as_strict_servers_want_it() -> None:
    schema = strict_schema(Brief)
    assert not_strict({"name": "brief", "strict": True, "schema": schema}) == []
    assert schema["$defs"]["Point"]["required"] == ["text", "cites", "rank", "kind"]
    plain = Brief.model_json_schema()
    assert len(not_strict({"name": "two words", "schema": plain})) >= 4


@pytest.mark.parametrize(
    ("param", "message", "expected"),
    [
        ("max_tokens", "Use 'max_completion_tokens' instead.", Compat(limit="max_completion_tokens")),
        ("", "use max_completion_tokens, not max_tokens", Compat(limit="max_completion_tokens")),
        ("", "max_tokens is too large: 5000. At most 4096 are supported.", Compat(most_tokens=4096)),
        ("", "Invalid max_tokens value, the valid range of max_tokens is too long: [1, 8192] 9000", Compat(most_tokens=8192)),
        ("", "maximum context length is 8192 tokens, max_tokens 500", None),
        ("temperature", "", bare("temperature")),
        ("", "Unrecognized request argument: reasoning_effort", bare("reasoning_effort")),
        ("stream", "Your organization must be verified to stream this model.", bare("stream")),
        ("", "Unknown field stream_options", bare("stream_options")),
        ("response_format", "Invalid schema", Compat("json_object")),
        ("", "This response_format type is unavailable now", Compat("json_object")),
        ("", "model `x` does not support response format `json_schema`", Compat("json_object")),
        ("", "System role not supported", bare("system")),
        ("", "Input was flagged by moderation", None),
        ("", "Unsupported: 'max_tokens'. Use 'max_completion_tokens' (names are case-sensitive)", Compat(limit="max_completion_tokens")),
        ("", "This parameter is kept for later: temperature", bare("temperature")),
        ("messages", "参数不支持", bare(*EXTRAS)),
        ("", "nope", bare(*EXTRAS)),
    ],
)  # fmt: skip
def test_a_refusal_teaches(param: str, message: str, expected: Compat | None) -> None:
    assert first(Compat(), param, message) == expected


@pytest.mark.parametrize(
    ("message", "effort"),
    [
        ("Unsupported value: 'minimal' is not supported with the 'gpt-5.1' model. Supported values are: 'none', 'low', 'medium', and 'high'.", "none"),
        ('invalid reasoning value: "minimal" (must be "high", "medium", "low", "max" or "none")', "none"),
        ("Input should be 'low', 'medium' or 'high'", "low"),
        ("think value must be one of low, medium, high", "low"),
        ("`reasoning.effort` `minimal` not allowed, use `medium`", "medium"),
    ],
)  # fmt: skip
def test_the_least_effort_that_is_listed_is_tried(message: str, effort: Effort) -> None:
    assert first(Compat(), "", message) == Compat(effort=effort)


@pytest.mark.parametrize(
    ("message", "switch"),
    [
        ("parameter.enable_thinking must be set to false for non-streaming calls", ("enable_thinking", False)),
        ("set `enable_search` to true to use this model", ("enable_search", True)),
        ("The value of the enable_thinking parameter is restricted to True.", ("enable_thinking", True)),
    ],
)  # fmt: skip
def test_a_switch_that_is_asked_for_is_set(message: str, switch: tuple[str, bool]) -> None:
    adjusted = first(Compat(), "", message)
    assert adjusted == Compat(switches=frozenset([switch]))
    assert adjusted.body("m", CALL)["extra_body"] == dict([switch])


def test_streaming_is_turned_on_again_where_it_is_asked_for() -> None:
    refused = bare("stream")
    assert "stream" not in refused.body("m", CALL)
    assert "stream_options" not in refused.body("m", CALL)
    message = "This model only support stream mode, please enable the stream parameter"
    assert first(refused, "", message) == Compat()


def test_in_the_end_everything_optional_is_left_out() -> None:
    last = list(Compat().adjustments("", "¯\\_(ツ)_/¯"))[-1]
    assert last.body("m", CALL).keys() == {"model", "messages", "max_tokens"}


def test_nothing_is_dropped_twice() -> None:
    least = Compat("text", without=frozenset([*EXTRAS, "stream", "system"]))
    for word in ("temperature", "reasoning_effort", "response_format", "system role"):
        assert set(least.adjustments(word, word)) <= {least, bare_text()}
    renamed = Compat(limit="max_completion_tokens")
    assert first(renamed, "", "max_completion_tokens is unknown") == Compat()


def bare_text() -> Compat:
    return Compat("text", without=frozenset([*EXTRAS, "stream", "system"]))


CALL = Call("a b", "You write.", "p1: news", Brief, 10)


def test_without_a_system_role_its_text_goes_first() -> None:
    body = Compat("text", without=frozenset(["system"])).body("m", CALL)
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert body["messages"][0]["content"].startswith("You write.")
    assert body["messages"][0]["content"].endswith("p1: news")


def test_a_servers_own_limit_is_never_passed() -> None:
    call = Call("a", "s", "p", Brief, 5000)
    assert Compat(most_tokens=4096).body("m", call)["max_tokens"] == 4096


@pytest.mark.parametrize(
    "learned",
    [{}, {"form": "text"}, {"since": 5}, {"since": "2025-12-06", "form": "xml", "limit": "max_tokens", "without": []},
     {**Compat().learned(date(2025, 12, 6)), "switches": 5}],
)  # fmt: skip
def test_what_cannot_be_recalled_is_learned_anew(learned: dict[str, Any]) -> None:
    assert recall_compat(learned, date(2025, 12, 6)) == Compat()


def test_what_was_learned_is_recalled_for_a_while() -> None:
    switches = frozenset([("enable_thinking", False)])
    compat = Compat("text", "max_completion_tokens", frozenset(["temperature"]), "low", switches, 9)
    learned = compat.learned(date(2025, 12, 1))
    assert recall_compat(learned, date(2025, 12, 6)) == compat
    assert recall_compat(learned, date(2025, 12, 26)) == Compat()
