"""What preparing an image for a model says to the user."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from helpers.synthetic_images import oblique_affine, volume
from helpers.tiny_model import tiny_descriptor
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.image.reading import read_image
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


@pytest.mark.parametrize(("field_of_view", "codes"), [((160, 120), ["SCALE_UNKNOWN"]), (None, [])])
def test_a_model_of_a_fixed_scale_says_when_that_of_an_image_is_unknown(field_of_view, codes):
    model_input = {**tiny_descriptor()["input"], "field_of_view_mm": field_of_view}
    picture = image_from_array(volume(), np.eye(4), "x", has_orientation=False)
    unsized = replace(image_from_array(volume(), np.eye(4), "x"), pixel_size_known=False)
    for image in (picture, unsized):
        warnings = prepare_image(image, model_input).warnings
        assert [row["code"] for row in warnings] == codes
        assert all("160 × 120 mm" in row["message"] for row in warnings)
    assert prepare_image(image_from_array(volume(), np.eye(4), "x"), model_input).warnings == []


def test_the_density_of_a_printed_picture_is_no_size_in_millimetres(tmp_path):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, volume()[0], resolution=(100, 200), resolutionunit="INCH")
    assert np.allclose(read_image(path).spacing, (1, 0.5, 1))
