"""Files that end too early, made byte by byte."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from helpers.synthetic_images import oblique_affine, volume, write_volume
from resformer_unet.errors import EngineError
from resformer_unet.image.completeness import is_complete
from resformer_unet.image.reading import read_image
from resformer_unet.image.tiff import pages_are_linked


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
    assert pages_are_linked(whole)
    assert not pages_are_linked(tiff(tmp_path / "b.tif", order, big, linked_to=size + 1))
    assert not pages_are_linked(tiff(tmp_path / "c.tif", order, big, linked_to=16 if big else 8))
    whole.write_bytes(whole.read_bytes()[:-1])
    assert not pages_are_linked(whole)


class NiftiHeader:
    """What SimpleITK's reader says of a NIfTI file of 2 x 3 x 4 voxels of 16 bits; they begin at byte 352."""

    def GetMetaData(self, key: str) -> str:
        header = {"dim[0]": "3", "dim[1]": "2", "dim[2]": "3", "dim[3]": "4", "nifti_type": "1"}
        return {**header, "vox_offset": "352", "bitpix": "16"}[key]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_nifti_must_hold_every_voxel_of_its_header(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    for size, complete in ((400, True), (399, False)):
        path.write_bytes(gzip.compress(bytes(size)) if suffix == ".nii.gz" else bytes(size))
        assert is_complete(path, NiftiHeader(), "NiftiImageIO") is complete


def pair(folder: Path, magic: bytes, voxels: str) -> tuple[Path, Path]:
    """A volume as .hdr and another file for its voxels; without `magic` it is Analyze 7.5."""
    header = write_volume(folder / "heart.hdr", volume(), oblique_affine())
    header.write_bytes(header.read_bytes()[:344] + magic)
    content = header.with_suffix(".img").read_bytes()
    header.with_suffix(".img").unlink()
    (folder / voxels).write_bytes(gzip.compress(content) if voxels.endswith(".gz") else content)
    return header, folder / voxels


@pytest.mark.parametrize("voxels", ["heart.img", "heart.img.gz"])
@pytest.mark.parametrize("magic", [b"ni1\0", bytes(4)])
def test_a_header_with_its_voxels_in_another_file_needs_all_of_them(tmp_path, magic, voxels):
    header, file = pair(tmp_path, magic, voxels)
    assert np.array_equal(np.sort(read_image(header).voxels.ravel()), np.sort(volume().ravel()))
    whole = file.read_bytes()
    for size in (len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        for path in (header, file):
            with pytest.raises(EngineError) as caught:
                read_image(path)
            assert caught.value.code == "CORRUPT_IMAGE"


@pytest.mark.parametrize("name", ["HEART.HDR", "HEART.IMG"])
def test_the_voxels_of_a_header_in_capital_letters_are_found(tmp_path, name):
    header, file = pair(tmp_path, b"ni1\0", "heart.img")
    header.rename(tmp_path / "HEART.HDR")
    file = file.rename(tmp_path / "HEART.IMG")
    assert np.array_equal(read_image(tmp_path / name).voxels[..., 0], volume())
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(EngineError) as caught:
        read_image(tmp_path / name)
    assert caught.value.code == "CORRUPT_IMAGE"


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", [".mhd", ".nhdr", ".gipl", ".gipl.gz", ".mrc", ".vtk"])
def test_no_other_format_is_read_without_its_last_voxel(tmp_path, suffix, compressed):
    path, image = tmp_path / f"heart{suffix}", sitk.GetImageFromArray(volume())
    try:
        sitk.WriteImage(image, str(path), useCompression=compressed)
    except RuntimeError:
        pytest.skip("not written with compression")
    assert np.array_equal(read_image(path).voxels[..., 0], volume())
    (file,) = [file for file in tmp_path.iterdir() if file != path] or [path]
    file.write_bytes(file.read_bytes()[: -16 if compressed else -1])  # a gzip's last 8 bytes are no voxels
    with pytest.raises(EngineError) as caught:
        read_image(path)
    assert caught.value.code == "CORRUPT_IMAGE"


@pytest.mark.parametrize("table", [b"", b"LOOKUP_TABLE default\n"])
def test_a_vtk_file_needs_its_voxels_and_may_lack_a_lookup_table(tmp_path, table):
    lines = b"# vtk DataFile Version 3.0\nx\nBINARY\nDATASET STRUCTURED_POINTS\nDIMENSIONS 12 10 9\n"
    lines += b"SPACING 1 1 1\nORIGIN 0 0 0\nPOINT_DATA 1080\nSCALARS s short\n" + table
    voxels = np.arange(9 * 10 * 12, dtype=">i2").reshape(9, 10, 12)
    path = tmp_path / "heart.vtk"
    path.write_bytes(lines + voxels.tobytes())
    assert np.array_equal(read_image(path).voxels[..., 0], voxels)
    path.write_bytes(lines + voxels.tobytes()[:-1])
    with pytest.raises(EngineError) as caught:
        read_image(path)
    assert caught.value.code == "CORRUPT_IMAGE"


SCAN = b"\xff\xda\x00\x04ab"  # a start of scan with two bytes of header
THUMBNAIL = b"\xff\xe1\x00\x08" + b"\xff\xd8\xff\xda\xff\xd9"  # a segment that holds a picture


@pytest.mark.parametrize(
    ("content", "complete"),
    [
        (SCAN + b"123\xff\xd9", True),
        (SCAN + b"12\xff\x00\xff\xd03" + SCAN + b"456\xff\xd9", True),
        (SCAN + b"123\xff\xd9" + b"a film \xff\xda\x00", True),
        (THUMBNAIL + SCAN + b"123\xff\xd9", True),
        (SCAN + b"123", False),
        (SCAN + b"123\xff\xd9"[:-1], False),
        (THUMBNAIL + SCAN + b"123", False),
        (b"\xff\xd9", False),
        (b"", False),
    ],
)
def test_a_jpeg_must_reach_the_end_of_its_picture_and_what_follows_does_not_matter(tmp_path, content, complete):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8" + content)
    assert is_complete(tmp_path / "a.jpg", None, "JPEGImageIO") is complete
