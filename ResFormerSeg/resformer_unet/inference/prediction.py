"""The result of a prediction: masks on the image's own grid, the report that goes with them, and the raw logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Prediction:
    """Segmentation and diagnosis of one image.

    Attributes:
        layers: uint8 (layers, slices, rows, columns) on the image's grid, holding the segments' values; exclusive
            segments share one layer, others have one each. No layers for a model without segmentation.
        report: the content of ``<case>.json``; see ``docs/prediction-report.md``.
        logits: float32 (n, diagnoses) of the slices that were run, as the network gives them: before
            calibration and softmax. No columns for a model without diagnosis.
        areas: int (n,), pixels of each of these slices that belong to any segment, for :func:`.slice_weights`.
        probability_maps: uint8 (segments, slices, rows, columns) in per cent, 0 in slices that were not run; ``None``
            unless they were requested.
        out_of_distribution_score: see :mod:`.inference.out_of_distribution`; ``None`` for a model without a detector.
    """

    layers: np.ndarray
    report: dict
    logits: np.ndarray
    areas: np.ndarray
    probability_maps: np.ndarray | None = None
    out_of_distribution_score: float | None = None
