"""Capabilities of a model server, learned from its error messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any, Generic, Literal, TypeVar, get_args

from pydantic import BaseModel, TypeAdapter

from digest.reading.vocabulary import load_lines

Form = Literal["json_schema", "json_object", "text"]
Limit = Literal["max_tokens", "max_completion_tokens"]
FORMS: tuple[Form, ...] = get_args(Form)
"""Response formats, from the strictest to the one every server accepts."""
LIMITS: tuple[Limit, ...] = get_args(Limit)
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[Effort, ...] = get_args(Effort)
"""Reasoning efforts, lowest first. Reasoning is billed and uses up the answer's token limit."""
EFFORT: Effort = "minimal"
"""Default effort, used until a server refuses it."""
EXTRAS = frozenset(["temperature", "reasoning_effort", "stream_options"])
"""Optional parameters."""
REMEMBERED = timedelta(days=14)
"""How long refusals are remembered; after that the full request is tried again."""
MIN_TOKEN_LIMIT = 64
"""Minimum number in a refusal that may be a token limit."""

_SHAPE = "Answer with one JSON object and nothing else, in the shape of this JSON schema:\n"
_PARAMETERS: Mapping[str, str] = {
    "temperature": r"temperature",
    "reasoning_effort": r"reasoning|\bthinking|\bthink\b|effort",
    "stream_options": r"stream.?options|include.?usage",
    "stream": r"\bstream(?:ing|ed)?\b",
    "limit": r"max(?:_completion)?_tokens",
    "form": r"response.?format|json.?(?:schema|object|mode|output)|structured.?output|guided|"
    r"grammar|generate json",
    "system": r"system.?(?:role|message|prompt)|role.{0,20}\bsystem\b",
}
"""Patterns of what a refusal is about, in the order they are tried."""
_SWITCH = re.compile(
    r"\b([a-z]\w*_\w+)\W+(?:\w+\W+){0,4}?(?:to|be|is|=)\W{0,3}(true|false)\b", re.IGNORECASE
)
"""A server-specific parameter and the boolean value it requires."""
_EFFORT = re.compile(rf"['\"`]({'|'.join(EFFORTS)})['\"`]|\b({'|'.join(EFFORTS[2:5])})\b", re.I)
_BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|[\W_]+")
_SCHEMA_KEYS = frozenset(["type", "properties", "items", "enum", "anyOf", "const", "$ref", "$defs"])

T = TypeVar("T", bound=BaseModel)


