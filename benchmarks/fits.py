"""A straight line through measured points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StraightLine:
    """y = constant + slope * x; r2: coefficient of determination."""

    constant: float
    slope: float
    r2: float


def straight_line(x: Sequence[float], y: Sequence[float]) -> StraightLine:
    """The line of least squares through at least three points."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    slope, constant = np.polyfit(x, y, 1)
    scatter = ((y - y.mean()) ** 2).sum()
    r2 = 1 - ((y - constant - slope * x) ** 2).sum() / scatter if scatter else 1.0
    return StraightLine(float(constant), float(slope), float(r2))
