"""From the network's diagnosis logits to calibrated probabilities, of each slice and of the case."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def slice_probabilities(logits: np.ndarray, calibration: Mapping | None) -> np.ndarray:
    """Softmax of (n, diagnoses) logits after temperature scaling (Guo et al., ICML 2017, arXiv:1706.04599)."""
    scaled = logits.astype(np.float64) / (calibration["temperature"] if calibration else 1.0)
    exponentials = np.exp(scaled - scaled.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def case_probabilities(probabilities: np.ndarray, areas: np.ndarray, rule: str) -> np.ndarray:
    """The case's probabilities (diagnoses,) from those of its slices, by the rule that the descriptor names.

    Args:
        probabilities: (n, diagnoses).
        areas: (n,) segmented pixels of each slice. If nothing is segmented anywhere, all slices count the same.
        rule: ``mean`` over all slices, ``lesion_area_weighted_mean``, or ``max_lesion_slice`` (the slice with the
            largest segmented area decides).
    """
    if rule == "mean" or not areas.any():
        return probabilities.mean(0)
    if rule == "max_lesion_slice":
        return probabilities[areas.argmax()]
    if rule == "lesion_area_weighted_mean":
        return np.average(probabilities, axis=0, weights=areas)
    raise ValueError(f"unknown rule {rule}")
