"""Declares a substitute and holds it to the names of the real class."""

import json
from pathlib import Path

from PySide6 import QtCore

REAL_API = json.loads(Path(__file__).with_name("real_api.json").read_text(encoding="utf-8"))


def substitute(kind: type) -> type:
    """Class decorator. Raises RuntimeError where the class has a public name that the real one lacks."""
    real = REAL_API[kind.__name__]
    known = {*real["properties"], *real["methods"], *(signature.partition("(")[0] for signature in real["signals"])}
    known.update(real.get("enums", ()))
    for name in vars(kind):
        if not name.startswith("_") and name != "staticMetaObject" and name not in known:
            if not any(hasattr(base, name) for base in kind.__bases__):
                raise RuntimeError(f"The real {kind.__name__} has no '{name}'")
    kind.realSignals = _signals(kind, real["signals"])
    for name in real["methods"]:
        if not any(name in vars(base) for base in kind.__mro__):
            setattr(kind, name, _missingMethod(kind.__name__, name))
    return kind


def _signals(kind: type, signatures: list[str]) -> dict[str, bool]:
    """The signals that the substitute has: signature -> whether scripts may ask for it as one of a bool instead.

    A signal of a node comes in both forms: `currentNodeChanged(vtkMRMLNode*)` and `currentNodeChanged(bool)`.
    """
    inherited = {key: value for base in kind.__mro__[1:] for key, value in getattr(base, "realSignals", {}).items()}
    names = {signature.partition("(")[0] for signature in signatures if hasattr(kind, signature.partition("(")[0])}
    own = {
        signature: signature.endswith("(bool)") and signature.replace("(bool)", "(vtkMRMLNode*)") in signatures
        for signature in signatures
        if signature.partition("(")[0] in names
    }
    return {**inherited, **own}


def _missingMethod(kind: str, name: str):
    def missing(self, *args):
        raise NotImplementedError(f"The test bed's {kind} has no {name}() yet; the real one has")

    return missing


def stored(kind: type, name: str, default, changed=None) -> QtCore.Property:
    """A Qt property that keeps its value in the widget; `changed(widget, value)` is called when it gets another one.

    kind: the type of the value; list for a QStringList, which reads as a tuple, as in PythonQt.
    """

    def read(self):
        value = self.__dict__.get(f"_{name}", default)
        return tuple(value) if kind is list else value

    def write(self, value) -> None:
        if kind in (int, float) and isinstance(value, int | float) or kind is list and isinstance(value, list | tuple):
            value = kind(value)
        if not isinstance(value, kind):
            raise AttributeError(f"Property '{name}' does not accept an object of type {type(value).__name__}")
        if value != self.__dict__.get(f"_{name}", default):
            self.__dict__[f"_{name}"] = value
            if changed:
                changed(self, value)

    return QtCore.Property("QVariant" if kind in (list, object) else kind, read, write)
