"""One volume on its way through the engine: from the export to the nodes in the scene.

A job never blocks for longer than the caller asks for, so the same code serves the console call, which waits, and a
panel, which steps it from a timer.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.diagnosis_table import fillDiagnosisTable
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.process import EngineProcess
from ResFormerSegLib.result import ProcessingResult
from ResFormerSegLib.scene_changes import allOrNothing, placeBeside
from ResFormerSegLib.segmentation_import import importSegments
from ResFormerSegLib.volume_export import checkVolume, exportVolume, temporaryFolderError

CANCEL_SECONDS = 10.0  # how long the engine may take to finish the batch it is at


class Job:
    """A context manager: leaving it ends the worker and removes the temporary folder, whatever happened.

    >>> with Job(EngineProcess(), volumeNode, "brain-tumor-mr", "auto") as job:
    ...     while not job.step(timeout=0.05):
    ...         slicer.app.processEvents()
    ...     result = job.importResult()

    progress: called with the fraction done, 0 to 1, and a sentence. outputSegmentation: its segments are replaced;
    None makes a node.
    """

    def __init__(
        self,
        engine: EngineProcess,
        volumeNode,
        modelId: str | os.PathLike,
        device: str,
        sliceAxis: str | None = None,
        outputSegmentation=None,
        progress: Callable[[float, str], None] | None = None,
    ) -> None:
        checkVolume(volumeNode)
        if outputSegmentation is not None and not isinstance(outputSegmentation, slicer.vtkMRMLSegmentationNode):
            raise ResFormerSegError(
                "NOT_A_SEGMENTATION",
                _("The output is not a segmentation."),
                _("Select a segmentation, or none to have a new one made."),
            )
        if not isinstance(modelId, str | os.PathLike):
            raise ResFormerSegError(
                "NOT_A_MODEL",
                _("The model is neither an id nor a folder but a {kind}.").format(kind=type(modelId).__name__),
                _("Give the id of a model, such as 'brain-tumor-mr', or a model folder."),
            )
        self._id = uuid.uuid4().hex
        self._engine = engine
        # Weak: the user may delete the nodes or close the scene while the engine works.
        self._volume = _weakReference(volumeNode)
        self._output = _weakReference(outputSegmentation) if outputSegmentation is not None else None
        self._command = {"command": "predict", "id": self._id, "model": os.fspath(modelId), "device": device}
        self._command["options"] = {"slice_axis": sliceAxis}
        self._progress = progress or (lambda fraction, message: None)
        self._fraction = 0.0
        self._notices: list[dict] = []
        self._folder: Path | None = None
        self._result: dict | None = None
        self._cancelDeadline: float | None = None

    def __enter__(self) -> Job:
        try:
            self._folder = _makeTemporaryFolder()
            self._exported = exportVolume(self._volume.Get(), self._folder)
            self._engine.start()
            self._progress(0.0, _("Starting the engine"))
            self._engine.send({**self._command, "image": self._exported.message, "output": str(self._folder)})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception) -> None:
        # An engine that is done may leave in peace; one that is in the midst of its work has nothing to save.
        self._engine.stop(graceSeconds=3.0 if self._result is not None else 0.0)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def cancel(self) -> None:
        """Asks the engine to stop; a following `step` raises CANCELLED once it has, or once it has had time enough."""
        if self._cancelDeadline is None:
            self._cancelDeadline = time.monotonic() + CANCEL_SECONDS
            self._engine.send({"command": "cancel", "id": self._id})
            self._progress(self._fraction, _("Cancelling"))

    def step(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds for news of the engine; True when the result is there.

        Raises ResFormerSegError.
        """
        if not _isInScene(self._volume) or (self._output is not None and not _isInScene(self._output)):
            raise ResFormerSegError(
                "INPUT_REMOVED",
                _("The volume or the output segmentation was removed from the scene during the run."),
                _("Load it again and restart."),
            )
        if self._cancelDeadline is None:
            event = self._engine.nextEvent(timeout)
        else:
            event = self._eventWhileCancelling(timeout)
        if event is not None and event.get("id", self._id) == self._id:
            self._handle(event)
        return self._result is not None

    def _eventWhileCancelling(self, timeout: float) -> dict | None:
        """Once it was cancelled, nothing that the engine says or suffers is of interest but that it has stopped."""
        try:
            event = self._engine.nextEvent(timeout)
        except ResFormerSegError:
            event = {"event": "cancelled"}
        ended = event is not None and event["event"] in ("cancelled", "result", "error")
        if ended or time.monotonic() > self._cancelDeadline:
            raise ResFormerSegError("CANCELLED", _("The run was cancelled; nothing was changed."))
        return event

    def _handle(self, event: dict) -> None:
        kind = event["event"]
        if kind == "status":
            self._progress(self._fraction, event["message"])
        elif kind == "progress":
            self._fraction = min(1.0, event["done"] / max(1, event["total"]))
            self._progress(
                self._fraction, _("Slice {done} of {total}").format(done=event["done"], total=event["total"])
            )
        elif kind == "notice":
            self._notices.append({"code": event["code"], "message": event["message"]})
        elif kind == "error":
            raise ResFormerSegError(event["code"], event["message"], event.get("hint", ""), self._engine.log())
        elif kind == "cancelled":
            raise ResFormerSegError("CANCELLED", _("The run was cancelled; nothing was changed."))
        elif kind == "result":
            self._result = event

    def importResult(self) -> ProcessingResult:
        """Makes the nodes. When anything fails on the way, the scene is as before and ResFormerSegError is raised."""
        layers = self._readLayers()
        self._progress(1.0, _("Putting the result into the scene"))  # before it: a callback may fail
        try:
            return self._makeNodes(layers)
        except Exception as error:
            raise ResFormerSegError(
                "RESULT_NOT_IMPORTED",
                _("The result could not be put into the scene: {reason}.").format(reason=error or type(error).__name__),
                _("Close other programs if memory is short, then try again."),
                self._engine.log(),
            ) from error

    def _makeNodes(self, layers) -> ProcessingResult:
        volumeNode, report = self._volume.Get(), self._result["report"]
        output = self._output.Get() if self._output is not None else None
        with allOrNothing(output):
            segmentationNode = output
            if segmentationNode is None and report["segments"]:
                segmentationNode = _addNode("vtkMRMLSegmentationNode", _("{name} segmentation"), volumeNode)
                segmentationNode.CreateDefaultDisplayNodes()
            if segmentationNode is not None:
                importSegments(segmentationNode, layers, report["segments"], self._exported)
            tableNode = _addNode("vtkMRMLTableNode", _("{name} diagnosis"), volumeNode)
            fillDiagnosisTable(tableNode, report)
            warnings = _withoutRepetition(report["warnings"] + self._notices)
            result = _makeResult(segmentationNode, tableNode, report, warnings)
            # Last, what cannot fail and is not undone.
            if segmentationNode is not None:
                segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
                segmentationNode.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
                _setAttributes(segmentationNode, result)
            _setAttributes(tableNode, result)
        return result

    def _readLayers(self):
        """The label layers: uint8 (layers, k, j, i) on the volume's grid."""
        import numpy as np

        try:
            layers = np.load(self._result["labels"], allow_pickle=False)
            fits = layers.dtype == np.uint8 and layers.shape[1:] == self._exported.shape
        except (OSError, ValueError):
            fits = False
        if not fits:
            raise ResFormerSegError(
                "RESULT_INVALID",
                _("The engine's segmentation is unreadable or does not fit the volume."),
                _("Try again; reinstall the ResFormerSeg extension if it happens again."),
                self._engine.log(),
            )
        return layers


