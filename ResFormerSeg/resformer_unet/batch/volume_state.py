"""What a volume that another program hands over is known again by, as it has no file: its voxels and geometry."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

VOLUMES = "volumes"  # the folder that inputs of this kind would lie in; there is none
LONGEST_NAME = 100  # characters; file systems take 255 bytes, and the names of the case's files are longer
_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # by Windows


class VolumeDigest:
    """The ``input_state`` of a volume: its voxels are added piece by piece, in C order.

    Only the standard library is imported, so that the other program can check a volume by the same rule.

    Args:
        shape: (slices, rows, columns) or (slices, rows, columns, channels).
        dtype: NumPy's name of the type, such as ``<i2``.
        affine: 4 rows of 4 numbers, (column, row, slice, 1) to LPS millimetres.
        has_orientation: False for a picture.
    """

    def __init__(
        self, shape: Sequence[int], dtype: str, affine: Sequence[Sequence[float]], has_orientation: bool
    ) -> None:
        rows = [[float(value) for value in row] for row in affine]
        described = json.dumps([[int(length) for length in shape], dtype, rows, bool(has_orientation)])
        self._digest = hashlib.sha256(described.encode())
        self._bytes = 0

    def add(self, piece: memoryview) -> None:
        """piece: bytes."""
        self._digest.update(piece)
        self._bytes += len(piece)

    def state(self) -> dict:
        """``files`` is 0, which no input that was read from the disk has."""
        return {"files": 0, "bytes": self._bytes, "sha256": self._digest.hexdigest()}


def file_name_of(name: str) -> str:
    """A name that all file systems take, as similar as possible; “case” if nothing is left."""
    text = _NOT_IN_FILE_NAMES.sub("_", unicodedata.normalize("NFC", name)).encode("utf-8", "replace").decode()
    text = text[:LONGEST_NAME].strip(" .")
    while len(text.encode()) > 2 * LONGEST_NAME:
        text = text[:-1]
    return f"{text}_" if _RESERVED.fullmatch(text) else text or "case"


def is_volume(report: dict) -> bool:
    """Whether the image of a case was handed over, not read from a file."""
    return (report.get("input_state") or {}).get("files") == 0


def volume_input(output: Path, name: str) -> Path:
    """What stands for the input of such a case in its report and in the summary."""
    return output.absolute() / VOLUMES / name
