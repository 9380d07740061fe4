"""Offers to install an inference engine: at the top while there is none, else the one that is missing where it is used.

ONNX Runtime is offered beside the device, PyTorch where diagnoses are explained.
"""

from __future__ import annotations

from collections.abc import Callable

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.onnx_runtime import (
    engineExplanation,
    installOnnx,
    isEngineInstalled,
    isOnnxInstalled,
    onnxMegabytes,
)
from ResFormerSegLib.install.pytorch import installTorch, isTorchInstalled, lookAgain
from ResFormerSegLib.panel.message_area import MessageArea


class EngineSection:
    """requirementsFile: of the engine's other packages. onInstalled: called after each attempt, also a failed one."""

    def __init__(self, ui, requirementsFile: str, message: MessageArea, onInstalled: Callable[[], None]) -> None:
        self._ui = ui
        self._requirementsFile = requirementsFile
        self._message = message
        self._onInstalled = onInstalled
        self._buttons = (
            (ui.installOnnxButton, self.installOnnx),
            (ui.installTorchButton, self.installTorch),
            (ui.otherEngineButton, self.installOnnx),
            (ui.explainInstallButton, self.installTorch),
        )
        for button, action in self._buttons:
            button.connect("clicked()", action)

    def update(self) -> None:
        ui, hasTorch, hasOnnx = self._ui, isTorchInstalled(), isOnnxInstalled()
        ui.engineFrame.visible = not isEngineInstalled()
        ui.otherEngineButton.visible = hasTorch and not hasOnnx
        ui.explainInstallButton.visible = hasOnnx and not hasTorch
        ui.explainInstallButton.toolTip = _("Explains a diagnosis, and computes on a GPU; up to 3 GB to download")
        if hasOnnx:
            return
        megabytes = onnxMegabytes()
        ui.installOnnxButton.text = _("Install ONNX Runtime ({size} MB)…").format(size=megabytes)
        ui.otherEngineButton.text = _("Install ONNX Runtime…")
        ui.otherEngineButton.toolTip = _("Computes faster on the CPU; about {size} MB to download").format(
            size=megabytes
        )
        if not hasTorch:
            ui.engineLabel.text = engineExplanation()

    def installTorch(self) -> None:
        self._install(installTorch, "PyTorch")

    def installOnnx(self) -> None:
        self._install(lambda: installOnnx(self._requirementsFile), "ONNX Runtime")

    def cleanup(self) -> None:
        for button, action in self._buttons:
            button.disconnect("clicked()", action)

    def _install(self, install: Callable[[], bool], name: str) -> None:
        """install: False when the user declined."""
        self._message.clear()
        try:
            if not install():
                self._message.showNotice(
                    _("{name} was not installed; nothing was changed. You can install it at any time.").format(
                        name=name
                    )
                )
        except ResFormerSegError as error:
            self._message.showError(error)
        lookAgain()
        self._onInstalled()
