"""Combo boxes whose items stand for values: the parameter wrapper cannot bind a list that changes."""

from __future__ import annotations

from collections.abc import Callable

import ctk
import qt

from ResFormerSegLib.texts import toolTipOf


class ChoiceBox:
    """A ctkComboBox that shows texts and returns values. The mouse wheel scrolls the panel, not the choices.

    onChosen: called with the value when the user (or a script) changes the selection; never while the box is
    filled or set from here. whenNone: shown while nothing is selected.
    """

    def __init__(self, comboBox, onChosen: Callable[[str], None], whenNone: str = "") -> None:
        self._box = comboBox
        self._onChosen = onChosen
        self._silent = False
        comboBox.defaultText = whenNone
        comboBox.scrollWheelEffect = ctk.ctkComboBox.NeverScroll
        comboBox.connect("currentIndexChanged(int)", self._changed)

    def fill(self, choices: list[tuple[str, str, str]]) -> None:
        """choices: (value, text, tool tip); an empty text is a separator. The value is kept if the new list has it."""
        value = self.value
        self._silent = True
        self._box.clear()
        for identifier, text, tip in choices:
            if text:
                self._box.addItem(text, identifier)
                self._box.setItemData(self._box.count - 1, toolTipOf(tip), qt.Qt.ToolTipRole)
            else:
                self._box.insertSeparator(self._box.count)
        self._silent = False
        self.value = value

    @property
    def value(self) -> str:
        index = self._box.currentIndex
        return (self._box.itemData(index) or "") if index >= 0 else ""

    @value.setter
    def value(self, wanted: str) -> None:
        """A value that is not in the list leaves nothing selected."""
        self._silent = True
        self._box.setCurrentIndex(self._box.findData(wanted) if wanted else -1)  # a separator has no value either
        self._silent = False

    @property
    def values(self) -> list[str]:
        return [self._box.itemData(index) or "" for index in range(self._box.count)]

    def cleanup(self) -> None:
        self._box.disconnect("currentIndexChanged(int)", self._changed)

    def _changed(self, index: int) -> None:
        if not self._silent and index >= 0:
            self._onChosen(self.value)
