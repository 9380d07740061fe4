"""Options of a prediction and of an explanation: what is accepted, what is refused and in which words."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from helpers.paths import MODULE_FOLDER
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.inference.options import SLICE_AXES, ExplainOptions, PredictOptions
from resformer_unet.model.schema import violations
from resformer_unet.preprocessing.slice_layout import choose_layout


@pytest.mark.parametrize("options", [None, {}, {"slice_axis": None, "slices": None, "smoothing_mm": None}])
@pytest.mark.parametrize("kind", [PredictOptions, ExplainOptions])
def test_absent_options_have_their_defaults(kind, options):
    if kind is ExplainOptions and options:
        options = {name: None for name in options if name != "smoothing_mm"}
    assert kind.from_dict(options) == kind()


def test_the_defaults_leave_every_choice_to_the_model():
    assert PredictOptions().to_dict() == {
        "slice_axis": None, "slices": None, "min_area_mm2": None, "smoothing_mm": 0.0, "probability_maps": False
    }  # fmt: skip
    assert ExplainOptions().to_dict() == {"slice_axis": None, "slices": None, "diagnosis": None}


def test_each_option_is_taken_over_and_given_back():
    given = {"slice_axis": "axial", "slices": [2, 5], "min_area_mm2": 12, "smoothing_mm": 0.5, "probability_maps": True}
    options = PredictOptions.from_dict(given)
    assert options == PredictOptions("axial", (2, 5), 12.0, 0.5, True) and options.to_dict() == given
    assert PredictOptions.from_dict(json.loads(json.dumps(options.to_dict()))) == options


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("slices", (np.int64(2), np.uint8(5)), (2, 5)),
        ("slices", np.array([2, 5]), (2, 5)),
        ("slices", [0, 0], (0, 0)),
        ("min_area_mm2", np.float32(0.5), 0.5),
        ("min_area_mm2", np.int64(3), 3.0),
        ("min_area_mm2", 0, 0.0),
        ("smoothing_mm", Fraction(1, 4), 0.25),
        ("probability_maps", np.True_, True),
        ("probability_maps", np.False_, False),
        ("slice_axis", np.str_("axial"), "axial"),
    ],
)
def test_numpy_scalars_become_pythons_own(name, value, expected):
    found = getattr(PredictOptions(**{name: value}), name)
    assert found == expected and type(found) is type(expected)
    if isinstance(found, tuple):
        assert {type(index) for index in found} == {int}


BAD_SLICES = [
    3, "25", [1], [1, 2, 3], [5, 2], [-1, 2], [-2, -1], [1.5, 2], [1.0, 2], [True, 2], [0, np.True_], ["1", "2"],
    [float("nan"), 2], {"first": 1}, [None, 2],
]  # fmt: skip


@pytest.mark.parametrize("kind", [PredictOptions, ExplainOptions])
@pytest.mark.parametrize("slices", BAD_SLICES, ids=str)
def test_a_bad_slice_range_is_refused_in_the_same_words_for_both(kind, slices):
    for make in (lambda: kind(slices=slices), lambda: kind.from_dict({"slices": slices})):
        with pytest.raises(EngineError) as caught:
            make()
        assert caught.value.code == "BAD_OPTION" and caught.value.hint
        assert caught.value.message.startswith("The slice range must be the first and the last slice, two whole")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slices": [5, 2]}, "the first not above the last, but is [5, 2]."),
        ({"threshold": 0.5}, "There is no option “threshold”."),
        ({"slice_axis": 1}, "The slice axis must be one of acquisition, axial"),
        ({"slice_axis": "diagonal"}, ", axis2, but is “diagonal”."),
        ({"slice_axis": ""}, "but is “”."),
        ({"min_area_mm2": -1}, "The smallest area must be a number of at least 0 mm², but is -1."),
        ({"min_area_mm2": "10"}, "but is “10”."),
        ({"min_area_mm2": True}, "The smallest area must be"),
        ({"smoothing_mm": float("nan")}, "The smoothing must be a number of at least 0 mm, but is nan."),
        ({"smoothing_mm": float("inf")}, "The smoothing must be"),
        ({"smoothing_mm": np.float32("nan")}, "The smoothing must be"),
        ({"smoothing_mm": np.True_}, "The smoothing must be"),
        ({"smoothing_mm": -0.001}, "The smoothing must be"),
        ({"probability_maps": 1}, "The choice of probability maps must be true or false, but is 1."),
        ({"probability_maps": "yes"}, "must be true or false"),
        ({"probability_maps": np.int64(1)}, "must be true or false"),
        (["axial"], "The options must be an object of names and values."),
        ("axial", "The options must be an object"),
    ],
    ids=str,
)
def test_a_bad_option_is_refused_and_named(options, message):
    with pytest.raises(EngineError) as caught:
        PredictOptions.from_dict(options)
    assert caught.value.code == "BAD_OPTION" and message in caught.value.message


def test_a_diagnosis_is_text():
    assert ExplainOptions(diagnosis="benign").diagnosis == "benign"
    with pytest.raises(EngineError) as caught:
        ExplainOptions(diagnosis=1)
    assert caught.value.message == "The diagnosis must be a text, but is 1."


def test_a_range_includes_both_of_its_ends():
    assert PredictOptions(slices=(2, 5)).slice_range(10) == range(2, 6)
    assert PredictOptions(slices=(9, 9)).slice_range(10) == range(9, 10)
    assert PredictOptions().slice_range(10) == range(10)


def test_a_range_beyond_the_image_is_refused_with_the_slices_of_the_image():
    with pytest.raises(EngineError) as caught:
        PredictOptions(slices=(8, 10)).slice_range(10)
    assert caught.value.code == "BAD_OPTION" and "slices 0 to 9" in caught.value.message


@pytest.mark.parametrize("axis", SLICE_AXES)
def test_every_slice_axis_can_be_cut_along(axis):
    image = image_from_array(np.zeros((3, 4, 5), np.uint8), np.eye(4), "x")
    orientation = {"volume": "radiological", "picture": "stored"}
    assert choose_layout(image, "stored", orientation, axis).axis in range(3)


@pytest.mark.parametrize(
    "options",
    [
        {"slices": [5, 2], "smoothing_mm": 1}, {"slices": [1]}, {"slices": [-1, 2]}, {"slices": [True, 2]},
        {"slice_axis": "diagonal"}, {"min_area_mm2": -1}, {"min_area_mm2": True}, {"probability_maps": 1},
        {"threshold": 1}, {"slices": [2, 5], "slice_axis": "axial"}, {"smoothing_mm": 0}, {"slices": None}, {},
    ],
    ids=str,
)  # fmt: skip
def test_the_json_schema_agrees_with_the_checks_but_for_the_order_of_the_slices(options):
    try:
        PredictOptions.from_dict(options)
        accepted = True
    except EngineError:
        accepted = False
    fits = not list(violations(options, PredictOptions.schema()))
    assert fits == (accepted or options.get("slices") == [5, 2])


def test_the_options_are_importable_with_nothing_but_numpy():
    program = (
        "import sys; import resformer_unet.inference.options;"
        "print(*{name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))"
    )
    environment = {"PYTHONPATH": str(MODULE_FOLDER), "PATH": ""}
    command = [sys.executable, "-S", "-c", "import numpy; " + program]
    site = [path for path in sys.path if path.endswith("site-packages")]
    environment["PYTHONPATH"] = ":".join([environment["PYTHONPATH"], *site])
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"numpy", "resformer_unet", "__main__", "_distutils_hack"}
