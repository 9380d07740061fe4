"""Volumes of a heart from a report."""

from __future__ import annotations

import pytest

from helpers.tiny_heart import heart_report
from resformer_unet.cardiac.function_parameters import volumes_ml
from resformer_unet.errors import EngineError


def test_volumes_are_in_millilitres():
    assert volumes_ml(heart_report("d", 25, 9, right=600.0))["rv"] == pytest.approx(600 * 8 * 10 / 1000)


@pytest.mark.parametrize("volume", [0, None])
def test_an_empty_or_unmeasured_segment_is_missing(volume):
    report = heart_report("d", 25, 9)
    report["segments"][0]["volume_mm3"] = volume
    with pytest.raises(EngineError) as caught:
        volumes_ml(report)
    assert caught.value.code == "HEART_NOT_FOUND"
    assert caught.value.message.startswith("In d, the right ventricle could not be found")
