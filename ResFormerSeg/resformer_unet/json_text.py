"""JSON from files and processes that may be damaged."""

from __future__ import annotations

import json
import math

# The largest float32: nothing is computed with larger numbers, and they would overflow somewhere far from their cause.
LARGEST_NUMBER = 3.4028234663852886e38
_LONGEST = 400  # characters; Python refuses to convert digits without end


def parse_json(text: str) -> object:
    """The value of a JSON text.

    Raises ``ValueError`` for what is no JSON (NaN and infinity are none, whatever Python says), for numbers beyond
    ``LARGEST_NUMBER``, and for brackets within thousands of brackets.
    """
    try:
        return json.loads(text, parse_int=_whole_number, parse_float=_number, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("brackets within brackets, too deep") from None


def _whole_number(digits: str) -> int:
    _check(digits, math.inf if len(digits) > _LONGEST else int(digits))
    return int(digits)


def _number(digits: str) -> float:
    return _check(digits, float(digits))


def _check(digits: str, value: float) -> float:
    if abs(value) > LARGEST_NUMBER:
        raise ValueError(f"the number {digits[:20]}… is too large")
    return value


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")
