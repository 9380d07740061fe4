"""Widgets that the sections of the panel make by themselves, with the properties that they all share."""

from __future__ import annotations

from collections.abc import Callable

import ctk
import qt


def makeLabel(name: str, textFormat=qt.Qt.PlainText):
    """A label with line breaks whose text can be selected. Rich text is for own words only: an error may quote HTML."""
    label = qt.QLabel()
    label.objectName = name
    label.textFormat = textFormat
    # A section is as wide as the widest hint in it: that of a long text would be wider than a narrow panel.
    label.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Preferred)
    label.wordWrap = True
    label.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
    return label


def makeButton(name: str, text: str, toolTip: str, action: Callable[[], None]):
    button = qt.QPushButton(text)
    button.objectName = name
    button.toolTip = toolTip
    button.autoDefault = False
    button.connect("clicked()", action)
    return button


def makeFractionSlider(name: str, value: float, toolTip: str, action: Callable[[float], None]):
    """A slider from 0 to 1 in steps of 0.05."""
    slider = ctk.ctkSliderWidget()
    slider.objectName = name
    slider.minimum, slider.maximum = 0.0, 1.0
    slider.decimals, slider.singleStep = 2, 0.05
    slider.value = value
    slider.toolTip = toolTip
    slider.connect("valueChanged(double)", action)
    return slider


def makeRow(*widgets):
    row = qt.QWidget()
    layout = qt.QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return row
