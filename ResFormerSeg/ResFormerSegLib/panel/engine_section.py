"""Offers to install an inference engine: ONNX Runtime, PyTorch, or the one of them that is missing."""

from __future__ import annotations

from collections.abc import Callable

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.onnx_runtime import engineExplanation, installOnnx, isEngineInstalled, isOnnxInstalled
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
            (ui.otherEngineButton, self.installOther),
        )
        for button, action in self._buttons:
            button.connect("clicked()", action)

    def update(self) -> None:
        hasTorch, hasOnnx = isTorchInstalled(), isOnnxInstalled()
        self._ui.engineFrame.visible = not isEngineInstalled()
        if not isEngineInstalled():
            self._ui.engineLabel.text = engineExplanation()
        button = self._ui.otherEngineButton
        button.visible = hasTorch != hasOnnx
        if hasOnnx:
            button.text = _("Install PyTorch…")
            button.toolTip = _("For computing on the GPU and for explanations; download of up to 3 GB")
        else:
            button.text = _("Install ONNX Runtime…")
            button.toolTip = _("For faster computing on the CPU; download of about 30 MB")

    def installTorch(self) -> None:
        def install() -> None:
            if not installTorch():
                self._message.showNotice(_("PyTorch was not installed. You can install it at any time."))

        self._install(install)

    def installOnnx(self) -> None:
        self._install(lambda: installOnnx(self._requirementsFile))

    def installOther(self) -> None:
        """Installs the engine that is missing beside the present one."""
        (self.installOnnx if isTorchInstalled() else self.installTorch)()

    def cleanup(self) -> None:
        for button, action in self._buttons:
            button.disconnect("clicked()", action)

    def _install(self, install: Callable[[], None]) -> None:
        self._message.clear()
        try:
            install()
        except ResFormerSegError as error:
            self._message.showError(error)
        lookAgain()
        self._onInstalled()
