"""ResFormerSeg, a module of 3D Slicer: segments and diagnoses a medical image with a ResFormer-UNet.

From the Python console:

    >>> result = ResFormerSeg.ResFormerSegLogic().process(getNode("Brain"), modelId="brain-tumor-mr")
    >>> result.diagnosis, result.probability, result.segmentationNode
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from ResFormerSegLib.cases.logic import CasesLogic
from ResFormerSegLib.engine.keeper import EngineKeeper, LastRun, sharedKeeper
from ResFormerSegLib.engine.process import EngineProcess
from ResFormerSegLib.engine.temporary_folder import removeLeftovers
from ResFormerSegLib.event_loop import callLater, onApplicationThread
from ResFormerSegLib.learning.logic import LearningLogic
from ResFormerSegLib.live.logic import LiveLogic
from ResFormerSegLib.panel.panel import Panel
from ResFormerSegLib.panel.parameters import ResFormerSegParameterNode, replaceNode, wrapperOf
from ResFormerSegLib.runs.cine import CineTask
from ResFormerSegLib.runs.comparison import ComparisonTask
from ResFormerSegLib.runs.devices import DevicesTask
from ResFormerSegLib.runs.explanation import ExplanationResult, ExplanationTask, explanationOptions
from ResFormerSegLib.runs.job import Job
from ResFormerSegLib.runs.model_ranking import RankingTask
from ResFormerSegLib.runs.patient import PatientTask
from ResFormerSegLib.runs.prediction import PredictionTask, predictionOptions
from ResFormerSegLib.runs.report import ReportTask
from ResFormerSegLib.runs.results import PatientResult, ProcessingResult
from ResFormerSegLib.runs.run_task import runTask
from ResFormerSegLib.runs.sequence_prediction import SequenceTask
from ResFormerSegLib.runs.sequence_results import SequenceResult
from ResFormerSegLib.sample_data import registerSampleData
from ResFormerSegLib.self_test import ResFormerSegTest  # noqa: F401, the application expects it here

HOMEPAGE = "https://github.com/ResFormerSeg/SlicerResFormerSeg"

# Without these modules a run could not put its result into the scene, or nobody would see it. The application does not
# load this module when one of them is switched off, instead of failing once a run is over.
DEPENDENCIES = (
    "Colors", "Plots", "Segmentations", "Sequences", "SubjectHierarchy", "Tables", "Terminologies", "Volumes",
)  # fmt: skip


class ResFormerSeg(ScriptedLoadableModule):
    """The module's description in the application."""

    def __init__(self, parent) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("ResFormerSeg")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = list(DEPENDENCIES)
        self.parent.contributors = ["The ResFormerSeg contributors"]
        self.parent.helpText = _(
            "Segments lesions or organs in 2D images and volumes, and gives the most probable diagnosis, with "
            "calibrated probabilities for each slice.<br><br>"
            "Select a volume and a model, then press Apply. "
            'See the <a href="{tutorial}">tutorial</a> and the <a href="{homepage}">documentation</a>.<br><br>'
            "<b>Not a medical device.</b> For research and teaching; not for clinical use without expert review."
        ).format(tutorial=f"{HOMEPAGE}/blob/main/docs/tutorial.md", homepage=HOMEPAGE)
        self.parent.acknowledgementText = _(
            'The network follows Bui, Le, Bum and Choo: <a href="{paper}">Multi-scale Feature Enhancement in '
            "Multi-task Learning for Medical Image Analysis</a>, arXiv:2412.00351, 2024; details not given there were "
            "chosen by this project. The details of each model list its public training data and its licence."
        ).format(paper="https://arxiv.org/abs/2412.00351")
        slicer.app.connect("startupCompleted()", registerSampleData)
        slicer.app.connect("startupCompleted()", removeLeftovers)


class ResFormerSegWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Connects the panel to the application: widgets, parameter node, loading and closing of scenes."""

    logic = panel = _parameterNode = _wrapper = _guiTag = None  # here, since `setup` may run within `__init__`

    def __init__(self, parent=None) -> None:
        VTKObservationMixin.__init__(self)
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self) -> None:
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/ResFormerSeg.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = ResFormerSegLogic()
        self.panel = Panel(self.ui, self.logic, self.resourcePath("requirements.txt"))
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.StartImportEvent, self.onSceneStartImport)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        if self.panel is None:  # a script has cleaned up before the application does
            return
        self.removeObservers()
        try:
            self.setParameterNode(None)
            self._disconnect()
            self.panel.cleanup()
        finally:  # no worker may stay behind, even if a widget fails
            self._wrapper = self.panel = None
            self.logic.cleanup()

    def onReload(self) -> None:
        """The developer's *Reload* button: also reads the library and the engine anew. The worker is stopped before.

        The application only hides the old widgets, which would keep all of the old panel alive.
        """
        widgets = [self.layout.itemAt(index).widget() for index in range(self.layout.count())]
        parameterNode = self.logic.getParameterNode()
        self.cleanup()
        replaceNode(parameterNode)
        for name in list(sys.modules):
            if name.partition(".")[0] in ("ResFormerSegLib", "resformer_unet"):
                del sys.modules[name]
        importlib.invalidate_caches()
        ScriptedLoadableModuleWidget.onReload(self)
        for widget in filter(None, widgets):
            widget.deleteLater()

    def enter(self) -> None:
        if self.panel is not None:
            self.initializeParameterNode()
            self.panel.enter()

    def exit(self) -> None:
        if self.panel is not None:
            self.panel.exit()

    def onSceneStartClose(self, caller=None, event=None) -> None:
        """A run in progress is abandoned: its volume is about to be removed."""
        self.panel.abandonRun()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller=None, event=None) -> None:
        self.initializeParameterNode()

    def onSceneStartImport(self, caller=None, event=None) -> None:
        """The node selectors rebuild their lists and lose their selection, which is not the user's choice."""
        self._disconnect()

    def onSceneEndImport(self, caller=None, event=None) -> None:
        """A loaded scene restores its choices and its result, once the node selectors know its nodes."""
        self.setParameterNode(None)
        callLater(self._showImported)

    def _showImported(self) -> None:
        if self._wrapper is not None:
            self._wrapper.Modified()  # it cached references from before their nodes were loaded
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        self.setParameterNode(self._connect(self.logic.getParameterNode()))

    def setParameterNode(self, parameterNode) -> None:
        if parameterNode is not self._parameterNode and self.panel is not None:
            self._parameterNode = parameterNode
            self.panel.setParameterNode(parameterNode)

    def _connect(self, node) -> ResFormerSegParameterNode:
        """The node's wrapper, connected to the widgets."""
        wrapper = wrapperOf(node)
        if self._wrapper is not wrapper or self._guiTag is None:
            self._disconnect()
            named = {widget.property("SlicerParameterName"): widget for widget in vars(self.ui).values()}
            mapping = {name: widget for name, widget in named.items() if name}
            # Not connectGui: some versions of Slicer return no tag from it, which disconnecting needs.
            self._wrapper, self._guiTag = wrapper, wrapper.connectParametersToGui(mapping)
        return wrapper

    def _disconnect(self) -> None:
        if self._guiTag is not None:
            self._wrapper.disconnectGui(self._guiTag)
            self._guiTag = None


