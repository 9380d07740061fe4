"""Masks as segments: by the names that a segmentation file gives them, else by their values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.image.stored_segments import StoredSegment, masks_of, values_among
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.catalog import list_models

_WHOLE = 1e-4  # how far a mask value stored as a scaled or floating number may be from the whole number it means


def masks_of_segments(case: str, mask: MedicalImage, segments: Sequence[dict], exclusive: bool = False) -> np.ndarray:
    """One boolean mask a segment of a model.

    A segmentation file's own names count, not its values, see :func:`.masks_of`; those of other files are by value,
    see :func:`segment_masks`. A single segment stands for a model's single one, whatever its name or value.

    Args:
        case: for messages.
        mask: as read.
        segments: the model's, each with ``id``, ``name`` and ``value``.
        exclusive: whether a voxel may belong to one segment only.

    Returns:
        bool (segments, slices, rows, columns).

    Raises:
        EngineError: MASK_VALUES_UNKNOWN, SEGMENTS_OVERLAP.
    """
    if not mask.segments:
        return segment_masks(own_labels(case, mask), segments)
    try:
        masks = masks_of(_whole_numbers(case, mask.voxels), mask.segments, segments, only=True)
    except ValueError as reason:
        raise EngineError(
            "MASK_VALUES_UNKNOWN",
            f"The mask of {case} does not fit the model's segments: {reason}.",
            "Give the segments the names that the model has for them, and remove others; or take the model that "
            "belongs to these masks.",
        ) from None
    if exclusive:
        _check_apart(case, masks)
    return masks


def label_map(case: str, mask: MedicalImage, segments: Sequence[dict] | None) -> np.ndarray:
    """A mask with a model's values, uint8 (slices, rows, columns).

    Args:
        case, mask, segments: as of :func:`masks_of_segments`. The values of a file that names no segments are checked
            and kept. Without a model so are, unchecked, those for which no name is needed: of other files, and of a
            file with a single segment.

    Raises:
        EngineError: MASK_VALUES_UNKNOWN, SEGMENTS_OVERLAP.
    """
    if not mask.segments:
        labels = own_labels(case, mask)
        if segments:
            segment_masks(labels, segments)
        return labels
    if segments is not None:
        return _joined(masks_of_segments(case, mask, segments, exclusive=True), [row["value"] for row in segments])
    labels = own_labels(case, mask)
    if len(mask.segments) > 1 and labels.any():
        titles = ", ".join(f"“{segment.title}”" for segment in mask.segments)
        raise EngineError(
            "MASK_VALUES_UNKNOWN",
            f"The mask of {case} holds the segments {titles}. Programs number segments anew when they save, so their "
            "values alone do not tell a model which is which, and no one model that is installed has segments of these "
            "names.",
            "Name the model that the training set is for; on the command line: --model ID.",
        )
    return labels


def model_of_names(mask: MedicalImage) -> ModelBundle | None:
    """The first installed model of several segments that knows all of a mask's segments, found by their names alone.

    ``None`` where none does, or two give them other values.
    """
    found: list[tuple[ModelBundle, list[int]]] = []
    for model in list_models()[0] if mask.segments else []:
        values = values_among(mask.segments, model.segments)
        if values is not None and len(model.segments) > 1:
            found.append((model, values))
    return found[0][0] if found and all(values == found[0][1] for _, values in found) else None


def own_labels(case: str, mask: MedicalImage) -> np.ndarray:
    """The values of a mask as it is stored, uint8 (slices, rows, columns).

    Raises:
        EngineError: MASK_VALUES_UNKNOWN if it holds anything but whole numbers from 0 to 255, several layers, or a
            shape that only its transparency shows.
    """
    if mask.segments:
        return own_segments(case, mask)[0]
    voxels = mask.voxels
    if voxels.shape[-1] == 4:
        voxels, alpha = voxels[..., :3], voxels[..., 3]
        visible = alpha != 0
        partly = visible.any() and not visible.all()
        if partly and (voxels[~visible].any() or not voxels.any()):
            raise _no_whole_numbers(case, "a shape that is drawn by transparency, not by values")
    if voxels.shape[-1] > 1 and (np.abs(voxels - voxels[..., :1]) > _WHOLE).any():
        raise _no_whole_numbers(case, "colours or several layers")
    return _whole_numbers(case, voxels)[..., 0]


def own_segments(case: str, mask: MedicalImage) -> tuple[np.ndarray, tuple[StoredSegment, ...]]:
    """:func:`own_labels`, and which of its segments a mask names; none of a file that names none.

    Segments without voxels are left out. A value that the file does not state is 1.
    """
    if not mask.segments:
        return own_labels(case, mask), ()
    stored = [replace(segment, value=1) if segment.value is None else segment for segment in mask.segments]
    rows = [{"id": str(index), "name": "", "value": segment.value} for index, segment in enumerate(stored)]
    numbered = [replace(segment, id=str(index), name="") for index, segment in enumerate(mask.segments)]
    voxels = _whole_numbers(case, mask.voxels)
    try:
        masks = masks_of(voxels, numbered, rows)
    except ValueError as reason:
        raise EngineError(
            "MASK_VALUES_UNKNOWN",
            f"The header of the mask of {case} does not fit its voxels: {reason}.",
            "Save it again in the program that it comes from, or as a label map without names of segments.",
        ) from None
    present = [index for index, found in enumerate(masks) if found.any()]
    segments = tuple(stored[index] for index in present)
    if len({segment.layer for segment in segments}) > 1:
        raise EngineError(
            "MASK_VALUES_UNKNOWN",
            f"The mask of {case} holds several layers of segments.",
            "Name the model or the recipe that the mask is for, or save one label map: 0 for the background, and one "
            "value for each segment.",
        )
    return _joined(masks[present], [segment.value for segment in segments]), segments


def names_by_value(masks: Iterable[Sequence[StoredSegment]]) -> dict[int, str]:
    """The names of segments by their values, as the first mask has them that holds the value."""
    found: dict[int, str] = {}
    for segments in masks:
        for segment in segments:
            found.setdefault(segment.value, segment.title)
    return found


def segment_masks(stored: np.ndarray, segments: Sequence[dict]) -> np.ndarray:
    """Stored mask values as one boolean mask a segment.

    The values are those of the segments; with a single segment, any one non-zero value (often 255) stands for it.

    Args:
        stored: integers (slices, rows, columns).
        segments: the model's, each with ``value`` and ``name``.

    Returns:
        bool (segments, slices, rows, columns).

    Raises:
        EngineError: MASK_VALUES_UNKNOWN.
    """
    values = set(np.unique(stored).tolist()) - {0}
    if len(segments) == 1 and len(values) == 1:
        return (stored != 0)[None]
    known = {segment["value"] for segment in segments}
    if values - known:
        raise EngineError(
            "MASK_VALUES_UNKNOWN",
            f"A mask has the values {sorted(values)}, but the model's segments have {sorted(known)}.",
            "Evaluate with the model that belongs to this data set, or renumber the masks.",
        )
    return np.stack([stored == segment["value"] for segment in segments])


def _joined(masks: np.ndarray, values: Sequence[int]) -> np.ndarray:
    """Masks that do not overlap, (n, slices, rows, columns), as one label map."""
    labels = np.zeros(masks.shape[1:], np.uint8)
    for mask, value in zip(masks, values, strict=True):
        labels[mask] = value
    return labels


def _check_apart(case: str, masks: np.ndarray) -> None:
    if count := int(np.count_nonzero(masks.sum(0) > 1)):
        raise EngineError(
            "SEGMENTS_OVERLAP",
            f"Segments in the mask of {case} overlap in {count} voxels.",
            "Give these voxels to one of them: in the Segment Editor, under Masking, do not allow overlap.",
        )


def _whole_numbers(case: str, voxels: np.ndarray) -> np.ndarray:
    """uint8, of any shape."""
    if voxels.dtype == np.uint8:
        return voxels
    values = np.rint(voxels).clip(0, 255)
    if not (np.abs(voxels - values) <= _WHOLE).all():  # so written, NaN is refused too
        raise _no_whole_numbers(case, "values that are not whole numbers from 0 to 255")
    return values.astype(np.uint8)


def _no_whole_numbers(case: str, what: str) -> EngineError:
    return EngineError(
        "MASK_VALUES_UNKNOWN",
        f"The mask of {case} holds {what}.",
        "Save it as one grey label map: 0 for the background, and one value for each segment.",
    )
