"""A heart from its cine: the phases on the volume curve, its function, and what is wrong with a curve."""

from __future__ import annotations

import math

import numpy as np
import pytest

from helpers.sequences import beat, heart_reports
from helpers.tiny_heart import save_heart
from resformer_unet.cardiac.basal_slices import basal_warnings
from resformer_unet.cardiac.body import BodySize, indexed
from resformer_unet.cardiac.cine import evaluate_cine, is_heart_model
from resformer_unet.cardiac.patient_diagnosis import diagnose_patient
from resformer_unet.cardiac.volume_curve import curve_warnings, find_phases, heart_report, spikes, volume_curves
from resformer_unet.errors import EngineError


@pytest.fixture(scope="module")
def heart(tmp_path_factory):
    return save_heart(tmp_path_factory.mktemp("models") / "heart")


@pytest.fixture
def sha256(heart) -> str:
    return heart.descriptor["weights"]["sha256"]


def curve(radii) -> dict[str, np.ndarray]:
    return volume_curves(heart_reports(radii))


def codes(radii, times_s=None) -> list[str]:
    return [row["code"] for row in curve_warnings(curve(radii), list(range(len(radii))), times_s)]


@pytest.mark.parametrize("frames", [10, 20, 30, 50])
@pytest.mark.parametrize("start", [0.0, 0.2, 0.6])
@pytest.mark.parametrize("noise", [0.0, 0.15])
def test_the_phases_of_a_beating_heart_are_found_wherever_the_cine_begins(frames, start, noise):
    radii = np.roll(beat(frames), -round(start * frames))
    rng = np.random.default_rng(frames)
    diastole, systole = find_phases(curve(radii + noise * rng.standard_normal(frames))["lv"])
    for found, true in ((diastole, radii.argmax()), (systole, radii.argmin())):
        apart = abs(found - true)
        assert min(apart, frames - apart) <= (0.1 * frames if noise else 0)
    assert codes(radii) == []


def test_two_frames_are_end_diastole_and_end_systole():
    assert find_phases(curve([17.0, 24.0])["lv"]) == (1, 0)
    assert codes([17.0, 24.0]) == []


def test_one_failed_segmentation_is_neither_phase():
    radii = beat(20)
    radii[[14, 5]] = 31.0, 6.0
    assert spikes(curve(radii)["lv"]) == [5, 14]
    assert find_phases(curve(radii)["lv"]) == (0, 8)
    assert codes(radii) == ["CURVE_UNEVEN"]


def test_frames_without_a_heart_are_named_and_left_out():
    reports = heart_reports(beat(20))
    reports[3] = None
    reports[4]["segments"] = [{**row, "volume_mm3": 0.0} for row in reports[4]["segments"]]
    curves = volume_curves(reports)
    assert np.isnan(curves["lv"][[3, 4]]).all() and find_phases(curves["lv"]) == (0, 8)
    rows = curve_warnings(curves, list(range(10, 30)), None)
    assert [row["code"] for row in rows] == ["FRAMES_WITHOUT_HEART"] and "frames 13, 14" in rows[0]["message"]


@pytest.mark.parametrize(
    ("radii", "times_s", "words"),
    [
        (np.concatenate([beat(20), beat(20)]), None, "contracts 2 times"),
        (beat(30)[:11], None, "far from the first"),
        (beat(20), np.arange(20) * 0.2, "cover 4 s"),
        (beat(20), np.arange(20) * 0.01, "cover 0.2 s"),
    ],
    ids=["two beats", "half a beat", "too long", "too short"],
)
def test_a_curve_that_is_not_one_beat_is_said_to_be_none(radii, times_s, words):
    rows = curve_warnings(curve(radii), list(range(len(radii))), times_s)
    assert [row["code"] for row in rows] == ["CURVE_NOT_ONE_BEAT"] and words in rows[0]["message"]


def test_few_frames_are_said_to_be_few():
    assert codes(beat(9)) == ["FEW_FRAMES"] and codes(beat(10)) == []


@pytest.mark.parametrize(("radii", "code"), [([20.0] * 12, "HEART_NOT_BEATING"), ([20.0], "HEART_NOT_FOUND")])
def test_a_heart_that_shows_no_beat_is_not_evaluated(radii, code):
    with pytest.raises(EngineError) as caught:
        find_phases(curve(radii)["lv"])
    assert caught.value.code == code


def test_function_and_diagnosis_are_those_of_the_two_phases(heart, sha256):
    reports = heart_reports(beat(20), sha256)
    found = evaluate_cine(reports, heart, times_s=[0.04 * number for number in range(20)])
    pair = diagnose_patient([reports[0], reports[8]], heart)
    assert (found["end_diastole"], found["end_systole"]) == (0, 8)
    assert found["cardiac_function"] == pair["cardiac_function"] and found["diagnosis"] == pair["diagnosis"]
    assert found["cardiac_function"]["lvedv_ml"] == pytest.approx(math.pi * 24**2 * 80 / 1000)
    assert found["cardiac_function"]["lvef"] == pytest.approx(1 - (17 / 24) ** 2, abs=0.01)
    assert found["curves"]["lv_ml"] == pytest.approx([math.pi * radius**2 * 80 / 1000 for radius in beat(20)])
    assert found["curves"]["frames"] == list(range(20)) and found["curves"]["time_s"][3] == 0.12
    assert found["warnings"] == pair["warnings"] and found["reliable"] and found["indexed"] is None


