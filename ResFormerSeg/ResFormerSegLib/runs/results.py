"""What `process` and `processPatient` of the logic return."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import slicer
from slicer.i18n import tr as _

from resformer_unet.inference.reliability import reasons_of
from ResFormerSegLib.runs.plain_result import PlainResult, inOneLine


@dataclass(frozen=True, repr=False)
class ProcessingResult(PlainResult):
    """The nodes that were made and the diagnosis in plain Python types.

    segmentationNode: one segment per structure, None for a model without segmentation. tableNode: one row per slice:
    the probability of each class and the voxels of each segment. report: the engine's full report, as the command line
    writes it to `<case>.json`. warnings: [{"code", "message"}], for the user to read; may be empty. volumeNode: the
    input; None if it is not known any more. probabilityMapNodes: by segment id, a volume in per cent each; empty unless
    asked for. patient: for a volume that was diagnosed together with the other cardiac phase: the patient's diagnosis
    and cardiac function parameters, see `PatientResult`; else None. otherVolumeNode: that other phase's volume.
    frame: of a volume that is shown from a sequence, the index value of the frame that was run; else None. voxels:
    checksum of the voxels that were run; None for a result of an earlier version. otherFrame: the frame of
    otherVolumeNode.
    """

    segmentationNode: slicer.vtkMRMLSegmentationNode | None
    tableNode: slicer.vtkMRMLTableNode
    report: dict
    warnings: list[dict[str, str]]
    volumeNode: slicer.vtkMRMLScalarVolumeNode | None = None
    probabilityMapNodes: dict[str, slicer.vtkMRMLScalarVolumeNode] = field(default_factory=dict)
    patient: dict | None = None
    otherVolumeNode: slicer.vtkMRMLScalarVolumeNode | None = None
    frame: str | None = None
    voxels: str | None = None
    otherFrame: str | None = None

    @property
    def reliable(self) -> bool:
        """False when a warning says that the result may be wrong as a whole: its diagnosis is then no answer."""
        return not self.reasons

    @property
    def reasons(self) -> list[str]:
        """Codes of the warnings because of which the result is not reliable, the gravest first."""
        return reasons_of(self.patient or self.report)

    @property
    def alerts(self) -> list[dict]:
        """Classes that are not excluded although another is more probable; rows with `text`, see the report."""
        return list(((self.patient or self.report).get("diagnosis") or {}).get("alerts", []))

    @property
    def diagnosis(self) -> str | None:
        """Id of the most probable class; None for a model without diagnosis."""
        return (self.report.get("diagnosis") or {}).get("label")

    @property
    def probability(self) -> float | None:
        """Of the most probable class, 0 to 1."""
        return (self.report.get("diagnosis") or {}).get("probability")

    @property
    def probabilities(self) -> dict[str, float]:
        """Of every class by id; they sum to 1."""
        return dict((self.report.get("diagnosis") or {}).get("probabilities", {}))


@dataclass(frozen=True, repr=False)
class PatientResult:
    """What `processPatient` returns: the results of both volumes, each as of `process`, and the patient's diagnosis.

    patient: as the command line writes it to `<name>.patient.json`: diagnosis, cardiac_function, and cases,
    the names of the two volumes with end-diastole first. reliable, reasons, alerts: of the patient's diagnosis.
    """

    first: ProcessingResult
    second: ProcessingResult
    patient: dict

    def __repr__(self) -> str:
        names = _("{first} and {second}").format(first=self.first.report["case"], second=self.second.report["case"])
        return f"{type(self).__name__} of {names}\n  {inOneLine(self.patient.get('diagnosis'))}"

    def toDict(self) -> dict:
        """In Python's own types, as JSON takes them: `patient`, and `first` and `second` as of `ProcessingResult`."""
        return {"patient": self.patient, "first": self.first.toDict(), "second": self.second.toDict()}

    @property
    def reliable(self) -> bool:
        return self.first.reliable

    @property
    def reasons(self) -> list[str]:
        return self.first.reasons

    @property
    def alerts(self) -> list[dict]:
        return self.first.alerts

    def forDisplay(self) -> ProcessingResult:
        """The result of the first volume with the warnings of both."""
        name = self.second.report["case"]
        own = self.second.report["warnings"]  # the notices of the run are in both
        others = [{**warning, "message": f"{name}: {warning['message']}"} for warning in own]
        warnings = self.first.warnings + others
        second = self.second
        return replace(self.first, warnings=warnings, otherVolumeNode=second.volumeNode, otherFrame=second.frame)
