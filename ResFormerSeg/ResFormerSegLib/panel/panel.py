"""The panel: user choices, a run, and its result. The widget class only connects it to the application.

inputs, advanced options -> readiness -> logic.process (a job) -> card, chart, explanation, comparison, views
"""

from __future__ import annotations

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_filter import EventFilter
from ResFormerSegLib.event_loop import callLater
from ResFormerSegLib.install.onnx_runtime import isEngineInstalled
from ResFormerSegLib.install.pytorch import lookAgain
from ResFormerSegLib.panel.advanced_section import AdvancedSection
from ResFormerSegLib.panel.cases_section import CasesSection
from ResFormerSegLib.panel.content_height import ContentHeight
from ResFormerSegLib.panel.device_section import DeviceSection
from ResFormerSegLib.panel.diagnostics import diagnosticsText
from ResFormerSegLib.panel.engine_section import EngineSection
from ResFormerSegLib.panel.folding import InputsFolding
from ResFormerSegLib.panel.frames_row import FramesRow
from ResFormerSegLib.panel.input_volumes import NewImages, OtherPhaseRow, hasImages, hasVoxels
from ResFormerSegLib.panel.keyboard import RunKeys, followLayout
from ResFormerSegLib.panel.live_choices import LiveChoices
from ResFormerSegLib.panel.live_section import LiveSection
from ResFormerSegLib.panel.message_area import MessageArea
from ResFormerSegLib.panel.model_section import ModelSection
from ResFormerSegLib.panel.name_watch import NameWatch
from ResFormerSegLib.panel.parameters import forgetNode
from ResFormerSegLib.panel.patient_body import PatientBody
from ResFormerSegLib.panel.readiness import whyNoPatient, whyNotReady
from ResFormerSegLib.panel.result_sections import ResultSections
from ResFormerSegLib.panel.run_control import RunControl
from ResFormerSegLib.panel.scene_watch import SceneWatch
from ResFormerSegLib.panel.segment_editing import openInSegmentEditor
from ResFormerSegLib.panel.sequence_section import SequenceSection
from ResFormerSegLib.panel.sequence_text import failuresText
from ResFormerSegLib.runs.saved_results import restoreResult
from ResFormerSegLib.runs.sequence_results import SequenceResult, restoreSequenceResult
from ResFormerSegLib.scene.result_display import showInSlices
from ResFormerSegLib.scene.sequences import sequenceOf
from ResFormerSegLib.texts import toolTipOf
from ResFormerSegLib.timers import Later

LINK_COLOR = "#2f86d6"  # visible on a light and on a dark background, unlike the palette's own


