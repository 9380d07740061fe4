"""Whether Apply can be pressed, and if not, why: in words that say what to do."""

from __future__ import annotations

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.models.descriptions import ModelDescription
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
) -> str:
    """A sentence or two for the user; empty when all is there.

    modelMissing: a model was chosen, but its folder is gone. isRunning: what Apply started. isBusy: the engine works,
    on whatever it is. hasEngine: something that runs models is installed. oneSliceOnly: only one slice is to be
    analysed.
    """
    if isRunning:
        return _("A run is under way. Wait for it, or cancel it.")
    if isBusy:
        return _("The engine is still at work on something else. Wait for it, or cancel it where it was started.")
    try:
        checkVolume(volumeNode)
    except ResFormerSegError as error:
        return str(error)
    if modelMissing:
        return _("The folder of the chosen model is gone. Bring it back, or choose another model.")
    if model is None:
        return _("Choose a model.")
    if reason := whyUnsuitable(volumeNode, model, oneSliceOnly):
        return reason
    if not hasEngine:
        return _("What runs the models is not installed yet. Choose below what to install.")
    return ""


def whyNoPatient(volumeNode, otherVolume, model: ModelDescription, allSlices: bool) -> str:
    """Why the two volumes cannot be diagnosed together, once each of the rest is there; empty when they can.

    allSlices: whether no choice of slices was made: the measures are of the whole heart.
    """
    try:
        checkPair(volumeNode, otherVolume)
        checkVolume(otherVolume)
    except ResFormerSegError as error:
        return _("Other phase: {reason}").format(reason=error)
    if reason := whyUnsuitable(otherVolume, model):
        return reason
    if not allSlices:
        return _("With both phases the whole heart is measured. Choose all slices under Advanced, or no other phase.")
    return ""
