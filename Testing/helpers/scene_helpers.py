"""Volumes for tests, and pictures of the scene's state to compare before and after."""

import hashlib
import math

import numpy as np
import slicer
import vtk


def makeVolume(shape=(3, 8, 10), dtype=np.int16, className="vtkMRMLScalarVolumeNode", name="Brain", oblique=False):
    """A volume node with the voxels 0, 1, 2 ... of the shape (slices, rows, columns[, components])."""
    voxels = (np.arange(math.prod(shape)) % 100).astype(dtype).reshape(shape)
    node = slicer.mrmlScene.AddNewNodeByClass(className, name)
    slicer.util.updateVolumeFromArray(node, voxels)
    node.SetSpacing(0.5, 0.8, 3.0)
    node.SetOrigin(-20, 30, 40)
    if oblique:
        turn = vtk.vtkTransform()
        turn.RotateWXYZ(35, 1, 2, 3)
        node.SetIJKToRASDirections(
            *[turn.GetMatrix().GetElement(row, column) for row in range(3) for column in range(3)]
        )
    return node


def importSegments(segmentationNode, layers, segments: list[dict], exported) -> None:
    """Layers into a segmentation at once, as a run does it step by step."""
    from ResFormerSegLib.scene.segmentation_import import addSegments, makeLabelMaps

    steps = makeLabelMaps(layers, segments, exported)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            addSegments(segmentationNode, end.value, segments)
            return


def later(milliseconds: int, action) -> None:
    """Calls `action` from the event loop, as a user would act in the midst of a run."""
    import qt

    qt.QTimer.singleShot(milliseconds, action)


def when(condition, action) -> None:
    """Calls `action` from the event loop, once, as soon as `condition()` is true."""
    later(20, lambda: action() if condition() else when(condition, action))


def stateOf(volumeNode) -> tuple:
    """Everything of a volume that a run must leave alone."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    voxels = vtk.util.numpy_support.vtk_to_numpy(volumeNode.GetImageData().GetPointData().GetScalars())
    return (
        hashlib.sha256(voxels.tobytes()).hexdigest(),
        str(voxels.dtype),
        volumeNode.GetImageData().GetDimensions(),
        [matrix.GetElement(row, column) for row in range(4) for column in range(4)],
        volumeNode.GetName(),
        volumeNode.GetTransformNodeID(),
        volumeNode.GetDisplayNodeID(),
        parentItem(volumeNode),
        volumeNode.GetMTime(),
    )


def parentItem(node) -> int:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    return hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node))


def sceneState() -> tuple:
    """The nodes of the scene with their transforms, and the names of all items in its subject hierarchy."""
    scene = slicer.mrmlScene
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)  # makes the node if there is none yet
    items = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), items, True)
    names = [hierarchy.GetItemName(items.GetId(index)) for index in range(items.GetNumberOfIds())]
    nodes = []
    for index in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(index)
        transform = node.GetTransformNodeID() if node.IsA("vtkMRMLTransformableNode") else None
        nodes.append((node.GetID(), node.GetName(), transform))
    return nodes, names


def segmentArray(segmentationNode, segmentId: str, volumeNode) -> np.ndarray:
    """The voxels of a segment on the volume's grid, boolean (k, j, i)."""
    return slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, segmentId, volumeNode).astype(bool)


def ofPatient(volumeNode, patientId: str) -> None:
    """As a volume that was loaded from the DICOM database: within the study of a patient."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), patientId)
    hierarchy.SetItemAttribute(patient, "DICOM.PatientID", patientId)
    study = hierarchy.CreateStudyItem(patient, "Heart")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volumeNode), study)


def choose(selector, value) -> None:
    """As the user does in the list of a combo box."""
    selector.setCurrentIndex(selector.findData(value))
