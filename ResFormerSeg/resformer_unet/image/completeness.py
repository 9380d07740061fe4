"""Detection of files that end too early, which the readers behind SimpleITK complete silently."""

from __future__ import annotations

import math
import re
from pathlib import Path

import SimpleITK as sitk

from resformer_unet.image.gzip_blocks import DAMAGED, unpacked_blocks

_GZIP = b"\x1f\x8b"
# In the entropy-coded data of a JPEG, FF is followed by 00 or is a restart marker; anything else ends the scan.
_JPEG_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])", re.DOTALL)
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}


def is_complete(path: Path, reader: sitk.ImageFileReader, file_format: str) -> bool:
    """Whether a file whose header was read has all of its pixels.

    Checks the formats whose readers do not: NIfTI (missing voxels keep whatever the memory held), and JPEG (the rest
    becomes grey).

    Args:
        path: the file.
        reader: after ``ReadImageInformation``.
        file_format: name of the ``ImageIO`` that reads the file.
    """
    if file_format == "NiftiImageIO":
        header = reader.GetMetaData
        if header("nifti_type") != "1":  # the voxels are in a file beside the header
            return True
        voxels = math.prod(int(header(f"dim[{axis}]")) for axis in range(1, int(header("dim[0]")) + 1))
        return _holds(path, int(float(header("vox_offset"))) + voxels * int(header("bitpix")) // 8)
    if file_format == "JPEGImageIO":
        return _jpeg_ends(path.read_bytes())
    return True


def _holds(path: Path, size: int) -> bool:
    """Whether a file, decompressed if it is a gzip, has at least ``size`` bytes (and its checksum is right)."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    if not packed:
        return path.stat().st_size >= size
    try:
        return sum(map(len, unpacked_blocks(path))) >= size
    except DAMAGED:
        return False


def _jpeg_ends(data: bytes) -> bool:
    """Whether a JPEG has its end-of-image marker. What follows it, such as the film of a phone, does not matter."""
    position, scanned = 2, False
    while found := _JPEG_MARKER.search(data, position):
        marker, position = found[1][0], found.end()
        if marker == _END_OF_IMAGE:
            return scanned
        scanned |= marker == _START_OF_SCAN
        if marker not in _WITHOUT_LENGTH:
            position += int.from_bytes(data[position : position + 2], "big")
    return False
