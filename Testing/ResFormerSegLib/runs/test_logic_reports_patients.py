"""The report of a patient in the scene: both phases on one page and in one structured report."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import slicer

from helpers import dicom_studies as studies
from helpers.dicom_volumes import loadSeries
from helpers.messages import Messages

highdicom = pytest.importorskip("highdicom", reason="the extra dicom is not installed")


@pytest.fixture
def patient(scene, logic, models, tmp_path):
    """A PatientResult of two series of one study."""
    from slicer_bed.dicom_database import dicomDatabase

    affine = studies.affine_of(35) @ np.diag([1.5, 1.5, 3, 1])
    with dicomDatabase(tmp_path / "database") as database:
        volumes = [
            loadSeries(database, tmp_path / name, name, noise, affine, f"{studies.STUDY}.{number}")
            for number, (name, noise) in enumerate(zip(("Mia A", "Mia/B"), _noise(), strict=True), start=81)
        ]
        yield logic.processPatient(*volumes, modelId=str(models / "heart"), device="cpu")


def _noise():
    return np.random.default_rng(0).integers(0, 255, (2, 4, 40, 40)).astype(np.uint16)


def test_the_report_of_a_patient_is_on_both_phases_with_the_segments_as_they_are(logic, patient, tmp_path):
    from ResFormerSegLib.runs.patient_results import wholeResult
    from ResFormerSegLib.runs.saved_results import restoreResult

    # The panel shows the first volume's result; after loading a scene, that of its nodes.
    for shown in (patient.forDisplay(), restoreResult(patient.first.segmentationNode, patient.first.tableNode)):
        whole = wholeResult(shown)
        assert [part.volumeNode for part in (whole.first, whole.second)] == [
            part.volumeNode for part in (patient.first, patient.second)
        ]
        assert whole.patient == patient.patient and whole.first.warnings == patient.first.warnings
    folder = tmp_path / "out"
    folder.mkdir()
    saved = logic.report(whole, folder, ["html", "pdf", "dicom"])
    ends = (".report.html", ".ed.seg.dcm", ".es.seg.dcm", ".sr.dcm", ".report.pdf")
    assert [Path(file).name for file in saved["files"]] == [f"Mia A + Mia_B.patient{end}" for end in ends]
    page = re.sub(r'data:image/png;base64,[^"]*', "", Path(saved["files"][0]).read_text("utf-8"))
    function = patient.patient["cardiac_function"]
    assert f">{function['lvedv_ml']:.0f} ml<" in page and page.count("<img ") == 4 and "Mia" not in page
    byName = {part.volumeNode.GetName(): part for part in (whole.first, whole.second)}
    for name, file in zip(patient.patient["cases"], saved["files"][1:3], strict=True):
        read = highdicom.seg.segread(file).get_volume(combine_segments=False).array
        counts = [row["voxels"] for row in byName[name].report["segments"]]
        assert [int(read[..., number].sum()) for number in range(3)] == counts


@pytest.mark.parametrize("isFromEarlierVersion", [False, True])
def test_of_several_runs_each_is_reported_with_its_own_other_phase(
    logic, patient, models, tmp_path, isFromEarlierVersion
):
    from ResFormerSegLib.runs.patient_results import wholeResult

    volumes = patient.first.volumeNode, patient.second.volumeNode
    again = logic.processPatient(*volumes, modelId=str(models / "heart"), device="cpu")
    assert again.patient == patient.patient  # the runs can be told apart by their nodes only
    if isFromEarlierVersion:
        for run in (patient, again):
            for part in (run.first, run.second):
                part.segmentationNode.SetNodeReferenceID("ResFormerSeg.OtherResult", None)
    assert wholeResult(again.forDisplay()).second.segmentationNode is again.second.segmentationNode
    if not isFromEarlierVersion:
        assert wholeResult(patient.forDisplay()).second.segmentationNode is patient.second.segmentationNode


def test_height_and_weight_that_are_given_after_the_run_are_those_of_both_phases(logic, patient, tmp_path):
    from ResFormerSegLib.runs.body_size import setBody
    from ResFormerSegLib.runs.patient_results import wholeResult
    from ResFormerSegLib.runs.saved_results import restoreResult

    shown = patient.forDisplay()
    setBody(shown, 180, 80)
    other = restoreResult(patient.second.segmentationNode, patient.second.tableNode)
    assert other.patient["body"] == shown.patient["body"] and shown.patient["body"]["height_cm"] == 180
    # A scene of an earlier version has them in one phase only.
    other.segmentationNode.SetAttribute("ResFormerSeg.Patient", json.dumps({**patient.patient, "body": None}))
    whole = wholeResult(shown)
    assert whole.patient["indexed"] and whole.second.segmentationNode is patient.second.segmentationNode
    assert logic.report(whole, tmp_path, ["html"])["files"]


def test_the_button_saves_the_patients_report_after_an_edit_of_one_phase_and_needs_both(
    logic, patient, tmp_path, answering, waitFor
):
    import qt

    from ResFormerSegLib.panel.save_report import SaveReport

    late = patient.second if patient.patient["cases"][1] == patient.second.report["case"] else patient.first
    left = next(row for row in late.report["segments"] if row["id"] == "lv")
    few = np.zeros((4, 40, 40), np.uint8)
    few[1:3, 10:20, 10:20] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(few, late.segmentationNode, left["id"], late.volumeNode)
    button, messages = qt.QPushButton(), Messages()
    section = SaveReport(SimpleNamespace(saveReportButton=button), logic, "", messages)
    section.show(patient.forDisplay(), patient.first.volumeNode)
    with answering(lambda dialog: dialog.accept(), str(tmp_path), qt.QMessageBox.No) as seen:
        button.click()
        waitFor(lambda: not logic.isBusy and len(seen) == 3, timeout=60)
    assert not messages.errors and "Mia A + Mia_B.patient.sr.dcm" in messages.notices[-1]
    page = (tmp_path / "Mia A + Mia_B.patient.report.html").read_text("utf-8")
    before = patient.patient["cardiac_function"]["lvedv_ml"]
    millilitres = 200 * np.prod(late.volumeNode.GetSpacing()) / 1000
    assert f">{100 * (1 - millilitres / before):.0f} %<" in page
    assert "changed after the run" in page and patient.patient["diagnosis"]["name"] in page
    slicer.mrmlScene.RemoveNode(patient.second.segmentationNode)
    button.click()
    assert [error.code for error in messages.errors] == ["OTHER_PHASE_MISSING"]
    section.cleanup()
