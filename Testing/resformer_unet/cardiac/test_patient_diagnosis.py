"""One diagnosis of a patient from the outlines of the heart at end-diastole and end-systole."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.tiny_heart import CLASSES, volume_regression, write_hearts
from helpers.tiny_heart import heart_report as heart
from resformer_unet.cardiac.patient_diagnosis import (
    diagnose_patient,
    heart_measures,
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

SEGMENTS = [
    {"id": "rv", "name": "Right ventricle", "value": 1},
    {"id": "myocardium", "name": "Myocardium", "value": 2},
    {"id": "lv", "name": "Left ventricle", "value": 3},
]


class Bundle:
    """What is asked of a bundle."""

    id = "heart"
    diagnoses = [{"id": name, "name": name.capitalize(), "code": None} for name in CLASSES]

    def __init__(self, regression: dict | None) -> None:
        self.descriptor = {"weights": {"sha256": "a" * 64}, "patient_diagnosis": regression}


@pytest.fixture
def regression() -> dict:
    return volume_regression()


def test_volumes_ejection_fractions_and_walls_are_those_of_a_cylindrical_heart():
    measures = heart_measures(heart("d", 25, 9), heart("s", 20, 12, right=300))
    assert measures["lv_volume_ml"] == pytest.approx(np.pi * 625 * 80 / 1000)
    assert measures["lv_ejection_fraction"] == pytest.approx(1 - 400 / 625)
    assert measures["rv_ejection_fraction"] == pytest.approx(0.5)
    assert measures["wall_diastole_mean_mm"] == pytest.approx(9)
    assert measures["wall_systole_max_mm"] == pytest.approx(12)


def test_the_order_of_the_two_images_does_not_matter(regression):
    pair = [heart("full", 35, 9), heart("empty", 30, 10)]
    one, other = (diagnose_patient(reports, Bundle(regression)) for reports in (pair, pair[::-1]))
    assert one == other
    assert one["cases"] == ["full", "empty"]
    assert one["diagnosis"]["label"] == "dilated"
    assert sum(one["diagnosis"]["probabilities"].values()) == pytest.approx(1)


def test_a_small_heart_is_normal(regression):
    answer = diagnose_patient([heart("full", 20, 9), heart("empty", 14, 10)], Bundle(regression))
    assert answer["diagnosis"]["label"] == "normal"


@pytest.mark.parametrize(("radius", "codes"), [(35, []), (24.5, ["LOW_CONFIDENCE"])])
def test_a_narrow_decision_comes_with_a_warning(regression, radius, codes):
    answer = diagnose_patient([heart("full", radius, 9), heart("empty", 20, 10)], Bundle(regression))
    assert [warning["code"] for warning in answer["warnings"]] == codes


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
        (placed("b", 29.9), ["PHASES_ALIKE"], "“a” and “b”"),
        (placed("b", 22, at=(0, 40, 0)), ["PHASES_DIFFER"], "40 mm apart"),
        (placed("b", 22, turn=0.2), ["PHASES_DIFFER"], "direction"),
        (placed("b", 22, rows=216), ["PHASES_DIFFER"], "two patients"),
        (heart("b", 22, 9), [], ""),
    ],
    ids=["one heart", "one phase", "other place", "turned", "other size", "report of an older version"],
)
def test_two_volumes_that_are_hardly_one_heart_are_diagnosed_with_a_warning(regression, second, codes, words):
    answer = diagnose_patient([placed("a", 30), second], Bundle(regression))
    assert [row["code"] for row in answer["warnings"]] == codes
    assert all(words in row["message"] for row in answer["warnings"])
    assert answer["diagnosis"]["label"] == "dilated"


def test_a_model_without_patients_says_so():
    with pytest.raises(EngineError) as caught:
        diagnose_patient([heart("d", 25, 9), heart("s", 20, 9)], Bundle(None))
    assert caught.value.code == "MODEL_WITHOUT_PATIENTS"


def test_one_image_alone_is_not_a_patient(regression):
    with pytest.raises(EngineError) as caught:
        diagnose_patient([heart("d", 25, 9)], Bundle(regression))
    assert caught.value.code == "PATIENT_NEEDS_TWO"


def test_images_outlined_by_another_model_are_refused(regression):
    other = heart("s", 20, 9)
    other["model"] = {**other["model"], "sha256": "b" * 64}
    with pytest.raises(EngineError) as caught:
        diagnose_patient([heart("d", 25, 9), other], Bundle(regression))
    assert caught.value.code == "PATIENT_MODELS_DIFFER"


@pytest.mark.parametrize("missing", ["rv", "lv"])
def test_an_image_without_a_chamber_is_named(regression, missing):
    empty = heart("empty", 20, 9)
    empty["segments"] = [row for row in empty["segments"] if row["id"] != missing]
    with pytest.raises(EngineError) as caught:
        diagnose_patient([heart("d", 25, 9), empty], Bundle(regression))
    assert caught.value.code == "HEART_NOT_FOUND"
    assert "empty" in caught.value.message and missing in caught.value.message


def test_the_regression_learns_what_tells_generated_patients_apart(heart_set):
    regression = fit_patient_regression(heart_set, SEGMENTS, CLASSES)
    inputs, labels, names = patient_inputs(heart_set, SEGMENTS, CLASSES)
    assert names == regression["measures"]
    assert (patient_probabilities(inputs, regression).argmax(1) == labels).all()
    assert "8 patients" in regression["fitted_on"]


def test_a_measure_that_the_outlines_get_wrong_counts_less(heart_set):
    _, _, names = patient_inputs(heart_set, SEGMENTS, CLASSES)
    wrong = names.index("lv_volume_ml")
    errors = np.zeros((2, len(names)))
    errors[:, wrong] = -3, 3
    weights = [fit_patient_regression(heart_set, SEGMENTS, CLASSES, given)["weights"] for given in (None, errors)]
    trusted, doubted = (np.abs(fitted).max(1) for fitted in weights)
    assert doubted[wrong] < trusted[wrong] / 2
    assert doubted.max() > trusted[wrong] / 2  # something else tells the patients apart now


def test_the_errors_of_outlines_are_their_measures_less_those_of_the_masks(heart_set):
    class TwiceAsMuch:  # stands for a predictor, as no network draws twice the volume on purpose
        bundle = SimpleNamespace(segments=SEGMENTS)
        cases = iter(heart_set)

        def predict(self, _image):
            report = mask_report(next(self.cases), SEGMENTS)
            doubled = [{**row, "volume_mm3": 2 * row["volume_mm3"]} for row in report["segments"]]
            return SimpleNamespace(report={**report, "segments": doubled})

    errors = segmentation_errors(heart_set, TwiceAsMuch())
    _, _, names = patient_inputs(heart_set, SEGMENTS, CLASSES)
    expected = [np.log(2) if name.endswith("_ml") else 0 for name in names]
    assert errors.shape == (8, len(names))
    np.testing.assert_allclose(errors, np.tile(expected, (8, 1)), atol=1e-9)


def test_the_measures_of_a_mask_are_those_of_its_voxels(heart_set):
    inputs, _, names = patient_inputs(heart_set[:2], SEGMENTS, CLASSES)
    volume = np.exp(inputs[0, names.index("lv_volume_ml")])
    assert volume == pytest.approx(np.pi * 15**2 * 3 * 10 / 1000, rel=0.03)


def test_a_set_without_two_images_a_patient_has_no_regression(heart_set):
    with pytest.raises(EngineError) as caught:
        fit_patient_regression(heart_set[::2], SEGMENTS, CLASSES)
    assert caught.value.code == "DATASET_INVALID"


def test_logarithms_are_taken_of_volumes_only():
    assert regression_inputs({"lv_volume_ml": np.e, "rv_to_lv": 1.0, "lv_ejection_fraction": 0.6}).tolist() == [
        1,
        0,
        0.6,
    ]


@pytest.fixture
def heart_set(tmp_path):
    return load_dataset(write_hearts(tmp_path, CLASSES, {"train": 8}))
