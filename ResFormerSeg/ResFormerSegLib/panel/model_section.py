"""The choice of the model: bundled models and the user's own folders, and a summary of the selected one."""

from __future__ import annotations

import html
import logging
import os
from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.onnx_runtime import isEngineInstalled
from ResFormerSegLib.models.catalog import (
    ModelDescription,
    inputName,
    modelFoldersIn,
    readModel,
    readModels,
)
from ResFormerSegLib.models.last_choices import rememberChoice
from ResFormerSegLib.models.own_folders import ownFolderOf, ownFolders, setOwnFolders
from ResFormerSegLib.models.preselection import preselect
from ResFormerSegLib.models.suitability import modalityMismatch, whyNoImage, whyNoneFits, whyUnsuitable
from ResFormerSegLib.panel.choice_boxes import ChoiceBox
from ResFormerSegLib.panel.diagnosis_texts import WARNING_COLOR
from ResFormerSegLib.panel.input_volumes import hasVoxels
from ResFormerSegLib.panel.model_details import ModelDetails
from ResFormerSegLib.panel.model_suggestion import ModelSuggestion
from ResFormerSegLib.texts import toolTipOf


class ModelSection:
    """Owns the model's combo box and buttons; the selection itself is kept in the parameter node.

    onChanged: called when another model was chosen. onProblem: called with a ResFormerSegError to show. logic: a
    ResFormerSegLogic, which is asked for a suggestion where no model is selected.
    """

    def __init__(
        self, ui, onChanged: Callable[[], None], onProblem: Callable[[ResFormerSegError], None], logic
    ) -> None:
        self._ui = ui
        self._onChanged = onChanged
        self._onProblem = onProblem
        self._parameterNode = None
        self._models: list[ModelDescription] = []
        self._details: ModelDetails | None = None
        self._restoredFor = ""  # id of the volume for which a model was selected before: in a saved scene, say
        self._reason = ""  # why the present model was selected without being asked
        self._isActive = False
        self._suggestion = ModelSuggestion(logic, self.update)
        self._box = ChoiceBox(ui.modelSelector, self._onChosen, _("Choose a model"))
        ui.modelSummaryLabel.connect("linkActivated(QString)", self._onChosen)
        ui.modelDetailsButton.connect("clicked()", self.showDetails)
        ui.addModelButton.connect("clicked()", self._askForFolder)
        self.refresh()

    def setParameterNode(self, parameterNode) -> None:
        self._parameterNode = parameterNode
        if parameterNode is None:
            self._suggestion.stop()
        volume = parameterNode.inputVolume if parameterNode is not None else None
        self._restoredFor = volume.GetID() if volume is not None and parameterNode.modelReference else ""
        self._reason = ""
        self.update()

    def refresh(self) -> None:
        """Reads the folders again. Unreadable models are only logged: a disk may be disconnected for a while."""
        self._models, problems = readModels(ownFolders())
        for problem in problems:
            logging.info("A model cannot be read: %s", problem)
        choices = [self._choice(model) for model in self._models if model.bundled]
        own = [self._choice(model) for model in self._models if not model.bundled]
        self._box.fill(choices + ([("", "", "")] if choices and own else []) + own)
        self.update()

    def update(self) -> None:
        """Shows the parameter node's selection; a model that is no longer in the list is shown as missing."""
        reference = self._parameterNode.modelReference if self._parameterNode else ""
        if reference and reference not in self._box.values:
            self._box.fill(
                [self._choice(model) for model in self._models]
                + [(reference, _("{name} (missing)").format(name=os.path.basename(reference)), reference)]
            )
        self._box.value = reference
        model = self.model()
        self._ui.modelDetailsButton.enabled = model is not None
        volume = self._parameterNode.inputVolume if self._parameterNode else None
        self._ui.modelSummaryLabel.text = _summary(model, volume) if model else html.escape(self.whyNone())
        if reference:
            self._suggestion.stop()
        else:
            self._suggest(volume)
        self._ui.modelSelector.toolTip = toolTipOf(self._reason or _("Model"))

    def setActive(self, active: bool) -> None:
        """The engine is asked for a suggestion only while the module is shown."""
        self._isActive = active
        if active:
            self.update()
        else:
            self._suggestion.stop()

    def _suggest(self, volumeNode) -> None:
        if not (self._isActive and hasVoxels(volumeNode) and isEngineInstalled()):
            return
        fitting = [model for model in self._present() if not whyUnsuitable(volumeNode, model)]
        self._suggestion.request(volumeNode, fitting)
        if text := self._suggestion.text(fitting):
            self._ui.modelSummaryLabel.text = text

    def whyNone(self) -> str:
        """Why there is no model to choose for the volume; empty when there is one, or one is selected."""
        if self._parameterNode is None or self.model() is not None:
            return ""
        volume = self._parameterNode.inputVolume
        return whyNoneFits(volume, self._present()) if hasVoxels(volume) else ""

    def model(self) -> ModelDescription | None:
        """The selected model; None when none is, or when it is gone."""
        reference = self._parameterNode.modelReference if self._parameterNode else ""
        return next((model for model in self._models if model.reference == reference), None)

    def isMissing(self) -> bool:
        """Whether the selected model is gone from the disk."""
        if self._parameterNode is None or not self._parameterNode.modelReference:
            return False
        model = self.model()
        return model is None or not model.exists()

    def chooseFor(self, volumeNode) -> None:
        """Selects the model that there is a reason for, or none: the user is then asked to choose one.

        A model that the user has chosen, and that of a saved scene, stays as long as it can be used on the volume.
        """
        node = self._parameterNode
        if node is None or not hasVoxels(volumeNode) or whyNoImage(volumeNode):
            return
        model = self.model()
        if node.modelReference and (node.modelChosen or volumeNode.GetID() == self._restoredFor):
            if model is None or not whyUnsuitable(volumeNode, model, oneSliceOnly=True):
                return
        found = preselect(volumeNode, self._present())
        self._reason = found.reason if found is not None else ""
        node.modelReference, node.modelChosen = (found.model.reference if found is not None else ""), False
        self.update()

    def keepChoice(self) -> None:
        """The present model stays for other images, too, as if the user had chosen it for them."""
        if self.model() is not None:
            self._parameterNode.modelChosen = True

    def addFolder(self, folder: str) -> None:
        """Adds the folder to the list for this and later sessions, and selects the first model in it.

        The first error of models that cannot be read is shown.
        """
        models, problems = [], []
        for found in modelFoldersIn(Path(folder)) or [folder]:
            try:
                models.append(readModel(found))
            except ResFormerSegError as problem:
                problems.append(problem)
        for problem in problems[:1]:
            self._onProblem(problem)
        if not models:
            return
        if folder not in ownFolders():
            setOwnFolders([*ownFolders(), folder])
        self.refresh()
        self._choose(models[0].reference)

    def removeFolderOf(self, model: ModelDescription) -> None:
        """Removes the model's folder from the list; nothing is deleted. Another model is selected."""
        folder = ownFolderOf(model)
        if folder is None:
            return
        setOwnFolders([other for other in ownFolders() if other != folder])
        self.refresh()
        if self._parameterNode is not None and self.model() is None:
            self._parameterNode.modelReference, self._parameterNode.modelChosen = "", False
            self._restoredFor = ""
            self.refresh()
            self.chooseFor(self._parameterNode.inputVolume)
        self._onChanged()

    def showDetails(self) -> None:
        model = self.model()
        if model is not None:
            if self._details is None:
                self._details = ModelDetails(self.removeFolderOf)
            self._details.show(model, ownFolderOf(model) is not None)

    def classNames(self, entry: dict) -> dict[str, str]:
        """Names of the diagnoses by id, for a report's entry `model`; empty when that model is not known."""
        model = self._modelOf(entry) or self._modelWithIdOf(entry)
        return model.diagnoses if model is not None else {}

    def diagnosesPatients(self, entry: dict) -> bool:
        """Whether the model of a report's entry `model` diagnoses patients from two cardiac phases."""
        model = self._modelOf(entry) or self._modelWithIdOf(entry)
        return model is not None and model.diagnosesPatients

    def referenceOf(self, entry: dict) -> str | None:
        """The engine's reference for a report's entry `model`; None when the same weights are no longer available."""
        model = self._modelOf(entry)
        return model.reference if model is not None else None

    def _modelOf(self, entry: dict) -> ModelDescription | None:
        """The model with the same weights: newer versions and models trained further keep the id."""
        there = (model for model in self._models if model.weightsSum == entry.get("sha256") and model.exists())
        return next((model for model in there if model.weightsSum and model.id == entry["id"]), None)

    def _modelWithIdOf(self, entry: dict) -> ModelDescription | None:
        """A model with the same id but maybe other weights: sufficient for names."""
        return next((model for model in self._models if model.id == entry["id"]), None)

    def cleanup(self) -> None:
        self._box.cleanup()
        self._ui.modelSummaryLabel.disconnect("linkActivated(QString)", self._onChosen)
        self._suggestion.cleanup()
        if self._details is not None:
            self._details.cleanup()
        self._parameterNode = None

    def _choice(self, model: ModelDescription) -> tuple[str, str, str]:
        where = "" if model.bundled else f"\n{model.folder}"
        return model.reference, self._titleOf(model), f"{model.descriptor['description']}{where}"

    def _titleOf(self, model: ModelDescription) -> str:
        """With the folder's name, or if needed its path, when another model has the same title."""
        alike = [other for other in self._models if other.title == model.title and other is not model]
        if model.bundled or not alike:
            return model.title
        isAlone = model.folder.name not in [other.folder.name for other in alike]
        return f"{model.title} ({model.folder.name if isAlone else model.folder})"

    def _onChosen(self, reference: str) -> None:
        self._choose(reference)

    def _choose(self, reference: str) -> None:
        if self._parameterNode is None:
            return
        self._parameterNode.modelReference = reference
        self._parameterNode.modelChosen = True
        self._reason = ""
        self._remember()
        self.update()
        self._onChanged()

    def _remember(self) -> None:
        """For the next such image, also in another scene; not a choice that cannot be used."""
        volume, model = self._parameterNode.inputVolume, self.model()
        if model is not None and hasVoxels(volume) and not whyUnsuitable(volume, model, oneSliceOnly=True):
            rememberChoice(volume, model.reference)

    def _present(self) -> list[ModelDescription]:
        return [model for model in self._models if model.exists()]

    def _askForFolder(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Add a model folder"))
        if folder:
            self.addFolder(folder)


def _summary(model: ModelDescription, volumeNode) -> str:
    """Rich text: the images that the model is for, and a warning when the volume is of another modality.

    What it does with them is in the list's tool tips and in the details: here it would push Apply out of sight.
    """
    text = html.escape(_("Input: {input}").format(input=inputName(model)))
    mismatch = modalityMismatch(volumeNode, model) if volumeNode is not None else ""
    return f"{text}<br><font color='{WARNING_COLOR}'>▲</font> {html.escape(mismatch)}" if mismatch else text
