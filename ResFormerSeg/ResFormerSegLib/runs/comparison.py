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
from ResFormerSegLib.scene.segment_source import isSegmentSource, pairSegments, sourceOf
from ResFormerSegLib.scene.volume_export import checkVolume, lpsRows


class ComparisonTask(Task):
    """first, second: segmentations or label maps. volumeNode: on its voxels the two are compared; None takes the
    reference geometry of either.

    The result is a list with a row per pair of segments, as the engine gives it: id and name (of the first
    segmentation), dice, jaccard, hausdorff95_mm, volume_first_ml, volume_second_ml, volume_difference_ml.
    """

    def __init__(self, first, second, volumeNode=None) -> None:
        for node in (first, second):
            if not isSegmentSource(node):
                raise ResFormerSegError(
                    "NOT_A_SEGMENTATION",
                    _("Two segmentations or label maps are needed for a comparison."),
                    _("Select the result and the reference segmentation."),
                )
        role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
        volumeNode = volumeNode or first.GetNodeReference(role) or second.GetNodeReference(role)
        checkVolume(volumeNode)
        self._sources = [sourceOf(first), sourceOf(second)]
        for node, source in zip((first, second), self._sources, strict=True):
            if not source.ids:
                raise ResFormerSegError(
                    "NO_SEGMENTS_TO_COMPARE",
                    _("'{name}' holds no segments.").format(name=node.GetName()),
                    _("Choose a segmentation or a label map with segments."),
                )
        self._pairs = pairSegments(*self._sources)
        if not self._pairs:
            raise ResFormerSegError(
                "NO_SEGMENTS_TO_COMPARE",
                _("'{first}' and '{second}' have no segment in common.").format(
                    first=first.GetName(), second=second.GetName()
                ),
                _("Give the segments to be compared the same name, or names with their label values, as “Segment_1”."),
            )
        super().__init__(first, second, volumeNode)

    def export(self, folder: Path) -> Generator[None, None, dict]:
        first, second, volumeNode = (reference.Get() for reference in self.nodes)
        places = []
        for index, (node, name) in enumerate(((first, "first.npy"), (second, "second.npy"))):
            ids = [pair[index] for pair in self._pairs]
            try:
                places.append((yield from exportLayers(self._sources[index], node, ids, volumeNode, folder / name)))
            except OSError as error:
                raise temporaryFolderError(folder, error) from error
        ijkToRas = vtk.vtkMatrix4x4()
        volumeNode.GetIJKToRASMatrix(ijkToRas)
        segments = [
            {
                "id": pair[0],
                "name": self._sources[0].name(pair[0]),
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
