"""Widgets that know the scene: qMRMLWidget and qSlicerWidget."""

from PySide6 import QtCore, QtWidgets

from slicer_bed.substitutes.api import substitute


class SceneHolder:
    """What all of them share; those that have the signal `mrmlSceneChanged` emit it."""

    def setMRMLScene(self, scene) -> None:
        if scene is not self.mrmlScene():
            self.__dict__["_scene"] = scene
            self._onScene(scene)
            if hasattr(type(self), "mrmlSceneChanged"):
                self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self):
        return self.__dict__.get("_scene")

    def _onScene(self, scene) -> None:
        """For the subclass."""


@substitute
class qMRMLWidget(SceneHolder, QtWidgets.QWidget):
    mrmlSceneChanged = QtCore.Signal(object)


@substitute
class qSlicerWidget(SceneHolder, QtWidgets.QWidget):
    mrmlSceneChanged = QtCore.Signal(object)