class ResFormerSegLogic(ScriptedLoadableModuleLogic, LearningLogic, CasesLogic, LiveLogic):
    """Runs the engine on nodes of the scene, in a process of its own that is kept for the next run.

    With `wait=True`, the default, a method returns the result; the application stays responsive meanwhile, and
    ResFormerSegError is raised on any failure and on cancel (code "CANCELLED"). With `wait=False` it returns the
    running `Job` at once: see there for `onFinished`, `onFailed`, `onProgress`, which may be given here too, and
    `cancel`. Invalid arguments raise ResFormerSegError either way. After a failure the scene is exactly as before.
    While a run is in progress, another is refused (code "ENGINE_BUSY"), and so is, within a function that a run calls,
    a call that waits. All of it belongs to the application's thread: on another one of Python's, a call raises
    ResFormerSegError (code "WRONG_THREAD") at once.

    progress: called with the fraction done, 0 to 1, and a sentence. isCancelled: polled while waiting; True stops the
    run. makeEngine: makes a worker process for this logic alone; tests put their own here.
    """

    def __init__(self, parent=None, makeEngine: Callable[[], EngineProcess] | None = None) -> None:
        ScriptedLoadableModuleLogic.__init__(self, parent)
        self._keeper = EngineKeeper(makeEngine) if makeEngine is not None else sharedKeeper()

    @property
    def isBusy(self) -> bool:
        """Whether a run is in progress."""
        return self._keeper.isBusy()

    def watch(self, listener: Callable[[], None]) -> None:
        """`listener` is called whenever `isBusy` may have changed, until `unwatch`."""
        self._keeper.listeners.append(listener)

    def unwatch(self, listener: Callable[[], None]) -> None:
        self._keeper.listeners.remove(listener)

    @onApplicationThread
    def renewEngine(self) -> None:
        """Stops an idle worker: the next one finds packages installed meanwhile."""
        self._keeper.renew()

    @property
    def lastRun(self) -> LastRun:
        """Settings, error and log of the last run, for bug reports."""
        return self._keeper.lastRun

    @onApplicationThread
    def cleanup(self) -> None:
        """Stops a run in progress and the worker, and returns when both have ended; a later run starts a new worker."""
        self.stopLive(wait=True)
        self._keeper.stopNow()

    @onApplicationThread
    def process(
        self,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        modelId: str | os.PathLike = "brain-tumor-mr",
        device: str = "auto",
        *,
        sliceAxis: str | None = None,
        slices: tuple[int, int] | None = None,
        minimumAreaMm2: float | None = None,
        smoothingMm: float = 0.0,
        probabilityMaps: bool = False,
        outputSegmentation: slicer.vtkMRMLSegmentationNode | None = None,
        **waiting,
    ) -> ProcessingResult | Job:
        """Segments and diagnoses a volume; the volume is never changed.

        volumeNode: scalar, colour (vector) or label map volume, of one slice or many, in any orientation and under
        any linear transform. modelId: id of a bundled model, or the folder of one's own. device: "auto", "cpu",
        "cuda", "cuda:1" or "mps". sliceAxis: "axial", "coronal", "sagittal", or None for the model's default. slices:
        the first and the last slice to run, both included, counted from 0 along the slice axis; None runs all.
        minimumAreaMm2: smaller regions of a slice are removed; None takes the model's default. smoothingMm: standard
        deviation of the Gaussian that smooths the segmentation in each slice. probabilityMaps: also makes a volume per
        segment, in per cent. outputSegmentation: the segmentation whose segments are replaced; None makes a new one.
        """
        options = predictionOptions(sliceAxis, slices, minimumAreaMm2, smoothingMm, probabilityMaps)
        return runTask(
            self._keeper, PredictionTask(volumeNode, modelId, device, options, outputSegmentation), **waiting
        )

    @onApplicationThread
    def processPatient(
        self,
        firstVolume: slicer.vtkMRMLScalarVolumeNode,
        secondVolume: slicer.vtkMRMLScalarVolumeNode,
        modelId: str | os.PathLike = "cardiac-mr",
        device: str = "auto",
        *,
        sliceAxis: str | None = None,
        minimumAreaMm2: float | None = None,
        smoothingMm: float = 0.0,
        probabilityMaps: bool = False,
        outputSegmentation: slicer.vtkMRMLSegmentationNode | None = None,
        **waiting,
    ) -> PatientResult | Job:
        """Segments a heart at end-diastole and at end-systole, and diagnoses the patient from both together.

        The volumes come in any order. outputSegmentation: of the first one. Otherwise as `process`.
        """
        options = predictionOptions(sliceAxis, None, minimumAreaMm2, smoothingMm, probabilityMaps)
        task = PatientTask(firstVolume, secondVolume, modelId, device, options, outputSegmentation)
        return runTask(self._keeper, task, **waiting)

    @onApplicationThread
    def processSequence(
        self,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        modelId: str | os.PathLike = "cardiac-mr",
        device: str = "auto",
        *,
        frames: tuple[int, int] | None = None,
        heightCm: float | None = None,
        weightKg: float | None = None,
        sliceAxis: str | None = None,
        slices: tuple[int, int] | None = None,
        minimumAreaMm2: float | None = None,
        smoothingMm: float = 0.0,
        **waiting,
    ) -> SequenceResult | Job:
        """Segments and diagnoses the frames of a sequence; of a heart also its function over the cycle.

        volumeNode: the volume by which a sequence browser shows the sequence. frames: the first and the last one, both
        included, counted from 0; None runs all. heightCm, weightKg: of a heart's patient, for indexed values. The
        segmentations become a sequence in the same browser. Otherwise as `process`.
        """
        options = predictionOptions(sliceAxis, slices, minimumAreaMm2, smoothingMm, False)
        body = {"height_cm": heightCm, "weight_kg": weightKg}
        return runTask(self._keeper, SequenceTask(volumeNode, modelId, device, options, frames, body), **waiting)

    @onApplicationThread
    def evaluateCine(
        self,
        result: SequenceResult,
        modelId: str | os.PathLike | None = None,
        *,
        endDiastole: int | None = None,
        endSystole: int | None = None,
        heightCm: float | None = None,
        weightKg: float | None = None,
        **waiting,
    ) -> SequenceResult | Job:
        """Evaluates a heart again with other phases; returns the changed result, and updates its table.

        result: of `processSequence`. modelId: None takes the one that it names. endDiastole, endSystole: numbers of
        frames; None takes those that the volume curve gives.
        """
        model = result.report["model"]["id"] if modelId is None and isinstance(result, SequenceResult) else modelId
        body = {"height_cm": heightCm, "weight_kg": weightKg}
        return runTask(self._keeper, CineTask(result, model or "", endDiastole, endSystole, body), **waiting)

    @onApplicationThread
    def explain(
        self,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        modelId: str | os.PathLike = "brain-tumor-mr",
        device: str = "auto",
        *,
        diagnosis: str | None = None,
        sliceAxis: str | None = None,
        slices: tuple[int, int] | None = None,
        result: ProcessingResult | None = None,
        **waiting,
    ) -> ExplanationResult | Job:
        """Explains a diagnosis by a saliency map: makes the volume "<name> saliency", or updates the existing one.

        diagnosis: id of a class; None explains the most probable one. sliceAxis: also "axis0" to "axis2", the array
        axis that a report names. result: of `process`, refused for another image than its own. Otherwise as `process`.
        """
        options = explanationOptions(diagnosis, sliceAxis, slices)
        return runTask(self._keeper, ExplanationTask(volumeNode, modelId, device, options, result), **waiting)

    @onApplicationThread
    def compare(
        self,
        first: slicer.vtkMRMLSegmentationNode,
        second: slicer.vtkMRMLSegmentationNode,
        volumeNode: slicer.vtkMRMLScalarVolumeNode | None = None,
        **waiting,
    ) -> list[dict] | Job:
        """Measures the agreement of two segmentations; see `ComparisonTask` for pairs of segments and the result."""
        return runTask(self._keeper, ComparisonTask(first, second, volumeNode), **waiting)

    @onApplicationThread
    def report(
        self,
        result: ProcessingResult | PatientResult,
        folder: str | os.PathLike,
        formats: Sequence[str] = ("html",),
        *,
        withPatient: bool = False,
        **waiting,
    ) -> dict | Job:
        """Saves the report of a result into a folder, with the segments as they are now; see `ReportTask`.

        formats: of "html", "pdf" and "dicom" (a segmentation and a structured report, of volumes loaded from DICOM).
        withPatient: whether the page names patient and volume. DICOM objects always name the patient.
        """
        return runTask(self._keeper, ReportTask(result, folder, formats, withPatient), **waiting)

    @onApplicationThread
    def rankModels(
        self, volumeNode: slicer.vtkMRMLScalarVolumeNode, models: Sequence[str], **waiting
    ) -> list[tuple[str, float | None]] | Job:
        """Which of the models knows images like this one; see `RankingTask`."""
        return runTask(self._keeper, RankingTask(volumeNode, models), **waiting)

    @onApplicationThread
    def devices(self, **waiting) -> dict | Job:
        """The devices that the engine can use, and its versions; see `DevicesTask`."""
        return runTask(self._keeper, DevicesTask(self.lastRun), **waiting)
