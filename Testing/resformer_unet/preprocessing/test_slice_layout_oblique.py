"""Slices of grids that lie at any angle in the patient: each is laid as near to the radiologist's view as can be."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from resformer_unet.image.medical_image import MedicalImage, image_from_array
from resformer_unet.preprocessing.slice_layout import SliceLayout, choose_layout

# Directions of rows and of columns on the screen, in LPS.
VIEWS = {
    "axial": ((0, 1, 0), (1, 0, 0)),
    "coronal": ((0, 0, -1), (1, 0, 0)),
    "sagittal": ((0, 0, -1), (0, 1, 0)),
}
RADIOLOGICAL = {"volume": "radiological", "picture": "stored"}


def turned(seed: int) -> MedicalImage:
    """A volume whose axes point anywhere, at right angles to each other; each voxel has a value of its own."""
    directions, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = directions * (0.5, 0.7, 3.0)
    return image_from_array(np.arange(9 * 10 * 11).reshape(9, 10, 11), affine, "turned")


def nearest_view(image: MedicalImage, axis: int, plane: str) -> tuple[bool, bool, bool]:
    """Of all eight ways to lay slices: (transpose, flip rows, flip columns) with the smallest angles to the view."""
    unit = image.affine[:3, :3] / image.spacing
    rows, columns = (unit[:, 2 - array_axis] for array_axis in range(3) if array_axis != axis)

    def agreement(way: tuple[bool, bool, bool]) -> float:
        along_rows, along_columns = (columns, rows) if way[0] else (rows, columns)
        down, right = VIEWS[plane]
        return (-1) ** way[1] * float(along_rows @ down) + (-1) ** way[2] * float(along_columns @ right)

    return max(itertools.product((False, True), repeat=3), key=agreement)


@pytest.mark.parametrize("plane", VIEWS)
def test_of_the_eight_ways_to_lay_a_slice_the_nearest_to_the_view_is_taken(plane):
    for seed in range(60):
        image = turned(seed)
        layout = choose_layout(image, plane, RADIOLOGICAL)
        way = (layout.transpose, layout.flip_rows, layout.flip_columns)
        assert way == nearest_view(image, layout.axis, layout.plane), f"seed {seed}"


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("way", list(itertools.product((False, True), repeat=3)))
def test_a_pixel_of_a_slice_leads_back_to_its_voxel(axis, way):
    voxels = turned(0).voxels[..., 0]
    layout = SliceLayout(axis, *way, "axial")
    stack = layout.stack(voxels)
    for index, row, column in ((0, 0, 0), (1, 2, 3), (8, 7, 5)):
        i, j, k = layout.voxel_of(index, row, column, voxels.shape)
        assert voxels[k, j, i] == stack[index, row, column]
