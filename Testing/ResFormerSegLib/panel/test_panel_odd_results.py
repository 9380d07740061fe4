"""What the panel does with unexpected results and names."""

import json

import pytest

from helpers.plain_text import plain
from helpers.scene_helpers import makeVolume


@pytest.fixture
def widgetWithResult(workerThat, openPanel, click, waitFor):
    workerThat("exclusive")
    makeVolume((6, 32, 32))
    widget = openPanel()
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    waitFor(lambda: widget.panel.results.comparison._resultId is not None)
    return widget


@pytest.mark.usefixtures("loggedErrors")
def test_a_result_of_another_version_is_reported_and_leaves_the_panel_usable(widgetWithResult):
    widget = widgetWithResult
    segmentation = widget._parameterNode.resultSegmentation
    report = json.loads(segmentation.GetAttribute("ResFormerSeg.Report"))
    for changes in ({"slices": None}, {"slice_axis": None}, {"segments": [{"id": "tumour", "name": "Tumour"}]}):
        segmentation.SetAttribute("ResFormerSeg.Report", json.dumps({**report, **changes}))
        widget.panel.message.clear()
        widget.panel._shown = None
        widget.panel.update()
        assert "another version" in widget.ui.messageLabel.text and widget.ui.messageFrame.visible, changes
        assert "No result yet" in widget.panel.results.card.headline.text
        assert widget.ui.applyButton.enabled and widget.ui.editButton.enabled


@pytest.mark.usefixtures("loggedErrors")
def test_a_run_that_cannot_be_started_for_an_unforeseen_reason_ends(workerThat, openPanel, click, monkeypatch):
    workerThat("exclusive")
    makeVolume((6, 32, 32))
    widget = openPanel()
    monkeypatch.setattr(widget.logic, "process", lambda *arguments, **options: 1 / 0)
    click(widget.ui.applyButton)
    assert "division by zero" in widget.ui.messageLabel.text
    assert not widget.panel.run.isRunning and widget.ui.applyButton.enabled


def test_names_with_angle_brackets_are_shown_as_they_are_written(workerThat, openPanel):
    import qt

    from ResFormerSegLib.texts import toolTipOf

    workerThat("exclusive")
    makeVolume((6, 32, 32), name="<h1>A</h1>")
    widget = openPanel()
    assert "&lt;h1&gt;A&lt;/h1&gt;" in widget.ui.applyButton.toolTip
    for label in (widget.ui.statusLabel, widget.ui.engineLabel, widget.ui.deviceNoteLabel):
        assert label.textFormat == qt.Qt.PlainText
    card = widget.panel.results.card
    card.bars.show({"bold": 0.5}, {"bold": "<b>Bold</b>"})
    assert card.bars._parts[0].textFormat == qt.Qt.PlainText
    assert toolTipOf("plain & 'quoted'") == "plain & 'quoted'"


def test_the_card_of_a_run_shows_probability_and_sizes(widgetWithResult):
    card = widgetWithResult.panel.results.card
    assert plain(card.probability.text) == "Probability 75 %"
    assert plain(card.segmented.text) == "Segmented: Tumour (0.614 ml), Oedema (0.614 ml)"
    assert widgetWithResult.panel.results.chart.table.table.rowCount == 1  # the one slice with something in it
