"""Reports of results in the scene, with the real engine: page, PDF and DICOM objects of the segments as they are."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import slicer

from helpers import dicom_studies as studies
from helpers.dicom_volumes import loadSeries
from helpers.messages import Messages
from helpers.scene_helpers import makeVolume, segmentArray

pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom", reason="the extra dicom is not installed")


@pytest.fixture(scope="module")
def model(models) -> str:
    return str(models / "grey")


@pytest.fixture
def database(scene, tmp_path):
    from slicer_bed.dicom_database import dicomDatabase

    with dicomDatabase(tmp_path / "database") as opened:
        yield opened


@pytest.fixture
def volume(database, tmp_path):
    """An oblique volume, as the DICOM module loads it from the database."""
    voxels = np.random.default_rng(0).integers(0, 255, (4, 40, 50)).astype(np.uint16)
    return loadSeries(database, tmp_path / "series", "3: Müller/T1", voxels, studies.affine_of(35))


def knownBySeriesOnly(node, series: str) -> None:
    """As a scene has it whose volume lost the attribute: the subject hierarchy still names the series."""
    node.RemoveAttribute("DICOM.instanceUIDs")
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    hierarchy.SetItemUID(hierarchy.GetItemByDataNode(node), "DICOM", series)


def masksIn(path: Path, uids: list[str]) -> np.ndarray:
    read = highdicom.seg.segread(path)
    pixels = read.get_pixels_by_source_instance(
        uids, ignore_spatial_locations=True, assert_missing_frames_are_empty=True
    )
    return np.moveaxis(pixels, -1, 0).astype(bool)


def refusal(action) -> str:
    from ResFormerSegLib.errors import ResFormerSegError

    with pytest.raises(ResFormerSegError) as caught:
        action()
    assert caught.value.hint
    return caught.value.code


def test_page_pdf_and_dicom_are_saved_and_the_segments_are_those_of_the_scene(logic, model, volume, database, tmp_path):
    from ResFormerSegLib.scene.dicom_source import addToDatabase

    (tmp_path / "ordner ä").mkdir()
    result = logic.process(volume, model, device="cpu")
    saved = logic.report(result, tmp_path / "ordner ä", ["html", "pdf", "dicom"])
    names = [Path(file).name for file in saved["files"]]
    assert names == [f"3_ Müller_T1{end}" for end in (".report.html", ".seg.dcm", ".sr.dcm", ".report.pdf")]
    page, segmentation, report, pdf = (Path(file) for file in saved["files"])
    text = page.read_text("utf-8")
    assert "changed after the run" not in text and pydicom.dcmread(segmentation).SegmentSequence
    assert {row.SegmentAlgorithmType for row in pydicom.dcmread(segmentation).SegmentSequence} == {"AUTOMATIC"}
    assert "Not a medical device" in text and not re.search("Müller|Jürgen|P-1|series", text)
    assert pdf.read_bytes()[:5] == b"%PDF-"
    masks = masksIn(segmentation, list(database.files))
    rows = [row for row in result.report["segments"] if row["voxels"]]
    for mask, row in zip(masks, rows, strict=True):
        assert np.array_equal(mask, segmentArray(result.segmentationNode, row["id"], volume))
    assert {note["code"] for note in saved["notes"]} >= {"CLASS_WITHOUT_CODE"}
    addToDatabase([str(segmentation), str(report)])
    assert str(pydicom.dcmread(report).SOPInstanceUID) in database.files
    assert pydicom.dcmread(report).StudyInstanceUID == studies.STUDY


def test_edited_segments_are_measured_anew_and_an_emptied_one_is_left_out(logic, model, volume, database, tmp_path):
    result = logic.process(volume, model, device="cpu")
    first, second = (row["id"] for row in result.report["segments"][:2])
    edited = np.zeros((4, 40, 50), np.uint8)
    edited[1, 5:9, 6:12] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(edited, result.segmentationNode, first, volume)
    slicer.util.updateSegmentBinaryLabelmapFromArray(edited * 0, result.segmentationNode, second, volume)
    saved = logic.report(result, tmp_path, ["html", "dicom"], withPatient=True)
    masks = masksIn(Path(saved["files"][1]), list(database.files))
    assert np.array_equal(masks[0], edited.astype(bool)) and len(masks) == len(result.report["segments"]) - 1
    assert "EMPTY_SEGMENT" in [note["code"] for note in saved["notes"]]
    page = Path(saved["files"][0]).read_text("utf-8")
    assert "changed after the run" in page and '<td align="right">24</td>' in page and "Müller, Jürgen" in page


def test_a_segment_that_the_user_added_needs_a_code(logic, model, volume, tmp_path):
    result = logic.process(volume, model, device="cpu")
    result.segmentationNode.GetSegmentation().AddEmptySegment("mine", "Mine")
    ones = np.ones((4, 40, 50), np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(ones, result.segmentationNode, "mine", volume)
    assert refusal(lambda: logic.report(result, tmp_path, ["html", "dicom"])) == "SEGMENT_WITHOUT_CODE"
    assert not [*tmp_path.glob("*.html"), *tmp_path.glob("*.dcm")]


def test_dicom_files_that_were_moved_are_said_so_and_nothing_is_written(logic, model, volume, database, tmp_path):
    result = logic.process(volume, model, device="cpu")
    Path(next(iter(database.files.values()))).unlink()
    assert refusal(lambda: logic.report(result, tmp_path, ["html", "dicom"])) == "SOURCE_MISSING"
    assert not list(tmp_path.glob("*.html"))


def test_a_volume_of_which_the_database_has_another_series_is_refused(logic, model, volume, database, tmp_path):
    result = logic.process(volume, model, device="cpu")
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(list(database.files)[:-1]))
    assert refusal(lambda: logic.report(result, tmp_path, ["html", "dicom"])) == "SOURCE_MISMATCH"
    assert not list(tmp_path.glob("*.html"))


def test_the_subject_hierarchy_alone_leads_to_the_series(logic, model, volume, database, tmp_path):
    result = logic.process(volume, model, device="cpu")
    first = next(iter(database.files))
    data = pydicom.dcmread(database.files[first])  # more of the series, beside what was loaded
    data.SOPInstanceUID, data.ImagePositionPatient = "1.2.3.99", [500, 500, 500]
    data.save_as(tmp_path / "beside.dcm")
    database.addFile(tmp_path / "beside.dcm", copy=False)
    knownBySeriesOnly(volume, studies.SERIES)
    saved = logic.report(result, tmp_path, ["dicom"])
    segmentation = highdicom.seg.segread(saved["files"][0])
    referred = segmentation.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {item.ReferencedSOPInstanceUID for item in referred} == set(list(database.files)[:4])
    data.ImagePositionPatient = pydicom.dcmread(database.files[first]).ImagePositionPatient  # another time or echo
    data.save_as(tmp_path / "beside.dcm")
    assert refusal(lambda: logic.report(result, tmp_path, ["dicom"])) == "SOURCE_MISMATCH"
    Path(database.files[first]).unlink()
    assert refusal(lambda: logic.report(result, tmp_path, ["dicom"])) == "SOURCE_MISSING"


def test_images_that_the_database_does_not_know_are_said_so(volume):
    from ResFormerSegLib.scene.dicom_source import isFromDicom, sourceFiles

    volume.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    assert isFromDicom(volume) and refusal(lambda: sourceFiles(volume)) == "NOT_IN_DATABASE"
    knownBySeriesOnly(volume, "1.2.3")
    assert isFromDicom(volume) and refusal(lambda: sourceFiles(volume)) == "NOT_IN_DATABASE"


def test_a_volume_that_is_not_from_dicom_has_a_page_only(logic, model, scene, tmp_path):
    result = logic.process(makeVolume((4, 40, 50)), model, device="cpu")
    assert refusal(lambda: logic.report(result, tmp_path, ["dicom"])) == "NOT_FROM_DICOM"
    assert [Path(file).name for file in logic.report(result, tmp_path)["files"]] == ["Brain.report.html"]


def test_bad_arguments_are_refused(logic, model, scene, tmp_path):
    result = logic.process(makeVolume((4, 40, 50)), model, device="cpu")
    assert refusal(lambda: logic.report(result, tmp_path / "nowhere")) == "FOLDER_NOT_FOUND"
    assert refusal(lambda: logic.report(result, tmp_path, ["docx"])) == "REPORT_FORMAT_UNKNOWN"
    assert refusal(lambda: logic.report(result, tmp_path, "html")) == "REPORT_FORMAT_UNKNOWN"


def test_a_pdf_that_cannot_be_written_is_said_so_and_leaves_nothing(scene, bed, tmp_path):
    from ResFormerSegLib.runs.pdf import printToPdf

    assert refusal(lambda: printToPdf("<p>x</p>", str(tmp_path / "nowhere" / "x.pdf"))) == "PDF_NOT_WRITTEN"
    (tmp_path / "x.pdf").mkdir()
    assert refusal(lambda: printToPdf("<p>x</p>", str(tmp_path / "x.pdf"))) == "PDF_NOT_WRITTEN"
    assert [path.name for path in tmp_path.iterdir()] == ["x.pdf"]


def test_the_button_asks_for_formats_and_folder_and_before_it_changes_the_database(
    logic, model, volume, database, tmp_path, answering, waitFor
):
    import qt

    from ResFormerSegLib.panel.save_report import SaveReport

    def accept(dialog) -> None:
        boxes = {box.text: box for box in dialog.findChildren(qt.QCheckBox)}
        assert [box.checked for box in boxes.values()] == [True, False, True, False]
        dialog.accept()

    result = logic.process(volume, model, device="cpu")
    button, messages = qt.QPushButton(), Messages()
    section = SaveReport(SimpleNamespace(saveReportButton=button), logic, "", messages)
    assert not button.enabled
    section.show(result, volume)
    known = len(database.files)
    with answering(lambda dialog: None) as seen:  # cancelled
        button.click()
    assert seen == ["Save report"] and not list(tmp_path.glob("*.html"))
    with answering(accept, str(tmp_path), qt.QMessageBox.Yes) as seen:
        button.click()
        waitFor(lambda: not logic.isBusy and len(seen) == 3, timeout=60)
    assert not messages.errors and "3_ Müller_T1.report.html" in messages.notices[-1]
    assert "DICOM database" in seen[2] and len(database.files) == known + 2
    section.show(result, None)
    assert not button.enabled
    section.cleanup()


def test_before_an_earlier_report_is_replaced_the_user_is_asked(logic, model, scene, tmp_path, answering, waitFor):
    """It may be another patient's: names such as "T1 axial" are no patient's own."""
    import qt

    from ResFormerSegLib.panel.save_report import SaveReport

    volume = makeVolume((4, 40, 50), name="T1 axial")
    result = logic.process(volume, model, device="cpu")
    button, messages = qt.QPushButton(), Messages()
    section = SaveReport(SimpleNamespace(saveReportButton=button), logic, "", messages)
    section.show(result, volume)
    earlier = tmp_path / "T1 axial.report.html"
    earlier.write_text("of another patient")
    with answering(lambda dialog: dialog.accept(), str(tmp_path), qt.QMessageBox.Cancel) as seen:
        button.click()
        waitFor(lambda: not logic.isBusy, timeout=60)
    assert earlier.name in seen[2] and earlier.read_text() == "of another patient"
    with answering(lambda dialog: dialog.accept(), str(tmp_path), qt.QMessageBox.Ok):
        button.click()
        waitFor(lambda: not logic.isBusy, timeout=60)
    assert not messages.errors and "Not a medical device" in earlier.read_text("utf-8")
    section.cleanup()


def test_reports_of_two_volumes_of_one_name_have_files_of_their_own(logic, model, scene, tmp_path):
    saved = []
    volumes = [makeVolume((4, 40, 50), name="T1 axial") for _ in range(2)]
    for volume in volumes:
        saved += logic.report(logic.process(volume, model, device="cpu"), tmp_path)["files"]
    assert [Path(file).name for file in saved] == [f"T1 axial ({number} of 2).report.html" for number in (1, 2)]


def test_without_dicom_the_box_for_it_is_off_and_says_why(scene, bed):
    from ResFormerSegLib.panel.save_report import ReportDialog

    dialog = ReportDialog(False)
    box = dialog._formats["dicom"]
    assert not box.enabled and not box.checked and "DICOM database" in box.toolTip
    dialog.dialog.deleteLater()
