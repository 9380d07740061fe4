"""Whether a model can be used on a volume, and if not, why."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.models.catalog import OTHER, ModelDescription, kindName, modalityName

COMPONENTS = (1, 3, 4)  # per voxel of an image: greyscale, RGB, RGBA
SAMPLE_PIXELS = 40_000  # checked to recognise a greyscale image stored as colour; the engine checks all


def whyUnsuitable(volumeNode, model: ModelDescription, oneSliceOnly: bool = False) -> str:
    """Why the model cannot be used on the volume, as a sentence for the user; empty when it can.

    volumeNode: with image data. oneSliceOnly: only one slice of it is to be analysed.
    """
    if reason := whyNoImage(volumeNode):
        return reason
    name, slices = volumeNode.GetName(), sliceCount(volumeNode)
    components = volumeNode.GetImageData().GetNumberOfScalarComponents()
    if model.channels == 1 and isColour(volumeNode):
        text = _("'{name}' is a colour image; the model '{model}' takes greyscale. Choose another model.")
        if slices > 1:
            text = _("'{name}' is a stack of colour images; the model '{model}' takes greyscale. Choose another model.")
        return text.format(name=name, model=model.title)
    if model.channels == 3 and components == 1:
        return _("'{name}' is a greyscale image; the model '{model}' takes colour. Choose another model.").format(
            name=name, model=model.title
        )
    if model.kind == "2d" and slices > 1 and not oneSliceOnly:
        return _(
            "'{name}' has {count} slices; the model '{model}' takes {kind}. Choose another model, or under Advanced "
            "“Current slice only”."
        ).format(name=name, count=slices, model=model.title, kind=kindName(model.kind))
    if model.kind == "volume" and slices == 1:
        return _("'{name}' is a single slice; the model '{model}' takes {kind}. Choose another model.").format(
            name=name, model=model.title, kind=kindName(model.kind)
        )
    return ""


def whyNoneFits(volumeNode, models: list[ModelDescription]) -> str:
    """Why none of the models can be used on the volume, and what the user can do; empty when one can."""
    if not models or (reason := whyNoImage(volumeNode)):
        return reason if models else _("There is no model. Add a model folder.")
    if any(not whyUnsuitable(volumeNode, model) for model in models):
        return ""
    forOneSlice = [model.title for model in models if not whyUnsuitable(volumeNode, model, oneSliceOnly=True)]
    kind = _("a stack of colour images") if isColour(volumeNode) else _("a greyscale volume")
    if forOneSlice:
        return _(
            "No model takes '{name}' as a whole: it is {kind}. For one of its slices, choose '{model}', and under "
            "Advanced “Current slice only”."
        ).format(name=volumeNode.GetName(), kind=kind, model="', '".join(forOneSlice))
    if sliceCount(volumeNode) == 1:
        kind = _("a colour image") if isColour(volumeNode) else _("a single greyscale slice")
    return _("No model takes '{name}': it is {kind}. Add a folder with a model for such images.").format(
        name=volumeNode.GetName(), kind=kind
    )


def whyNoImage(volumeNode) -> str:
    """Why the volume is no image for any model: a label map holds numbers of structures; empty for an image."""
    if not volumeNode.IsA("vtkMRMLLabelMapVolumeNode"):
        return ""
    return _(
        "'{name}' is a label map: its voxels are numbers of structures. Choose the image itself; load it again if it "
        "was loaded as a label map."
    ).format(name=volumeNode.GetName())


def modalityMismatch(volumeNode, model: ModelDescription) -> str:
    """A warning when the volume is known to be of another modality than the model's; else empty.

    Only a warning: the DICOM attribute may be wrong, and the engine checks the image itself.
    """
    modality = modalityOf(volumeNode)
    if modality in ("", OTHER, model.modality) or model.modality.upper() == OTHER:  # "other" may be anything
        return ""
    return _("'{name}' is {found}, but this model is for {wanted}. The result would be unreliable.").format(
        name=volumeNode.GetName(), found=modalityName(modality), wanted=modalityName(model.modality)
    )


def isColour(volumeNode) -> bool:
    """Whether the volume has colours: not a greyscale image stored as red, green and blue."""
    return volumeNode.GetImageData().GetNumberOfScalarComponents() > 1 and not isGreyInside(volumeNode)


def isGreyInside(volumeNode) -> bool:
    """Whether red, green and blue are equal everywhere: a greyscale image stored as colour."""
    from vtk.util.numpy_support import vtk_to_numpy

    pixels = vtk_to_numpy(volumeNode.GetImageData().GetPointData().GetScalars())
    step = max(1, len(pixels) // SAMPLE_PIXELS)
    sample = pixels[::step, :3]
    return bool((sample[:, :1] == sample).all())


def sliceCount(volumeNode) -> int:
    """Along the shortest axis: a single slice may be stored along any."""
    return min(volumeNode.GetImageData().GetDimensions())


def modalityOf(volumeNode) -> str:
    """The DICOM modality of a volume that was loaded from the DICOM database; empty when it is not known."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(volumeNode) if hierarchy else 0
    while item and item != hierarchy.GetSceneItemID():  # the modality is kept at the series or at its study
        modality = hierarchy.GetItemAttribute(item, "DICOM.Modality")
        if modality:
            return modality
        item = hierarchy.GetItemParent(item)
    return ""
