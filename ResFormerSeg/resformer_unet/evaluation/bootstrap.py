"""Confidence intervals of an evaluation's figures: the percentile bootstrap over groups.

Efron, Tibshirani: An Introduction to the Bootstrap. Chapman & Hall, 1993. Groups (patients, clusters of near-duplicate
pictures) are drawn with replacement, each with all of its cases, since cases of one group are not independent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from resformer_unet.evaluation.evaluation_units import EvaluationUnits
from resformer_unet.evaluation.reported_metrics import diagnosis_metrics, flattened, segmentation_metrics

RESAMPLES = 2000
LEVEL = 0.95
CHUNK = 100  # resamples computed at once: memory grows with the cases, not with cases times resamples


def confidence_intervals(
    rows: Sequence[Mapping],
    segments: Sequence[str],
    units: EvaluationUnits | None,
    classes: Sequence[str],
    *,
    thresholds: Mapping[str, float] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict:
    """Intervals of the figures, named as by :func:`.flattened`; ``None`` where an interval cannot be given.

    A figure's interval leaves out the resamples in which the figure is undefined (a class that was not drawn). The
    calibration error has none: resampling inflates it.

    Args:
        rows: ``per_case`` of an evaluation.
        segments: ids; classes: ids of the diagnoses, in the order of the units' probabilities.
        thresholds: as in :func:`.diagnosis_metrics`.

    Returns:
        ``level``, ``method``, ``resamples``, ``seed``, ``groups`` and ``figures``, a dict of [low, high].
    """
    groups = {name: index for index, name in enumerate(dict.fromkeys(row["group"] for row in rows))}
    of_rows = [groups[row["group"]] for row in rows]
    of_units = [groups[name] for name in units.groups] if units is not None else []
    values: dict[str, list[np.ndarray]] = {}
    for counts in draws(len(groups), resamples, seed):
        figures = flattened(segmentation_metrics(rows, segments, counts[:, of_rows])) if segments else {}
        if of_units:
            drawn = counts[:, of_units]
            figures |= flattened(diagnosis_metrics(units.probabilities, units.labels, classes, drawn, thresholds))
            del figures["ece"]
        for name, value in figures.items():
            values.setdefault(name, []).append(value)
    return {
        "level": LEVEL,
        "method": "percentile bootstrap over groups",
        "resamples": resamples,
        "seed": seed,
        "groups": len(groups),
        "figures": {name: interval(np.concatenate(parts), len(groups)) for name, parts in values.items()},
    }


def draws(groups: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each group is drawn, float64 (at most CHUNK resamples, groups)."""
    random = np.random.default_rng(seed)
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        yield random.multinomial(groups, np.full(groups, 1 / groups), size).astype(np.float64)


def interval(values: np.ndarray, groups: int, level: float = LEVEL) -> list[float] | None:
    """[low, high] of (resamples,) values without NaNs, the quantiles that hold the fraction ``level`` between them.

    ``None`` without any value, and of fewer than two groups.
    """
    defined = values[~np.isnan(values)]
    if groups < 2 or not len(defined):
        return None
    return np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]).tolist()
