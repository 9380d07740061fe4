"""Reads messages of protocol buffers, no more of them than a model's graph needs, and strictly.

The wire format: https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5  # wire types


class DamagedMessage(ValueError):
    """A message that is cut off, malformed, or has fields that are not expected; says what is wrong."""


@dataclass(frozen=True)
class Message:
    """The fields of a message by number, in their order; a field that is absent has the format's default."""

    fields: dict[int, list[int | bytes]]
    name: str

    def messages(self, number: int) -> list[bytes]:
        """The bytes of every occurrence of a field."""
        return [self._is(value, bytes, number) for value in self.fields.get(number, ())]

    def message(self, number: int) -> bytes:
        """The bytes of a field that occurs once.

        Raises ``DamagedMessage``.
        """
        found = self.messages(number)
        if len(found) != 1:
            raise DamagedMessage(f"field {number} of its {self.name} occurs {len(found)} times instead of once")
        return found[0]

    def text(self, number: int) -> str:
        try:
            return b"".join(self.messages(number)[-1:]).decode()
        except UnicodeDecodeError as error:
            raise DamagedMessage(f"field {number} of its {self.name} is not UTF-8") from error

    def integer(self, number: int) -> int:
        return self._is(self.fields.get(number, [0])[-1], int, number)

    def integers(self, number: int) -> list[int]:
        """Of a repeated field, whether packed or not."""
        found: list[int] = []
        for value in self.fields.get(number, ()):
            if isinstance(value, int):
                found.append(value)
                continue
            position = 0
            while position < len(value):
                one, position = _varint(value, position)
                found.append(one)
        return found

    def _is(self, value: int | bytes, kind: type, number: int):
        if not isinstance(value, kind):
            raise DamagedMessage(f"field {number} of its {self.name} has another wire type")
        return value


def parse(content: bytes, known: Collection[int], name: str) -> Message:
    """The fields of a message.

    Args:
        known: numbers of the fields that it may have.
        name: of the kind of message, for errors.

    Raises:
        DamagedMessage: for anything else than a whole message of these fields.
    """
    fields: dict[int, list[int | bytes]] = {}
    for number, value in _fields(content):
        if number not in known:
            raise DamagedMessage(f"its {name} has the unexpected field {number}")
        fields.setdefault(number, []).append(value)
    return Message(fields, name)


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(content):
        key, position = _varint(content, position)
        kind = key & 7
        if kind == VARINT:
            value, position = _varint(content, position)
            yield key >> 3, value
            continue
        length = {FIXED_64: 8, FIXED_32: 4}.get(kind)
        if kind == BYTES:
            length, position = _varint(content, position)
        if length is None or position + length > len(content):
            raise DamagedMessage("it is damaged or cut off")
        yield key >> 3, content[position : position + length]
        position += length


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for index in range(10):
        if position + index >= len(content):
            break
        byte = content[position + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise DamagedMessage("it is damaged or cut off")
