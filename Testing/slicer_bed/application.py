"""Stands for `slicer.app` and the entries of `slicer.modules`."""

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from slicer_bed.files import CoreIOManager


class Module:
    """Stands for qSlicerAbstractCoreModule: a name, a title, a path, a logic; a widget once one was opened."""

    def __init__(self, name: str, logic=None, path: str = "") -> None:
        self.name = self.title = name
        self.path = path
        self.representation = None
        self._logic = logic

    def logic(self):
        return self._logic

    def widgetRepresentation(self):
        return self.representation


class ModuleManager(QtCore.QObject):
    """Stands for qSlicerModuleManager."""

    moduleAboutToBeUnloaded = QtCore.Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._modules: dict[str, Module] = {}

    def add(self, module: Module) -> None:
        self._modules[module.name.lower()] = module

    def module(self, name: str) -> Module | None:
        return self._modules.get(name.lower())

    def modulesNames(self) -> list[str]:
        return [module.name for module in self._modules.values()]


class QtApplication(QtWidgets.QApplication):
    startupCompleted = QtCore.Signal()


class Application:
    """Stands for qSlicerApplication: of QApplication's members only those named here."""

    applicationName, applicationVersion = "Slicer", "5.12.4"
    majorVersion, minorVersion = 5, 12
    revision = "0"

    def __init__(self, bed) -> None:
        self._qt = bed.qtApplication
        self._applicationLogic = bed.applicationLogic
        self._ioManager = CoreIOManager(bed)
        self._moduleManager = ModuleManager()
        self._layoutManager = None
        self._testing = True
        self.temporaryPath = bed.temporaryPath
        self.onProcessEvents = lambda: None

    # Qt

    def connect(self, signal: str, *target) -> bool:
        return self._qt.connect(signal, *target)

    def disconnect(self, signal: str, *target) -> bool:
        return self._qt.disconnect(signal, *target)

    @property
    def aboutToQuit(self):
        return self._qt.aboutToQuit

    @property
    def startupCompleted(self):
        return self._qt.startupCompleted

    def processEvents(self, *flags) -> None:
        """`onProcessEvents` lets a test act as the user would meanwhile."""
        self.onProcessEvents()
        self._qt.processEvents(*flags)

    def settings(self):
        """Of this test run only: nothing is written to the user's folder."""
        return QtCore.QSettings()

    userSettings = revisionUserSettings = settings

    def palette(self):
        return self._qt.palette()

    def clipboard(self):
        return QtGui.QGuiApplication.clipboard()

    def setOverrideCursor(self, cursor) -> None:
        self._qt.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        self._qt.restoreOverrideCursor()

    def topLevelWidgets(self) -> list:
        return self._qt.topLevelWidgets()

    def style(self):
        return self._qt.style()

    # Slicer

    def addModule(self, module: Module) -> None:
        self._moduleManager.add(module)
        setattr(slicer.modules, module.name.lower(), module)
        setattr(slicer.moduleNames, module.name, module.name)

    def applicationLogic(self):
        return self._applicationLogic

    def coreIOManager(self) -> CoreIOManager:
        return self._ioManager

    ioManager = coreIOManager

    def moduleManager(self) -> ModuleManager:
        return self._moduleManager

    def layoutManager(self):
        """None as in the application without its main window, unless the bed shows views."""
        return self._layoutManager

    def mrmlScene(self):
        return slicer.mrmlScene

    def testingEnabled(self) -> bool:
        return self._testing

    def pauseRender(self) -> None:
        """No view renders by itself here."""

    def resumeRender(self) -> None:
        """No view renders by itself here."""
