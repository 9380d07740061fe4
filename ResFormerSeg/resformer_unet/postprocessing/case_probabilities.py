"""From the network's diagnosis logits to calibrated probabilities of each slice and of the case."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import softmax

RULES = ("mean", "lesion_area_weighted_mean", "max_lesion_slice")


def slice_probabilities(logits: np.ndarray, calibration: Mapping | None) -> np.ndarray:
    """Calibrated probabilities of slices, softmax(logits / temperature + biases).

    The only place where a calibration is applied; what :mod:`.training.finish.calibration` fits is this function's
    effect on the probabilities of cases.

    Args:
        logits: (n, diagnoses), as the network gives them, on any backend.
        calibration: of the descriptor: ``temperature``, and ``biases`` of the classes (absent: zeros); ``None`` for
            plain probabilities.
    """
    logits = logits.astype(np.float64)
    if calibration:
        logits = logits / calibration["temperature"] + calibration.get("biases", 0.0)
    return softmax(logits, axis=1)


def slice_weights(areas: np.ndarray, rule: str) -> np.ndarray:
    """How much each slice counts in the case's probabilities, (n,) with the sum 1.

    Args:
        areas: (n,) segmented pixels of each slice. If no slice has any, all slices have the same weight.
        rule: ``mean`` over all slices, ``lesion_area_weighted_mean``, or ``max_lesion_slice`` (that of the slice with
            the largest segmented area).

    Raises:
        ValueError: an unknown rule.
    """
    if rule not in RULES:
        raise ValueError(f"unknown rule {rule}")
    if rule == "mean" or not areas.any():
        return np.full(len(areas), 1 / len(areas))
    if rule == "max_lesion_slice":
        return (np.arange(len(areas)) == areas.argmax()).astype(np.float64)
    return areas / areas.sum()


def case_probabilities(probabilities: np.ndarray, areas: np.ndarray, rule: str) -> np.ndarray:
    """The case's probabilities (diagnoses,) from those of its slices, (n, diagnoses), by :func:`slice_weights`."""
    return slice_weights(areas, rule) @ probabilities
