"""Boots a real MRML scene with its application logic and module logics, and Qt with PythonQt's rules.

Once per process: `boot()` returns the same bed again.
"""

import atexit
import gc
import shutil
import sys
import tempfile
import types
from pathlib import Path

import slicer
import slicer.util
import vtk

from slicer_bed import dialogs, pythonqt, qt_modules
from slicer_bed.application import Application, Module, QtApplication
from slicer_bed.lost_displays import LostDisplays
from slicer_bed.subject_hierarchy import SubjectHierarchySync

# (name in the application, class of its logic), in the order in which the application would set them up. Terminologies
# has none here: its static methods work without one, which would complain about terminology files that the wheel does
# not have.
MODULE_LOGICS = (
    ("Colors", "vtkSlicerColorLogic"),
    ("Units", "vtkSlicerUnitsLogic"),
    ("SubjectHierarchy", "vtkSlicerSubjectHierarchyModuleLogic"),
    ("Volumes", "vtkSlicerVolumesLogic"),
    ("Models", "vtkSlicerModelsLogic"),
    ("Segmentations", "vtkSlicerSegmentationsModuleLogic"),
    ("Tables", "vtkSlicerTablesLogic"),
    ("Plots", "vtkSlicerPlotsLogic"),
    ("Transforms", "vtkSlicerTransformLogic"),
    ("Cameras", "vtkSlicerCamerasModuleLogic"),
    ("Sequences", "vtkSlicerSequencesLogic"),
)


class Bed:
    """What was booted.

    `scene`, `applicationLogic`, `app` and `logics` (by module name) stay alive until `shutdown()`. `qtMessages` are
    Qt's own warnings so far.
    """

    def __init__(self) -> None:
        self.temporaryPath = tempfile.mkdtemp(prefix="slicer_bed_")
        self.qtMessages: list[str] = []
        self._setUpQt()
        self.scene = slicer.mrmlScene = slicer.vtkMRMLScene()
        self.scene.SetRootDirectory(self.temporaryPath)
        self.applicationLogic = slicer.vtkSlicerApplicationLogic()
        self.logics: dict[str, vtk.vtkObject] = {}
        self._setUpApplicationLogic()
        self._setUpRemoteIO()
        self.app = slicer.app = Application(self)
        self._setUpModules()
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)
        self.subjectHierarchySync = SubjectHierarchySync(self.scene)
        self.lostDisplays = LostDisplays(self.scene)

    def _setUpQt(self) -> None:
        pythonqt.install()
        qt_modules.installMessageHandler(self.qtMessages)
        settings = pythonqt.QtCore.QSettings
        settings.setDefaultFormat(settings.IniFormat)
        settings.setPath(settings.IniFormat, settings.UserScope, self.temporaryPath)
        self.qtApplication = QtApplication(["Slicer", "--testing"])
        self.qtApplication.setOrganizationName("slicer.org")
        self.qtApplication.setApplicationName("Slicer")
        qt_modules.install()
        dialogs.install()

    def _setUpApplicationLogic(self) -> None:
        logic = self.applicationLogic
        logic.SetTemporaryPath(self.temporaryPath)
        # The wheel has no share folder (colour tables, terminologies): an empty one keeps the logics from searching
        # the disk.
        share = Path(self.temporaryPath) / "share"
        share.mkdir()
        logic.SetHomeDirectory(str(share.parent))
        logic.SetShareDirectory(share.name)
        logic.SetSliceLogics(vtk.vtkCollection())
        logic.SetViewLogics(vtk.vtkCollection())
        crosshair = slicer.vtkMRMLCrosshairNode()
        crosshair.SetCrosshairName("default")
        self.scene.AddNode(crosshair)
        logic.SetMRMLScene(self.scene)

    def _setUpRemoteIO(self) -> None:
        """Storage nodes and scene bundles go through the remote IO logic, also for local files."""
        self.remoteIO = slicer.vtkMRMLRemoteIOLogic()
        self.remoteIO.GetCacheManager().SetRemoteCacheDirectory(self.temporaryPath)
        self.dataIO = slicer.vtkDataIOManagerLogic()
        self.dataIO.SetMRMLApplicationLogic(self.applicationLogic)
        self.dataIO.SetAndObserveDataIOManager(self.remoteIO.GetDataIOManager())
        self.applicationLogic.SetMRMLSceneDataIO(self.scene, self.remoteIO, self.dataIO)

    def _setUpModules(self) -> None:
        slicer.modules = sys.modules["slicer.modules"] = types.ModuleType("slicer.modules")
        slicer.moduleNames = sys.modules["slicer.moduleNames"] = types.ModuleType("slicer.moduleNames")
        for name, className in MODULE_LOGICS:
            logic = getattr(slicer, className)()
            logic.SetMRMLApplicationLogic(self.applicationLogic)
            self.applicationLogic.SetModuleLogic(name, logic)
            if name == "Colors":
                self.applicationLogic.SetColorLogic(logic)
            logic.SetMRMLScene(self.scene)
            self.logics[name] = logic
            self.app.addModule(Module(name, logic))
        self.app.addModule(Module("Terminologies"))

    def shutdown(self) -> None:
        """Takes everything down in the order that VTK's observers need: observers, scene, logics, application logic."""
        gc.collect()
        self.subjectHierarchySync.stop()
        self.lostDisplays.stop()
        vtk.vtkObject.GlobalWarningDisplayOff()  # the segmentations logic complains while it is detached
        self.scene.Clear(True)
        for logic in reversed(list(self.logics.values())):
            logic.SetMRMLScene(None)
        self.dataIO.SetMRMLScene(None)
        self.remoteIO.SetMRMLScene(None)
        self.applicationLogic.SetMRMLScene(None)
        self.logics.clear()
        for name in ("mrmlScene", "app", "modules", "moduleNames"):
            delattr(slicer, name)
        shutil.rmtree(self.temporaryPath, ignore_errors=True)


_bed: Bed | None = None


def boot() -> Bed:
    """Boots the scene, sets `slicer.mrmlScene`, `slicer.app`, `slicer.modules`; a second call returns the same bed."""
    global _bed
    if _bed is None:
        _addStandIns()
        # Warnings speak of what the wheel lacks (colour files, the sentinel of the cache folder); errors are shown.
        vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)
        _bed = Bed()
        atexit.register(_shutdown)
    return _bed


def _addStandIns() -> None:
    """Makes `slicer.ScriptedLoadableModule` and the like importable.

    After `import slicer`: its loader imports all it finds.
    """
    folder = str(Path(__file__).parent / "stand_ins")
    if folder not in slicer.__path__:
        slicer.__path__.append(folder)


def _shutdown() -> None:
    global _bed
    if _bed is not None:
        _bed.shutdown()
        _bed = None
