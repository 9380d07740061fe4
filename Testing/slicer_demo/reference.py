"""The reference segmentation: shown beside the engine's, and compared with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer

from slicer_demo.picture import REFERENCE_COLOR


def addReference(path: Path):
    """Loads a label map as a segmentation node "Reference", drawn as a thin line in slices and not in 3D."""
    labels = slicer.util.loadVolume(str(path), {"labelmap": True})
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Reference")
    node.CreateDefaultDisplayNodes()
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labels, node)
    for leftover in (labels.GetDisplayNode(), labels.GetStorageNode(), labels):
        slicer.mrmlScene.RemoveNode(leftover)
    node.GetSegmentation().GetNthSegment(0).SetColor(*(component / 255 for component in REFERENCE_COLOR))
    node.GetDisplayNode().SetOpacity2DFill(0)
    node.GetDisplayNode().SetSliceIntersectionThickness(2)
    node.GetDisplayNode().SetVisibility3D(False)
    return node


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Twice the overlap of two masks over the sum of their sizes, 0 to 1."""
    return 2 * float((first & second).sum()) / float(first.sum() + second.sum())
