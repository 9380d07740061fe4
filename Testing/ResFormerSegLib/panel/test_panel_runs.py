"""Apply, cancel, and every way in which a run can end, seen from the panel."""

import pytest
import slicer

from helpers.plain_text import plain
from helpers.scene_helpers import makeVolume, sceneState, stateOf


@pytest.fixture
def panelWith(workerThat, openPanel):
    """`panelWith("slow")`: a panel on a volume, with a worker of that behaviour; gives (widget, volume)."""

    def make(behaviour: str, volume=None, **limits):
        workerThat(behaviour, **limits)
        volume = volume or makeVolume((6, 32, 32))
        return openPanel(), volume

    return make


def test_apply_segments_diagnoses_and_shows(panelWith, click, waitFor):
    widget, volume = panelWith("exclusive")
    before = stateOf(volume)
    click(widget.ui.applyButton)
    assert not widget.ui.applyButton.enabled and widget.ui.cancelButton.enabled
    assert "in progress" in widget.ui.applyButton.toolTip
    assert widget.ui.progressBar.visible and widget.ui.statusLabel.text
    waitFor(lambda: not widget.panel.run.isRunning)
    assert "Glioma" in widget.panel.results.card.headline.text
    assert plain(widget.panel.results.card.probability.text) == "Probability 75 %"
    segmentation = widget._parameterNode.resultSegmentation
    assert segmentation.GetSegmentation().GetNumberOfSegments() == 2
    assert widget._parameterNode.resultVolume is volume
    assert widget.ui.editButton.enabled and widget.ui.applyButton.enabled
    assert not widget.ui.cancelButton.enabled and not widget.ui.progressBar.visible
    assert stateOf(volume) == before


def test_warnings_and_notices_are_on_the_card(panelWith, click, waitFor):
    widget, _ = panelWith("exclusive")
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    assert "touches the border" in widget.panel.results.card.warnings.text
    assert "the CPU is used" in widget.panel.results.card.warnings.text


def test_a_model_without_segmentation_or_without_diagnosis_says_so(panelWith, click, waitFor):
    widget, _ = panelWith("only diagnosis")
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    assert "does not segment" in widget.panel.results.card.segmented.text
    assert not widget.ui.editButton.enabled
    assert widget._parameterNode.resultSegmentation is None


def test_the_event_loop_stays_free_during_a_run(panelWith, click, waitFor, longestBlock):
    widget, _ = panelWith("exclusive")
    with longestBlock() as block:
        widget.panel.run.start(widget._parameterNode.inputVolume, None, modelId="brain-tumor-mr")
        waitFor(lambda: not widget.panel.run.isRunning)
    assert block.seconds < 2.0  # a generous bound for a busy machine; the benchmark has the figure


def test_cancel_leaves_the_scene_as_it_was(panelWith, click, waitFor):
    widget, _ = panelWith("slow")
    before = sceneState()
    click(widget.ui.applyButton)
    waitFor(lambda: widget.ui.progressBar.value == 100)  # one slice of ten
    click(widget.ui.cancelButton)
    assert not widget.ui.cancelButton.enabled
    waitFor(lambda: not widget.panel.run.isRunning)
    assert sceneState() == before
    assert "nothing was changed" in widget.ui.statusLabel.text
    assert widget.ui.applyButton.enabled
    assert not widget.ui.messageFrame.visible


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("error", "All voxels are equal"),
        ("segfault", "crashed"),
        ("killed", "terminated by the system"),
        ("garbage", "could not be read"),
        ("exit code", "stopped without a result"),
        ("lost labels", "unreadable"),
    ],
)
def test_errors_are_shown_inside_the_panel(panelWith, click, waitFor, behaviour, words):
    widget, _ = panelWith(behaviour)
    before = sceneState()
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    assert widget.ui.messageFrame.visible
    assert words in widget.ui.messageLabel.text
    assert "non-zero" not in widget.ui.messageLabel.text
    assert sceneState() == before
    assert widget.ui.applyButton.enabled  # one may try again at once
    click(widget.ui.messageCloseButton)
    assert not widget.ui.messageFrame.visible


def test_the_log_is_there_for_those_who_want_it(panelWith, click, waitFor):
    widget, _ = panelWith("exit code")
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    assert not widget.ui.messageDetails.visible
    click(widget.ui.messageDetailsButton)
    assert widget.ui.messageDetails.visible
    assert "Something went wrong in here" in widget.ui.messageDetails.plainText


def test_a_message_goes_with_the_next_run(panelWith, click, waitFor):
    widget, _ = panelWith("error")
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    click(widget.ui.applyButton)
    assert not widget.ui.messageFrame.visible
    waitFor(lambda: not widget.panel.run.isRunning)


@pytest.mark.usefixtures("loggedErrors")
def test_a_result_that_cannot_be_shown_is_reported_and_kept(panelWith, click, waitFor, monkeypatch):
    widget, _ = panelWith("exclusive")
    monkeypatch.setattr(widget.panel.results.chart, "showResult", lambda *args: 1 / 0)
    click(widget.ui.applyButton)
    waitFor(lambda: widget.ui.messageFrame.visible)
    assert "added to the scene" in widget.ui.messageLabel.text
    assert "ZeroDivisionError" in widget.ui.messageDetails.plainText
    assert widget._parameterNode.resultSegmentation is not None
    waitFor(lambda: widget.panel.results.explanation._result is not None)  # the rest is shown all the same


