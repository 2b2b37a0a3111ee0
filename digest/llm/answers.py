"""Parse the text of a model's answer into the requested schema, however it is wrapped or broken."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from itertools import accumulate
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

T = TypeVar("T", bound=BaseModel)

_THOUGHT = "think|thinking|reasoning"
_TAGS = re.compile(
    rf"(?:\A\s*|(?<=[\n}}>`])[ \t]*)<({_THOUGHT})>.*?(?:</\1>|\Z)|(</(?:{_THOUGHT})>)|\{{",
    re.DOTALL | re.IGNORECASE,
)
"""Outside of JSON objects: a thought block whose tag is not part of a sentence, the end tag of one
without a start tag, or the start of an object."""
_INSIDE = re.compile(r'"(?:[^"\\]|\\(?:.|\Z))*(?:"|\Z)|[{}]', re.DOTALL)
_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
MAX_REPAIR_CHARS = 100_000
"""Maximum length of broken JSON to repair, which takes quadratic time."""
MAX_DEPTH = 60
_TRIES = 40
_SIGNS = re.compile(r'"(?:[^"\\]|\\(?:.|\Z))*(?:"|\Z)|[{}\[\],]', re.DOTALL)
"""Strings (complete or cut) and the delimiters between values."""
_CLOSING = {"{": "}", "[": "]"}


class Unusable(ValueError):
    """The text contains no usable answer. The message is a category for the log."""


def read(text: str, schema: type[T], cut: bool = False) -> T:
    """Return the answer in a text that may contain thoughts, code fences, prose or small errors, or
    may be cut off.

    In a cut answer, the unfinished entry is dropped, because its last sentence may be incomplete.
    Raise Unusable if nothing matches the schema.
    """
    stripped = _without_thoughts(text)
    if not stripped and not cut:  # the whole answer may be inside a thought block
        stripped = re.sub(rf"</?({_THOUGHT})>", "", text)
        stripped = stripped if re.search(r"[{[]", stripped) else ""
    if not stripped:
        raise Unusable("cut" if cut else "empty")
    shape = schema.model_json_schema()
    kind = "no JSON"
    empty: T | None = None
    for value in _values(stripped):
        kind = "wrong shape"
        if (answer := _valid(value, schema, shape)) is not None:
            if _has_content(answer.model_dump()):
                return answer
            empty = empty or answer  # the real answer may follow an empty example
    if empty is not None:
        return empty
    repaired = _repair(stripped, shape, cut)
    if repaired is not None:
        kind = "wrong shape"
        if (answer := _valid(repaired, schema, shape)) is not None:
            return answer
    raise Unusable("cut" if cut else kind)


def _without_thoughts(text: str) -> str:
    """Return the text outside of thought blocks, or after an end tag without a start tag. Such tags
    inside objects are content."""
    pieces: list[str] = []
    behind = at = depth = 0
    while match := (_INSIDE if depth else _TAGS).search(text, at):
        if depth or match[0] == "{":
            depth += {"{": 1, "}": -1}.get(match[0], 0)
            pieces.append(text[at : match.end()])
        else:
            pieces.append(text[at : match.start()])
            behind = len(pieces) if match[2] else behind
        at = match.end()
    pieces.append(text[at:])
    answer = "".join(pieces[behind:])
    return (answer if re.search(r"[{[]", answer) else "".join(pieces)).strip()


def _valid(value: object, schema: type[T], shape: Mapping[str, Any]) -> T | None:
    fields = shape.get("properties", {}).keys()
    if isinstance(value, dict) and not value.keys() & fields:
        # {"result": {...}}: unwrap. A schema with only optional fields would accept any other
        # object as an empty answer, also the schema itself, whose fields are not lists.
        parts = (p for p in value.values() if isinstance(p, dict) and _has_list(p, fields))
        answer = next((_valid(part, schema, shape) for part in parts), None)
        return answer if answer and _has_content(answer.model_dump()) else None
    try:
        return schema.model_validate(fit(value, shape, shape.get("$defs", {})))
    except (ValidationError, RecursionError):
        return None


def _has_list(value: Mapping[str, object], fields: Collection[str]) -> bool:
    return any(isinstance(value.get(name), list) for name in fields)


def _values(text: str) -> Iterator[object]:
    """Yield candidate JSON values: the whole text, then the objects in it, then fenced code, each
    from last to first.

    A model that thinks aloud or repeats the schema puts its answer last.
    """
    decoder = json.JSONDecoder(strict=False)  # allow line breaks in strings
    with suppress(ValueError, RecursionError):
        value = decoder.decode(text)
        if isinstance(value, str):  # JSON inside a JSON string
            text = value
            value = decoder.decode(text)
        yield value
    objects: list[object] = []
    at = text.find("{")
    for _ in range(_TRIES):
        if at < 0:
            break
        try:
            value, end = decoder.raw_decode(text, at)
            objects.append(value)
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)
    yield from reversed(objects)
    for fenced in reversed(_FENCE.findall(text)):  # lists
        with suppress(ValueError, RecursionError):
            yield decoder.decode(fenced)


def _repair(text: str, shape: Mapping[str, Any], cut: bool) -> object | None:
    """Return json-repair's reading of broken JSON; of a cut answer, only the complete part."""
    begin = re.search(r"[{\[]", text)
    depths = accumulate(1 if sign in "[{" else -1 for sign in re.findall(r"[\[\]{}]", text))
    if begin is None or len(text) > MAX_REPAIR_CHARS or max(depths) > MAX_DEPTH:
        return None
    import json_repair

    broken = text[begin.start() :]
    end = max(broken.rfind("}"), broken.rfind("]")) + 1
    cut = cut or not end or '"' in broken[end:]  # a fence or words at the end are not a cut
    try:
        value: object = json_repair.loads(_complete(broken) if cut else broken[:end])
    except (ValueError, RecursionError):
        return None
    if cut and isinstance(value, dict):
        parts = shape.get("properties", {}).items()  # lists it did not reach are empty
        value = {name: [] for name, part in parts if part.get("type") == "array"} | value
    return value if not cut or _has_content(value) else None


