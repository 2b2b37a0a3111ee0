"""A scripted server of OpenAI's chat completions on loopback, for tests. It knows no SDK.

    async with ModelServer(script) as server:     # or `with`, around a child process
        ... server.base_url, server.requests

It checks each request as real servers do, answers what the script says, and raises at the end of the
block what it did not expect. It runs in a thread of its own, so tests may block.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from tests.loopback import listen

KEY = "test-key-5c1e"
MODEL = "test-model"
FORMS = frozenset(["json_schema", "json_object"])
PARAMETERS = frozenset(
    "model messages max_tokens max_completion_tokens temperature reasoning_effort response_format "
    "stream stream_options".split()
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request that came in."""

    number: int
    """From 0, in the order of arrival."""
    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    at: float
    """On the clock of `time.monotonic`."""

    @property
    def form(self) -> str:
        """`json_schema`, `json_object` or `text`."""
        return str((self.body.get("response_format") or {}).get("type", "text"))

    @property
    def name(self) -> str:
        """The name of the schema, where the form is `json_schema`."""
        return str((self.body.get("response_format") or {}).get("json_schema", {}).get("name", ""))

    @property
    def text(self) -> str:
        """All messages."""
        return "\n\n".join(str(message["content"]) for message in self.body["messages"])

    @property
    def prompt(self) -> str:
        """The last message."""
        return str(self.body["messages"][-1]["content"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server does with one request; a plain answer unless told otherwise."""

    content: Any = ""
    finish: str = "stop"
    refusal: str | None = None
    usage: Any = "counted"
    """In place of the server's own count; None for none at all."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """The whole body, in place of a completion."""
    kind: str = "application/json"
    delay: float = 0.0
    silent: bool = False
    """Whether the server takes the request and never says a word."""
    trickle: float = 0.0
    """Seconds between one byte of the body and the next."""
    cut: int | None = None
    """After how many bytes of the body the connection breaks."""


Script = Callable[[Request], Any]
"""Gives an Answer, or the content of a plain one: a text, or a value that goes out as JSON."""


def in_turn(*answers: Any) -> Script:
    """These, one a request; the last one again and again."""
    return lambda request: answers[min(request.number, len(answers) - 1)]


# --- faults, in the words of real servers -----------------------------------------------------


def error(status: int, message: str, **more: Any) -> Answer:
    """An error as OpenAI words it; `headers` and `kind` go to the answer."""
    headers = more.pop("headers", {})
    said = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return Answer(status=status, headers=headers, body=json.dumps({"error": said | more}).encode())


def too_many(retry_after: object = None, header: str = "Retry-After") -> Answer:
    headers = {} if retry_after is None else {header: str(retry_after)}
    message = f"Rate limit reached for {MODEL} on requests per min (RPM): Limit 3, Used 3."
    return error(429, message, type="requests", code="rate_limit_exceeded", headers=headers)


def trouble(status: int = 500) -> Answer:
    message = "The server had an error while processing your request."
    return error(status, message, type="server_error")


def html(status: int = 502) -> Answer:
    page = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
    return Answer(status=status, body=page, kind="text/html")


def unauthorized() -> Answer:
    message = f"Incorrect API key provided: {KEY[:4]}****. You can find your API key at ..."
    return error(401, message, code="invalid_api_key")


def refuses(name: str, wording: str = "openai") -> Answer:
    """A parameter is refused, as OpenAI, vLLM or Mistral say it."""
    if wording == "vllm":
        said = f"[{{'type': 'extra_forbidden', 'loc': ('body', '{name}'), 'msg': 'Extra inputs are not permitted'}}]"
        return _vllm(said)
    if wording == "mistral":
        detail = {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs"}
        return Answer(status=422, body=json.dumps({"detail": [detail]}).encode())
    message = f"Unsupported parameter: '{name}' is not supported with this model."
    if name == "max_tokens":
        message += " Use 'max_completion_tokens' instead."
    if name == "temperature":
        message = "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported."
    return error(400, message, param=name, code="unsupported_parameter")


def _vllm(message: str) -> Answer:
    body = {"object": "error", "message": message, "type": "BadRequestError", "param": None}
    return Answer(status=400, body=json.dumps(body | {"code": 400}).encode())


def refuses_form(form: str, wording: str = "openai") -> Answer:
    if wording == "deepseek":
        message = "This response_format type is unavailable now"
        return error(400, message, code="invalid_request_error")
    if wording == "vllm":
        return _vllm(f"'{form}' is not supported: no guided decoding")
    if wording == "llama-cpp-python":
        said = f"[{{'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), 'input': '{form}'}}]"
        return error(500, said, type="internal_server_error")
    message = f"'response_format' of type '{form}' is not supported with this model."
    return error(400, f"Invalid parameter: {message}", param="response_format")


SILENT = Answer(silent=True)
EMPTY = Answer("")
PROSE = Answer("The day was quiet. I have found nothing of interest, sorry!")
REFUSAL = Answer(None, refusal="I'm sorry, I cannot assist with that request.")
NO_JSON_BODY = Answer(body=b'{"id": "1", "choices": [{"message": {"cont')


# --- the server -------------------------------------------------------------------------------


class ModelServer:
    """One model on 127.0.0.1. What a real server refuses, it refuses and reports at the end."""

    def __init__(
        self,
        script: Script,
        *,
        key: str = KEY,
        model: str = MODEL,
        forms: frozenset[str] = FORMS,
        limit: str = "",
        without: frozenset[str] = frozenset(),
        wording: str = "openai",
        streams: bool = True,
        switches: frozenset[str] = frozenset(),
        query: str = "",
        first_token: float = 0.0,
        tokens_per_second: float = math.inf,
    ) -> None:
        """`limit`: the only name it takes for the token limit. `without`: parameters it refuses.
        `streams`: False for one that ignores `stream` and answers at once, as some do. `switches`:
        parameters of its own. `query`: what its address must carry, like Azure's `api-version=1`.

        `forms`: the response formats it takes; the others, like parameters, are refused in the `wording`
        of `openai`, `vllm`, `mistral`, `deepseek` or `llama-cpp-python`. Such refusals are no surprise.
        """
        self.requests: list[Request] = []
        self.surprises: list[str] = []
        self.base_url = ""
        self.port = 0
        self._script = script
        self._key, self._model, self._wording = key, model, wording
        self._forms, self._limit, self._without = forms, limit, without
        self._streams, self._switches, self._query = streams, switches, query
        self._first_token, self._speed = first_token, tokens_per_second
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._end: Callable[[], object] = lambda: None

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise AssertionError("the model server did not start")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._end()
        self._thread.join(10)
        if self.surprises and kind is None:
            raise AssertionError("\n".join(self.surprises))

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, kind: object, *_: object) -> None:
        self.__exit__(kind)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        runner = await listen([("*", "/{path:.*}", self._take)])
        self.port = runner.addresses[0][1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1{self._query and f'?{self._query}'}"
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        self._end = lambda: loop.call_soon_threadsafe(ended.set)
        self._ready.set()
        await ended.wait()
        await runner.cleanup()

    async def _take(self, asked: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await asked.read())
        except ValueError:
            self.surprises.append(f"{asked.method} {asked.path_qs}: the body is not JSON")
            body = {}
        headers = {name.lower(): value for name, value in asked.headers.items()}
        line = asked.method, asked.path_qs
        request = Request(len(self.requests), *line, headers, body, time.monotonic())
        answer = self._answer(request)
        self.requests.append(request)
        if answer.silent:
            await asyncio.Event().wait()  # until the server ends
        return await self._send(asked, request, answer)

    def _answer(self, request: Request) -> Answer:
        """What to do: the server's own checks come first, then the script."""
        try:
            if wrong := self._wrong(request):
                self.surprises.append(f"request {request.number}: {wrong}")
                return error(400, wrong)
            answer = self._refused(request) or self._script(request)
        except Exception as problem:  # noqa: BLE001 (a mistake of the script must reach the test)
            self.surprises.append(f"request {request.number}: {problem!r}")
            return error(500, "the script failed")
        if isinstance(answer, Answer):
            return answer
        return Answer(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))

    def _wrong(self, request: Request) -> str:
        """What no client of ours should ever send."""
        body, sent = request.body, request.headers
        wants = f"Bearer {self._key}" if self._key else ""
        schema = (body.get("response_format") or {}).get("json_schema", {})
        messages = body.get("messages") or [{}]
        limits = [k for k in ("max_tokens", "max_completion_tokens") if k in body]
        in_words = request.form != "json_object" or "json" in request.text.lower()
        path = f"/v1/chat/completions{self._query and f'?{self._query}'}"
        unknown = body.keys() - PARAMETERS - self._switches
        odd = [
            m for m in messages if m.get("role") not in ("system", "user") or not m.get("content")
        ]
        problems = {
            f"{request.method} {request.path}": (request.method, request.path) != ("POST", path),
            "wrong key": sent.get("authorization", "") != wants,
            "not sent as JSON": sent.get("content-type") != "application/json",
            f"wrong model {body.get('model')}": body.get("model") != self._model,
            f"unknown parameters {unknown}": bool(unknown),
            "stream_options without stream": "stream_options" in body and not body.get("stream"),
            "empty or odd messages": bool(odd),
            f"limits {limits}": len(limits) != 1 or not 0 < body[limits[0]] < 100_000,
            f"unknown form {request.form}": request.form not in {*FORMS, "text"},
            "'messages' must contain the word 'json' to use 'json_object'": not in_words,
        }
        found = [problem for problem, is_so in problems.items() if is_so]
        if request.form == "json_schema":
            found += not_strict(schema)
        return "; ".join(found)

    def _refused(self, request: Request) -> Answer | None:
        """What this model does not take though others do."""
        for name in sorted(self._without & request.body.keys()):
            return refuses(name, self._wording)
        for name in {"max_tokens", "max_completion_tokens"} & request.body.keys():
            if self._limit and name != self._limit:
                return refuses(name, self._wording)
        if request.form != "text" and request.form not in self._forms:
            return refuses_form(request.form, self._wording)
        return None

    async def _send(
        self, asked: web.Request, request: Request, answer: Answer
    ) -> web.StreamResponse:
        """Send the answer, as slowly and as far as it says."""
        if self._streams and request.body.get("stream") and answer.body is None:
            events = _events(self._model, request, answer)
            kind, pace = "text/event-stream", self._pace(answer) / len(events)
        else:
            body = answer.body
            events = [_completion(self._model, request, answer) if body is None else body]
            kind, pace = answer.kind, 0.0
        await asyncio.sleep(answer.delay + self._first_token + (0 if pace else self._pace(answer)))
        headers = {"Content-Type": kind, "Content-Length": str(sum(map(len, events)))}
        response = web.StreamResponse(status=answer.status, headers=headers | dict(answer.headers))
        await response.prepare(asked)
        if answer.trickle:
            events = [bytes([byte]) for byte in b"".join(events)]
        elif answer.cut is not None:
            events = [b"".join(events)[: answer.cut]]
        for event in events:
            await response.write(event)
            await asyncio.sleep(answer.trickle or pace)
        if answer.cut is not None and asked.transport:
            asked.transport.close()
        return response

    def _pace(self, answer: Answer) -> float:
        """Return the seconds that writing the answer takes."""
        return count(str(answer.content)) / self._speed if answer.status == 200 else 0.0


def _events(model: str, request: Request, answer: Answer) -> list[bytes]:
    """Return a streamed answer as OpenAI documents it: deltas, the usage, an end mark."""
    message = json.loads(_completion(model, request, answer))
    choice, head = message["choices"][0], {"id": message["id"], "model": model}
    head["object"] = "chat.completion.chunk"
    content = choice["message"]["content"]
    pieces = re.findall(r"(?s).{1,24}", content) if isinstance(content, str) else [content]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in pieces if piece is not None]
    if choice["message"]["refusal"]:
        deltas.append({"refusal": choice["message"]["refusal"]})
    steps = [(delta, None) for delta in deltas] + [({}, choice["finish_reason"])]
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in steps
    ]
    if "usage" in message and (request.body.get("stream_options") or {}).get("include_usage"):
        chunks.append({"choices": [], "usage": message["usage"]})
    lines = [json.dumps(head | chunk, ensure_ascii=False) for chunk in chunks]
    return [f"data: {line}\n\n".encode() for line in [*lines, "[DONE]"]]


