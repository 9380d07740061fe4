"""Operating points of the diagnoses that must not be missed: thresholds of a wanted sensitivity.

The threshold is the empirical quantile of conformal prediction (Vovk, Gammerman, Shafer: Algorithmic Learning in a
Random World. Springer, 2005): of n cases of the class, the floor((n + 1) (1 - sensitivity))-th lowest probability. Of
new cases of the class, as many as wanted reach it in expectation, not only of those that it was fitted to. It
is at most 0.5, so that a diagnosis more probable than all others together is never below its threshold; where the
network tells a class apart easily, more cases than wanted are then found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from resformer_unet.training.finish.calibration import DiagnosedCase, fit_variant, folds

SENSITIVITY = 0.9
HIGHEST_THRESHOLD = 0.5


def with_operating_points(
    classes: Sequence[Mapping], cases: Sequence[DiagnosedCase], calibration: Mapping | None, where: str
) -> list[dict]:
    """The descriptor's classes; those with ``alert`` get an ``operating_point`` if there are enough cases.

    Args:
        cases: that the network was not trained on.
        calibration: of the descriptor, fitted to these cases. Here it is fitted to each fold's other cases.
        where: the cases come from, for ``fitted_on``.
    """
    rows = [{key: value for key, value in row.items() if key != "operating_point"} for row in classes]
    if not cases or not any(row.get("alert") for row in rows):
        return rows
    probabilities, labels, groups = _held_out(cases, calibration)
    for index, row in enumerate(rows):
        if row.get("alert") and (point := operating_point(probabilities[:, index], labels == index, groups)):
            row["operating_point"] = {**point, "fitted_on": f"{where}, {len(cases)} cases, by cross-validation"}
    return rows


def operating_point(probabilities: np.ndarray, positive: np.ndarray, groups: np.ndarray) -> dict | None:
    """Threshold of :data:`SENSITIVITY`, and sensitivity and specificity by leaving out one group after another.

    Args:
        probabilities: (n,) of the class; positive: bool (n,), whether it is the true one; groups: (n,) of the cases.

    Returns:
        ``None`` with fewer than nine cases of the class or none of the others: the sensitivity cannot be promised.
    """
    chosen = _threshold(probabilities[positive])
    if chosen is None or positive.all():
        return None
    reached = np.zeros(len(probabilities), bool)
    for group in dict.fromkeys(groups.tolist()):
        outside = groups == group
        threshold = _threshold(probabilities[positive & ~outside])
        reached[outside] = probabilities[outside] >= (chosen if threshold is None else threshold)
    return {
        "threshold": math.floor(chosen * 1e4) / 1e4,
        "target_sensitivity": SENSITIVITY,
        "sensitivity": round(float(reached[positive].mean()), 4),
        "specificity": round(float(1 - reached[~positive].mean()), 4),
        "positives": int(positive.sum()),
        "negatives": int((~positive).sum()),
    }


def _threshold(probabilities: np.ndarray) -> float | None:
    rank = math.floor((len(probabilities) + 1) * (1 - SENSITIVITY) + 1e-9)
    return min(float(np.sort(probabilities)[rank - 1]), HIGHEST_THRESHOLD) if rank else None


def _held_out(cases: Sequence[DiagnosedCase], calibration: Mapping | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities (n, diagnoses), labels (n,) and groups (n,); each case's calibration was fitted without it."""
    rows = []
    parts = folds(cases, 0) if calibration and len({case.group for case in cases}) > 1 else [(cases, cases)]
    for inside, outside in parts:
        fitted = fit_variant(inside, calibration["method"]) if calibration else None
        rows += [(case.probabilities(fitted), case.label, case.group) for case in outside]
    probabilities, labels, groups = zip(*rows, strict=True)
    return np.array(probabilities), np.array(labels), np.array(groups)
