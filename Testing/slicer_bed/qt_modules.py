"""`import qt` and `import ctk` as in Slicer: flat modules, with PythonQt's rules in force."""

import sys
import types

import slicer

from slicer_bed import pythonqt
from slicer_bed.pythonqt import QtCore

# PySide6's own tools for classes written in Python; PythonQt has none of these names.
NOT_IN_PYTHONQT = {"Signal", "Slot", "Property", "SignalInstance", "ClassInfo", "QEnum", "QFlag"}


def install() -> None:
    """Makes both importable. The QApplication must exist."""
    qt = types.ModuleType("qt", "Stands for Slicer's qt module: all Qt classes under one name.")
    for module in pythonqt.MODULES:
        for name in dir(module):
            if not name.startswith("_") and name not in NOT_IN_PYTHONQT:
                setattr(qt, name, getattr(module, name))
    sys.modules["qt"] = qt

    # Not at file scope: they are made of classes in which the rules must be in force already.
    from slicer_bed.substitutes import (
        ctk_widgets,
        layout_manager,
        module_widget,
        mrml_widgets,
        node_combo_box,
        plot_view,
    )
    from slicer_bed.ui_loader import UiLoader

    qt.QUiLoader = UiLoader
    sys.modules["ctk"] = types.ModuleType("ctk", "Stands for Slicer's ctk module.")
    for module, prefixes, target in (
        (ctk_widgets, "ctk", sys.modules["ctk"]),
        (mrml_widgets, ("qMRML", "qSlicer"), slicer),
        (node_combo_box, "qMRML", slicer),
        (module_widget, "qSlicer", slicer),
        (plot_view, "qMRML", slicer),
        (layout_manager, ("qMRML", "qSlicer"), slicer),
    ):
        for name in dir(module):
            if name.startswith(prefixes):
                setattr(target, name, getattr(module, name))


def installMessageHandler(messages: list[str]) -> None:
    """Qt's own warnings ("QObject::connect: No such slot ...") are appended to `messages` and printed."""

    def onMessage(kind, context, text) -> None:
        if text.startswith("This plugin does not support"):  # what a window without a screen cannot do
            return
        if kind not in (QtCore.QtMsgType.QtDebugMsg, QtCore.QtMsgType.QtInfoMsg):
            messages.append(text)
        print(text, file=sys.stderr)

    QtCore.qInstallMessageHandler(onMessage)
