"""A straight line through measured points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StraightLine:
    """y = constant + slope * x.

    r2: coefficient of determination. distance: of the point farthest from the line, as a share of the largest y; unlike
    r2 it is small, too, where nothing grows at all.
    """

    constant: float
    slope: float
    r2: float
    distance: float


def straight_line(x: Sequence[float], y: Sequence[float]) -> StraightLine:
    """The line of least squares through at least three points."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    slope, constant = np.polyfit(x, y, 1)
    scatter = ((y - y.mean()) ** 2).sum()
    r2 = 1 - ((y - constant - slope * x) ** 2).sum() / scatter if scatter else 1.0
    distance = np.abs(y - constant - slope * x).max() / np.abs(y).max()
    return StraightLine(float(constant), float(slope), float(r2), float(distance))
