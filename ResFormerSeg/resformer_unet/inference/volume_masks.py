"""The masks of a whole volume: filled in batch by batch, post-processed, and turned into label layers."""

from __future__ import annotations

import numpy as np

from resformer_unet.inference.options import PredictOptions
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.postprocessing.cleaning import clean_masks, smooth_masks
from resformer_unet.postprocessing.masks import masks_on_slices
from resformer_unet.preprocessing.prepare import PreparedImage


class VolumeMasks:
    """Masks of all slices of an image, empty in those that were not run.

    All of them lie in one array, which :meth:`label_layers` reuses: a large volume should not be in memory twice.

    Attributes:
        probability_maps: uint8 (segments, slices, rows, columns) on the image's grid, 0 to 100; ``None`` unless they
            were requested.
    """

    def __init__(self, bundle: ModelBundle, prepared: PreparedImage, probability_maps: bool = False) -> None:
        """
        Args:
            prepared: the slices that are run.
            probability_maps: whether to keep the segments' probabilities too.

        Raises:
            MemoryError: the volume does not fit into memory.
        """
        self._bundle, self._prepared = bundle, prepared
        self._slices = prepared.image.shape[prepared.layout.axis]
        segments, pixels = len(bundle.segments), prepared.stack.shape[1:3]
        self._masks = np.zeros((segments, self._slices, *pixels), bool)
        self.probability_maps = np.zeros((segments, *prepared.image.shape), np.uint8) if probability_maps else None

    @property
    def of_run_slices(self) -> np.ndarray:
        """View of the masks of the slices that were run, bool (n, segments, rows, columns)."""
        return self._masks[:, self._prepared.slices].swapaxes(0, 1)

    def write(self, first: int, probabilities: np.ndarray) -> None:
        """Take over the network's output for some slices.

        Args:
            first: index of the first of them among those that are run.
            probabilities: float32 (n, channels, height, width) at the network's input size.
        """
        prepared, segmentation = self._prepared, self._bundle.descriptor["segmentation"]
        percent = None
        if self.probability_maps is not None:
            shape = len(probabilities), len(self.probability_maps), *prepared.stack.shape[1:3]
            percent = np.empty(shape, np.uint8)
        masks = masks_on_slices(probabilities, prepared.letterbox, segmentation, percent)
        self.of_run_slices[first : first + len(masks)] = masks
        if percent is not None:
            begin = prepared.first + first
            for index, segment_map in enumerate(self.probability_maps):
                prepared.layout.stack(segment_map)[begin : begin + len(percent)] = percent[:, index]

    def postprocess(self, options: PredictOptions) -> list[dict[str, str]]:
        """Smooth the masks and remove small components, as the descriptor and the user say.

        Returns:
            Warnings, rows with ``code`` and ``message``.
        """
        prepared, segmentation, warnings = self._prepared, self._bundle.descriptor["segmentation"], []
        row_mm, column_mm, _ = prepared.layout.spacing(prepared.image)
        in_millimetres = prepared.image.has_areas
        if not in_millimetres and (options.min_area_mm2 is not None or options.smoothing_mm):
            message = "The pixel size of this picture is unknown: minimum area and smoothing were ignored."
            warnings.append({"code": "PIXEL_SIZE_UNKNOWN", "message": message})
        elif options.smoothing_mm:
            sigma = options.smoothing_mm / row_mm, options.smoothing_mm / column_mm
            smooth_masks(self.of_run_slices, sigma, segmentation["exclusive"])
        if options.min_area_mm2 is not None:
            segmentation = {**segmentation, "min_area_mm2": options.min_area_mm2}
        run = prepared.slices
        open_ends = (run.start > 0, run.stop < self._slices)
        clean_masks(self.of_run_slices, segmentation, row_mm * column_mm if in_millimetres else None, open_ends)
        return warnings

    def label_layers(self) -> np.ndarray:
        """``Prediction.layers``. The masks themselves become the layers, so this object is used up."""
        layers, run = self._masks.view(np.uint8), self._prepared.slices  # the others are empty
        for layer, segment in zip(layers, self._bundle.segments, strict=True):
            layer[run] *= segment["value"]
        if len(layers) > 1 and self._bundle.descriptor["segmentation"]["exclusive"]:
            layers[0, run] = layers[:, run].max(0)  # cleaning never makes exclusive segments overlap
            layers = layers[:1]
        return np.moveaxis(self._prepared.layout.unstack(np.moveaxis(layers, 0, -1)), -1, 0)
