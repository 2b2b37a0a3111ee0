"""The text of an answer, however a model wrapped or broke it, as the value that was asked for."""

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
"""Outside of objects: a thought that is not named in a sentence, the end of one whose beginning is
missing, or an object."""
_INSIDE = re.compile(r'"(?:[^"\\]|\\(?:.|\Z))*(?:"|\Z)|[{}]', re.DOTALL)
_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
MOST_REPAIRED = 100_000
"""Characters beyond which broken JSON is not mended: that takes time by the square."""
MOST_DEPTH = 60
_TRIES = 40
_SIGNS = re.compile(r'"(?:[^"\\]|\\(?:.|\Z))*(?:"|\Z)|[{}\[\],]', re.DOTALL)
"""Strings, whole or cut, and what stands between values."""
_CLOSING = {"{": "}", "[": "]"}


class Unusable(ValueError):
    """No answer can be read out of the text. The message is a kind for the log."""


def read(text: str, schema: type[T], cut: bool = False) -> T:
    """Return the answer in a text that may hold thoughts, fences, prose, slips, or only its
    beginning.

    Of an answer that was cut off, the entry that was being written is left out: its last sentence
    may say half of what it should. Raise Unusable where nothing fits.
    """
    said = _without_thoughts(text)
    if not said and not cut:  # a whole answer may be all that was thought
        said = re.sub(rf"</?({_THOUGHT})>", "", text)
        said = said if re.search(r"[{[]", said) else ""
    if not said:
        raise Unusable("cut" if cut else "empty")
    shape = schema.model_json_schema()
    kind = "no JSON"
    empty: T | None = None
    for value in _values(said):
        kind = "wrong shape"
        if (found := _valid(value, schema, shape)) is not None:
            if _tells(found.model_dump()):
                return found
            empty = empty or found  # a remark may quote one behind the answer
    if empty is not None:
        return empty
    mended = _mended(said, shape, cut)
    if mended is not None:
        kind = "wrong shape"
        if (found := _valid(mended, schema, shape)) is not None:
            return found
    raise Unusable("cut" if cut else kind)


def _without_thoughts(text: str) -> str:
    """Return what a text says besides its thoughts, or behind them where their beginning is
    missing. In an object such a tag is what a post says."""
    said: list[str] = []
    behind = at = depth = 0
    while found := (_INSIDE if depth else _TAGS).search(text, at):
        if depth or found[0] == "{":
            depth += {"{": 1, "}": -1}.get(found[0], 0)
            said.append(text[at : found.end()])
        else:
            said.append(text[at : found.start()])
            behind = len(said) if found[2] else behind
        at = found.end()
    said.append(text[at:])
    answer = "".join(said[behind:])
    return (answer if re.search(r"[{[]", answer) else "".join(said)).strip()


def _valid(value: object, schema: type[T], shape: Mapping[str, Any]) -> T | None:
    fields = shape.get("properties", {}).keys()
    if isinstance(value, dict) and not value.keys() & fields:
        # {"result": {...}}; a schema of optional fields takes other objects for empty answers, and
        # the schema itself, whose fields are no lists, for one.
        parts = (p for p in value.values() if isinstance(p, dict) and _has_list(p, fields))
        found = next((_valid(part, schema, shape) for part in parts), None)
        return found if found and _tells(found.model_dump()) else None
    try:
        return schema.model_validate(fit(value, shape, shape.get("$defs", {})))
    except (ValidationError, RecursionError):
        return None


def _has_list(value: Mapping[str, object], fields: Collection[str]) -> bool:
    return any(isinstance(value.get(name), list) for name in fields)


def _values(said: str) -> Iterator[object]:
    """Yield the JSON values in a text: the whole, or the objects in it, or what is fenced, each
    last first.

    A model that thinks aloud, or repeats the schema, gives its answer at the end.
    """
    decoder = json.JSONDecoder(strict=False)  # line breaks in strings are harmless
    with suppress(ValueError, RecursionError):
        whole = decoder.decode(said)
        if isinstance(whole, str):  # the answer is a text in itself
            said = whole
            whole = decoder.decode(said)
        yield whole
    found: list[object] = []
    at = said.find("{")
    for _ in range(_TRIES):
        if at < 0:
            break
        try:
            value, end = decoder.raw_decode(said, at)
            found.append(value)
        except (ValueError, RecursionError):
            end = at + 1
        at = said.find("{", end)
    yield from reversed(found)
    for fenced in reversed(_FENCE.findall(said)):  # a list
        with suppress(ValueError, RecursionError):
            yield decoder.decode(fenced)


def _mended(said: str, shape: Mapping[str, Any], cut: bool) -> object | None:
    """Return what json-repair makes of it; of a cut answer, what was complete."""
    begin = re.search(r"[{\[]", said)
    depths = accumulate(1 if sign in "[{" else -1 for sign in re.findall(r"[\[\]{}]", said))
    if begin is None or len(said) > MOST_REPAIRED or max(depths) > MOST_DEPTH:
        return None
    import json_repair

    broken = said[begin.start() :]
    end = max(broken.rfind("}"), broken.rfind("]")) + 1
    cut = cut or not end or '"' in broken[end:]  # a closing fence or word is no cut
    try:
        value: object = json_repair.loads(_complete(broken) if cut else broken[:end])
    except (ValueError, RecursionError):
        return None
    if cut and isinstance(value, dict):
        parts = shape.get("properties", {}).items()  # the lists it did not come to are empty
        value = {name: [] for name, part in parts if part.get("type") == "array"} | value
    return value if not cut or _tells(value) else None


def _complete(broken: str) -> str:
    """Return the text, closed after the last value that is finished and in no unfinished entry."""
    open_: list[str] = []
    best = ""
    for found in _SIGNS.finditer(broken):
        sign = found[0]
        if sign in "{[":
            # An object in a list is an entry: half of one is worth nothing.
            open_.append("entry" if sign == "{" and open_[-1:] == ["]"] else _CLOSING[sign])
        elif sign in "}]" and open_:
            open_.pop()
        if sign in "}],":
            finished = broken[: found.end() if sign != "," else found.start()]
            best = finished + "".join(reversed(open_)) if "entry" not in open_ else best
    return best


def _tells(value: object) -> bool:
    if isinstance(value, (dict, list)):
        return any(_tells(part) for part in (value.values() if isinstance(value, dict) else value))
    return value not in (None, "")


def fit(value: object, shape: Mapping[str, Any], named: Mapping[str, Any]) -> object:
    """Return the value without harmless slips: a text for a list of one, a number for its text."""
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
        if form and "required" not in form:  # what is no object among objects is noise
            entries = [entry for entry in entries if isinstance(entry, dict)] or entries
        return [fit(e, part, named) for e in entries] if value is not None else value
    return _string(value, shape) if kind == "string" else value


def _object(value: object, shape: Mapping[str, Any], named: Mapping[str, Any]) -> object:
    fields = shape.get("properties", {})
    if isinstance(value, list) and len(fields) == 1:
        value = {next(iter(fields)): value}  # the list itself, for an object that only holds it
    if not isinstance(value, dict):
        return value
    return {name: fit(v, fields[name], named) for name, v in value.items() if name in fields}


def _string(value: object, shape: Mapping[str, Any]) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return value
    # Half a surrogate pair cannot be written anywhere, and PostgreSQL takes no NUL.
    text = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")
    choices = {str(choice).casefold(): choice for choice in shape.get("enum", ())}
    return choices.get(text.strip().casefold(), text)
