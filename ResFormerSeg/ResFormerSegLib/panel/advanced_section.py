"""The advanced options that the parameter wrapper cannot bind: the slice axis and the range of slices."""

from __future__ import annotations

from collections.abc import Callable

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.models.catalog import ModelDescription
from ResFormerSegLib.panel.choice_boxes import ChoiceBox
from ResFormerSegLib.panel.parameters import TO_THE_END
from ResFormerSegLib.scene.slice_positions import sliceCount, slicedAxis, sliceOnDisplay


class AdvancedSection:
    """onChanged: called when the user has changed something here."""

    def __init__(self, ui, onChanged: Callable[[], None]) -> None:
        self._ui = ui
        self._onChanged = onChanged
        self._parameterNode = None
        self._updating = False
        self._rangeIsOf: tuple | None = None  # the volume and the axis whose slices the range counts
        self._axis = ChoiceBox(ui.sliceAxisSelector, lambda value: self._set("sliceAxis", value))
        self._axis.fill(
            [
                ("model", _("Model default"), _("For most models, the slices as they were acquired")),
                ("axial", _("Axial"), _("From inferior to superior")),
                ("coronal", _("Coronal"), _("From anterior to posterior")),
                ("sagittal", _("Sagittal"), _("From left to right")),
            ]
        )
        self._slices = ChoiceBox(ui.slicesSelector, lambda value: self._set("sliceSelection", value))
        self._slices.fill(
            [
                ("all", _("All slices"), _("The whole volume")),
                ("range", _("Range"), _("From the first to the last slice below, both included")),
                ("current", _("Current slice only"), _("The slice shown in the slice view when Apply is pressed")),
            ]
        )
        ui.rangeWidget.connect("valuesChanged(double,double)", self._onRange)

    def setParameterNode(self, parameterNode) -> None:
        self._parameterNode = parameterNode
        self._rangeIsOf = None

    def update(self, volumeNode, model: ModelDescription | None) -> None:
        """Shows the parameter node's choices; the range covers the volume's slices along the selected axis."""
        node = self._parameterNode
        if node is None:
            return
        self._axis.value = node.sliceAxis or "model"
        self._slices.value = node.sliceSelection
        isRange = node.sliceSelection == "range"
        self._ui.rangeWidget.enabled = self._ui.rangeLabel.enabled = isRange and volumeNode is not None
        if volumeNode is None:
            return
        axis, last = self._slicedAxis(volumeNode, model), self._lastSlice(volumeNode, model)
        rangeIsOf = (volumeNode.GetID(), axis, last)
        if self._rangeIsOf not in (None, rangeIsOf):  # a range along another axis or volume is meaningless
            self._setRange(0, TO_THE_END)
        self._rangeIsOf = rangeIsOf
        self._updating = True
        try:
            self._ui.rangeWidget.setRange(0.0, float(last))
            first, end = self._range(last) if isRange else (0, last)
            self._ui.rangeWidget.setValues(float(first), float(end))
        finally:
            self._updating = False

    def isOneSliceOnly(self, volumeNode, model: ModelDescription | None) -> bool:
        selection = self._parameterNode.sliceSelection
        if selection != "range" or volumeNode is None:
            return selection == "current"
        first, last = self._range(self._lastSlice(volumeNode, model))
        return first == last

    def omittedSlicesText(self, volumeNode, model: ModelDescription) -> str:
        """A warning when only a part of the volume is to be analysed, as these options may be collapsed."""
        selection, end = self._parameterNode.sliceSelection, self._lastSlice(volumeNode, model)
        if selection == "current" and end > 0:
            return _("Only the current slice will be analysed, 1 of {count}.").format(count=end + 1)
        first, last = self._range(end)
        if selection == "range" and (first, last) != (0, end):
            return _("Only slices {first} to {last} of 0 to {end} will be analysed.").format(
                first=first, last=last, end=end
            )
        return ""

    def liveOptions(self) -> dict:
        """The options of live mode, which takes its slices from the views; the names are those of `live`."""
        node = self._parameterNode
        return {
            "sliceAxis": node.sliceAxis or None,
            "smoothingMm": float(node.smoothingMm),
            "minimumAreaMm2": float(node.minimumAreaMm2) if node.minimumAreaMm2 >= 0 else None,
        }

    def options(self, volumeNode, model: ModelDescription) -> dict:
        """The options of a run beside volume, model and device; the names are those of `process`.

        Raises ResFormerSegError NO_SLICE_SHOWN.
        """
        node = self._parameterNode
        slices = None
        if node.sliceSelection == "range":
            slices = self._range(self._lastSlice(volumeNode, model))
        elif node.sliceSelection == "current":
            index = sliceOnDisplay(volumeNode, self._slicedAxis(volumeNode, model))
            if index is None:
                raise ResFormerSegError(
                    "NO_SLICE_SHOWN",
                    _("No slice view shows a slice of '{name}' along the selected axis.").format(
                        name=volumeNode.GetName()
                    ),
                    _("Show it in a slice view parallel to the slices, or select another slice axis under Advanced."),
                )
            slices = (index, index)
        return {
            **self.liveOptions(),
            "slices": slices,
            "probabilityMaps": bool(node.probabilityMaps),
        }

    def optionsOfCases(self) -> dict:
        """Those that hold for any volume, as keywords of the logic's `cases`: all slices are run."""
        node = self._parameterNode
        return {
            "sliceAxis": node.sliceAxis or None,
            "smoothingMm": float(node.smoothingMm),
            "minimumAreaMm2": float(node.minimumAreaMm2) if node.minimumAreaMm2 >= 0 else None,
        }

    def cleanup(self) -> None:
        self._axis.cleanup()
        self._slices.cleanup()
        self._ui.rangeWidget.disconnect("valuesChanged(double,double)", self._onRange)
        self._parameterNode = None

    def _slicedAxis(self, volumeNode, model: ModelDescription | None) -> int:
        return slicedAxis(volumeNode, self._parameterNode.sliceAxis or (model.sliceAxis if model else "acquisition"))

    def _set(self, name: str, value: str) -> None:
        if self._parameterNode is None:
            return
        setattr(self._parameterNode, name, "" if value == "model" else value)
        self._onChanged()

    def _onRange(self, first: float, last: float) -> None:
        if self._updating or self._parameterNode is None:
            return
        self._setRange(int(round(first)), int(round(last)))
        self._onChanged()

    def _setRange(self, first: int, last: int) -> None:
        """Both at once, so that the new first is never combined with the old last slice."""
        node = self._parameterNode
        with slicer.util.NodeModify(node.parameterNode):
            node.firstSlice, node.lastSlice = first, last

    def _range(self, end: int) -> tuple[int, int]:
        """The first and the last slice of the range, in a volume whose last slice is `end`."""
        node = self._parameterNode
        last = end if node.lastSlice == TO_THE_END else min(node.lastSlice, end)
        return min(node.firstSlice, last), last

    def _lastSlice(self, volumeNode, model: ModelDescription | None) -> int:
        return sliceCount(volumeNode, self._slicedAxis(volumeNode, model)) - 1
