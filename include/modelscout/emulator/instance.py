"""The smallest value that is valid under a JSON schema, for answers to items that nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DEPTH = 12


def minimal_instance(schema: Mapping[str, Any]) -> Any:
    """A small valid value; covers the keywords that vendors accept for structured output."""
    return _instance(schema, schema, 0)


def _instance(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    if depth > _DEPTH or not isinstance(schema, Mapping):
        return None
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    if "$ref" in schema:
        return _instance(_resolve(str(schema["$ref"]), root), root, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return _instance(schema[key][0], root, depth + 1)
    return _of_type(schema, root, depth)


def _of_type(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {
            name: _instance(properties.get(name, {}), root, depth + 1) for name in schema.get("required", ())
        }
    if kind == "array":
        item = schema.get("items", {})
        return [_instance(item, root, depth + 1) for _ in range(int(schema.get("minItems", 0)))]
    if kind in {"integer", "number"}:
        return _number(schema, whole=kind == "integer")
    if kind == "boolean":
        return False
    return (
        None
        if kind == "null"
        else "text".ljust(int(schema.get("minLength", 0)), ".")[: schema.get("maxLength")]
    )


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    if "minimum" in schema:
        value = schema["minimum"]
    elif "exclusiveMinimum" in schema:
        value = schema["exclusiveMinimum"] + 1
    else:
        value = min(0, schema.get("maximum", 0))
    return int(value) if whole else float(value)


def _resolve(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = root
    for name in reference.removeprefix("#/").split("/"):
        found = found.get(name, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}
