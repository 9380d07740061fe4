"""The choice of the device: automatic and CPU at once, the graphics cards by name once the engine has told them."""

from __future__ import annotations

import logging
from collections.abc import Callable

from slicer.i18n import tr as _

from ResFormerSegLib.install.onnx_runtime import isOnnxInstalled
from ResFormerSegLib.install.pytorch import isTorchInstalled
from ResFormerSegLib.panel.choice_boxes import ChoiceBox


class DeviceSection:
    def __init__(self, ui, logic, onChanged: Callable[[], None]) -> None:
        self._ui = ui
        self._logic = logic
        self._onChanged = onChanged
        self._parameterNode = None
        self._job = None
        self._asked = False
        self._box = ChoiceBox(ui.deviceSelector, self._onChosen)
        self._choices = [
            ("auto", _("Automatic"), _("The graphics card when there is one that works, else the processor")),
            ("cpu", _("CPU"), _("The processor: slower, works everywhere")),
        ]
        self._box.fill(self._choices)

    def setParameterNode(self, parameterNode) -> None:
        self._parameterNode = parameterNode
        self.update()

    def update(self) -> None:
        if self._parameterNode is None:
            return
        device = self._parameterNode.device
        if device not in self._box.values:  # from a scene of another computer, or not told yet
            self._box.fill([*self._choices, (device, device, _("Not found on this computer so far"))])
        self._box.value = device

    @property
    def device(self) -> str:
        return self._parameterNode.device or "auto"

    def offerOtherEngine(self) -> None:
        """Offers to install what runs the models too, where one of the two is there."""
        hasTorch, hasOnnx = isTorchInstalled(), isOnnxInstalled()
        button = self._ui.otherEngineButton
        button.visible = hasTorch != hasOnnx
        if hasOnnx:
            button.text = _("Install PyTorch…")
            button.toolTip = _("Runs the models on a graphics card and explains diagnoses; up to 3 GB to download")
        else:
            button.text = _("Install ONNX Runtime…")
            button.toolTip = _("Runs the models faster on the processor; about 30 MB to download")

    def askAgain(self) -> None:
        """Asks once more: with what was installed meanwhile, more of them may be usable."""
        self._asked = self._job is not None
        self.askEngine()

    def askEngine(self) -> None:
        """Asks the engine for the devices, once a session; the answer comes later."""
        if self._asked:
            return
        self._asked = True
        try:
            self._job = self._logic.devices(wait=False, onFinished=self._onDevices, onFailed=self._onFailed)
        except Exception as error:
            self._onFailed(error)

    def cleanup(self) -> None:
        if self._job is not None:
            self._job.cancel()
        self._job = None
        self._box.cleanup()
        self._parameterNode = None

    def _onChosen(self, device: str) -> None:
        if self._parameterNode is not None:
            self._parameterNode.device = device
            self._onChanged()

    def _onDevices(self, answer: dict) -> None:
        self._job = None
        unusable = []
        self._choices = self._choices[:2]
        for device in answer["devices"]:
            if device["id"] in ("cpu", "auto"):
                continue
            if device["usable"]:
                title = f"{device['name']} ({device['id']})"
                self._choices.append((device["id"], title, _("This graphics card")))
            else:
                unusable.append(
                    _("{name} was found but cannot be used: {reason}").format(
                        name=device["name"], reason=device["reason"] or _("no reason given")
                    )
                )
        self._box.fill(self._choices)
        self._ui.deviceNoteLabel.text = "\n".join(unusable)
        self._ui.deviceNoteLabel.visible = bool(unusable)
        self.update()

    def _onFailed(self, error: Exception) -> None:
        """Not a word in the panel: without the list the choice between automatic and CPU remains."""
        self._job = None
        logging.info("The engine did not tell its devices: %s", error)
