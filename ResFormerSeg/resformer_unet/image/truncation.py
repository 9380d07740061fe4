"""Detection of truncated files, which the readers behind SimpleITK complete silently."""

from __future__ import annotations

import gzip
import math
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


def is_complete(path: Path, reader: sitk.ImageFileReader, file_format: str) -> bool:
    """Whether a file whose header was read has all of its pixels.

    Checks the formats whose readers do not: NIfTI (missing voxels keep whatever the memory held), JPEG and BMP (the
    rest becomes grey or black), TIFF (pages are lost).

    Args:
        path: the file.
        reader: after ``ReadImageInformation``.
        file_format: name of the ``ImageIO`` that reads the file.
    """
    if file_format == "NiftiImageIO" and path.suffix.lower() in (".nii", ".gz"):
        header = reader.GetMetaData
        voxels = math.prod(int(header(f"dim[{axis}]")) for axis in range(1, int(header("dim[0]")) + 1))
        return _holds(path, int(float(header("vox_offset"))) + voxels * int(header("bitpix")) // 8)
    if file_format == "JPEGImageIO":
        data = path.read_bytes()
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")  # an end of image after the last start of scan
    if file_format == "BMPImageIO":
        with path.open("rb") as file:
            return path.stat().st_size >= int.from_bytes(file.read(6)[2:], "little")
    if file_format == "TIFFImageIO":
        return _tiff_pages_are_linked(path)
    return True


def _holds(path: Path, size: int) -> bool:
    """Whether a file, decompressed if it is a gzip, has at least ``size`` bytes (and its checksum is right)."""
    if path.suffix != ".gz":
        return path.stat().st_size >= size
    decompressed = 0
    try:
        with gzip.open(path) as file:
            while block := file.read(1 << 20):
                decompressed += len(block)
    except (EOFError, OSError, zlib.error):
        return False
    return decompressed >= size


def _tiff_pages_are_linked(path: Path) -> bool:
    """Whether the chain of page directories of a TIFF ends inside the file."""
    with path.open("rb") as file:
        order = "little" if file.read(2) == b"II" else "big"

        def number(size: int) -> int:
            return int.from_bytes(file.read(size), order)

        big = number(2) == 43  # BigTIFF
        count_size, entry_size, offset_size = (8, 20, 8) if big else (2, 12, 4)
        file.seek(8 if big else 4)
        size, seen = path.stat().st_size, set()
        while offset := number(offset_size):
            if offset in seen or offset + count_size > size:
                return False
            seen.add(offset)
            file.seek(offset)
            following = offset + count_size + number(count_size) * entry_size
            if following + offset_size > size:
                return False
            file.seek(following)
    return True
