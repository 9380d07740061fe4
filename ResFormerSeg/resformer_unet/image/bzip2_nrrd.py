"""NRRD files that are compressed by bzip2, which ITK does not read: unpacked for it."""

from __future__ import annotations

import bz2
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resformer_unet.image.medical_image import corrupt

_ENCODING = re.compile(rb"^encoding:[ \t]*(bzip2|bz2)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_SIZES = re.compile(rb"^sizes:([ \t\d]+)\r?$", re.IGNORECASE | re.MULTILINE)
_ELSEWHERE = re.compile(rb"^(data ?file|byte ?skip|line ?skip):", re.IGNORECASE | re.MULTILINE)
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
_HEADER, _LONGEST_HEADER = 1 << 14, 1 << 20  # bytes
_LARGEST_VOXEL = 16  # bytes, with room for several channels, which are an axis of their own
_BLOCK = 1 << 20


@contextmanager
def unpacked(path: Path) -> Iterator[Path | None]:
    """A temporary file with the same header and voxels that are not compressed.

    ``None`` if the file is not compressed by bzip2, or has its voxels in another file.

    Raises:
        EngineError: CORRUPT_IMAGE.
    """
    with path.open("rb") as file:
        start = file.read(_HEADER)
        if not (end := _END_OF_HEADER.search(start)):
            start += file.read(_LONGEST_HEADER - _HEADER)
            end = _END_OF_HEADER.search(start)
        header = start[: end.start()] if end else b""
        sizes = _SIZES.search(header)
        if end is None or sizes is None or not _ENCODING.search(header) or _ELSEWHERE.search(header):
            yield None
            return
        most = _LARGEST_VOXEL
        for length in sizes[1].split():
            most *= int(length)
        file.seek(end.end())
        with tempfile.TemporaryDirectory(prefix="resformer-unet-") as folder:
            plain = Path(folder, "image.nrrd")
            with plain.open("wb") as written:
                written.write(_ENCODING.sub(b"encoding: raw", header) + b"\n\n")
                try:
                    _unpack(file, written, most)
                except (OSError, ValueError):  # no bzip2, or damaged
                    raise corrupt(path) from None
            yield plain


def _unpack(packed, plain, most: int) -> None:
    """Stops after ``most`` bytes: more belong to no image of this size."""
    unpacker = bz2.BZ2Decompressor()
    while most > 0 and not unpacker.eof:
        data = packed.read(_BLOCK) if unpacker.needs_input else b""
        if unpacker.needs_input and not data:
            return  # it ends too early, which the reader of the image notices
        part = unpacker.decompress(data, min(_BLOCK, most))
        most -= len(part)
        plain.write(part)
