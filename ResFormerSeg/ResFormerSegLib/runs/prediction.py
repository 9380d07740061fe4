"""Segments and diagnoses a volume: segmentation, table of the slices and probability maps beside the volume."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.engine.array_file import readArrays
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.models.suitability import whyNoImage
from ResFormerSegLib.runs.results import ProcessingResult
from ResFormerSegLib.runs.saved_results import saveWithNodes
from ResFormerSegLib.runs.task import Task, checkedDevice, checkedOptions, invalidResult, notImported
from ResFormerSegLib.scene.output_segmentation import checkOutput
from ResFormerSegLib.scene.result_display import styleSegmentation
from ResFormerSegLib.scene.result_nodes import (
    TABLE_ROLE,
    VOLUME_ROLE,
    addNodeBeside,
    fillDiagnosisTable,
    fillScalarVolume,
    tableKept,
)
from ResFormerSegLib.scene.result_visibility import showOnly
from ResFormerSegLib.scene.scene_changes import allOrNothing, placeBeside
from ResFormerSegLib.scene.segmentation_import import addSegments, makeLabelMaps
from ResFormerSegLib.scene.shown_frame import shownFrame, withFrame
from ResFormerSegLib.scene.transform_warnings import transformWarnings
from ResFormerSegLib.scene.user_edits import fingerprint, rememberUnedited
from ResFormerSegLib.scene.volume_changes import checkUnchanged
from ResFormerSegLib.scene.volume_export import checkVolume, exportVolume, rememberPicture


@dataclass(frozen=True)
class PredictionOutput:
    """What the engine computed for one image: report, a label map for each layer, probability maps as VTK arrays."""

    report: dict
    labelMaps: list
    maps: list


class PredictionTask(Task):
    """options: as in docs/worker-protocol.md. outputSegmentation: its segments are replaced, unless the user has edited
    them during the run; None makes a node."""

    frame: str | None = None  # that was exported, of a volume that is shown from a sequence
    _outputBefore = ""  # fingerprint of the output when the run began

    def __init__(
        self,
        volumeNode,
        modelId: str | os.PathLike,
        device: str,
        options: dict | None = None,
        outputSegmentation=None,
    ) -> None:
        checkVolume(volumeNode)
        if outputSegmentation is not None:
            checkOutput(outputSegmentation)
            self._outputBefore = fingerprint(outputSegmentation)
        super().__init__(volumeNode, outputSegmentation)
        self._outputHadDisplay = outputSegmentation is not None and outputSegmentation.GetDisplayNode() is not None
        model, device = modelReference(modelId), checkedDevice(device)
        self._command = {"command": "predict", "model": model, "device": device, "options": options}

    def export(self, folder: Path) -> Generator[None, None, dict]:
        volumeNode = self.nodes[0].Get()
        self.frame = shownFrame(volumeNode)
        self._exported = yield from exportVolume(volumeNode, folder)
        message = self._exported.message
        image = {**message, "name": withFrame(message["name"], volumeNode, self.frame)}
        return {**self._command, "image": image, "output": str(folder)}

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, ProcessingResult]:
        output = yield from self.read(event)
        result = self.makeNodes(output, notices)
        showOnly(result.segmentationNode)  # when nothing can fail any more
        return result

    def read(self, event: dict) -> Generator[None, None, PredictionOutput]:
        """Reads the engine's output; the scene is not changed yet. Raises ResFormerSegError: VOLUME_CHANGED ..."""
        from vtk.util.numpy_support import vtk_to_numpy

        yield from checkUnchanged(self.nodes[0].Get(), self._exported)
        layers = yield from self._read(event["labels"])
        maps = []
        if event.get("probability_maps"):
            maps = yield from self._read(event["probability_maps"])
        try:
            labels = [vtk_to_numpy(layer).reshape(self._exported.shape) for layer in layers]
            labelMaps = yield from makeLabelMaps(labels, event["report"]["segments"], self._exported)
        except Exception as error:
            raise notImported(error) from error
        return PredictionOutput(event["report"], labelMaps, maps)

    def makeNodes(self, output: PredictionOutput, notices: list[dict], patient: dict | None = None) -> ProcessingResult:
        """Adds the result to the scene, all or nothing. patient: see `ProcessingResult`."""
        self.checkOutput()
        volumeNode = self.nodes[0].Get()
        notices = [*notices, *transformWarnings(volumeNode)]
        noImage = whyNoImage(volumeNode)
        notices = [*notices, {"code": "LABEL_MAP", "message": noImage}] if noImage else notices
        segmentationNode = self.nodes[1].Get() if len(self.nodes) > 1 else None
        if segmentationNode is not None and fingerprint(segmentationNode) != self._outputBefore:
            message = _("'{name}' was edited during the run and was not replaced: the result is in a new segmentation.")
            notices = [*notices, {"code": "OUTPUT_EDITED", "message": message.format(name=segmentationNode.GetName())}]
            segmentationNode = None
        try:
            return self._makeNodes(output, segmentationNode, notices, patient)
        except Exception as error:
            raise notImported(error) from error

    def checkOutput(self) -> None:
        """Whether the output can still take the result. Raises ResFormerSegError: OUTPUT_WITHOUT_DISPLAY."""
        if len(self.nodes) > 1:
            checkOutput(self.nodes[1].Get(), self._outputHadDisplay)

    def _read(self, path: str) -> Generator[None, None, list]:
        try:
            return (yield from readArrays(path, "uint8", self._exported.shape))
        except (OSError, ValueError, TypeError) as error:
            raise invalidResult() from error

    def _makeNodes(
        self, output: PredictionOutput, segmentationNode, notices: list[dict], patient: dict | None
    ) -> ProcessingResult:
        """segmentationNode: whose segments are replaced; None makes one."""
        report = output.report
        volumeNode = self.nodes[0].Get()
        # A segmentation that is replaced takes its table with it.
        tableNode = segmentationNode.GetNodeReference(TABLE_ROLE) if segmentationNode is not None else None
        with allOrNothing(segmentationNode), tableKept(tableNode):
            if segmentationNode is None and report["segments"]:
                name = _("{name} segmentation").format(name=volumeNode.GetName())
                segmentationNode = addNodeBeside(volumeNode, "vtkMRMLSegmentationNode", name)
                styleSegmentation(segmentationNode, volumeNode)
            if segmentationNode is not None:
                addSegments(segmentationNode, output.labelMaps, report["segments"])
            tableName = _("{name} diagnosis").format(name=volumeNode.GetName())
            isOther = tableNode is not None and tableNode.GetNodeReference(VOLUME_ROLE) is not volumeNode
            if tableNode is None:
                tableNode = addNodeBeside(volumeNode, "vtkMRMLTableNode", tableName)
            fillDiagnosisTable(tableNode, report)
            mapNodes = {}
            for row, scalars in zip(report["segments"], output.maps, strict=bool(output.maps)):
                name = _("{name} {segment} probability").format(name=volumeNode.GetName(), segment=row["name"])
                node = mapNodes[row["id"]] = addNodeBeside(volumeNode, "vtkMRMLScalarVolumeNode", name)
                fillScalarVolume(node, scalars, self._exported, (0, 100))
                node.SetAttribute("ResFormerSeg.ProbabilityOf", row["id"])
                node.SetNodeReferenceID(VOLUME_ROLE, volumeNode.GetID())
                node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
            warnings = report["warnings"] + notices
            result = ProcessingResult(
                segmentationNode=segmentationNode,
                tableNode=tableNode,
                report=report,
                warnings=[warning for index, warning in enumerate(warnings) if warning not in warnings[:index]],
                volumeNode=volumeNode,
                probabilityMapNodes=mapNodes,
                patient=patient,
                frame=self.frame,
                voxels=self._exported.voxels,
            )
            # Last: these steps cannot fail, and are not undone.
            if segmentationNode is not None:
                segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
                segmentationNode.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
            if isOther:  # the segmentation that was replaced was one of another image
                tableNode.SetName(slicer.mrmlScene.GenerateUniqueName(tableName))
                placeBeside(tableNode, volumeNode)
            saveWithNodes(result)
            if segmentationNode is not None:
                rememberUnedited(segmentationNode)
            if not self._exported.message["has_orientation"]:
                for node in filter(None, (segmentationNode, tableNode)):
                    rememberPicture(node, volumeNode)
        return result


