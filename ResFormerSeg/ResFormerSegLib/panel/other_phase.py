"""The row for the other phase of the heart: there only with a model that diagnoses a patient from both."""

from __future__ import annotations

from ResFormerSegLib.models.descriptions import ModelDescription


class OtherPhaseRow:
    """The choice is kept when another model hides the row; it counts only while the row is there."""

    def __init__(self, ui) -> None:
        self._widgets = (ui.otherPhaseLabel, ui.otherPhaseSelector)
        self._parameterNode = None
        self._isShown = False

    def setParameterNode(self, parameterNode) -> None:
        self._parameterNode = parameterNode

    def update(self, model: ModelDescription | None) -> None:
        self._isShown = model is not None and model.diagnosesPatients
        for widget in self._widgets:
            widget.visible = self._isShown

    def volume(self):
        """The other volume for the next run; None for a run on the input alone."""
        return self._parameterNode.otherVolume if self._isShown and self._parameterNode is not None else None

    def cleanup(self) -> None:
        self._parameterNode = None
