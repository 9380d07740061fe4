"""The picture in three dimensions: sizes and places as in the patient, however the voxels lie; where there is none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from helpers.dicom_studies import affine_of
from helpers.report_cases import make_case
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.report.page import make_page
from resformer_unet.report.surface_picture import SIDE, draw_surfaces

RED, BLUE = {"color": [230, 0, 0]}, {"color": [0, 0, 230]}
CENTER = np.array([20.0, -30.0, 40.0])  # of the drawn bodies, LPS mm
SHAPE = (24, 70, 80)
AFFINES = {
    "axial": affine_of(),
    "oblique": affine_of(35),
    "reversed": affine_of(35, reversed_slices=True),
    "coronal": affine_of()[:, [0, 2, 1, 3]] @ np.diag([1, 0.4, 3, 1]),
}


def placed(affine: np.ndarray) -> np.ndarray:
    """The affine with the middle of the grid at CENTER."""
    affine = affine.copy()
    affine[:3, 3] = CENTER - affine[:3, :3] @ (np.array(SHAPE[::-1]) / 2)
    return affine


def ball(affine: np.ndarray, offset=(0, 0, 0), radius: float = 12.0) -> np.ndarray:
    points = np.moveaxis(np.indices(SHAPE), 0, -1)[..., ::-1] @ affine[:3, :3].T + affine[:3, 3]
    return np.linalg.norm(points - CENTER - offset, axis=-1) < radius


def views(masks, segments, affine) -> tuple[list[np.ndarray], float]:
    """Float (rows, columns, 3) of both views, without their margins; and pixels of the bar."""
    drawn = draw_surfaces(np.stack(masks), segments, affine)
    pixels = np.asarray(Image.open(io.BytesIO(drawn.content))).astype(float)
    bar = (pixels[SIDE - 9, 8 : SIDE // 2 - 10] < 100).all(-1).sum()
    return [pixels[16:-16, 16 : SIDE - 16], pixels[16:-16, -SIDE + 16 : -16]], bar / drawn.bar_mm


def extent(view: np.ndarray, channel: int) -> np.ndarray:
    """Center and size (row, column, rows, columns) of what is red (0) or blue (2)."""
    others = np.delete(view, channel, axis=-1).max(-1)
    places = np.argwhere(view[..., channel] > others + 40)
    return np.concatenate([(places.min(0) + places.max(0)) / 2, np.ptp(places, axis=0) + 1])


@pytest.mark.parametrize("kind", AFFINES)
def test_bodies_have_their_size_and_their_sides_however_the_voxels_lie(kind):
    affine = placed(AFFINES[kind])
    masks = ball(affine), ball(affine, (14, 4, 20), 5)  # the small one to the left, backwards and upwards
    (front, left), per_mm = views(masks, (RED, BLUE), affine)
    for view, across in ((front, 14), (left, 4)):
        large, small = extent(view, 0), extent(view, 2)
        assert large[2:] == pytest.approx(24 * per_mm, abs=3.1 * per_mm)  # a slice
        assert small[2:] == pytest.approx(10 * per_mm, abs=3.1 * per_mm)
        apart = (small[:2] - large[:2]) / per_mm
        assert apart == pytest.approx([-20, across], abs=1.5)


def test_a_segment_in_one_slice_is_as_thick_as_the_slice():
    affine = placed(AFFINES["axial"])
    mask = np.zeros(SHAPE, bool)
    mask[12, 20:50, 20:60] = True
    (front, _), per_mm = views([mask], [RED], affine)
    assert extent(front, 0)[2:] == pytest.approx([3 * per_mm, 40 * 0.9 * per_mm], rel=0.12)


def test_what_lies_behind_shines_through_what_is_before_it():
    affine = placed(AFFINES["axial"])
    before, behind = ball(affine, (0, -16, 0), 6), ball(affine, (0, 16, 0), 6)
    for masks, nearer, farther in (((before, behind), 0, 2), ((behind, before), 2, 0)):
        (front, _), _ = views(masks, (RED, BLUE), affine)
        middle = front[front.shape[0] // 2, front.shape[1] // 2]
        assert middle[nearer] > middle[farther] > middle[1] + 40


def test_a_large_segment_that_is_thinner_than_a_pixel_does_not_vanish():
    mask = np.zeros((3, 400, 600), bool)
    mask[1, 200, 50:550] = True
    (front, _), per_mm = views([mask], [RED], np.diag([0.5, 0.5, 1, 1]))
    assert extent(front, 0)[3] == pytest.approx(250 * per_mm, rel=0.04)


def pictures_of(image, mask) -> int:
    return make_page(make_case(image, mask[None])).count("<img ")


def test_volumes_have_the_picture_and_images_without_a_third_dimension_do_not():
    voxels = np.random.default_rng(0).random((5, 12, 14)).astype(np.float32)
    affine = np.diag([1, 1, 2, 1.0])
    mask = np.zeros(voxels.shape, bool)
    mask[1:4, 3:8, 3:8] = True
    assert pictures_of(image_from_array(voxels, affine, "x"), mask) == 2
    assert pictures_of(image_from_array(voxels[:1], affine, "x"), mask[1:2]) == 1
    assert pictures_of(image_from_array(voxels, affine, "x", False), mask) == 1
    assert pictures_of(image_from_array(voxels, affine, "x"), mask & False) == 0