def _complete(broken: str) -> str:
    """Return the text up to the last complete value outside unfinished entries, with closers."""
    open_: list[str] = []
    best = ""
    for match in _SIGNS.finditer(broken):
        sign = match[0]
        if sign in "{[":
            # An object in a list is an entry; an incomplete entry is dropped.
            open_.append("entry" if sign == "{" and open_[-1:] == ["]"] else _CLOSING[sign])
        elif sign in "}]" and open_:
            open_.pop()
        if sign in "}],":
            finished = broken[: match.end() if sign != "," else match.start()]
            best = finished + "".join(reversed(open_)) if "entry" not in open_ else best
    return best


def _has_content(value: object) -> bool:
    if isinstance(value, (dict, list)):
        return any(map(_has_content, value.values() if isinstance(value, dict) else value))
    return value not in (None, "")


def fit(value: object, shape: Mapping[str, Any], named: Mapping[str, Any]) -> object:
    """Fix harmless type errors: a string instead of a list of one, a number instead of a string."""
    if "$ref" in shape:
        return fit(value, named.get(str(shape["$ref"]).rpartition("/")[2], {}), named)
    if "anyOf" in shape:
        full = [part for part in shape["anyOf"] if part.get("type") != "null"]
        return fit(value, full[0], named) if value is not None and len(full) == 1 else value
    kind = shape.get("type")
    if kind == "object":
        return _object(value, shape, named)
    if kind == "array":
        entries = value if isinstance(value, list) else [value]
        part = shape.get("items", {})
        form = named.get(str(part.get("$ref")).rpartition("/")[2])
        if form and "required" not in form:  # drop non-objects from a list of objects
            entries = [entry for entry in entries if isinstance(entry, dict)] or entries
        return [fit(e, part, named) for e in entries] if value is not None else value
    return _string(value, shape) if kind == "string" else value


def _object(value: object, shape: Mapping[str, Any], named: Mapping[str, Any]) -> object:
    fields = shape.get("properties", {})
    if isinstance(value, list) and len(fields) == 1:
        value = {next(iter(fields)): value}  # a bare list instead of an object that holds it
    if not isinstance(value, dict):
        return value
    return {name: fit(v, fields[name], named) for name, v in value.items() if name in fields}


def _string(value: object, shape: Mapping[str, Any]) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return value
    # Lone surrogates cannot be encoded, and PostgreSQL refuses NUL.
    text = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")
    choices = {str(choice).casefold(): choice for choice in shape.get("enum", ())}
    return choices.get(text.strip().casefold(), text)