def says(words: str, table: str) -> bool:
    """Return True if the words match a line of a table in `refusals.toml`; "RateLimitError" and
    "rate_limit" match "rate limit"."""
    row = " " + _BETWEEN_WORDS.sub(" ", words).lower()
    lines = load_lines("refusals", table)
    return any((f" {line}" if line.isascii() else line) in row for line in lines)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A question to a model and the schema of its answer."""

    name: str
    """Name in logs: `brief`, `events`."""
    system: str
    prompt: str
    schema: type[T]
    answer_tokens: int
    """Maximum tokens of the answer, including reasoning."""


@dataclass(frozen=True, slots=True)
class Compat:
    """Request options for one server, adapted to what it has refused."""

    form: Form = "json_schema"
    limit: Limit = "max_tokens"
    without: frozenset[str] = frozenset()
    """Refused parameters: from EXTRAS, `stream` and `system`."""
    effort: Effort = EFFORT
    switches: frozenset[tuple[str, bool]] = frozenset()
    """Server-specific parameters it requires."""
    most_tokens: int = 0
    """The server's limit of answer tokens; 0 if unknown."""

    def body(self, model: str, call: Call[T]) -> dict[str, Any]:
        """Return the parameters of a request."""
        tokens = min(call.answer_tokens, self.most_tokens or call.answer_tokens)
        body: dict[str, Any] = {"model": model, "messages": self._messages(call)}
        extras: dict[str, Any] = {"temperature": 0.2, "reasoning_effort": self.effort}
        if "stream" not in self.without:
            body["stream"] = True
            extras["stream_options"] = {"include_usage": True}
        body |= {name: value for name, value in extras.items() if name not in self.without}
        if self.switches:
            body["extra_body"] = dict(self.switches)  # the SDK's way to pass unknown parameters
        return body | {self.limit: tokens} | self._response_format(call)

    def describe(self) -> str:
        """Return what was learned, for operators: "json_object; without temperature"."""
        parts: list[str] = [self.form]
        if self.without:
            parts.append(f"without {', '.join(sorted(self.without))}")
        if "reasoning_effort" not in self.without and self.effort != EFFORT:
            parts.append(f"reasoning_effort {self.effort}")
        if self.limit != LIMITS[0]:
            parts.append(self.limit)
        parts += [f"{name} {str(value).lower()}" for name, value in sorted(self.switches)]
        if self.most_tokens:
            parts.append(f"at most {self.most_tokens} tokens an answer")
        return "; ".join(parts)

    def lower(self) -> Compat:
        """Return a copy with the next less strict response format; `text` is the last."""
        return replace(self, form=FORMS[min(FORMS.index(self.form) + 1, len(FORMS) - 1)])

    def adjustments(self, param: str, message: str) -> Iterator[Compat]:
        """Yield variants to try after a refusal (HTTP 400 and similar), the most likely first.

        First what the refusal asks for, then the request without what it names, then without all
        optional parameters, because a refusal may be in unknown words.
        """
        text = f"{param} {message}"
        about = sorted(
            (match.start(), name)
            for name, pattern in _PARAMETERS.items()
            if (match := re.search(pattern, text, re.IGNORECASE))
        )
        if says(text, "hopeless"):
            yield from self._smaller(text)
            return
        for name, value in _SWITCH.findall(text):
            if name.lower() not in EXTRAS | {*LIMITS, "response_format"}:
                switches = {**dict(self.switches), name: value.lower() == "true"}
                yield replace(self, switches=frozenset(switches.items()))
        yield from self._other_effort(text)
        yield from (changed for _, name in about if (changed := self._without(name, text)))
        bare = replace(self, without=self.without | EXTRAS)
        yield from (
            bare,
            bare.lower(),
            replace(bare, form="text", without=bare.without | {"stream"}),
        )

    def learned(self, today: date) -> dict[str, Any]:
        """Return the value to store."""
        sets = {"without": sorted(self.without), "switches": dict(self.switches)}
        return asdict(self) | sets | {"since": today.isoformat()}

    def _messages(self, call: Call[T]) -> list[dict[str, str]]:
        system = call.system
        if self.form != "json_schema":
            system += "\n\n" + _SHAPE + schema_text(call.schema)
        # Replace lone surrogates (from a post cut inside an emoji), which cannot be encoded.
        system, prompt = (text.encode(errors="replace").decode() for text in (system, call.prompt))
        if "system" in self.without:
            return [{"role": "user", "content": f"{system}\n\n{prompt}"}]
        return [{"role": "system", "content": system}, {"role": "user", "content": prompt}]

    def _response_format(self, call: Call[T]) -> dict[str, Any]:
        if self.form == "text":
            return {}
        if self.form == "json_object":
            return {"response_format": {"type": "json_object"}}
        name = re.sub(r"[^a-zA-Z0-9_-]", "_", call.name)[:64] or "answer"
        schema = {"name": name, "strict": True, "schema": strict_schema(call.schema)}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}

    def _smaller(self, text: str) -> Iterator[Compat]:
        """Yield the answer limit named in a refusal of the token limit."""
        if "context" in text.lower() or not re.search(_PARAMETERS["limit"], text):
            return
        limits = [int(number) for number in re.findall(r"\d{2,7}", text)]
        limits = [n for n in limits if n >= MIN_TOKEN_LIMIT]
        if len(limits) > 1 and min(limits) != self.most_tokens:
            yield replace(self, most_tokens=min(limits))

    def _other_effort(self, text: str) -> Iterator[Compat]:
        """Yield the lowest effort among those that a refusal lists."""
        listed = {(quoted or bare).lower() for quoted, bare in _EFFORT.findall(text)}
        if "reasoning_effort" not in self.without:
            others = [effort for effort in EFFORTS if effort in listed - {self.effort}]
            yield from (replace(self, effort=effort) for effort in others[:1])

    def _without(self, name: str, text: str) -> Compat | None:
        """Return the request without what a refusal names; None if that was not sent."""
        if name == "form":
            return self.lower() if self.form != "text" else None
        if name == "limit":
            # "Use max_completion_tokens instead of max_tokens": both occur, in either order.
            other = LIMITS[1 - LIMITS.index(self.limit)]
            return replace(self, limit=other) if re.search(rf"\b{self.limit}\b", text) else None
        if name == "stream" and name in self.without:
            return replace(self, without=self.without - {name})  # "only supports streaming"
        return replace(self, without=self.without | {name}) if name not in self.without else None


def recall_compat(learned: Mapping[str, Any], today: date) -> Compat:
    """Return the stored options of a server; the defaults if they are too old or unreadable."""
    try:
        switches = tuple(learned["switches"].items())
        compat = TypeAdapter(Compat).validate_python({**learned, "switches": switches})
        old = today - date.fromisoformat(learned["since"]) > REMEMBERED
    except (AttributeError, KeyError, TypeError, ValueError):
        return Compat()
    return Compat() if old else compat


def schema_text(schema: type[BaseModel]) -> str:
    """Return the schema as used in prompts and hashes."""
    return json.dumps(strict_schema(schema), ensure_ascii=False, separators=(",", ":"))


def strict_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of an answer, reduced to what strict servers accept."""
    return _strict(schema.model_json_schema())


def _strict(part: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        return {"$ref": part["$ref"]}  # a reference must not have siblings
    strict = {key: value for key, value in part.items() if key in _SCHEMA_KEYS}
    for key in ("properties", "$defs"):
        if key in strict:
            strict[key] = {name: _strict(value) for name, value in strict[key].items()}
    if "items" in strict:
        strict["items"] = _strict(strict["items"])
    if "anyOf" in strict:
        strict["anyOf"] = [_strict(value) for value in strict["anyOf"]]
    if strict.get("type") == "object":
        strict |= {"required": list(strict.get("properties", {})), "additionalProperties": False}
    return strict
