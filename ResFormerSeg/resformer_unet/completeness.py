"""Finding truncated files that the readers behind SimpleITK fill up silently."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import SimpleITK as sitk

_SIGNATURES = (
    (0, b"\x89PNG"),
    (0, b"\xff\xd8\xff"),  # JPEG
    (0, b"II*\x00"),  # TIFF
    (0, b"MM\x00*"),
    (0, b"BM"),
    (0, b"NRRD"),
    (0, b"ObjectType"),  # MetaImage
    (0, b"\x1f\x8b"),  # gzip: .nii.gz
    (128, b"DICM"),
    (344, b"n+1\x00"),  # NIfTI-1
    (4, b"n+2\x00"),  # NIfTI-2
)


def looks_like_an_image(start: bytes) -> bool:
    """Whether the first 512 bytes of a file carry the signature of an image format."""
    return any(start[offset : offset + len(signature)] == signature for offset, signature in _SIGNATURES)


def check_complete(path: Path, start: bytes, reader: sitk.ImageFileReader) -> bool:
    """Whether a file whose header was read has all of its pixels.

    Looks at the formats whose readers do not notice themselves: NIfTI (the rest keeps what memory held before), JPEG
    and BMP (the rest becomes grey or black).

    Args:
        path: the file.
        start: its first 512 bytes.
        reader: after ``ReadImageInformation``.
    """
    reader_name = reader.GetImageIO()
    if reader_name == "NiftiImageIO" and reader.HasMetaDataKey("bitpix") and path.suffix in (".nii", ".gz"):
        bits = reader.GetNumberOfComponents() * int(reader.GetMetaData("bitpix"))
        voxels = 1
        for length in reader.GetSize():
            voxels *= length
        return _holds(path, int(float(reader.GetMetaData("vox_offset"))) + voxels * bits // 8)
    if reader_name == "JPEGImageIO":
        data = path.read_bytes()
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")  # an end of image after the last start of scan
    if reader_name == "BMPImageIO":
        return path.stat().st_size >= int.from_bytes(start[2:6], "little")
    return True


def _holds(path: Path, size: int) -> bool:
    """Whether a file, unpacked if it is a gzip, holds at least ``size`` bytes (and its checksum is right)."""
    if path.suffix != ".gz":
        return path.stat().st_size >= size
    unpacked = 0
    try:
        with gzip.open(path) as file:
            while block := file.read(1 << 20):
                unpacked += len(block)
    except (EOFError, OSError, zlib.error):
        return False
    return unpacked >= size
