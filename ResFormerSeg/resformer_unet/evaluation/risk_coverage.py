"""Risk-coverage curves: what goes wrong among the cases that a model answers without a warning.

Geifman, El-Yaniv: Selective Classification for Deep Neural Networks. NeurIPS 2017, arXiv:1705.08500. Cases are answered
in the order of their out-of-distribution scores, the most usual first; the risk is the mean loss of those answered.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

POINTS = 101  # of a curve at most


def risk_coverage(scores: Sequence[float], losses: Sequence[float], threshold: float) -> dict | None:
    """The curve of some cases, the area under it, and where the model's own threshold lies on it.

    Args:
        scores: out-of-distribution scores of the cases; losses: of their results, 0 to 1; NaN where there is none.
        threshold: score above which a case is flagged.

    Returns:
        ``coverage`` and ``risk``, lists of the same length; ``area``, the mean risk over all coverages; ``threshold``
        with the ``coverage`` and ``risk`` of the cases that are not flagged (risk ``None`` if all are). ``None``
        without a case.
    """
    scores, losses = np.asarray(scores, float), np.asarray(losses, float)
    known = ~np.isnan(losses) & ~np.isnan(scores)
    if not known.any():
        return None
    order = np.argsort(scores[known], kind="stable")
    scores, losses = scores[known][order], losses[known][order]
    count = np.arange(1, len(losses) + 1)
    risks, kept = np.cumsum(losses) / count, int((scores <= threshold).sum())
    shown = np.unique(np.linspace(0, len(count) - 1, POINTS).round().astype(int))
    return {
        "coverage": (count[shown] / len(count)).tolist(),
        "risk": risks[shown].tolist(),
        "area": float(risks.mean()),
        "threshold": {"coverage": kept / len(count), "risk": float(risks[kept - 1]) if kept else None},
    }
