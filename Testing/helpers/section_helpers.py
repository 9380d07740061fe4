"""What the tests of single sections share: results without an engine, and a widget that stands for the panel."""

from types import SimpleNamespace

import numpy as np
import slicer
import vtk

from helpers.scene_helpers import importSegments


def makeHost(width: int = 440):
    """A widget that is shown, for a section to fill."""
    import qt

    host = qt.QWidget()
    host.resize(width, 700)
    host.show()
    return host


def makeResult(volume, box, classes=("glioma", "meningioma")):
    """A result with one segment "lesion" that fills `box` (k, j, i slices) of the volume.

    The probability of the first class falls from 0.9 along the slices.
    """
    from ResFormerSegLib.scene.volume_export import ExportedVolume

    shape = tuple(reversed(volume.GetImageData().GetDimensions()))
    labels = np.zeros(shape, np.uint8)
    labels[box] = 1
    toRas = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(toRas)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Result")
    segmentation.CreateDefaultDisplayNodes()
    row = {"id": "lesion", "name": "Lesion", "value": 1, "layer": 0, "color": [220, 60, 40], "terminology": None}
    importSegments(segmentation, labels[None], [row], ExportedVolume({}, shape, toRas))
    report = _report(labels, row, volume.GetSpacing(), classes)
    diagnosis = report["diagnosis"] or {}
    return SimpleNamespace(
        segmentationNode=segmentation,
        report=report,
        diagnosis=diagnosis.get("label"),
        probabilities=diagnosis.get("probabilities", {}),
        warnings=[],
        patient=None,
        frame=None,
        voxels=None,
    )


def _report(labels, row: dict, spacing, classes) -> dict:
    rows = []
    for index, mask in enumerate(labels):
        first = 0.9 - 0.5 * index / max(1, len(labels) - 1)
        rest = (1 - first) / max(1, len(classes) - 1)
        width = mask.any(0).sum() * spacing[0]
        rows.append(
            {
                "index": index,
                "probabilities": {name: first if number == 0 else rest for number, name in enumerate(classes)},
                "voxels": {row["id"]: int(mask.sum())},
                "area_mm2": {row["id"]: float(mask.sum() * spacing[0] * spacing[1])},
                "longest_diameter_mm": {row["id"]: float(width)},
            }
        )
    where = np.argwhere(labels)
    centre = where[len(where) // 2][::-1].tolist() if len(where) else None
    lesion = {"segment": row["id"], "voxels": len(where), "slice": centre[2], "center_ijk": centre} if centre else None
    longest = max(entry["longest_diameter_mm"][row["id"]] for entry in rows)
    volume = float(labels.sum() * np.prod(spacing))
    probabilities = rows[0]["probabilities"]
    return {
        "model": {"id": "brain-tumor-mr", "version": "1.0.0"},
        "diagnosis": {"label": classes[0], "name": classes[0].capitalize(), "probabilities": probabilities}
        if classes
        else None,
        "segments": [{**row, "voxels": int(labels.sum()), "volume_mm3": volume, "longest_diameter_mm": longest}],
        "largest_lesion": lesion,
        "slice_axis": {"plane": "axial", "array_axis": 0},
        "slices": rows,
    }


class PatientLogic:
    """Stands for the logic: notes what it is asked, and each job ends when the test says so.

    `jobs[-1].onFinished(result)` and the like; `refuse` is raised by the next call instead.
    """

    def __init__(self) -> None:
        self.asked: list[tuple] = []
        self.jobs: list = []
        self.refuse = None

    def explain(self, *nodes, **options):
        return self._ask(nodes, options)

    def compare(self, *nodes, **options):
        return self._ask(nodes, options)

    def _ask(self, nodes, options):
        if self.refuse is not None:
            raise self.refuse
        job = SimpleNamespace(
            cancelled=False, **{name: options.pop(name) for name in list(options) if name[:2] == "on"}
        )
        job.cancel = lambda: setattr(job, "cancelled", True)
        self.asked.append((nodes, options))
        self.jobs.append(job)
        return job
