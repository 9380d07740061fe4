"""Stand-ins for `slicer.app` and the entries of `slicer.modules`: the part that Qt-free code calls."""

import slicer

from slicer_bed.files import CoreIOManager


class Module:
    """Stands for qSlicerAbstractCoreModule: a name, a title, a path and a logic. There is no widget."""

    def __init__(self, name: str, logic=None, path: str = "") -> None:
        self.name = self.title = name
        self.path = path
        self._logic = logic

    def logic(self):
        return self._logic

    def widgetRepresentation(self):
        return None


class ModuleManager:
    """Stands for qSlicerModuleManager."""

    def __init__(self) -> None:
        self._modules: dict[str, Module] = {}

    def add(self, module: Module) -> None:
        self._modules[module.name.lower()] = module

    def module(self, name: str) -> Module | None:
        return self._modules.get(name.lower())

    def modulesNames(self) -> list[str]:
        return [module.name for module in self._modules.values()]


class Application:
    """Stands for qSlicerApplication.

    There is no event loop: `onProcessEvents` lets a test act as the user would meanwhile.
    """

    applicationName = "Slicer"
    majorVersion, minorVersion = 5, 12

    def __init__(self, bed) -> None:
        self._applicationLogic = bed.applicationLogic
        self._ioManager = CoreIOManager(bed)
        self._moduleManager = ModuleManager()
        self.temporaryPath = bed.temporaryPath
        self.onProcessEvents = lambda: None

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

    def layoutManager(self) -> None:
        """As in the application without its main window."""
        return None

    def testingEnabled(self) -> bool:
        return True

    def processEvents(self) -> None:
        self.onProcessEvents()

    def pauseRender(self) -> None:
        """No view renders by itself here."""

    def resumeRender(self) -> None:
        """No view renders by itself here."""
