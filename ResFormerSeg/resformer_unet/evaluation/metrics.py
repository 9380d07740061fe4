"""Metrics of segmentations and diagnoses, for one set of cases or for many resamples of it at once.

Functions with ``weights`` take how much each case counts: (cases,), or (resamples, cases) as the bootstrap draws them;
without weights each case counts once. They return a number, or an array (resamples, ...), NaN where a metric is
undefined (no case to measure it on). Memory and time grow linearly with the cases. Definitions: Maier-Hein, Reinke et
al., Metrics reloaded, Nature Methods 21, 195-212 (2024), arXiv:2206.01653.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

CALIBRATION_BINS = 15


def overlap(first: np.ndarray, second: np.ndarray) -> tuple[float, float] | tuple[None, None]:
    """Dice and Jaccard of two boolean masks of the same shape, in 3D for volumes; ``None`` if both are empty."""
    shared = int(np.count_nonzero(first & second))
    total = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    return (2 * shared / total, shared / (total - shared)) if total else (None, None)


def mean(values: Iterable[float | None]) -> float | None:
    """Mean of the values that are defined, ``None`` without any."""
    return defined(weighted_mean([np.nan if value is None else value for value in values]))


def defined(value: float | np.ndarray) -> float | None:
    """A metric of one set of cases for JSON, which has no NaN."""
    return None if np.isnan(value) else float(value)


def weighted_mean(values: Sequence[float] | np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean of (cases,) values; a NaN is left out."""
    values = np.asarray(values, np.float64)
    measured = ~np.isnan(values)
    weights = _weights(len(values), weights)
    return ratio(weights @ np.where(measured, values, 0.0), weights @ measured)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, NaN where the whole is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)[()]


def mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Mean along the last axis without the NaNs."""
    return ratio(np.nansum(values, axis=-1), (~np.isnan(values)).sum(axis=-1))


def accuracy(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Fraction of the cases whose most probable class (of probabilities (cases, classes)) is the label."""
    return weighted_mean(probabilities.argmax(1) == labels, weights)


def sensitivity(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(..., classes): fraction of the cases of a class for which it is the most probable one."""
    weights, predicted = _weights(len(labels), weights), probabilities.argmax(1)
    of_class = _one_hot(labels, probabilities.shape[1])
    return ratio(weights @ (of_class & (predicted == labels)[:, None]), weights @ of_class)


def specificity(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(..., classes): fraction of the cases of other classes for which it is not the most probable one."""
    weights, classes = _weights(len(labels), weights), probabilities.shape[1]
    others = ~_one_hot(labels, classes)
    return ratio(weights @ (others & ~_one_hot(probabilities.argmax(1), classes)), weights @ others)


def auc(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Area under the ROC curve of (cases,) scores; undefined without positive or without negative cases.

    It is the fraction of pairs of a positive and a negative case in which the positive one scores higher, ties counting
    one half.
    """
    weights = _weights(len(scores), weights)
    if not positive.any() or positive.all():
        return np.full(weights.shape[:-1], np.nan)[()]
    false, true = _counts_above_thresholds(scores, positive, weights)
    area = (np.diff(false, axis=-1) * (true[..., 1:] + true[..., :-1]) / 2).sum(-1)
    return ratio(area, false[..., -1] * true[..., -1])


def roc_curve(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates over all thresholds, from (0, 0) to (1, 1).

    Args:
        scores: (cases,) probability of the class; positive: bool (cases,), of both kinds.
    """
    false, true = _counts_above_thresholds(scores, positive, _weights(len(scores), None))
    return false / false[-1], true / true[-1]


def calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None, bins: int = CALIBRATION_BINS
) -> np.ndarray:
    """Expected calibration error (ECE) of the most probable class, in bins of equal width.

    Naeini, Cooper, Hauskrecht: Obtaining Well Calibrated Probabilities Using Bayesian Binning. AAAI 2015.
    """
    weights, confidence = _weights(len(labels), weights), probabilities.max(1)
    gaps = (probabilities.argmax(1) == labels) - confidence
    by_bin = weights @ (_one_hot(_bin_indices(confidence, bins), bins) * gaps[:, None])  # (..., bins)
    return ratio(np.abs(by_bin).sum(-1), weights.sum(-1))


def reliability(probabilities: np.ndarray, labels: Sequence[int], bins: int = CALIBRATION_BINS) -> list[dict]:
    """Accuracy against the probability of the most probable class, in the bins of :func:`calibration_error`.

    Rows with ``low``, ``high`` (the bin's borders), ``cases``, ``confidence`` (mean probability) and ``accuracy``; bins
    without cases are left out.
    """
    confidence, right = probabilities.max(1), probabilities.argmax(1) == np.asarray(labels)
    index = _bin_indices(confidence, bins)
    return [
        {
            "low": number / bins,
            "high": (number + 1) / bins,
            "cases": int(inside.sum()),
            "confidence": float(confidence[inside].mean()),
            "accuracy": float(right[inside].mean()),
        }
        for number in range(bins)
        if (inside := index == number).any()
    ]


def confusion_matrix(probabilities: np.ndarray, labels: Sequence[int]) -> list[list[int]]:
    """Number of cases by true class (rows) and most probable class (columns)."""
    counts = np.zeros((probabilities.shape[1],) * 2, int)
    np.add.at(counts, (np.asarray(labels, int), probabilities.argmax(1)), 1)
    return counts.tolist()


def _counts_above_thresholds(
    scores: np.ndarray, positive: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Negatives and positives that score at least each threshold, (..., thresholds + 1), the first of them 0."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))  # ties share one threshold
    counts = []
    for chosen in (~positive, positive):
        by_threshold = np.add.reduceat(weights[..., order] * chosen[order], starts, axis=-1)
        above = np.zeros((*by_threshold.shape[:-1], len(starts) + 1))
        np.cumsum(by_threshold, axis=-1, out=above[..., 1:])
        counts.append(above)
    return counts[0], counts[1]


def _weights(cases: int, weights: np.ndarray | None) -> np.ndarray:
    return np.ones(cases) if weights is None else np.asarray(weights, np.float64)


def _one_hot(index: np.ndarray, count: int) -> np.ndarray:
    return np.asarray(index)[:, None] == np.arange(count)


def _bin_indices(confidence: np.ndarray, bins: int) -> np.ndarray:
    return np.minimum((confidence * bins).astype(int), bins - 1)
