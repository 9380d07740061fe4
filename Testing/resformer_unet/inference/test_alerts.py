"""A diagnosis that must not be missed is named where its probability reaches its operating point."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.stand_ins import stand_in_bundle
from helpers.synthetic_images import write_picture
from helpers.tiny_model import save_tiny, tiny_descriptor
from resformer_unet.cli.main import main
from resformer_unet.inference.alerts import diagnosis_alerts

POINT = {
    "threshold": 0.15, "target_sensitivity": 0.9, "sensitivity": 0.89, "specificity": 0.6, "positives": 37,
    "negatives": 161, "fitted_on": "validation split",
}  # fmt: skip


def with_alert(descriptor: dict, threshold: float = 0.15, which: int = 1) -> dict:
    descriptor["diagnosis"]["classes"][which] |= {"alert": True, "operating_point": {**POINT, "threshold": threshold}}
    return descriptor["diagnosis"]


def bundle(threshold: float = 0.15):
    made = stand_in_bundle(diagnoses=("nevus", "melanoma", "keratosis"))
    with_alert(made.descriptor, threshold)
    return made


def test_a_melanoma_that_is_not_the_most_probable_diagnosis_is_not_hidden():
    (alert,) = diagnosis_alerts(bundle(), np.array([0.7, 0.18, 0.12]))
    assert alert == {
        "class": "melanoma", "name": "Melanoma", "probability": 0.18, "threshold": 0.15, "sensitivity": 0.9,
        "specificity": 0.6,
        "text": "Melanoma not excluded (probability 18 %, above the threshold of 90 % sensitivity)",
    }  # fmt: skip


@pytest.mark.parametrize(
    "probabilities",
    [[0.8, 0.14, 0.06], [0.3, 0.6, 0.1], [0.02, 0.0, 0.98]],
    ids=["below its threshold", "the most probable", "impossible"],
)
def test_there_is_no_alert_where_nothing_would_be_missed(probabilities):
    assert diagnosis_alerts(bundle(), np.array(probabilities)) == []


def test_a_probability_just_at_the_threshold_counts():
    assert diagnosis_alerts(bundle(0.25), np.array([0.5, 0.25, 0.25]))


def test_a_small_probability_is_not_called_none():
    (alert,) = diagnosis_alerts(bundle(0.002), np.array([0.98, 0.004, 0.016]))
    assert "probability 0.4 %" in alert["text"]


def test_a_model_without_operating_points_gives_no_alert():
    assert diagnosis_alerts(stand_in_bundle(diagnoses=("a", "b")), np.array([0.6, 0.4])) == []


def test_the_command_line_and_the_summary_name_what_is_not_excluded(tmp_path, capsys):
    pixels = np.random.default_rng(0).integers(0, 255, (40, 40)).astype(np.uint8)
    pictures = [write_picture(tmp_path / f"{name}.png", pixels) for name in "ab"]
    plain = str(save_tiny(tmp_path / "plain").folder)
    assert main(["predict", *map(str, pictures), "--model", plain, "--output", str(tmp_path / "out")]) == 0
    assert "alert" not in capsys.readouterr().out
    less_probable = int((tmp_path / "out" / "a.json").read_text("utf-8").find('"label": "malignant"') < 0)
    diagnosis = with_alert(tiny_descriptor(), 0.0, less_probable)
    model = str(save_tiny(tmp_path / "tiny", diagnosis=diagnosis).folder)
    assert main(["predict", *map(str, pictures), "--model", model, "--output", str(tmp_path / "out")]) == 0
    name = ("benign", "malignant")[less_probable]
    assert f"  alert: {name.title()} not excluded (probability" in capsys.readouterr().out
    assert f",{name}," in (tmp_path / "out" / "summary.csv").read_text("utf-8").splitlines()[1]
