"""What went wrong with a request to a model server, and what that means for the next one."""

from __future__ import annotations

import math
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

_QUOTA = frozenset(["insufficient_quota", "exceeded_current_quota_error", "insufficient_balance"])
_QUOTA |= {"billing_not_active", "billing_hard_limit_reached"}
_BAD_KEY = re.compile(
    r"(?:incorrect|invalid|wrong) api.?key|api.?key (?:not valid|is invalid)", re.I
)
_JUDGED = re.compile(r"moderation|flagged|content.?(?:policy|filter|management)", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{1,40}")
_AGAIN = frozenset([408, 409, 425, 429])
_LATE = frozenset([408, 504, 524])
"""A gateway gave up waiting; the model behind it works on. Other errors are not billed."""

_SAID = {
    401: "refused the key ({}): check OPENAI_API_KEY",
    402: "wants to be paid ({}): check the account",
    403: "forbids this ({}): check what the key may do",
    404: "knows no such model or address ({}): check OPENAI_MODEL and OPENAI_BASE_URL",
    405: "takes no questions there ({}): check OPENAI_BASE_URL",
    408: "took too long ({}): try again later",
    413: "finds the request too large ({}): choose a model with a longer context",
    429: "is asked too often ({}): try again later",
}
_DOWN = frozenset([401, 402, 403, 404, 405])
"""What one call was refused for good, the others of a report need not try."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One failed request."""

    kind: str
    """For the log: `429`, `time-out`, `no JSON`."""
    said: str
    """For the operator, after the name of model and server."""
    final: bool = False
    """Whether the same request is not worth repeating."""
    down: bool = False
    """Whether other calls need not try this server either."""
    ran: bool = True
    """Whether the model may have worked, and so may have to be paid."""
    wait: float | None = None
    """Seconds the server asks for."""
    lower: Literal["", "last", "now"] = ""
    """Whether a lower form may help: at once, or in place of giving up."""
    adjust: tuple[str, str] | None = field(default=None, repr=False)
    """Of a refused request: the parameter and the message. It may quote posts: never shown."""


def of_status(status: int, headers: Mapping[str, str], body: Any, now: datetime) -> Fault:
    """The fault of an HTTP error with its (decoded) body."""
    error = body if isinstance(body, dict) else {}
    code = _code(error)
    message = str(body)[:4000]
    shown = f"{status} {code}".strip()
    if 300 <= status < 400:
        said = f"answers with a redirect ({status}): give its final address in OPENAI_BASE_URL"
        return Fault(shown, said, final=True, down=True, ran=False)
    if _QUOTA & {code, str(error.get("type"))}:
        said = f"has no quota left for this key ({shown}): check the account"
        return Fault(shown, said, final=True, down=True, ran=False)
    if status == 400 and _BAD_KEY.search(message):
        return Fault(shown, _SAID[401].format(shown), final=True, down=True, ran=False)
    if status in _AGAIN or status >= 500:
        return _passing(status, shown, retry_after(headers, now))
    said = _SAID.get(status, "refused the request ({})").format(shown)
    judged = bool(_JUDGED.search(message))
    adjust = (str(error.get("param") or ""), message) if status in (400, 422) else None
    down = status in _DOWN and not judged
    return Fault(shown, said, final=True, down=down, ran=False, adjust=adjust)


def _passing(status: int, shown: str, wait: float | None) -> Fault:
    """A fault that may pass. llama-cpp-python answers 500 to a form it does not know."""
    said = _SAID.get(status, "has trouble ({}): try again later").format(shown)
    lower: Literal["", "last"] = "last" if status in (500, 501) else ""
    return Fault(shown, said, ran=status in _LATE, wait=wait, lower=lower)


def _code(error: Mapping[str, Any]) -> str:
    """The error's plain name, if it has one; sentences may quote what was sent."""
    for key in ("code", "type"):
        value = error.get(key)
        if isinstance(value, str) and _NAME.fullmatch(value):
            return value
    return ""


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds until the server wants to be asked again; None where it does not say."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        said = headers.get(name, "")
        try:
            seconds = float(said) / unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        when = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())


_TIME_OUT = "did not answer in time: try again later"
TIME_OUT = Fault("time-out", _TIME_OUT)
NO_TIME = Fault("no time left", "had no time left to answer", final=True, ran=False)


def of_connection(error: BaseException) -> Fault:
    """The fault of a request that got no answer, by the errors that led to it."""
    causes = list(_causes(error))
    names = {type(cause).__name__ for cause in causes}
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        said = "cannot be trusted (its certificate): check OPENAI_BASE_URL and HTTPS_PROXY"
        return Fault("certificate", said, final=True, down=True, ran=False)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        said = "cannot be spoken to over https: check OPENAI_BASE_URL and HTTPS_PROXY"
        return Fault("no https", said, ran=False)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        said = "cannot be found: check OPENAI_BASE_URL"
        return Fault("no such host", said, ran=False)
    if "TooLong" in names:
        said = "answers far more than was asked: choose another model"
        return Fault("too long", said, final=True)
    if "ConnectTimeout" in names:
        return Fault("time-out", _TIME_OUT, ran=False)
    if names & {"ReadTimeout", "WriteTimeout", "PoolTimeout"}:
        return TIME_OUT
    if "ProxyError" in names:
        return Fault("proxy", "cannot be reached: check HTTPS_PROXY", ran=False)
    if names & {"UnsupportedProtocol", "LocalProtocolError"}:
        said = "cannot be asked: check OPENAI_BASE_URL and OPENAI_API_KEY"
        return Fault("bad address or key", said, final=True, down=True, ran=False)
    if "ConnectError" in names:
        said = "cannot be reached: check OPENAI_BASE_URL and that the server runs"
        return Fault("no connection", said, ran=False)
    return Fault("connection cut", "broke off: try again later")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def host(base_url: str) -> str:
    """The server's name for messages, without a user or password."""
    try:
        found = urlsplit(base_url)
        port = f":{found.port}" if found.port else ""
    except ValueError:
        return "an unusable address"
    return f"{found.hostname or 'no host'}{port}"
