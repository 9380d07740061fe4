"""The choice of the device: automatic and CPU at once, GPUs by name once the engine has listed them."""

from __future__ import annotations

import logging
from collections.abc import Callable

from slicer.i18n import tr as _

from ResFormerSegLib.panel.choice_boxes import ChoiceBox


class DeviceSection:
    """onChanged: called when the user has chosen another device."""

    def __init__(self, ui, logic, onChanged: Callable[[], None]) -> None:
        self._ui = ui
        self._logic = logic
        self._onChanged = onChanged
        self._parameterNode = None
        self._job = None
        self._asked = False
        self._box = ChoiceBox(ui.deviceSelector, self._onChosen)
        self._choices = [
            ("auto", _("Automatic"), _("The GPU if one is usable, else the CPU")),
            ("cpu", _("CPU"), _("Slower than a GPU, available on every computer")),
        ]
        self._box.fill(self._choices)

    def setParameterNode(self, parameterNode) -> None:
        self._parameterNode = parameterNode
        self.update()

    def update(self) -> None:
        if self._parameterNode is None:
            return
        device = self._parameterNode.device
        if device not in self._box.values:  # from a scene of another computer, or not listed yet
            self._box.fill([*self._choices, (device, device, _("Not found on this computer"))])
        self._box.value = device

    @property
    def device(self) -> str:
        return self._parameterNode.device or "auto"

    def askAgain(self) -> None:
        """Asks again: after an installation more devices may be usable."""
        self._asked = self._job is not None
        self.askEngine()

    def askEngine(self) -> None:
        """Asks the engine for its devices, once a session; they are added to the list when it has replied."""
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

    def _onDevices(self, found: dict) -> None:
        self._job = None
        unusable = []
        self._choices = self._choices[:2]
        for device in found["devices"]:
            if device["id"] in ("cpu", "auto"):
                continue
            if device["usable"]:
                title = f"{device['name']} ({device['id']})"
                self._choices.append((device["id"], title, _("Computes on this GPU")))
            else:
                unusable.append(
                    _("GPU found but not usable: {name}. {reason}").format(
                        name=device["name"], reason=device["reason"] or _("No reason was given.")
                    )
                )
        self._box.fill(self._choices)
        self._ui.deviceNoteLabel.text = "\n".join(unusable)
        self._ui.deviceNoteLabel.visible = bool(unusable)
        self.update()

    def _onFailed(self, error: Exception) -> None:
        """Only logged: the choice between automatic and CPU remains."""
        self._job = None
        logging.info("The devices could not be listed: %s", error)
