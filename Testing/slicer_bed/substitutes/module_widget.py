"""What the application puts a scripted module's panel into."""

import sys

import slicer
from PySide6 import QtCore, QtWidgets

from slicer_bed.substitutes.api import substitute
from slicer_bed.substitutes.mrml_widgets import qSlicerWidget


@substitute
class qSlicerAbstractModuleWidget(qSlicerWidget):
    _internals = ("_module", "_python", "_entered")
    isEntered = QtCore.Property(bool, lambda self: self._entered)


@substitute
class qSlicerScriptedLoadableModuleWidget(qSlicerAbstractModuleWidget):
    """Makes the class `<module>Widget` of the Python module, sets it up, and tells it when the user comes and goes."""

    def __init__(self, module) -> None:
        super().__init__()
        self._module, self._python, self._entered = module, None, False
        QtWidgets.QVBoxLayout(self)
        self.setObjectName(f"{module.name}ModuleWidget")
        module.representation = self
        self.reload()
        self.setMRMLScene(slicer.mrmlScene)

    def reload(self) -> None:
        """Without entering the new one: the application does not, either."""
        name = f"{self._module.name}Widget"
        self._python = getattr(sys.modules[self._module.name], name)(self)
        setattr(slicer.modules, name, self._python)
        self._python.setup()

    def self(self):
        return self._python

    def enter(self) -> None:
        self._entered = True
        if hasattr(self._python, "enter"):
            self._python.enter()

    def exit(self) -> None:
        self._entered = False
        if hasattr(self._python, "exit"):
            self._python.exit()
