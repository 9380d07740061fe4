"""A result as plain text for the clipboard."""

import numpy as np

from helpers.plain_text import plain
from helpers.scene_helpers import makeVolume
from helpers.section_helpers import makeResult


def linesOf(result, volume) -> list[str]:
    from ResFormerSegLib.panel.result_text import resultText

    return plain(resultText(result, volume, {"glioma": "Glioma", "meningioma": "Meningioma"})).splitlines()


def test_a_result_names_image_diagnosis_sizes_model_and_limits(scene):
    volume = makeVolume((20, 32, 40))
    assert linesOf(makeResult(volume, np.s_[8:13, 10:20, 12:26]), volume) == [
        "ResFormerSeg: Brain",
        "Most probable diagnosis: Glioma",
        "Probabilities: Glioma 90 %, Meningioma 10 %",
        "Lesion: 0.84 ml, longest in-plane diameter 7.0 mm",
        "Model brain-tumor-mr, version 1.0.0.",
        "Not a medical device. Not for clinical use without expert review.",
    ]


def test_a_result_that_is_not_reliable_says_so_before_everything_else(scene):
    volume = makeVolume((20, 32, 40))
    result = makeResult(volume, np.s_[0:0, :, :])
    result.reasons = ["OUT_OF_DISTRIBUTION"]
    result.warnings = [
        {"code": "LOW_CONFIDENCE", "message": "Not sure."},
        {"code": "OUT_OF_DISTRIBUTION", "message": "Not the kind of image this model knows."},
    ]
    lines = linesOf(result, volume)
    assert lines[1:3] == ["Do not rely on this result:", "Not the kind of image this model knows."]
    assert "Nothing was segmented." in lines and "Warning: Not sure." in lines
    assert sum("kind of image" in line for line in lines) == 1
