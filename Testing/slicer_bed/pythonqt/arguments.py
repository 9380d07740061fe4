"""What PythonQt does not take as an argument: keyword arguments of constructors, numpy scalars, None for a text.

Nor the flags that a constructor would mistake for another enum.
"""

import functools
import re
from types import BuiltinMethodType

import numpy as np

# Methods that hand a value to a widget. Among them, those that take a text or a number and never None.
_TAKES_VALUES = re.compile(r"(set|add|insert|append)[A-Z]")
_NEVER_NONE = re.compile(
    r"(set|add|insert|append)(Text|PlainText|Html|ToolTip|Title|WindowTitle|Value|Format|Item|Range)$"
)


def install(classes: list[type]) -> None:
    for kind in classes:
        if kind.__flags__ & (1 << 9) and not hasattr(kind, "__members__"):  # heap types: their attributes can be set
            _refuseKeywords(kind)


def checkValue(where: str, value) -> None:
    """Raises ValueError for what PythonQt cannot convert (or would only by luck of the value's type)."""
    if isinstance(value, np.generic):
        raise ValueError(f"{where} does not take a numpy scalar ({type(value).__name__}): use int(), float() or str()")


def guarded(name: str, method):
    """The bound method, with its arguments checked if it is one that hands values to a widget."""
    if not isinstance(method, BuiltinMethodType) or not _takesValues(name):
        return method
    neverNone = _NEVER_NONE.match(name)

    @functools.wraps(method)
    def call(*args):
        for arg in args:
            checkValue(f"{name}()", arg)
            if arg is None and neverNone:
                raise ValueError(f"{name}() does not take None")
        return method(*args)

    return call


@functools.cache
def _takesValues(name: str) -> bool:
    return _TAKES_VALUES.match(name) is not None


def _refuseAmbiguous(kind: type, args: tuple) -> None:
    """Flags are no enum of PythonQt's: any constructor that takes an enum there fits them, and the last one is tried
    first. `QDialogButtonBox(Save | Cancel)` gets the number as its orientation and has no buttons.
    """
    if kind.__name__ == "QDialogButtonBox" and len(args) in (1, 2) and type(args[0]).__name__ == "StandardButton":
        raise ValueError("PythonQt takes the buttons for an orientation: call setStandardButtons")


def _refuseKeywords(kind: type) -> None:
    original = kind.__init__

    def init(self, *args, **keywords):
        if keywords:
            raise ValueError(f"PythonQt: {kind.__name__} does not take keyword arguments ({', '.join(keywords)})")
        _refuseAmbiguous(kind, args)
        original(self, *args)

    try:
        kind.__init__ = init
    except TypeError:  # a namespace or an immutable type: nothing to construct
        pass
