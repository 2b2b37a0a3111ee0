"""The body of a chat completion: what a server answered, before anyone looks into the text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeGuard, cast

from digest.llm.retry import Fault, of_status

_MOST_TOKENS = 10_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered, before anyone looked into the text."""

    text: str
    cut: bool = False
    """Whether the model was stopped at the limit of tokens."""
    refused: bool = False
    usage: tuple[int, int] | None = None
    """Tokens of prompt and answer as the server counts them; None where it tells nothing usable."""


def read_body(content: bytes, now: datetime) -> Reply | Fault:
    """The reply in the body of an HTTP answer; some servers put errors there under status 200."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        code = error.get("code")
        status = code if isinstance(code, int) and 400 <= code < 600 else 502
        return of_status(status, {}, error, now)
    found = reply(body)
    if found is None:
        # A broken body may have cost tokens; the page of some other server has not.
        said = "answers with something else: check OPENAI_BASE_URL"
        return Fault("no completion", said, ran=content.lstrip().startswith(b"{"))
    return found


def reply(body: Any) -> Reply | None:
    """The reply in a chat completion; None where it is none."""
    try:
        choice = body["choices"][0]
        message = choice["message"]
        content, refusal = message.get("content"), message.get("refusal")
    except (KeyError, IndexError, TypeError, AttributeError):
        return None
    ended = choice.get("finish_reason")
    text = _text(content)
    if not text and ended != "length":
        # Some servers take what a strict form made the model say for its thoughts.
        text = _text(message.get("reasoning_content") or message.get("reasoning"))
    refused = ended == "content_filter" or (isinstance(refusal, str) and bool(refusal.strip()))
    return Reply(text, ended == "length", refused, usage(body.get("usage")))


def _text(content: object) -> str:
    """Some servers give parts, some the value itself instead of its text."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return json.dumps(content) if isinstance(content, dict) else str(content or "")


def usage(said: object) -> tuple[int, int] | None:
    """Tokens of prompt and answer, where they can be true: a prompt is never empty."""
    if not isinstance(said, dict):
        return None
    prompt, answer = said.get("prompt_tokens"), said.get("completion_tokens")
    if not (_count(prompt) and _count(answer) and prompt):
        return None
    return prompt, answer


def _count(value: object) -> TypeGuard[int]:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and 0 <= cast(int, value) <= _MOST_TOKENS
