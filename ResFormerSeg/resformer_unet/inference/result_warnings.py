"""Warnings about the reliability of a result, as rows with ``code`` and ``message``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from resformer_unet.image.medical_image import MedicalImage, is_grey
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.catalog import newer_version
from resformer_unet.model.descriptor import SCHEMA_VERSION
from resformer_unet.preprocessing.prepare import PreparedImage

LOW_PROBABILITY = 0.6  # of the most probable diagnosis
SMALL_MARGIN = 0.2  # between the two most probable ones
AIR = -500  # Hounsfield units
AIR_SHARE = 0.01  # of the values below AIR; images of other modalities have none
SAMPLE = 1_000_000  # values that are read


def reliability_warnings(
    bundle: ModelBundle, prepared: PreparedImage, slices: int, masks: np.ndarray, case: np.ndarray | None
) -> list[dict]:
    """Warnings that follow from the result itself.

    Args:
        prepared: the slices that were run.
        slices: how many the image has.
        masks: bool (n, segments, rows, columns) of the slices that were run.
        case: (diagnoses,) calibrated probabilities of the case, or ``None`` for a model without diagnosis.
    """
    found = [*_segmentation_and_diagnosis(bundle, masks, case), *_touches_border(bundle, prepared, slices, masks)]
    return [*found, *low_confidence_warning(bundle, case), *_omitted_slices(prepared.slices, slices)]


def out_of_distribution_warning(
    descriptor: Mapping, image: MedicalImage, score: float | None, threshold: float | None
) -> list[dict]:
    """Whether an image is out of distribution: of another kind than the model's training images.

    Args:
        image: before its channels were converted.
        score, threshold: out-of-distribution score of the image, and above which it counts as such; see
            :mod:`.inference.out_of_distribution`. ``None`` for a model without statistics of its training images.
    """
    reasons = []
    channels, present = descriptor["input"]["channels"], image.voxels.shape[-1]
    if channels == 1 and present > 1 and not is_grey(image):
        reasons.append("it is a colour image, and the model was trained on greyscale images")
    elif channels == 3 and present == 1:
        reasons.append("it is a greyscale image, and the model was trained on colour images")
    if descriptor["modality"] != "CT" and _looks_like_ct(image.voxels):
        reasons.append("its intensities are those of computed tomography, on which the model was not trained")
    if not reasons and score is not None and score > threshold:
        reasons.append("its image features are out of distribution for this model")
    if not reasons:
        return []
    message = (
        f"This image differs from the model's training images: {' and '.join(reasons)}. Segmentation and diagnosis may "
        "be wrong. Check that the right image and the right model were chosen."
    )
    return [{"code": "OUT_OF_DISTRIBUTION", "message": message}]


def _looks_like_ct(voxels: np.ndarray) -> bool:
    """Whether a notable share lies far below zero, as air does in Hounsfield units (-1000)."""
    if voxels.dtype.kind == "u":
        return False
    step = max(1, round((voxels.size / SAMPLE) ** (1 / 3)))
    sample = voxels[::step, ::step, ::step] if min(voxels.shape[:3]) > step else voxels[:, ::step, ::step]
    return bool((sample < AIR).mean() > AIR_SHARE)


def input_kind_warning(kind: str, slices: int) -> list[dict]:
    """Whether a 2D model was given a volume, or a 3D model a single slice.

    Args:
        kind: of the descriptor: 2d, volume or both.
        slices: of the image.
    """
    if kind == "2d" and slices > 1:
        message = (
            f"This model was trained on 2D images, and this image is a volume of {slices} slices. The result may be "
            "wrong."
        )
    elif kind == "volume" and slices == 1:
        message = "This model was trained on volumes, and this image is a single slice. The result may be wrong."
    else:
        return []
    return [{"code": "DIMENSION_MISMATCH", "message": message}]


def model_warnings(bundle: ModelBundle) -> list[dict]:
    """Whether a newer version of the model is installed, or the model has an older format."""
    if newer := newer_version(bundle):
        message = (
            f"A newer version of this model is installed: {newer}. This is version {bundle.descriptor['version']}."
        )
    elif bundle.descriptor["schema_version"] < SCHEMA_VERSION:
        message = "This model was made for an older version of ResFormerSeg. Ask its authors for an update."
    else:
        return []
    return [{"code": "MODEL_OUTDATED", "message": message}]


def _segmentation_and_diagnosis(bundle: ModelBundle, masks: np.ndarray, case: np.ndarray | None) -> list[dict]:
    """Whether segmentation and diagnosis agree. Some diagnoses of a model, such as "normal", imply an empty
    segmentation, which the class's ``empty_segmentation`` says."""
    if case is None or not bundle.segments:
        return []
    best, disagreeing = bundle.diagnoses[int(case.argmax())], "Segmentation and diagnosis disagree."
    implies_empty, segmented = best.get("empty_segmentation", False), masks.any((0, 2, 3))
    if segmented.any():
        if not implies_empty:
            return []
        names = _names(bundle, segmented)
        verb = "was" if len(names) == 1 else "were"
        message = f"{_listed(names)} {verb} segmented, but the diagnosis is {best['name']}. {disagreeing}"
        return [{"code": "DIAGNOSIS_MISMATCH", "message": message}]
    if implies_empty:
        return []
    if any(row.get("empty_segmentation") for row in bundle.diagnoses):
        message = f"Nothing was segmented, but the diagnosis is {best['name']}. {disagreeing}"
    elif len(masks) > 1:
        message = "Nothing was segmented. The diagnosis is the mean over all slices and may be wrong."
    else:
        message = "Nothing was segmented. The diagnosis has no segmented lesion to support it and may be wrong."
    return [{"code": "NOTHING_SEGMENTED", "message": message}]


