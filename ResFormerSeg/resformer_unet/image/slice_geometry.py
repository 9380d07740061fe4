"""Where the slices of a series lie: put in order, and refused or warned of where they form no evenly spaced volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resformer_unet.errors import EngineError

_SAME_ORIENTATION = 1e-3  # direction cosines
_SAME_PIXELS = 1e-3  # share of the pixel size
_EVEN = 0.02  # share of the median slice distance by which distances may differ
_MOST_ROUNDING = 0.1  # the same, where positions are rounded
_MOST_UNEVEN = 10.0  # times the shortest distance; beyond, slices do not form one volume
_SIDEWAYS = 0.5  # pixels by which slices may lie beside a straight line


@dataclass(frozen=True)
class Plane:
    """Where a slice lies in LPS millimetres.

    Attributes:
        position: (3,) of the first pixel's centre; ``None`` if it is not stated.
        directions: (2, 3) unit vectors along columns i and rows j; ``None`` if they are not stated.
        pixel_mm: (2,) distance of neighbouring columns and rows; ``None`` if it is not stated or zero.
        rounding: millimetres of the last digit of the position; 0 if it is exact.
    """

    position: np.ndarray | None = None
    directions: np.ndarray | None = None
    pixel_mm: np.ndarray | None = None
    rounding: float = 0.0

    @property
    def is_placed(self) -> bool:
        return self.position is not None and self.directions is not None

    @property
    def normal(self) -> np.ndarray:
        return np.cross(*self.directions)


def check_pixel_sizes(planes: Sequence[Plane], of: str) -> None:
    """Raises ``EngineError``: MIXED_SERIES."""
    sizes = [plane.pixel_mm for plane in planes]
    known = [size for size in sizes if size is not None]
    if not known:
        return
    if len(known) < len(sizes) or any(np.abs(size / known[0] - 1).max() > _SAME_PIXELS for size in known):
        raise mixed(of, "pixel sizes")


def sort_planes(
    planes: Sequence[Plane], of: str, warnings: list[dict[str, str]]
) -> tuple[list[int], np.ndarray | None]:
    """The order of slices along their normal.

    Args:
        planes: all of them placed.
        of: what has these slices, for messages: “the series in “folder””.
        warnings: rows with ``code`` and ``message`` are added.

    Returns:
        Indices of the planes in their order, and the mean step (3,) from slice to slice in mm (``None`` for one slice).

    Raises:
        EngineError: MIXED_SERIES, IMAGE_4D.
    """
    directions, normal = planes[0].directions, planes[0].normal
    if any(np.abs(plane.directions - directions).max() > _SAME_ORIENTATION for plane in planes):
        raise mixed(of, "orientations")
    if len(planes) == 1:
        return [0], None
    heights = np.array([plane.position @ normal for plane in planes])
    order = np.argsort(heights, kind="stable").tolist()
    distances = np.diff(heights[order])
    usual, shortest, longest = float(np.median(distances)), distances.min(), distances.max()
    if shortest <= 1e-3 * max(usual, 1e-3):
        raise EngineError(
            "IMAGE_4D",
            f"{_capital(of)} has several slices at the same position (several times or echoes?).",
            "Take several times as a sequence (on the command line: --frames all); or export the slices of one time or "
            "echo, and put them into a folder of their own.",
        )
    if longest > _MOST_UNEVEN * shortest:
        raise EngineError(
            "MIXED_SERIES",
            f"The slices of {of} are {shortest:.4g} to {longest:.4g} mm apart; they do not form one volume.",
            "Put the files of one volume into a folder of their own.",
        )
    rounding = max(plane.rounding for plane in planes)
    allowed = max(_EVEN * usual, min(1.01 * rounding * np.abs(normal).sum(), _MOST_ROUNDING * usual))
    if np.abs(distances - usual).max() > allowed:
        message = (
            f"The slices are {shortest:.4g} to {longest:.4g} mm apart; some may be missing. "
            "Even spacing is assumed, so volumes in mm³ are approximate."
        )
        warnings.append({"code": "UNEVEN_SPACING", "message": message})
    positions = np.array([planes[index].position for index in order])
    _warn_of_jumps(positions, heights[order], planes[0].pixel_mm, rounding, warnings)
    return order, (positions[-1] - positions[0]) / (len(positions) - 1)


def _warn_of_jumps(
    positions: np.ndarray,
    heights: np.ndarray,
    pixel_mm: np.ndarray | None,
    rounding: float,
    warnings: list[dict[str, str]],
) -> None:
    """Add a warning if slices lie beside the line through the first and the last one."""
    share = (heights - heights[0]) / (heights[-1] - heights[0])
    line = positions[0] + share[:, None] * (positions[-1] - positions[0])
    aside = float(np.linalg.norm(positions - line, axis=1).max())
    if aside > max(_SIDEWAYS * (1.0 if pixel_mm is None else pixel_mm.min()), 2 * rounding):
        message = (
            f"Slices are shifted sideways by up to {aside:.4g} mm against each other. They were stacked as if they lay "
            "straight above one another, so positions and shapes may be wrong."
        )
        warnings.append({"code": "SLICES_SHIFTED", "message": message})


def mixed(of: str, what: str) -> EngineError:
    return EngineError(
        "MIXED_SERIES",
        f"The slices of {of} have different {what} (is a localizer among them?).",
        "Put the files of one volume into a folder of their own.",
    )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
