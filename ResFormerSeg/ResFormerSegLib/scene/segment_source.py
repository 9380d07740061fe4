"""The segments of a segmentation or of a label map, read for a comparison.

Neither the node nor the scene is changed: what must be converted is converted in a copy that is not in the scene.
"""

from __future__ import annotations

import json
import re

import slicer
import vtk

from ResFormerSegLib.scene.result_nodes import REPORT

UNSPECIFIC_TYPES = ("", "85756007")  # none, and "Tissue", the default of every new segment
# Names that applications give to the labels of a file without names.
_NUMBERED = re.compile(r"(?:segment|label|class|region)[ _-]?(\d+)|(\d+)", re.IGNORECASE)


def isSegmentSource(node) -> bool:
    return isinstance(node, slicer.vtkMRMLSegmentationNode | slicer.vtkMRMLLabelMapVolumeNode)


def sourceOf(node) -> SegmentationSource | LabelMapSource:
    """node: a segmentation or a label map."""
    return LabelMapSource(node) if node.IsA("vtkMRMLLabelMapVolumeNode") else SegmentationSource(node)


def lastTouched(node) -> list:
    """Names of the segments, and when their voxels were last touched, in VTK's count; of a label map of its voxels.

    Of a segmentation, events come for colours and surfaces, too; by this it can be told at once that they mean nothing.
    """
    if not node.IsA("vtkMRMLSegmentationNode"):
        image = node.GetImageData()
        return [image.GetMTime() if image is not None else None]
    segmentation = node.GetSegmentation()
    rows = []
    for index in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(index)
        content = segment.GetRepresentation(segmentation.GetSourceRepresentationName())
        touched = content.GetMTime() if content is not None else None
        rows.append([segmentation.GetNthSegmentID(index), segment.GetName(), segment.GetLabelValue(), touched])
    return rows


class SegmentationSource:
    def __init__(self, node) -> None:
        self._segmentation = node.GetSegmentation()
        self._report = node.GetAttribute(REPORT)
        self.ids: list[str] = list(self._segmentation.GetSegmentIDs())

    def name(self, identifier: str) -> str:
        return self._segmentation.GetSegment(identifier).GetName() or ""

    def terminology(self, identifier: str) -> str:
        """Category, type and modifier; empty for an unspecific one."""
        segment = self._segmentation.GetSegment(identifier)
        entry = slicer.vtkSlicerTerminologyEntry()
        logic = slicer.vtkSlicerTerminologiesModuleLogic()
        if not segment.GetTerminology() or not logic.DeserializeTerminologyEntry(segment.GetTerminology(), entry):
            return ""
        codes = [
            code.GetCodeValue() or ""
            for code in (entry.GetCategoryObject(), entry.GetTypeObject(), entry.GetTypeModifierObject())
        ]
        return "" if codes[1] in UNSPECIFIC_TYPES else "~".join(codes)

    def values(self) -> dict[str, int]:
        """The label value that a segment has in files, by its id: of a result of this module as its report says, else
        the number in a name such as "Segment_1". Overlapping segments share values and have none here."""
        values = {}
        if self._report:
            values = {row["id"]: row.get("value") for row in json.loads(self._report).get("segments", [])}
        for identifier in self.ids:
            if numbered := _NUMBERED.fullmatch(self.name(identifier).strip()):
                values.setdefault(identifier, int(numbered[1] or numbered[2]))
        values = {identifier: values[identifier] for identifier in self.ids if values.get(identifier) is not None}
        return values if len(set(values.values())) == len(values) else {}

    def labels(self, identifier: str) -> tuple[slicer.vtkOrientedImageData, int]:
        """The label map that holds the segment, and the segment's value in it. Several may share one."""
        name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
        if not self._segmentation.ContainsRepresentation(name):
            copy = slicer.vtkSegmentation()
            copy.DeepCopy(self._segmentation)
            if not copy.CreateRepresentation(name):
                raise RuntimeError("the segments cannot be converted to label maps")
            self._segmentation = copy
        segment = self._segmentation.GetSegment(identifier)
        return segment.GetRepresentation(name), segment.GetLabelValue()


class LabelMapSource:
    """Each value but 0 is a segment."""

    def __init__(self, node) -> None:
        import numpy as np
        from vtk.util.numpy_support import vtk_to_numpy

        self._image = slicer.vtkOrientedImageData()
        self._values: dict[str, int] = {}
        data = node.GetImageData()
        if data is None or data.GetPointData().GetScalars() is None:
            self.ids: list[str] = []
            return
        self._image.ShallowCopy(data)
        ijkToRas = vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(ijkToRas)
        self._image.SetImageToWorldMatrix(ijkToRas)
        labels = vtk_to_numpy(data.GetPointData().GetScalars())
        seen = np.zeros(int(max(0, labels.max())) + 1, bool)
        seen[labels[labels > 0].astype(np.int64)] = True
        self._values = {str(value): int(value) for value in np.flatnonzero(seen)}
        self.ids = list(self._values)
        display = node.GetDisplayNode()
        self._colors = display.GetColorNode() if display is not None else None

    def name(self, identifier: str) -> str:
        """As the colour table names it; else the value."""
        name = self._colors.GetColorName(self._values[identifier]) if self._colors is not None else ""
        return name or identifier

    def terminology(self, identifier: str) -> str:
        return ""

    def values(self) -> dict[str, int]:
        return dict(self._values)

    def labels(self, identifier: str) -> tuple[slicer.vtkOrientedImageData, int]:
        return self._image, self._values[identifier]


def pairSegments(first, second) -> list[tuple[str, str]]:
    """Ids of corresponding segments of two sources: of the same name, or failing that of the same id or terminology.

    If each has just one segment, these two; if nothing else corresponds, segments of the same label value.
    """
    if len(first.ids) == len(second.ids) == 1:
        return [(first.ids[0], second.ids[0])]
    pairs: dict[str, str] = {}
    keys = (
        lambda source, identifier: source.name(identifier).strip().casefold(),
        lambda source, identifier: identifier,
        lambda source, identifier: source.terminology(identifier),
    )
    for key in keys:
        free = {key(second, other): other for other in reversed(second.ids) if other not in pairs.values()}
        for identifier in first.ids:
            wanted = key(first, identifier)
            if identifier not in pairs and wanted and wanted in free:
                pairs[identifier] = free.pop(wanted)
    if not pairs:
        byValue = {value: other for other, value in second.values().items()}
        pairs = {identifier: byValue[value] for identifier, value in first.values().items() if value in byValue}
    return [(identifier, pairs[identifier]) for identifier in first.ids if identifier in pairs]
