"""Damage to bytes, and to values within JSON."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

_NUMBERS = (
    b"\x00" * 4,
    b"\xff" * 4,
    b"\xff\xff\xff\x7f",
    b"\x7f\xff\xff\xff",
    b"\x00\x00\x00\x80",
    b"\x00\x00\xc0\x7f",
)
_TEXTS = (
    b"nan",
    b"inf",
    b"-1",
    b"1e999",
    b"9" * 40,
    b"%s%n",
    b"\xed\xa0\x80",
    b"\xff\xfe",
    "\u202e\U0001f9e0".encode(),
)


def mutate(data: bytes, draw: random.Random) -> bytes:
    """One to three changes, of which most lie in the first kilobyte, where the headers are."""
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        data = draw.choice(_CHANGES)(data, draw)
    return data


def _place(data: bytes, draw: random.Random) -> int:
    end = len(data) if draw.random() < 0.4 else min(len(data), 1024)
    return draw.randrange(end) if end else 0


def _flip_bit(data: bytes, draw: random.Random) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    changed[_place(data, draw)] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _flip_many(data: bytes, draw: random.Random) -> bytes:
    for _ in range(draw.randrange(2, 40)):
        data = _flip_bit(data, draw)
    return data


def _truncate(data: bytes, draw: random.Random) -> bytes:
    return data[: _place(data, draw)] if draw.random() < 0.5 else data[: int(len(data) * draw.random())]


def _overwrite(data: bytes, draw: random.Random) -> bytes:
    place, new = _place(data, draw), draw.choice(_NUMBERS + _TEXTS)
    return data[:place] + new + data[place + len(new) :]


def _insert(data: bytes, draw: random.Random) -> bytes:
    place, new = _place(data, draw), draw.choice((*_NUMBERS, *_TEXTS, draw.randbytes(draw.randrange(1, 200))))
    return data[:place] + new + data[place:]


def _remove(data: bytes, draw: random.Random) -> bytes:
    place = _place(data, draw)
    return data[:place] + data[place + draw.choice((1, 2, 4, 8, 100)) :]


def _swap(data: bytes, draw: random.Random) -> bytes:
    size = draw.choice((1, 2, 4, 8, 16))
    first, second = sorted((_place(data, draw), _place(data, draw)))
    if second - first < size:
        return data
    a, b = data[first : first + size], data[second : second + size]
    return data[:first] + b + data[first + size : second] + a + data[second + size :]


def _repeat(data: bytes, draw: random.Random) -> bytes:
    place = _place(data, draw)
    return data[:place] + data[place : place + draw.choice((4, 64, 512))] * draw.choice((2, 3, 50)) + data[place:]


_CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip_bit, _flip_bit, _flip_many, _truncate, _overwrite, _overwrite, _insert, _remove, _swap, _repeat,
)  # fmt: skip

_ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2**31, -(2**63), 2**64, 10**400, 1e308, -1e-308, float("nan"), float("inf"), "",
    "x" * 100_000, "\ud800", "\u202e\x00\x1b[31m", "../../../etc/passwd", "/dev/zero", [], {}, [[]], [None],
    {"": None}, "1", [1e999] * 9,
)  # fmt: skip


def mutate_json(value: Any, draw: random.Random) -> str:
    """The text of a JSON value in which one to three places were changed; sometimes no JSON any more."""
    value = copy.deepcopy(value)
    for _ in range(draw.choice((1, 1, 2, 3))):
        value = _change(value, draw)
    if draw.random() < 0.03:
        return "[" * draw.choice((500, 5_000, 200_000)) + json.dumps(value)
    text = json.dumps(value, ensure_ascii=draw.random() < 0.5)
    if draw.random() < 0.1:
        return mutate(text.encode(errors="surrogatepass"), draw).decode(errors="replace")
    return text


def _change(value: Any, draw: random.Random) -> Any:
    places = list(_places(value))
    if not places:
        return draw.choice(_ODD_VALUES)
    parent, key = draw.choice(places)
    if draw.random() < 0.4:  # another value of the same type, which a schema may let pass
        leaves = [(parent, key) for parent, key in places if not isinstance(parent[key], dict | list)]
        parent, key = draw.choice(leaves or places)
        parent[key] = _other(parent[key], draw)
        return value
    what = draw.random()
    if what < 0.15:
        del parent[key]
    elif what < 0.3:
        other, other_key = draw.choice(places)
        parent[key] = copy.deepcopy(other[other_key])
    elif what < 0.4 and isinstance(parent[key], list):
        parent[key] = parent[key] * draw.choice((0, 2, 300))
    elif what < 0.45:
        for _ in range(draw.choice((3, 50, 100))):
            parent[key] = draw.choice(([parent[key]], {"a": parent[key]}))
    elif what < 0.55 and isinstance(parent[key], int | float):
        parent[key] = parent[key] * draw.choice((-1, 0, 1e-9, 1e9, 10**9))
    elif what < 0.6 and isinstance(parent, dict):
        parent[draw.choice(("", "__class__", "é" * 300, "\ud800"))] = draw.choice(_ODD_VALUES)
    else:
        parent[key] = copy.deepcopy(draw.choice(_ODD_VALUES))
    return value


def _other(value: Any, draw: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return draw.choice((value + 1, value - 1, 0, 1, -value, 2 * value + 1, value * 1000, 2**31, 10**30))
    if isinstance(value, float):
        return draw.choice((value * 1.01, -value, 0.0, 1.0, 1e-300, 1e300, value * 1e6))
    if isinstance(value, str):
        return draw.choice(("", value.upper(), value * 2, f"{value} ", f"é{value}", f"{value}\n\x00", "x" * 5000))
    return draw.choice(_ODD_VALUES)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each place within a value, as container and key."""
    waiting = [value]
    while waiting:
        container = waiting.pop()
        keys = (
            container.keys()
            if isinstance(container, dict)
            else range(len(container))
            if isinstance(container, list)
            else ()
        )
        for key in list(keys):
            yield container, key
            waiting.append(container[key])