def _completion(model: str, request: Request, answer: Answer) -> bytes:
    message = {"role": "assistant", "content": answer.content, "refusal": answer.refusal}
    body: dict[str, Any] = {"id": f"chatcmpl-{request.number}", "object": "chat.completion"}
    body |= {"created": 1764979200, "model": model}
    body["choices"] = [{"index": 0, "message": message, "finish_reason": answer.finish}]
    if answer.usage == "counted":
        prompt, said = count(request.text), count(str(answer.content or ""))
        body["usage"] = {"prompt_tokens": prompt, "completion_tokens": said}
        body["usage"]["total_tokens"] = prompt + said
    elif answer.usage is not None:
        body["usage"] = answer.usage
    return json.dumps(body, ensure_ascii=False).encode()


def count(text: str) -> int:
    """Tokens as a model would count them: one a Chinese sign, one for four letters."""
    wide = len(re.findall(r"[\u3000-\u9fff\uac00-\ud7ff\uff00-\uffef]", text))
    return wide + math.ceil((len(text) - wide) / 4)


# --- what OpenAI demands of a schema, written apart from the code that makes one ---------------

STRICT = frozenset(["type", "properties", "required", "additionalProperties", "items", "enum"]) | {
    *("anyOf", "const", "description", "title", "$ref", "$defs", "pattern", "format"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minItems", "maxItems"),
}


def not_strict(said: Mapping[str, Any]) -> list[str]:
    """Why OpenAI refuses this `json_schema`; nothing where it takes it."""
    schema = said.get("schema")
    found = []
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", str(said.get("name", ""))):
        found.append("Invalid 'response_format.json_schema.name'")
    if said.get("strict") is not True:
        found.append("strict is not true")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return [*found, "schema must be a JSON Schema of 'type: \"object\"'"]
    return found + _problems(schema, schema.get("$defs", {}), "")


def _problems(part: Any, named: Mapping[str, Any], place: str) -> list[str]:
    if not isinstance(part, dict):
        return [f"In context=({place}), not a schema"]
    if "$ref" in part:
        known = str(part["$ref"]).removeprefix("#/$defs/") in named
        return [] if known and len(part) == 1 else [f"In context=({place}), bad $ref {part}"]
    found = [f"In context=({place}), '{key}' is not permitted" for key in part.keys() - STRICT]
    if not part.keys() & {"type", "anyOf", "enum", "const"}:
        found.append(f"In context=({place}), schema must have a 'type' key")
    if part.get("type") == "object":
        fields = part.get("properties", {})
        if part.get("additionalProperties") is not False:
            found.append(f"In context=({place}), 'additionalProperties' must be false")
        if sorted(part.get("required", [])) != sorted(fields):
            found.append(f"In context=({place}), 'required' must include every key in properties")
    inner: Sequence[tuple[str, Any]] = [
        *part.get("properties", {}).items(),
        *part.get("$defs", {}).items(),
        *([("items", part.get("items"))] if part.get("type") == "array" else []),
        *((str(n), choice) for n, choice in enumerate(part.get("anyOf", []))),
    ]
    return found + [p for name, value in inner for p in _problems(value, named, f"{place}/{name}")]
