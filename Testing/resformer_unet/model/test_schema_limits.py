"""The limits that a schema sets, each just within and just beyond, and the exact words about it."""

from __future__ import annotations

import pytest

from resformer_unet.model.schema import violations


@pytest.mark.parametrize(
    ("schema", "within", "beyond", "message"),
    [
        ({"minimum": 3}, 3, 2, "the document must be at least 3, but is 2"),
        ({"maximum": 3}, 3, 4, "the document must be at most 3, but is 4"),
        ({"exclusiveMinimum": 3}, 3.5, 3, "the document must be greater than 3, but is 3"),
        ({"minItems": 2}, [1, 2], [1], "the document must have at least 2 entries, but has 1"),
        ({"maxItems": 2}, [1, 2], [1, 2, 3], "the document must have at most 2 entries, but has 3"),
        ({"minLength": 1}, "a", "", "the document must not be empty"),
        ({"pattern": "^a$"}, "a", "ab", "the document must look like ^a$, but is 'ab'"),
        ({"const": 1}, 1.0, True, "the document must be 1, but is True"),
        ({"enum": [0, "b"]}, 0, False, "the document must be one of 0, 'b', but is False"),
        ({"type": "integer"}, 3.0, 3.5, "the document must be of type integer, but is 3.5"),
        ({"type": "number"}, 3.5, True, "the document must be of type number, but is True"),
        ({"type": ["null", "string"]}, None, 3, "the document must be of type null or string, but is 3"),
        ({"required": ["a"]}, {"a": 1}, {}, "a is missing"),
    ],
)
def test_a_limit_itself_is_within_and_beyond_it_is_one_violation(schema, within, beyond, message):
    assert list(violations(within, schema)) == []
    assert list(violations(beyond, schema)) == [message]


def test_every_place_of_a_deep_document_is_checked_and_named():
    schema = {
        "properties": {"a": {"items": {"$ref": "#/$defs/row"}}, "b": {"type": "string"}},
        "additionalProperties": {"type": "boolean"},
        "$defs": {"row": {"properties": {"x": {"minimum": 1}}, "required": ["x"], "additionalProperties": False}},
    }
    document = {"a": [{"x": 1}, {"x": 0}, {"y": 2}], "b": "text", "c": 1, "d": True}
    assert list(violations(document, schema)) == [
        "a[1].x must be at least 1, but is 0",
        "a[2].x is missing",
        "a[2] has an unknown key 'y'; known are x",
        "c must be of type boolean, but is 1",
    ]


@pytest.mark.parametrize(("length", "shown"), [(58, "'" + 58 * "a" + "'"), (59, "'" + 56 * "a" + "...")])
def test_a_value_is_shown_in_sixty_characters_at_most(length, shown):
    (message,) = violations(length * "a", {"type": "null"})
    assert message.endswith(f"but is {shown}") and len(shown) == 60
