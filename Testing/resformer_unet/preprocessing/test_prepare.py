"""What preparing an image for a model says to the user."""

from __future__ import annotations

import pytest

from helpers.synthetic_images import oblique_affine, volume
from helpers.tiny_model import tiny_descriptor
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.preprocessing.prepare import prepare_image


def warnings(slice_axis: str | None, has_orientation: bool) -> list[str]:
    image = image_from_array(volume(slices=12), oblique_affine(), "x", has_orientation)
    found = [row["code"] for row in prepare_image(image, tiny_descriptor()["input"], slice_axis).warnings]
    return [code for code in found if code != "UNUSUAL_INTENSITIES"]  # the tiny model is one of 8-bit pictures


@pytest.mark.parametrize("slice_axis", ["axial", "coronal", "sagittal"])
def test_a_slice_axis_chosen_for_a_picture_is_said_to_be_ignored(slice_axis):
    assert warnings(slice_axis, has_orientation=False) == ["SLICE_AXIS_IGNORED"]
    assert warnings(slice_axis, has_orientation=True) == []


@pytest.mark.parametrize("slice_axis", [None, "stored", "acquisition"])
def test_a_picture_whose_own_slices_were_chosen_needs_no_warning(slice_axis):
    assert warnings(slice_axis, has_orientation=False) == []
