"""The shifts of a stress test: seeded, within the image's range, stronger from strength to strength."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from helpers.synthetic_images import oblique_affine
from resformer_unet.evaluation.shifts import SHIFTS, STRENGTHS, shifted, shifts_for
from resformer_unet.image.medical_image import MedicalImage, image_from_array

each_shift = pytest.mark.parametrize("shift", SHIFTS, ids=lambda shift: shift.name)
BY_NAME = {shift.name: shift for shift in SHIFTS}


def smooth_image(shape=(1, 256, 80, 1), dtype=np.uint8, name: str = "a") -> MedicalImage:
    """Smooth structures over most of the range; the picture of a name is always the same."""
    random = np.random.default_rng(0).normal(size=shape)
    smooth = ndimage.gaussian_filter(random, (0.7 * (shape[0] > 1), 3, 3, 0))
    smooth = 0.15 + 0.7 * (smooth - smooth.min()) / np.ptp(smooth)
    top = {np.uint8: 255, np.int16: 1200}.get(dtype, 1.0)
    return image_from_array((smooth * top).astype(dtype), oblique_affine(), name)


def mask_of(image: MedicalImage) -> np.ndarray:
    return (image.voxels[..., 0] > np.percentile(image.voxels, 80))[None]


@each_shift
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_a_shifted_image_keeps_its_dtype_and_range_and_changes(shift, dtype):
    image = smooth_image((4, 256, 80, 1), dtype)
    changed, masks = shifted(image, mask_of(image), shift, 1)
    assert changed.voxels.dtype == dtype and np.isfinite(changed.voxels).all()
    top = 255 if dtype is np.uint8 else image.voxels.max()
    assert changed.voxels.min() >= (0 if dtype is np.uint8 else image.voxels.min()) and changed.voxels.max() <= top
    assert masks.shape[1:] == changed.shape and masks.dtype == bool
    if changed.shape == image.shape:
        assert not np.array_equal(changed.voxels, image.voxels)
    assert shifted(image, None, shift, 1)[1] is None


@each_shift
def test_the_same_case_is_shifted_the_same_way_and_another_seed_another_way(shift):
    image = smooth_image((4, 256, 80, 1))
    first, again = (shifted(image, mask_of(image), shift, 2, seed=0)[0].voxels for _ in range(2))
    assert np.array_equal(first, again)
    others = [shifted(image, None, shift, 2, seed)[0].voxels for seed in range(1, 6)]
    same = all(one.shape == first.shape and np.array_equal(one, first) for one in others)
    assert same is (shift.name in ("blur", "resolution", "jpeg", "slice_thickness"))  # nothing in them is random


@pytest.mark.parametrize("shift", [shift for shift in SHIFTS if not shift.geometric], ids=lambda shift: shift.name)
def test_every_strength_changes_the_image_more(shift):
    image = smooth_image()
    before = image.voxels.astype(float)
    apart = [np.abs(shifted(image, None, shift, strength)[0].voxels - before).mean() for strength in (0, 1, 2)]
    assert 0 < apart[0] < apart[1] < apart[2] < 80


def test_the_mask_goes_with_the_image_that_is_cropped_or_turned():
    image = smooth_image()
    bright = image.voxels[..., 0] >= 120
    for name in ("crop", "rotation"):
        changed, masks = shifted(image, bright[None], BY_NAME[name], 1)
        agrees = ((changed.voxels[..., 0] >= 120) == masks[0])[0]
        assert agrees[16:-16, 16:-16].mean() > 0.97  # the corners of a turned image are empty
    assert shifted(image, None, BY_NAME["crop"], 2)[0].shape == (1, 256 - 51, 80 - 16)


def test_thicker_slices_hold_their_neighbours_and_pictures_have_none():
    volume = image_from_array(np.eye(5, dtype=np.float32)[:, :, None, None] * np.ones((1, 1, 8, 1), np.float32),
                              np.eye(4), "v")  # fmt: skip
    column = shifted(volume, None, BY_NAME["slice_thickness"], 1)[0].voxels[:, 2, 0, 0]
    np.testing.assert_allclose(column, [0, 0.2, 0.6, 0.2, 0], atol=1e-6)
    picture = smooth_image()
    assert shifted(picture, None, BY_NAME["slice_thickness"], 1)[0] is picture


def test_colours_stay_colours_under_every_shift():
    image = smooth_image((1, 40, 48, 3))
    for shift in SHIFTS:
        if not shift.volumes_only:
            assert shifted(image, None, shift, 1)[0].voxels.shape[-1] == 3


def test_a_constant_image_is_left_alone():
    flat = image_from_array(np.full((1, 20, 20), 7.0, np.float32), np.eye(4), "flat")
    assert shifted(flat, None, BY_NAME["noise"], 2)[0] is flat


def test_artefacts_are_those_of_the_modality():
    def artefacts(modality: str) -> set[str]:
        return {shift.name for shift in shifts_for(modality)} & {"ghosting", "shadows", "hairs"}

    assert (artefacts("MR"), artefacts("US"), artefacts("DMS")) == ({"ghosting"}, {"shadows"}, {"hairs"})
    assert artefacts("CT") == set() and len({shift.name for shift in SHIFTS}) == len(SHIFTS)
    assert all(len(shift.levels) == len(STRENGTHS) for shift in SHIFTS)
