"""Segments the heart at end-diastole and end-systole, and diagnoses the patient from both volumes together."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

from slicer.i18n import tr as _

from resformer_unet.inference.reliability import reasons_of, reliability
from ResFormerSegLib.engine.temporary_folder import temporaryFolderError
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.models.catalog import findModel
from ResFormerSegLib.runs.prediction import PredictionTask, modelReference
from ResFormerSegLib.runs.results import PatientResult
from ResFormerSegLib.runs.saved_results import saveTogether
from ResFormerSegLib.runs.task import Task
from ResFormerSegLib.scene.patient_name import areOfDifferentPatients
from ResFormerSegLib.scene.result_visibility import showOnly
from ResFormerSegLib.scene.scene_changes import allOrNothing
from ResFormerSegLib.scene.shown_frame import withFrame


class PatientTask(Task):
    """Two predictions, then the patient's diagnosis. Nothing enters the scene before all three have succeeded.

    firstVolume, secondVolume: end-diastole and end-systole, in any order. options, outputSegmentation: as in
    `PredictionTask`; the output is that of the first volume, the second has a new one.
    """

    passes = 2

    def __init__(
        self,
        firstVolume,
        secondVolume,
        modelId: str | os.PathLike,
        device: str,
        options: dict | None = None,
        outputSegmentation=None,
    ) -> None:
        self._model = modelReference(modelId)
        self._parts = [
            PredictionTask(firstVolume, modelId, device, options, outputSegmentation),
            PredictionTask(secondVolume, modelId, device, options),
        ]
        checkPair(firstVolume, secondVolume)
        checkModel(self._model)
        super().__init__(firstVolume, secondVolume, outputSegmentation)
        self._names = [firstVolume.GetName(), secondVolume.GetName()]
        if self._names[0] == self._names[1]:  # messages of the engine refer to them by name
            self._names = [f"{name} ({number})" for number, name in enumerate(self._names, start=1)]
        self._events: list[dict] = []

    def export(self, folder: Path) -> Generator[None, None, dict]:
        return (yield from self._export(folder))

    def follow(self, event: dict, folder: Path) -> Generator[None, None, dict | None]:
        if len(self._events) == self.passes:  # the result of the command "patient"
            return None
        self._events.append(event)
        if len(self._events) < self.passes:
            return (yield from self._export(folder))
        reports = [event["report"] for event in self._events]
        return {"command": "patient", "model": self._model, "reports": reports}

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, PatientResult]:
        patient, volumes = event["patient"], [reference.Get() for reference in self.nodes[:2]]
        if areOfDifferentPatients(*volumes):
            patient = _ofTwoPatients(patient, *volumes)
        outputs = []
        for part, given in zip(self._parts, self._events, strict=True):
            outputs.append((yield from part.read(given)))
        self._parts[0].checkOutput()
        output = self.nodes[2].Get() if len(self.nodes) > 2 else None
        with allOrNothing(output):
            # The second volume first: it only adds nodes, which can be undone; an existing output also gets attributes.
            second = self._parts[1].makeNodes(outputs[1], notices, patient)
            first = self._parts[0].makeNodes(outputs[0], notices, patient)
            result = PatientResult(first, second, patient)
            saveTogether(result)
        showOnly(first.segmentationNode)  # two overlapping segmentations of a heart are unreadable
        return result

    def describeProgress(self, done: int, total: int) -> str:
        name = self._names[min(len(self._events), 1)]
        return _("{name}: slice {done} of {total}").format(name=name, done=done, total=total)

    def _export(self, folder: Path) -> Generator[None, None, dict]:
        index = len(self._events)
        own = folder / str(index)
        try:
            own.mkdir()
        except OSError as error:
            raise temporaryFolderError(folder, error) from error
        part = self._parts[index]
        command = yield from part.export(own)
        name = withFrame(self._names[index], part.nodes[0].Get(), part.frame)
        return {**command, "image": {**command["image"], "name": name}}


def checkPair(firstVolume, secondVolume) -> None:
    if firstVolume is secondVolume:
        raise ResFormerSegError(
            "SAME_VOLUME_TWICE",
            _("'{name}' was given for both cardiac phases.").format(name=firstVolume.GetName()),
            _("Choose the volume of the other phase; one at end-diastole and one at end-systole are needed."),
        )


def checkModel(reference: str) -> None:
    """A model that is not found here is left to the engine, which reports it."""
    model = findModel(reference)
    if model is not None and not model.diagnosesPatients:
        raise ResFormerSegError(
            "MODEL_WITHOUT_PATIENTS",
            _("The model '{model}' diagnoses single images, not patients.").format(model=model.title),
            _("Choose a model for both cardiac phases, or run each volume separately."),
        )


def _ofTwoPatients(patient: dict, first, second) -> dict:
    """The entry of the patient with the warning that it is of neither, by which it is not reliable."""
    text = _("'{first}' and '{second}' are of two patients, by their DICOM data: the diagnosis is of neither.")
    warning = {"code": "PATIENTS_DIFFER", "message": text.format(first=first.GetName(), second=second.GetName())}
    reasons = reliability([warning["code"], *reasons_of(patient)])
    return {**patient, "warnings": [warning, *patient.get("warnings", [])], **reasons}
