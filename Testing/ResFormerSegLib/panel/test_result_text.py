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


def test_what_must_not_be_missed_is_said_before_the_diagnosis(scene):
    volume = makeVolume((20, 32, 40))
    result = makeResult(volume, np.s_[8:13, 10:20, 12:26])
    result.report["diagnosis"]["alerts"] = [{"class": "meningioma", "text": "Meningioma not excluded."}]
    assert linesOf(result, volume)[1:3] == ["Meningioma not excluded.", "Most probable diagnosis: Glioma"]


def test_sizes_are_those_of_the_segments_that_were_edited_and_say_so(scene):
    from ResFormerSegLib.panel.result_text import resultText

    volume = makeVolume((20, 32, 40))
    rows = [{"id": "lesion", "name": "Lesion", "voxels": 10, "volume_mm3": 120.0}]
    lines = plain(resultText(makeResult(volume, np.s_[8:13, 10:20, 12:26]), volume, None, rows)).splitlines()
    edited = next(index for index, line in enumerate(lines) if "edited by hand" in line)
    assert lines[edited + 1] == "Lesion: 0.12 ml" and not any("0.84 ml" in line for line in lines)


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
