"""A result that is not reliable must not look like an answer; alerts are seen whatever the diagnosis."""

from types import SimpleNamespace

import pytest

from helpers.plain_text import plain
from helpers.scene_helpers import makeVolume
from helpers.section_helpers import makeHost

ALERT = {
    "class": "melanoma",
    "name": "Melanoma",
    "probability": 0.18,
    "threshold": 0.1,
    "sensitivity": 0.9,
    "text": "Melanoma not excluded (probability 18 %, above the threshold of 90 % sensitivity)",
}


def reportWith(*codes: str, **changes) -> dict:
    diagnosis = {"label": "nevus", "name": "Nevus", "probability": 0.82, "calibrated": True, "rule_text": "Mean."}
    diagnosis |= {"probabilities": {"nevus": 0.82, "melanoma": 0.18}, **changes}
    return {
        "case": "Mole",
        "model": {"id": "skin-lesion", "version": "1"},
        "diagnosis": diagnosis,
        "segments": [{"id": "lesion", "name": "Lesion", "voxels": 9, "volume_mm3": None}],
        "slices": [{"index": 0}],
        "warnings": [{"code": code, "message": f"Because of {code}."} for code in codes],
    }


def resultWith(*codes: str, patient: dict | None = None, **changes):
    from ResFormerSegLib.runs.results import ProcessingResult

    report = reportWith(*codes, **changes)
    return ProcessingResult(None, None, report, report["warnings"], patient=patient)


@pytest.fixture
def show(scene, module):
    """`show(result)`: a card that shows it, in a window."""
    from ResFormerSegLib.panel.diagnosis_card import DiagnosisCard
    from ResFormerSegLib.panel.patient_body import PatientBody

    host = makeHost()
    card = DiagnosisCard(host, PatientBody())

    def make(result):
        card.showResult(result, makeVolume())
        return card

    yield make
    card.cleanup()
    host.delete()


@pytest.mark.parametrize(
    ("code", "headline"),
    [
        ("OUT_OF_DISTRIBUTION", "Not the kind of image this model knows"),
        ("DIMENSION_MISMATCH", "Not the kind of image this model knows"),
        ("UNUSUAL_INTENSITIES", "The brightness of this image does not fit the model"),
        ("NOTHING_SEGMENTED", "Nothing was segmented"),
        ("DIAGNOSIS_MISMATCH", "Segmentation and diagnosis disagree"),
    ],
)
def test_the_warning_is_the_headline_and_the_probabilities_are_folded_and_grey(show, click, code, headline):
    card = show(resultWith("TOUCHES_BORDER", code))
    assert headline in card.headline.text and "Nevus" not in card.headline.text and "%" not in card.headline.text
    assert not card.probability.visible and not card.bars.widget.visible
    assert f"Because of {code}." in card.warnings.text
    click(card.output.button)
    assert plain(card.probability.text) == "Probability of Nevus: 82 %"
    assert card.probability.visible and card.bars.widget.visible
    assert not card.probability.enabled and not card.bars.widget.enabled


def test_a_reliable_result_after_it_looks_like_one_again(show):
    show(resultWith("OUT_OF_DISTRIBUTION"))
    card = show(resultWith("TOUCHES_BORDER"))
    assert "Nevus" in card.headline.text and card.probability.visible and card.probability.enabled
    assert not card.output.button.visible


def test_an_undecided_diagnosis_names_both_and_claims_neither(show):
    card = show(resultWith("LOW_CONFIDENCE"))
    assert "Uncertain: Nevus or Melanoma" in card.headline.text and card.bars.widget.visible


@pytest.mark.parametrize("codes", [(), ("NOTHING_SEGMENTED",)])
def test_an_alert_stands_out_also_where_the_rest_is_folded(show, codes):
    card = show(resultWith(*codes, alerts=[ALERT]))
    assert card.alerts.visible and ALERT["text"] in plain(card.alerts.text)
    assert not show(resultWith(*codes)).alerts.visible


def test_a_reason_that_this_version_does_not_know_is_no_answer_either(show):
    result = resultWith()
    result.report["reasons"] = ["SOMETHING_NEW"]
    card = show(result)
    assert "should not be relied on" in card.headline.text and not card.bars.widget.visible


def test_two_images_of_the_same_phase_give_no_diagnosis_of_the_patient(show):
    patient = {
        "cases": ["ED", "Mole"],
        "diagnosis": reportWith()["diagnosis"],
        "cardiac_function": {},
        "warnings": [{"code": "SAME_PHASE", "message": "Both alike."}],
        "reasons": ["SAME_PHASE"],
    }
    card = show(resultWith(patient=patient))
    assert "the same cardiac phase" in card.headline.text and not card.bars.widget.visible


def test_the_console_is_told_the_same(logicWith, scene):
    result = logicWith("exclusive").process(makeVolume())
    assert result.reliable and result.reasons == [] and result.alerts == []
    assert result.segmentationNode.GetAttribute("ResFormerSeg.Reliable") == "true"
    flagged = resultWith("NOTHING_SEGMENTED", "OUT_OF_DISTRIBUTION", alerts=[ALERT])
    assert not flagged.reliable and flagged.reasons == ["OUT_OF_DISTRIBUTION", "NOTHING_SEGMENTED"]
    assert flagged.alerts == [ALERT]


def test_a_patients_result_is_judged_by_the_patient(scene, module):
    from ResFormerSegLib.runs.results import PatientResult

    patient = {"diagnosis": {"alerts": [ALERT]}, "warnings": [], "reasons": ["PHASES_MISMATCH"]}
    both = PatientResult(resultWith(patient=patient), SimpleNamespace(), patient)
    assert not both.reliable and both.reasons == ["PHASES_MISMATCH"] and both.alerts == [ALERT]
