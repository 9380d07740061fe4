"""A strict validator for the part of JSON Schema (draft 2020-12) that ``model.schema.json`` uses.

The engine runs inside Slicer, where the package ``jsonschema`` is not at hand, and a bundle from elsewhere must be
checked there as strictly as anywhere. A keyword that is not implemented here is refused, never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description"}
KEYWORDS = {
    "$ref", "type", "const", "enum", "properties", "required", "additionalProperties", "items", "minItems", "maxItems",
    "minLength", "pattern", "minimum", "maximum", "exclusiveMinimum",
}  # fmt: skip
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def violations(document: Any, schema: dict) -> Iterator[str]:
    """Yields one sentence a violation, each naming the place: ``segmentation.segments[0].value must be ...``.

    ``document`` is what ``json.loads`` gives. Raises ``NotImplementedError`` for a schema keyword outside the subset.
    """
    return _check(document, schema, schema, "")


def _check(value: Any, schema: dict, root: dict, path: str) -> Iterator[str]:
    if unknown := schema.keys() - KEYWORDS - ANNOTATIONS:
        raise NotImplementedError(f"JSON Schema keywords that schema.py does not know: {sorted(unknown)}")
    place = path or "the document"

    if "type" in schema:
        names = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        if not any(_is_type(value, name) for name in names):
            yield f"{place} must be of type {' or '.join(names)}, but is {_shown(value)}"
            return  # further complaints about a value of the wrong type would only confuse
    if "$ref" in schema:
        yield from _check(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, path)
    if "const" in schema and not _equal(value, schema["const"]):
        yield f"{place} must be {_shown(schema['const'])}, but is {_shown(value)}"
    if "enum" in schema and not any(_equal(value, choice) for choice in schema["enum"]):
        yield f"{place} must be one of {', '.join(map(_shown, schema['enum']))}, but is {_shown(value)}"

    if isinstance(value, dict):
        yield from _check_object(value, schema, root, path)
    elif isinstance(value, list):
        yield from _check_array(value, schema, root, path)
    elif isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            yield f"{place} must not be empty"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{place} must look like {schema['pattern']}, but is {_shown(value)}"
    elif _is_type(value, "number"):
        if value < schema.get("minimum", value):
            yield f"{place} must be at least {schema['minimum']}, but is {value}"
        if value > schema.get("maximum", value):
            yield f"{place} must be at most {schema['maximum']}, but is {value}"
        if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
            yield f"{place} must be greater than {schema['exclusiveMinimum']}, but is {value}"


def _check_object(value: dict, schema: dict, root: dict, path: str) -> Iterator[str]:
    place, prefix = path or "the document", f"{path}." if path else ""
    for key in schema.get("required", []):
        if key not in value:
            yield f"{prefix}{key} is missing"
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for key, item in value.items():
        if key in properties:
            yield from _check(item, properties[key], root, prefix + key)
        elif others is False:
            yield f"{place} has an unknown key {_shown(key)}; known are {', '.join(properties)}"
        elif others is not True:
            yield from _check(item, others, root, prefix + key)


def _check_array(value: list, schema: dict, root: dict, path: str) -> Iterator[str]:
    place = path or "the document"
    least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    if len(value) < least:
        yield f"{place} must have at least {least} entries, but has {len(value)}"
    if len(value) > most:
        yield f"{place} must have at most {most} entries, but has {len(value)}"
    for index, item in enumerate(value):
        yield from _check(item, schema.get("items", {}), root, f"{path}[{index}]")


def _is_type(value: Any, name: str) -> bool:
    if name in ("integer", "number"):  # in JSON a truth value is no number, and 3.0 is an integer
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole or (isinstance(value, float) and (name == "number" or value.is_integer()))
    return isinstance(value, TYPES[name])


def _equal(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)  # Python takes True for 1, JSON does not


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
