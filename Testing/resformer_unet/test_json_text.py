"""JSON from files and processes that may be damaged."""

import json

import pytest

from resformer_unet.json_text import LARGEST_NUMBER, parse_json


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        '{"a": -Infinity}',
        "1e39",
        "[-1e400]",
        "1" * 39 + "9",
        "-" + "9" * 10_000,
        "[" * 100_000,
        '{"a":' * 5_000,
        "{",
    ],
)
def test_what_cannot_be_computed_with_is_a_value_error(text):
    with pytest.raises(ValueError):
        parse_json(text)


def test_all_else_is_read_as_by_json():
    text = json.dumps({"a": [1, -2.5, LARGEST_NUMBER, 2**63, None, True, "NaN", {"ü": []}]})
    assert parse_json(text) == json.loads(text)
    assert isinstance(parse_json("3"), int) and isinstance(parse_json("3.0"), float)
