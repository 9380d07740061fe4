"""Which widget can show which type of choice, and how. Another pair raises RuntimeError, as in the application."""

import enum
import pathlib

import ctk
import qt
import slicer
from slicer.parameterNodeWrapper.validators import Choice, Maximum, Minimum, WithinRange


class Decimals:
    def __init__(self, value: int) -> None:
        self.value = value


class SingleStep:
    def __init__(self, value: float) -> None:
        self.value = value


class Connector:
    """A widget's property and the signal that tells of its changes."""

    def __init__(self, widget, propertyName: str, signalName: str) -> None:
        self.widget = widget
        self._property, self._signal = propertyName, signalName
        self._callback = None

    def onChanged(self, callback) -> None:
        self._callback = callback
        signal = getattr(self.widget, self._signal)
        if callback is None:
            signal.disconnect(self.changed)
        else:
            signal.connect(self.changed)

    def changed(self) -> None:
        if self._callback:
            self._callback()

    def read(self):
        return getattr(self.widget, self._property)

    def write(self, value) -> None:
        setattr(self.widget, self._property, value)


class ListConnector(Connector):
    """A combo box for a fixed list of values; it gets their labels as its items."""

    def __init__(self, widget, values: list, labels: list[str]) -> None:
        super().__init__(widget, "currentIndex", "currentIndexChanged")
        self._values = values
        widget.clear()
        for label in labels:
            widget.addItem(label)

    def read(self):
        return self._values[super().read()]

    def write(self, value) -> None:
        super().write(self._values.index(value))


class PathConnector(Connector):
    def __init__(self, widget, kind: type) -> None:
        super().__init__(widget, "currentPath", "currentPathChanged")
        self._kind = kind

    def read(self):
        return self._kind(super().read())

    def write(self, value) -> None:
        super().write(str(value))


class NodeConnector(Connector):
    def __init__(self, widget, kind: type) -> None:
        super().__init__(widget, "", "currentNodeChanged")
        # As in the application: fails for an abstract class, of which no node can be made.
        widget.nodeTypes = [kind().GetClassName()]

    def read(self):
        return self.widget.currentNode()

    def write(self, value) -> None:
        self.widget.setCurrentNode(value)


def createConnector(widget, parameter) -> Connector:
    kind, widgetKind = parameter.kind, type(widget)
    if kind is bool and widgetKind in (qt.QCheckBox, qt.QPushButton):
        if widgetKind is qt.QPushButton:
            widget.checkable = True
            return Connector(widget, "checked", "toggled")
        return Connector(widget, "checked", "stateChanged")
    if kind is int and widgetKind in (qt.QSlider, qt.QSpinBox) or kind is float and widgetKind in _FLOAT_WIDGETS:
        _setLimits(widget, parameter.extras)
        return Connector(widget, "value", "valueChanged")
    if widgetKind is qt.QComboBox and kind in (int, float, str, bool):
        choice = _find(parameter.extras, Choice)
        if choice is None:
            raise RuntimeError("ComboBoxToStringableConnector requires the Choice annotation to be used.")
        return ListConnector(widget, list(choice.choices), [str(value) for value in choice.choices])
    if widgetKind is qt.QComboBox and isinstance(kind, type) and issubclass(kind, enum.Enum):
        label = getattr(kind, "label", lambda value: value.name)
        return ListConnector(widget, list(kind), [label(value) for value in kind])
    if widgetKind is qt.QLineEdit and kind is str:
        return Connector(widget, "text", "textChanged")
    if widgetKind is ctk.ctkPathLineEdit and isinstance(kind, type) and issubclass(kind, pathlib.PurePath):
        return PathConnector(widget, kind)
    if widgetKind is slicer.qMRMLNodeComboBox and isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        return NodeConnector(widget, kind)
    raise RuntimeError(f"Unable to create GUI connector from datatype '{kind}' to widget type '{widgetKind}'")


_FLOAT_WIDGETS = (qt.QDoubleSpinBox, ctk.ctkSliderWidget)


def _find(extras: list, kind: type):
    return next((extra for extra in extras if isinstance(extra, kind)), None)


def _setLimits(widget, extras: list) -> None:
    for kind, name in ((Decimals, "decimals"), (SingleStep, "singleStep")):
        extra = _find(extras, kind)
        if extra is not None:
            setattr(widget, name, extra.value)
    within = _find(extras, WithinRange)
    low, high = _find(extras, Minimum), _find(extras, Maximum)
    minimum = within.minimum if within else low.minimum if low else None
    maximum = within.maximum if within else high.maximum if high else None
    if (minimum is None or maximum is None) and type(widget) in (qt.QSlider, ctk.ctkSliderWidget):
        raise RuntimeError("Cannot have a connection to a slider where the type is unbounded.")
    whole = type(widget) in (qt.QSlider, qt.QSpinBox)
    widget.minimum = minimum if minimum is not None else -(2**31) if whole else float("-inf")
    widget.maximum = maximum if maximum is not None else 2**31 - 1 if whole else float("inf")
