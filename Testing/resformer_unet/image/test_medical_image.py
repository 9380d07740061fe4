"""Images in memory: their channels, and that nothing changes them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import convert_channels, image_from_array


def image_of(channels: int):
    return image_from_array(np.arange(2 * 9 * 10 * channels).reshape(2, 9, 10, channels), np.eye(4), "a")


def test_an_image_is_never_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        image_of(1).name = "b"


@pytest.mark.parametrize(
    ("present", "channels", "code"),
    [(2, 3, "TOO_FEW_COMPONENTS"), (5, 3, "TOO_MANY_COMPONENTS"), (2, 1, "TOO_MANY_COMPONENTS")],
)
def test_the_error_says_whether_there_are_too_many_or_too_few_values_per_pixel(present, channels, code):
    with pytest.raises(EngineError) as caught:
        convert_channels(image_of(present), channels)
    assert caught.value.code == code
    assert f"{present} values per pixel" in str(caught.value) and f" {channels}." in str(caught.value)
