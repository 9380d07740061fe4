"""The sections of the panel that show a result: card, chart along the volume, explanation, comparison."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.panel.chart.slice_chart import SliceChart
from ResFormerSegLib.panel.comparison_section import ComparisonSection
from ResFormerSegLib.panel.diagnosis_card import DiagnosisCard
from ResFormerSegLib.panel.explain_section import ExplainSection
from ResFormerSegLib.panel.message_area import MessageArea
from ResFormerSegLib.panel.model_section import ModelSection
from ResFormerSegLib.scene.result_display import showResultInViews


class ResultSections:
    """Owns the sections; one result at a time is on display."""

    def __init__(self, ui, logic, models: ModelSection, message: MessageArea) -> None:
        self._ui = ui
        self._models = models
        self._message = message
        self._turn: object | None = None  # stands for the result that is being shown step by step
        self.card = DiagnosisCard(ui.diagnosisCardFrame)
        self.chart = SliceChart(ui.sliceChartFrame)
        self.explanation = ExplainSection(ui.explainFrame, logic, models.referenceOf)
        self.comparison = ComparisonSection(ui.comparisonFrame, logic)
        self._sections = (self.card, self.chart, self.explanation, self.comparison)

    def show(self, result, volumeNode) -> None:
        """All at once; the views stay as they are. A result of another version may lack what is shown here."""
        try:
            for step in self._steps(result, volumeNode):
                step()
        except Exception:
            logging.exception("Showing a saved result failed")
            self.clear()
            self._ui.editButton.enabled = result.segmentationNode is not None
            self._message.showNotice(
                _(
                    "The result in this scene was made by another version of ResFormerSeg, or changed, and cannot be "
                    "shown here. It is still in the scene; press Apply for a new one."
                )
            )

    def present(self, result, volumeNode) -> None:
        """A new result: the card at once, then the views and the rest, one step at each turn of the event loop.

        Together they would hold it up for a tenth of a second.
        """
        card, *others = self._steps(result, volumeNode)
        self._goOn([card, lambda: showResultInViews(result, volumeNode), *others], self._turn)

    def clear(self) -> None:
        self._turn = None
        for section in self._sections:
            section.clear()
        self._ui.sliceChartCollapsibleButton.visible = False
        self._ui.editButton.enabled = False

    def setActive(self, active: bool) -> None:
        for section in self._sections:
            section.setActive(active)

    def cleanup(self) -> None:
        self._turn = None
        for section in self._sections:
            section.cleanup()

    def _steps(self, result, volumeNode) -> list[Callable[[], None]]:
        self._turn = object()
        made = result.report["model"]
        names, bothPhases = self._models.classNames(made), self._models.diagnosesPatients(made)
        several = len(result.report["slices"]) > 1
        self._ui.sliceChartCollapsibleButton.text = _("Along the volume") if several else _("Sizes")
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
        else:  # the volume was deleted, and there is nothing to explain or to compare on
            steps += [self.explanation.clear, self.comparison.clear]
        return steps

    def _goOn(self, steps: list[Callable[[], None]], turn: object) -> None:
        """Ends when another result is shown meanwhile. The result is in the scene, whatever happens here."""
        if not steps or turn is not self._turn:
            return
        try:
            steps[0]()
        except Exception:
            logging.exception("Showing the result failed")
            message = _("The result is in the scene, but not all of it could be shown.")
            hint = _("Look for it in the Data module; save the scene, and report the details.")
            self._message.showError(ResFormerSegError("NOT_SHOWN", message, hint, traceback.format_exc()))
        qt.QTimer.singleShot(0, lambda: self._goOn(steps[1:], turn))


def hasVoxels(volumeNode) -> bool:
    image = volumeNode.GetImageData() if volumeNode is not None else None
    return image is not None and image.GetNumberOfPoints() > 0 and image.GetPointData().GetScalars() is not None
