"""Where a mask is not empty: lesions are small beside the image, and so is what must then be looked at."""

from __future__ import annotations

import numpy as np


def bounding_box(mask: np.ndarray) -> tuple[slice, ...]:
    """The smallest box that holds all of a boolean mask, which must not be empty; one slice an axis."""
    box = []
    for axis in range(mask.ndim):
        inside = np.flatnonzero(mask.any(tuple(other for other in range(mask.ndim) if other != axis)))
        box.append(slice(int(inside[0]), int(inside[-1]) + 1))
        mask = mask[(slice(None),) * axis + (box[-1],)]  # the less is left, the sooner the next axis is done
    return tuple(box)
