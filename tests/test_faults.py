"""What an error of a model server means, and what is tried next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from digest.fetch.addresses import is_near
from digest.llm import retry
from digest.llm.compat import Compat
from digest.llm.retry import Attempts, Fault, classify_status, host

NOW = datetime(2025, 12, 6, 8, 0, tzinfo=UTC)
KNOWN = Compat()


@pytest.mark.parametrize(
    ("status", "body", "final", "down", "ran"),
    [
        (401, {}, True, True, False),
        (403, {"message": "Country not supported"}, True, True, False),
        (403, {"message": "Your input was flagged"}, True, False, False),
        (405, "Not Allowed", True, True, False),
        (413, None, True, False, False),
        (418, {"code": "I'm a teapot, p1: Meridian"}, True, False, False),
        (429, {"type": "insufficient_quota"}, True, True, False),
        (429, {"code": 1302}, False, False, False),
        (429, {"message": "Rejected requests are charged too"}, False, False, False),
        (500, {}, False, False, False),
        (504, "<html>", False, False, True),
    ],
)
def test_a_status_says_what_is_left_to_try(
    status: int, body: Any, final: bool, down: bool, ran: bool
) -> None:
    fault = classify_status(status, {}, body, NOW)
    assert (fault.final, fault.down, fault.billed) == (final, down, ran)
    assert str(status) in fault.advice
    assert "Meridian" not in fault.advice + fault.kind


def test_waits_grow_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BACKOFF_SECONDS", 1.0)
    way = Attempts(Compat())
    trouble = Fault("503", "has trouble")
    first, second = way.next_wait(trouble, KNOWN), way.next_wait(trouble, KNOWN)
    assert first
    assert second
    assert 0.75 <= first <= 1.25 < 1.5 <= second <= 2.5
    assert way.next_wait(trouble, KNOWN) is None


def test_a_server_cannot_keep_a_call_busy_with_refusals() -> None:
    way, asked = Attempts(Compat()), 0
    names = ["temperature", "reasoning_effort", "max_tokens", "response_format", "json_object"]
    for name in [*names, "system role", "max_completion_tokens"]:
        refused = Fault("400", "refused the request", final=True, refusal=(name, name))
        asked += way.next_wait(refused, KNOWN) is not None
    assert asked == retry.ADJUSTMENTS
    assert way.retries == retry.RETRIES


def test_the_form_goes_down_at_once_or_last() -> None:
    way = Attempts(Compat())
    forms = []
    for _ in range(2):
        way.next_wait(Fault("500", "", lower="last"), KNOWN)
        forms.append(way.compat.form)
    assert forms == ["json_schema", "json_object"]
    way = Attempts(Compat())
    way.next_wait(Fault("no JSON", "", lower="now"), KNOWN)
    assert way.compat.form == "json_object"


def test_a_host_is_named_without_secrets() -> None:
    assert host("https://user:secret@api.example/v1?key=secret") == "api.example"
    assert host("http://127.0.0.1:8080/v1") == "127.0.0.1:8080"
    assert host("http://[x") == "an unusable address"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("192.168.0.2", True),
        ("localhost", True),
        ("ollama", True),
        ("box.local", True),
        ("api.openai.com", False),
        ("8.8.8.8", False),
        ("2001:4860:4860::8888", False),
    ],
)
def test_near_hosts_are_told_from_far_ones(name: str, near: bool) -> None:
    assert is_near(name) is near
