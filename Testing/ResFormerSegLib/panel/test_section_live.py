"""Live in the panel: switched on and off, frozen, recorded, beside a run, and with the other choices."""

import numpy as np
import pytest
import slicer

from helpers.fake_live_worker import DIES
from helpers.scene_helpers import segmentArray
from helpers.scene_sequences import makeSequence, showFrame

PATIENCE = 60  # seconds; a worker starts


def picture(bright=0.3, first=0):
    voxels = np.zeros((1, 40, 50), np.uint8) + 20
    voxels[0, 5 : 5 + int(bright * 40), 8:42] = 200
    voxels[0, 0, 0] = first
    return voxels


@pytest.fixture
def cine(mainWindow, liveWorker, workerThat, openPanel, waitFor):
    """(widget, volume, browser): a panel with a sequence of ultrasound pictures and its model."""
    workerThat("exclusive")
    volume, _sequence, browser = makeSequence([picture(0.1 * n) for n in range(1, 8)], spacing=(0.3, 0.3, 0.3))
    mainWindow.views["Red"].show(volume)
    widget = openPanel()
    widget.ui.inputSelector.setCurrentNode(volume)
    widget.ui.modelSelector.setCurrentIndex(widget.ui.modelSelector.findData("breast-ultrasound"))
    waitFor(lambda: widget.ui.liveButton.enabled)
    yield widget, volume, browser
    widget.panel.live.stop()


def test_live_shows_line_and_bars_and_leaves_nothing_when_it_is_switched_off(cine, click, waitFor):
    widget, volume, browser = cine
    live = widget.panel.live
    click(widget.ui.liveButton)
    assert live.isOn and widget.ui.liveFrame.visible and "starting" in live.line.text
    waitFor(lambda: live.session.isAnswered, PATIENCE)
    assert live.line.text.startswith("Benign") and live.bars.widget.visible and not live.recordButton.enabled
    showFrame(browser, 3)
    waitFor(lambda: live.session.counts["drawn"] > 1, PATIENCE)
    waitFor(lambda: live.recordButton.enabled)
    click(live.smoothingBox)
    assert not live.session.smoothing
    click(widget.ui.liveButton)
    assert not live.isOn and not widget.ui.liveFrame.visible and not live.bars.widget.visible
    assert not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert widget.panel._parameterNode.inputVolume is volume


def test_freeze_keeps_the_frame_and_its_answer_as_an_ordinary_result(cine, click, waitFor, tmp_path):
    widget, volume, browser = cine
    live = widget.panel.live
    click(widget.ui.liveButton)
    waitFor(lambda: live.session.isAnswered, PATIENCE)
    showFrame(browser, 5)
    waitFor(lambda: live.session.answer.isCurrent and live.session.counts["drawn"] > 1, PATIENCE)
    click(live.freezeButton)
    assert not live.isOn
    node = widget.panel._parameterNode
    assert node.inputVolume is volume and node.resultVolume is not volume
    frozen = slicer.util.arrayFromVolume(node.resultVolume)
    assert np.array_equal(frozen, picture(0.6))
    assert np.array_equal(segmentArray(node.resultSegmentation, "lesion", node.resultVolume), frozen > 128)
    assert node.resultTable.GetNumberOfRows() == 1
    waitFor(lambda: not widget.panel.results._waiting)
    assert "Benign" in widget.panel.results.card.headline.text
    showFrame(browser, 1)
    assert np.array_equal(slicer.util.arrayFromVolume(node.resultVolume), picture(0.6))
    result = widget.panel.results._result
    assert result.frame is None and _takesTheVoxels(result, tmp_path)


def test_a_frame_of_a_sequence_that_stands_still_is_frozen_as_a_result_of_that_frame(cine, click, waitFor, tmp_path):
    from ResFormerSegLib.runs.saved_results import restoreResult

    widget, volume, browser = cine
    live = widget.panel.live
    showFrame(browser, 2)
    click(widget.ui.liveButton)
    waitFor(lambda: live.session.isAnswered, PATIENCE)
    click(live.freezeButton)
    node = widget.panel._parameterNode
    result = restoreResult(node.resultSegmentation, node.resultTable)
    assert node.resultVolume is volume and result.frame == "0.1" and result.report["case"] == "Cine, frame 2"
    waitFor(lambda: not widget.panel.results._waiting)
    display = node.resultSegmentation.GetDisplayNode()
    showFrame(browser, 1)
    assert not display.GetVisibility()
    showFrame(browser, 2)
    assert display.GetVisibility() and _takesTheVoxels(result, tmp_path)


