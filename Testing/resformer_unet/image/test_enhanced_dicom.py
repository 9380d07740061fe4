"""Enhanced DICOM files: their frames are read as the same slices in files of their own."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.dicom_files import stored_values, without_preamble, write_frames, write_slices
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.image.reading import read_image

VOXELS = stored_values()
RIGHT = np.array([[0.9, 0, 0, -10], [0, 1.1, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])


def refusal(path) -> str:
    with pytest.raises(EngineError) as caught:
        read_image(path)
    return caught.value.code


def codes(image: MedicalImage) -> list[str]:
    return [warning["code"] for warning in image.warnings]


@pytest.mark.parametrize("slices", [[0, 1, 2, 3, 4, 5], [0, 2, 4, 1, 3, 5], [5, 4, 3, 2, 1, 0], [3, 1, 5, 0, 2, 4]])
def test_frames_in_any_order_are_sorted_by_position(tmp_path, slices):
    image = read_image(write_frames(tmp_path / "x.dcm", VOXELS, slices))
    assert np.array_equal(image.voxels[..., 0], VOXELS)
    assert np.allclose(image.affine, RIGHT, atol=1e-9)
    assert image.has_volumes and image.warnings == () and image.name == "x"


def test_the_frames_are_read_as_the_same_slices_in_files_of_their_own(tmp_path):
    frames = read_image(write_frames(tmp_path / "x.dcm", VOXELS, [2, 0, 1, 5, 4, 3]))
    files = read_image(write_slices(tmp_path / "series", VOXELS))
    assert np.array_equal(frames.voxels, files.voxels) and np.allclose(frames.affine, files.affine, atol=1e-9)


def test_an_enhanced_file_that_is_alone_in_its_folder_is_sorted_too(tmp_path):
    (tmp_path / "study").mkdir()
    write_frames(tmp_path / "study" / "x.dcm", VOXELS, [0, 2, 4, 1, 3, 5])
    image = read_image(tmp_path / "study")
    assert np.array_equal(image.voxels[..., 0], VOXELS) and np.allclose(image.affine, RIGHT) and image.name == "study"


def test_enhanced_files_of_one_frame_each_are_a_series(tmp_path):
    (tmp_path / "study").mkdir()
    for number, k in enumerate([4, 0, 2, 5, 1, 3]):
        write_frames(tmp_path / "study" / f"{number}.dcm", VOXELS, [k])
    image = read_image(tmp_path / "study")
    assert np.array_equal(image.voxels[..., 0], VOXELS) and np.allclose(image.affine, RIGHT)


def test_a_missing_frame_is_warned_of(tmp_path):
    image = read_image(write_frames(tmp_path / "x.dcm", VOXELS, [0, 1, 2, 4, 5]))
    assert codes(image) == ["UNEVEN_SPACING"] and np.allclose(image.spacing, (0.9, 1.1, 3.75))


@pytest.mark.parametrize("slices", [[0, 0, 1, 1, 2, 2], [0, 1, 2, 0, 1, 2]], ids=["echoes", "times"])
def test_several_frames_at_one_position_are_refused(tmp_path, slices):
    assert refusal(write_frames(tmp_path / "x.dcm", VOXELS, slices)) == "IMAGE_4D"


def test_frames_in_several_planes_are_refused(tmp_path):
    planes = [(1, 0, 0, 0, 1, 0)] * 3 + [(0, 1, 0, 0, 0, -1)] * 3
    assert refusal(write_frames(tmp_path / "x.dcm", VOXELS, range(6), orientations=planes)) == "MIXED_SERIES"


def test_frames_with_pixels_of_several_sizes_are_refused(tmp_path):
    sizes = [(1.1, 0.9)] * 5 + [(2.2, 1.8)]
    assert refusal(write_frames(tmp_path / "x.dcm", VOXELS, range(6), spacings=sizes)) == "MIXED_SERIES"


@pytest.mark.parametrize(
    ("slopes", "intercepts"),
    [
        ([1, 0.5, 0.5, 0.5, 0.5, 0.5], None),
        ([0.5, 1, 1, 1, 1, 2], None),
        ([0.002, 0.003, 0.5, 4, 1, 1], [0, 0, 0, 0, 0, 0]),
        ([1, 1, 1, 1, 1, 1], [0, -300, -300, -300, -300, -300]),
        ([2, 2, 2, 2, 2, 2], [-7, -7, -7, -7, -7, -7]),
        ([3, 1, 1, 1, 1, 1], [-7, 0, 5, 0, 0, 0]),
    ],
)
def test_every_frame_is_rescaled_by_its_own_slope_and_intercept(tmp_path, slopes, intercepts):
    order = [3, 1, 5, 0, 2, 4]
    path = write_frames(tmp_path / "x.dcm", VOXELS, order, slopes=slopes, intercepts=intercepts)
    expected = VOXELS.astype(float)
    for frame, k in enumerate(order):
        expected[k] = expected[k] * slopes[frame] + (intercepts[frame] if intercepts else 0)
    assert np.allclose(read_image(path).voxels[..., 0], expected, rtol=1e-6, atol=1e-6)


def test_an_enhanced_file_without_preamble_is_read(tmp_path):
    path = without_preamble(write_frames(tmp_path / "x.dcm", VOXELS, [0, 2, 4, 1, 3, 5]))
    assert np.array_equal(read_image(path).voxels[..., 0], VOXELS)


def test_a_single_frame_is_as_thick_as_its_file_says(tmp_path):
    image = read_image(write_frames(tmp_path / "x.dcm", VOXELS, [2]))
    assert image.has_volumes and np.allclose(image.spacing, (0.9, 1.1, 3)) and image.affine[2, 3] == 11
