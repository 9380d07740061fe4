"""From the network's diagnosis logits to calibrated probabilities of each slice and of the case."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import softmax


def slice_probabilities(logits: np.ndarray, calibration: Mapping | None) -> np.ndarray:
    """Softmax of (n, diagnoses) logits after temperature scaling (Guo et al., ICML 2017, arXiv:1706.04599)."""
    scaled = logits.astype(np.float64) / (calibration["temperature"] if calibration else 1.0)
    return softmax(scaled, axis=1)


def case_probabilities(probabilities: np.ndarray, areas: np.ndarray, rule: str) -> np.ndarray:
    """The case's probabilities (diagnoses,) from those of its slices, by the rule that the descriptor names.

    Args:
        probabilities: (n, diagnoses).
        areas: (n,) segmented pixels of each slice. If no slice has any, all slices have the same weight.
        rule: ``mean`` over all slices, ``lesion_area_weighted_mean``, or ``max_lesion_slice`` (that of the slice with
            the largest segmented area).

    Raises:
        ValueError: an unknown rule.
    """
    if rule == "mean" or not areas.any():
        return probabilities.mean(0)
    if rule == "max_lesion_slice":
        return probabilities[areas.argmax()]
    if rule == "lesion_area_weighted_mean":
        return np.average(probabilities, axis=0, weights=areas)
    raise ValueError(f"unknown rule {rule}")
