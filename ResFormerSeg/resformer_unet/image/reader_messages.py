"""Messages between this process and one that reads images, see :mod:`.reader_process`; it needs no SimpleITK.

Requests and replies are pickles, each after its length in 8 bytes. The voxels follow a reply as they lie in memory, in
blocks, each after its length too; then a length of 0 and another reply: ``COMPLETE``, or the error that came up while
they were read. Both ends are this package on one machine.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Iterable
from typing import Any, BinaryIO

from resformer_unet.errors import EngineError

DESCRIBE, COMPLETE = "describe", "complete"
_LENGTH = struct.Struct("<Q")


def send(stream: BinaryIO, message: Any) -> None:
    data = pickle.dumps(message)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """The next message; ``None`` at the end of the stream."""
    length = _length(stream)
    return None if length is None else pickle.loads(stream.read(length))


def send_blocks(stream: BinaryIO, blocks: Iterable[memoryview]) -> None:
    """The voxels; an ``EngineError`` of their source is passed on to the other end."""
    outcome = COMPLETE
    try:
        for block in blocks:
            stream.write(_LENGTH.pack(len(block)))
            stream.write(block)
    except EngineError as error:
        outcome = error
    stream.write(_LENGTH.pack(0))
    send(stream, outcome)


def receive_blocks(stream: BinaryIO, content: memoryview) -> EngineError | None:
    """Fill ``content`` with the blocks that follow a reply; returns the error that they ended with.

    Raises:
        EOFError: the stream ended before.
    """
    place = 0
    while length := _length(stream):
        if stream.readinto(content[place : place + length]) < length:
            raise EOFError
        place += length
    outcome = None if length is None else receive(stream)
    if outcome is None:
        raise EOFError
    return outcome if isinstance(outcome, EngineError) else None


def _length(stream: BinaryIO) -> int | None:
    head = stream.read(_LENGTH.size)
    return _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else None
