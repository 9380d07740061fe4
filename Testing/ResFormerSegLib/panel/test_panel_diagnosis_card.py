"""The texts and bars of the diagnosis card."""

import pytest

from helpers.plain_text import plain
from helpers.scene_helpers import makeVolume


def reportOf(**changes) -> dict:
    diagnosis = {
        "label": "melanoma",
        "name": "Melanoma",
        "probability": 0.853,
        "probabilities": {"nevus": 0.139, "melanoma": 0.853, "seborrheic_keratosis": 0.008},
        "rule_text": "Mean over the slices' probabilities.",
        "calibrated": True,
    }
    report = {
        "model": {"id": "skin-lesion", "version": "1.2.3", "sha256": "c1df56d93d0e35ee"},
        "device": "cuda:0 (NVIDIA H100)",
        "diagnosis": diagnosis,
        "segments": [{"id": "lesion", "name": "Lesion <a>", "voxels": 1234, "volume_mm3": 12345.0}],
        "slices": [{"index": index} for index in range(20)],
        "warnings": [],
        "timing_s": {"total": 3.21},
    }
    return {**report, **changes}


@pytest.fixture
def cardOf(scene, module):
    """`cardOf(report)`: a card that shows it."""
    import qt

    from ResFormerSegLib.panel.diagnosis_card import DiagnosisCard
    from ResFormerSegLib.panel.patient_body import PatientBody
    from ResFormerSegLib.runs.results import ProcessingResult

    frames = []

    def make(report: dict, names: dict | None = None):
        frames.append(qt.QWidget())
        card = DiagnosisCard(frames[-1], PatientBody())
        frames[-1].show()
        card.showResult(ProcessingResult(None, None, report, report["warnings"]), makeVolume(), names)
        return card

    yield make
    for frame in frames:
        frame.deleteLater()


def barsOf(card) -> list[tuple[str, int, str]]:
    """(class, value of the bar, percentage) of each row, from above."""
    widgets = card.bars._parts
    return [
        (label.text, bar.value, plain(percent.text))
        for label, bar, percent in zip(widgets[::3], widgets[1::3], widgets[2::3], strict=True)
    ]


def test_the_most_probable_class_comes_first_with_a_bar_for_each(cardOf):
    card = cardOf(reportOf(), {"nevus": "Melanocytic nevus"})
    assert "Melanoma" in card.headline.text
    assert plain(card.probability.text) == "Probability 85 %"
    assert barsOf(card) == [
        ("Melanoma", 853, "85 %"),
        ("Melanocytic nevus", 139, "14 %"),
        ("Seborrheic keratosis", 8, "< 1 %"),
    ]


def test_the_tool_tip_says_what_calibrated_probabilities_mean(cardOf):
    assert "Calibrated on cases not used for training" in cardOf(reportOf()).probability.toolTip


def test_it_never_claims_certainty(cardOf):
    diagnosis = {**reportOf()["diagnosis"], "probability": 0.9996, "probabilities": {"melanoma": 0.9996, "nevus": 4e-4}}
    card = cardOf(reportOf(diagnosis=diagnosis))
    assert plain(card.probability.text).endswith("> 99 %")
    assert [row[2] for row in barsOf(card)] == ["> 99 %", "< 1 %"]


def test_it_says_when_probabilities_are_not_calibrated(cardOf):
    card = cardOf(reportOf(diagnosis={**reportOf()["diagnosis"], "calibrated": False}))
    assert plain(card.probability.text) == "Probability 85 % (not calibrated)"
    assert card.probability.toolTip.startswith("Not calibrated")


def test_rule_size_disclaimer_and_run_are_there(cardOf, click):
    card = cardOf(reportOf())
    assert plain(card.segmented.text) == "Segmented: Lesion &lt;a&gt; (12.3 ml)"
    assert "Not for clinical use" in card.disclaimer.text
    assert not card.technical.visible
    click(card.technicalButton)
    assert card.technical.visible
    for words in ("skin-lesion", "1.2.3", "c1df56d93d0e", "NVIDIA H100", "3.2 s", "From 20 slices. Mean over"):
        assert words in plain(card.technical.text)


def test_the_size_of_a_picture_is_in_pixels(cardOf):
    segments = [{"id": "lesion", "name": "Lesion", "voxels": 12345, "volume_mm3": None}]
    card = cardOf(reportOf(segments=segments, slices=[{"index": 0}]))
    assert card.segmented.text == "Segmented: Lesion (12\N{NO-BREAK SPACE}345\N{NO-BREAK SPACE}pixels)"
    assert card.technical.text.startswith("Model skin-lesion")  # no rule where there is one slice


def test_every_warning_is_shown(cardOf):
    warnings = [
        {"code": "A", "message": "The lesion touches the border."},
        {"code": "B", "message": "Low <confidence>."},
    ]
    card = cardOf(reportOf(warnings=warnings))
    assert card.warnings.visible
    assert "touches the border" in card.warnings.text and "Low &lt;confidence&gt;." in card.warnings.text


def test_an_empty_segmentation_is_reported(cardOf):
    segments = [{"id": "lesion", "name": "Lesion", "voxels": 0, "volume_mm3": 0.0}]
    assert "Nothing was segmented" in cardOf(reportOf(segments=segments)).segmented.text


def test_a_model_without_diagnosis_says_so(cardOf):
    card = cardOf(reportOf(diagnosis=None))
    assert "gives no diagnosis" in card.headline.text
    assert not card.probability.visible and not card.bars.widget.visible and "From" not in card.technical.text
    assert card.segmented.visible


def test_a_second_result_replaces_the_first(cardOf):
    card = cardOf(reportOf())
    from ResFormerSegLib.runs.results import ProcessingResult

    diagnosis = {**reportOf()["diagnosis"], "probabilities": {"melanoma": 0.853, "nevus": 0.147}}
    report = reportOf(diagnosis=diagnosis)
    card.showResult(ProcessingResult(None, None, report, []))
    assert len(barsOf(card)) == 2
    card.clear()
    assert "No result yet" in card.headline.text and not card.disclaimer.visible
