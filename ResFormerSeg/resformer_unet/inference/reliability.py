"""Whether a result may be relied on: the entries ``reliable`` and ``reasons`` of a report.

Only the standard library is imported, so that programs which read reports can follow the same rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

UNRELIABLE = (
    "PATIENTS_DIFFER",
    "OUT_OF_DISTRIBUTION",
    "DIMENSION_MISMATCH",
    "UNUSUAL_INTENSITIES",
    "SAME_PHASE",
    "PHASES_MISMATCH",
    "CURVE_NOT_ONE_BEAT",
    "NOTHING_SEGMENTED",
    "DIAGNOSIS_MISMATCH",
)
"""Codes of the warnings that say that segmentation or diagnosis may be wrong as a whole, the gravest first."""


def reliability(codes: Iterable[str]) -> dict[str, bool | list[str]]:
    """The entries ``reliable`` and ``reasons``: whether none of the codes is in :data:`UNRELIABLE`, and those that are.

    Args:
        codes: of the warnings of a result.
    """
    given = set(codes)
    reasons = [code for code in UNRELIABLE if code in given]
    return {"reliable": not reasons, "reasons": reasons}


def reasons_of(report: Mapping) -> list[str]:
    """Why the result of a report, or a patient's, is not to be relied on; empty if it is.

    Reports of versions that did not write ``reasons`` are judged by their warnings.
    """
    if "reasons" in report:
        return list(report["reasons"])
    return reliability(row["code"] for row in report.get("warnings", []))["reasons"]
