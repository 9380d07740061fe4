"""A picture of the segments of a volume in three dimensions, as they lie in the patient; as PNG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resformer_unet.report.letters import draw_letter
from resformer_unet.report.picture import png
from resformer_unet.report.surfaces import Surface

SIDE = 280  # pixels of a view
_MARGIN, _GAP = 18, 12  # pixels
_TOLERANCE = 0.75  # pixels: what is thinner than one is still seen
_COVER = 0.55  # how much a segment hides of those behind it
_PAPER, _INK = 250, 70
_LIGHT = np.array([-0.35, 0.6, 0.72])  # to the right of the picture, up, towards the viewer


@dataclass(frozen=True)
class View:
    """``right``, ``up``: of the picture, in LPS; ``letters``: of its top, bottom, left and right side."""

    right: tuple[int, int, int]
    up: tuple[int, int, int]
    letters: str


VIEWS = (
    View((1, 0, 0), (0, 0, 1), "SIRL"),  # from the front
    View((0, 1, 0), (0, 0, 1), "SIAP"),  # from the patient's left
)


@dataclass(frozen=True)
class SurfacePicture:
    content: bytes
    bar_mm: float


def draw_surfaces(masks: np.ndarray, segments: Sequence[dict], affine: np.ndarray) -> SurfacePicture | None:
    """PNG of the segments by parallel projection, from the front and from the left; ``None`` if all are empty.

    Both views have one scale, which a bar of ``bar_mm`` shows. The sides are named R(ight), L(eft), A(nterior),
    P(osterior), S(uperior), I(nferior) of the patient. Segments behind others shine through.

    Args:
        masks: bool (segments, slices, rows, columns).
        segments: rows with ``color``, of 0 to 255.
        affine: from (column, row, slice) to LPS millimetres.
    """
    shown = [(Surface(mask, affine), row["color"]) for mask, row in zip(masks, segments, strict=True) if mask.any()]
    if not shown:
        return None
    corners = np.concatenate([surface.corners for surface, _ in shown])
    center = (corners.min(0) + corners.max(0)) / 2
    scale = float((corners.max(0) - corners.min(0)).max()) / (SIDE - 2 * _MARGIN)  # mm of a pixel
    bar_mm = _round_length(scale * SIDE / 3)
    views = [_draw(view, shown, center, scale) for view in VIEWS]
    _draw_bar(views[0], bar_mm / scale)
    gap = np.full((SIDE, _GAP, 3), 255, np.uint8)
    return SurfacePicture(png(np.concatenate([views[0], gap, views[1]], axis=1)), bar_mm)


def _draw(view: View, shown: Sequence[tuple[Surface, Sequence[int]]], center: np.ndarray, scale: float) -> np.ndarray:
    """uint8 (SIDE, SIDE, 3)."""
    right, up = np.array(view.right, float), np.array(view.up, float)
    viewer = np.cross(right, up)
    across = (np.arange(SIDE) - (SIDE - 1) / 2) * scale
    starts = (center + across[None, :, None] * right - across[:, None, None] * up).reshape(-1, 3)
    light = np.stack([right, up, viewer], axis=1) @ (_LIGHT / np.linalg.norm(_LIGHT))
    layers = []
    for surface, color in shown:
        depth, shade = np.full(SIDE * SIDE, np.inf), np.zeros((SIDE * SIDE, 3))
        reached, ways = surface.meet(starts, -viewer, _TOLERANCE * scale)
        normals = surface.normals(starts[reached] - ways[:, None] * viewer)
        brightness = 0.4 + 0.3 * (1 + normals @ light)
        gloss = np.clip(normals @ (light + viewer) / np.linalg.norm(light + viewer), 0, 1) ** 24
        depth[reached] = ways
        shade[reached] = np.asarray(color, float) * brightness[:, None] + 55 * gloss[:, None]
        layers.append((depth, shade))
    pixels = _composed(layers).reshape(SIDE, SIDE, 3)
    middle, edge = SIDE // 2, _MARGIN // 2
    sides = ((edge, middle), (SIDE - edge, middle), (middle, edge), (middle, SIDE - edge))
    for letter, place in zip(view.letters, sides, strict=True):
        draw_letter(pixels, letter, place, _INK)
    return pixels


def _composed(layers: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """uint8 (pixels, 3) of each segment's depths and colours: the last hides the paper, nearer ones lie over it."""
    order = np.argsort(np.stack([depth for depth, _ in layers]), axis=0)
    pixels = np.full(layers[0][1].shape, float(_PAPER))
    empty = np.ones(len(pixels), bool)
    for rank in reversed(range(len(layers))):
        for index, (depth, shade) in enumerate(layers):
            here = (order[rank] == index) & np.isfinite(depth)
            cover = np.where(empty[here], 1.0, _COVER)[:, None]
            pixels[here] += cover * (shade[here] - pixels[here])
            empty &= ~here
    return pixels.clip(0, 255).round().astype(np.uint8)


def _draw_bar(pixels: np.ndarray, length: float) -> None:
    bottom = SIDE - _MARGIN // 2
    pixels[bottom - 2 : bottom + 1, 8 : 8 + round(length)] = _INK


def _round_length(most: float) -> float:
    """The greatest of 1, 2, 5, 10, 20 ... mm, or parts of a millimetre, that is not longer."""
    power = 10.0 ** math.floor(math.log10(most))
    return power * next(factor for factor in (5, 2, 1) if factor * power <= most)