def test_what_is_kept_of_a_report_suffices(heart, sha256):
    rest = {"warnings": [], "reasons": [], "reliable": True, "slice_axis": {"plane": "axial", "array_axis": 0}}
    full = [{**report, **rest,
             "slices": [{**row, "index": 0, "probabilities": {"x": 1.0}} for row in report["slices"]]}
            for report in heart_reports(beat(20), sha256)]  # fmt: skip
    kept = [heart_report(report, str(number)) for number, report in enumerate(full)]
    assert "probabilities" not in kept[0]["slices"][0]
    assert evaluate_cine(kept, heart)["cardiac_function"] == evaluate_cine(full, heart)["cardiac_function"]


def test_a_user_may_choose_the_phases_by_their_numbers(heart, sha256):
    reports = heart_reports(beat(20), sha256)
    found = evaluate_cine(reports, heart, frames=list(range(5, 25)), end_diastole=6, end_systole=12)
    assert (found["end_diastole"], found["end_systole"]) == (6, 12)
    assert found["phases_found"] == {"end_diastole": 5, "end_systole": 13}
    assert found["cases"] == ["cine, frame 1", "cine, frame 7"]


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        ({"end_diastole": 8, "end_systole": 0}, "PHASES_SWAPPED"),
        ({"end_diastole": 8}, "PHASES_SWAPPED"),
        ({"end_systole": 20}, "NO_SUCH_FRAME"),
        ({"end_systole": 4}, "NO_SUCH_FRAME"),
    ],
)
def test_phases_that_cannot_be_are_refused(heart, sha256, chosen, code):
    reports = heart_reports(beat(20), sha256)
    reports[4] = None
    with pytest.raises(EngineError) as caught:
        evaluate_cine(reports, heart, **chosen)
    assert caught.value.code == code


def test_a_doubtful_curve_makes_the_result_unreliable(heart, sha256):
    found = evaluate_cine(heart_reports(np.concatenate([beat(20), beat(20)]), sha256), heart)
    assert not found["reliable"] and found["reasons"] == ["CURVE_NOT_ONE_BEAT"]


def test_a_model_without_a_patients_diagnosis_gives_the_function_alone(heart, sha256, monkeypatch):
    monkeypatch.setitem(heart.descriptor, "patient_diagnosis", None)
    found = evaluate_cine(heart_reports(beat(20), sha256), heart)
    assert found["diagnosis"] is None and found["cardiac_function"]["lvef"] > 0.4 and is_heart_model(heart)


def test_values_are_indexed_by_the_body_surface_area_of_mosteller(heart, sha256):
    body = BodySize(height_cm=180, weight_kg=80)
    assert body.surface_m2 == pytest.approx(2.0)
    found = evaluate_cine(heart_reports(beat(20), sha256), heart, body=body)
    assert found["indexed"]["lvedv_ml_m2"] == pytest.approx(found["cardiac_function"]["lvedv_ml"] / 2)
    assert found["indexed"]["lv_mass_g_m2"] == pytest.approx(found["cardiac_function"]["lv_mass_g"] / 2)
    assert found["body"]["surface_m2"] == pytest.approx(2.0)
    assert indexed(found["cardiac_function"], BodySize(height_cm=180)) is None


@pytest.mark.parametrize(("height", "weight"), [(80, 180), (180, 8)])
def test_a_weight_that_no_patient_of_that_height_has_is_refused(height, weight):
    with pytest.raises(EngineError) as caught:
        BodySize(height_cm=height, weight_kg=weight)
    assert caught.value.code == "BAD_OPTION" and f"{weight} kg does not go with" in caught.value.message


def with_base(report: dict, slices: int, segments=("lv", "myocardium", "rv")) -> dict:
    """The heart in a number of slices of 10, from the apex on; it is wider towards the base."""
    rows = [
        {"area_mm2": {name: (100.0 + 50 * number) * (number < slices or name not in segments) for name in
                      ("lv", "myocardium", "rv")}}
        for number in range(10)
    ]  # fmt: skip
    return {**report, "slices": rows}


def base_messages(bases, flipped=False, **options) -> list[str]:
    reports = [
        with_base(report, base, **options)
        for report, base in zip(heart_reports([24.0] * len(bases)), bases, strict=True)
    ]
    if flipped:
        reports = [{**report, "slices": report["slices"][::-1]} for report in reports]
    return [row["message"] for row in basal_warnings(reports, list(range(len(bases))), 0, len(bases) // 2)]


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize(
    ("bases", "words"),
    [
        ([9, 9, 8, 8, 9, 9], None),
        ([9, 8, 8, 7, 7, 8], None),
        ([8, 8, 9, 9, 8, 8], "1 slice further towards the base"),
        ([9, 8, 7, 6, 7, 8], "30 mm"),
        ([9, 9, 6, 8, 9, 9], "jumps at frames 2, 3"),
    ],
    ids=["one slice", "two slices", "upwards", "too far", "a jump"],
)
def test_slices_at_the_base_that_disagree_are_named(bases, words, flipped):
    messages = base_messages(bases, flipped)
    assert (not messages) if words is None else (len(messages) == 1 and words in messages[0])


def test_ventricles_that_end_in_different_slices_disagree():
    assert "different slices" in base_messages([6, 6, 6], segments=("lv",))[0]
