"""The decorator `parameterNodeWrapper`."""

import typing
import weakref

import qt
import slicer
import vtk
from slicer.parameterNodeWrapper.connectors import createConnector
from slicer.parameterNodeWrapper.types import typeOf
from slicer.parameterNodeWrapper.validators import Default, Validator


class _Parameter:
    """One choice: its type, limits and default."""

    def __init__(self, owner: type, name: str, annotation) -> None:
        kind, *extras = (
            typing.get_args(annotation) if typing.get_origin(annotation) is typing.Annotated else [annotation]
        )
        self.name, self.kind, self.extras = name, kind, extras
        self.type = typeOf(kind)
        self.validators = [extra for extra in extras if isinstance(extra, Validator)]
        default = next((extra.value for extra in extras if isinstance(extra, Default)), self.type.default)
        self.default = vars(owner).get(name, default)

    def write(self, node, value) -> None:
        self.type.check(value)
        for validator in self.validators:
            validator.validate(value)
        self.type.write(node, self.name, value)


class _CachedValue:
    """A value as it was last read from the node; kept up to date by the node's ModifiedEvent."""

    def __init__(self, parameter: _Parameter, node) -> None:
        self._parameter, self._node = parameter, node
        self._writing = False
        if not parameter.type.isIn(node, parameter.name):
            parameter.write(node, parameter.default)
        self.value = self._read()
        reference = weakref.ref(self)
        self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: reference()._onModified())

    def __del__(self) -> None:
        self._node.RemoveObserver(self._tag)

    def _read(self):
        if not self._parameter.type.isIn(self._node, self._parameter.name):
            self._parameter.write(self._node, self._parameter.default)
        return self._parameter.type.read(self._node, self._parameter.name)

    def _onModified(self) -> None:
        if not self._writing:
            self.value = self._read()

    def write(self, value) -> None:
        self._writing = True
        try:
            with slicer.util.NodeModify(self._node):
                self._parameter.write(self._node, value)
                self.value = self._read()
        finally:
            self._writing = False


class _Wrapper:
    """What a decorated class gets. Its own attributes are what the real one has, under the same names."""

    def __init__(self, parameterNode) -> None:
        self.parameterNode = parameterNode
        self._connectors: dict[int, dict] = {}
        self._updatingGui = False
        self._values = {name: _CachedValue(parameter, parameterNode) for name, parameter in self.allParameters.items()}

    def getValue(self, name: str):
        return self._values[self._known(name)].value

    def setValue(self, name: str, value) -> None:
        self._values[self._known(name)].write(value)

    def default(self, name: str) -> Default:
        return Default(self.allParameters[self._known(name)].default)

    def connectGui(self, gui) -> None:
        """gui: a widget, or an object with the widgets as attributes. Returns nothing, as in the application."""
        isWidget = getattr(gui, "isWidgetType", lambda: False)()
        widgets = gui.findChildren(qt.QWidget) if isWidget else vars(gui).values()
        named = {widget.property("SlicerParameterName"): widget for widget in widgets}
        self.connectParametersToGui({name: widget for name, widget in named.items() if name})

    def connectParametersToGui(self, mapping: dict) -> int:
        parameters = {name: self.allParameters[self._known(name)] for name in mapping}
        connectors = {name: createConnector(mapping[name], parameters[name]) for name in mapping}
        tag = max(self._connectors, default=-1) + 1
        self._connectors[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.onChanged(self._guiCallback(name, connector))
        self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._updateGui())
        return tag

    def disconnectGui(self, guiTag) -> None:
        for connector in self._connectors.pop(guiTag, {}).values():
            connector.onChanged(None)

    def _guiCallback(self, name: str, connector):
        def callback() -> None:
            with slicer.util.NodeModify(self):
                if not self._updatingGui:
                    self.setValue(name, connector.read())

        return callback

    def _updateGui(self) -> None:
        if self._updatingGui:
            return
        self._updatingGui = True
        try:
            with slicer.util.NodeModify(self):
                for connectors in self._connectors.values():
                    for name, connector in connectors.items():
                        connector.write(self.getValue(name))
        finally:
            self._updatingGui = False

    def _known(self, name: str) -> str:
        if name not in self.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}")
        return name

    def StartModify(self):
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified):
        return self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event, callback, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def parameterNodeWrapper(classtype=None):
    """Class decorator. Raises TypeError for a member of a type that cannot be kept in a parameter node."""
    if classtype is None:
        return parameterNodeWrapper
    parameters = {}
    for name, annotation in typing.get_type_hints(classtype, include_extras=True).items():
        parameters[name] = _Parameter(classtype, name, annotation)
        setattr(classtype, name, _property(name))
    for name, member in {**vars(_Wrapper), "allParameters": parameters, "_is_parameter_node_wrapper": True}.items():
        if name == "__init__" or not name.startswith("__"):
            if name != "__init__" and hasattr(classtype, name):
                raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
            setattr(classtype, name, member)
    return classtype


def _property(name: str) -> property:
    return property(lambda self: self.getValue(name), lambda self, value: self.setValue(name, value))


def isParameterNodeWrapper(classOrObj) -> bool:
    return getattr(classOrObj, "_is_parameter_node_wrapper", False)
