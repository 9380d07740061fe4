"""Whether a run can start, and if not, why."""

from __future__ import annotations

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.models.catalog import ModelDescription
from ResFormerSegLib.models.suitability import whyUnsuitable
from ResFormerSegLib.runs.patient import checkPair
from ResFormerSegLib.scene.volume_export import checkVolume


def whyNotReady(
    volumeNode,
    model: ModelDescription | None,
    modelMissing: bool,
    hasEngine: bool,
    isRunning: bool,
    isBusy: bool,
    oneSliceOnly: bool,
    whyNoModel: str = "",
) -> str:
    """Why Apply is disabled, a sentence or two for the user; empty when a run can start.

    modelMissing: a model is selected, but its folder is gone. isRunning: a run started by Apply is in progress. isBusy:
    any run is in progress. hasEngine: an inference engine is installed. oneSliceOnly: a single slice is to be analysed.
    whyNoModel: why no model can be used on the volume; empty when there is one to choose.
    """
    if isRunning:
        return _("A run is in progress. Wait until it has finished, or cancel it.")
    if isBusy:
        return _("The engine is busy with another task. Wait until it has finished, or cancel it where it was started.")
    try:
        checkVolume(volumeNode)
    except ResFormerSegError as error:
        return str(error)
    if modelMissing:
        return _("The folder of the selected model was not found. Restore it, or select another model.")
    if model is None:
        return whyNoModel or _("Choose a model.")
    if reason := whyUnsuitable(volumeNode, model, oneSliceOnly):
        return reason
    if not hasEngine:
        return _("No inference engine is installed. Install ONNX Runtime or PyTorch below.")
    return ""


def whyNoPatient(volumeNode, otherVolume, model: ModelDescription, allSlices: bool) -> str:
    """Why the two volumes cannot be diagnosed together, if each is ready by itself; empty when they can.

    allSlices: whether all slices are selected: cardiac function is measured on the whole heart.
    """
    try:
        checkPair(volumeNode, otherVolume)
        checkVolume(otherVolume)
    except ResFormerSegError as error:
        return _("Other phase: {reason}").format(reason=error)
    if reason := whyUnsuitable(otherVolume, model):
        return reason
    if not allSlices:
        return _("Cardiac function needs the whole heart. Select all slices under Advanced, or no other phase.")
    return ""
