"""What live mode is to run: the choices of the panel, and why it cannot be switched on with them."""

from __future__ import annotations

from slicer.i18n import tr as _

from ResFormerSegLib.install.onnx_runtime import isEngineInstalled
from ResFormerSegLib.panel.readiness import whyNotReady


class LiveChoices:
    """models, devices, advanced: the sections of the panel."""

    def __init__(self, models, devices, advanced) -> None:
        self._models, self._devices, self._advanced = models, devices, advanced
        self._parameterNode = None

    def setParameterNode(self, parameterNode) -> None:
        self._parameterNode = parameterNode

    def whyNot(self) -> str:
        """Empty when it can be switched on, also beside a run."""
        node = self._parameterNode
        if node is None:
            return _("The scene is being closed.")
        model, isMissing = self._models.model(), self._models.isMissing()
        return whyNotReady(
            node.inputVolume, model, isMissing, isEngineInstalled(), False, False, True, self._models.whyNone()
        )

    def get(self) -> dict | None:
        """Keyword arguments of the logic's `live`; None when there is nothing to run."""
        if self.whyNot():
            return None
        node = self._parameterNode
        given = {"volumeNode": node.inputVolume, "modelId": node.modelReference, "device": self._devices.device}
        return {**given, **self._advanced.liveOptions()}
