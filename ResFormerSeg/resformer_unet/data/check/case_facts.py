"""Reads the image and the mask of every case of a data set once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from resformer_unet.data.check.near_duplicates import thumbnail
from resformer_unet.data.dataset import Case, read_case_image, read_mask_on_grid
from resformer_unet.data.masks import masks_of_segments, own_segments
from resformer_unet.errors import EngineError, unexpected
from resformer_unet.image.medical_image import MedicalImage, check_image
from resformer_unet.image.stored_segments import StoredSegment

MOST_THREADS = 8


@dataclass(frozen=True)
class CaseFacts:
    """Facts about a case's image and mask.

    Attributes:
        error: why the image or the mask cannot be used.
        thumbnail: see :func:`.thumbnail`; ``None`` if the image cannot be used.
        channels: values a pixel; volume: whether there are several slices.
        values: that the mask holds, without 0; ``None`` without a usable mask. Those of a mask that names its segments
            are the model's, if it is known.
        solid: those of the values that hold more than lines of one or two pixels.
        full: whether the mask has no background.
        segments: that the mask holds and names; not filled where the model is known.
        warnings: of the reader of image and mask, as {"code", "message"}.
    """

    case: Case
    error: EngineError | None = None
    thumbnail: np.ndarray | None = None
    channels: int = 0
    volume: bool = False
    values: frozenset[int] | None = None
    solid: frozenset[int] = frozenset()
    full: bool = False
    segments: tuple[StoredSegment, ...] = ()
    warnings: tuple[dict[str, str], ...] = ()


def read_cases(
    cases: Sequence[Case],
    progress: Callable[[int, int], None] | None = None,
    segmentation: Mapping | None = None,
) -> list[CaseFacts]:
    """Facts of all cases in their order; several files are read at a time.

    Args:
        segmentation: of the descriptor of the model to be trained, if it is known.
    """
    facts = []
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as threads:
        for fact in threads.map(lambda case: _read(case, segmentation), cases):
            facts.append(fact)
            if progress:
                progress(len(facts), len(cases))
    return facts


def _read(case: Case, segmentation: Mapping | None) -> CaseFacts:
    try:
        image = read_case_image(case)
        check_image(image)
    except EngineError as error:
        return CaseFacts(case, error)
    except Exception as error:  # one unusual file must not hide the problems of the others
        return CaseFacts(case, unexpected(error))
    known = {
        "thumbnail": thumbnail(image.voxels),
        "channels": image.voxels.shape[-1],
        "volume": image.shape[0] > 1,
        "warnings": image.warnings,
    }
    if not case.mask:
        return CaseFacts(case, **known)
    try:
        contents = _contents(case, read_mask_on_grid(case, image), segmentation)
    except EngineError as error:
        return CaseFacts(case, error, **known)
    except Exception as error:
        return CaseFacts(case, unexpected(error), **known)
    return CaseFacts(case, **contents, **known)


def _contents(case: Case, mask: MedicalImage, segmentation: Mapping | None) -> dict:
    """Those of :class:`CaseFacts` that a mask tells."""
    if segmentation and mask.segments:
        rows = segmentation["segments"]
        masks = masks_of_segments(case.id, mask, rows, segmentation["exclusive"])
        found = frozenset(row["value"] for row, inside in zip(rows, masks, strict=True) if inside.any())
        return {"values": found, "solid": found, "full": bool(masks.any(0).all())}
    labels, segments = own_segments(case.id, mask)
    return {
        "values": _values(labels),
        "solid": _values(labels[:, 1:-1, 1:-1][_same_as_neighbours(labels)]),
        "full": bool(labels.all()),
        "segments": segments,
    }


def _values(labels: np.ndarray) -> frozenset[int]:
    """Without 0."""
    counts = np.bincount(labels.reshape(-1), minlength=256)
    return frozenset((np.flatnonzero(counts[1:]) + 1).tolist())


def _same_as_neighbours(labels: np.ndarray) -> np.ndarray:
    """Whether a pixel has the value of all four neighbours in its slice, without the pixels at the border."""
    inner = labels[:, 1:-1, 1:-1]
    same = (inner == labels[:, :-2, 1:-1]) & (inner == labels[:, 2:, 1:-1])
    return same & (inner == labels[:, 1:-1, :-2]) & (inner == labels[:, 1:-1, 2:])
