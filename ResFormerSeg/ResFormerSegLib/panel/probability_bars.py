"""A bar for each class of a diagnosis, the most probable one first."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.texts import percentText, toolTipOf

# Visible on a light and on a dark background; a style sheet with palette colours would not follow a change of style.
LEADING_COLOR, OTHER_COLOR = "#2f86d6", "#8d939b"
BAR_STYLE = (
    "QProgressBar {{ border: none; border-radius: 3px; background: rgba(128, 128, 128, 70); }} "
    "QProgressBar::chunk {{ border-radius: 3px; background: {color}; }} "
    f"QProgressBar::chunk:disabled {{{{ background: {OTHER_COLOR}; }}}}"
)
LEAST_BAR_WIDTH = 40  # pixels; the names need the room more in a narrow panel
NAMES_FIRST = 100  # how much more of the room the names get than the bars, until each is on one line


class ProbabilityBars:
    """`widget` holds the bars; it is hidden while there is nothing to show."""

    def __init__(self, name: str) -> None:
        self.widget = qt.QWidget()
        self.widget.objectName = name
        self._grid = qt.QGridLayout(self.widget)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(0, NAMES_FIRST)
        self._grid.setColumnStretch(1, 1)
        self._parts: list = []

    def show(self, probabilities: dict[str, float], names: dict[str, str]) -> None:
        """probabilities: 0 to 1 by class id. names: by class id. As many bars as before are changed in place."""
        ranked = sorted(probabilities.items(), key=lambda item: -item[1])
        if len(self._parts) != 3 * len(ranked):
            self.clear()
            for row in range(len(ranked)):
                self._addBar(row)
        for row, (identifier, probability) in enumerate(ranked):
            self._fill(self._parts[3 * row : 3 * row + 3], names[identifier], probability)
        self._fitNames()
        self.widget.visible = True

    def clear(self) -> None:
        for part in self._parts:
            self._grid.removeWidget(part)
            part.hide()
            part.deleteLater()
        self._parts = []
        self.widget.visible = False

    def _addBar(self, row: int) -> None:
        label, bar, percent = qt.QLabel(), qt.QProgressBar(), qt.QLabel()
        label.textFormat = qt.Qt.PlainText
        percent.setAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
        bar.setRange(0, 1000)
        bar.textVisible = False
        bar.setFixedHeight(12)
        bar.setMinimumWidth(LEAST_BAR_WIDTH)
        bar.styleSheet = BAR_STYLE.format(color=OTHER_COLOR if row else LEADING_COLOR)
        for column, part in enumerate((label, bar, percent)):
            self._grid.addWidget(part, row, column)
            self._parts.append(part)

    def _fitNames(self) -> None:
        """On one line each where the panel is wide enough; else they are wrapped, or they would widen or be cut off."""
        labels, widest = self._parts[::3], 0
        for label in labels:
            label.wordWrap = False  # as its size is then that of one line
            widest = max(widest, label.sizeHint.width())
        for label in labels:
            label.wordWrap = True
            label.setMaximumWidth(widest)

    @staticmethod
    def _fill(parts: list, name: str, probability: float) -> None:
        label, bar, percent = parts
        label.text, percent.text = name, percentText(probability)
        bar.value = int(round(1000 * probability))
        for part in parts:
            part.toolTip = toolTipOf(_("{name}: {percent}").format(name=name, percent=percentText(probability)))
