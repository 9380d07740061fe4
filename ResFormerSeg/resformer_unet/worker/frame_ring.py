"""Pixels and labels of images that follow each other fast, exchanged through a few files mapped into memory.

A ring has slots that are written in turn, each a file of its own that is made when it is first needed: the content's
number (8 bytes, little-endian; -1 while it is written), then the content. Whoever writes says in a message which slot
has which number. A reader that comes too late finds another number, or finds it changed when it has copied, and goes
without: a newer content is on its way. So neither waits for the other, and nothing is queued.

Only the standard library is needed.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

SLOTS = 3  # one that is read, one that waits to be read, one that is written
PIECE = 4 * 1024 * 1024  # bytes that are copied at a time
MOST_OPEN = 2 * SLOTS
_NUMBER = struct.Struct("<q")
_BEING_WRITTEN = -1


class FrameWriter:
    """The writing end of a ring.

    Args:
        folder: for the files, which stay until their folder is removed.
        name: begins the files' names.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._maps: list[mmap.mmap | None] = [None] * SLOTS
        self._paths: list[Path | None] = [None] * SLOTS
        self._made = self._next = 0

    def write(self, number: int, content: memoryview) -> Generator[None, None, str]:
        """Write a content into the next slot; returns the path of its file. Between two steps others may work.

        Args:
            number: 0 or above, another one than before.
            content: any contiguous buffer.

        Raises:
            OSError: the disk is full, or the folder is gone.
        """
        slot = self._next
        self._next = (slot + 1) % SLOTS
        content = content.cast("B")
        if self._maps[slot] is None or len(self._maps[slot]) < _NUMBER.size + len(content):
            yield from self._make(slot, _NUMBER.size + len(content))
        target = self._maps[slot]
        _NUMBER.pack_into(target, 0, _BEING_WRITTEN)
        for start in range(0, len(content), PIECE):
            piece = content[start : start + PIECE]
            target[_NUMBER.size + start : _NUMBER.size + start + len(piece)] = piece
            yield
        _NUMBER.pack_into(target, 0, number)
        return str(self._paths[slot])

    def write_now(self, number: int, content: memoryview) -> str:
        """As :meth:`write`, in one go."""
        steps = self.write(number, content)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value

    def close(self) -> None:
        for index, mapped in enumerate(self._maps):
            if mapped is not None:
                mapped.close()
            self._maps[index] = None

    def _make(self, slot: int, size: int) -> Generator[None, None, None]:
        """The file is filled before it is mapped: on a full disk a write into a mapped file ends the process."""
        if self._maps[slot] is not None:
            self._maps[slot].close()
            self._maps[slot] = None
            with suppress(OSError):  # Windows keeps it while the reader has it mapped; it goes with its folder
                self._paths[slot].unlink()
        path = self._free_path()
        empty = bytes(min(size, PIECE))
        with path.open("x+b", buffering=0) as file:
            file.write(_NUMBER.pack(_BEING_WRITTEN))
            while (missing := size - file.tell()) > 0:
                file.write(empty[:missing])
                yield
            self._maps[slot] = mmap.mmap(file.fileno(), size)
        self._paths[slot] = path

    def _free_path(self) -> Path:
        """Never that of an earlier writer, which a reader may have mapped: to read what was cut off ends a process."""
        while True:
            path = self._folder / f"{self._name}-{self._made}.slot"
            self._made += 1
            if not path.exists():
                return path


class FrameReader:
    """The reading end of a ring; keeps the files mapped between two contents."""

    def __init__(self) -> None:
        self._maps: dict[str, mmap.mmap] = {}

    def read(self, path: str, number: int, size: int) -> bytearray | None:
        """A copy of the content with this number; ``None`` if another one has taken its place meanwhile.

        Raises:
            OSError: there is no such file.
            ValueError: it is empty, or holds less than ``size`` bytes.
        """
        mapped = self._mapped(path)
        if len(mapped) < _NUMBER.size + size:
            raise ValueError(f"the slot has {len(mapped) - _NUMBER.size} bytes, not {size}")
        if _NUMBER.unpack_from(mapped)[0] != number:
            return None
        content = bytearray(memoryview(mapped)[_NUMBER.size : _NUMBER.size + size])
        return content if _NUMBER.unpack_from(mapped)[0] == number else None

    def close(self) -> None:
        for mapped in self._maps.values():
            mapped.close()
        self._maps = {}

    def _mapped(self, path: str) -> mmap.mmap:
        if path not in self._maps:
            while len(self._maps) >= MOST_OPEN:
                self._maps.pop(next(iter(self._maps))).close()
            with open(path, "rb") as file:
                self._maps[path] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._maps[path]
