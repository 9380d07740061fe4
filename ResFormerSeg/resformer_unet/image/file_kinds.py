"""What kind of image file this is, by its first bytes: names lie, or have no suffix at all."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

START = 4096  # bytes that tell the kind of a file
_NIFTI_HEADER = 352

_SIGNATURES = (
    ("png", 0, b"\x89PNG"),
    ("jpeg", 0, b"\xff\xd8\xff"),
    ("jp2", 0, b"\x00\x00\x00\x0cjP  "),
    ("jp2", 0, b"\xff\x4f\xff\x51"),  # a codestream without a container
    ("tiff", 0, b"II*\x00"),
    ("tiff", 0, b"MM\x00*"),
    ("tiff", 0, b"II+\x00"),  # BigTIFF
    ("tiff", 0, b"MM\x00+"),
    ("bmp", 0, b"BM"),
    ("nrrd", 0, b"NRRD"),
    ("metaimage", 0, b"ObjectType"),
    ("dicom", 128, b"DICM"),
    ("nifti", 344, b"n+1\x00"),
    ("nifti2", 4, b"n+2\x00"),
)
_GZIP = b"\x1f\x8b"
_VALUE_REPRESENTATIONS = (b"UI", b"CS", b"UL", b"OB", b"LO", b"DA", b"TM", b"SH", b"DT")
_LONGEST_FIRST_VALUE = 256  # bytes: of a DICOM file's first element

# How the reader behind SimpleITK wants files of a kind to be called. The others are read by their contents alone.
SUFFIXES = {
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg"),
    "nifti": (".nii",),
    "nifti.gz": (".nii.gz",),
    "nrrd": (".nrrd", ".nhdr"),
    "metaimage": (".mha", ".mhd"),
}


def kind_of(start: bytes) -> str | None:
    """The kind of a file, or ``None`` if its first bytes are of no known kind.

    Args:
        start: the first :data:`START` bytes of the file.

    Returns:
        ``png``, ``jpeg``, ``jp2``, ``tiff``, ``bmp``, ``nrrd``, ``metaimage``, ``nifti``, ``nifti.gz``, ``nifti2``,
        ``dicom`` or ``gzip``.
    """
    for kind, offset, signature in _SIGNATURES:
        if start[offset : offset + len(signature)] == signature:
            return kind
    if start.startswith(_GZIP):
        try:
            inside = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, _NIFTI_HEADER)
        except zlib.error:
            return "gzip"
        return {"nifti": "nifti.gz", "nifti2": "nifti2"}.get(kind_of(inside) or "", "gzip")
    return "dicom" if _is_dicom_without_preamble(start) else None


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM by its first bytes. Raises ``OSError`` if it cannot be read."""
    with path.open("rb") as file:
        return kind_of(file.read(START)) == "dicom"


def is_dead_link(path: Path) -> bool:
    """Whether what the path's link leads to is not there: an image that is missing, and not one that never was."""
    return path.is_symlink() and not path.exists()


def _is_dicom_without_preamble(start: bytes) -> bool:
    """Whether a file begins with a data element of the groups 0002 or 0008, as older scanners write them."""
    if len(start) < 8:
        return False
    group, element = struct.unpack("<HH", start[:4])
    if group not in (0x0002, 0x0008) or element > 0x0020:
        return False
    explicit = start[4:6] in _VALUE_REPRESENTATIONS
    return explicit or struct.unpack("<I", start[4:8])[0] <= _LONGEST_FIRST_VALUE
