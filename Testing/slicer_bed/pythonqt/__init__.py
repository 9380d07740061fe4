"""PySide6 that behaves as PythonQt does, the binding through which scripts see Qt inside Slicer.

What PySide6 allows and PythonQt refuses is refused here, too: code that runs on this must run in the application.

| file | rule of PythonQt |
|---|---|
| `attributes.py` | properties are attributes that hide their getters; C++ objects take no new attributes |
| `signals.py` | `connect('clicked(bool)', f)`; surplus arguments are dropped; exceptions in slots are not raised; \
`QTimer.singleShot` never lets its function go |
| `arguments.py` | no keyword arguments in constructors; no numpy scalars, no None where a text or number belongs |
| `enums.py` | enums are numbers: they have no `.name` |

Where it stays more lenient, `Testing/test_lints.py` looks at the source instead.
"""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYSIDE6_OPTION_PYTHON_ENUM", "0x7")  # enums that are numbers, with the short names of Qt 5

from PySide6 import QtCore, QtGui, QtNetwork, QtSvg, QtUiTools, QtWidgets, QtXml  # noqa: E402

from slicer_bed.pythonqt import arguments, attributes, enums, signals  # noqa: E402

MODULES = (QtCore, QtGui, QtWidgets, QtUiTools, QtNetwork, QtSvg, QtXml)

_installed = False


def install() -> None:
    """Puts the rules in force in this process, once."""
    global _installed
    if _installed:
        return
    _installed = True
    members = [getattr(module, name) for module in MODULES for name in dir(module) if not name.startswith("_")]
    classes = sorted({member for member in members if isinstance(member, type)}, key=lambda kind: len(kind.__mro__))
    objectClasses = [kind for kind in classes if issubclass(kind, QtCore.QObject)]
    enums.install(classes)
    signals.install()
    attributes.install(objectClasses)
    arguments.install(classes)
