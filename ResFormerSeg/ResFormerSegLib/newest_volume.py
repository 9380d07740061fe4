"""The image that the panel begins with."""

from __future__ import annotations

import slicer

from ResFormerSegLib.model_suitability import COMPONENTS


def newestImage():
    """The volume loaded last that is an image: no label map, nothing hidden, nothing that this module made; or None."""
    for node in reversed(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")):
        if node.IsA("vtkMRMLLabelMapVolumeNode") or node.GetHideFromEditors() or _isOurs(node):
            continue
        image = node.GetImageData()
        if image is None or image.GetNumberOfPoints() == 0 or image.GetPointData().GetScalars() is None:
            continue
        if image.GetNumberOfScalarComponents() in COMPONENTS:
            return node
    return None


def _isOurs(node) -> bool:
    """Probability maps and saliency are volumes, too."""
    return any(name.startswith("ResFormerSeg.") for name in node.GetAttributeNames() or ())
