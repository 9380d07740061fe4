"""The Cases section of the panel, by the real worker: choosing, running, sorting, showing, exporting, going on."""

import csv
import re
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import slicer

from helpers.dicom_files import stored_values, write_slices
from helpers.scene_helpers import makeVolume
from slicer_bed.dicom_database import dicomDatabase

PATIENCE = 120  # seconds, on a computer that may be busy


@pytest.fixture
def opened(openPanel, models, tmp_path, waitFor):
    """`opened()`: panel and Cases section, open, with the model "grey" and the folder "results"."""

    def make(folder=tmp_path / "results"):
        widget = openPanel()
        widget.panel.models.addFolder(str(models / "grey"))
        section = widget.panel.cases
        if folder:
            section.setFolder(str(folder))
        widget.ui.casesCollapsibleButton.collapsed = False
        return SimpleNamespace(widget=widget, section=section, table=section.table.table, panel=widget.panel)

    return make


@pytest.fixture
def runAll(click, waitFor):
    def run(opened) -> None:
        click(opened.section.runButton)
        waitFor(lambda: opened.section.run.isOver, PATIENCE)

    return run


def volumes(count: int) -> list:
    made = [makeVolume((3, 20, 24), name="Brain") for _index in range(count)]
    for number, volume in enumerate(made):
        voxels = slicer.util.arrayFromVolume(volume)
        voxels[:] = 2 * voxels + 7 * number  # bright enough for the model to segment something
        volume.CreateDefaultDisplayNodes()
    return made


def column(opened, index: int) -> list[str]:
    return [opened.table.item(row, index).text() for row in range(opened.table.rowCount)]


def cellOf(opened, case: str) -> int:
    return next(place for place, row in enumerate(opened.section.table.rows()) if row.case == case)


def showCase(opened, click, waitFor, case: str) -> None:
    section = opened.section
    section.show(section.table.rows()[cellOf(opened, case)])
    waitFor(lambda: section.shown.opening is None and not section.status.text, PATIENCE)
    waitFor(lambda: not opened.panel.results._waiting, PATIENCE)


def kindsOfNodes() -> Counter:
    scene = slicer.mrmlScene
    return Counter(scene.GetNthNode(index).GetClassName() for index in range(scene.GetNumberOfNodes()))


def nodeCount(name: str) -> int:
    return len(slicer.util.getNodesByClass(name))


def test_volumes_are_run_sorted_shown_edited_and_exported(
    mainWindow, opened, runAll, click, waitFor, answering, longestBlock, tmp_path
):
    panel = opened()
    section = panel.section
    assert "No volume of the scene fits" in section.inputs.status.text and not section.runButton.enabled
    assert not panel.table.isVisible()
    volumes(3)
    waitFor(lambda: section.runButton.enabled)
    assert section.inputs.status.text == "Chosen: 3 of 3."
    with longestBlock() as block:
        runAll(panel)
    assert block.processorSeconds < 0.3  # a generous bound: 0.1 s with 512 × 512 × 200 voxels
    assert section.status.text.startswith("Done: 3.")
    assert nodeCount("vtkMRMLSegmentationNode") == 0  # nothing came into the scene
    assert column(panel, 0) == ["Brain", "Brain-2", "Brain-3"]
    assert [row.case for row in section.table.rows()] == ["Brain", "Brain-2", "Brain-3"]
    header = panel.table.horizontalHeader()
    header.sectionClicked(3)  # uncertainty, the highest first
    uncertain = [row.facts.uncertainty for row in section.table.rows()]
    assert uncertain == sorted(uncertain, reverse=True) or section.table.rows()[0].facts.reasons

    click(panel.table.viewport(), (20, 10))
    waitFor(lambda: not section.status.text, PATIENCE)
    waitFor(lambda: not panel.panel.results._waiting, PATIENCE)
    first = section.table.rows()[0]
    node = panel.panel._parameterNode
    assert node.resultSegmentation.GetNodeReference("ResFormerSeg.Volume") is node.inputVolume is first.input.volumeNode
    assert panel.widget.ui.diagnosisCollapsibleButton.visible
    nodes = kindsOfNodes()
    with longestBlock() as block:
        showCase(panel, click, waitFor, section.table.rows()[1].case)
    assert block.processorSeconds < 0.3
    assert kindsOfNodes() == nodes  # the one before has left
    edited = node.resultSegmentation
    edited.GetSegmentation().RemoveSegment(edited.GetSegmentation().GetNthSegmentID(0))
    showCase(panel, click, waitFor, section.table.rows()[2].case)
    assert edited.GetScene() is slicer.mrmlScene and nodeCount("vtkMRMLSegmentationNode") == 2
    assert column(panel, 0)[1] == f"{section.table.rows()[1].case} (edited)"
    showCase(panel, click, waitFor, section.table.rows()[1].case)  # it comes back as it was edited
    assert node.resultSegmentation is edited and nodeCount("vtkMRMLSegmentationNode") == 1

    with answering(str(tmp_path / "table")):
        click(section.export.csvButton)
    with open(tmp_path / "table.csv", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows] == [row.case for row in section.table.rows()]
    assert [row["edited"] for row in rows] == ["no", "yes", "no"]
    assert any(float(row["Lesion mm3"]) > 0 for row in rows)
    with answering(str(tmp_path / "table.html")):
        click(section.export.htmlButton)
    waitFor(lambda: (tmp_path / "table.html").exists(), PATIENCE)
    page = (tmp_path / "table.html").read_text("utf-8")
    assert re.findall(r"<td>(Brain[-\d]*)", page) == [row["case"] for row in rows]
    assert "changed since in the scene" in page


