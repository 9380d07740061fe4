"""Which model fits which volume: the reasons against, in plain words, and the one to begin with."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.models.descriptions import OTHER, ModelDescription, kindName, modalityName

COMPONENTS = (1, 3, 4)  # values a voxel of an image: grey, RGB, RGBA
SAMPLE_PIXELS = 40_000  # looked at to tell a grey picture stored as colour; the engine looks at all


def whyUnsuitable(volumeNode, model: ModelDescription, oneSliceOnly: bool = False) -> str:
    """Why the model cannot be used on the volume, as a sentence for the user; empty when it can.

    volumeNode: with image data. oneSliceOnly: only one slice of it is to be analysed.
    """
    name = volumeNode.GetName()
    components = volumeNode.GetImageData().GetNumberOfScalarComponents()
    if model.channels == 1 and components > 1 and not isGreyInside(volumeNode):
        return _("'{name}' is a colour image; the model '{model}' takes grey ones. Choose another model.").format(
            name=name, model=model.title
        )
    if model.channels == 3 and components == 1:
        return _("'{name}' is a grey image; the model '{model}' takes colour ones. Choose another model.").format(
            name=name, model=model.title
        )
    slices = min(volumeNode.GetImageData().GetDimensions())
    if model.kind == "2d" and slices > 1 and not oneSliceOnly:
        return _(
            "'{name}' is a volume; the model '{model}' takes {kind}. Choose another model, or under Advanced to "
            "analyse only the slice shown."
        ).format(name=name, model=model.title, kind=kindName(model.kind))
    if model.kind == "volume" and slices == 1:
        return _("'{name}' is a single slice; the model '{model}' takes {kind}. Choose another model.").format(
            name=name, model=model.title, kind=kindName(model.kind)
        )
    return ""


def modalityMismatch(volumeNode, model: ModelDescription) -> str:
    """A warning when the volume is known to be of another modality than the model was made for; else empty.

    No reason to refuse: a description may be wrong, and the engine looks at the image itself.
    """
    modality = modalityOf(volumeNode)
    if modality in ("", OTHER, model.modality) or model.modality.upper() == OTHER:  # "other" is anything
        return ""
    return _("'{name}' is {found}; this model was made for {wanted}. Its result would not be reliable.").format(
        name=volumeNode.GetName(), found=modalityName(modality), wanted=modalityName(model.modality)
    )


def isGreyInside(volumeNode) -> bool:
    """Whether red, green and blue are equal all over: a grey picture that was stored as colour."""
    from vtk.util.numpy_support import vtk_to_numpy

    pixels = vtk_to_numpy(volumeNode.GetImageData().GetPointData().GetScalars())
    step = max(1, len(pixels) // SAMPLE_PIXELS)
    sample = pixels[::step, :3]
    return bool((sample[:, :1] == sample).all())


def bestModel(volumeNode, models: list[ModelDescription]) -> ModelDescription | None:
    """The model to begin with for the volume; the user may choose another.

    Only models that can be used on it; before others those of the volume's modality, then those that the volume's name
    holds a word of. MR comes before what is rarer, so a grey volume of unknown origin gets the brain model.
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
