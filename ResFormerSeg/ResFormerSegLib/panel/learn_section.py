"""The Learn section: corrected results are collected, a model is trained further on them, compared, and used."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.learning.training_sets import lastFolder
from ResFormerSegLib.panel.learn_cases import CasesPart
from ResFormerSegLib.panel.learn_collecting import CollectingPart
from ResFormerSegLib.panel.learn_comparison import ComparisonPart
from ResFormerSegLib.panel.learn_training import TrainingPart
from ResFormerSegLib.panel.widgets import makeLabel


class LearnSection:
    """Fills the frame `ui.learnFrame`. The folder is read only while the section is open.

    models: the ModelSection, whose selected model is trained further. requirementsFile: of the engine's packages.
    """

    def __init__(self, ui, logic, models, requirementsFile: str) -> None:
        self._button = ui.learnCollapsibleButton
        self._models = models
        self._reference = None  # of the model that the section speaks of
        self.isOver = False
        layout = qt.QVBoxLayout(ui.learnFrame)
        layout.setContentsMargins(4, 2, 4, 2)
        self.cases = CasesPart(layout, lastFolder(), self._onFolder)
        folder = self._folder
        self.collecting = CollectingPart(layout, logic, folder, self.refresh)
        self.cases.addTable()
        layout.addWidget(_heading(_("Train")))
        self.training = TrainingPart(layout, logic, requirementsFile, folder, models.model, self._onTrained)
        self.comparison = ComparisonPart(layout, logic, models.addFolder)
        self._button.connect("contentsCollapsed(bool)", self._onFolded)
        self.refresh()

    def showResult(self, result, volumeNode, classNames: dict[str, str] | None = None) -> None:
        self.collecting.showResult(result, volumeNode, classNames)

    def clear(self) -> None:
        """A training goes on: it does not depend on what is shown."""
        self.collecting.clear()

    def setActive(self, active: bool) -> None:
        if active:
            self.refresh()

    def fitModel(self) -> None:
        """For another selected model."""
        model = self._models.model()
        reference = model.reference if model is not None else ""
        if reference != self._reference and not self._button.collapsed:
            self._reference = reference
            self.training.refresh()

    def refresh(self) -> None:
        """Reads the folder anew, unless the section is folded."""
        if self._button.collapsed:
            return
        self.cases.refresh()
        self.collecting.refresh()
        self.training.refresh()
        self.comparison.refresh()

    def cleanup(self) -> None:
        self.isOver = True
        self._button.disconnect("contentsCollapsed(bool)", self._onFolded)
        for part in (self.collecting, self.training, self.comparison, self.cases):
            part.cleanup()

    def _folder(self) -> str:
        return self.cases.folder

    def _onFolder(self) -> None:
        self.collecting.refresh()
        self.training.refresh()

    def _onTrained(self, folder: str, initial: str, setFolder: str) -> None:
        self.comparison.showTrained(folder, initial, setFolder)

    def _onFolded(self, folded: bool) -> None:
        if not folded:
            self.refresh()


def _heading(text: str):
    label = makeLabel("learnHeading", qt.Qt.RichText)
    label.text = f"<b>{text}</b>"
    return label
