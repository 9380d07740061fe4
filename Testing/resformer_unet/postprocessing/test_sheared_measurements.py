"""Areas and diameters in planes along the tilt of a sheared grid, where rows and columns are not at right angles."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from resformer_unet.image.medical_image import image_from_array
from resformer_unet.postprocessing.measurements import EDGE_MIDDLES, longest_diameters
from resformer_unet.preprocessing.slice_layout import SliceLayout

TILTED = np.array([[0.9, 0, 0, 5], [0, 1.1, 1.3, 6], [0, 0, 3, 7], [0, 0, 0, 1]])  # as of a tilted gantry
LAYOUTS = [SliceLayout(*one, "") for one in itertools.product(range(3), *[(False, True)] * 3)]


@pytest.fixture(scope="module")
def blob() -> np.ndarray:
    """bool (slices, rows, columns), connected in each plane and of no symmetry."""
    k, j, i = np.indices((9, 14, 16))
    return (k - 4) ** 2 / 12 + (j - 6) ** 2 / 30 + (i - 8) ** 2 / 45 + (k - 4) * (j - 6) / 15 < 1


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_lengths_and_areas_are_those_in_the_patient(blob, layout):
    image = image_from_array(blob, TILTED, "x")
    plane = layout.stack(blob)[blob.shape[layout.axis] // 2]
    row_mm, column_mm, _ = layout.spacing(image)
    found = longest_diameters(plane[None, None], (row_mm, column_mm), layout.cosine(image))[0, 0]
    pixels = (np.argwhere(plane)[:, None] + EDGE_MIDDLES).reshape(-1, 2)
    corners = [np.array(layout.voxel_of(4, *pixel, blob.shape)) for pixel in ((0, 0), (1, 0), (0, 1))]
    steps = [
        TILTED[:3, :3] @ (corner - corners[0]) for corner in corners[1:]
    ]  # of a row and of a column in the patient
    assert found == pytest.approx(pdist(pixels @ np.array(steps)).max())
    assert layout.pixel_mm2(image) == pytest.approx(np.linalg.norm(np.cross(*steps)))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_a_grid_with_right_angles_has_a_cosine_of_exactly_zero(layout):
    turned = np.eye(4)
    turned[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    assert layout.cosine_of(turned @ np.diag([0.9, 1.1, 3, 1])) == 0