def test_a_folder_and_what_it_holds_of_an_earlier_session(opened, runAll, click, waitFor, answering, tmp_path):
    def noSeries(data, index) -> None:
        data.SeriesDescription = "T1"

    write_slices(tmp_path / "in" / "Müller", stored_values(6, 20, 24), noSeries)
    (tmp_path / "in" / "broken.nrrd").write_bytes(b"NRRD0004\ntype: int16\n")
    panel = opened()
    section = panel.section
    section.inputs.box.setCurrentIndex(section.inputs.box.findData("folder"))
    assert section.inputs.status.text == "Choose the folder with the images." and not section.runButton.enabled
    with answering(str(tmp_path / "in")):
        click(section.inputs.chooseButton)
    runAll(panel)
    assert section.status.text.startswith("Done: 1. Failed: 1.")
    assert column(panel, 0) == ["Müller", "broken"] and column(panel, 1)[1] == "Failed"
    section.show(section.table.rows()[1])
    assert section.status.text == str(section.table.rows()[1].error)
    showCase(panel, click, waitFor, "Müller")
    volume = panel.panel._parameterNode.inputVolume
    assert np.array_equal(slicer.util.arrayFromVolume(volume), stored_values(6, 20, 24))
    assert section.inputs.source == "folder" and volume.GetName() == "Müller"
    panel.widget.cleanup()

    slicer.mrmlScene.Clear(False)  # another session
    panel = opened()
    section = panel.section
    waitFor(lambda: panel.table.rowCount == 1)
    assert "earlier runs in the folder: 1." in section.status.text
    showCase(panel, click, waitFor, "Müller")
    assert nodeCount("vtkMRMLSegmentationNode") == 1
    (tmp_path / "in" / "Müller" / "IM001.dcm").unlink()
    slicer.mrmlScene.Clear(False)
    section.show(section.table.rows()[0])
    waitFor(lambda: section.shown.opening is None, PATIENCE)
    assert "changed since" in section.status.text
    assert nodeCount("vtkMRMLSegmentationNode") == 0


def test_the_series_of_the_dicom_database_are_chosen_by_the_user(opened, runAll, waitFor, tmp_path):
    def described(data, index) -> None:
        data.SeriesDescription, data.PatientName = "T1 axial", "Doe^Jane"

    def segmentation(data, index) -> None:
        data.SeriesInstanceUID, data.Modality, data.SOPInstanceUID = "1.2.3.9", "SEG", f"1.2.9.{index}"

    write_slices(tmp_path / "dicom", stored_values(6, 20, 24), described)
    write_slices(tmp_path / "other", stored_values(1, 20, 24), segmentation)
    with dicomDatabase(tmp_path / "db") as database:
        for file in [*sorted((tmp_path / "dicom").iterdir()), *(tmp_path / "other").iterdir()]:
            database.addFile(file, copy=False)
        panel = opened()
        section = panel.section
        section.inputs.box.setCurrentIndex(section.inputs.box.findData("dicom"))
        waitFor(lambda: section.inputs.list.count == 1)
        assert section.inputs.list.item(0).text() == "Doe^Jane: T1 axial (6 files)"
        assert section.inputs.status.text == "Tick the series to run." and not section.runButton.enabled
        section.inputs.takeAll()
        runAll(panel)
        [row] = section.table.rows()
        assert row.case == "T1 axial" and row.title == "Doe^Jane: T1 axial"  # no patient in the names of files
        section.show(row)
        waitFor(lambda: panel.panel._parameterNode.inputVolume is not None, PATIENCE)
        instances = panel.panel._parameterNode.inputVolume.GetAttribute("DICOM.instanceUIDs").split()
        assert sorted(instances) == [f"1.2.3.{number}" for number in range(1, 7)]


