"""What the scene and the panel show after several runs, after an edit and after a change of names."""

import numpy as np
import pytest
import slicer

from helpers.plain_text import plain
from helpers.scene_helpers import makeVolume, sceneState


@pytest.fixture(autouse=True)
def noWorker(workerThat):
    workerThat("exclusive")


@pytest.fixture
def apply(click, waitFor):
    """`apply(widget)`: a run, until its result is shown."""

    def run(widget):
        click(widget.ui.applyButton)
        waitFor(lambda: not widget.panel.run.isRunning)
        waitFor(lambda: not widget.panel.results._waiting)
        assert not widget.ui.messageFrame.visible, widget.ui.messageLabel.text
        return widget._parameterNode.resultSegmentation

    return run


def visibleResults() -> list:
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    return [node for node in nodes if node.GetDisplayNode().GetVisibility()]


def tables() -> list[str]:
    names = [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLTableNode")]
    return [name for name in names if "diagnosis" in name]


def test_a_loaded_image_is_chosen_and_the_old_result_is_not_over_it(mainWindow, openPanel, apply, waitFor):
    brown = makeVolume((6, 32, 32), name="Brown")
    widget = openPanel()
    result = apply(widget)
    composite = mainWindow.views["Red"].compositeNode
    assert composite.GetBackgroundVolumeID() == brown.GetID() and visibleResults() == [result]
    smith = makeVolume((6, 32, 32), name="Smith")
    slicer.util.setSliceViewerLayers(background=smith)  # as the application does when an image is loaded
    waitFor(lambda: widget._parameterNode.inputVolume is smith)
    assert visibleResults() == []
    card = widget.panel.results.card
    assert card.otherVolumeWarning.visible and "not of “Smith”" in card.otherVolumeWarning.text
    assert "Result of “Brown”" in card.subject.text
    slicer.util.setSliceViewerLayers(background=brown)
    assert visibleResults() == [result]


def test_five_runs_leave_one_visible_segmentation_and_the_others_hidden(openPanel, apply):
    makeVolume((6, 32, 32))
    widget = openPanel()
    results = [apply(widget) for _ in range(5)]
    assert len(set(results)) == 5 and visibleResults() == results[-1:]


def test_a_console_run_hides_the_earlier_results_too(logicWith, scene):
    logic = logicWith("exclusive")
    logic.process(makeVolume(name="Brown"))
    newest = logic.process(makeVolume(name="Smith")).segmentationNode
    assert visibleResults() == [newest]


def test_a_patients_run_that_fails_leaves_the_earlier_result_visible(logicWith, scene):
    from ResFormerSegLib.errors import ResFormerSegError

    volumes = makeVolume(name="Diastole"), makeVolume(name="Systole")
    earlier = logicWith("exclusive").process(volumes[0]).segmentationNode
    with pytest.raises(ResFormerSegError):
        logicWith("bad report at the second").processPatient(*volumes, "cardiac-mr")
    assert visibleResults() == [earlier]


def test_a_replaced_output_replaces_its_table(openPanel, apply):
    makeVolume((6, 32, 32))
    widget = openPanel()
    result = apply(widget)
    table = widget._parameterNode.resultTable
    widget.ui.outputSelector.setCurrentNode(result)
    assert apply(widget) is result
    assert widget._parameterNode.resultTable is table and tables() == ["Brain diagnosis"]


def test_an_output_of_another_image_takes_its_table_along(openPanel, apply):
    makeVolume((6, 32, 32), name="Brown")
    widget = openPanel()
    result = apply(widget)
    widget.ui.inputSelector.setCurrentNode(makeVolume((6, 32, 32), name="Smith"))
    widget.ui.outputSelector.setCurrentNode(result)
    apply(widget)
    assert tables() == ["Smith diagnosis"] and widget._parameterNode.resultVolume.GetName() == "Smith"


def test_a_run_that_fails_leaves_the_table_of_its_output_as_it_was(logicWith, scene):
    from ResFormerSegLib.errors import ResFormerSegError

    volume = makeVolume()
    logic = logicWith("bad report at the second")
    first = logic.process(volume)
    before, content = sceneState(), slicer.util.arrayFromTableColumn(first.tableNode, "Slice").tolist()
    with pytest.raises(ResFormerSegError):
        logic.process(volume, outputSegmentation=first.segmentationNode)
    assert sceneState() == before
    assert slicer.util.arrayFromTableColumn(first.tableNode, "Slice").tolist() == content


def test_after_painting_the_card_has_the_new_sizes_and_says_so(openPanel, apply, waitFor):
    volume = makeVolume((6, 32, 32))
    widget = openPanel()
    result = apply(widget)
    card = widget.panel.results.card
    assert "Tumour (0.614 ml)" in plain(card.segmented.text) and not card.edited.visible
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(result, "tumour", volume)
    painted = np.zeros_like(mask)
    painted[0, :, :8] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, result, "tumour", volume)
    waitFor(lambda: card.edited.visible)
    assert "Tumour (0.307 ml)" in plain(card.segmented.text) and "Edited by hand" in card.edited.text
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, result, "tumour", volume)  # undone
    waitFor(lambda: not card.edited.visible)
    assert "Tumour (0.614 ml)" in plain(card.segmented.text)


