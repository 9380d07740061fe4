"""The geometry of NIfTI files: units other than millimetres, and two geometries that contradict each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from helpers.synthetic_images import oblique_affine, volume, write_volume
from resformer_unet.image.reading import read_image
from resformer_unet.image.sequence_reading import open_sequence

MICRON, MILLIMETRE, METRE = 3, 2, 1
FACTORS = {METRE: 0.001, MILLIMETRE: 1.0, MICRON: 1000.0}  # from millimetres
STRAIGHT = np.array([[-0.9, 0, 0, 30], [0, -1.1, 0, -40], [0, 0, 3, 12], [0, 0, 0, 1]])  # RAS, mm


def nifti(path: Path, sform: np.ndarray, unit: int = MILLIMETRE, qform: np.ndarray | None = None) -> Path:
    """A volume with these geometries (4, 4) in RAS; ``qform``: axis-parallel, left to right and posterior to anterior
    reversed as in STRAIGHT."""
    write_volume(path, volume(), np.diag([0.9, 1.1, 3.0, 1.0]))
    data = bytearray(path.read_bytes())
    data[123] = unit
    data[252:256] = np.array([qform is not None, 1], "<i2").tobytes()
    data[280:328] = sform[:3].astype("<f4").tobytes()
    steps = np.linalg.norm((sform if qform is None else qform)[:3, :3], axis=0)
    data[76:92] = np.array([1, *steps], "<f4").tobytes()
    if qform is not None:
        data[256:268] = np.array([0, 0, 1], "<f4").tobytes()  # turned by 180° about the body's axis
        data[268:280] = qform[:3, 3].astype("<f4").tobytes()
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("unit", FACTORS)
@pytest.mark.parametrize("askew", [0.0, 0.02])
def test_any_unit_of_length_is_converted_to_millimetres(tmp_path, unit, askew):
    sform = STRAIGHT.copy()
    sform[2, 0] += askew
    stored = sform.copy()
    stored[:3] *= FACTORS[unit]
    image = read_image(nifti(tmp_path / "x.nii", stored, unit))
    assert np.allclose(image.affine, np.diag([-1, -1, 1, 1]) @ sform, rtol=1e-5)


def test_two_geometries_that_agree_are_no_matter(tmp_path):
    assert read_image(nifti(tmp_path / "x.nii", STRAIGHT, qform=STRAIGHT)).warnings == ()


@pytest.mark.parametrize("unit", [MILLIMETRE, MICRON])
def test_two_geometries_that_disagree_are_both_named(tmp_path, unit):
    factor = np.diag([*[FACTORS[unit]] * 3, 1])
    qform = STRAIGHT @ np.diag([1, 1, 2, 1])
    image = read_image(nifti(tmp_path / "x.nii", factor @ STRAIGHT, unit, factor @ qform))
    (warning,) = image.warnings
    assert warning["code"] == "GEOMETRY_AMBIGUOUS"
    for words in ("sform (voxels of 0.9 × 1.1 × 3 mm)", "qform (voxels of 0.9 × 1.1 × 6 mm)", "15 mm"):
        assert words in warning["message"]
    used = {3: "sform", 6: "qform"}[round(float(image.spacing[2]))]
    assert f"The {used} was used" in warning["message"]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (1, 1, -1), (-1, -1, -1)])
def test_both_geometries_of_an_oblique_volume_agree_however_it_is_flipped(tmp_path, suffix, flips):
    affine = oblique_affine() @ np.diag([*flips, 1])
    image = read_image(write_volume(tmp_path / f"x{suffix}", volume(), affine))  # with qform and sform
    assert image.warnings == () and np.allclose(image.affine, affine, atol=1e-5)


def with_bytes(path: Path, *changes: tuple[int, bytes]) -> Path:
    data = bytearray(path.read_bytes())
    for place, content in changes:
        data[place : place + len(content)] = content
    path.write_bytes(data)
    return path


def pixdim(*sizes: float) -> tuple[int, bytes]:
    return 80, np.array(sizes, "<f4").tobytes()


@pytest.mark.parametrize("unit", FACTORS)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (9, 11, 30), (0.9, 1.1, 6)])
def test_a_sform_has_its_own_sizes_of_voxels_whatever_pixdim_says(tmp_path, unit, sizes):
    factor = np.diag([*[FACTORS[unit]] * 3, 1])
    path = with_bytes(
        nifti(tmp_path / "x.nii", factor @ STRAIGHT, unit), pixdim(*(size * FACTORS[unit] for size in sizes))
    )
    image = read_image(path)
    assert np.allclose(image.affine, np.diag([-1, -1, 1, 1]) @ STRAIGHT, rtol=1e-5)
    (warning,) = image.warnings
    assert warning["code"] == "GEOMETRY_AMBIGUOUS" and "0.9 × 1.1 × 3 mm by its sform" in warning["message"]
    assert " × ".join(f"{size:g}" for size in sizes) + " mm by pixdim" in warning["message"]


def test_a_pixdim_that_is_merely_rounded_is_no_second_size(tmp_path):
    image = read_image(with_bytes(nifti(tmp_path / "x.nii", STRAIGHT), pixdim(0.9, 1.1, 3.01)))
    assert image.warnings == () and np.allclose(image.spacing, (0.9, 1.1, 3), rtol=1e-5)


def test_the_frames_of_a_file_lie_by_its_sform_too(tmp_path):
    path = nifti(tmp_path / "x.nii", STRAIGHT)
    slices, rows, columns = volume().shape
    dimensions = np.array([4, columns, rows, slices // 2, 2], "<i2").tobytes()
    frame = open_sequence(with_bytes(path, (40, dimensions), pixdim(1, 1, 1))).read(1)
    assert np.allclose(frame.affine, np.diag([-1, -1, 1, 1]) @ STRAIGHT, rtol=1e-5)


def test_pixdim_of_zero_is_no_second_size_beside_a_sform(tmp_path):
    image = read_image(with_bytes(nifti(tmp_path / "x.nii", STRAIGHT), pixdim(0, 0, 0)))
    assert image.warnings == () and image.has_volumes
    assert np.allclose(image.affine, np.diag([-1, -1, 1, 1]) @ STRAIGHT, rtol=1e-5)


NEITHER = (252, bytes(4))  # codes of qform and sform


def test_a_file_that_does_not_say_how_it_lies_is_warned_of(tmp_path):
    image = read_image(with_bytes(nifti(tmp_path / "x.nii", STRAIGHT), NEITHER))
    assert [warning["code"] for warning in image.warnings] == ["ORIENTATION_UNKNOWN"]
    assert image.has_volumes and np.allclose(image.spacing, (0.9, 1.1, 3))


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_a_file_without_sizes_of_voxels_gives_none_in_millimetres(tmp_path, dtype):
    path = write_volume(tmp_path / "x.nii", volume().astype(dtype), np.diag([0.9, 1.1, 3.0, 1.0]))
    image = read_image(with_bytes(path, NEITHER, pixdim(0.9, 0, 3)))
    assert [warning["code"] for warning in image.warnings] == ["ORIENTATION_UNKNOWN", "PIXEL_SIZE_UNKNOWN"]
    assert not image.has_areas and not image.has_volumes


@pytest.mark.parametrize("suffix", [".hdr", ".img"])
def test_either_file_of_a_pair_tells_of_two_geometries(tmp_path, suffix):
    write_volume(tmp_path / "x.hdr", volume(), np.diag([0.9, 1.1, 3.0, 1.0]))
    assert read_image(tmp_path / f"x{suffix}").warnings == ()
    with_bytes(tmp_path / "x.hdr", (280, STRAIGHT[:3].astype("<f4").tobytes()))
    assert [warning["code"] for warning in read_image(tmp_path / f"x{suffix}").warnings] == ["GEOMETRY_AMBIGUOUS"]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ((2, 10), (2, 10)),
        ((-1, 0), (-1, 0)),
        ((2, np.nan), (2, 0)),
        ((1, np.inf), (1, 0)),
        ((0, 5), (1, 0)),
        ((np.nan, 5), (1, 0)),
        ((np.inf, 5), (1, 0)),
        ((np.nan, np.nan), (1, 0)),
    ],
)
def test_slope_and_intercept_count_as_the_standard_says_in_one_volume_and_in_many(tmp_path, dtype, stated, meant):
    voxels = (volume() % 200).astype(dtype)
    path = write_volume(tmp_path / "x.nii", voxels, np.diag([0.9, 1.1, 3.0, 1.0]))
    scale = (112, np.array(stated, "<f4").tobytes())
    assert np.array_equal(read_image(with_bytes(path, scale)).voxels[..., 0], voxels * float(meant[0]) + meant[1])
    slices, rows, columns = voxels.shape
    dimensions = np.array([4, columns, rows, slices // 2, 2], "<i2").tobytes()
    frame = open_sequence(with_bytes(path, (40, dimensions))).read(1)
    assert np.array_equal(frame.voxels[..., 0], voxels[slices // 2 :] * float(meant[0]) + meant[1])
