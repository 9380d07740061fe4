"""Checks of a data set for near-duplicates in different splits or with different labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from resformer_unet.data.check.case_facts import CaseFacts
from resformer_unet.data.check.findings import DataReport
from resformer_unet.data.check.near_duplicates import near_duplicates
from resformer_unet.data.table import SPLITS


def check_near_duplicates(report: DataReport, facts: Sequence[CaseFacts]) -> None:
    """Add warnings about near-duplicates in two splits without a common group, and with two labels."""
    seen = [fact for fact in facts if fact.thumbnail is not None and fact.case.split in SPLITS]
    if not seen:
        return
    pairs = near_duplicates(np.stack([fact.thumbnail for fact in seen]))
    splits, groups, labels = (
        np.unique([getattr(fact.case, name) or "" for fact in seen], return_inverse=True)[1]
        for name in ("split", "group", "label")
    )
    first, second = pairs.T
    unrelated = groups[first] != groups[second]

    def named(chosen: np.ndarray) -> list[str]:
        return [f"{seen[a].case.id} = {seen[b].case.id}" for a, b in pairs[chosen]]

    if across := named(unrelated & (splits[first] != splits[second])):
        report.add(
            False,
            "NEAR_DUPLICATES_ACROSS_SPLITS",
            f"{len(across)} pair{'s' if len(across) > 1 else ''} of near-duplicates in different splits: the "
            "metrics will be too good.",
            "Give both the same group in labels.csv; training then leaves one out.",
            across,
        )
    if disagreeing := named(labels[first] != labels[second]):
        report.add(
            False,
            "NEAR_DUPLICATES_DISAGREE",
            f"{len(disagreeing)} pair{'s' if len(disagreeing) > 1 else ''} of near-duplicates with different labels.",
            "Correct the label, or name the other case in the column label_conflict_with to leave both out.",
            disagreeing,
        )
