"""Which model suits which volume: why one cannot be used, and which one to preselect."""

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
    name = volumeNode.GetName()
    components = volumeNode.GetImageData().GetNumberOfScalarComponents()
    if model.channels == 1 and components > 1 and not isGreyInside(volumeNode):
        return _("'{name}' is a colour image; the model '{model}' takes greyscale. Select another model.").format(
            name=name, model=model.title
        )
    if model.channels == 3 and components == 1:
        return _("'{name}' is a greyscale image; the model '{model}' takes colour. Select another model.").format(
            name=name, model=model.title
        )
    slices = min(volumeNode.GetImageData().GetDimensions())
    if model.kind == "2d" and slices > 1 and not oneSliceOnly:
        return _(
            "'{name}' is a volume; the model '{model}' takes {kind}. Select another model, or under Advanced "
            "“Current slice only”."
        ).format(name=name, model=model.title, kind=kindName(model.kind))
    if model.kind == "volume" and slices == 1:
        return _("'{name}' is a single slice; the model '{model}' takes {kind}. Select another model.").format(
            name=name, model=model.title, kind=kindName(model.kind)
        )
    return ""


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


def isGreyInside(volumeNode) -> bool:
    """Whether red, green and blue are equal everywhere: a greyscale image stored as colour."""
    from vtk.util.numpy_support import vtk_to_numpy

    pixels = vtk_to_numpy(volumeNode.GetImageData().GetPointData().GetScalars())
    step = max(1, len(pixels) // SAMPLE_PIXELS)
    sample = pixels[::step, :3]
    return bool((sample[:, :1] == sample).all())


def bestModel(volumeNode, models: list[ModelDescription]) -> ModelDescription | None:
    """The model to preselect for the volume.

    Among the models that can be used, those of the volume's modality come first, then those with a word of their id in
    the volume's name, then MR: a greyscale volume of unknown origin gets the brain model.
    """
    fitting = [model for model in models if not whyUnsuitable(volumeNode, model)]
    modality = modalityOf(volumeNode)
    name = (volumeNode.GetName() or "").lower()

    def rank(model: ModelDescription) -> tuple:
        return (
            modality != "" and model.modality != modality,
            not any(word in name for word in model.id.split("-") if len(word) > 3),
            model.modality != "MR" if model.channels == 1 else False,
            not model.bundled,
        )

    return min(fitting, key=rank, default=None)  # the first of equals, in the order of the list


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