def test_of_two_series_of_one_name_only_the_ticked_one_is_chosen(opened, waitFor, tmp_path):
    import qt

    with dicomDatabase(tmp_path / "db") as database:
        for series in ("1.2.3.4", "1.2.3.5"):  # an acquisition that was repeated, say

            def repeated(data, index, series=series) -> None:
                data.SeriesDescription, data.PatientName = "T1 axial", "Doe^Jane"
                data.SeriesInstanceUID, data.SOPInstanceUID = series, f"{series}.{index}"

            folder = write_slices(tmp_path / series, stored_values(3, 20, 24), repeated)
            for file in sorted(folder.iterdir()):
                database.addFile(file, copy=False)
        inputs = opened().section.inputs
        inputs.box.setCurrentIndex(inputs.box.findData("dicom"))
        waitFor(lambda: inputs.list.count == 2)
        texts = [inputs.list.item(row).text() for row in range(2)]
        assert texts == [f"Doe^Jane: T1 axial (3 files) ({number} of 2)" for number in (1, 2)]
        inputs.list.item(1).setCheckState(qt.Qt.Checked)
        assert inputs.status.text == "Chosen: 1 of 2."
        [chosen] = inputs.inputs()
        assert chosen.series == "1.2.3.5" and chosen.title == "Doe^Jane: T1 axial (2 of 2)"


def test_reloading_the_module_during_a_run_keeps_what_is_done(opened, click, waitFor, runAll, tmp_path):
    volumes(3)
    panel = opened()
    waitFor(lambda: panel.section.runButton.enabled)
    click(panel.section.runButton)
    run = panel.section.run
    waitFor(lambda: run.done > 0, PATIENCE)
    panel.widget.cleanup()
    assert run.isOver and (tmp_path / "results" / "Brain.json").exists()
    panel = opened()
    runAll(panel)
    assert "Of these from before: " in panel.section.status.text and panel.table.rowCount == 3


def test_cancel_says_what_is_kept_and_a_closed_scene_does_too(opened, click, waitFor, tmp_path):
    volumes(4)
    panel = opened()
    section = panel.section
    waitFor(lambda: section.runButton.enabled)
    click(section.runButton)
    waitFor(lambda: section.run.done > 0, PATIENCE)
    click(section.cancelButton)
    waitFor(lambda: section.run.isOver, PATIENCE)
    assert "cancelled; the results so far were kept" in section.status.text and section.runButton.enabled
    click(section.runButton)
    waitFor(lambda: section.run.done > 1, PATIENCE)
    slicer.mrmlScene.Clear(False)
    waitFor(lambda: section.run.isOver, PATIENCE)
    assert "scene was closed" in section.status.text or section.status.text.startswith("Done: 4.")


@pytest.mark.parametrize("folded", [False, True])
def test_a_tick_that_was_taken_away_says_nothing_of_the_next_patients_volume(opened, scene, folded):
    from qt import Qt

    panel = opened(folder=None)
    inputs = panel.section.inputs
    old = volumes(2)
    slicer.app.processEvents()
    inputs.list.item(0).setCheckState(Qt.Unchecked)
    assert [source.volumeNode for source in inputs.inputs()] == old[1:]
    panel.widget.ui.casesCollapsibleButton.collapsed = folded
    scene.Clear(False)
    new = volumes(2)  # of the same names, with the same ids
    panel.widget.ui.modelSelector.setCurrentIndex(panel.widget.ui.modelSelector.findText("grey"))
    panel.widget.ui.casesCollapsibleButton.collapsed = False
    slicer.app.processEvents()
    assert [source.volumeNode for source in inputs.inputs()] == new
    assert [inputs.list.item(row).checkState() for row in range(2)] == [Qt.Checked] * 2
    inputs.list.item(1).setCheckState(Qt.Unchecked)
    panel.section.refresh()
    assert [source.volumeNode for source in inputs.inputs()] == new[:1]
