"""Bodies of chat completions as servers send them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.llm.retry import Fault
from digest.llm.transport import Completion, read_body, read_usage

NOW = datetime(2025, 12, 6, tzinfo=UTC)


def completion(**message: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": "stop"}]}


def read(body: Any) -> Completion:
    completion = read_body(json.dumps(body), NOW)
    assert isinstance(completion, Completion)
    return completion


def text(body: Any) -> str:
    return read(body).text


def test_a_reply_is_read_however_it_is_packed() -> None:
    assert text(completion(content="a")) == "a"
    assert text(completion(content=None)) == ""
    assert text(completion(content=[{"type": "text", "text": "a"}, 1, {"text": "b"}])) == "ab"
    assert json.loads(text(completion(content={"a": 1}))) == {"a": 1}
    assert text(completion(content=None, reasoning_content="{}")) == "{}"


def test_a_refusal_is_seen() -> None:
    for body, refused in [(completion(refusal="No."), True), (completion(refusal=""), False)]:
        assert read(body).refused is refused


def test_thoughts_are_no_answer_where_the_model_was_stopped() -> None:
    body = {"choices": [{"message": {"reasoning_content": "{"}, "finish_reason": "length"}]}
    assert read(body) == Completion("", cut=True)


@pytest.mark.parametrize(
    "body",
    [None, [], "a", {}, {"choices": {}}, {"choices": [1]}, {"choices": [{"message": "a"}]}],
)
def test_what_is_no_completion_is_a_fault(body: object) -> None:
    fault = read_body(json.dumps(body), NOW)
    assert isinstance(fault, Fault)
    assert fault.billed is isinstance(body, dict)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: (
    st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["choices", "message", "content", "usage", "error"]), inner)
), max_leaves=12))  # fmt: skip
def test_whatever_a_server_sends_is_a_reply_or_a_fault(body: Any) -> None:
    assert isinstance(read_body(json.dumps(body), NOW), Completion | Fault)


def test_usage_must_be_possible() -> None:
    assert read_usage({"prompt_tokens": 5, "completion_tokens": 0}) == (5, 0)
    assert read_usage({"prompt_tokens": 5.0, "completion_tokens": 1}) is None
    assert read_usage([5, 1]) is None
