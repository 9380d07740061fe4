"""What a list of cases shows of one: the facts of its report. Only the standard library is imported."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resformer_unet.inference.reliability import reasons_of


@dataclass(frozen=True)
class SegmentSize:
    """``volume_mm3`` and ``area_mm2`` are ``None`` where the image states no size; only a single slice has an area."""

    name: str
    voxels: int
    volume_mm3: float | None
    area_mm2: float | None


@dataclass(frozen=True)
class CaseRow:
    """Attributes:
    case: the name of its files.
    label, diagnosis: id and name of the most probable class, ``None`` for a model without diagnosis.
    probability: of that class, 0 to 1.
    uncertainty: entropy of the classes' probabilities, 0 (certain) to 1 (all are equally probable).
    reasons: codes of the warnings for which the result is not reliable; warnings: rows with code and message.
    alerts: texts.
    """

    case: str
    label: str | None
    diagnosis: str | None
    probability: float | None
    uncertainty: float | None
    segments: tuple[SegmentSize, ...]
    reasons: tuple[str, ...]
    alerts: tuple[str, ...]
    warnings: tuple[Mapping[str, str], ...]
    seconds: float | None
    model: str
    model_version: str


def case_row(report: Mapping) -> CaseRow | None:
    """``None`` for what is no report of an image, such as that of a sequence."""
    try:
        return _row(report)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None


def _row(report: Mapping) -> CaseRow:
    diagnosis = report["diagnosis"] or {}
    areas = report["slices"][0]["area_mm2"] if len(report["slices"]) == 1 else None
    return CaseRow(
        case=report["case"],
        label=diagnosis.get("label"),
        diagnosis=diagnosis.get("name"),
        probability=diagnosis.get("probability"),
        uncertainty=_entropy(list(diagnosis["probabilities"].values())) if diagnosis else None,
        segments=tuple(
            SegmentSize(row["name"], row["voxels"], row["volume_mm3"], None if areas is None else areas[row["id"]])
            for row in report["segments"]
        ),
        reasons=tuple(reasons_of(report)),
        alerts=tuple(row["text"] for row in diagnosis.get("alerts", [])),
        warnings=tuple(report["warnings"]),
        seconds=(report.get("timing_s") or {}).get("total"),
        model=report["model"]["id"],
        model_version=report["model"]["version"],
    )


def _entropy(probabilities: Sequence[float]) -> float:
    """Relative to its maximum; 0 for a single class."""
    if len(probabilities) < 2:
        return 0.0
    return sum(-value * math.log(value) for value in probabilities if value > 0) / math.log(len(probabilities))
