"""The letters of the patient's directions, drawn without a library: Slicer's Python may lack one."""

from __future__ import annotations

import numpy as np

_SCALE = 2  # pixels of a dot
_DOTS = {
    "A": (".###.", "#...#", "#...#", "#####", "#...#", "#...#", "#...#"),
    "I": (".###.", "..#..", "..#..", "..#..", "..#..", "..#..", ".###."),
    "L": ("#....", "#....", "#....", "#....", "#....", "#....", "#####"),
    "P": ("####.", "#...#", "#...#", "####.", "#....", "#....", "#...."),
    "R": ("####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"),
    "S": (".####", "#....", "#....", ".###.", "....#", "....#", "####."),
}


def draw_letter(pixels: np.ndarray, letter: str, center: tuple[int, int], brightness: int) -> None:
    """Draw one of R, L, A, P, S, I into uint8 (rows, columns, 3); ``center``: row and column."""
    dots = np.array([[dot == "#" for dot in line] for line in _DOTS[letter]]).repeat(_SCALE, 0).repeat(_SCALE, 1)
    row, column = (place - length // 2 for place, length in zip(center, dots.shape, strict=True))
    pixels[row : row + dots.shape[0], column : column + dots.shape[1]][dots] = brightness
