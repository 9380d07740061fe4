"""Options of a prediction as other programs send them."""

from __future__ import annotations

import pytest

from resformer_unet.errors import EngineError
from resformer_unet.inference.options import PredictOptions


def refusal(options: dict) -> EngineError:
    with pytest.raises(EngineError) as caught:
        PredictOptions.from_dict(options)
    assert caught.value.code == "BAD_OPTION"
    return caught.value


@pytest.mark.parametrize("options", [None, {}, {"slice_axis": None, "slices": None, "smoothing_mm": None}])
def test_nothing_said_leaves_everything_to_the_model(options):
    assert PredictOptions.from_dict(options) == PredictOptions()


def test_each_option_is_taken_over():
    options = PredictOptions.from_dict(
        {"slice_axis": "axial", "slices": [2, 5], "min_area_mm2": 12, "smoothing_mm": 0.5, "probability_maps": True}
    )
    assert options == PredictOptions("axial", (2, 5), 12.0, 0.5, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threshold": 0.5}, "no option “threshold”"),
        ({"slice_axis": 1}, "slice axis"),
        ({"slices": 3}, "first and the last slice"),
        ({"slices": [1]}, "first and the last slice"),
        ({"slices": [1.5, 2]}, "first and the last slice"),
        ({"slices": [True, 2]}, "first and the last slice"),
        ({"slices": [5, 2]}, "5 to 2 is impossible"),
        ({"slices": [-1, 2]}, "-1 to 2 is impossible"),
        ({"min_area_mm2": -1}, "smallest area"),
        ({"min_area_mm2": "10"}, "smallest area"),
        ({"smoothing_mm": float("nan")}, "smoothing"),
        ({"smoothing_mm": True}, "smoothing"),
        ({"probability_maps": 1}, "probability_maps"),
    ],
)
def test_a_wrong_option_is_refused_and_named(options, words):
    assert words in refusal(options).message


def test_a_range_means_both_of_its_ends():
    assert PredictOptions(slices=(2, 5)).slice_range(10) == range(2, 6)
    assert PredictOptions(slices=(9, 9)).slice_range(10) == range(9, 10)
    assert PredictOptions().slice_range(10) == range(10)


def test_a_range_beyond_the_image_is_refused_with_the_slices_there_are():
    with pytest.raises(EngineError) as caught:
        PredictOptions(slices=(8, 10)).slice_range(10)
    assert caught.value.code == "BAD_OPTION" and "slices 0 to 9" in caught.value.message
