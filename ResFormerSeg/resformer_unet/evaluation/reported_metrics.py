"""The metrics that an evaluation reports, of its cases as they are or of resamples of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from resformer_unet.evaluation import metrics


def segmentation_metrics(rows: Sequence[Mapping], segments: Sequence[str], weights: np.ndarray | None = None) -> dict:
    """``dice`` and ``jaccard`` (``mean`` and each segment), ``false_positive_rate``, ``slice_false_positive_rate``,
    and ``segment_false_positive_rate`` of each segment.

    Args:
        rows: ``per_case`` of an evaluation; segments: ids.
        weights: of the rows, as in :mod:`.metrics`.
    """
    figures: dict = {}
    for figure in ("dice", "jaccard"):
        each = _by_segment(rows, figure, segments, weights)
        figures[figure] = {"mean": metrics.mean_of_defined(np.stack(list(each.values()), axis=-1)), **each}
    figures["false_positive_rate"] = metrics.weighted_mean([_value(row["false_positive"]) for row in rows], weights)
    figures["segment_false_positive_rate"] = _by_segment(rows, "segment_false_positive", segments, weights)
    slices = [row["lesion_free_slices"] or {"segmented": 0, "slices": 0} for row in rows]
    weights = np.ones(len(rows)) if weights is None else weights
    segmented, total = (weights @ np.array([row[key] for row in slices]) for key in ("segmented", "slices"))
    return {**figures, "slice_false_positive_rate": metrics.ratio(segmented, total)}


def diagnosis_metrics(
    probabilities: np.ndarray,
    labels: Sequence[int],
    classes: Sequence[str],
    weights: np.ndarray | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> dict:
    """``accuracy``, ``balanced_accuracy``, ``macro_auc``, ``auc``, ``sensitivity``, ``specificity``, ``ece``.

    Balanced accuracy is the mean sensitivity of the classes that occur. ``auc`` takes each class against the rest, and
    ``macro_auc`` is the mean of the areas that are defined.

    Args:
        probabilities: (units, classes), calibrated, each row with the sum 1.
        labels: index of each unit's true class; some classes may not occur.
        classes: names for the keys of auc, sensitivity and specificity.
        weights: of the units, as in :mod:`.metrics`.
        thresholds: operating points of the diagnoses that must not be missed, by class. With any, there are
            ``alert_sensitivity`` and ``alert_specificity`` too, of these classes.
    """
    labels = np.asarray(labels, int)
    sensitivity = metrics.sensitivity(probabilities, labels, weights)
    areas = [metrics.auc(probabilities[:, index], labels == index, weights) for index in range(len(classes))]
    areas = np.stack(areas, axis=-1)

    def by_class(values: np.ndarray) -> dict:
        return {name: values[..., index] for index, name in enumerate(classes)}

    alerts: dict = {"alert_sensitivity": {}, "alert_specificity": {}} if thresholds else {}
    for name, threshold in (thresholds or {}).items():
        index = classes.index(name)
        reached, true = probabilities[:, index] >= threshold, labels == index
        alerts["alert_sensitivity"][name] = metrics.weighted_mean(np.where(true, reached, np.nan), weights)
        alerts["alert_specificity"][name] = metrics.weighted_mean(np.where(true, np.nan, ~reached), weights)
    return {
        "accuracy": metrics.accuracy(probabilities, labels, weights),
        "balanced_accuracy": metrics.mean_of_defined(sensitivity),
        "macro_auc": metrics.mean_of_defined(areas),
        "auc": by_class(areas),
        "sensitivity": by_class(sensitivity),
        "specificity": by_class(metrics.specificity(probabilities, labels, weights)),
        "ece": metrics.calibration_error(probabilities, labels, weights),
        **alerts,
    }


def flattened(figures: Mapping) -> dict:
    """Metrics in one level, for instance ``dice_lesion`` or ``auc_benign``."""
    flat = {}
    for name, value in figures.items():
        flat |= {f"{name}_{key}": part for key, part in value.items()} if isinstance(value, Mapping) else {name: value}
    return flat


def for_json(figures: Mapping) -> dict:
    """Metrics of one set of cases as plain numbers, ``None`` where one is undefined."""
    return {
        name: for_json(value) if isinstance(value, Mapping) else metrics.defined(value)
        for name, value in figures.items()
    }


def _by_segment(rows: Sequence[Mapping], key: str, segments: Sequence[str], weights: np.ndarray | None) -> dict:
    """Means over the rows that have a value for the segment."""
    return {
        segment: metrics.weighted_mean([_value((row.get(key) or {}).get(segment)) for row in rows], weights)
        for segment in segments
    }


def _value(measured: float | bool | None) -> float:
    return np.nan if measured is None else float(measured)
