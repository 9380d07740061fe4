"""Confidence intervals of an evaluation's figures: the percentile bootstrap over groups.

Efron, Tibshirani: An Introduction to the Bootstrap. Chapman & Hall, 1993. Groups (patients, clusters of near-duplicate
pictures) are drawn with replacement, each with all of its cases, since cases of one group are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from resformer_unet.evaluation.evaluation_units import EvaluationUnits

RESAMPLES = 2000
LEVEL = 0.95


def confidence_intervals(
    rows: Sequence[Mapping],
    segments: Sequence[str],
    units: EvaluationUnits | None,
    classes: Sequence[str],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict:
    """Intervals of the figures named as in :func:`.headline`; ``None`` where there is no telling.

    A figure's interval leaves out the resamples in which the figure is not defined (a class that was not drawn). The
    calibration error has none: resampling inflates it.

    Args:
        rows: ``per_case`` of an evaluation.
        segments: ids; classes: ids of the diagnoses, in the order of the units' probabilities.

    Returns:
        ``level``, ``method``, ``resamples``, ``seed``, ``groups`` and ``figures``, a dict of [low, high].
    """
    groups = {name: index for index, name in enumerate(dict.fromkeys(row["group"] for row in rows))}
    drawn = np.random.default_rng(seed).multinomial(len(groups), np.full(len(groups), 1 / len(groups)), resamples)
    figures = _segmentation(rows, segments, groups, drawn) if segments else {}
    if units is not None and len(units):
        figures |= _diagnosis(units, classes, drawn[:, [groups[name] for name in units.groups]])
    return {
        "level": LEVEL,
        "method": "percentile bootstrap over groups",
        "resamples": resamples,
        "seed": seed,
        "groups": len(groups),
        "figures": {name: _interval(values, len(groups)) for name, values in figures.items()},
    }


def _segmentation(
    rows: Sequence[Mapping], segments: Sequence[str], groups: Mapping[str, int], drawn: np.ndarray
) -> dict[str, np.ndarray]:
    times = drawn[:, [groups[row["group"]] for row in rows]]  # (resamples, cases)
    figures = {}
    for figure in ("dice", "jaccard"):
        each = {}
        for segment in segments:
            values = [row[figure].get(segment) if row[figure] else None for row in rows]
            each[segment] = _weighted_mean(values, times)
        figures[f"{figure}_mean"] = _mean_of(list(each.values()))
        figures |= {f"{figure}_{segment}": values for segment, values in each.items()}
    figures["false_positive_rate"] = _weighted_mean([row["false_positive"] for row in rows], times)
    slices = [row["healthy_slices"] for row in rows]
    counts = np.array([[0, 0] if pair is None else [pair["outlined"], pair["slices"]] for pair in slices])
    figures["slice_false_positive_rate"] = _ratio(times @ counts[:, 0], times @ counts[:, 1])
    return figures


def _diagnosis(units: EvaluationUnits, classes: Sequence[str], times: np.ndarray) -> dict[str, np.ndarray]:
    """``times``: (resamples, units), how often each is drawn."""
    labels, predicted = units.labels, units.probabilities.argmax(1)
    right = predicted == labels
    figures = {"accuracy": _ratio(times @ right, times.sum(1))}
    sensitivity, specificity, areas = {}, {}, {}
    for index, name in enumerate(classes):
        is_class, named = labels == index, predicted == index
        sensitivity[name] = _ratio(times @ (is_class & right), times @ is_class)
        specificity[name] = _ratio(times @ (~is_class & ~named), times @ ~is_class)
        areas[name] = _areas(units.probabilities[:, index], is_class, times)
    figures["balanced_accuracy"] = _mean_of(list(sensitivity.values()))
    figures["macro_auc"] = _mean_of(list(areas.values()))
    for figure, values in (("auc", areas), ("sensitivity", sensitivity), ("specificity", specificity)):
        figures |= {f"{figure}_{name}": value for name, value in values.items()}
    return figures


def _areas(scores: np.ndarray, positive: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each resample: the share of pairs in the right order, ties counting one half."""
    _, rank = np.unique(scores, return_inverse=True)
    levels = rank.max() + 1
    by_rank = np.zeros((len(scores), levels))
    by_rank[np.arange(len(scores)), rank] = 1
    positives, negatives = (times * positive) @ by_rank, (times * ~positive) @ by_rank  # (resamples, levels)
    below = negatives.cumsum(1) - negatives / 2
    return _ratio((positives * below).sum(1), positives.sum(1) * negatives.sum(1))


def _weighted_mean(values: Sequence[float | None], times: np.ndarray) -> np.ndarray:
    defined = np.array([value is not None for value in values])
    numbers = np.array([0.0 if value is None else float(value) for value in values])
    return _ratio(times @ numbers, times @ defined)


def _mean_of(values: Sequence[np.ndarray]) -> np.ndarray:
    """Mean of the figures that are defined in each resample."""
    stacked = np.array(values)
    return _ratio(np.nansum(stacked, 0), (~np.isnan(stacked)).sum(0))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _interval(values: np.ndarray, groups: int) -> list[float] | None:
    defined = values[~np.isnan(values)]
    if groups < 2 or not len(defined):
        return None
    return np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
