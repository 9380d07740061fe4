"""A result of “This frame” while the user browses on: whose it is, what is seen of it, and what is refused."""

import pytest
import slicer

from helpers.plain_text import plain
from helpers.scene_helpers import choose
from helpers.scene_sequences import makeSequence, ramp, showFrame


@pytest.fixture
def ran(mainWindow, workerThat, openPanel, click, waitFor):
    """(widget, volume, browser): frame 1 of four was run, and is shown."""
    workerThat("exclusive")
    volume, _, browser = makeSequence(ramp(shape=(6, 32, 32)))
    showFrame(browser, 1)
    for view in ("Red", "Green", "Yellow"):
        mainWindow.views[view].show(volume)
    widget = openPanel()
    widget.ui.inputSelector.setCurrentNode(volume)
    choose(widget.ui.framesSelector, "this")
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning and not widget.panel.results._waiting)
    assert not widget.ui.messageFrame.visible, widget.ui.messageLabel.text
    return widget, volume, browser


def browse(browser, number: int) -> None:
    showFrame(browser, number)
    slicer.app.processEvents()


def isVisible(widget) -> bool:
    return bool(widget._parameterNode.resultSegmentation.GetDisplayNode().GetVisibility())


def test_the_card_names_the_frame_and_warns_while_another_one_is_shown(ran):
    widget, volume, browser = ran
    card = widget.panel.results.card
    assert "“Cine, frame 1”" in plain(card.subject.text) and not card.otherVolumeWarning.visible
    browse(browser, 3)
    warning = plain(card.otherVolumeWarning.text)
    assert card.otherVolumeWarning.visible and "“Cine, frame 1”, not of “Cine, frame 3”" in warning
    assert "“Cine, frame 1”" in plain(card.subject.text)
    browse(browser, 1)
    assert not card.otherVolumeWarning.visible


def test_the_contour_is_seen_over_its_own_frame_only(ran):
    widget, volume, browser = ran
    seen = []
    for number in (1, 3, 0, 1):
        browse(browser, number)
        seen.append(isVisible(widget))
    assert seen == [True, False, False, True]


def test_the_contour_is_not_laid_over_a_sequence_that_plays_on_while_the_result_is_shown(ran, waitFor):
    widget, volume, browser = ran
    results = widget.panel.results
    results.present(results._result, volume)
    showFrame(browser, 2)
    waitFor(lambda: not results._waiting)
    assert not isVisible(widget)
    browse(browser, 1)
    assert isVisible(widget)


def test_the_copied_text_names_the_frame(ran, click):
    widget, volume, browser = ran
    browse(browser, 3)
    click(widget.ui.copyResultButton)
    assert slicer.app.clipboard().text().splitlines()[0] == "ResFormerSeg: Cine, frame 1"


def test_the_card_goes_on_naming_the_frame_when_the_browser_is_deleted(ran):
    widget, volume, browser = ran
    slicer.mrmlScene.RemoveNode(browser)
    slicer.app.processEvents()
    assert "“Cine, frame 1”" in plain(widget.panel.results.card.subject.text)
    assert not widget.panel.results.card.otherVolumeWarning.visible


def test_the_diagnosis_is_explained_on_its_own_frame_and_the_overlay_is_hidden_with_it(ran, waitFor, mainWindow):
    widget, volume, browser = ran
    explanation, composite = widget.panel.results.explanation, mainWindow.views["Red"].compositeNode
    explanation._referenceOf = lambda model: "brain-tumor-mr"  # the model "fake" is none
    browse(browser, 3)
    explanation.explainVolume()
    waitFor(lambda: explanation._job is None)
    assert "another frame is shown" in explanation.status.text and explanation.display._saliencyNode() is None
    browse(browser, 1)
    explanation.explainVolume()
    waitFor(lambda: explanation._job is None)
    saliency = explanation.display._saliencyNode()
    assert saliency is not None and composite.GetForegroundVolumeID() == saliency.GetID()
    browse(browser, 2)
    assert composite.GetForegroundVolumeID() is None and not explanation.display.hideButton.enabled
    browse(browser, 1)
    assert composite.GetForegroundVolumeID() == saliency.GetID() and explanation.display.hideButton.enabled
    explanation.display.toggle()  # by the user
    browse(browser, 2)
    browse(browser, 1)
    assert composite.GetForegroundVolumeID() is None


def test_the_report_of_a_frame_is_refused_in_words_while_another_one_is_shown(ran, waitFor, tmp_path, monkeypatch):
    import qt

    from ResFormerSegLib.panel import save_report

    widget, volume, browser = ran
    monkeypatch.setattr(save_report.ReportDialog, "choose", lambda self: (["html"], False))
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *arguments: str(tmp_path))
    monkeypatch.setattr(save_report, "missingPackages", lambda formats: [])
    browse(browser, 0)
    widget.panel.results.report.save()
    waitFor(lambda: widget.panel.results.report._job is None)
    message = plain(widget.ui.messageLabel.text)
    assert "“Cine, frame 1”" in message and "sequence browser" in message and not list(tmp_path.glob("*.html"))


def test_the_card_of_a_patient_names_the_frames_of_both_phases(scene, logicWith):
    from helpers.section_helpers import makeHost
    from ResFormerSegLib.panel.diagnosis_card import DiagnosisCard
    from ResFormerSegLib.panel.patient_body import PatientBody

    pairs = [makeSequence(ramp(), name=name) for name in ("First", "Second")]
    showFrame(pairs[1][2], 3)
    result = logicWith("exclusive").processPatient(pairs[0][0], pairs[1][0], "cardiac-mr").forDisplay()
    host = makeHost()
    card = DiagnosisCard(host, PatientBody())
    card.showResult(result, pairs[0][0])
    assert all(f"“{name}”" in plain(card.subject.text) for name in ("First, frame 0", "Second, frame 3"))
    card.setInputVolume(pairs[1][0])
    assert not card.otherVolumeWarning.visible
    showFrame(pairs[1][2], 1)
    card.setInputVolume(pairs[1][0])
    assert card.otherVolumeWarning.visible and "“Second, frame 1”" in plain(card.otherVolumeWarning.text)
    card.cleanup()
    host.delete()
