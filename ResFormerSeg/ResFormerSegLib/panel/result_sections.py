"""The sections of the panel that show a result: diagnosis, chart along the volume, explanation, comparison."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_loop import callLater
from ResFormerSegLib.panel.chart.slice_chart import SliceChart
from ResFormerSegLib.panel.comparison_section import ComparisonSection
from ResFormerSegLib.panel.diagnosis_card import DiagnosisCard
from ResFormerSegLib.panel.explain_section import ExplainSection
from ResFormerSegLib.panel.input_volumes import hasVoxels
from ResFormerSegLib.panel.message_area import MessageArea
from ResFormerSegLib.panel.model_section import ModelSection
from ResFormerSegLib.scene.result_display import showResultInViews


class ResultSections:
    """Owns the sections; they show one result at a time."""

    def __init__(self, ui, logic, models: ModelSection, message: MessageArea) -> None:
        self._ui = ui
        self._models = models
        self._message = message
        self._token: object | None = None  # of the result that is being shown step by step
        self.card = DiagnosisCard(ui.diagnosisCardFrame)
        self.chart = SliceChart(ui.sliceChartFrame)
        self.explanation = ExplainSection(ui.explainFrame, logic, models.referenceOf)
        self.comparison = ComparisonSection(ui.comparisonFrame, logic)
        self._sections = (self.card, self.chart, self.explanation, self.comparison)

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
        self._showStepwise([card, lambda: showResultInViews(result, volumeNode), *others], self._token)

    def clear(self) -> None:
        self._token = None
        for section in self._sections:
            section.clear()
        self._ui.sliceChartCollapsibleButton.visible = False
        self._ui.editButton.enabled = False

    def setActive(self, active: bool) -> None:
        for section in self._sections:
            section.setActive(active)

    def cleanup(self) -> None:
        self._token = None
        for section in self._sections:
            section.cleanup()

    def _steps(self, result, volumeNode) -> list[Callable[[], None]]:
        self._token = object()
        model = result.report["model"]
        names, bothPhases = self._models.classNames(model), self._models.diagnosesPatients(model)
        several = len(result.report["slices"]) > 1
        self._ui.sliceChartCollapsibleButton.text = _("Along the volume") if several else _("Measurements")
        self._ui.sliceChartCollapsibleButton.visible = True
        self._ui.editButton.enabled = result.segmentationNode is not None
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

    def _showStepwise(self, steps: list[Callable[[], None]], token: object) -> None:
        """Stops when another result is shown meanwhile. The result is in the scene, even if a step fails."""
        if not steps or token is not self._token:
            return
        try:
            steps[0]()
        except Exception:
            logging.exception("Showing the result failed")
            message = _("The result was added to the scene, but could not be displayed completely.")
            hint = _("Its nodes are listed in the Data module. Save the scene, and report the details.")
            self._message.showError(ResFormerSegError("NOT_SHOWN", message, hint, traceback.format_exc()))
        callLater(lambda: self._showStepwise(steps[1:], token))
