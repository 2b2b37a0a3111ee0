"""Classify failed requests to a model server and decide what to try next."""

import random
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from digest.fetch import parse_wait
from digest.llm.compat import Compat, says

RETRIES = 2
ADJUSTMENTS = 7
BACKOFF_SECONDS = 0.5
"""Delay before the first retry; doubled before the second."""
MAX_WORDS = 160
"""Characters of a server's error message shown to operators."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{1,40}")
_CODES = ("code", "status_code", "error_code", "errcode")
_TRANSIENT = frozenset([408, 409, 425, 429])
_BILLED = frozenset([408, 504, 524])
"""A gateway timed out while the model works on, so the call is billed. Other errors are not."""
_ADJUSTABLE = frozenset([400, 404, 405, 415, 422])

_ADVICE = {
    401: "refused the key ({}): check OPENAI_API_KEY",
    402: "requires payment ({}): check the account",
    403: "forbids this ({}): check what the key may do",
    404: "knows no such model or address ({}): check OPENAI_MODEL and OPENAI_BASE_URL",
    405: "accepts no requests at this address ({}): check OPENAI_BASE_URL",
    408: "took too long ({}): try again later",
    413: "finds the request too large ({}): choose a model with a longer context",
    429: "limits the rate of requests ({}): try again later",
}
_DOWN = frozenset([401, 402, 403, 404, 405])
"""Statuses after which the server is not used for the rest of the report."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A failed request."""

    kind: str
    """Category for the log: `429`, `time-out`, `no JSON`."""
    advice: str
    """Advice for the operator, to follow the model's and server's names."""
    final: bool = False
    """True if retrying the same request is useless."""
    down: bool = False
    """True if other calls should not try this server either."""
    billed: bool = True
    """True if the model may have run, so that the call may be billed."""
    wait: float | None = None
    """Delay requested by the server, in seconds."""
    lower: Literal["", "last", "now"] = ""
    """When to fall back to a less strict response format: at once, or at the last retry."""
    refusal: tuple[str, str] | None = field(default=None, repr=False)
    """Parameter and message of a refused request."""
    words: str = field(default="", repr=False)
    """The server's message. It may quote the request."""


@dataclass(slots=True)
class Attempts:
    """Retry state of one call to one server."""

    compat: Compat
    retries: int = RETRIES
    adjustments: int = ADJUSTMENTS
    _tried: set[Compat] = field(default_factory=set)

    def next_wait(self, fault: Fault, learned: Compat) -> float | None:
        """Return the seconds until the next request; None if there is no point in one.

        `learned`: capabilities that concurrent calls have learned meanwhile.
        """
        if fault.refusal and self._adjust(*fault.refusal, learned):
            return 0.0
        if fault.final or not self.retries:
            return None
        self.retries -= 1
        if fault.lower == "now" or (fault.lower == "last" and not self.retries):
            self.compat = self.compat.lower()
        if fault.wait is not None:
            return fault.wait
        wait: float = BACKOFF_SECONDS * 2 ** (RETRIES - 1 - self.retries)
        return wait * random.uniform(0.75, 1.25)  # noqa: S311 (jitter)

    def _adjust(self, param: str, message: str, learned: Compat) -> bool:
        """Switch to an untried variant of the request; return False if there is none."""
        self._tried.add(self.compat)
        for compat in (learned, *self.compat.adjustments(param, message)):
            if compat not in self._tried and self.adjustments:
                self.adjustments -= 1
                self.compat = compat
                return True
        return False


def classify_status(status: int, headers: Mapping[str, str], body: object, now: datetime) -> Fault:
    """Return the fault for an HTTP error and its decoded body."""
    error = body if isinstance(body, Mapping) else {}
    code, words = _code(error), find_message(body)
    label = f"{status} {code}".strip()
    if 300 <= status < 400:
        advice = f"answers with a redirect ({status}): give its final address in OPENAI_BASE_URL"
        return Fault(label, advice, final=True, down=True, billed=False)
    text = f"{code} {error.get('type')} {words}"
    if status in (400, 403, 429) and says(text, "quota"):
        advice = f"has no quota left for this key ({label}): check the account"
        return Fault(label, advice, final=True, down=True, billed=False, words=words)
    if status == 400 and says(text, "key"):
        advice = _ADVICE[401].format(label)
        return Fault(label, advice, final=True, down=True, billed=False, words=words)
    if status in _TRANSIENT or status >= 500:
        return _transient(status, label, parse_wait(headers, now), words)
    flagged = says(text, "flagged")
    too_long = status == 400 and "context" in text.lower() and says(text, "hopeless")
    advice = _ADVICE.get(413 if too_long else status, "refused the request ({})").format(label)
    refusal = (str(error.get("param") or ""), str(body)[:4000])
    return Fault(
        label,
        advice,
        final=True,
        down=status in _DOWN and not flagged,
        billed=False,
        refusal=refusal if status in _ADJUSTABLE and not flagged else None,
        words=words,
    )


