"""Where nothing speaks for a model, the engine is asked in the background which of them knows such images."""

import numpy as np
import pytest
import slicer

from helpers.scene_helpers import choose, makeVolume, stateOf


@pytest.fixture
def widgetOf(workerThat, openPanel, bed):
    """`widgetOf("exclusive")`: the panel with a worker of that behaviour, and nothing chosen before."""

    def make(behaviour: str):
        workerThat(behaviour)
        bed.app.settings().remove("ResFormerSeg/LastModels")
        return openPanel()

    return make


def test_the_model_that_knows_such_images_is_suggested_and_taken_with_one_click(widgetOf, waitFor):
    widget = widgetOf("exclusive")
    volume = makeVolume(name="One")
    before = stateOf(volume)
    waitFor(lambda: "Suggested" in widget.ui.modelSummaryLabel.text)
    assert stateOf(volume) == before
    assert widget._parameterNode.modelReference == ""
    suggested = widget.panel.models._suggestion._ranking[0][0]
    assert f"<a href='{suggested}'>" in widget.ui.modelSummaryLabel.text
    widget.ui.modelSummaryLabel.linkActivated.emit(suggested)
    assert widget._parameterNode.modelReference == suggested and widget._parameterNode.modelChosen
    assert widget.ui.applyButton.enabled and "Suggested" not in widget.ui.modelSummaryLabel.text


def test_a_model_that_was_selected_is_not_questioned(widgetOf):
    widget = widgetOf("exclusive")
    widget.ui.inputSelector.setCurrentNode(makeVolume(name="Brain"))
    assert widget.panel.models._suggestion._job is None and not widget.logic._keeper._jobs


def test_only_models_that_fit_are_asked_for(widgetOf, waitFor):
    widget = widgetOf("exclusive")
    widget.ui.inputSelector.setCurrentNode(makeVolume(shape=(1, 48, 64), name="One"))
    waitFor(lambda: widget.panel.models._suggestion._ranking)
    asked = [reference for reference, _ in widget.panel.models._suggestion._ranking]
    assert "skin-lesion" not in asked and "cardiac-mr" not in asked and "breast-ultrasound" in asked


def test_a_run_of_the_user_stops_the_question_and_does_not_wait_for_it(widgetOf, click, waitFor):
    widget = widgetOf("slow to rank")
    widget.ui.inputSelector.setCurrentNode(makeVolume(name="One"))
    assert widget.panel.models._suggestion._job is not None
    choose(widget.ui.modelSelector, "brain-tumor-mr")
    click(widget.ui.applyButton)
    waitFor(lambda: widget._parameterNode.resultSegmentation is not None)
    assert not widget.ui.messageFrame.visible


def test_nor_does_a_run_from_the_console(widgetOf):
    widget = widgetOf("slow to rank")
    volume = makeVolume(name="One")
    widget.ui.inputSelector.setCurrentNode(volume)
    assert widget.panel.models._suggestion._job is not None
    assert widget.logic.process(volume).segmentationNode is not None


@pytest.mark.parametrize("end", ["leave", "delete", "close", "crash"])
def test_whatever_happens_meanwhile_nothing_is_said_of_the_question(widgetOf, waitFor, scene, end):
    widget = widgetOf("dies when asked to rank" if end == "crash" else "slow to rank")
    volume = makeVolume(name="One")
    widget.ui.inputSelector.setCurrentNode(volume)
    assert widget.panel.models._suggestion._job is not None
    if end == "leave":
        widget.exit()
    elif end == "delete":
        scene.RemoveNode(volume)
    elif end == "close":
        scene.Clear(False)
    waitFor(lambda: not widget.logic._keeper._jobs)
    assert not widget.ui.messageFrame.visible and "Suggested" not in widget.ui.modelSummaryLabel.text


def test_the_real_engine_answers(module, scene, waitFor):
    logic = module.ResFormerSegLogic()
    volume = makeVolume(shape=(5, 64, 80), name="One")
    slicer.util.updateVolumeFromArray(volume, np.random.default_rng(0).integers(0, 255, (5, 64, 80)).astype(np.int16))
    try:
        ranking = logic.rankModels(volume, ["brain-tumor-mr", "retina-oct", "there is none"])
    finally:
        logic.cleanup()
    assert {reference for reference, _ in ranking} == {"brain-tumor-mr", "retina-oct", "there is none"}
    assert all(distance > 0 for _, distance in ranking[:2]) and ranking[2] == ("there is none", None)
