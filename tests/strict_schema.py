"""What OpenAI demands of a JSON schema under `strict`, written apart from the code that makes one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

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