def _takesTheVoxels(result, folder) -> bool:
    from ResFormerSegLib.runs.reported_result import ReportedResult

    steps = ReportedResult(result, False).export(folder, "report")
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return np.array_equal(np.load(end.value["image"]["array"]), slicer.util.arrayFromVolume(result.volumeNode))


def test_a_recording_is_replayed_with_its_answers(cine, click, waitFor):
    widget, volume, browser = cine
    live = widget.panel.live
    click(widget.ui.liveButton)
    waitFor(lambda: live.session.isAnswered, PATIENCE)
    showFrame(browser, 1)
    waitFor(lambda: live.session.counts["drawn"] > 1 and live.session.answer.isCurrent, PATIENCE)
    click(live.recordButton)
    for number in (2, 3, 4):
        showFrame(browser, number)
        waitFor(lambda number=number: len(live._recording) == number - 1, PATIENCE)
    assert "3" in live.recordButton.text
    click(live.recordButton)
    waitFor(lambda: widget.panel.sequence.result is not None, PATIENCE)
    result = widget.panel.sequence.result
    assert result.browserNode is not browser and len(result.frames) == 3 and result.report["times_known"]
    for number in range(3):
        showFrame(result.browserNode, number)
        shown = slicer.util.arrayFromVolume(result.volumeNode)
        assert np.array_equal(shown, picture(0.1 * (number + 3)))
        assert np.array_equal(segmentArray(result.segmentationNode, "lesion", result.volumeNode), shown > 128)
    assert widget.panel._parameterNode.inputVolume is volume and not live.isOn


def test_apply_beside_live_gives_its_result_and_live_goes_on(cine, click, waitFor):
    widget, volume, browser = cine
    live = widget.panel.live
    click(widget.ui.liveButton)
    waitFor(lambda: live.session.isAnswered, PATIENCE)
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning, PATIENCE)
    assert widget.panel._parameterNode.resultSegmentation is not None
    waitFor(lambda: live.session.isAnswered, PATIENCE)
    assert live.session.segmentationNode is not widget.panel._parameterNode.resultSegmentation


def test_another_input_is_followed_and_none_ends_it(cine, click, waitFor):
    widget, volume, browser = cine
    live = widget.panel.live
    click(widget.ui.liveButton)
    waitFor(lambda: live.session.isAnswered, PATIENCE)
    first = live.session
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Other")
    slicer.util.updateVolumeFromArray(other, picture(0.7))
    widget.ui.inputSelector.setCurrentNode(other)
    waitFor(lambda: live.session is not first)
    assert first.isOver
    if live.isOn:
        waitFor(lambda: live.session.isAnswered and live.session.volumeNode is other, PATIENCE)
    slicer.mrmlScene.RemoveNode(other)
    waitFor(lambda: not live.isOn)
    assert not widget.ui.liveButton.checked


def test_the_module_may_be_left_and_a_worker_that_dies_twice_says_why(cine, click, waitFor):
    widget, volume, browser = cine
    live = widget.panel.live
    click(widget.ui.liveButton)
    waitFor(lambda: live.session.isAnswered, PATIENCE)
    widget.exit()
    showFrame(browser, 2)
    waitFor(lambda: live.session.counts["drawn"] > 1, PATIENCE)
    widget.enter()
    assert live.isOn
    for deaths in (1, 2):
        slicer.util.updateVolumeFromArray(volume, picture(0.3, first=DIES))
        waitFor(lambda deaths=deaths: not live.isOn or live.session.counts["restarts"] == deaths, PATIENCE)
        if live.isOn:
            slicer.util.updateVolumeFromArray(volume, picture(0.5))
            waitFor(lambda: live.session.isAnswered and not live.session._waiting, PATIENCE)
    assert "crashed" in widget.ui.messageLabel.text and not widget.ui.liveButton.checked
