"""The model that is selected for an image without being asked, and the reason for it; without a reason there is none.

A wrong model gives a wrong diagnosis with a high probability, so that a model merely fits is no reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from slicer.i18n import tr as _

from ResFormerSegLib.models.catalog import OTHER, ModelDescription, modalityName
from ResFormerSegLib.models.last_choices import lastChoice
from ResFormerSegLib.models.suitability import isColour, modalityOf, whyUnsuitable

SHORTEST_WORD = 3  # letters; "mr" is in too many names
# They name what is looked for, not what is in the picture: a liver has tumours, too.
WORDS_OF_ANY_ORGAN = {"lesion", "tumor", "tumour", "cancer", "mass", "model", "segmentation", "scan", "image"}


@dataclass(frozen=True)
class Preselection:
    """reason: a sentence for the user."""

    model: ModelDescription
    reason: str


def preselect(volumeNode, models: list[ModelDescription]) -> Preselection | None:
    """The one model that the image's DICOM modality, its name or its colour speak for.

    Where these leave several, it is the one that the user chose last for such an image; else none. A model of another
    modality than the image's is never selected.

    volumeNode: with image data.
    """
    candidates = [model for model in models if not whyUnsuitable(volumeNode, model)]
    reason = ""
    modality = modalityOf(volumeNode)
    if modality not in ("", OTHER):
        candidates = [model for model in candidates if model.modality in (modality, OTHER)]
        ofModality = [model for model in candidates if model.modality == modality]
        if len(ofModality) == 1:
            reason = _("Selected because the image is {modality}, by its DICOM data.").format(
                modality=modalityName(modality)
            )
    elif isColour(volumeNode):
        reason = _("Selected because it is the only one for colour images.")
    named = _named(volumeNode.GetName() or "", candidates)
    if named:
        candidates, reason = named, _("Selected because of the image's name.")
    reference = lastChoice(volumeNode)
    last = next((model for model in candidates if model.reference == reference), None)
    if last is not None:
        return Preselection(last, _("Selected because you chose it for such an image before."))
    if modality not in ("", OTHER) and not named:
        candidates = [model for model in candidates if model.modality == modality]
    if len(candidates) != 1 or not reason:
        return None
    return Preselection(candidates[0], reason)


def _named(name: str, models: list[ModelDescription]) -> list[ModelDescription]:
    """The models with most words of their ids in the name; empty when none has any."""
    words = set(_words(name))
    counts = [len(words & set(_words(model.id)) - WORDS_OF_ANY_ORGAN) for model in models]
    most = max(counts, default=0)
    return [model for model, count in zip(models, counts, strict=True) if most and count == most]


def _words(name: str) -> list[str]:
    """In small letters: "MRBrainTumor1" has the words mr, brain and tumor."""
    found = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name))
    return [word.lower() for word in found if len(word) >= SHORTEST_WORD]