class Panel(VTKObservationMixin):
    """ui: the widgets of ResFormerSeg.ui as attributes. logic: a ResFormerSegLogic. requirementsFile: for pip."""

    def __init__(self, ui, logic, requirementsFile: str) -> None:
        VTKObservationMixin.__init__(self)
        self.ui = ui
        self.logic = logic
        self._parameterNode = None
        self._shown: tuple[str, ...] | None = None  # ids of the nodes of the result that is shown
        self._volumeId = ""
        self._lastVolumeId = ""  # of the input that the messages speak of; it may be deleted
        self._updating = False
        self._isEntered = False
        self._newImages = NewImages()
        self._late: tuple | None = None  # a result that arrived while there was no parameter node, and its volume
        root = ui.inputsCollapsibleButton.parentWidget()
        self.keys = RunKeys(root, ui, self.apply)
        self.folding = InputsFolding(root, ui)
        self.message = MessageArea(ui)
        self.run = RunControl(ui, logic, requirementsFile, self.message, self._onFinished, self.checkCanApply)
        self.models = ModelSection(ui, self.update, self.message.showError, logic)
        self.otherPhase = OtherPhaseRow(ui)
        self.frames = FramesRow(ui, self.update)
        self.devices = DeviceSection(ui, logic, self.update)
        self.engine = EngineSection(ui, requirementsFile, self.message, self._onInstalled)
        self.advanced = AdvancedSection(ui, self.update)
        self.body = PatientBody()
        self.results = ResultSections(ui, logic, self.models, self.devices, self.message, requirementsFile, self.body)
        self.sequence = SequenceSection(ui, logic, self.models, self.message.showError, self.body)
        self.cases = CasesSection(ui, logic, self.models, requirementsFile, self._caseSettings, self._showCase)
        self._scene = SceneWatch(self._onSceneChanged, self._onVolumeChanged, self._onNodeAboutToBeRemoved)
        self.liveChoices = LiveChoices(self.models, self.devices, self.advanced)
        self.live = LiveSection(ui, logic, self.message, self.liveChoices, self._onFinished, self._onLive)
        self._buttons = (
            (ui.applyButton, self.apply),
            (ui.cancelButton, self.run.cancel),
            (ui.editButton, self.edit),
            (ui.copyDiagnosticsButton, self.copyDiagnostics),
        )
        for button, action in self._buttons:
            button.connect("clicked()", action)
        ui.aboutLabel.text = _(
            "Not a medical device; for research and teaching only. Images stay on this computer. Method: {link}."
        ).format(link=f"<a href='https://arxiv.org/abs/2412.00351' style='color: {LINK_COLOR}'>Bui et al., 2024</a>")
        self._names = NameWatch(self.update)
        self._styleLater = Later(self._fitStyle)
        self._events = EventFilter({qt.QEvent.PaletteChange: self._onStyle})
        self._events.watch(root)
        self._height = ContentHeight(root)
        followLayout(root)
        logic.watch(self.checkCanApply)

    # --- life cycle

    def setParameterNode(self, parameterNode) -> None:
        """Shows the choices and the result of the node; None while there is none, as when the scene is being closed."""
        if self._parameterNode is not None:
            self.removeObserver(self._parameterNode.parameterNode, vtk.vtkCommand.ModifiedEvent, self._onModified)
        self._parameterNode = parameterNode
        self._shown, self._volumeId = None, ""
        self.folding.unfold()
        sections = (self.models, self.otherPhase, self.frames, self.devices, self.advanced, self.body, self.liveChoices)
        for section in sections:
            section.setParameterNode(parameterNode)
        self._newImages.forget()
        if parameterNode is None:
            self._scene.observeVolume(None)
            self._names.stop()
            self.results.clear()
            self.sequence.clear()
            self.cases.clear()
            return
        self.addObserver(parameterNode.parameterNode, vtk.vtkCommand.ModifiedEvent, self._onModified)
        if parameterNode.inputVolume is not None:
            self._newImages.newest()  # the user has selected one: no other present image is new
        self._preselectVolume()
        self.update()
        if self._late is not None:
            late, self._late = self._late, None
            self._onFinished(*late)

    def enter(self) -> None:
        self._isEntered = True
        lookAgain()
        self.models.refresh()  # folders may have come or gone
        self.results.setActive(True)
        self.sequence.setActive(True)
        self._preselectVolume(instead=not self.run.isRunning)
        self.update()
        self.models.setActive(True)
        self.ui.applyButton.setFocus()  # Return starts the run
        if isEngineInstalled():
            callLater(self.devices.askEngine)

    def exit(self) -> None:
        self._isEntered = False
        self.models.setActive(False)
        self.results.setActive(False)
        self.sequence.setActive(False)

    def abandonRun(self) -> None:
        """Stops the run silently: the scene is being closed or the module unloaded."""
        self.run.abandon()
        self.message.clear()

    def cleanup(self) -> None:
        self.logic.unwatch(self.checkCanApply)
        self.live.cleanup()
        self.abandonRun()
        self.removeObservers()
        self._scene.cleanup()
        self._names.stop()
        for button, action in self._buttons:
            button.disconnect("clicked()", action)
        parts = (
            self._styleLater, self._events, self._height, self.folding, self.keys, self.cases, self.results,
            self.sequence, self.models, self.otherPhase, self.frames, self.devices, self.engine, self.advanced,
            self.body, self.message,
        )  # fmt: skip
        for part in parts:
            part.cleanup()
        self._parameterNode = None

    # --- user choices

    def update(self) -> None:
        """Updates all widgets from the parameter node and the scene."""
        node = self._parameterNode
        if node is None or self._updating:
            return
        self._updating = True
        try:
            volume = node.inputVolume
            if self._volumeId != (volume.GetID() if volume else ""):
                self._volumeId = volume.GetID() if volume else ""
                self._scene.observeVolume(None if self.live.isOn else volume)
                self._clearOldMessage(volume)
                self.folding.unfold()
                self.models.chooseFor(volume)
            self.models.update()
            self.frames.update(volume)
            self.otherPhase.update(None if self.frames.areAll else self.models.model())
            self.devices.update()
            self.advanced.update(volume if hasVoxels(volume) else None, self.models.model())
            self._showSavedResult()
            self._names.watch((volume, node.otherVolume, node.resultVolume))
            self.results.card.setInputVolume(volume)
            self.results.learn.fitModel()
            self.cases.refresh()
            self.checkCanApply()
            self.live.follow()
        finally:
            self._updating = False

    def checkCanApply(self) -> None:
        """Enables Apply, or gives the reason in its tool tip."""
        node = self._parameterNode
        hasEngine = isEngineInstalled()
        reason = _("The scene is being closed.")
        if node is not None:
            reason = whyNotReady(
                node.inputVolume,
                self.models.model(),
                self.models.isMissing(),
                hasEngine,
                self.run.isRunning,
                self.logic.isBusy,
                self.advanced.isOneSliceOnly(
                    node.inputVolume if hasVoxels(node.inputVolume) else None, self.models.model()
                ),
                self.models.whyNone(),
            )
            reason = reason or self.frames.whyNot()
            if not reason and (other := self.otherPhase.volume()) is not None:
                reason = whyNoPatient(node.inputVolume, other, self.models.model(), node.sliceSelection == "all")
        self.keys.enable(canApply=not reason, canCancel=self.run.canCancel)
        self.live.enable()
        omitted = ""
        if not reason:
            omitted = self.advanced.omittedSlicesText(node.inputVolume, self.models.model())
            action = _("Segments and diagnoses '{volume}' with '{model}'").format(
                volume=node.inputVolume.GetName(), model=self.models.model().title
            )
            self.ui.applyButton.toolTip = toolTipOf(f"{action}. {omitted}" if omitted else action)
        else:
            self.ui.applyButton.toolTip = toolTipOf(reason)
        # A tool tip is easily missed. Where an engine is offered, that is the next step.
        hint = reason or omitted
        if node is not None and node.inputVolume is None and not hasImages():
            hint = _("Load an image, for example from Sample Data. It is then selected here.")
        self.run.progress.hint(hint if hasEngine else "")
        self.engine.update()

    def _clearOldMessage(self, volumeNode) -> None:
        """An error that speaks of an earlier input does not stay when another one is chosen."""
        if volumeNode is not None and volumeNode.GetID() != self._lastVolumeId:
            if self._lastVolumeId:
                self.message.clear()
            self._lastVolumeId = volumeNode.GetID()

    def _preselectVolume(self, instead: bool = False) -> None:
        """Selects a newly loaded image, but only while the module is shown.

        instead: also in place of the one that is selected.
        """
        node = self._parameterNode
        if not self._isEntered or node is None:
            return
        newest = self._newImages.newest()
        if newest is not None and (instead or node.inputVolume is None):
            node.inputVolume = newest

    def _onModified(self, caller=None, event=None) -> None:
        self.update()

    def _onSceneChanged(self) -> None:
        """The views turn to an image that is loaded, and so does the panel: else it would speak of another one."""
        if self._parameterNode is not None:
            self._preselectVolume(instead=not self.run.isRunning)
            self.update()

    def _onVolumeChanged(self) -> None:
        if sequenceOf(self._parameterNode and self._parameterNode.inputVolume) is None:  # else just another frame
            self._volumeId = ""  # it may be another kind of image now

    def _onNodeAboutToBeRemoved(self, node) -> None:
        """Otherwise the node selectors would move on to another node, which may be another patient's volume."""
        if self._parameterNode is None:
            return
        wasUpdating, self._updating = self._updating, True  # the node is still there; the update follows
        try:
            forgetNode(self._parameterNode, node)
        finally:
            self._updating = wasUpdating

    # --- a run and its result

    def apply(self) -> None:
        node = self._parameterNode
        self.message.clear()
        self.checkCanApply()
        if not self.ui.applyButton.enabled:
            return
        try:
            options = self.advanced.options(node.inputVolume, self.models.model())
        except ResFormerSegError as error:
            self.message.showError(error)
            return
        self.run.start(
            node.inputVolume,
            outputSegmentation=node.outputSegmentation,
            otherVolume=self.otherPhase.volume(),
            allFrames=self.frames.areAll,
            modelId=node.modelReference,
            device=self.devices.device,
            **options,
        )

    def _onFinished(self, result, volumeNode) -> None:
        node = self._parameterNode
        if node is None:  # a scene is being imported at this moment
            self._late = (result, volumeNode)
            return
        ofSequence = isinstance(result, SequenceResult)
        self._updating = True  # one update at the end, not one for each choice
        try:
            node.resultSegmentation = None if ofSequence else result.segmentationNode
            node.resultTable = None if ofSequence else result.tableNode
            node.resultVolume = volumeNode
            node.resultFrames = result.tableNode if ofSequence else None
        finally:
            self._updating = False
        self._shown = _idsOf(node)
        notices = [self.body.complete(result), failuresText(result.report) if ofSequence else ""]
        if any(notices):
            self.message.showNotice(" ".join(filter(None, notices)))
        self.update()
        if ofSequence:
            self.results.clear()
            self.sequence.show(result)
            showInSlices(result, volumeNode)
            self.folding.makeRoom(volumeNode.GetName())
            return
        self.sequence.clear()
        self.results.present(result, volumeNode)
        self.folding.makeRoom(volumeNode.GetName())
        self.results.card.setInputVolume(node.inputVolume)

    def _caseSettings(self) -> dict:
        return {"device": self.devices.device, **self.advanced.optionsOfCases()}

    def _showCase(self, result, volumeNode) -> None:
        if self._parameterNode is not None:
            self._parameterNode.inputVolume = volumeNode
            self._onFinished(result, volumeNode)

    def _onLive(self, isOn: bool) -> None:
        """While it is on, the panel is not brought up to date with each image."""
        node = self._parameterNode
        self._scene.observeVolume(None if isOn or node is None else node.inputVolume)
        self.checkCanApply()

    def _showSavedResult(self) -> None:
        """Shows the result that the parameter node refers to, unless it is shown already: after loading a scene."""
        node = self._parameterNode
        if _idsOf(node) == self._shown:
            return
        self._shown = _idsOf(node)
        frames = restoreSequenceResult(node.resultFrames)
        if frames is not None:
            self.results.clear()
            self.sequence.show(frames)
            return
        self.sequence.clear()
        result = restoreResult(node.resultSegmentation, node.resultTable)
        if result is None:
            self.results.clear()
        else:
            self.results.show(result, node.resultVolume)

    def _onInstalled(self) -> None:
        self.logic.renewEngine()
        self.results.explanation.refresh()
        self.checkCanApply()
        if isEngineInstalled():
            self.devices.askAgain()

    def edit(self) -> None:
        node = self._parameterNode
        if node is not None and (explanation := openInSegmentEditor(node.resultSegmentation, node.resultVolume)):
            self.message.showNotice(explanation)

    def _fitStyle(self) -> None:
        for chart in (self.results.chart, self.sequence.chart):
            chart.fitStyle()

    def _onStyle(self, event) -> None:
        self._styleLater.start()  # when all widgets have the new palette

    def copyDiagnostics(self) -> None:
        slicer.app.clipboard().setText(diagnosticsText(self.logic))
        self.message.showNotice(_("The diagnostics were copied to the clipboard."))


def _idsOf(node) -> tuple[str, ...]:
    """Ids of the nodes of the result; empty for what is not there."""
    nodes = (node.resultSegmentation, node.resultTable, node.resultVolume, node.resultFrames)
    return tuple(found.GetID() if found is not None else "" for found in nodes)
