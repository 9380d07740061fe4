"""Signatures of image formats, and files that end too early, made byte by byte."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from resformer_unet.image.truncation import is_complete, looks_like_an_image

# From the formats' own specifications: where in a file its signature lies.
SIGNATURES = {
    "PNG": (0, b"\x89PNG\r\n\x1a\n"),
    "JPEG": (0, b"\xff\xd8\xff\xe0"),
    "TIFF, little-endian": (0, b"II*\x00"),
    "TIFF, big-endian": (0, b"MM\x00*"),
    "BMP": (0, b"BM"),
    "NRRD": (0, b"NRRD0004"),
    "MetaImage": (0, b"ObjectType = Image"),
    "gzip": (0, b"\x1f\x8b\x08"),
    "DICOM": (128, b"DICM"),
    "NIfTI-1": (344, b"n+1\x00"),
    "NIfTI-2": (4, b"n+2\x00"),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_signature_counts_only_at_its_place(name):
    offset, signature = SIGNATURES[name]
    assert looks_like_an_image(bytes(offset) + signature + bytes(20))
    assert not looks_like_an_image(bytes(offset + 1) + signature + bytes(20))
    assert not looks_like_an_image(bytes(offset) + signature[:1] + bytes(20))


def tiff(path: Path, order: str, big: bool = False, linked_to: int | None = None) -> Path:
    """Two empty page directories; the second one points to `linked_to`, or nowhere (0)."""
    offset, count = ("Q", "Q") if big else ("I", "H")
    mark = {"<": b"II", ">": b"MM"}[order]
    head = mark + struct.pack(f"{order}HHHQ", 43, 8, 0, 16) if big else mark + struct.pack(f"{order}HI", 42, 8)
    directory = struct.calcsize(f"{order}{count}{offset}")
    first = struct.pack(f"{order}{count}{offset}", 0, len(head) + directory)
    second = struct.pack(f"{order}{count}{offset}", 0, linked_to or 0)
    path.write_bytes(head + first + second)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_the_pages_of_a_tiff_are_followed_to_the_last(tmp_path, order, big):
    whole = tiff(tmp_path / "a.tif", order, big)
    size = whole.stat().st_size
    assert is_complete(whole, None, "TIFFImageIO")
    assert not is_complete(tiff(tmp_path / "b.tif", order, big, linked_to=size + 1), None, "TIFFImageIO")
    assert not is_complete(tiff(tmp_path / "c.tif", order, big, linked_to=16 if big else 8), None, "TIFFImageIO")
    whole.write_bytes(whole.read_bytes()[:-1])
    assert not is_complete(whole, None, "TIFFImageIO")


def test_a_bmp_must_be_as_long_as_its_header_says(tmp_path):
    path = tmp_path / "a.bmp"
    path.write_bytes(b"BM" + struct.pack("<I", 100) + bytes(94))
    assert is_complete(path, None, "BMPImageIO")
    path.write_bytes(b"BM" + struct.pack("<I", 100) + bytes(93))
    assert not is_complete(path, None, "BMPImageIO")


class NiftiHeader:
    """What SimpleITK's reader says of a NIfTI file of 2 x 3 x 4 voxels of 16 bits; they begin at byte 352."""

    def GetMetaData(self, key: str) -> str:
        return {"dim[0]": "3", "dim[1]": "2", "dim[2]": "3", "dim[3]": "4", "vox_offset": "352", "bitpix": "16"}[key]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_nifti_must_hold_every_voxel_of_its_header(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    for size, complete in ((400, True), (399, False)):
        path.write_bytes(gzip.compress(bytes(size)) if suffix == ".nii.gz" else bytes(size))
        assert is_complete(path, NiftiHeader(), "NiftiImageIO") is complete


def test_a_jpeg_must_end_after_its_last_scan(tmp_path):
    path = tmp_path / "a.jpg"
    for scan, complete in ((b"\xff\xda123\xff\xd9", True), (b"\xff\xda123", False), (b"\xff\xd9\xff\xda123", False)):
        path.write_bytes(b"\xff\xd8" + scan)
        assert is_complete(path, None, "JPEGImageIO") is complete
