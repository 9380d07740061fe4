"""What `ResFormerSegLogic.process` returns."""

from __future__ import annotations

from dataclasses import dataclass, field

import slicer


@dataclass(frozen=True)
class ProcessingResult:
    """The nodes that were made and the diagnosis in plain Python types.

    segmentationNode: one segment per structure that the model outlines, None for a model that does not outline.
    tableNode: one row per slice: the probability of each class and the voxels of each segment. diagnosis: the id of
    the most probable class, None for a model that does not diagnose. probability: of that class, calibrated, 0 to 1.
    probabilities: of every class by id, they sum to 1. report: the engine's full report, as the command line writes
    it to `<case>.json`. warnings: [{"code", "message"}], for the user to read; empty when there is nothing to say.
    volumeNode: what was outlined; None if it is not known any more. probabilityMapNodes: by segment id, a volume in per
    cent each; empty unless asked for.
    """

    segmentationNode: slicer.vtkMRMLSegmentationNode | None
    tableNode: slicer.vtkMRMLTableNode
    diagnosis: str | None
    probability: float | None
    probabilities: dict[str, float]
    report: dict
    warnings: list[dict[str, str]]
    volumeNode: slicer.vtkMRMLScalarVolumeNode | None = None
    probabilityMapNodes: dict[str, slicer.vtkMRMLScalarVolumeNode] = field(default_factory=dict)
