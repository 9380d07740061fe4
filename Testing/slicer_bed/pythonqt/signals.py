"""Signals and slots as PythonQt has them.

`sender.connect('valueChanged(int)', f)` and `sender.valueChanged.connect(f)` both pass `f` only as many arguments as
it has. An exception in `f` does not reach the sender; it is kept in `slotErrors`, so that a test can fail on it.
"""

import inspect
import sys
import traceback

from PySide6 import QtCore

slotErrors: list[BaseException] = []
keptForEver: list = []  # what `QTimer.singleShot` was given


def normalized(signature) -> str:
    if isinstance(signature, bytes):
        signature = signature.decode()
    return bytes(QtCore.QMetaObject.normalizedSignature(signature.lstrip("0123456789")).data()).decode()


def adapted(function):
    """`function` as a slot: surplus arguments are dropped, exceptions kept and printed.

    As in PythonQt, a parameter with a default value takes an argument, too: `lambda x=1: ...` gets the signal's.
    """
    count = _argumentCount(function)

    def slot(*args):
        try:
            return function(*(args if count is None else args[:count]))
        except BaseException as error:
            slotErrors.append(error)
            traceback.print_exc(file=sys.stderr)

    return slot


def _argumentCount(function) -> int | None:
    """How many positional arguments a Python function takes; None for any number or any other callable."""
    bound = inspect.ismethod(function)
    code = getattr(function.__func__ if bound else function, "__code__", None)
    if code is None or code.co_flags & inspect.CO_VARARGS:
        return None
    return code.co_argcount - bound


class Signal:
    """What `button.clicked` is: it can be connected, disconnected, emitted and called."""

    def __init__(self, sender, name: str, instance, signature: str | None = None, convert=None) -> None:
        self._sender, self._instance, self._convert = sender, instance, convert
        self._key = signature or name

    def connect(self, function, *options) -> bool:
        if not callable(function) and not hasattr(function, "emit"):
            raise TypeError(f"{function!r} is not callable")
        if isinstance(function, Signal):
            function = function.emit
        slot = adapted(function)
        if self._convert:
            slot = _converted(slot, self._convert)
        self._instance.connect(slot, *options)
        _connectionsOf(self._sender).append((self._key, function, slot, self._instance))
        return True

    def disconnect(self, function=None) -> bool:
        connections = _connectionsOf(self._sender)
        found = [entry for entry in connections if entry[0] == self._key and (function is None or entry[1] == function)]
        for entry in found:
            entry[3].disconnect(entry[2])
            connections.remove(entry)
        return bool(found)

    def emit(self, *args) -> None:
        self._instance.emit(*args)

    __call__ = emit


def _converted(slot, convert):
    return lambda *args: slot(*(convert(arg) for arg in args))


def _connectionsOf(sender) -> list[tuple]:
    """They end with the object, even if something still refers to it from Python."""
    if "_pythonQtConnections" not in sender.__dict__:
        connections: list[tuple] = []
        sender.__dict__["_pythonQtConnections"] = connections
        _native(sender, "destroyed").connect(lambda: connections.clear())
    return sender.__dict__["_pythonQtConnections"]


def _native(obj, name: str):
    from slicer_bed.pythonqt.attributes import nativeGet

    return nativeGet(obj, name)


def signalOf(sender, signature) -> Signal:
    """The signal `signature`, like 'clicked(bool)', of a QObject.

    Raises AttributeError if there is none: PythonQt would only print it and return False.
    """
    signature = normalized(signature)
    name, _, types = signature.rstrip(")").partition("(")
    declared = getattr(type(sender), "realSignals", {})
    if signature in declared:
        instance = _native(sender, name)
        return Signal(sender, name, instance, signature, _toBool if types == "bool" and declared[signature] else None)
    if sender.metaObject().indexOfSignal(signature) < 0:
        raise AttributeError(f"QObject::connect(): {sender.metaObject().className()} has no signal '{signature}'")
    instance = _native(sender, name)
    if types:
        for key in (types, tuple(types.split(","))):
            try:
                instance = instance[key]
                break
            except (KeyError, IndexError, TypeError):
                continue
    return Signal(sender, name, instance, signature)


def _toBool(argument) -> bool:
    return argument is not None


def connect(self, signal, *target) -> bool:
    """`sender.connect('signal(types)', function)` or `sender.connect('signal(types)', receiver, 'slot(types)')`."""
    if isinstance(signal, QtCore.QObject):  # PySide6 itself, at work for `Signal.connect`
        return _native(self, "connect")(signal, *target)
    if len(target) == 2:
        receiver, slot = target
        return signalOf(self, signal).connect(getattr(receiver, slot.lstrip("0123456789").partition("(")[0]))
    return signalOf(self, signal).connect(*target)


def disconnect(self, signal, *target) -> bool:
    if isinstance(signal, QtCore.QObject):
        return _native(self, "disconnect")(signal, *target)
    if len(target) == 2:
        target = (getattr(target[0], target[1].lstrip("0123456789").partition("(")[0]),)
    return signalOf(self, signal).disconnect(*target)


def install() -> None:
    """`QTimer.singleShot(ms, f)`: the exceptions of `f` are kept, too, and `f` itself, as in the application."""
    original = QtCore.QTimer.singleShot

    def singleShot(milliseconds, *target):
        keptForEver.append(target[-1])
        original(int(milliseconds), adapted(target[-1]))

    QtCore.QTimer.singleShot = staticmethod(singleShot)
