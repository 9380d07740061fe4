"""Qt properties as Python attributes, and the attributes that PythonQt refuses."""

from weakref import WeakKeyDictionary

from PySide6 import QtCore
from shiboken6 import Shiboken

from slicer_bed.pythonqt import signals
from slicer_bed.pythonqt.arguments import checkValue, guarded

_nativeClasses: set[type] = set()
_nativeGetters: dict[type, object] = {}
_getters: WeakKeyDictionary = WeakKeyDictionary()  # of each class met so far, also of Python's own; a reload drops them


def install(classes: list[type]) -> None:
    """classes: all QObject classes, base classes first."""
    _nativeClasses.update(classes)
    _getters.clear()
    for kind in classes:
        _addProperties(kind)
    for kind in classes:
        _nativeGetters[kind] = kind.__getattribute__
    for kind in classes:
        kind.__getattribute__, kind.__getattr__, kind.__setattr__ = _getAttribute, _getMissing, _setAttribute


def nativeGet(obj, name: str):
    """The attribute as PySide6 has it."""
    kind = type(obj)
    getter = _getters.get(kind)
    if getter is None:  # a panel asks for an attribute some ten thousand times
        getter = _getters[kind] = next(_nativeGetters[base] for base in kind.__mro__ if base in _nativeGetters)
    return getter(obj, name)


class QtProperty(property):
    """On an object the value of the Qt property; on the class the method it hides (`QTimer.singleShot` is both)."""

    hidden = None

    def __get__(self, obj, kind=None):
        return (self.hidden or self) if obj is None else super().__get__(obj, kind)


def _addProperties(kind: type) -> None:
    meta = kind.staticMetaObject
    for index in range(meta.propertyCount()):
        qtProperty = meta.property(index)
        # Own ones, and those whose getter the class overrides: `sizeHint` of each widget.
        if index >= meta.propertyOffset() or qtProperty.name() in vars(kind):
            setattr(kind, qtProperty.name(), _makeProperty(kind, qtProperty))


def _makeProperty(kind: type, qtProperty) -> QtProperty:
    name = qtProperty.name()
    capital = name[0].upper() + name[1:]
    candidates = [getattr(kind, prefix, None) for prefix in (name, f"is{capital}", f"has{capital}")]
    getter = next((c for c in candidates if callable(c) and not isinstance(c, QtCore.Signal | property)), None)
    setter = getattr(kind, f"set{capital}", None)

    def read(self):
        return getter(self) if getter else nativeGet(self, "property")(name)

    def write(self, value):
        checkValue(f"Property '{name}'", value)
        if value is not None and setter is not None:
            try:
                setter(self, value)
                return
            except TypeError:
                pass
        number = isinstance(value, int | float) and isinstance(read(self), int | float)
        if not (number or setter is None and value is not None) or not nativeGet(self, "setProperty")(name, value):
            raise AttributeError(f"Property '{name}' does not accept an object of type {type(value).__name__}")

    made = QtProperty(read, write if qtProperty.isWritable() else None)
    hidden = getattr(kind, name, None)
    made.hidden = None if isinstance(hidden, property) else hidden
    return made


def _getAttribute(self, name: str):
    if name == "connect":
        return lambda *args: signals.connect(self, *args)
    if name == "disconnect":
        return lambda *args: signals.disconnect(self, *args)
    value = nativeGet(self, "exec" if name == "exec_" else name)
    if isinstance(value, QtCore.SignalInstance):
        return signals.Signal(self, name, value)
    return guarded(name, value)


def _getMissing(self, name: str):
    """What PySide6 has not under this name: dynamic properties, children by their object name, `name`."""
    if name.startswith("__"):
        raise AttributeError(name)
    if not Shiboken.isValid(self):
        raise ValueError(f"Trying to read attribute '{name}' of a destroyed {type(self).__name__} object")
    if name == "name":
        return self.objectName
    if name in _dynamicProperties(self):
        return nativeGet(self, "property")(name)
    if name == "delete":
        return lambda: Shiboken.delete(self)
    if name == "className":
        return lambda: self.metaObject().className()
    for child in nativeGet(self, "children")():
        if child.objectName == name:
            return child
    raise AttributeError(f"{self.metaObject().className()} has no attribute named '{name}'")


def _dynamicProperties(obj) -> list[str]:
    return [bytes(name.data()).decode() for name in nativeGet(obj, "dynamicPropertyNames")()]


def _setAttribute(self, name: str, value) -> None:
    if isinstance(value, QtCore.SignalInstance):  # PySide6 keeps its signals this way
        self.__dict__[name] = value
        return None
    kind = type(self)
    owner = next((base for base in kind.__mro__ if name in vars(base)), None)
    if owner is not None:
        found = vars(owner)[name]
        if isinstance(found, property | QtCore.Property):
            if found.fset is None:
                raise AttributeError(f"Property '{name}' of {kind.__name__} object is not writable")
            checkValue(f"Property '{name}'", value)
            return found.fset(self, value)
        if isNative(owner):
            raise AttributeError(f"Slot '{name}' can not be overwritten on {kind.__name__} object")
    if name == "name":
        self.setObjectName(value)
    elif name in _dynamicProperties(self):
        nativeGet(self, "setProperty")(name, value)
    elif isNative(kind) and not any(name in vars(base).get("_internals", ()) for base in kind.__mro__):
        raise AttributeError(f"'{name}' does not exist on {kind.__name__}, and C++ objects take no new attributes")
    else:
        self.__dict__[name] = value


def isNative(kind: type) -> bool:
    """Whether it stands for a C++ class: Qt's own and the substitutes of CTK's and Slicer's."""
    return kind in _nativeClasses or "realSignals" in vars(kind)