def classify_error_body(body: Mapping[str, Any], now: datetime) -> Fault | None:
    """Return the error in a body with status 200; None if there is none.

    Servers report errors as `error`, `base_resp`, `code` with `message`, `detail` and others.
    """
    error: Any = body.get("error") or body.get("base_resp")
    if not error and body.get("choices"):
        return None
    explicit = isinstance(error, Mapping)
    error = error if explicit else body
    code = str(next((error[key] for key in _CODES if key in error), ""))
    words = find_message(error)
    if code == "0" or not (words or explicit):
        return None
    status = int(code) if re.fullmatch("[45][0-9]{2}", code) else 0
    if not status:
        kinds = (("quota", 402), ("key", 401), ("busy", 429), ("flagged", 400))
        status = next((number for kind, number in kinds if says(words, kind)), 502)
    return classify_status(status, {}, error, now)


def find_message(error: object) -> str:
    """Return the server's error message on one line, or ""."""
    if isinstance(error, str):
        return " ".join(error.split())
    if isinstance(error, Mapping):
        keys = ("message", "error", "status_msg", "error_msg", "errmsg", "msg", "detail")
        messages = (find_message(error.get(key)) for key in keys)
        return next((words for words in messages if words), "")
    return ""


def quotable(words: str, secrets: tuple[str, ...]) -> str:
    """Return the message for an operator; "" if it repeats parts of the request or contains
    HTML."""
    short = words[:MAX_WORDS]
    runs = (short[at : at + 16] for at in range(max(1, len(short) - 15)))
    repeated = any(len(run) > 3 and run in secret for run in runs for secret in secrets)
    return "" if repeated or "<" in short else short


def _transient(status: int, label: str, wait: float | None, words: str) -> Fault:
    """Return a retryable fault. llama-cpp-python answers 500 to an unknown response format."""
    advice = _ADVICE.get(status, "failed ({}): try again later").format(label)
    lower: Literal["", "last"] = "last" if status in (500, 501) else ""
    return Fault(label, advice, billed=status in _BILLED, wait=wait, lower=lower, words=words)


def _code(error: Mapping[str, Any]) -> str:
    """Return the error's code, if it is a single name; a sentence might quote the request."""
    for key in (*_CODES, "type"):
        value = error.get(key)
        if isinstance(value, str) and _NAME.fullmatch(value):
            return value
        if isinstance(value, int) and value >= 1000:
            return str(value)
    return ""


_LATE = "did not answer in time: try again later"
TIME_OUT = Fault("time-out", _LATE)
NO_TIME = Fault("no time left", "had no time left to answer", final=True, billed=False)
TOO_LONG = Fault("too long", "answers far beyond the limit: choose another model", final=True)
CUT = Fault("connection cut", "broke the connection: try again later")
NO_COMPLETION = Fault("no completion", "does not answer with a completion: check OPENAI_BASE_URL")


def classify_connection_error(error: BaseException) -> Fault:
    """Return the fault for a request without a response, from the chain of exceptions."""
    causes = list(_causes(error))
    names = {type(cause).__name__ for cause in causes}
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        advice = "cannot be trusted (its certificate): check OPENAI_BASE_URL and HTTPS_PROXY"
        return Fault("certificate", advice, final=True, down=True, billed=False)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        advice = "does not speak https: check OPENAI_BASE_URL and HTTPS_PROXY"
        return Fault("no https", advice, billed=False)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Fault("no such host", "cannot be found: check OPENAI_BASE_URL", billed=False)
    if "TooLong" in names:
        return TOO_LONG
    if "ConnectTimeout" in names:
        return Fault("time-out", _LATE, billed=False)
    if names & {"ReadTimeout", "WriteTimeout", "PoolTimeout"}:
        return TIME_OUT
    if "ProxyError" in names:
        return Fault("proxy", "cannot be reached: check HTTPS_PROXY", billed=False)
    if names & {"UnsupportedProtocol", "LocalProtocolError"}:
        advice = "cannot be used: check OPENAI_BASE_URL and OPENAI_API_KEY"
        return Fault("bad address or key", advice, final=True, down=True, billed=False)
    if "ConnectError" in names:
        advice = "cannot be reached: check OPENAI_BASE_URL and that the server runs"
        return Fault("no connection", advice, billed=False)
    return CUT


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def host(base_url: str) -> str:
    """Return the server's host for messages, without credentials and query."""
    try:
        parts = urlsplit(base_url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an unusable address"
    return f"{parts.hostname or 'no host'}{port}"
