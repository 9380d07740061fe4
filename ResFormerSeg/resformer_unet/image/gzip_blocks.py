"""Gzip in blocks: by ISA-L, where the package ``isal`` is installed, else by zlib, which takes two to ten times as
long.

Either reads what the other wrote. (Python's own ``gzip`` reads 8 kB at a time and is slower still.)
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    from isal import isal_zlib as _deflate
except ImportError:
    _deflate = zlib

_MAGIC = b"\x1f\x8b"
_WITH_HEADER = zlib.MAX_WBITS | 16  # a gzip's header and its checksum, not a zlib stream's
_BLOCK = 1 << 16  # bytes of the file that are unpacked at a time, to a thousand times as many at most

DAMAGED = (EOFError, OSError, zlib.error, _deflate.error)  # what :func:`unpacked_blocks` raises for a damaged file


def unpacked_blocks(path: Path) -> Iterator[bytes]:
    """The content of a file piece by piece, unpacked if it is a gzip, to its end.

    Raises:
        DAMAGED: the gzip ends too early, its checksum is wrong, or something else follows it.
    """
    with path.open("rb") as file:
        block = file.read(_BLOCK)
        if not block.startswith(_MAGIC):
            while block:
                yield block
                block = file.read(_BLOCK)
            return
        unpacker = _deflate.decompressobj(_WITH_HEADER)
        while block:
            if unpacker.eof:  # several gzips may follow one another, and zeros the last of them
                block = block.lstrip(b"\0")
                if not block:
                    block = file.read(_BLOCK)
                    continue
                unpacker = _deflate.decompressobj(_WITH_HEADER)
            yield unpacker.decompress(block)
            block = unpacker.unused_data if unpacker.eof else b""
            block = block or file.read(_BLOCK)
        if not unpacker.eof:
            raise EOFError(f"{path} ends within its compressed data")


def packer() -> Any:
    """What makes a gzip of label maps, as ``zlib.compressobj`` does; they consist of runs of one value."""
    if _deflate is zlib:
        return zlib.compressobj(1, zlib.DEFLATED, _WITH_HEADER, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    return _deflate.compressobj(1, _deflate.DEFLATED, _WITH_HEADER)