def _makeResult(segmentationNode, tableNode, report: dict, warnings: list[dict]) -> ProcessingResult:
    diagnosis = report["diagnosis"] or {}
    return ProcessingResult(
        segmentationNode=segmentationNode,
        tableNode=tableNode,
        diagnosis=diagnosis.get("label"),
        probability=diagnosis.get("probability"),
        probabilities=dict(diagnosis.get("probabilities", {})),
        report=report,
        warnings=warnings,
    )


def _setAttributes(node, result: ProcessingResult) -> None:
    """The diagnosis travels with the node: it is saved with the scene and read by scripts without this module."""
    model = result.report["model"]
    node.SetAttribute("ResFormerSeg.Model", f"{model['id']} {model['version']}")
    node.SetAttribute("ResFormerSeg.Report", json.dumps(result.report))
    node.SetAttribute("ResFormerSeg.Diagnosis", result.diagnosis)
    node.SetAttribute("ResFormerSeg.Probability", None if result.probability is None else f"{result.probability:.4f}")


def _addNode(className: str, nameTemplate: str, volumeNode):
    name = slicer.mrmlScene.GenerateUniqueName(nameTemplate.format(name=volumeNode.GetName()))
    node = slicer.mrmlScene.AddNewNodeByClass(className, name)
    placeBeside(node, volumeNode)
    return node


def _makeTemporaryFolder() -> Path:
    parent = slicer.app.temporaryPath
    try:
        return Path(tempfile.mkdtemp(prefix="ResFormerSeg-", dir=parent))
    except OSError as error:
        raise temporaryFolderError(parent, error) from error


def _weakReference(node) -> vtk.vtkWeakReference:
    reference = vtk.vtkWeakReference()
    reference.Set(node)
    return reference


def _isInScene(reference: vtk.vtkWeakReference) -> bool:
    node = reference.Get()
    return node is not None and node.GetScene() is not None


def _withoutRepetition(warnings: list[dict]) -> list[dict]:
    return [warning for index, warning in enumerate(warnings) if warning not in warnings[:index]]
