"""Headers of NRRD and MetaImage files that are not in millimetres, or state too little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from helpers.synthetic_images import volume
from resformer_unet.image.reading import read_image

VOXELS = volume().astype("<i2")
SLICES, ROWS, COLUMNS = VOXELS.shape
SIZES = f"{COLUMNS} {ROWS} {SLICES}"
DIRECTIONS = "(0.9,0,0) (0,1.1,0) (0,0,3)"
AFFINE = np.array([[0.9, 0, 0, 5], [0, 1.1, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1]])


def nrrd(path: Path, *lines: str) -> Path:
    head = ["NRRD0004", "type: short", "dimension: 3", f"sizes: {SIZES}", "encoding: raw", "endian: little", *lines]
    path.write_bytes("\n".join([*head, "", ""]).encode() + VOXELS.tobytes())
    return path


def metaimage(path: Path, *lines: str, sized: bool = True) -> Path:
    geometry = ["ElementSpacing = 0.9 1.1 3", "Offset = 5 6 7"] if sized else []
    head = ["ObjectType = Image", "NDims = 3", f"DimSize = {SIZES}", *geometry, *lines]
    path.write_bytes(
        "\n".join([*head, "ElementType = MET_SHORT", "ElementDataFile = LOCAL", ""]).encode() + VOXELS.tobytes()
    )
    return path


def codes(image) -> list[str]:
    return [warning["code"] for warning in image.warnings]


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("um", 1e-3), ("µm", 1e-3), ("microns", 1e-3), ("nm", 1e-6), ("cm", 10), ("m", 1000), ("Inch", 25.4)],
)
def test_a_volume_in_another_unit_is_converted_to_millimetres_with_a_warning(tmp_path, unit, factor):
    image = read_image(
        nrrd(tmp_path / "x.nrrd", "space: left-posterior-superior", f"space directions: {DIRECTIONS}",
             "space origin: (5,6,7)", f'space units: "{unit}" "{unit}" "{unit}"')
    )  # fmt: skip
    assert np.allclose(image.affine, np.diag([factor, factor, factor, 1]) @ AFFINE)
    assert codes(image) == ["UNIT_CONVERTED"] and image.has_volumes
    assert np.array_equal(image.voxels[..., 0], VOXELS)


@pytest.mark.parametrize("unit", ["mm", "millimeters", "", "voxel"])
def test_millimetres_and_units_that_are_no_length_change_nothing(tmp_path, unit):
    lines = (
        "space: LPS",
        f"space directions: {DIRECTIONS}",
        "space origin: (5,6,7)",
        f'space units: "{unit}" "{unit}" "{unit}"',
    )
    image = read_image(nrrd(tmp_path / "x.nrrd", *lines, "units:=cm"))
    assert np.allclose(image.affine, AFFINE) and codes(image) == []


def test_units_of_the_axes_count_where_there_is_no_space(tmp_path):
    image = read_image(nrrd(tmp_path / "x.nrrd", "spacings: 900 1100 3000", 'units: "um" "um" "um"'))
    assert np.allclose(image.spacing, (0.9, 1.1, 3))
    assert codes(image) == ["ORIENTATION_UNKNOWN", "UNIT_CONVERTED"]


def test_two_units_in_one_volume_give_no_millimetres(tmp_path):
    image = read_image(nrrd(tmp_path / "x.nrrd", "spacings: 900 1100 3", 'units: "um" "um" "mm"'))
    assert "PIXEL_SIZE_UNKNOWN" in codes(image) and not image.has_areas


@pytest.mark.parametrize("lines", [(), ("spacings: nan nan nan",), ("spacings: 0.9 1.1 nan",)])
def test_a_file_without_spacings_gives_no_millimetres(tmp_path, lines):
    image = read_image(nrrd(tmp_path / "x.nrrd", *lines))
    assert codes(image) == ["ORIENTATION_UNKNOWN", "PIXEL_SIZE_UNKNOWN"]
    assert not image.has_areas and not image.has_volumes


@pytest.mark.parametrize("space", ["space: scanner-xyz", "space: 3D-right-handed", "space dimension: 3"])
def test_a_space_that_is_not_the_patients_is_warned_of(tmp_path, space):
    image = read_image(nrrd(tmp_path / "x.nrrd", space, f"space directions: {DIRECTIONS}", "space origin: (5,6,7)"))
    assert codes(image) == ["ORIENTATION_UNKNOWN"] and image.has_volumes


@pytest.mark.parametrize("space", ["left-posterior-superior", "LPS", "RAS", "right-anterior-superior", "LAS"])
def test_a_space_of_the_patient_is_no_matter(tmp_path, space):
    image = read_image(
        nrrd(tmp_path / "x.nrrd", f"space: {space}", f"space directions: {DIRECTIONS}", "space origin: (5,6,7)")
    )
    assert codes(image) == []


def test_a_metaimage_in_micrometres_is_converted_to_millimetres(tmp_path):
    image = read_image(metaimage(tmp_path / "x.mha", "DistanceUnits = um"))
    assert np.allclose(image.affine[:3], AFFINE[:3] / 1000) and codes(image) == ["UNIT_CONVERTED"]


def test_a_metaimage_without_spacings_gives_no_millimetres(tmp_path):
    image = read_image(metaimage(tmp_path / "x.mha", sized=False))
    assert codes(image) == ["PIXEL_SIZE_UNKNOWN"] and not image.has_areas


def test_the_values_of_a_metaimage_are_rescaled_as_it_says(tmp_path):
    image = read_image(
        metaimage(
            tmp_path / "x.mha", "ElementToIntensityFunctionSlope = 0.5", "ElementToIntensityFunctionOffset = -1024"
        )
    )
    assert np.array_equal(image.voxels[..., 0], VOXELS * 0.5 - 1024) and codes(image) == []
    plain = metaimage(tmp_path / "y.mha", "ElementToIntensityFunctionSlope = 1", "ElementToIntensityFunctionOffset = 0")
    assert read_image(plain).voxels.dtype == np.int16


@pytest.mark.parametrize("space", ["left-posterior-superior-time", "LPST"])
def test_a_space_of_the_patient_and_time_is_no_matter_either(tmp_path, space):
    path = nrrd(tmp_path / "x.nrrd")
    head = path.read_bytes().replace(b"dimension: 3", b"dimension: 4").replace(SIZES.encode(), f"{SIZES} 1".encode())
    geometry = f"space: {space}\nspace directions: (0.9,0,0,0) (0,1.1,0,0) (0,0,3,0) (0,0,0,1)\nspace origin: (5,6,7,0)"
    path.write_bytes(head.replace(b"endian: little", f"endian: little\n{geometry}".encode()))
    image = read_image(path)
    assert codes(image) == [] and np.allclose(image.affine, AFFINE)
