"""The module in a scene, with its real worker, answers as it always did: what the nodes hold, in RAS mm."""

from __future__ import annotations

import numpy as np
import pytest

from golden.cases import PATIENT, GoldenCase, golden_cases
from golden.figures import SegmentShape, differences, figures, patient_differences, patient_figures

RAS_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
IN_THE_SCENE = [name for name in golden_cases() if name not in PATIENT]


@pytest.mark.parametrize("name", IN_THE_SCENE)
def test_the_nodes_of_a_volume_hold_what_they_held_before(scene, logic, name: str):
    case = golden_cases()[name]
    result = logic.process(volumeOf(case), modelId=case.model, device="cpu")
    found = differencesOf(result, case)
    assert not found, "\n".join(found)


def test_the_nodes_of_a_patient_hold_what_they_held_before(scene, logic):
    cases = [golden_cases()[name] for name in PATIENT]
    result = logic.processPatient(*map(volumeOf, cases), modelId=cases[0].model, device="cpu")
    found = [*differencesOf(result.first, cases[0]), *differencesOf(result.second, cases[1])]
    found += patient_differences(patient_figures(result.patient))
    assert not found, "\n".join(found)


def volumeOf(case: GoldenCase):
    import slicer

    className = "vtkMRMLVectorVolumeNode" if case.voxels.ndim == 4 else "vtkMRMLScalarVolumeNode"
    node = slicer.mrmlScene.AddNewNodeByClass(className, case.name)
    slicer.util.updateVolumeFromArray(node, case.voxels)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(RAS_LPS @ case.affine))
    return node


def differencesOf(result, case: GoldenCase) -> list[str]:
    ids = [row["id"] for row in result.report["segments"]]
    segments = {segmentId: shapeOf(result.segmentationNode, segmentId) for segmentId in ids}
    found = figures(segments, result.report)
    found |= {"diagnosis": result.diagnosis, "probabilities": result.probabilities}
    return differences(found, case)


def shapeOf(segmentationNode, segmentId: str) -> SegmentShape:
    """Of a segment where the segmentation itself says that it lies, whatever grid it is stored on."""
    import slicer
    import vtk

    image = segmentationNode.GetBinaryLabelmapInternalRepresentation(segmentId)
    value = segmentationNode.GetSegmentation().GetSegment(segmentId).GetLabelValue()
    mask = slicer.util.arrayFromSegmentInternalBinaryLabelmap(segmentationNode, segmentId) == value
    ijkToRas = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(ijkToRas)
    fromFirstVoxel = np.eye(4)
    fromFirstVoxel[:3, 3] = image.GetExtent()[::2]
    return SegmentShape.of(mask, RAS_LPS @ slicer.util.arrayFromVTKMatrix(ijkToRas) @ fromFirstVoxel)
