"""The masks of a whole volume: filled in batch by batch, post-processed, and turned into label layers.

What looks at one slice alone is done with each batch, while the network works on the next one.
"""

from __future__ import annotations

import numpy as np

from resformer_unet.inference.options import PredictOptions
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.postprocessing.cleaning import (
    clean_masks,
    clean_slices,
    looks_through_volume,
    segments_are_independent,
    smooth_masks,
)
from resformer_unet.postprocessing.components import Components
from resformer_unet.postprocessing.masks import masks_on_slices
from resformer_unet.preprocessing.prepare import PreparedImage


class VolumeMasks:
    """Masks of all slices of an image, empty in those that were not run.

    All of them lie in one array, which :meth:`label_layers` reuses: a large volume should not be in memory twice.

    Attributes:
        probability_maps: uint8 (segments, slices, rows, columns) on the image's grid, 0 to 100; ``None`` unless they
            were requested.
    """

    def __init__(self, bundle: ModelBundle, prepared: PreparedImage, options: PredictOptions) -> None:
        """
        Args:
            prepared: the slices that are run.
            options: smoothing, smallest area, and whether to keep the segments' probabilities too.

        Raises:
            MemoryError: the volume does not fit into memory.
        """
        self._bundle, self._prepared, self._options = bundle, prepared, options
        self._slices = prepared.image.shape[prepared.layout.axis]
        segments, pixels = len(bundle.segments), prepared.stack.shape[1:3]
        self._masks = np.zeros((segments, self._slices, *pixels), bool)
        self.probability_maps = (
            np.zeros((segments, *prepared.image.shape), np.uint8) if options.probability_maps else None
        )
        self._pixel_mm = prepared.layout.spacing(prepared.image)[:2] if prepared.image.has_areas else None
        self._segmentation = bundle.descriptor["segmentation"] or {}
        if options.min_area_mm2 is not None:
            self._segmentation = {**self._segmentation, "min_area_mm2": options.min_area_mm2}
        cleans_early = bool(segments) and segments_are_independent(segments, self._segmentation)
        self._components = [Components() for _ in range(segments)] if cleans_early else None
        self._links = cleans_early and looks_through_volume(self._segmentation, len(prepared))

    @property
    def of_run_slices(self) -> np.ndarray:
        """View of the masks of the slices that were run, bool (n, segments, rows, columns)."""
        return self._masks[:, self._prepared.slices].swapaxes(0, 1)

    def write(self, first: int, probabilities: np.ndarray) -> None:
        """Take over the network's output for some slices, in the order of the slices.

        Args:
            first: index of the first of them among those that are run.
            probabilities: float32 (n, channels, height, width) at the network's input size.
        """
        prepared, segmentation = self._prepared, self._segmentation
        percent = None
        if self.probability_maps is not None:
            shape = len(probabilities), len(self.probability_maps), *prepared.stack.shape[1:3]
            percent = np.empty(shape, np.uint8)
        masks = masks_on_slices(probabilities, prepared.letterbox, segmentation, percent)
        if self._pixel_mm is not None and self._options.smoothing_mm:
            sigma = tuple(self._options.smoothing_mm / length for length in self._pixel_mm)
            smooth_masks(masks, sigma, segmentation["exclusive"])
        for segment, components in enumerate(self._components or []):
            clean_slices(masks, segment, segmentation, self._pixel_mm2)
            for pixels in masks[:, segment] if self._links else []:
                components.add(pixels)
        self.of_run_slices[first : first + len(masks)] = masks
        if percent is not None:
            begin = prepared.first + first
            for index, segment_map in enumerate(self.probability_maps):
                prepared.layout.stack(segment_map)[begin : begin + len(percent)] = percent[:, index]

    def postprocess(self) -> list[dict[str, str]]:
        """After the last slice: remove small components, as the descriptor and the user say.

        Returns:
            Warnings, rows with ``code`` and ``message``.
        """
        run, options = self._prepared.slices, self._options
        open_ends = (run.start > 0, run.stop < self._slices)
        clean_masks(self.of_run_slices, self._segmentation, self._pixel_mm2, open_ends, self._components)
        if self._pixel_mm is None and (options.min_area_mm2 is not None or options.smoothing_mm):
            message = "The pixel size of this picture is unknown: minimum area and smoothing were ignored."
            return [{"code": "PIXEL_SIZE_UNKNOWN", "message": message}]
        return []

    @property
    def _pixel_mm2(self) -> float | None:
        return self._pixel_mm and self._prepared.layout.pixel_mm2(self._prepared.image)

    def label_layers(self) -> np.ndarray:
        """``Prediction.layers``. The masks themselves become the layers, so this object is used up."""
        layers, run = self._masks.view(np.uint8), self._prepared.slices  # the others are empty
        for layer, segment in zip(layers, self._bundle.segments, strict=True):
            layer[run] *= segment["value"]
        if len(layers) > 1 and self._bundle.descriptor["segmentation"]["exclusive"]:
            layers[0, run] = layers[:, run].max(0)  # cleaning never makes exclusive segments overlap
            layers = layers[:1]
        return np.moveaxis(self._prepared.layout.unstack(np.moveaxis(layers, 0, -1)), -1, 0)