def test_running_again_makes_a_new_segmentation(panelWith, click, waitFor):
    widget, _ = panelWith("exclusive")
    for count in (1, 2):
        click(widget.ui.applyButton)
        waitFor(lambda: not widget.panel.run.isRunning)
        assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == count


def test_a_result_without_manual_edits_is_replaced_without_a_question(panelWith, click, waitFor, monkeypatch):
    widget, _ = panelWith("exclusive")
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda *args, **kwargs: pytest.fail("asked"))
    widget.ui.outputSelector.setCurrentNode(widget._parameterNode.resultSegmentation)
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1


def test_segments_drawn_by_hand_are_not_replaced_without_asking(panelWith, click, waitFor, monkeypatch):
    questions = []
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, **kwargs: questions.append(text) or False)
    widget, _ = panelWith("exclusive")
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    segmentation = widget._parameterNode.resultSegmentation
    segmentation.GetSegmentation().AddEmptySegment("mine", "Mine")
    widget.ui.outputSelector.setCurrentNode(segmentation)
    click(widget.ui.applyButton)
    assert len(questions) == 1 and segmentation.GetName() in questions[0]
    assert not widget.panel.run.isRunning
    assert segmentation.GetSegmentation().GetSegment("mine") is not None
    assert "Nothing was changed" in widget.ui.messageLabel.text


def test_closing_the_scene_ends_the_run_without_a_word(panelWith, click, waitFor):
    widget, _ = panelWith("slow")
    click(widget.ui.applyButton)
    waitFor(lambda: widget.ui.progressBar.value == 100)
    slicer.mrmlScene.Clear(False)
    assert not widget.panel.run.isRunning
    assert not widget.ui.messageFrame.visible
    waitFor(lambda: not widget.logic.isBusy)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert "No volume is selected" in widget.ui.applyButton.toolTip
    volume = makeVolume((6, 32, 32))  # and the panel works on
    waitFor(lambda: widget._parameterNode.inputVolume is volume)
    waitFor(lambda: widget.ui.applyButton.enabled)


def test_saving_the_scene_during_a_run_disturbs_neither(panelWith, click, waitFor, tmp_path):
    widget, _ = panelWith("paced")
    click(widget.ui.applyButton)
    waitFor(lambda: widget.ui.progressBar.value >= 200)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    waitFor(lambda: not widget.panel.run.isRunning)
    assert not widget.ui.messageFrame.visible
    assert widget._parameterNode.resultSegmentation is not None


def test_the_time_left_is_shown_while_slices_are_done(panelWith, click, waitFor):
    widget, _ = panelWith("paced")
    click(widget.ui.applyButton)
    waitFor(lambda: "left" in widget.ui.statusLabel.text or "almost finished" in widget.ui.statusLabel.text)
    assert "Slice" in widget.ui.statusLabel.text
    waitFor(lambda: not widget.panel.run.isRunning)
    assert widget.ui.statusLabel.text.startswith("Done in")


def test_a_volume_that_is_deleted_during_the_run_is_named(panelWith, click, waitFor):
    widget, volume = panelWith("slow")
    click(widget.ui.applyButton)
    waitFor(lambda: widget.ui.progressBar.value == 100)
    slicer.mrmlScene.RemoveNode(volume)
    waitFor(lambda: not widget.panel.run.isRunning)
    assert "removed from the scene" in widget.ui.messageLabel.text


def test_a_run_that_is_given_up_does_not_disturb_the_next_one(panelWith, click, waitFor):
    widget, _ = panelWith("slow")
    click(widget.ui.applyButton)
    waitFor(lambda: widget.ui.progressBar.value == 100)
    widget.panel.abandonRun()
    waitFor(lambda: not widget.logic.isBusy)
    click(widget.ui.applyButton)
    waitFor(lambda: widget.ui.progressBar.value == 100)
    assert widget.panel.run.isRunning and not widget.ui.messageFrame.visible


def test_while_the_engine_is_busy_apply_says_so_and_waits(panelWith, waitFor):
    widget, volume = panelWith("slow")
    job = widget.logic.process(volume, wait=False)
    assert not widget.ui.applyButton.enabled
    assert "busy with another task" in widget.ui.applyButton.toolTip
    assert widget.ui.statusLabel.visible and not widget.ui.cancelButton.enabled
    job.cancel()
    waitFor(lambda: job.isOver)
    assert widget.ui.applyButton.enabled and not widget.ui.statusLabel.visible


def test_after_a_run_was_given_up_apply_waits_until_the_engine_is_free(panelWith, click, waitFor):
    widget, _ = panelWith("slow")
    click(widget.ui.applyButton)
    waitFor(lambda: widget.ui.progressBar.value == 100)
    widget.panel.abandonRun()
    assert widget.logic.isBusy and not widget.ui.applyButton.enabled
    waitFor(lambda: widget.ui.applyButton.enabled)
    assert not widget.logic.isBusy


def test_the_panel_can_be_made_without_a_place_for_it(scene, module, workerThat):
    """As scripts and generic tests do it: `setup` is then called by the constructor."""
    workerThat("exclusive")
    widget = module.ResFormerSegWidget()
    assert "No volume is selected" in widget.ui.applyButton.toolTip
    widget.cleanup()
    widget.cleanup()  # when the module is unloaded, the application asks again
    widget.parent.deleteLater()
