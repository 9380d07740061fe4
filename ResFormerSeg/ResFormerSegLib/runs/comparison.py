"""Measures the agreement of two segmentations, segment by segment, on the grid of a volume."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.engine.temporary_folder import temporaryFolderError
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.task import Task
from ResFormerSegLib.scene.segment_layers import exportLayers
from ResFormerSegLib.scene.volume_export import checkVolume, lpsRows


class ComparisonTask(Task):
    """volumeNode: on its voxels the two are compared; None takes the reference geometry of either.

    The result is a list with a row per pair of segments, as the engine gives it: id and name (of the first
    segmentation), dice, jaccard, hausdorff95_mm, volume_first_ml, volume_second_ml, volume_difference_ml.
    """

    def __init__(self, first, second, volumeNode=None) -> None:
        for node in (first, second):
            if not isinstance(node, slicer.vtkMRMLSegmentationNode):
                raise ResFormerSegError(
                    "NOT_A_SEGMENTATION",
                    _("Two segmentations are needed for a comparison."),
                    _("Select the result and the reference segmentation."),
                )
        role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
        volumeNode = volumeNode or first.GetNodeReference(role) or second.GetNodeReference(role)
        checkVolume(volumeNode)
        for node in (first, second):
            if node.GetSegmentation().GetNumberOfSegments() == 0:
                raise ResFormerSegError(
                    "NO_SEGMENTS_TO_COMPARE",
                    _("'{name}' holds no segments.").format(name=node.GetName()),
                    _("Choose a segmentation or a label map with segments."),
                )
        self._pairs = pairSegments(first, second)
        if not self._pairs:
            raise ResFormerSegError(
                "NO_SEGMENTS_TO_COMPARE",
                _("'{first}' and '{second}' have no segment in common.").format(
                    first=first.GetName(), second=second.GetName()
                ),
                _("Give the segments to be compared the same name; labels of a label map are matched by value."),
            )
        super().__init__(first, second, volumeNode)

    def export(self, folder: Path) -> Generator[None, None, dict]:
        first, second, volumeNode = (reference.Get() for reference in self.nodes)
        places = []
        for node, name, ids in (
            (first, "first.npy", [pair[0] for pair in self._pairs]),
            (second, "second.npy", [pair[1] for pair in self._pairs]),
        ):
            try:
                places.append((yield from exportLayers(node, ids, volumeNode, folder / name)))
            except OSError as error:
                raise temporaryFolderError(folder, error) from error
        ijkToRas = vtk.vtkMatrix4x4()
        volumeNode.GetIJKToRASMatrix(ijkToRas)
        segments = [
            {
                "id": pair[0],
                "name": first.GetSegmentation().GetSegment(pair[0]).GetName(),
                "layer_first": places[0][pair[0]][0],
                "value_first": places[0][pair[0]][1],
                "layer_second": places[1][pair[1]][0],
                "value_second": places[1][pair[1]][1],
            }
            for pair in self._pairs
        ]
        return {
            "command": "compare",
            "first": str(folder / "first.npy"),
            "second": str(folder / "second.npy"),
            "segments": segments,
            "affine_lps": lpsRows(ijkToRas),
        }

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, list[dict]]:
        yield
        return event["comparison"]

    def describeProgress(self, done: int, total: int) -> str:
        return _("Segment {done} of {total}").format(done=done, total=total)


def pairSegments(first, second) -> list[tuple[str, str]]:
    """Ids of corresponding segments: of the same name, or failing that of the same id or terminology;
    if each segmentation has just one segment, these two."""
    ids, others = (list(node.GetSegmentation().GetSegmentIDs()) for node in (first, second))
    if len(ids) == len(others) == 1:
        return [(ids[0], others[0])]
    pairs = {}
    for key in (_nameOf, lambda node, identifier: identifier, _terminologyOf):
        free = {key(second, other): other for other in reversed(others) if other not in pairs.values()}
        for identifier in ids:
            wanted = key(first, identifier)
            if identifier not in pairs and wanted and wanted in free:
                pairs[identifier] = free.pop(wanted)
    return [(identifier, pairs[identifier]) for identifier in ids if identifier in pairs]


def _nameOf(node, identifier: str) -> str:
    return (node.GetSegmentation().GetSegment(identifier).GetName() or "").strip().casefold()


def _terminologyOf(node, identifier: str) -> str:
    """Category, type and modifier; empty for the unspecific "Tissue", the default of every new segment."""
    segment = node.GetSegmentation().GetSegment(identifier)
    entry = slicer.vtkSlicerTerminologyEntry()
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    if not segment.GetTerminology() or not logic.DeserializeTerminologyEntry(segment.GetTerminology(), entry):
        return ""
    codes = [
        code.GetCodeValue() or ""
        for code in (entry.GetCategoryObject(), entry.GetTypeObject(), entry.GetTypeModifierObject())
    ]
    return "" if codes[1] in ("", "85756007") else "~".join(codes)
