"""The image that the panel chooses by itself: the one loaded last."""

from __future__ import annotations

import slicer

from ResFormerSegLib.models.suitability import COMPONENTS


class NewImages:
    """Offers each image once: what was there when the user chose another one, or none, is not offered again."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def newest(self):
        """The volume loaded last that is an image, if it was not there at the last look; else None."""
        images = _images()
        newest = images[-1] if images and images[-1].GetID() not in self._known else None
        self._known = {node.GetID() for node in images}
        return newest

    def forget(self) -> None:
        """For another scene."""
        self._known = set()


def _images() -> list:
    """In the order of loading: no label maps, nothing hidden, nothing empty, nothing that this module made."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if _isImage(node)]


def _isImage(node) -> bool:
    if node.IsA("vtkMRMLLabelMapVolumeNode") or node.GetHideFromEditors() or _isOurs(node):
        return False
    image = node.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0 or image.GetPointData().GetScalars() is None:
        return False
    return image.GetNumberOfScalarComponents() in COMPONENTS


def _isOurs(node) -> bool:
    """Probability maps and saliency are volumes, too."""
    return any(name.startswith("ResFormerSeg.") for name in node.GetAttributeNames() or ())
