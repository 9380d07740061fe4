"""The section that explains a diagnosis, with the mouse and with a worker that answers at once."""

from types import SimpleNamespace

import numpy as np
import pytest
import slicer

from helpers.plain_text import plain
from helpers.scene_helpers import makeVolume
from helpers.section_helpers import PatientLogic, makeHost, makeResult
from ResFormerSegLib.errors import ResFormerSegError


@pytest.fixture
def explain(mainWindow):
    """`explain(logic)`: (section, volume), with a result of two classes on display."""
    from ResFormerSegLib.panel.explain_section import ExplainSection
    from ResFormerSegLib.scene.result_display import showResultInViews

    made = []

    def make(logic, classes=("glioma", "meningioma"), shape=(20, 32, 40), **options):
        volume = makeVolume(shape=shape)
        result = makeResult(volume, np.s_[0:1, 4:8, 4:8] if shape[0] == 1 else np.s_[8:13, 10:20, 12:26], classes)
        host = makeHost()
        section = ExplainSection(host, logic, **options)
        showResultInViews(result, volume)
        section.showResult(result, volume, {"meningioma": "Meningioma"})
        made.append((section, host))
        return section, volume

    yield make
    for section, host in made:
        section.cleanup()
        host.delete()


@pytest.fixture
def engine(module, workerThat):
    workerThat("exclusive")
    return module.ResFormerSegLogic()


def test_the_slice_on_display_is_explained_and_laid_over_the_image(explain, engine, click, waitFor, mainWindow):
    section, volume = explain(engine)
    assert section.classSelector.currentText.startswith("Glioma")
    before = mainWindow.grab("Red")
    click(section.sliceButton)
    assert not section.sliceButton.enabled and section.cancelButton.isVisible()
    waitFor(lambda: section._job is None)
    node = slicer.util.getNode("Brain saliency (Glioma)")
    composite = mainWindow.views["Red"].compositeNode
    assert composite.GetForegroundVolumeID() == node.GetID()
    assert composite.GetForegroundOpacity() == pytest.approx(0.5)
    assert node.GetDisplayNode().GetLowerThreshold() == pytest.approx(0.3)
    assert (mainWindow.grab("Red") != before).any()
    assert "Looking (Nobody 2026)" in section.display.method.text and section.display.method.isVisible()
    assert section.sliceButton.enabled and not section.cancelButton.isVisible()


def test_what_is_asked_for_is_the_slice_the_class_and_the_model_of_the_result(explain, click, mainWindow):
    logic = PatientLogic()
    section, volume = explain(logic, referenceOf=lambda made: f"/models/{made['id']}", deviceOf=lambda: "cuda:1")
    section.classSelector.setCurrentIndex(1)
    click(section.sliceButton)
    (nodes, options) = logic.asked[0]
    assert nodes == (volume,) and options["diagnosis"] == "meningioma"
    assert options["slices"] == [10, 10] and options["sliceAxis"] == "axis0"
    assert options["modelId"] == "/models/brain-tumor-mr" and options["wait"] is False
    assert options["device"] == "cuda:1" and options["result"] is section._result
    click(section.cancelButton)
    assert logic.jobs[0].cancelled
    logic.jobs[0].onFailed(ResFormerSegError("CANCELLED", "cancelled"))
    click(section.volumeButton)
    assert logic.asked[1][1]["slices"] == [0, 19]
    logic.jobs[1].onProgress(0.5, "Slice 10 of 20", 3.0)
    assert plain(section.status.text) == "Slice 10 of 20 (50 %)"


def test_threshold_opacity_and_hide_act_at_once(explain, engine, click, waitFor, mainWindow):
    section, volume = explain(engine)
    composite = mainWindow.views["Red"].compositeNode
    click(section.sliceButton)
    waitFor(lambda: section._job is None)
    node = slicer.util.getNode("Brain saliency (Glioma)")
    section.display.thresholdSlider.value = 0.6
    section.display.opacitySlider.value = 0.9
    assert node.GetDisplayNode().GetLowerThreshold() == pytest.approx(0.6)
    assert composite.GetForegroundOpacity() == pytest.approx(0.9)
    assert section.display.hideButton.text == "Hide"
    click(section.display.hideButton)
    assert composite.GetForegroundVolumeID() is None and section.display.hideButton.text == "Show"
    click(section.display.hideButton)
    assert composite.GetForegroundVolumeID() == node.GetID()


def test_an_error_of_the_engine_is_shown_in_its_place(explain, click):
    logic = PatientLogic()
    section, _volume = explain(logic)
    click(section.sliceButton)
    logic.jobs[0].onFailed(ResFormerSegError("ENGINE_CRASHED", "The engine <crashed>.", "Try the CPU."))
    assert section.status.text == "The engine <crashed>. Try the CPU."
    assert section.sliceButton.enabled
    logic.refuse = ResFormerSegError("ENGINE_BUSY", "Another run is in progress.", "Wait for its end.")
    click(section.sliceButton)
    assert section.status.text == "Another run is in progress. Wait for its end." and section.sliceButton.enabled


