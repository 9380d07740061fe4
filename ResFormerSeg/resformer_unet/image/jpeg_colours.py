"""What the colours of a JPEG are, by its own markers: DICOM headers around it are wrong at times."""

from __future__ import annotations

from typing import BinaryIO

_SYNTAXES = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")  # baseline and extended
_ITEM = b"\xfe\xff\x00\xe0"
_START, _JFIF, _ADOBE, _SCAN = b"\xff\xd8", 0xE0, 0xEE, 0xDA
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_MOST = 1 << 16  # bytes that are looked at


def colours_of_first_frame(file: BinaryIO, syntax: str | None) -> str | None:
    """``RGB`` or ``YBR_FULL_422`` where the first JPEG says which it is; ``None`` where it says nothing.

    Args:
        file: behind the header of the element of the pixels, which are encapsulated.
        syntax: transfer syntax; only those of lossy JPEG are looked into.
    """
    if syntax not in _SYNTAXES or (table := file.read(8))[:4] != _ITEM:
        return None
    file.seek(int.from_bytes(table[4:], "little"), 1)  # the table of offsets
    frame = file.read(8)
    return _colours(file.read(min(_MOST, int.from_bytes(frame[4:], "little")))) if frame[:4] == _ITEM else None


def _colours(data: bytes) -> str | None:
    """By the marker of Adobe, else by that of JFIF, else by the names of the components."""
    position, is_jfif = 2, False
    while data[:2] == _START and position + 4 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        content = data[position + 4 : position + 2 + length]
        if marker == _ADOBE and content[:5] == b"Adobe" and len(content) >= 12:
            return {0: "RGB", 1: "YBR_FULL_422"}.get(content[11])
        is_jfif |= marker == _JFIF and content[:4] == b"JFIF"
        if marker in _FRAMES and not is_jfif and len(content) >= 15:
            return "RGB" if content[6:15:3] == b"RGB" else None
        if marker == _SCAN or marker in _FRAMES:
            break
        position += 2 + length
    return "YBR_FULL_422" if is_jfif else None
