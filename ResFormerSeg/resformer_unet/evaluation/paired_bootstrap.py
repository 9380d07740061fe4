"""How sure a difference between two models is that were evaluated on the same cases: the paired bootstrap.

The same groups (patients) are drawn for both models, and the difference of their figures is taken in each resample:
what makes a patient hard for both cancels. Efron, Tibshirani: An Introduction to the Bootstrap. Chapman & Hall, 1993.
Percentile intervals of few patients are too narrow; that of the difference, which decides, is expanded as by
Hesterberg: What Teachers Should Know About the Bootstrap. The American Statistician 69, 371-386 (2015).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtr, stdtrit

from resformer_unet.evaluation import metrics
from resformer_unet.evaluation.bootstrap import LEVEL, RESAMPLES, draws, interval
from resformer_unet.evaluation.evaluation_units import EvaluationUnits
from resformer_unet.evaluation.reported_metrics import diagnosis_metrics, segmentation_metrics

# With fewer patients even these intervals miss too often: of five patients who all improved, each resample improves.
FEWEST_GROUPS = 10
HIGHER_IS_BETTER = {
    "dice": True, "macro_auc": True, "balanced_accuracy": True, "accuracy": True, "brier": False, "ece": False
}  # fmt: skip


def compare_figures(
    rows: Sequence[Sequence[Mapping]],
    segments: Sequence[str],
    units: Sequence[EvaluationUnits],
    classes: Sequence[str],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[dict]:
    """Figures of two models on the same cases, with 95 % intervals of each and of the difference.

    ``ece`` has no intervals, since resampling inflates it; the Brier score, of which calibration is a part, has.

    Args:
        rows: ``per_case`` of both evaluations, of the same cases in the same order.
        segments: ids that both models have; classes: ids of diagnoses, if both models have the same.
        units: of both, of the same groups in the same order, with probabilities in the order of ``classes``.

    Returns:
        A row for each figure that can be measured: ``figure``, ``first``, ``second``, ``difference`` (second minus
        first), ``first_interval``, ``second_interval``, ``difference_interval`` ([low, high] or ``None``), ``groups``
        (patients that it is measured on), ``verdict``: "better" or "worse" (the second model), or "undecided".
    """
    names = list(dict.fromkeys(row["group"] for row in rows[0]))
    of_rows = [names.index(row["group"]) for row in rows[0]]
    of_units = [names.index(name) for name in units[0].groups]
    everyone = np.ones((1, len(names)))

    pairs = list(zip(rows, units, strict=True))

    def figures_of(counts: np.ndarray) -> list[dict[str, np.ndarray]]:
        return [_figures(*both, segments, classes, counts[:, of_rows], counts[:, of_units]) for both in pairs]

    first, second = figures_of(everyone)
    drawn = [figures_of(counts) for counts in draws(len(names), resamples, seed)]
    measured = {"segmentation": _groups_with_masks(rows[0], segments), "diagnosis": len(set(units[0].groups))}
    found = []
    for name in first:
        if np.isnan(first[name][0]) or np.isnan(second[name][0]):
            continue
        one, other = (np.concatenate([pair[index][name] for pair in drawn]) for index in (0, 1))
        groups = measured["segmentation" if name == "dice" else "diagnosis"]
        intervals: list[list[float] | None] = [None] * 3
        if name != "ece":
            intervals = [interval(one, groups), interval(other, groups), difference_interval(other - one, groups)]
        found.append(
            {
                "figure": name,
                "first": float(first[name][0]),
                "second": float(second[name][0]),
                "difference": float(second[name][0] - first[name][0]),
                "first_interval": intervals[0],
                "second_interval": intervals[1],
                "difference_interval": intervals[2],
                "groups": groups,
                "verdict": _verdict(name, intervals[2], groups),
            }
        )
    return found


def difference_interval(values: np.ndarray, groups: int) -> list[float] | None:
    """As :func:`.interval`, expanded as far as Student's interval of a mean is wider than the bootstrap's."""
    if groups < 2:
        return None
    reach = (groups / (groups - 1)) ** 0.5 * stdtrit(groups - 1, (1 + LEVEL) / 2)
    return interval(values, groups, 2 * ndtr(reach) - 1)


def brier_score(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Mean squared distance of the probabilities from the truth, 0 (always certain and right) to 2.

    Brier: Verification of forecasts expressed in terms of probability. Monthly Weather Review 78, 1-3 (1950).
    """
    truth = np.eye(probabilities.shape[1])[labels]
    return metrics.weighted_mean(((probabilities - truth) ** 2).sum(1), weights)


def _figures(
    rows: Sequence[Mapping],
    units: EvaluationUnits,
    segments: Sequence[str],
    classes: Sequence[str],
    row_weights: np.ndarray,
    unit_weights: np.ndarray,
) -> dict[str, np.ndarray]:
    figures = {"dice": segmentation_metrics(rows, segments, row_weights)["dice"]["mean"]} if segments else {}
    if classes and len(units):
        measured = diagnosis_metrics(units.probabilities, units.labels, classes, unit_weights)
        figures |= {name: measured[name] for name in ("macro_auc", "balanced_accuracy", "accuracy")}
        figures["brier"] = brier_score(units.probabilities, units.labels, unit_weights)
        figures["ece"] = measured["ece"]
    return figures


def _groups_with_masks(rows: Sequence[Mapping], segments: Sequence[str]) -> int:
    return len({row["group"] for row in rows if any((row["dice"] or {}).get(name) is not None for name in segments)})


def _verdict(name: str, difference: Sequence[float] | None, groups: int) -> str:
    if difference is None or groups < FEWEST_GROUPS or difference[0] <= 0 <= difference[1]:
        return "undecided"
    return "better" if (difference[0] > 0) == HIGHER_IS_BETTER[name] else "worse"
