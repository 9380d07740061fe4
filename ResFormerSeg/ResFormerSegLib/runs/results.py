"""What `process` and `processPatient` of the logic return."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

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
    cent each; empty unless asked for. patient: of a volume that was diagnosed together with another one: that diagnosis
    and its measures, see `PatientResult`; else None.
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
    patient: dict | None = None


@dataclass(frozen=True)
class PatientResult:
    """What `processPatient` returns: the results of both volumes, each as of `process`, and what follows from
    them together.

    patient: as the command line writes it to `<name>.patient.json`: diagnosis, cardiac_function, and cases, the names of the
    two volumes with end-diastole first.
    """

    first: ProcessingResult
    second: ProcessingResult
    patient: dict

    def forDisplay(self) -> ProcessingResult:
        """The result of the first volume with the warnings of both."""
        name = self.second.report["case"]
        own = self.second.report["warnings"]  # the notices of the run are in both
        others = [{**warning, "message": f"{name}: {warning['message']}"} for warning in own]
        return replace(self.first, warnings=self.first.warnings + others)
