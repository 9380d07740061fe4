"""What the user should know before trusting a result, as rows with ``code`` and ``message``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.image.medical_image import MedicalImage, is_grey
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.catalog import newer_version
from resformer_unet.model.descriptor import SCHEMA_VERSION

if TYPE_CHECKING:  # it imports PyTorch, which the cautions about a patient do without
    from resformer_unet.preprocessing.prepare import PreparedImage

LOW_PROBABILITY = 0.6  # of the most probable diagnosis
SMALL_MARGIN = 0.2  # between the two most probable ones
AIR = -500  # Hounsfield units; no other modality has a share of its values below
AIR_SHARE = 0.01
SAMPLE = 1_000_000  # values that are looked at


def reliability_warnings(
    bundle: ModelBundle, prepared: PreparedImage, slices: int, masks: np.ndarray, case: np.ndarray | None
) -> list[dict]:
    """Doubts about a result that follow from the result itself.

    Args:
        prepared: the slices that were run; slices: how many the image has.
        masks: bool (n, segments, rows, columns) of the slices that were run.
        case: (diagnoses,) calibrated probabilities of the case, or ``None`` for a model without diagnosis.
    """
    found = [*_outline_and_diagnosis(bundle, masks, case), *_touches_border(bundle, prepared, slices, masks)]
    return [*found, *low_confidence_warning(bundle, case)]


def out_of_distribution_warning(
    descriptor: Mapping, image: MedicalImage, distance: float | None, limit: float | None
) -> list[dict]:
    """Whether an image is of another kind than those that the model was trained on.

    Args:
        image: as it was given, before its channels were converted.
        distance, limit: of the image from the training images, and beyond which it is foreign; see
            :mod:`.inference.out_of_distribution`. ``None`` for a model that does not know its training images.
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


def input_kind_warning(kind: str, slices: int) -> list[dict]:
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


def model_warnings(bundle: ModelBundle) -> list[dict]:
    """Whether a newer version of the model is at hand, or the model was made for an older version of the format."""
    if newer := newer_version(bundle):
        message = f"Version {newer} of this model is installed too; this is version {bundle.descriptor['version']}."
    elif bundle.descriptor["schema_version"] < SCHEMA_VERSION:
        message = "This model was made for an older version of ResFormerSeg. Ask its makers for a newer one."
    else:
        return []
    return [{"code": "MODEL_OUTDATED", "message": message}]


def _outline_and_diagnosis(bundle: ModelBundle, masks: np.ndarray, case: np.ndarray | None) -> list[dict]:
    """Whether the outline and the diagnosis fit together. For some diagnoses of a model, as "normal", nothing is to be
    outlined, which the class's ``nothing_outlined`` says."""
    if case is None or not bundle.segments:
        return []
    best, disagreeing = bundle.diagnoses[int(case.argmax())], "Outline and diagnosis disagree; rely on neither."
    of_nothing, outlined = best.get("nothing_outlined", False), masks.any((0, 2, 3))
    if outlined.any():
        if not of_nothing:
            return []
        names = _listed(_names(bundle, outlined))
        message = f"{names} was outlined, but the diagnosis is {best['name']}. {disagreeing}"
        return [{"code": "OUTLINE_DISAGREES", "message": message}]
    if of_nothing:
        return []
    if any(row.get("nothing_outlined") for row in bundle.diagnoses):
        message = f"Nothing was outlined, but the diagnosis is {best['name']}. {disagreeing}"
    elif len(masks) > 1:
        message = "Nothing was outlined. The diagnosis is the mean over all slices and should not be relied on."
    else:
        message = "Nothing was outlined. The diagnosis rests on no outline and should not be relied on."
    return [{"code": "NOTHING_OUTLINED", "message": message}]


def _touches_border(bundle: ModelBundle, prepared: PreparedImage, slices: int, masks: np.ndarray) -> list[dict]:
    """Which segments end where the network's view ends: within a slice, and at the ends of a stack of slices."""
    if not bundle.segments:
        return []
    top, left, height, width = prepared.letterbox.window
    edges = (
        masks[:, :, top], masks[:, :, top + height - 1], masks[..., left], masks[..., left + width - 1]
    )  # fmt: skip
    edge = "the edge of the image"
    if (height, width) != masks.shape[2:]:
        high, wide = bundle.descriptor["input"]["field_of_view_mm"]
        edge = f"the edge of what the model looks at, the middle {high:g} × {wide:g} mm of a slice"
    places = {edge: np.any([line.any((0, 2)) for line in edges], axis=0)}  # (segments,) each
    if len(masks) > 1 and not bundle.descriptor["segmentation"].get("ends_inside", False):
        those = "slice of the volume" if len(masks) == slices else "of the chosen slices"
        places |= {f"the first {those}": masks[0].any((1, 2)), f"the last {those}": masks[-1].any((1, 2))}
    reached = []
    for place, touching in places.items():
        if names := _names(bundle, touching):
            reached.append(f"{_listed(names)} {'reaches' if len(names) == 1 else 'reach'} {place}")
    if not reached:
        return []
    message = (
        f"{_listed(reached)}: a part may lie outside, so the measured size may be too small and the diagnosis may rest "
        "on a part of what is there."
    )
    return [{"code": "TOUCHES_BORDER", "message": message}]


def low_confidence_warning(bundle: ModelBundle, case: np.ndarray | None) -> list[dict]:
    """Whether no diagnosis is clearly ahead; ``case`` are a case's probabilities, or a patient's."""
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


def _names(bundle: ModelBundle, chosen: np.ndarray) -> list[str]:
    """Names of the segments for which ``chosen``, bool (segments,), holds."""
    return [segment["name"] for segment, holds in zip(bundle.segments, chosen, strict=True) if holds]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
