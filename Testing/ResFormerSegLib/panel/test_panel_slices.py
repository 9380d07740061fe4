"""Which slices are analysed, and how: the advanced choices."""

import pytest

from helpers.scene_helpers import choose, makeVolume


@pytest.fixture(autouse=True)
def noWorker(workerThat):
    workerThat("exclusive")


def test_the_range_is_that_of_the_axis_that_is_cut(openPanel):
    makeVolume((6, 32, 40))  # 3 mm between slices: that is how it was taken
    widget = openPanel()
    choose(widget.ui.slicesSelector, "range")
    assert (widget.ui.rangeWidget.minimumValue, widget.ui.rangeWidget.maximumValue) == (0, 5)
    assert widget.ui.rangeWidget.enabled
    widget.ui.rangeWidget.setValues(2, 4)
    options = widget.panel.advanced.options(widget._parameterNode.inputVolume, widget.panel.models.model())
    assert options["slices"] == (2, 4) and options["sliceAxis"] is None
    choose(widget.ui.sliceAxisSelector, "sagittal")
    assert widget.ui.rangeWidget.maximum == 39


def optionsOf(widget) -> dict:
    return widget.panel.advanced.options(widget._parameterNode.inputVolume, widget.panel.models.model())


def test_a_range_that_is_chosen_before_a_volume_is_there_takes_all_slices(widget, waitFor):
    choose(widget.ui.slicesSelector, "range")
    makeVolume((6, 32, 40))
    waitFor(lambda: widget.ui.applyButton.enabled)
    assert (widget.ui.rangeWidget.minimumValue, widget.ui.rangeWidget.maximumValue) == (0, 5)
    assert optionsOf(widget)["slices"] == (0, 5)


def test_a_range_does_not_pass_over_to_another_volume_or_axis(openPanel):
    long, short = makeVolume((155, 32, 40)), makeVolume((18, 32, 40))
    widget = openPanel()
    choose(widget.ui.slicesSelector, "range")
    widget.ui.rangeWidget.setValues(2, 9)
    assert optionsOf(widget)["slices"] == (2, 9)
    widget.ui.inputSelector.setCurrentNode(long)
    assert optionsOf(widget)["slices"] == (0, 154)
    widget.ui.rangeWidget.setValues(20, 30)
    choose(widget.ui.sliceAxisSelector, "sagittal")
    assert optionsOf(widget)["slices"] == (0, 39)
    widget.ui.inputSelector.setCurrentNode(short)
    assert optionsOf(widget)["slices"] == (0, 39)


def test_a_text_beside_apply_says_that_slices_are_omitted(openPanel, click):
    makeVolume((6, 32, 40))
    widget = openPanel()
    assert not widget.ui.statusLabel.visible
    choose(widget.ui.slicesSelector, "range")
    assert not widget.ui.statusLabel.visible
    widget.ui.rangeWidget.setValues(2, 4)
    assert widget.ui.statusLabel.text == "Only slices 2 to 4 of 0 to 5 will be analysed."
    assert "Only slices 2 to 4" in widget.ui.applyButton.toolTip
    choose(widget.ui.slicesSelector, "current")
    assert widget.ui.statusLabel.text == "Only the current slice will be analysed, 1 of 6."
    choose(widget.ui.slicesSelector, "all")
    assert not widget.ui.statusLabel.visible


def test_moving_the_range_is_one_change_and_not_two(openPanel):
    makeVolume((6, 32, 40))
    widget = openPanel()
    choose(widget.ui.slicesSelector, "range")
    changes = []
    widget._parameterNode.AddObserver("ModifiedEvent", lambda *_: changes.append(1))
    widget.panel.advanced._onRange(1.0, 3.0)
    assert len(changes) == 1


def test_the_slice_shown_is_looked_up_when_apply_is_pressed(openPanel, mainWindow):
    volume = makeVolume((6, 32, 40))
    widget = openPanel()
    choose(widget.ui.slicesSelector, "current")
    mainWindow.views["Red"].show(volume)
    mainWindow.views["Red"].node.JumpSlice(0, 35, 40 + 3.0 * 4)
    options = widget.panel.advanced.options(volume, widget.panel.models.model())
    assert options["slices"] == (4, 4)


def test_without_a_view_the_slice_shown_is_asked_for_in_plain_words(openPanel, click):
    makeVolume((6, 32, 40))
    widget = openPanel()
    choose(widget.ui.slicesSelector, "current")
    click(widget.ui.applyButton)
    assert "No slice view shows" in widget.ui.messageLabel.text
    assert not widget.panel.run.isRunning


def test_advanced_options_are_sent_to_the_engine(openPanel):
    volume = makeVolume((6, 32, 40))
    widget = openPanel()
    options = widget.panel.advanced.options(volume, widget.panel.models.model())
    assert options == {
        "sliceAxis": None, "slices": None, "smoothingMm": 0.0, "minimumAreaMm2": None, "probabilityMaps": False,
    }  # fmt: skip
    widget.ui.smoothingSlider.value = 1.5
    widget.ui.minimumAreaSpinBox.value = 0
    widget.ui.probabilityMapsCheckBox.checked = True
    options = widget.panel.advanced.options(volume, widget.panel.models.model())
    assert (options["smoothingMm"], options["minimumAreaMm2"], options["probabilityMaps"]) == (1.5, 0.0, True)


def test_an_area_below_zero_stands_for_the_models_own(openPanel):
    makeVolume((6, 32, 40))
    widget = openPanel()
    widget.ui.minimumAreaSpinBox.value = -3
    assert optionsOf(widget)["minimumAreaMm2"] is None
