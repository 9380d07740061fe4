"""Series whose headers say too little about where their slices lie, or contradict each other."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.dicom_files import SLICE_MM, stored_values, write_slices
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.image.reading import read_image

VOXELS = stored_values()


def codes(image: MedicalImage) -> list[str]:
    return [warning["code"] for warning in image.warnings]


def error_of(path) -> EngineError:
    with pytest.raises(EngineError) as caught:
        read_image(path)
    return caught.value


def moved(offsets, axis: int = 2):
    """An edit that moves each slice by so many millimetres."""

    def edit(data, index):
        position = [float(value) for value in data.ImagePositionPatient]
        position[axis] += offsets[index]
        data.ImagePositionPatient = position

    return edit


def test_slices_with_pixels_of_another_size_are_refused(tmp_path):
    def edit(data, index):
        data.PixelSpacing = [1.1, 0.9] if index != 3 else [2.2, 1.8]

    error = error_of(write_slices(tmp_path / "s", VOXELS, edit))
    assert error.code == "MIXED_SERIES" and "pixel sizes" in error.message


@pytest.mark.parametrize("spacing", [[0, 0], None])
def test_without_a_pixel_size_nothing_is_measured_in_millimetres(tmp_path, spacing):
    def edit(data, index):
        data.PixelSpacing = spacing

    image = read_image(write_slices(tmp_path / "s", VOXELS, edit))
    assert codes(image) == ["PIXEL_SIZE_UNKNOWN"] and image.has_orientation
    assert not image.has_areas and not image.has_volumes


def test_a_huge_gap_is_refused(tmp_path):
    error = error_of(write_slices(tmp_path / "s", VOXELS, moved([0, 0, 0, 0, 0, 200])))
    assert error.code == "MIXED_SERIES" and "3 to 203 mm apart" in error.message


def test_a_sideways_jump_is_warned_of(tmp_path):
    image = read_image(write_slices(tmp_path / "s", VOXELS, moved([0, 0, 0, 8, 8, 8], axis=0)))
    assert codes(image) == ["SLICES_SHIFTED"]


def test_a_tilted_gantry_is_no_jump(tmp_path):
    image = read_image(write_slices(tmp_path / "s", VOXELS, moved([0.8 * k for k in range(6)], axis=1)))
    assert image.warnings == () and np.allclose(image.affine[:3, 2], (0, 0.8, 3))


@pytest.mark.parametrize("distance", [0.3333, 0.625, 1.25, 0.15])
def test_positions_that_are_rounded_are_no_missing_slices(tmp_path, distance):
    def edit(data, index):
        data.ImagePositionPatient = [-10, -20, round(5 + distance * index, 2)]

    image = read_image(write_slices(tmp_path / "s", stored_values(12), edit))
    assert image.warnings == () and abs(image.spacing[2] / distance - 1) < 0.01


@pytest.mark.parametrize("distance", [0.15, 1, 3])
def test_a_missing_slice_is_noticed_where_positions_are_rounded(tmp_path, distance):
    def edit(data, index):
        data.ImagePositionPatient = [-10, -20, round(5 + distance * (index + (index > 2)), 2)]

    assert codes(read_image(write_slices(tmp_path / "s", VOXELS, edit))) == ["UNEVEN_SPACING"]


def test_a_single_slice_is_as_thick_as_its_file_says(tmp_path):
    folder = write_slices(tmp_path / "s", VOXELS[:1])
    for path in (folder, folder / "IM001.dcm"):
        image = read_image(path)
        assert image.has_volumes and np.allclose(image.spacing, (0.9, 1.1, SLICE_MM)) and image.warnings == ()


def test_a_single_slice_without_a_thickness_has_an_area_and_no_volume(tmp_path):
    def edit(data, index):
        del data.SliceThickness

    image = read_image(write_slices(tmp_path / "s", VOXELS[:1], edit))
    assert image.has_areas and not image.has_volumes


def strip(data, index, *more):
    for name in ("ImagePositionPatient", "ImageOrientationPatient", *more):
        delattr(data, name)


def test_without_positions_and_numbers_names_decide_in_their_natural_order_with_a_warning(tmp_path):
    folder = write_slices(
        tmp_path / "s", stored_values(12), lambda data, index: strip(data, index, "InstanceNumber"), name="IM{}.dcm"
    )
    image = read_image(folder)
    assert np.array_equal(image.voxels[..., 0], stored_values(12)) and codes(image) == ["ORDER_GUESSED"]


def test_numbers_that_are_not_distinct_do_not_count(tmp_path):
    def edit(data, index):
        strip(data, index)
        data.InstanceNumber = 12 - index if index else 3

    image = read_image(write_slices(tmp_path / "s", stored_values(12), edit, name="IM{}.dcm"))
    assert np.array_equal(image.voxels[..., 0], stored_values(12)) and codes(image) == ["ORDER_GUESSED"]


def test_without_positions_the_distance_of_slices_is_not_taken_for_a_millimetre(tmp_path):
    def without_position(data, index):
        del data.ImagePositionPatient

    image = read_image(write_slices(tmp_path / "s", VOXELS, without_position))
    assert codes(image) == ["SLICE_DISTANCE_UNKNOWN"] and image.has_areas and not image.has_volumes

    def with_distance(data, index):
        without_position(data, index)
        data.SpacingBetweenSlices = 4

    image = read_image(write_slices(tmp_path / "t", VOXELS, with_distance))
    assert image.warnings == () and image.has_volumes and image.spacing[2] == 4


@pytest.mark.parametrize(
    ("slopes", "intercepts"),
    [
        ([1, 0.002, 0.003, 0.004, 0.005, 0.006], [0] * 6),
        ([1, 1000, 1000, 1000, 1000, 1000], [0] * 6),
        ([1] * 6, [0, -300, -300, -300, -300, -300]),
        ([0.1, 0.15, 0.2, 0.25, 0.3, 0.35], [0] * 6),
    ],
    ids=["fractions", "beyond 16 bits", "negative", "fractions from the first on"],
)
def test_every_slice_is_rescaled_by_its_own_slope_and_intercept(tmp_path, slopes, intercepts):
    def edit(data, index):
        data.RescaleSlope, data.RescaleIntercept = str(slopes[index]), str(intercepts[index])

    image = read_image(write_slices(tmp_path / "s", VOXELS, edit))
    expected = VOXELS * np.reshape(slopes, (-1, 1, 1)) + np.reshape(intercepts, (-1, 1, 1))
    assert np.allclose(image.voxels[..., 0], expected, rtol=1e-6)
