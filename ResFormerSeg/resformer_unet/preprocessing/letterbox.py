"""Resampling of slices of any size to the network's input, and of its output back to the slices."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from resformer_unet.preprocessing.resampling import antialiased, bilinear, resize


@dataclass(frozen=True)
class Letterbox:
    """Position of a slice in the network's input: centred and padded, with the aspect ratio in millimetres kept.

    Attributes:
        rows, columns: size of the slice in pixels.
        size: (height, width) of the network's input in pixels.
        content: (top, left, height, width) of the slice's visible part within ``size``.
        window: (top, left, height, width) of the visible part within the slice: all of it, or the field of view.
    """

    rows: int
    columns: int
    size: tuple[int, int]
    content: tuple[int, int, int, int]
    window: tuple[int, int, int, int]

    @classmethod
    def fit(
        cls,
        rows: int,
        columns: int,
        row_mm: float,
        column_mm: float,
        size: tuple[int, int],
        field_of_view_mm: tuple[float, float] | None = None,
    ) -> Letterbox:
        """The largest centred placement of a slice whose pixels measure ``row_mm`` by ``column_mm``.

        Args:
            field_of_view_mm: height and width of the central part of a slice that fills the input, so that all images
                have the same scale; the rest is cropped. ``None`` shows the whole slice, as large as it fits.
        """
        shown = (rows, columns)
        if field_of_view_mm is not None:
            shown = (
                min(rows, max(1, round(field_of_view_mm[0] / row_mm))),
                min(columns, max(1, round(field_of_view_mm[1] / column_mm))),
            )
        high, wide = field_of_view_mm or (rows * row_mm, columns * column_mm)
        scale = min(size[0] / high, size[1] / wide)
        height = min(size[0], max(1, round(shown[0] * row_mm * scale)))
        width = min(size[1], max(1, round(shown[1] * column_mm * scale)))
        content = ((size[0] - height) // 2, (size[1] - width) // 2, height, width)
        return cls(rows, columns, tuple(size), content, ((rows - shown[0]) // 2, (columns - shown[1]) // 2, *shown))

    def shown(self, stack: np.ndarray) -> np.ndarray:
        """View of the visible part of slices (n, rows, columns, ...)."""
        top, left, height, width = self.window
        return stack[:, top : top + height, left : left + width]

    def shrink(self, stack: np.ndarray) -> np.ndarray:
        """Average blocks of pixels of slices far larger than the network's input, before they are converted to float.

        Args:
            stack: (n, rows, columns, c), any real dtype.

        Returns:
            The visible part of the stack if it is less than four times as large as the content, else a float32 array at
            least twice as large as the content; :meth:`forward` takes either. Memory stays near that of the result.
        """
        stack = self.shown(stack)
        rows, columns = stack.shape[1:3]
        _, _, height, width = self.content
        factor = min(rows // height, columns // width) // 2
        if factor < 2:
            return stack
        row_edges, column_edges = _block_edges(rows, factor), _block_edges(columns, factor)
        column_counts = np.diff(column_edges).astype(np.float32)[:, None]
        shrunk = np.empty((len(stack), len(row_edges) - 1, len(column_counts), stack.shape[-1]), np.float32)
        for source, target in zip(stack, shrunk, strict=True):
            for index, (first, last) in enumerate(itertools.pairwise(row_edges)):
                line = source[first:last].mean(axis=0, dtype=np.float32)
                target[index] = np.add.reduceat(line, column_edges[:-1], axis=0) / column_counts
        return shrunk

    def forward(self, batch: np.ndarray) -> np.ndarray:
        """Resize the visible part of slices (n, c, ...), intensity-scaled, to float32 (n, c, H, W); antialiased, padded
        with 0.

        The intensity of the padding depends on the model: :func:`.scale_slices` subtracts the descriptor's ``mean``,
        which may be that of the training set (padding is then grey) or 0 (padding is then black).
        """
        top, left, height, width = self.content
        (rows, columns), padded = batch.shape[2:], np.zeros((*batch.shape[:2], *self.size), np.float32)
        inside = padded[..., top : top + height, left : left + width]
        if (rows, columns) == (height, width):
            inside[...] = batch
        else:
            resize(batch, antialiased(rows, height), antialiased(columns, width), inside)
        return padded

    def inverse(self, batch: np.ndarray, rows: slice | None = None) -> np.ndarray:
        """Crop the padding off (n, s, H, W) and resize bilinearly to (n, s, rows, columns); 0 outside the visible part.

        Args:
            batch: float output of the network, for instance probabilities.
            rows: only these rows of the slice, so that a huge picture can be resampled strip by strip.

        Returns:
            float32.
        """
        first, last, _ = (rows or slice(None)).indices(self.rows)
        top, left, height, width = self.window
        resized = np.zeros((*batch.shape[:2], last - first, self.columns), np.float32)
        begin, end = min(max(first, top), last), max(min(last, top + height), first)
        if begin < end:
            inside = resized[..., begin - first : end - first, left : left + width]
            self._enlarge(batch, slice(begin - top, end - top), inside)
        return resized

    def reach(self, first: int, last: int) -> slice:
        """Rows of the slice that rows ``first`` to ``last - 1`` of the input contribute to in :meth:`inverse`."""
        top, _, height, _ = self.content
        enlarged = self.window[2] / height
        begin = math.floor((first - top - 0.5) * enlarged - 0.5) if first > top else 0
        end = math.ceil((last - top + 0.5) * enlarged + 0.5) if last < top + height else self.window[2]
        return slice(self.window[0] + max(0, begin), self.window[0] + max(0, min(end, self.window[2])))

    def _enlarge(self, batch: np.ndarray, rows: slice, out: np.ndarray) -> None:
        """Resize the network's output to some of the window's rows, into ``out``."""
        _, _, window_height, window_width = self.window
        top, left, height, width = self.content
        content = batch[..., top : top + height, left : left + width]
        if (height, width) == (window_height, window_width):
            out[...] = content[..., rows, :]
        else:
            resize(content, bilinear(height, window_height)[rows], bilinear(width, window_width), out)


def _block_edges(length: int, factor: int) -> np.ndarray:
    """Edges of blocks of ``factor`` pixels or one more, evenly spaced to within half a pixel.

    With a shorter last block instead, the far edge of the slice would be stretched.
    """
    count = length // factor
    return np.rint(np.arange(count + 1) * (length / count)).astype(int)
