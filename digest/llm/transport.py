"""HTTP transport to a model server, and parsing of its streamed or plain response."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from digest.fetch.addresses import choose_proxy
from digest.llm.retry import NO_COMPLETION, Fault, classify_error_body

MAX_BYTES = 4_000_000
"""Maximum size of a response; a stream takes about 250 bytes per token."""
CONNECT_SECONDS = 10.0
MAX_TOKENS = 10_000_000
"""A larger token count is invalid."""
_SENT = frozenset(["host", "content-type", "content-length", "connection"])
_CODING = frozenset(["content-encoding", "content-length", "transfer-encoding"])
_FIELDS = ("data", "event", "id", "retry", "")
"""Field names of server-sent events; a comment has an empty name."""


class TooLong(httpx2.ReadError):
    """The response exceeds MAX_BYTES."""


class BadSetting(Exception):
    """A setting makes requests to the server impossible."""


class Transport(httpx2.AsyncBaseTransport):
    """Send only the headers a server needs, and limit responses to MAX_BYTES."""

    def __init__(self, key: str, proxy: str, azure: bool) -> None:
        self._headers = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "jianbao"}
        if key:
            self._headers["authorization"] = f"Bearer {key}"
        if key and azure:
            self._headers["api-key"] = key
        self._inner = httpx2.AsyncHTTPTransport(proxy=proxy or None, trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request with only this transport's headers."""
        # The SDK adds headers about this machine and from environment variables.
        headers = {k: v for k, v in request.headers.items() if k in _SENT} | self._headers
        sent = httpx2.Request(
            request.method,
            request.url,
            headers=headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        response = await self._inner.handle_async_request(sent)
        plain = [(k, v) for k, v in response.headers.multi_items() if k not in _CODING]
        return httpx2.Response(response.status_code, headers=plain, stream=_Bounded(response))

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._response.aiter_bytes():
            size += len(chunk)
            if size > MAX_BYTES:
                raise TooLong("the answer is too long")
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


def open_client(base_url: str, key: str, proxy: str) -> httpx2.AsyncClient:
    """Return a client for one server. Raise BadSetting if the key, address or proxy is invalid."""
    if not (key.isascii() and key.isprintable()) or key != key.strip():
        raise BadSetting("has a key with invalid characters: check OPENAI_API_KEY")
    host = _host(base_url)
    if not host:
        raise BadSetting("has an invalid address: check OPENAI_BASE_URL")
    azure = host.endswith(".azure.com") or "api-version=" in base_url
    try:
        transport = Transport(key, choose_proxy(base_url, proxy), azure)
    except (ValueError, ImportError, httpx2.InvalidURL):
        raise BadSetting("cannot be reached through that proxy: check HTTPS_PROXY") from None
    return httpx2.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)


def _host(base_url: str) -> str:
    """Return the host of a valid base URL, else ""."""
    try:
        parts = urlsplit(base_url)
        _ = parts.port, httpx2.URL(base_url)  # they validate what urlsplit accepts
    except (ValueError, httpx2.InvalidURL):
        return ""
    return (parts.hostname or "") if parts.scheme in ("http", "https") else ""


async def split_lines(texts: AsyncIterator[str]) -> AsyncIterator[str]:
    """Yield the lines of a body. Unlike `str.splitlines`, do not split at U+2028 and similar
    characters, which may occur in JSON strings."""
    line: list[str] = []
    async for text in texts:
        first, *others = text.replace("\r", "\n").split("\n")
        line.append(first)
        for other in others:
            yield "".join(line)
            line = [other]
    yield "".join(line)


@dataclass(frozen=True, slots=True)
class Completion:
    """A server's answer, with its text not yet parsed."""

    text: str
    cut: bool = False
    """True if the token limit was reached or the stream broke off."""
    refused: bool = False
    usage: tuple[int, int] | None = None
    """Prompt and answer tokens as counted by the server; None if missing or invalid."""


@dataclass(slots=True)
class BodyReader:
    """Assembles a completion line by line, streamed or not."""

    _plain: list[str] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _thought: list[str] = field(default_factory=list)
    _refusal: str = ""
    _finish: str = ""
    _done: bool = False
    _usage: tuple[int, int] | None = None
    _streamed: bool = False
    _error: Mapping[str, Any] | None = None

    def feed(self, line: str) -> bool:
        """Process one line of the body; return True if it contained a part of the answer."""
        name, colon, value = line.partition(":")
        if not (colon and name in _FIELDS) or self._plain:
            self._plain += [line] if line.strip() else []
            return bool(line.strip())
        self._streamed = True
        if name != "data":
            return False
        if value.strip() == "[DONE]":
            self._done = True
            return True
        return self._take(_decode(value))

    def result(self, now: datetime) -> Completion | Fault:
        """Return the completion, or the fault reported in the body."""
        if not self._streamed:
            return read_body("\n".join(self._plain), now)
        if self._error and (fault := classify_error_body(self._error, now)):
            return fault
        if not (self._text or self._thought or self._refusal or self._finish or self._done):
            return NO_COMPLETION
        complete = self._finish != "length" and bool(self._finish or self._done)
        # Some servers return the schema-constrained answer as reasoning.
        text = "".join(self._text) or ("".join(self._thought) if complete else "")
        refused = self._finish == "content_filter" or bool(self._refusal.strip())
        return Completion(text, not complete, refused, self._usage)

    def _take(self, chunk: object) -> bool:
        if not isinstance(chunk, dict):
            return False
        self._usage = read_usage(chunk.get("usage")) or self._usage
        choice = _first(chunk.get("choices"))
        if choice is None:
            self._error = chunk if self._error is None and "usage" not in chunk else self._error
            return False
        delta = choice.get("delta") or choice.get("message")
        delta = delta if isinstance(delta, dict) else {}
        self._text.append(_text(delta.get("content")))
        self._thought.append(_text(delta.get("reasoning_content") or delta.get("reasoning")))
        self._refusal += _text(delta.get("refusal"))
        self._finish = str(choice.get("finish_reason") or self._finish)
        return True


def read_body(content: str, now: datetime) -> Completion | Fault:
    """Return the completion in a complete body, which may contain an error despite status 200."""
    body = _decode(content)
    if isinstance(body, dict):
        if fault := classify_error_body(body, now):
            return fault
        choice = _first(body.get("choices"))
        if choice and isinstance(choice.get("message"), dict):
            reader = BodyReader(_streamed=True, _done=True)
            reader._take(body)
            return reader.result(now)
    # A broken completion may have cost tokens; another server's error page has not.
    billed = content.lstrip().startswith("{")
    return Fault(NO_COMPLETION.kind, NO_COMPLETION.advice, billed=billed)


def read_usage(usage: object) -> tuple[int, int] | None:
    """Return prompt and answer tokens, if plausible: a prompt is never empty."""
    if not isinstance(usage, dict):
        return None
    counts = usage.get("prompt_tokens"), usage.get("completion_tokens")
    for count in counts:
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_TOKENS:
            return None
    prompt, answer = counts
    return (prompt, answer) if prompt and answer is not None else None


def _first(choices: object) -> dict[str, Any] | None:
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else None


def _decode(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _text(content: object) -> str:
    """Return the text of a message, which may be a string, a list of parts, or the value itself."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return json.dumps(content) if isinstance(content, dict) else str(content or "")
