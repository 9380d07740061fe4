"""qt.QUiLoader for .ui files with CTK's and Slicer's widgets in them.

Stricter than the real one, which ignores what it does not know: a property that the class lacks, a slot that does not
exist and a class without substitute raise RuntimeError.
"""

import xml.etree.ElementTree as ElementTree

import slicer
from PySide6 import QtCore, QtUiTools, QtWidgets

CUSTOM = ("ctk", "qMRML", "qSlicer")


class UiLoader(QtUiTools.QUiLoader):
    def load(self, device, parent=None):
        root = ElementTree.fromstring(bytes(device.readAll().data()))
        connections = _takeSceneConnections(root)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.ReadOnly)
        self._problem = None
        widget = super().load(buffer, parent)
        if self._problem or widget is None:
            raise RuntimeError(f"Could not load the .ui file: {self._problem or self.errorString()}")
        _checkProperties(root, widget)
        for sender, signal, receiver, slot in connections:
            target = getattr(_named(widget, receiver), slot.partition("(")[0], None)
            if target is None:
                raise RuntimeError(f".ui file: {receiver} has no slot {slot}")
            _named(widget, sender).connect(signal, target)
        return widget

    def createWidget(self, className, parent=None, name=""):
        if not className.startswith(CUSTOM):
            return super().createWidget(className, parent, name)
        import ctk

        kind = getattr(ctk if className.startswith("ctk") else slicer, className, None)
        if kind is None:
            self._problem = f"the test bed has no substitute for {className}"
            return None
        widget = kind(parent)
        widget.setObjectName(name)
        return widget


def _takeSceneConnections(root) -> list[tuple[str, ...]]:
    """Those of nodes and scenes, which Qt's own loader cannot make between Python classes."""
    taken = []
    for block in root.iter("connections"):
        for connection in list(block):
            parts = tuple(connection.findtext(key) for key in ("sender", "signal", "receiver", "slot"))
            if "vtkMRML" in parts[1] + parts[3]:
                block.remove(connection)
                taken.append(parts)
    return taken


def _checkProperties(root, topWidget) -> None:
    for element in root.iter("widget"):
        widget = _named(topWidget, element.get("name"))
        for entry in element.findall("property"):
            known = widget.metaObject().indexOfProperty(entry.get("name")) >= 0
            if not known and entry.get("stdset") != "0":
                raise RuntimeError(f".ui file: {element.get('class')} has no property {entry.get('name')}")


def _named(topWidget, name: str):
    found = topWidget if topWidget.objectName == name else topWidget.findChild(QtWidgets.QWidget, name)
    if found is None:
        raise RuntimeError(f".ui file: there is no widget {name}")
    return found
