"""The volumes of the scene that a model takes."""

from __future__ import annotations

import slicer

from resformer_unet.batch.volume_state import file_name_of
from ResFormerSegLib.models.catalog import ModelDescription
from ResFormerSegLib.models.suitability import COMPONENTS, whyUnsuitable

CASE = "ResFormerSegCase"  # attribute of a volume that came into the scene with a case that was clicked


def fittingVolumes(model: ModelDescription) -> tuple[list, list[str]]:
    """In the order of loading; and, for each image that does not fit, why."""
    fitting, reasons = [], []
    for node in sceneImages():
        reason = whyUnsuitable(node, model)
        if reason:
            reasons.append(reason)
        else:
            fitting.append(node)
    return fitting, reasons


def sceneImages() -> list:
    """No label maps, nothing hidden, nothing empty, nothing that this module made or loaded."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if _isImage(node)]


def candidatesFor(case: str) -> list:
    """The volumes of the scene that a case of an earlier session may be of, by their names."""
    base, dash, number = case.rpartition("-")
    names = {case, base} if dash and number.isdigit() else {case}
    return [node for node in sceneImages() if file_name_of(node.GetName() or "") in names]


def _isImage(node) -> bool:
    if node.IsA("vtkMRMLLabelMapVolumeNode") or node.GetHideFromEditors() or node.GetAttribute(CASE):
        return False
    if any(name.startswith("ResFormerSeg.") for name in node.GetAttributeNames() or ()):
        return False
    image = node.GetImageData()
    hasVoxels = image is not None and image.GetNumberOfPoints() > 0 and image.GetPointData().GetScalars() is not None
    return hasVoxels and image.GetNumberOfScalarComponents() in COMPONENTS
