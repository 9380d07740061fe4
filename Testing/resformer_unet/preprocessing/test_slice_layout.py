"""Slices are cut along the right axis, shown the way a radiologist sees them, and go back exactly."""

import itertools

import numpy as np
import pytest

from helpers.synthetic_images import oblique_affine, volume
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage, image_from_array
from resformer_unet.preprocessing.slice_layout import choose_layout

ORIENTATION = {"volume": "radiological", "picture": "transposed"}

# What the rows and columns of a slice run towards, as LPS directions
RADIOLOGICAL = {
    "axial": ((0, 1, 0), (1, 0, 0)),  # posterior, left
    "coronal": ((0, 0, -1), (1, 0, 0)),  # inferior, left
    "sagittal": ((0, 0, -1), (0, 1, 0)),  # inferior, posterior
}


def every_storage_order() -> list[np.ndarray]:
    """The 48 ways in which array axes can run along the body's axes, left-handed ones included."""
    affines = []
    for axes, signs in itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)):
        affine = np.eye(4)
        affine[:3, :3] = np.eye(3)[:, axes] * signs * (0.5, 0.7, 3.0)
        affines.append(affine)
    return affines


def positions(image: MedicalImage) -> np.ndarray:
    """(k, j, i, 3): where each voxel lies, in LPS millimetres."""
    k, j, i = np.indices(image.shape)
    return np.stack([i, j, k, np.ones_like(k)], axis=-1) @ image.affine[:3].T


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_slices_are_upright_however_the_volume_is_stored(plane):
    for affine in every_storage_order():
        image = image_from_array(volume(), affine, "x")
        layout = choose_layout(image, plane, ORIENTATION)
        shown = layout.stack(positions(image))
        rows, columns = RADIOLOGICAL[plane]
        row_mm, column_mm, slice_mm = layout.spacing(image)
        assert np.allclose(shown[0, 1, 0] - shown[0, 0, 0], np.multiply(rows, row_mm))
        assert np.allclose(shown[0, 0, 1] - shown[0, 0, 0], np.multiply(columns, column_mm))
        assert np.isclose(np.linalg.norm(shown[1, 0, 0] - shown[0, 0, 0]), slice_mm)
        assert layout.plane == plane


@pytest.mark.parametrize("name", ["axial", "coronal", "sagittal", "stored", "acquisition"])
def test_what_was_stacked_goes_back_exactly(name):
    voxels = np.random.default_rng(0).random((4, 5, 6, 3))
    for affine in every_storage_order():
        layout = choose_layout(image_from_array(voxels, affine, "x"), name, ORIENTATION)
        assert np.array_equal(layout.unstack(layout.stack(voxels)), voxels)
        assert np.array_equal(layout.unstack(layout.stack(voxels[..., 0])), voxels[..., 0])
        assert np.shares_memory(layout.stack(voxels), voxels)


def test_an_oblique_volume_takes_the_nearest_axes():
    affine = oblique_affine()
    affine[:3, 1] *= -1  # rows run to anterior, as many scanners store them
    image = image_from_array(volume(), affine, "x")
    layout = choose_layout(image, "axial", ORIENTATION)
    assert (layout.axis, layout.transpose, layout.flip_rows, layout.flip_columns) == (0, False, True, False)


@pytest.mark.parametrize(("spacing", "axis"), [((1, 1, 5), 0), ((1, 5, 1), 1), ((5, 1, 1), 2), ((1, 1, 1.1), 0)])
def test_the_acquisition_axis_is_the_one_of_the_thick_slices(spacing, axis):
    image = image_from_array(volume(), np.diag([*spacing, 1.0]), "x")
    assert choose_layout(image, "acquisition", ORIENTATION).axis == axis


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_image_of_one_slice_is_taken_as_that_slice(axis):
    voxels = np.moveaxis(volume(1), 0, axis)
    image = image_from_array(voxels, np.diag([2.0, 2, 2, 1]), "x")
    layout = choose_layout(image, "acquisition", ORIENTATION)
    assert layout.axis == axis and len(layout.stack(voxels)) == 1


def test_stored_orientation_is_left_alone():
    image = image_from_array(volume(), np.diag([-1.0, -1, 4, 1]), "x")
    layout = choose_layout(image, "acquisition", {"volume": "stored", "picture": "stored"})
    assert np.array_equal(layout.stack(volume()), volume()) and layout.plane == "axial"


def test_a_picture_is_turned_as_the_training_set_was_stored():
    image = image_from_array(volume(1), np.diag([0.5, 2.0, 1, 1]), "x", has_orientation=False)
    layout = choose_layout(image, "axial", ORIENTATION, override="sagittal")
    assert np.array_equal(layout.stack(volume(1))[0], volume(1)[0].T)
    assert layout.plane == "picture" and layout.spacing(image) == (0.5, 2.0, 1.0)


def test_the_users_choice_of_slices_comes_first():
    image = image_from_array(volume(), np.diag([1.0, 1, 5, 1]), "x")
    assert choose_layout(image, "acquisition", ORIENTATION, override="coronal").plane == "coronal"
    with pytest.raises(EngineError, match="axial, coronal, sagittal"):
        choose_layout(image, "acquisition", ORIENTATION, override="diagonal")


@pytest.mark.parametrize("degrees", [0, 30, 60, 90])
@pytest.mark.parametrize("model_axis", ["acquisition", "stored"])
@pytest.mark.parametrize("orientation", ["radiological", "stored"])
def test_the_array_axis_of_a_report_leads_back_to_its_slices_also_of_a_double_oblique_heart(
    degrees, model_axis, orientation
):
    normal = np.array([0.6, -0.6, 0.53]) / np.linalg.norm([0.6, -0.6, 0.53])
    across = np.cross(normal, [0, 0, 1]) / np.linalg.norm(np.cross(normal, [0, 0, 1]))
    angle = np.deg2rad(degrees)
    rows = np.cos(angle) * across + np.sin(angle) * np.cross(normal, across)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([rows, np.cross(normal, rows), normal], axis=1) * (1.4, 1.4, 8.0)
    image = image_from_array(volume(), affine, "heart")
    how = {"volume": orientation, "picture": "stored"}
    first = choose_layout(image, model_axis, how)
    assert first.axis == 0
    assert choose_layout(image, model_axis, how, override=f"axis{first.axis}") == first
    for axis in range(3):
        assert choose_layout(image, model_axis, how, override=f"axis{axis}").axis == axis


def test_a_picture_keeps_its_slices_when_the_array_axis_of_its_report_is_named():
    picture = image_from_array(np.arange(48, dtype=np.uint8).reshape(1, 6, 8), np.eye(4), "x", has_orientation=False)
    assert choose_layout(picture, "stored", ORIENTATION, "axis0") == choose_layout(picture, "stored", ORIENTATION)
