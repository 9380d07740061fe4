"""NIfTI files that are unpacked block by block give what ITK gives, and whatever is not plain is left to ITK."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from helpers.synthetic_images import oblique_affine, write_volume
from resformer_unet.errors import EngineError
from resformer_unet.image import gzip_blocks, plain_nifti
from resformer_unet.image.guarded_reading import read_image_guarded
from resformer_unet.image.itk_arrays import affine_of
from resformer_unet.image.medical_image import check_image
from resformer_unet.image.nifti import nifti_header
from resformer_unet.image.plain_nifti import PlainNifti
from resformer_unet.image.reading import open_image, read_image

PLAIN_TYPES = (np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32)
OFFSET = 352


def noise(dtype: type = np.int16, slices: int = 5) -> np.ndarray:
    limits = np.iinfo(np.int16 if np.dtype(dtype).kind == "f" else dtype)
    return np.random.default_rng(3).integers(limits.min, limits.max, (slices, 20, 24), endpoint=True).astype(dtype)


def edited(path: Path, **fields: object) -> Path:
    """The uncompressed file with some fields of its header replaced, of which `nifti_header` knows the places."""
    data = bytearray(path.read_bytes())
    places = {name: place for name, (_, place) in nifti_header(path).dtype.fields.items()}
    for name, value in fields.items():
        content = value if isinstance(value, bytes) else np.asarray(value).tobytes()
        data[places[name] : places[name] + len(content)] = content
    path.write_bytes(data)
    return path


def packed(path: Path, *more: bytes) -> Path:
    target = path.with_name("packed.nii.gz")
    target.write_bytes(b"".join([gzip.compress(path.read_bytes()), *more]))
    return target


def swapped(path: Path) -> Path:
    """The same file as a computer of the other byte order writes it: header and voxels of 16 bits."""
    data = path.read_bytes()
    little = np.frombuffer(data[:348], nifti_header(path).dtype)[0]
    header = bytearray(data[:348])
    for name, (kind, place) in little.dtype.fields.items():
        values = np.asarray(little[name]).astype(kind.base.newbyteorder(">"))
        header[place : place + kind.itemsize] = values.tobytes()
    path.write_bytes(header + data[348:OFFSET] + np.frombuffer(data[OFFSET:], "<i2").astype(">i2").tobytes())
    return path


def refusal(read, path: Path) -> str:
    with pytest.raises(EngineError) as caught:
        read(path)
    return caught.value.code


def assert_as_itk_reads_it(path: Path) -> None:
    expected = sitk.ReadImage(str(path))
    voxels = sitk.GetArrayFromImage(expected)
    for image in (read_image(path), read_image_guarded(path)):
        assert image.voxels.dtype == voxels.dtype and np.array_equal(image.voxels[..., 0], voxels, equal_nan=True)
        assert np.array_equal(image.affine, affine_of(expected)) and not image.voxels.flags.writeable


@pytest.fixture(params=["isal", "zlib"], autouse=True)
def library(request, monkeypatch):
    """Every test is run with each library that unpacks."""
    chosen = zlib if request.param == "zlib" else pytest.importorskip("isal.isal_zlib")
    monkeypatch.setattr(gzip_blocks, "_deflate", chosen)
    monkeypatch.setattr(plain_nifti, "DAMAGED", (*gzip_blocks.DAMAGED, chosen.error))
    return request.param


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", PLAIN_TYPES)
def test_integers_are_taken_as_they_lie_in_the_file(tmp_path, dtype, suffix):
    path = write_volume(tmp_path / f"x{suffix}", noise(dtype), oblique_affine() * [1, -1, 1, 1])
    assert isinstance(open_image(path), PlainNifti)
    assert_as_itk_reads_it(path)


def test_a_file_of_several_blocks_arrives_whole(tmp_path):
    path = write_volume(tmp_path / "x.nii.gz", noise(slices=3000), np.eye(4))
    assert isinstance(opened := open_image(path), PlainNifti) and len(list(opened.blocks())) > 2
    assert_as_itk_reads_it(path)


def test_a_file_that_unpacks_to_a_thousand_times_its_size_comes_in_pieces_too(tmp_path, monkeypatch):
    monkeypatch.setattr(gzip_blocks, "_BLOCK", 1024)
    (tmp_path / "x.gz").write_bytes(gzip.compress(bytes(20_000_000)))
    lengths = list(map(len, gzip_blocks.unpacked_blocks(tmp_path / "x.gz")))
    assert sum(lengths) == 20_000_000 and max(lengths) <= 1100 * 1024


@pytest.mark.parametrize(
    "fields",
    [
        {"scl_slope": np.float32(2)},
        {"scl_slope": np.float32(1), "scl_inter": np.float32(-1000)},
        {"vox_offset": np.float32(0)},
    ],
    ids=str,
)
def test_values_that_are_scaled_and_unusual_headers_are_left_to_itk(tmp_path, fields):
    path = packed(edited(write_volume(tmp_path / "x.nii", noise(), np.eye(4)), **fields))
    assert not isinstance(open_image(path), PlainNifti)
    assert_as_itk_reads_it(path)


def test_a_scale_of_one_changes_nothing(tmp_path):
    path = edited(write_volume(tmp_path / "x.nii", noise(), np.eye(4)), scl_slope=np.float32(1))
    assert isinstance(open_image(path), PlainNifti)
    assert_as_itk_reads_it(path)


def test_the_other_byte_order_is_left_to_itk(tmp_path):
    path = packed(swapped(write_volume(tmp_path / "x.nii", noise(), oblique_affine())))
    assert not isinstance(open_image(path), PlainNifti)
    assert_as_itk_reads_it(path)
    assert np.array_equal(read_image(path).voxels[..., 0], noise())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("slope", [1, 0, np.nan])  # the last is what nibabel writes
def test_values_that_are_no_numbers_are_kept_and_warned_of_and_do_not_become_0(tmp_path, dtype, slope):
    values = noise(dtype)
    values[1, 2, 3], values[2, 3, 4] = np.nan, np.inf
    path = packed(edited(write_volume(tmp_path / "x.nii", values, np.eye(4)), scl_slope=np.float32(slope)))
    for image in (read_image(path), read_image_guarded(path)):
        assert image.voxels.dtype == dtype and np.array_equal(image.voxels[..., 0], values, equal_nan=True)
        (warning,) = check_image(image)
        assert warning["code"] == "NON_FINITE_VALUES" and warning["message"].startswith("2 values")


def test_colours_and_several_volumes_are_left_to_itk(tmp_path):
    colour = write_volume(tmp_path / "c.nii.gz", np.repeat(noise(np.uint8)[..., None], 3, 3), np.eye(4), is_vector=True)
    assert np.array_equal(read_image(colour).voxels, np.repeat(noise(np.uint8)[..., None], 3, 3))
    path = write_volume(tmp_path / "x.nii", noise(slices=6), np.eye(4))
    edited(path, dim=np.array([4, 24, 20, 3, 2, 1, 1, 1], np.int16))
    assert refusal(read_image, path) == refusal(read_image_guarded, path) == "IMAGE_4D"
    edited(path, dim=np.array([4, 24, 20, 6, 1, 1, 1, 1], np.int16))
    assert not isinstance(open_image(path), PlainNifti)
    assert np.array_equal(read_image(path).voxels[..., 0], noise(slices=6))


def test_voxels_behind_an_extension_and_under_a_wrong_name_are_found(tmp_path):
    path = write_volume(tmp_path / "x.nii", noise(), oblique_affine())
    data = edited(path, vox_offset=np.float32(OFFSET + 16)).read_bytes()
    extension = b"\1\0\0\0" + np.array([16, 6], np.int32).tobytes() + b"comment\0"
    path.write_bytes(data[:348] + extension + data[OFFSET:])
    assert_as_itk_reads_it(path)
    wrong = packed(path).rename(tmp_path / "x.dat")
    assert isinstance(open_image(wrong), PlainNifti)
    assert np.array_equal(read_image_guarded(wrong).voxels[..., 0], noise())


def test_two_gzips_and_zeros_at_the_end_belong_to_the_file(tmp_path):
    path = write_volume(tmp_path / "x.nii", noise(), np.eye(4))
    data, half = path.read_bytes(), 2000
    together = tmp_path / "y.nii.gz"
    together.write_bytes(gzip.compress(data[:half]) + gzip.compress(data[half:]) + bytes(700))
    assert isinstance(open_image(together), PlainNifti)
    assert_as_itk_reads_it(together)


def test_a_damaged_file_is_refused_wherever_it_is_damaged(tmp_path):
    path = write_volume(tmp_path / "x.nii", noise(), np.eye(4))
    whole = packed(path).read_bytes()
    middle, checksum = len(whole) // 2, len(whole) - 6
    damaged = {
        "cut": whole[:middle],
        "cut in the trailer": whole[:-3],
        "garbage": whole + b"garbage",
        "checksum": whole[:checksum] + bytes([whole[checksum] ^ 1]) + whole[checksum + 1 :],
        "middle": whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :],
        "short": gzip.compress(path.read_bytes()[:-1]),
    }
    for name, content in damaged.items():
        file = tmp_path / f"{name}.nii.gz"
        file.write_bytes(content)
        assert refusal(read_image, file) == refusal(read_image_guarded, file) == "CORRUPT_IMAGE", name
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal(read_image, path) == refusal(read_image_guarded, path) == "CORRUPT_IMAGE"
    assert_as_itk_reads_it(packed(write_volume(path, noise(), np.eye(4))))  # and the reader goes on


def test_a_requested_series_is_remarked_on(tmp_path):
    path = write_volume(tmp_path / "x.nii.gz", noise(), np.eye(4))
    for read in (read_image, read_image_guarded):
        (warning,) = read(path, series="1.2").warnings
        assert warning["code"] == "SERIES_IGNORED"


def test_a_volume_that_would_not_fit_into_memory_is_left_to_itk(tmp_path):
    path = write_volume(tmp_path / "x.nii", noise(), np.eye(4))
    huge = packed(edited(path, dim=np.array([3, 32767, 32767, 32767, 1, 1, 1, 1], np.int16)))
    assert refusal(read_image, huge) == refusal(read_image_guarded, huge) == "CORRUPT_IMAGE"
