"""One diagnosis of a patient from the segmentations of the heart at end-diastole and end-systole."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk

from helpers.tiny_heart import CLASSES, heart_descriptor, volume_regression, write_hearts
from helpers.tiny_heart import heart_report as heart
from resformer_unet.cardiac.function_parameters import cardiac_function
from resformer_unet.cardiac.patient_diagnosis import (
    diagnose_patient,
    patient_probabilities,
    regression_inputs,
)
from resformer_unet.data.dataset import load_dataset
from resformer_unet.errors import EngineError
from resformer_unet.training.finish.patient_regression import (
    fit_patient_regression,
    mask_report,
    patient_inputs,
    segmentation_errors,
)

DESCRIPTOR = heart_descriptor()


class Bundle:
    """What is asked of a bundle."""

    id = "heart"
    diagnoses = [{"id": name, "name": name.capitalize(), "code": None} for name in CLASSES]

    def __init__(self, regression: dict | None) -> None:
        self.descriptor = {"weights": {"sha256": "a" * 64}, "patient_diagnosis": regression}


@pytest.fixture
def regression() -> dict:
    return volume_regression()


def test_cardiac_function_is_that_of_a_cylindrical_heart():
    found = cardiac_function(heart("d", 25, 9), heart("s", 20, 12, right=300))
    lvedv, lvesv = np.pi * 625 * 80 / 1000, np.pi * 400 * 80 / 1000
    expected = {
        **{"lvedv_ml": lvedv, "lvesv_ml": lvesv, "lvsv_ml": lvedv - lvesv, "lvef": 1 - 400 / 625},
        **{"rvedv_ml": 48.0, "rvesv_ml": 24.0, "rvsv_ml": 24.0, "rvef": 0.5},
        "lv_mass_g": 1.05 * np.pi * (34**2 - 625) * 80 / 1000,
        **{"wall_thickness_ed_max_mm": 9, "wall_thickness_ed_mean_mm": 9},
        **{"wall_thickness_es_max_mm": 12, "wall_thickness_es_mean_mm": 12},
    }
    assert found == pytest.approx(expected)


def walls(name: str, radius: float, *thickness: float) -> dict:
    """A heart whose wall differs from slice to slice; two slices more show no myocardium or no cavity."""
    report = heart(name, radius, 9)
    areas = [{"lv": np.pi * radius**2, "myocardium": np.pi * ((radius + wall) ** 2 - radius**2)} for wall in thickness]
    areas += [{"lv": np.pi * radius**2, "myocardium": 0.0}, {"lv": 0.0, "myocardium": 500.0}]
    return {**report, "slices": [{"area_mm2": row} for row in areas]}


def test_wall_thickness_is_the_largest_and_the_mean_of_the_slices_in_each_phase():
    found = cardiac_function(walls("d", 25, 6, 11, 7), walls("s", 20, 8, 9, 16))
    names = [f"wall_thickness_{phase}_{kind}_mm" for phase in ("ed", "es") for kind in ("max", "mean")]
    assert [found[name] for name in names] == pytest.approx([11, 8, 16, 11])


def test_probabilities_are_the_softmax_of_the_standardised_inputs():
    regression = {"mean": [1.0, 10.0], "std": [0.5, 4.0], "weights": [[1.0, -1.0], [0.5, 2.0]], "bias": [0.25, 0.0]}
    logits = np.array([[2 * 1 + 1.5 * 0.5 + 0.25, 2 * -1 + 1.5 * 2], [0.25, 0.0]])  # of 2 and 1.5 deviations, of none
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(patient_probabilities(np.array([[2.0, 16.0], [1.0, 10.0]]), regression), expected)


def test_the_order_of_the_two_images_does_not_matter(regression):
    pair = [heart("full", 35, 9), heart("empty", 30, 10)]
    one, other = (diagnose_patient(reports, Bundle(regression)) for reports in (pair, pair[::-1]))
    assert one == other
    assert one["cases"] == ["full", "empty"]
    assert one["diagnosis"]["label"] == "dilated"
    assert sum(one["diagnosis"]["probabilities"].values()) == pytest.approx(1)


def test_a_small_heart_is_normal(regression):
    found = diagnose_patient([heart("full", 20, 9), heart("empty", 14, 10)], Bundle(regression))
    assert found["diagnosis"]["label"] == "normal"


@pytest.mark.parametrize(("radius", "codes"), [(35, []), (24.5, ["LOW_CONFIDENCE"])])
def test_a_narrow_decision_comes_with_a_warning(regression, radius, codes):
    found = diagnose_patient([heart("full", radius, 9), heart("empty", 20, 10)], Bundle(regression))
    assert [warning["code"] for warning in found["warnings"]] == codes


def placed(name: str, radius: float, at: tuple[float, float, float] = (0, 0, 0), turn: float = 0.0, rows: int = 200):
    """A heart with its left ventricle in a place of a grid."""
    report = heart(name, radius, 9)
    affine = np.array([[np.cos(turn), -np.sin(turn), 0, 9], [np.sin(turn), np.cos(turn), 0, 9], [0, 0, 10, 9]])
    report["grid"] = {"size": [200, rows, 8], "affine_lps": [*affine.tolist(), [0, 0, 0, 1]]}
    report["segments"] = [{**row, "center_lps": list(at)} for row in report["segments"]]
    return report


@pytest.mark.parametrize(
    ("second", "codes", "words"),
    [
        (placed("b", 22, at=(8, 0, -10)), [], ""),
        (placed("b", 29.9), ["SAME_PHASE"], "“a” and “b”"),
        (placed("b", 22, at=(0, 40, 0)), ["PHASES_MISMATCH"], "40 mm apart"),
        (placed("b", 22, turn=0.2), ["PHASES_MISMATCH"], "orientation"),
        (placed("b", 22, rows=216), ["PHASES_MISMATCH"], "different patients"),
        (heart("b", 22, 9), [], ""),
    ],
    ids=["one heart", "one phase", "other place", "turned", "other size", "report of an older version"],
)
def test_two_volumes_that_are_hardly_one_heart_are_diagnosed_with_a_warning(regression, second, codes, words):
    found = diagnose_patient([placed("a", 30), second], Bundle(regression))
    assert [row["code"] for row in found["warnings"]] == codes
    assert all(words in row["message"] for row in found["warnings"])
    assert found["diagnosis"]["label"] == "dilated"


def test_a_model_without_patients_says_so():
    with pytest.raises(EngineError) as caught:
        diagnose_patient([heart("d", 25, 9), heart("s", 20, 9)], Bundle(None))
    assert caught.value.code == "MODEL_WITHOUT_PATIENTS"


def test_one_image_alone_is_not_a_patient(regression):
    with pytest.raises(EngineError) as caught:
        diagnose_patient([heart("d", 25, 9)], Bundle(regression))
    assert caught.value.code == "PATIENT_NEEDS_TWO"


def test_images_segmented_by_another_model_are_refused(regression):
    other = heart("s", 20, 9)
    other["model"] = {**other["model"], "sha256": "b" * 64}
    with pytest.raises(EngineError) as caught:
        diagnose_patient([heart("d", 25, 9), other], Bundle(regression))
    assert caught.value.code == "PATIENT_MODELS_DIFFER"


@pytest.mark.parametrize(("missing", "name"), [("rv", "the right ventricle"), ("lv", "the left ventricle")])
def test_an_image_without_a_chamber_is_named(regression, missing, name):
    empty = heart("empty", 20, 9)
    empty["segments"] = [row for row in empty["segments"] if row["id"] != missing]
    with pytest.raises(EngineError) as caught:
        diagnose_patient([heart("d", 25, 9), empty], Bundle(regression))
    assert caught.value.code == "HEART_NOT_FOUND"
    assert caught.value.message.startswith(f"In empty, {name} could not be found")


def test_the_regression_learns_what_tells_generated_patients_apart(heart_set):
    regression = fit_patient_regression(heart_set, DESCRIPTOR)
    inputs, labels, names = patient_inputs(heart_set, DESCRIPTOR)
    assert names == regression["inputs"]
    assert (patient_probabilities(inputs, regression).argmax(1) == labels).all()
    assert "8 patients" in regression["fitted_on"]


def test_an_input_that_the_segmentations_get_wrong_has_less_weight(heart_set):
    _, _, names = patient_inputs(heart_set, DESCRIPTOR)
    wrong = names.index("log_lvedv_ml")
    errors = np.zeros((2, len(names)))
    errors[:, wrong] = -3, 3
    weights = [fit_patient_regression(heart_set, DESCRIPTOR, given)["weights"] for given in (None, errors)]
    trusted, doubted = (np.abs(fitted).max(1) for fitted in weights)
    assert doubted[wrong] < trusted[wrong] / 2
    assert doubted.max() > trusted[wrong] / 2  # something else tells the patients apart now


def test_segmentation_errors_are_inputs_of_the_predictions_less_those_of_the_masks(heart_set):
    class TwiceAsMuch:  # stands for a predictor, as no network draws twice the volume on purpose
        bundle = SimpleNamespace(descriptor=DESCRIPTOR)
        cases = iter(heart_set)

        def predict(self, _image):
            report = mask_report(next(self.cases), DESCRIPTOR)
            doubled = [{**row, "volume_mm3": 2 * row["volume_mm3"]} for row in report["segments"]]
            return SimpleNamespace(report={**report, "segments": doubled})

    errors = segmentation_errors(heart_set, TwiceAsMuch())
    _, _, names = patient_inputs(heart_set, DESCRIPTOR)
    expected = [np.log(2) if name.startswith("log_") and name.endswith("_ml") else 0 for name in names]
    assert errors.shape == (8, len(names))
    np.testing.assert_allclose(errors, np.tile(expected, (8, 1)), atol=1e-9)


def test_the_inputs_of_a_mask_are_those_of_its_voxels(heart_set):
    inputs, _, names = patient_inputs(heart_set[:2], DESCRIPTOR)
    volume = np.exp(inputs[0, names.index("log_lvedv_ml")])
    assert volume == pytest.approx(np.pi * 15**2 * 3 * 10 / 1000, rel=0.03)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mask_is_measured_in_the_slices_that_the_model_takes(tmp_path, heart_set, axis):
    """A file may hold the short-axis slices along any of its axes."""
    moved = [stored_along(case, axis, tmp_path) for case in heart_set[:2]]
    acquired = {**DESCRIPTOR, "input": {**DESCRIPTOR["input"], "slice_axis": "acquisition"}}
    expected, found = (patient_inputs(cases, acquired)[0] for cases in (heart_set[:2], moved))
    np.testing.assert_allclose(found, expected)


def stored_along(case, axis: int, folder):
    """The same case in files whose slices are along another array axis."""
    paths = {}
    for kind, path in (("image", case.image), ("mask", case.mask)):
        image = sitk.ReadImage(str(path))
        stored = sitk.GetImageFromArray(np.moveaxis(sitk.GetArrayFromImage(image), 0, axis))
        between_slices, *in_plane = image.GetSpacing()[::-1]
        stored.SetSpacing((*in_plane[:axis], between_slices, *in_plane[axis:])[::-1])
        paths[kind] = folder / f"{case.id}-{kind}.nrrd"
        sitk.WriteImage(stored, str(paths[kind]))
    return replace(case, **paths)


def test_a_set_without_two_images_a_patient_has_no_regression(heart_set):
    with pytest.raises(EngineError) as caught:
        fit_patient_regression(heart_set[::2], DESCRIPTOR)
    assert caught.value.code == "DATASET_INVALID"


def test_logarithms_are_taken_of_volumes_and_their_ratios_only():
    function = {"lvedv_ml": np.exp(2), "rvedv_ml": np.exp(5), "lv_mass_g": 1.05 * np.exp(3), "lvef": 0.6, "rvef": 0.5}
    assert regression_inputs({**function, "wall_thickness_ed_max_mm": 9.0}) == pytest.approx(
        {
            "log_lvedv_ml": 2,
            "log_rvedv_ml": 5,
            "log_myocardial_volume_ml": 3,
            "log_myocardial_volume_to_lvedv": 1,
            "log_rvedv_to_lvedv": 3,
            "lvef": 0.6,
            "rvef": 0.5,
            "wall_thickness_ed_max_mm": 9.0,
        }
    )


def test_the_inputs_are_taken_in_the_order_of_the_descriptor(regression):
    swapped = {**regression, "inputs": regression["inputs"][::-1], "mean": regression["mean"][::-1]}
    swapped["weights"] = regression["weights"][::-1]
    pair = [heart("full", 26, 9), heart("empty", 20, 10)]
    one, other = (diagnose_patient(pair, Bundle(given))["diagnosis"] for given in (regression, swapped))
    assert one["probabilities"] == pytest.approx(other["probabilities"])


def test_a_regression_on_unknown_inputs_is_refused(regression):
    with pytest.raises(EngineError) as caught:
        diagnose_patient([heart("d", 25, 9), heart("s", 20, 9)], Bundle({**regression, "inputs": ["lvedv_ml", "age"]}))
    assert caught.value.code == "MODEL_DESCRIPTOR_INVALID" and "lvedv_ml, age" in caught.value.message


@pytest.fixture
def heart_set(tmp_path):
    return load_dataset(write_hearts(tmp_path, CLASSES, {"train": 8}))
