"""What a server understands of OpenAI's chat completions: the form of an answer, the parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Generic, Literal, TypeVar, get_args

from pydantic import BaseModel

Form = Literal["json_schema", "json_object", "text"]
Limit = Literal["max_tokens", "max_completion_tokens"]
FORMS: tuple[Form, ...] = get_args(Form)
"""From the strictest to what every server takes."""
LIMITS: tuple[Limit, ...] = get_args(Limit)
OPTIONAL: Mapping[str, object] = {"temperature": 0.2, "reasoning_effort": "minimal"}
"""Parameters that a server may refuse and an answer can do without."""
EFFORTS = ("minimal", "none", "low")
"""Names of the least reasoning, which differ by model: reasoning eats the tokens of the answer."""
REMEMBERED = timedelta(days=14)
"""Servers learn as well: what one did not understand is tried again after this."""

_ORDER = "Answer with one JSON object and nothing else, in the shape of this JSON schema:\n"
_ABOUT_SYSTEM = re.compile(r"system.?(?:role|message|prompt)|role.{0,20}\bsystem\b", re.IGNORECASE)
_ABOUT = re.compile(
    rf"\b(?:{'|'.join([*OPTIONAL, *LIMITS])})\b|{_ABOUT_SYSTEM.pattern}|response.?format|"
    r"json.?(?:schema|object|mode|output)|structured.?output|guided|grammar|generate json",
    re.IGNORECASE,
)
"""What a refusal can be about; the last of these are names of the form."""
_OTHER_EFFORT = re.compile(r"['\"](?:low|none)['\"]|\bunsupported value\b", re.IGNORECASE)
"""The value was refused and others were named, not the parameter."""
_TOO_LARGE = re.compile(r"too (?:large|long|many)|maximum|at most \d|exceed", re.IGNORECASE)
_KEPT = frozenset(["type", "properties", "required", "additionalProperties", "items", "enum"])
_KEPT |= {"anyOf", "const", "description", "$ref", "$defs"}

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One question to a model, and what its answer must be."""

    name: str
    """For logs: `brief`, `events`."""
    system: str
    prompt: str
    schema: type[T]
    answer_tokens: int
    """The most an answer may take, a model's reasoning included."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What to say to one server, as far as its refusals have taught it."""

    form: Form = "json_schema"
    limit: Limit = "max_tokens"
    without: frozenset[str] = frozenset()
    effort: str = EFFORTS[0]

    def body(self, model: str, call: Call[T]) -> dict[str, Any]:
        """The parameters of the request."""
        wanted = {**OPTIONAL, "reasoning_effort": self.effort}
        optional = {name: v for name, v in wanted.items() if name not in self.without}
        messages = self._messages(call)
        return {"model": model, "messages": messages, self.limit: call.answer_tokens} | (
            optional | self._response_format(call)
        )

    def _messages(self, call: Call[T]) -> list[dict[str, str]]:
        system = call.system
        if self.form != "json_schema":
            system += "\n\n" + _ORDER + schema_text(call.schema)
        # Half a surrogate pair, from a post cut in the middle of an emoji, cannot be sent.
        system, prompt = (text.encode(errors="replace").decode() for text in (system, call.prompt))
        if "system" in self.without:
            return [{"role": "user", "content": f"{system}\n\n{prompt}"}]
        return [{"role": "system", "content": system}, {"role": "user", "content": prompt}]

    def _response_format(self, call: Call[T]) -> dict[str, Any]:
        if self.form == "text":
            return {}
        said: dict[str, Any] = {"type": self.form}
        if self.form == "json_schema":
            name = re.sub(r"[^a-zA-Z0-9_-]", "_", call.name)[:64] or "answer"
            said["json_schema"] = {
                "name": name,
                "strict": True,
                "schema": strict_schema(call.schema),
            }
        return {"response_format": said}

    def lower(self) -> Dialect:
        """The same with the next form down; text stays text."""
        return replace(self, form=FORMS[min(FORMS.index(self.form) + 1, len(FORMS) - 1)])

    def merged(self, other: Dialect) -> Dialect:
        """`other` with all that was refused to either: calls in parallel learn at the same time."""
        form = FORMS[max(FORMS.index(self.form), FORMS.index(other.form))]
        effort = EFFORTS[max(EFFORTS.index(self.effort), EFFORTS.index(other.effort))]
        return Dialect(form, other.limit, self.without | other.without, effort)

    def adjusted(self, param: str, message: str) -> Dialect | None:
        """What to say after a refusal (400, 422); None where it is about something else."""
        for said in (param, message):
            for found in _ABOUT.finditer(said):
                if changed := self._without(found[0], f"{param} {message}"):
                    return changed
        return None

    def _without(self, refused: str, said: str) -> Dialect | None:
        """Without what a refusal names, if it was sent. The first that fits is what it is about."""
        if (
            refused == "reasoning_effort"
            and self.effort != EFFORTS[-1]
            and _OTHER_EFFORT.search(said)
        ):
            return replace(self, effort=EFFORTS[EFFORTS.index(self.effort) + 1])
        if refused in OPTIONAL:
            dropped = self.without | {refused}
            return replace(self, without=dropped) if dropped != self.without else None
        if refused in LIMITS:
            # "Use max_completion_tokens instead of max_tokens" names both, in either order.
            refuses = re.search(rf"\b{self.limit}\b", said) and not _TOO_LARGE.search(said)
            return replace(self, limit=self._other()) if refuses else None
        if _ABOUT_SYSTEM.fullmatch(refused):
            merged = self.without | {"system"}
            return replace(self, without=merged) if merged != self.without else None
        return self.lower() if self.form != "text" else None

    def _other(self) -> Limit:
        return LIMITS[1 - LIMITS.index(self.limit)]

    def learned(self, today: date) -> dict[str, Any]:
        """For the store."""
        return {
            "form": self.form,
            "limit": self.limit,
            "without": sorted(self.without),
            "effort": self.effort,
            "since": today.isoformat(),
        }


def recalled(learned: Mapping[str, Any], today: date) -> Dialect:
    """What was learned of a server; nothing where it is old or not to be understood."""
    try:
        since = date.fromisoformat(learned["since"])
        form, limit, without = learned["form"], learned["limit"], frozenset(learned["without"])
        effort = learned["effort"]
    except (KeyError, TypeError, ValueError):
        return Dialect()
    if today - since > REMEMBERED or form not in FORMS or limit not in LIMITS:
        return Dialect()
    return Dialect(form, limit, without, effort if effort in EFFORTS else EFFORTS[0])


def schema_text(schema: type[BaseModel]) -> str:
    """The schema as it goes into a prompt or a hash."""
    return json.dumps(strict_schema(schema), ensure_ascii=False, separators=(",", ":"))


def strict_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of an answer, in the words that strict servers take."""
    whole = schema.model_json_schema()
    return _strict(whole, whole.get("$defs", {}))


def _strict(part: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        # A reference may stand only alone; what is said beside it goes.
        return {"$ref": part["$ref"]}
    kept = {key: value for key, value in part.items() if key in _KEPT}
    for key in ("properties", "$defs"):
        if key in kept:
            kept[key] = {name: _strict(value, named) for name, value in kept[key].items()}
    if "items" in kept:
        kept["items"] = _strict(kept["items"], named)
    if "anyOf" in kept:
        kept["anyOf"] = [_strict(value, named) for value in kept["anyOf"]]
    if kept.get("type") == "object":
        kept |= {"required": list(kept.get("properties", {})), "additionalProperties": False}
    return kept
