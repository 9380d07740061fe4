"""The sections of the panel that show a result: diagnosis, chart along the volume, explanation, comparison."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.panel.chart.slice_chart import SliceChart
from ResFormerSegLib.panel.comparison_section import ComparisonSection
from ResFormerSegLib.panel.diagnosis_card import DiagnosisCard
from ResFormerSegLib.panel.explain_section import ExplainSection
from ResFormerSegLib.panel.input_volumes import hasVoxels
from ResFormerSegLib.panel.message_area import MessageArea
from ResFormerSegLib.panel.model_section import ModelSection
from ResFormerSegLib.panel.result_text import resultText
from ResFormerSegLib.panel.timers import Later
from ResFormerSegLib.scene.result_display import showResultInViews
from ResFormerSegLib.scene.view_rotation import rotateViewsTo


class ResultSections:
    """Owns the sections; they show one result at a time."""

    def __init__(self, ui, logic, models: ModelSection, message: MessageArea) -> None:
        self._ui = ui
        self._models = models
        self._message = message
        self._waiting: list[Callable[[], None]] = []  # steps of the result that is being shown
        self._nextLater = Later(self._showNext)
        self._shown: tuple | None = None  # the result, its volume, and the names of its classes
        self.card = DiagnosisCard(ui.diagnosisCardFrame)
        self.chart = SliceChart(ui.sliceChartFrame)
        self.explanation = ExplainSection(ui.explainFrame, logic, models.referenceOf)
        self.comparison = ComparisonSection(ui.comparisonFrame, logic)
        self._sections = (self.card, self.chart, self.explanation, self.comparison)
        self._folders = (
            ui.diagnosisCollapsibleButton,
            ui.sliceChartCollapsibleButton,
            ui.explainCollapsibleButton,
            ui.comparisonCollapsibleButton,
        )
        ui.copyResultButton.connect("clicked()", self.copyAsText)
        self.clear()

    def show(self, result, volumeNode) -> None:
        """Shows a saved result at once; the views stay as they are. One of another version may lack entries."""
        try:
            for step in self._steps(result, volumeNode):
                step()
        except Exception:
            logging.exception("Showing a saved result failed")
            self.clear()
            self._ui.editButton.enabled = result.segmentationNode is not None
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
        self._waiting = [card, lambda: self._showInViews(result, volumeNode), *others]
        self._showNext()

    def copyAsText(self) -> None:
        if self._shown is not None:
            slicer.app.clipboard().setText(resultText(*self._shown))
            self._message.showNotice(_("The result was copied to the clipboard."))

    def clear(self) -> None:
        self._waiting, self._shown = [], None
        for section in self._sections:
            section.clear()
        for folder in self._folders:
            folder.visible = False
        self._ui.editButton.enabled = self._ui.copyResultButton.enabled = False

    def setActive(self, active: bool) -> None:
        for section in self._sections:
            section.setActive(active)

    def cleanup(self) -> None:
        self._waiting, self._shown = [], None
        self._nextLater.cleanup()
        self._ui.copyResultButton.disconnect("clicked()", self.copyAsText)
        for section in self._sections:
            section.cleanup()

    def _steps(self, result, volumeNode) -> list[Callable[[], None]]:
        model, rows = result.report["model"], result.report["slices"]
        names, bothPhases = self._models.classNames(model), self._models.diagnosesPatients(model)
        self._waiting, self._shown = [], (result, volumeNode, names)
        for folder in self._folders:
            folder.visible = True
        chart = self._ui.sliceChartCollapsibleButton
        chart.text = _("Along the volume") if len(rows) > 1 else _("Sizes")
        hasScale = any(segment.get("volume_mm3") is not None for segment in result.report["segments"])
        chart.visible = len(rows) > 1 or hasScale  # of a single picture the card says it all
        self._ui.editButton.enabled = result.segmentationNode is not None
        self._ui.copyResultButton.enabled = True
        steps = [
            lambda: self.card.showResult(result, volumeNode, names, bothPhases),
            lambda: self.chart.showResult(result, volumeNode, names),
        ]
        if hasVoxels(volumeNode):
            steps += [
                lambda: self.explanation.showResult(result, volumeNode, names),
                lambda: self.comparison.showResult(result, volumeNode),
            ]
        else:  # the volume was deleted
            steps += [self.explanation.clear, self.comparison.clear]
        return steps

    def _showInViews(self, result, volumeNode) -> None:
        if rotateViewsTo(volumeNode):
            self._message.showNotice(
                _("“{name}” is oblique: the slice views were turned to its slices, so that they show what is analysed.")
                .format(name=volumeNode.GetName())
            )  # fmt: skip
        showResultInViews(result, volumeNode)

    def _showNext(self) -> None:
        """One step. The result is in the scene, even if a step fails."""
        if not self._waiting:
            return
        step = self._waiting.pop(0)
        self._nextLater.start()
        try:
            step()
        except Exception:
            logging.exception("Showing the result failed")
            message = _("The result was added to the scene, but could not be displayed completely.")
            hint = _("Its nodes are listed in the Data module. Save the scene, and report the details.")
            self._message.showError(ResFormerSegError("NOT_SHOWN", message, hint, traceback.format_exc()))
