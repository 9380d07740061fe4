"""Segments and diagnoses a volume: segmentation, table of the slices and probability maps beside the volume."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from slicer.i18n import tr as _

from ResFormerSegLib.engine.array_file import readArrays
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.results import ProcessingResult
from ResFormerSegLib.runs.saved_results import saveWithNodes
from ResFormerSegLib.runs.task import Task, checkedDevice, checkedOptions, invalidResult, notImported
from ResFormerSegLib.scene.output_segmentation import checkOutput
from ResFormerSegLib.scene.result_nodes import addNodeBeside, fillDiagnosisTable, fillScalarVolume
from ResFormerSegLib.scene.scene_changes import allOrNothing
from ResFormerSegLib.scene.segmentation_import import importSegments
from ResFormerSegLib.scene.volume_changes import checkUnchanged, scalingWarning
from ResFormerSegLib.scene.volume_export import checkVolume, exportVolume, rememberPicture

# In the slice views, so that both the anatomy inside a new segmentation and its contour are visible.
FILL_OPACITY, CONTOUR_THICKNESS = 0.25, 2


@dataclass(frozen=True)
class PredictionOutput:
    """What the engine computed for one image: its report, label layers and probability maps as VTK arrays."""

    report: dict
    layers: list
    maps: list


class PredictionTask(Task):
    """options: as in docs/worker-protocol.md. outputSegmentation: its segments are replaced; None makes a node."""

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
        super().__init__(volumeNode, outputSegmentation)
        self._outputHadDisplay = outputSegmentation is not None and outputSegmentation.GetDisplayNode() is not None
        model, device = modelReference(modelId), checkedDevice(device)
        self._command = {"command": "predict", "model": model, "device": device, "options": options}

    def export(self, folder: Path) -> Generator[None, None, dict]:
        self._exported = yield from exportVolume(self.nodes[0].Get(), folder)
        return {**self._command, "image": self._exported.message, "output": str(folder)}

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, ProcessingResult]:
        output = yield from self.read(event)
        return self.makeNodes(output, notices)

    def read(self, event: dict) -> Generator[None, None, PredictionOutput]:
        """Reads the engine's output; the scene is not changed yet. Raises ResFormerSegError: VOLUME_CHANGED ..."""
        yield from checkUnchanged(self.nodes[0].Get(), self._exported)
        layers = yield from self._read(event["labels"])
        maps = []
        if event.get("probability_maps"):
            maps = yield from self._read(event["probability_maps"])
        return PredictionOutput(event["report"], layers, maps)

    def makeNodes(self, output: PredictionOutput, notices: list[dict], patient: dict | None = None) -> ProcessingResult:
        """Adds the result to the scene, all or nothing. patient: see `ProcessingResult`."""
        self.checkOutput()
        scaling = scalingWarning(self.nodes[0].Get())
        notices = [*notices, scaling] if scaling else notices
        try:
            return self._makeNodes(output, notices, patient)
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

    def _makeNodes(self, output: PredictionOutput, notices: list[dict], patient: dict | None) -> ProcessingResult:
        from vtk.util.numpy_support import vtk_to_numpy

        report = output.report
        volumeNode = self.nodes[0].Get()
        segmentationNode = self.nodes[1].Get() if len(self.nodes) > 1 else None
        with allOrNothing(segmentationNode):
            if segmentationNode is None and report["segments"]:
                name = _("{name} segmentation").format(name=volumeNode.GetName())
                segmentationNode = addNodeBeside(volumeNode, "vtkMRMLSegmentationNode", name)
                segmentationNode.CreateDefaultDisplayNodes()
                segmentationNode.GetDisplayNode().SetOpacity2DFill(FILL_OPACITY)
                segmentationNode.GetDisplayNode().SetSliceIntersectionThickness(CONTOUR_THICKNESS)
            if segmentationNode is not None:
                labels = [vtk_to_numpy(layer).reshape(self._exported.shape) for layer in output.layers]
                importSegments(segmentationNode, labels, report["segments"], self._exported)
            name = _("{name} diagnosis").format(name=volumeNode.GetName())
            tableNode = addNodeBeside(volumeNode, "vtkMRMLTableNode", name)
            fillDiagnosisTable(tableNode, report)
            mapNodes = {}
            for row, scalars in zip(report["segments"], output.maps, strict=bool(output.maps)):
                name = _("{name} {segment} probability").format(name=volumeNode.GetName(), segment=row["name"])
                node = mapNodes[row["id"]] = addNodeBeside(volumeNode, "vtkMRMLScalarVolumeNode", name)
                fillScalarVolume(node, scalars, self._exported, (0, 100))
                node.SetAttribute("ResFormerSeg.ProbabilityOf", row["id"])
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
            )
            # Last: these steps cannot fail, and are not undone.
            if segmentationNode is not None:
                segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
                segmentationNode.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
            saveWithNodes(result)
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