def test_a_model_that_is_gone_is_named(explain, click):
    logic = PatientLogic()
    section, _volume = explain(logic, referenceOf=lambda made: None)
    click(section.sliceButton)
    assert "brain-tumor-mr" in section.status.text and not logic.asked


def test_a_view_that_shows_no_slice_of_the_volume_is_asked_to_be_moved(explain, click, mainWindow):
    logic = PatientLogic()
    section, _volume = explain(logic)
    for name in ("Red", "Green", "Yellow"):
        mainWindow.views[name].node.SetSliceOffset(4000)
    click(section.sliceButton)
    assert "No slice view shows" in section.status.text and not logic.asked


def test_a_single_picture_has_one_button(explain):
    section, _volume = explain(PatientLogic(), shape=(1, 32, 40))
    assert section.sliceButton.text == "Explain" and not section.volumeButton.isVisible()


def test_a_model_without_diagnosis_has_nothing_to_explain(explain):
    section, _volume = explain(PatientLogic(), classes=())
    assert "gives no diagnosis" in section.intro.text and not section.form.isVisible()
    section.clear()
    assert "Run the model first" in section.intro.text


def test_a_new_result_ends_the_explanation_of_the_old_one(explain, click):
    logic = PatientLogic()
    section, volume = explain(logic)
    click(section.sliceButton)
    section.showResult(makeResult(volume, np.s_[2:4, 4:8, 4:8]), volume)
    assert logic.jobs[0].cancelled
    logic.jobs[0].onFailed(ResFormerSegError("ENGINE_CRASHED", "Late news."))  # of no interest any more
    assert section.status.text == ""


def test_a_volume_deleted_meanwhile_switches_the_buttons_off(explain, scene):
    section, volume = explain(PatientLogic())
    scene.RemoveNode(volume)
    section.explainSlice()
    section.display.toggle()
    assert not section.sliceButton.enabled


def test_an_overlay_of_a_loaded_scene_can_be_hidden_and_keeps_its_settings(explain, engine, click, waitFor, mainWindow):
    from ResFormerSegLib.panel.explain_section import ExplainSection

    section, volume = explain(engine)
    section.display.thresholdSlider.value, section.display.opacitySlider.value = 0.55, 0.75
    click(section.sliceButton)
    waitFor(lambda: section._job is None)
    host = makeHost()
    restored = ExplainSection(host, engine)  # what the next session makes of the same scene
    restored.showResult(makeResult(volume, np.s_[8:13, 10:20, 12:26]), volume)
    assert restored.display.hideButton.text == "Hide"
    assert restored.display.thresholdSlider.value == pytest.approx(0.55)
    assert restored.display.opacitySlider.value == pytest.approx(0.75)
    click(restored.display.hideButton)
    assert mainWindow.views["Red"].compositeNode.GetForegroundVolumeID() is None
    restored.cleanup()
    host.delete()


@pytest.mark.parametrize("change", ["voxels", "model"])
def test_an_explanation_of_an_earlier_run_is_not_offered_with_another_result(explain, engine, click, waitFor, change):
    section, volume = explain(engine)
    own = section._result
    own.voxels, own.report = None, {**own.report, "model": {**own.report["model"], "sha256": "a" * 64}}
    click(section.sliceButton)
    waitFor(lambda: section._job is None)
    own.voxels = slicer.util.getNode("Brain saliency (Glioma)").GetAttribute("ResFormerSeg.Voxels")
    assert own.voxels
    other = SimpleNamespace(**vars(own))
    if change == "voxels":
        other.voxels = "00000000"
    else:
        other.report = {**own.report, "model": {**own.report["model"], "sha256": "b" * 64}}
    section.showResult(other, volume)
    assert not section.display.form.isVisible() and not section.display.method.isVisible()
    section.showResult(own, volume)
    assert section.display.form.isVisible() and section.display.method.isVisible()


def test_without_pytorch_the_section_says_what_is_missing_and_offers_nothing_to_press(explain, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *args: None if name == "torch" else find(name, *args))
    section, _ = explain(PatientLogic())
    assert "need PyTorch" in section.intro.text and section.intro.isVisible() and not section.form.isVisible()
    monkeypatch.undo()
    section.refresh()
    assert section.form.isVisible() and not section.intro.isVisible()


def test_the_device_of_the_panel_is_the_one_that_explains(workerThat, openPanel):
    workerThat("exclusive")
    widget = openPanel()
    widget._parameterNode.device = "cpu"
    assert widget.panel.results.explanation._deviceOf() == "cpu"
