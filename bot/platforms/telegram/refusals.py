"""What the Bot API means by an answer that is no success: the one translation of its refusals."""

from __future__ import annotations

from typing import Any

from bot.platforms import (
    Gone,
    Limited,
    Moved,
    NotSent,
    PlatformError,
    Refused,
    Revoked,
    ServerFault,
)
from bot.platforms._request import read_json

DEFAULT_WAIT_SECONDS = 5.0
"""The wait after a 429 that does not say how long."""
MOST_REASON = 300
"""Characters of a server's description in our errors."""
# What Telegram's descriptions say, in small letters.
_GONE = ("chat not found", "user not found", "chat_write_forbidden", "deactivated", "peer_id_inv")
_THREAD_GONE = ("message thread not found", "topic_deleted", "topic_id_invalid")
_DELETED = ("not found", "deactivated", "was deleted", "topic_")
_MARKUP = ("can't parse", "entities", "entity_", "reply markup", "button", "inline keyboard")
_HANDED_ON = {408, 504, 520, 524}
"""Codes of a server in front that handed the request on, and did not get its whole answer in time;
520 and 524 are Cloudflare's."""
_SENT = "message was immediately deleted"
"""What a 500 says of a message that was sent, and deleted at once (Bot API server, Client.cpp)."""
_FINAL = (
    *(" rights", "is closed", "topic_closed", "_restricted", "not modified", "query is too old"),
    *("message is too long", "caption is too long", "text is empty", "text must be non-empty"),
    *("message to be replied not found", "message to edit not found", "message can't be edited"),
)
_PICTURE = (
    *("photo", "image_process", "file identifier", "file_id", "file reference", "file of size"),
    *("wrong type of the", "wrong remote file"),
)


def read_refusal(code: int, payload: bytes) -> PlatformError:
    """Return what an answer that is no success means. Only JSON with `ok: false` and a description
    is Telegram's word; anything else comes from a proxy or an edge in front of it."""
    answer = read_object(payload)
    reason = answer.get("description")
    if answer.get("ok") is not False or not isinstance(reason, str):
        return _read_stranger(code)
    reason = reason[:MOST_REASON].removeprefix("Bad Request: ").removeprefix("Forbidden: ")
    parameters = answer.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    if code == 429:
        return Limited(_seconds(parameters.get("retry_after")))
    if new := parameters.get("migrate_to_chat_id"):
        return Moved(str(new))
    if code in (401, 404):  # 404: a token that no bot ever had
        return Revoked("Telegram does not accept the token")
    if code >= 500:
        return _read_fault(code, reason)
    return _read_reason(code, reason)


def _read_stranger(code: int) -> PlatformError:
    if code == 429:
        return Limited(DEFAULT_WAIT_SECONDS)
    return _read_fault(code, f"HTTP {code} from a server in front of Telegram")


def _read_fault(code: int, reason: str) -> PlatformError:
    """Return what a server's fault means. A 500 or 502 is sent again, although a message may have
    been accepted before one now and then: in an outage each would wait for an operator."""
    sure = code not in _HANDED_ON and _SENT not in reason
    return NotSent(reason) if sure else ServerFault(reason)


def _read_reason(code: int, reason: str) -> Gone | Refused:
    low = reason.lower()
    thread = any(word in low for word in _THREAD_GONE)
    if thread or code == 403 or any(word in low for word in _GONE):
        deleted = any(word in low for word in _DELETED)
        return Gone(reason, "deleted" if deleted else "removed", thread=thread)
    picture = code == 413 or any(word in low for word in _PICTURE)
    # "message is not modified" goes on to speak of the reply markup.
    markup = "not modified" not in low and any(word in low for word in _MARKUP)
    # What is refused for a reason not known here may be taken as plain text.
    unknown = code == 400 and not picture and not any(word in low for word in _FINAL)
    rights = " rights" in low
    return Refused(reason, markup=markup or unknown, picture=picture, rights=rights)


def read_object(payload: bytes) -> dict[str, Any]:
    """Return the answer as an object; an empty one for what is no JSON object."""
    answer = read_json(payload)
    return answer if isinstance(answer, dict) else {}


def _seconds(value: object) -> float:
    """Return the wait; Telegram says whole seconds, anything else is a fault of something in
    between."""
    valid = type(value) is int and value > 0
    return min(float(str(value)), 86_400.0) if valid else DEFAULT_WAIT_SECONDS
