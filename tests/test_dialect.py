"""What refusals teach of a server, and what is said to it then."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from digest.llm.compat import Call, Dialect, recalled, strict_schema
from tests.strict_schema import not_strict


class Point(BaseModel):
    text: str
    cites: list[str]
    rank: int = 0
    kind: Literal["stock", "coin"] | None = None


class Brief(BaseModel):
    points: list[Point]
    notes: list[str]


def test_the_schema_is_as_strict_servers_want_it() -> None:
    schema = strict_schema(Brief)
    assert not_strict({"name": "brief", "strict": True, "schema": schema}) == []
    assert schema["$defs"]["Point"]["required"] == ["text", "cites", "rank", "kind"]
    plain = Brief.model_json_schema()
    assert len(not_strict({"name": "two words", "schema": plain})) >= 4


@pytest.mark.parametrize(
    ("param", "message", "expected"),
    [
        ("max_tokens", "Use 'max_completion_tokens' instead.", Dialect(limit="max_completion_tokens")),
        ("", "use max_completion_tokens, not max_tokens", Dialect(limit="max_completion_tokens")),
        ("", "max_tokens is too large: 5000", None),
        ("temperature", "", Dialect(without=frozenset(["temperature"]))),
        ("", "Unrecognized request argument: reasoning_effort", Dialect(without=frozenset(["reasoning_effort"]))),
        ("response_format", "Invalid schema", Dialect("json_object")),
        ("", "This response_format type is unavailable now", Dialect("json_object")),
        ("", "model `x` does not support response format `json_schema`", Dialect("json_object")),
        ("", "System role not supported", Dialect(without=frozenset(["system"]))),
        ("messages", "the prompt is empty", None),
    ],
)  # fmt: skip
def test_a_refusal_teaches(param: str, message: str, expected: Dialect | None) -> None:
    assert Dialect().adjusted(param, message) == expected


def test_the_least_reasoning_has_a_name_in_every_model() -> None:
    refused = (
        "Unsupported value: 'minimal' is not supported with the 'gpt-5.1' model. Supported values are:"
        " 'none', 'low', 'medium', and 'high'."
    )
    second = Dialect().adjusted("reasoning_effort", refused)
    assert second == Dialect(effort="none")
    third = second.adjusted("reasoning_effort", "Input should be 'low', 'medium' or 'high'")
    assert third == Dialect(effort="low")
    assert third.adjusted("reasoning_effort", refused) == Dialect(
        without=frozenset(["reasoning_effort"]), effort="low"
    )
    unknown = "Unrecognized request argument supplied: reasoning_effort"
    assert Dialect().adjusted("", unknown) == Dialect(without=frozenset(["reasoning_effort"]))


def test_nothing_is_dropped_twice() -> None:
    bare = Dialect("text", "max_tokens", frozenset(["temperature", "reasoning_effort", "system"]))
    for word in ("temperature", "reasoning_effort", "response_format", "system role"):
        assert bare.adjusted(word, word) is None
    renamed = Dialect(limit="max_completion_tokens")
    assert renamed.adjusted("", "max_completion_tokens is unknown") == Dialect()


def test_without_a_system_role_its_text_goes_first() -> None:
    merged = Dialect("text", without=frozenset(["system"]))
    body = merged.body("m", Call("a b", "You write.", "p1: news", Brief, 10))
    assert [message["role"] for message in body["messages"]] == ["user"]
    assert body["messages"][0]["content"].startswith("You write.")
    assert body["messages"][0]["content"].endswith("p1: news")


@pytest.mark.parametrize(
    "learned",
    [{}, {"form": "text"}, {"since": 5}, {"since": "2025-12-06", "form": "xml", "limit": "max_tokens", "without": []}],
)  # fmt: skip
def test_what_cannot_be_recalled_is_learned_anew(learned: dict[str, Any]) -> None:
    assert recalled(learned, date(2025, 12, 6)) == Dialect()
    dialect = Dialect("text", "max_completion_tokens", frozenset(["temperature"]))
    assert recalled(dialect.learned(date(2025, 12, 1)), date(2025, 12, 6)) == dialect