def test_a_segment_that_is_renamed_has_its_new_name_on_the_card(openPanel, apply, waitFor):
    makeVolume((6, 32, 32))
    widget = openPanel()
    segment = apply(widget).GetSegmentation().GetSegment("tumour")
    card = widget.panel.results.card
    segment.SetName("Metastasis")
    waitFor(lambda: "Metastasis (0.614 ml)" in plain(card.segmented.text))
    segment.SetName("Tumour")
    waitFor(lambda: "Tumour (0.614 ml)" in plain(card.segmented.text) and not card.edited.visible)


def test_painting_in_another_module_is_measured_when_the_user_comes_back(openPanel, apply):
    volume = makeVolume((6, 32, 32))
    widget = openPanel()
    result = apply(widget)
    widget.exit()
    painted = np.zeros((6, 32, 32), np.uint8)
    painted[0, 0, 0] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, result, "tumour", volume)
    slicer.app.processEvents()
    card = widget.panel.results.card
    assert not card.edited.visible
    widget.enter()
    assert card.edited.visible and "Tumour (0.0012 ml)" in plain(card.segmented.text)


def test_the_card_says_that_its_image_was_changed_since_and_nothing_when_it_was_only_touched(openPanel, apply, waitFor):
    volume = makeVolume((6, 32, 32))
    widget = openPanel()
    apply(widget)
    warning, watch = widget.panel.results.card.changedWarning, widget.panel.results._image
    voxels = slicer.util.arrayFromVolume(volume)
    spacing = volume.GetSpacing()

    def looked() -> None:
        assert watch._later.isPending
        waitFor(lambda: not watch._later.isPending)

    slicer.util.arrayFromVolumeModified(volume)
    looked()
    assert not warning.visible
    voxels[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(volume)
    waitFor(lambda: warning.visible)
    assert "Press Apply" in warning.text
    voxels[0, 0, 0] -= 1
    slicer.util.arrayFromVolumeModified(volume)
    waitFor(lambda: not warning.visible)
    volume.SetSpacing(9, 9, 9)
    waitFor(lambda: warning.visible)
    volume.SetSpacing(*spacing)
    waitFor(lambda: not warning.visible)
    slicer.util.updateVolumeFromArray(volume, voxels + 1)
    waitFor(lambda: warning.visible)
    apply(widget)
    looked()
    assert not warning.visible
    volume.SetName("Renamed")
    assert not watch._later.isPending


def test_an_image_that_was_changed_before_its_result_came_back_is_one_that_was_changed(
    openPanel, apply, waitFor, tmp_path
):
    volume = makeVolume((6, 32, 32))
    widget = openPanel()
    apply(widget)
    warning, watch = widget.panel.results.card.changedWarning, widget.panel.results._image
    waitFor(lambda: not watch._later.isPending)
    unchanged, changed = tmp_path / "unchanged.mrb", tmp_path / "changed.mrb"
    assert slicer.util.saveScene(str(unchanged))
    slicer.util.updateVolumeFromArray(volume, slicer.util.arrayFromVolume(volume) + 1)
    assert slicer.util.saveScene(str(changed))
    for path, isChanged in ((changed, True), (unchanged, False), (changed, True)):
        slicer.mrmlScene.Clear(False)
        slicer.util.loadScene(str(path))
        slicer.app.processEvents()
        waitFor(lambda: not watch._later.isPending)
        assert warning.visible == isChanged


def test_an_edited_result_of_a_saved_scene_has_its_own_sizes(openPanel, apply, tmp_path):
    volume = makeVolume((6, 32, 32))
    widget = openPanel()
    result = apply(widget)
    painted = np.zeros((6, 32, 32), np.uint8)
    painted[0, 0, 0] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, result, "tumour", volume)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(False)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    slicer.app.processEvents()
    card = widget.panel.results.card
    assert card.edited.visible and "Tumour (0.0012 ml)" in plain(card.segmented.text)


def test_a_renamed_image_has_its_new_name_in_card_and_tool_tip(openPanel, apply):
    volume = makeVolume((6, 32, 32), name="Brown")
    widget = openPanel()
    apply(widget)
    volume.SetName("Smith")
    assert "Result of “Smith”" in widget.panel.results.card.subject.text
    assert "'Smith'" in widget.ui.applyButton.toolTip


def test_of_two_images_of_one_name_the_card_says_which(openPanel, apply):
    makeVolume((6, 32, 32), name="Head")
    widget = openPanel()
    apply(widget)
    widget.ui.inputSelector.setCurrentNode(makeVolume((6, 32, 32), name="Head"))
    warning = widget.panel.results.card.otherVolumeWarning
    assert "the result of “Head (1 of 2)”, not of “Head (2 of 2)”" in warning.text
