"""What the user should know before trusting a result, as rows with ``code`` and ``message``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .bundle import SCHEMA_VERSION, ModelBundle
from .catalog import newer_version
from .images import MedicalImage, is_grey

LOW_PROBABILITY = 0.6  # of the most probable diagnosis
SMALL_MARGIN = 0.2  # between the two most probable ones
AIR = -500  # Hounsfield units; no other modality has a share of its values below
AIR_SHARE = 0.01
SAMPLE = 1_000_000  # values that are looked at


def result_cautions(bundle: ModelBundle, masks: np.ndarray, case: np.ndarray | None) -> list[dict]:
    """Doubts about a result that follow from the result itself.

    Args:
        masks: bool (n, segments, rows, columns) of the slices that were run.
        case: (diagnoses,) calibrated probabilities of the case, or ``None`` for a model without diagnosis.
    """
    found = [
        ("NOTHING_OUTLINED", _nothing_outlined(bundle, masks, case)),
        ("TOUCHES_BORDER", _touches_border(bundle, masks)),
    ]
    return [{"code": code, "message": message} for code, message in found if message] + unsure_caution(bundle, case)


def foreign_caution(
    descriptor: Mapping, image: MedicalImage, distance: float | None, limit: float | None
) -> list[dict]:
    """Whether an image is of another kind than those that the model was trained on.

    Args:
        image: as it was given, before its channels were converted.
        distance, limit: of the image from the training images, and beyond which it is foreign; see
            :mod:`.familiarity`. ``None`` for a model that does not know its training images.
    """
    reasons = []
    channels, present = descriptor["input"]["channels"], image.voxels.shape[-1]
    if channels == 1 and present > 1 and not is_grey(image):
        reasons.append("it is in colour, and the model was trained on grey images")
    elif channels == 3 and present == 1:
        reasons.append("it is grey, and the model was trained on colour images")
    if descriptor["modality"] != "CT" and _looks_like_ct(image.voxels):
        reasons.append("its values are those of computed tomography, which the model was not trained on")
    if not reasons and distance is not None and distance > limit:
        reasons.append("what the network makes of it lies outside the range of its training images")
    if not reasons:
        return []
    message = (
        f"This does not look like the images that the model was trained on: {' and '.join(reasons)}. Outline and "
        "diagnosis should not be relied on. Check that the right image and the right model were chosen."
    )
    return [{"code": "NOT_LIKE_TRAINING", "message": message}]


def _looks_like_ct(voxels: np.ndarray) -> bool:
    """Whether a notable share lies far below zero, as air does in Hounsfield units (-1000)."""
    if voxels.dtype.kind == "u":
        return False
    step = max(1, round((voxels.size / SAMPLE) ** (1 / 3)))
    sample = voxels[::step, ::step, ::step] if min(voxels.shape[:3]) > step else voxels[:, ::step, ::step]
    return bool((sample < AIR).mean() > AIR_SHARE)


def kind_caution(kind: str, slices: int) -> list[dict]:
    """Whether a model for pictures was given a volume, or the reverse.

    Args:
        kind: of the descriptor: 2d, volume or both.
        slices: of the image.
    """
    if kind == "2d" and slices > 1:
        message = (
            f"This model was made for single pictures; the image is a volume of {slices} slices. The result should "
            "not be relied on."
        )
    elif kind == "volume" and slices == 1:
        message = "This model was made for volumes; the image is a single slice. The result should not be relied on."
    else:
        return []
    return [{"code": "KIND_MISMATCH", "message": message}]


def model_cautions(bundle: ModelBundle) -> list[dict]:
    """Whether a newer version of the model is at hand, or the model was made for an older version of the format."""
    if newer := newer_version(bundle):
        message = f"Version {newer} of this model is installed too; this is version {bundle.descriptor['version']}."
    elif bundle.descriptor["schema_version"] < SCHEMA_VERSION:
        message = "This model was made for an older version of ResFormerSeg. Ask its makers for a newer one."
    else:
        return []
    return [{"code": "MODEL_OUTDATED", "message": message}]


def _nothing_outlined(bundle: ModelBundle, masks: np.ndarray, case: np.ndarray | None) -> str | None:
    if case is None or not bundle.segments or masks.any():
        return None
    return "Nothing was outlined. The diagnosis is the mean over all slices and should not be relied on."


def _touches_border(bundle: ModelBundle, masks: np.ndarray) -> str | None:
    edges = (masks[:, :, 0], masks[:, :, -1], masks[:, :, :, 0], masks[:, :, :, -1])
    touching = np.any([edge.any((0, 2)) for edge in edges], axis=0)  # (segments,)
    names = [segment["name"] for segment, touches in zip(bundle.segments, touching, strict=True) if touches]
    if not names:
        return None
    return (
        f"{_listed(names)} reaches the edge of the image: a part may lie outside, so the measured size may be too "
        "small and the diagnosis may rest on a part of the lesion."
    )


def unsure_caution(bundle: ModelBundle, case: np.ndarray | None) -> list[dict]:
    """Whether no diagnosis is clearly ahead. ``case``: as of :func:`result_cautions`, or a patient's probabilities."""
    if case is None:
        return []
    first, second = np.argsort(case)[::-1][:2]
    if case[first] >= LOW_PROBABILITY and case[first] - case[second] >= SMALL_MARGIN:
        return []
    names = [bundle.diagnoses[index]["name"] for index in (first, second)]
    message = (
        f"The model is not sure: {names[0]} has a probability of {100 * case[first]:.0f} %, "
        f"{names[1]} of {100 * case[second]:.0f} %."
    )
    return [{"code": "LOW_CONFIDENCE", "message": message}]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
