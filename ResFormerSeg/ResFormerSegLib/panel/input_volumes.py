"""The input volumes: which image the panel selects by itself, and the row for the other cardiac phase."""

from __future__ import annotations

import slicer
import vtk

from ResFormerSegLib.models.catalog import ModelDescription
from ResFormerSegLib.models.suitability import COMPONENTS
from ResFormerSegLib.scene.patient_name import areOfDifferentPatients


class NewImages:
    """Offers each image once: an image that was there when the user selected another one, or none, is not offered."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def newest(self):
        """The image loaded last, if it was not there at the previous call; else None."""
        images = _images()
        newest = images[-1] if images and images[-1].GetID() not in self._known else None
        self._known = {node.GetID() for node in images}
        return newest

    def forget(self) -> None:
        """For another scene."""
        self._known = set()


class OtherPhaseRow:
    """Visible only with a model that diagnoses a patient from two cardiac phases.

    The selection is kept while another model hides the row, but used only while the row is visible. The other phase is
    selected by itself, once for each input volume, if exactly one other image has the same geometry and is not known to
    be another patient's.
    """

    def __init__(self, ui) -> None:
        self._widgets = (ui.otherPhaseLabel, ui.otherPhaseSelector)
        self._parameterNode = None
        self._isShown = False
        self._offeredFor: set[str] = set()  # ids of the input volumes
        self._inputId = ""  # of the last one

    def setParameterNode(self, parameterNode) -> None:
        self._parameterNode = parameterNode
        self._offeredFor, self._inputId = set(), ""

    def update(self, model: ModelDescription | None) -> None:
        self._isShown = model is not None and model.diagnosesPatients
        for widget in self._widgets:
            widget.visible = self._isShown
        if self._isShown:
            self._preselect()

    def _preselect(self) -> None:
        node = self._parameterNode
        volume = node.inputVolume if node is not None else None
        if not hasVoxels(volume) or not _isImage(volume):
            return
        changePlaces = node.otherVolume is volume and volume.GetID() != self._inputId
        self._inputId = volume.GetID()
        if volume.GetID() in self._offeredFor and not changePlaces:
            return
        self._offeredFor.add(volume.GetID())
        if changePlaces:
            node.otherVolume = None
        if node.otherVolume is None and node.resultVolume is not volume:
            others = [image for image in _images() if image is not volume and _mayBelong(image, volume)]
            if len(others) == 1:
                node.otherVolume = others[0]

    def volume(self):
        """The other volume for the next run; None for a run on the input alone."""
        return self._parameterNode.otherVolume if self._isShown and self._parameterNode is not None else None

    def cleanup(self) -> None:
        self._parameterNode = None


def hasVoxels(volumeNode) -> bool:
    """Whether there is a volume with image data."""
    image = volumeNode.GetImageData() if volumeNode is not None else None
    return image is not None and image.GetNumberOfPoints() > 0 and image.GetPointData().GetScalars() is not None


def hasImages() -> bool:
    """Whether the scene has an image that could be selected."""
    return bool(_images())


def _images() -> list:
    """In the order of loading: no label maps, nothing hidden, nothing empty, nothing that this module made."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if _isImage(node)]


def _isImage(node) -> bool:
    if node.IsA("vtkMRMLLabelMapVolumeNode") or node.GetHideFromEditors() or _isMadeByThisModule(node):
        return False
    return hasVoxels(node) and node.GetImageData().GetNumberOfScalarComponents() in COMPONENTS


def _isMadeByThisModule(node) -> bool:
    """Probability maps and saliency are volumes, too."""
    return any(name.startswith("ResFormerSeg.") for name in node.GetAttributeNames() or ())


def _mayBelong(image, volume) -> bool:
    """Whether an image may be the other phase of a volume."""
    return _haveSameGeometry(image, volume) and not areOfDifferentPatients(image, volume)


def _haveSameGeometry(first, second) -> bool:
    if first.GetImageData().GetDimensions() != second.GetImageData().GetDimensions():
        return False
    if first.GetParentTransformNode() is not second.GetParentTransformNode():
        return False
    matrices = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    for node, matrix in zip((first, second), matrices, strict=True):
        node.GetIJKToRASMatrix(matrix)
    places = [(row, column) for row in range(4) for column in range(4)]
    return all(abs(matrices[0].GetElement(*place) - matrices[1].GetElement(*place)) < 1e-3 for place in places)
