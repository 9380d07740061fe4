"""Reads the image and the mask of every case of a data set once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from resformer_unet.data.check.near_duplicates import thumbnail
from resformer_unet.data.dataset import Case, read_case_image, read_case_mask
from resformer_unet.errors import EngineError, unexpected
from resformer_unet.image.medical_image import check_image

MOST_THREADS = 8


@dataclass(frozen=True)
class CaseFacts:
    """Facts about a case's image and mask.

    Attributes:
        error: why the image or the mask cannot be used.
        thumbnail: see :func:`.thumbnail`; ``None`` if the image cannot be used.
        channels: values a pixel; volume: whether there are several slices.
        values: that the mask holds, without 0; ``None`` without a usable mask.
        warnings: of the reader of image and mask, as {"code", "message"}.
    """

    case: Case
    error: EngineError | None = None
    thumbnail: np.ndarray | None = None
    channels: int = 0
    volume: bool = False
    values: frozenset[int] | None = None
    warnings: tuple[dict[str, str], ...] = ()


def read_cases(cases: Sequence[Case], progress: Callable[[int, int], None] | None = None) -> list[CaseFacts]:
    """Facts of all cases in their order; several files are read at a time."""
    facts = []
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as threads:
        for fact in threads.map(_read, cases):
            facts.append(fact)
            if progress:
                progress(len(facts), len(cases))
    return facts


def _read(case: Case) -> CaseFacts:
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
        mask = read_case_mask(case, image)
    except EngineError as error:
        return CaseFacts(case, error, **known)
    except Exception as error:
        return CaseFacts(case, unexpected(error), **known)
    counts = np.bincount(mask.reshape(-1), minlength=256)
    return CaseFacts(case, values=frozenset((np.flatnonzero(counts[1:]) + 1).tolist()), **known)
