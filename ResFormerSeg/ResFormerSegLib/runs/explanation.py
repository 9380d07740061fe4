"""Explains a diagnosis by a saliency volume beside the image."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.engine.array_file import readArrays
from ResFormerSegLib.runs.prediction import modelReference
from ResFormerSegLib.runs.task import Task, checkedDevice, checkedOptions, invalidResult, notImported
from ResFormerSegLib.scene.result_nodes import VOLUME_ROLE, addNodeBeside, fillScalarVolume
from ResFormerSegLib.scene.scene_changes import allOrNothing
from ResFormerSegLib.scene.shown_frame import FRAME, VOXELS, RunImage, checkImage, runImageOf, shownFrame
from ResFormerSegLib.scene.volume_changes import checkUnchanged
from ResFormerSegLib.scene.volume_export import checkVolume, exportVolume

SALIENCY_ROLE = "ResFormerSeg.SaliencyOf"  # node reference from the saliency volume to the image
MODEL = "ResFormerSeg.SaliencyModel"  # attribute of the saliency volume: SHA-256 of the weights, if they are known


@dataclass(frozen=True)
class ExplanationResult:
    """saliencyNode: float volume on the image's grid, 0 to 1: how much each voxel supports the diagnosis.

    diagnosis: id of the class that is explained. method, citation: how it was computed, and who described it.
    """

    saliencyNode: slicer.vtkMRMLScalarVolumeNode
    volumeNode: slicer.vtkMRMLScalarVolumeNode
    diagnosis: str
    method: str
    citation: str
    warnings: list[dict[str, str]]


class ExplanationTask(Task):
    """options: as in docs/worker-protocol.md. result: of `process`, whose diagnosis is explained: refused when the
    volume has other voxels or another geometry than in its run, as it would be another image's."""

    def __init__(
        self, volumeNode, modelId: str | os.PathLike, device: str, options: dict | None = None, result=None
    ) -> None:
        checkVolume(volumeNode)
        self._run = RunImage() if result is None else runImageOf(result)
        self._weights = None if result is None else result.report["model"].get("sha256")
        super().__init__(volumeNode)
        model, device = modelReference(modelId), checkedDevice(device)
        self._command = {"command": "explain", "model": model, "device": device, "options": options}

    def export(self, folder: Path) -> Generator[None, None, dict]:
        self._frame = shownFrame(self.nodes[0].Get())
        self._exported = yield from exportVolume(self.nodes[0].Get(), folder)
        checkImage(self.nodes[0].Get(), self._exported, self._run)
        return {**self._command, "image": self._exported.message, "output": str(folder)}

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, ExplanationResult]:
        yield from checkUnchanged(self.nodes[0].Get(), self._exported)
        try:
            (scalars,) = yield from readArrays(event["saliency"], "float32", self._exported.shape)
        except (OSError, ValueError, TypeError) as error:
            raise invalidResult() from error
        volumeNode = self.nodes[0].Get()
        result = {key: str(event[key]) for key in ("diagnosis", "method", "citation")}
        try:
            with allOrNothing():
                node = findSaliencyNode(volumeNode)
                if node is None:
                    name = _("{name} saliency").format(name=volumeNode.GetName())
                    node = addNodeBeside(volumeNode, "vtkMRMLScalarVolumeNode", name)
                    for role in (SALIENCY_ROLE, VOLUME_ROLE):
                        node.SetNodeReferenceID(role, volumeNode.GetID())
                fillScalarVolume(node, scalars, self._exported, (0, 1))
                node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
                for name, value in ((FRAME, self._frame), (VOXELS, self._exported.voxels), (MODEL, self._weights)):
                    node.SetAttribute(name, value)
                for key, value in result.items():
                    node.SetAttribute(f"ResFormerSeg.Saliency{key.capitalize()}", value)
        except Exception as error:
            raise notImported(error) from error
        return ExplanationResult(node, volumeNode, **result, warnings=list(notices))


def findSaliencyNode(volumeNode):
    """The saliency volume that was made of this volume; None if there is none yet."""
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        if volumeNode is not None and node.GetNodeReferenceID(SALIENCY_ROLE) == volumeNode.GetID():
            return node
    return None


def explains(saliencyNode, result) -> bool:
    """Whether a saliency volume is of the image and the model of a result, as far as they are known; else it is one of
    an earlier run."""
    pairs = (
        (saliencyNode.GetAttribute(VOXELS), result.voxels),
        (saliencyNode.GetAttribute(MODEL), result.report["model"].get("sha256")),
    )
    return all(None in pair or pair[0] == pair[1] for pair in pairs)


def explanationOptions(diagnosis: str | None, sliceAxis: str | None, slices: tuple[int, int] | None) -> dict:
    """The engine's options of an explanation, checked by the engine. Raises ResFormerSegError: BAD_OPTION."""
    from resformer_unet.inference.options import ExplainOptions

    return checkedOptions(ExplainOptions, {"slice_axis": sliceAxis, "slices": slices, "diagnosis": diagnosis})
