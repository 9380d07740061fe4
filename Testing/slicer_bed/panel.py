"""Opens a module's panel as the application does when the user selects the module, and takes a picture of it."""

import gc
from pathlib import Path

import slicer

from slicer_bed.module_panel import ModulePanel
from slicer_bed.pythonqt import QtCore, QtGui, QtWidgets
from slicer_bed.scripted_module import loadModule

PANEL_SIZE = (480, 900)
_windows: list[ModulePanel] = []

# The window, text and so on of Fusion's dark palette, which Slicer's dark style is.
DARK = {
    "Window": "#353535",
    "WindowText": "#ffffff",
    "Base": "#232323",
    "AlternateBase": "#353535",
    "ToolTipBase": "#191919",
    "ToolTipText": "#ffffff",
    "Text": "#ffffff",
    "Button": "#353535",
    "ButtonText": "#ffffff",
    "BrightText": "#ff0000",
    "Link": "#2a82da",
    "Highlight": "#2a82da",
    "HighlightedText": "#232323",
    "Mid": "#2a2a2a",
    "Light": "#4f4f4f",
    "Dark": "#191919",
}


def openWidget(moduleFile: str | Path):
    """Loads the module if need be, makes its panel, shows it and enters it; returns the Python widget.

    The widget the application gives it is `widget.parent`; `modulePanelOf(widget)` is the scroll area around it.
    Exceptions in `setup` and `enter` are raised.
    """
    moduleFile = Path(moduleFile).resolve()
    module = slicer.app.moduleManager().module(moduleFile.stem)
    if module is None or not module.path:
        loadModule(moduleFile)
        module = slicer.app.moduleManager().module(moduleFile.stem)
    panel = slicer.qSlicerScriptedLoadableModuleWidget(module)
    window = ModulePanel(panel)
    _windows.append(window)
    window.resize(*PANEL_SIZE)
    window.show()
    panel.enter()
    slicer.app.processEvents()
    return panel.self()


def modulePanelOf(widget) -> ModulePanel:
    """The scroll area that shows the panel."""
    return next(window for window in _windows if window.isAncestorOf(widget.parent))


def closeWidget(widget) -> None:
    """What the application does when it unloads the module: the user leaves, `cleanup` is called, all is deleted."""
    panel, window = widget.parent, modulePanelOf(widget)
    panel.exit()
    slicer.app.moduleManager().moduleAboutToBeUnloaded.emit(widget.moduleName)
    slicer.modules.__dict__.pop(f"{widget.moduleName}Widget", None)
    slicer.app.moduleManager().module(widget.moduleName).representation = None
    window.hide()
    window.deleteLater()
    _windows.remove(window)
    QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)
    slicer.app.processEvents()
    # Parameter wrappers take their observers along when they are collected. Should that happen while the scene calls
    # its observers, VTK ends the process.
    gc.collect()


def reloadWidget(widget):
    """The developer's reload button: the source is read again and the panel made anew; returns the new widget."""
    widget.onReload()
    return getattr(slicer.modules, f"{widget.moduleName}Widget")


def setDark(dark: bool) -> None:
    """The application's palette, light or dark; widgets that are shown get a PaletteChange event."""
    application = QtWidgets.QApplication.instance()
    palette = application.style().standardPalette()
    if dark:
        for role, color in DARK.items():
            palette.setColor(getattr(QtGui.QPalette, role), QtGui.QColor(color))
        for role in ("WindowText", "Text", "ButtonText"):
            palette.setColor(QtGui.QPalette.Disabled, getattr(QtGui.QPalette, role), QtGui.QColor("#7f7f7f"))
    application.setPalette(palette)
    slicer.app.processEvents()


def grabWidget(widget, path: str | Path, dark: bool = False) -> Path:
    """Writes a PNG of a widget (or of a module widget's panel) as it is shown, with a light or a dark palette."""
    application = QtWidgets.QApplication.instance()
    previous = application.palette()
    setDark(dark)
    try:
        target = widget if isinstance(widget, QtWidgets.QWidget) else widget.parent
        if not target.grab().save(str(path), "PNG"):
            raise OSError(f"{path} could not be written")
    finally:
        application.setPalette(previous)
    return Path(path)
