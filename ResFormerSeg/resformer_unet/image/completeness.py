"""Detection of files that end too early, which the readers behind SimpleITK complete silently."""

from __future__ import annotations

import math
import re
from pathlib import Path

import SimpleITK as sitk

from resformer_unet.image.gzip_blocks import DAMAGED, unpacked_blocks
from resformer_unet.image.nifti import voxel_file

_HEADER_BYTES = {"GiplImageIO": 256, "MRCImageIO": 1024}  # before the voxels, at least
_VTK_ATTRIBUTE = re.compile(rb"\s*(SCALARS|COLOR_SCALARS|VECTORS|NORMALS|TENSORS)\s", re.IGNORECASE)
_VTK_TABLE = re.compile(rb"\s*LOOKUP_TABLE\s", re.IGNORECASE)  # follows SCALARS; some programs leave it out
_MOST_LINES, _LONGEST_LINE = 20, 256  # of a VTK header
_GZIP = b"\x1f\x8b"
# In the entropy-coded data of a JPEG, FF is followed by 00 or is a restart marker; anything else ends the scan.
_JPEG_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])", re.DOTALL)
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}


def is_complete(path: Path, reader: sitk.ImageFileReader, file_format: str) -> bool:
    """Whether a file whose header was read has all of its pixels.

    Checks the formats whose readers do not: NIfTI and Analyze, GIPL, MRC and VTK (missing voxels keep whatever the
    memory held), and JPEG (the rest becomes grey). The readers of NRRD and MetaImage check files of their own and those
    beside them.

    Args:
        path: the file.
        reader: after ``ReadImageInformation``.
        file_format: name of the ``ImageIO`` that reads the file.
    """
    if file_format == "NiftiImageIO":
        header = reader.GetMetaData
        voxels = math.prod(max(1, int(header(f"dim[{axis}]"))) for axis in range(1, int(header("dim[0]")) + 1))
        file = path if header("nifti_type") == "1" else voxel_file(path)
        offset = max(0, int(float(header("vox_offset"))))
        return file is not None and _holds(file, offset + voxels * int(header("bitpix")) // 8)
    if file_format in _HEADER_BYTES:
        return _holds(path, _HEADER_BYTES[file_format] + _voxel_bytes(reader))
    if file_format == "VTKImageIO":
        return _vtk_holds(path, _voxel_bytes(reader))
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


def _voxel_bytes(reader: sitk.ImageFileReader) -> int:
    one = sitk.Image([1, 1], reader.GetPixelIDValue(), reader.GetNumberOfComponents())
    return math.prod(reader.GetSize()) * one.GetSizeOfPixelComponent() * one.GetNumberOfComponentsPerPixel()


def _vtk_holds(path: Path, size: int) -> bool:
    """Whether ``size`` bytes follow the header of a binary file; numbers that are written as text always pass."""
    with path.open("rb") as file:
        lines = [file.readline(_LONGEST_LINE) for _ in range(_MOST_LINES)]
    if not any(line.strip().upper() == b"BINARY" for line in lines[:4]):
        return True
    end = next((number + 1 for number, line in enumerate(lines) if _VTK_ATTRIBUTE.match(line)), 0)
    if end and _VTK_TABLE.match(lines[min(end, _MOST_LINES - 1)]):
        end += 1
    return _holds(path, sum(map(len, lines[:end])) + size)


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
