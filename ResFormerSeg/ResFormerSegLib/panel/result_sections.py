"""The sections of the panel that show a result: diagnosis, chart along the volume, explanation, comparison."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable
from dataclasses import replace

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.panel.chart.slice_chart import SliceChart
from ResFormerSegLib.panel.comparison_section import ComparisonSection
from ResFormerSegLib.panel.diagnosis_card import DiagnosisCard
from ResFormerSegLib.panel.edit_watch import EditWatch
from ResFormerSegLib.panel.explain_section import ExplainSection
from ResFormerSegLib.panel.image_watch import ImageWatch
from ResFormerSegLib.panel.input_volumes import hasVoxels
from ResFormerSegLib.panel.learn_section import LearnSection
from ResFormerSegLib.panel.message_area import MessageArea
from ResFormerSegLib.panel.model_section import ModelSection
from ResFormerSegLib.panel.patient_body import PatientBody
from ResFormerSegLib.panel.result_folders import ResultFolders
from ResFormerSegLib.panel.save_report import SaveReport
from ResFormerSegLib.scene.result_display import showInSlices, surfaceSteps
from ResFormerSegLib.scene.result_visibility import OwnImageOnly

SURFACE_DELAY_MILLISECONDS = 50  # by then the views have shown the rest


class ResultSections:
    """Owns the sections; they show one result at a time. devices: the DeviceSection."""

    def __init__(
        self, ui, logic, models: ModelSection, devices, message: MessageArea, requirementsFile: str, body: PatientBody
    ) -> None:
        self._ui = ui
        self._models = models
        self._message = message
        self._waiting: list[Callable[[], None]] = []  # the steps by which a new result is still to be shown
        self._pause = 0  # milliseconds before the next of them
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._showNext)
        self._edits = EditWatch(self._onEdited)
        self._image = ImageWatch(lambda isChanged: self.card.setImageChanged(isChanged))
        self._result = None
        self._folders = ResultFolders(ui, message)
        self.report = SaveReport(ui, logic, os.path.dirname(requirementsFile), message)
        self.card = DiagnosisCard(ui.diagnosisCardFrame, body)
        self.chart = SliceChart(ui.sliceChartFrame)
        self.explanation = ExplainSection(ui.explainFrame, logic, models.referenceOf, lambda: devices.device)
        self.comparison = ComparisonSection(ui.comparisonFrame, logic)
        self.learn = LearnSection(ui, logic, models, requirementsFile)
        self._sections = (self.card, self.chart, self.explanation, self.comparison, self.learn)
        self._visibility = OwnImageOnly(self.explanation.display.followFrame)

    def show(self, result, volumeNode) -> None:
        """Shows a saved result at once; the views stay as they are. One of another version may lack entries."""
        try:
            for step in self._steps(result, volumeNode):
                step()
            self._edits.measure()
        except Exception:
            logging.exception("Showing a saved result failed")
            self.clear()
            self._folders.showEditOnly(result)
            self._message.showNotice(
                _(
                    "The result in this scene was made by another version of ResFormerSeg, or was modified, and cannot "
                    "be displayed here. Its nodes are still in the scene; press Apply for a new result."
                )
            )

    def present(self, result, volumeNode) -> None:
        """Shows a new result: first the card, then the views and the rest, one step per round of the event loop.

        Together they would block it for a tenth of a second.
        """
        card, *others = self._steps(result, volumeNode)
        self._visibility.present(result.segmentationNode)
        self._waiting = [
            card,
            lambda: self._folders.turnViews(volumeNode),
            lambda: showInSlices(result, volumeNode),
            lambda: self._visibility.present(result.segmentationNode),  # a sequence may play on meanwhile
            *others,
            lambda: self._drawFirst(surfaceSteps(result, volumeNode)),
        ]
        self._showNext()

    def clear(self) -> None:
        self._stop()
        for section in self._sections:
            section.clear()
        self._edits.stop()
        self._image.stop()
        self._result = None
        self._folders.clear()
        self.report.clear()

    def setActive(self, active: bool) -> None:
        for section in (*self._sections, self._edits):
            section.setActive(active)

    def cleanup(self) -> None:
        self._stop()
        self._timer.disconnect("timeout()", self._showNext)
        for section in (*self._sections, self._visibility, self._edits, self._image, self._folders, self.report):
            section.cleanup()

    def _steps(self, result, volumeNode) -> list[Callable[[], None]]:
        self._stop()
        model = result.report["model"]
        names, bothPhases = self._models.classNames(model), self._models.diagnosesPatients(model)
        self._folders.show(result, volumeNode, names)
        self.report.show(result, volumeNode)
        inMillimetres = all(row.get("volume_mm3") is not None for row in result.report["segments"])
        self._edits.watch(result.segmentationNode, inMillimetres)
        self._image.watch(result, volumeNode)
        self._result = result
        steps = [
            lambda: self.card.showResult(result, volumeNode, names, bothPhases),
            lambda: self.chart.showResult(_forTheChart(result), volumeNode, names),
        ]
        if hasVoxels(volumeNode):
            steps += [
                lambda: self.explanation.showResult(result, volumeNode, names),
                lambda: self.comparison.showResult(result, volumeNode),
                lambda: self.learn.showResult(result, volumeNode, names),
            ]
        else:  # the volume was deleted
            steps += [self.explanation.clear, self.comparison.clear, self.learn.clear]
        return steps

    def _showNext(self) -> None:
        """The result is in the scene, even if a step fails; unless it was deleted meanwhile."""
        if not self._waiting:
            return
        if self._result is None or not _isInScene(self._result.volumeNode, self._result.segmentationNode):
            self._stop()
            return
        step = self._waiting.pop(0)
        try:
            step()
        except Exception:
            logging.exception("Showing the result failed")
            message = _("The result was added to the scene, but could not be displayed completely.")
            hint = _("Its nodes are listed in the Data module. Save the scene, and report the details.")
            self._message.showError(ResFormerSegError("NOT_SHOWN", message, hint, traceback.format_exc()))
        if self._waiting:
            self._timer.start(self._pause)
        self._pause = 0

    def _drawFirst(self, steps: list[Callable[[], None]]) -> None:
        """The steps follow when the views have been drawn."""
        self._waiting, self._pause = steps, SURFACE_DELAY_MILLISECONDS

    def _stop(self) -> None:
        """The steps that are left are those of a result which is not to be shown any more."""
        self._timer.stop()
        self._waiting = []

    def _onEdited(self, rows: list[dict] | None) -> None:
        report = self._result.report
        self._folders.setEdited(rows)
        self.card.showSizes(report["segments"] if rows is None else rows, isEdited=rows is not None)


def _isInScene(*nodes) -> bool:
    return all(node is None or node.GetScene() is not None for node in nodes)


def _forTheChart(result):
    """A patient's diagnosis is not made from the probabilities of slices, which would contradict it."""
    if not result.patient:
        return result
    slices = [{**row, "probabilities": {}} for row in result.report["slices"]]
    return replace(result, report={**result.report, "diagnosis": None, "slices": slices})
