"""A part of the panel that unfolds under a small button with an arrow."""

from __future__ import annotations

from collections.abc import Iterable

import qt


class FoldedPart:
    """`button` and, below it, `widget` with the given widgets. Nothing is shown at first."""

    def __init__(self, name: str, text: str, toolTip: str, widgets: Iterable) -> None:
        self.button = qt.QToolButton()
        self.button.objectName = f"{name}Button"
        self.button.text = text
        self.button.toolTip = toolTip
        self.button.checkable = True
        self.button.autoRaise = True
        self.button.toolButtonStyle = qt.Qt.ToolButtonTextBesideIcon
        self.button.connect("toggled(bool)", self._unfold)
        self.widget = qt.QWidget()
        self.widget.objectName = f"{name}Folded"
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in widgets:
            layout.addWidget(widget)
        self.hide()

    def fold(self) -> None:
        """Shows the button; the user unfolds the rest."""
        self._set(hasButton=True, unfolded=False)

    def layOpen(self) -> None:
        """Shows the widgets, without the button."""
        self._set(hasButton=False, unfolded=True)

    def hide(self) -> None:
        self._set(hasButton=False, unfolded=False)

    def cleanup(self) -> None:
        self.button.disconnect("toggled(bool)", self._unfold)

    def _set(self, hasButton: bool, unfolded: bool) -> None:
        self.button.visible = hasButton
        self.button.checked = False
        self._unfold(unfolded)

    def _unfold(self, unfolded: bool) -> None:
        self.button.arrowType = qt.Qt.DownArrow if unfolded else qt.Qt.RightArrow
        self.widget.visible = unfolded