def _touches_border(bundle: ModelBundle, prepared: PreparedImage, slices: int, masks: np.ndarray) -> list[dict]:
    """Which segments reach the edge of the field of view, or the first or last slice."""
    if not bundle.segments:
        return []
    top, left, height, width = prepared.letterbox.window
    edges = (
        masks[:, :, top], masks[:, :, top + height - 1], masks[..., left], masks[..., left + width - 1]
    )  # fmt: skip
    edge = "the edge of the image"
    if (height, width) != masks.shape[2:]:
        high, wide = bundle.descriptor["input"]["field_of_view_mm"]
        edge = f"the edge of the model's field of view, the central {high:g} × {wide:g} mm of a slice"
    places = {edge: np.any([line.any((0, 2)) for line in edges], axis=0)}  # (segments,) each
    if len(masks) > 1 and not bundle.descriptor["segmentation"].get("ends_inside", False):
        those = "slice of the volume" if len(masks) == slices else "of the chosen slices"
        places |= {f"the first {those}": masks[0].any((1, 2)), f"the last {those}": masks[-1].any((1, 2))}
    reached: dict[tuple[str, ...], list[str]] = {}
    for place, touching in places.items():
        if names := _names(bundle, touching):
            reached.setdefault(tuple(names), []).append(place)
    if not reached:
        return []
    clauses = [
        f"{_listed(names)} {'reaches' if len(names) == 1 else 'reach'} {_listed(those)}"
        for names, those in reached.items()
    ]
    message = (
        f"{'; '.join(clauses)}: a part may lie outside, so that sizes may be underestimated and the diagnosis be based "
        "on a part only."
    )
    return [{"code": "TOUCHES_BORDER", "message": message}]


def _omitted_slices(run: slice, count: int) -> list[dict]:
    """Whether a result is of a part of its volume only, which its sizes and its diagnosis do not show."""
    first, last = run.start, run.stop - 1
    if last - first + 1 == count:
        return []
    end = count - 1
    message = (
        f"Only slices {first} to {last} of 0 to {end} were analysed: sizes and diagnosis are of these alone."
        if first < last
        else f"Only slice {first} of 0 to {end} was analysed: sizes and diagnosis are of this slice alone."
    )
    return [{"code": "SLICES_OMITTED", "message": message}]


def low_confidence_warning(bundle: ModelBundle, case: np.ndarray | None) -> list[dict]:
    """Whether no diagnosis is clearly the most probable; ``case``: probabilities (diagnoses,) of a case or patient."""
    if case is None:
        return []
    first, second = np.argsort(case)[::-1][:2]
    if case[first] >= LOW_PROBABILITY and case[first] - case[second] >= SMALL_MARGIN:
        return []
    names = [bundle.diagnoses[index]["name"] for index in (first, second)]
    message = (
        f"The diagnosis is uncertain: the probability of {names[0]} is {100 * case[first]:.0f} %, that of {names[1]} "
        f"{100 * case[second]:.0f} %."
    )
    return [{"code": "LOW_CONFIDENCE", "message": message}]


def _names(bundle: ModelBundle, chosen: np.ndarray) -> list[str]:
    """Names of the segments for which ``chosen``, bool (segments,), holds."""
    return [segment["name"] for segment, holds in zip(bundle.segments, chosen, strict=True) if holds]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
