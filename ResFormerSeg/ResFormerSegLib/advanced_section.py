"""The advanced choices that the parameter wrapper cannot bind by itself: slice axis and which slices."""

from __future__ import annotations

from collections.abc import Callable

from slicer.i18n import tr as _

from ResFormerSegLib.choice_boxes import ChoiceBox
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.model_descriptions import ModelDescription
from ResFormerSegLib.parameters import AREA_OF_THE_MODEL
from ResFormerSegLib.slice_choice import shownSlice, slicedAxis
from ResFormerSegLib.slice_positions import sliceCount


class AdvancedSection:
    """onChanged: called when the user has changed something here."""

    def __init__(self, ui, onChanged: Callable[[], None]) -> None:
        self._ui = ui
        self._onChanged = onChanged
        self._parameterNode = None
        self._updating = False
        self._axis = ChoiceBox(ui.sliceAxisSelector, lambda value: self._set("sliceAxis", value))
        self._axis.fill(
            [
                ("model", _("As the model says"), _("Most often the slices that the scanner took")),
                ("axial", _("Axial"), _("From below to above")),
                ("coronal", _("Coronal"), _("From the front to the back")),
                ("sagittal", _("Sagittal"), _("From side to side")),
            ]
        )
        self._slices = ChoiceBox(ui.slicesSelector, lambda value: self._set("sliceSelection", value))
        self._slices.fill(
            [
                ("all", _("All slices"), _("The whole volume")),
                ("range", _("A range"), _("The slices between the two below, both included")),
                ("current", _("Only the slice shown"), _("The slice that the slice view shows when Apply is pressed")),
            ]
        )
        ui.rangeWidget.connect("valuesChanged(double,double)", self._onRange)

    def setParameterNode(self, parameterNode) -> None:
        self._parameterNode = parameterNode

    def update(self, volumeNode, model: ModelDescription | None) -> None:
        """Shows the parameter node's choices; the range is that of the volume's slices along the axis chosen."""
        node = self._parameterNode
        if node is None:
            return
        self._axis.value = node.sliceAxis or "model"
        self._slices.value = node.sliceSelection
        isRange = node.sliceSelection == "range"
        self._ui.rangeWidget.enabled = self._ui.rangeLabel.enabled = isRange and volumeNode is not None
        if volumeNode is None:
            return
        last = sliceCount(volumeNode, self._cutAxis(volumeNode, model)) - 1
        self._updating = True
        try:
            self._ui.rangeWidget.setRange(0.0, float(last))
            chosen = (min(node.firstSlice, last), min(node.lastSlice, last)) if isRange else (0, last)
            self._ui.rangeWidget.setValues(float(chosen[0]), float(chosen[1]))
        finally:
            self._updating = False

    def isOneSliceOnly(self) -> bool:
        node = self._parameterNode
        return node.sliceSelection == "current" or (
            node.sliceSelection == "range" and node.firstSlice == node.lastSlice
        )

    def options(self, volumeNode, model: ModelDescription) -> dict:
        """What is asked of the engine beside volume, model and device; the names are those of `process`.

        Raises ResFormerSegError NO_SLICE_SHOWN.
        """
        node = self._parameterNode
        slices = None
        if node.sliceSelection == "range":
            last = sliceCount(volumeNode, self._cutAxis(volumeNode, model)) - 1
            slices = (min(node.firstSlice, last), min(node.lastSlice, last))
        elif node.sliceSelection == "current":
            index = shownSlice(volumeNode, self._cutAxis(volumeNode, model))
            if index is None:
                raise ResFormerSegError(
                    "NO_SLICE_SHOWN",
                    _("No slice view shows a slice of '{name}' that the model could look at.").format(
                        name=volumeNode.GetName()
                    ),
                    _("Show it in a slice view along the slices, or choose another slice axis under Advanced."),
                )
            slices = (index, index)
        return {
            "sliceAxis": node.sliceAxis or None,
            "slices": slices,
            "smoothingMm": float(node.smoothingMm),
            "minimumAreaMm2": float(node.minimumAreaMm2) if node.minimumAreaMm2 > AREA_OF_THE_MODEL else None,
            "probabilityMaps": bool(node.probabilityMaps),
        }

    def cleanup(self) -> None:
        self._axis.cleanup()
        self._slices.cleanup()
        self._ui.rangeWidget.disconnect("valuesChanged(double,double)", self._onRange)
        self._parameterNode = None

    def _cutAxis(self, volumeNode, model: ModelDescription | None) -> int:
        return slicedAxis(volumeNode, self._parameterNode.sliceAxis or (model.sliceAxis if model else "acquisition"))

    def _set(self, name: str, value: str) -> None:
        if self._parameterNode is None:
            return
        node = self._parameterNode
        if value == "range" and node.lastSlice == 0:  # never chosen so far: begin with all
            node.lastSlice = int(self._ui.rangeWidget.maximum)
        setattr(node, name, "" if value == "model" else value)
        self._onChanged()

    def _onRange(self, first: float, last: float) -> None:
        if self._updating or self._parameterNode is None:
            return
        self._parameterNode.firstSlice, self._parameterNode.lastSlice = int(round(first)), int(round(last))
        self._onChanged()