def predictionOptions(
    sliceAxis: str | None,
    slices: tuple[int, int] | None,
    minimumAreaMm2: float | None,
    smoothingMm: float,
    probabilityMaps: bool,
) -> dict:
    """The engine's options of a prediction, checked by the engine's own rules. Raises ResFormerSegError: BAD_OPTION."""
    from resformer_unet.inference.options import PredictOptions

    options = {
        "slice_axis": sliceAxis,
        "slices": slices,
        "min_area_mm2": minimumAreaMm2,
        "smoothing_mm": smoothingMm,
        "probability_maps": probabilityMaps,
    }
    return checkedOptions(PredictOptions, options)


def modelReference(modelId: str | os.PathLike) -> str:
    if not isinstance(modelId, str | os.PathLike):
        raise ResFormerSegError(
            "NOT_A_MODEL",
            _("The model is neither an id nor a folder but a {kind}.").format(kind=type(modelId).__name__),
            _("Give the id of a model, such as 'brain-tumor-mr', or a model folder."),
        )
    reference = os.fsdecode(modelId)
    if not reference or "\0" in reference:
        raise ResFormerSegError(
            "NOT_A_MODEL",
            _("The model's name is empty or not a name."),
            _("Give the id of a model, such as 'brain-tumor-mr', or a model folder."),
        )
    return str(reference)
