"""Stress test: the same cases under the shifts of other people's images, at three strengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.data.dataset import Case
from resformer_unet.evaluation.evaluate import Progress, diagnosis_units, score_cases
from resformer_unet.evaluation.metrics import mean
from resformer_unet.evaluation.reported_metrics import diagnosis_metrics, for_json, segmentation_metrics
from resformer_unet.evaluation.risk_coverage import risk_coverage
from resformer_unet.evaluation.shifts import STRENGTHS, Shift, shifted, shifts_for
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.model.bundle import ModelBundle

if TYPE_CHECKING:
    from resformer_unet.inference.predictor import Predictor

MOST_CASES, MOST_VOLUMES = 60, 16  # that are used; each is predicted more than thirty times
FLAG = "OUT_OF_DISTRIBUTION"
FIGURES = ("dice", "macro_auc", "accuracy", "flagged", "dice_kept", "accuracy_kept")


def stress_test(
    cases: Sequence[Case], predictor: Predictor, progress: Progress | None = None, *, seed: int = 0
) -> dict:
    """How a model's results change under each of the shifts that suit its modality.

    Args:
        cases: of which whole groups are used, evenly chosen, up to 60 pictures or 16 volumes.
        progress: called with (cases done, cases in total).
        seed: of the shifts' random choices.

    Returns:
        ``cases`` and ``seed``; ``unshifted``, ``shifts`` (a row with ``shift``, ``title``, ``strength`` and ``level``
        each) and ``means`` (over the shifts, by strength), each with :data:`FIGURES` and ``failed``;
        ``risk_coverage`` of all together, by ``segmentation`` and ``diagnosis``. ``docs/evaluation.md`` explains them.
    """
    bundle = predictor.bundle
    chosen = _evenly(cases, MOST_VOLUMES if bundle.descriptor["kind"] == "volume" else MOST_CASES)
    runs: list[tuple[Shift | None, int]] = [(None, 0)]
    runs += [
        (shift, strength)
        for shift in shifts_for(bundle.descriptor["modality"])
        if not shift.volumes_only or bundle.descriptor["kind"] == "volume"
        for strength in range(len(STRENGTHS))
    ]
    pooled, measured = [], []
    for number, (shift, strength) in enumerate(runs):
        done = number * len(chosen)
        rows, reports, failed = score_cases(
            chosen,
            predictor,
            progress and (lambda case, _, done=done: progress(done + case, len(runs) * len(chosen))),
            change=shift and partial(_changed, shift=shift, strength=strength, seed=seed),
        )
        pooled += rows
        measured.append({**_figures(rows, reports, bundle), "failed": len(failed)})
    shifts = [
        {"shift": shift.name, "title": shift.title, "strength": STRENGTHS[strength], "level": shift.levels[strength]}
        | figures
        for (shift, strength), figures in zip(runs[1:], measured[1:], strict=True)
    ]
    return {
        "cases": len(chosen),
        "seed": seed,
        "unshifted": measured[0],
        "shifts": shifts,
        "means": {
            name: {key: mean(row[key] for row in shifts if row["strength"] == name) for key in FIGURES}
            for name in STRENGTHS
        },
        "risk_coverage": _risk_coverage(pooled, bundle),
    }


def _changed(
    image: MedicalImage, masks: np.ndarray | None, *, shift: Shift, strength: int, seed: int
) -> tuple[MedicalImage, np.ndarray | None]:
    return shifted(image, masks, shift, strength, seed)


def _evenly(cases: Sequence[Case], most: int) -> list[Case]:
    """Whole groups, evenly chosen, with at most so many cases, but one group at least."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case)
    for count in range(min(len(groups), most), 0, -1):
        places = np.linspace(0, len(groups) - 1, count).round().astype(int)
        chosen = [case for place in places for case in list(groups.values())[place]]
        if len(chosen) <= most or count == 1:
            return chosen
    return []


def _figures(rows: list[dict], reports: dict[str, dict], bundle: ModelBundle) -> dict:
    segments, classes = [row["id"] for row in bundle.segments], [row["id"] for row in bundle.diagnoses]
    kept = [row for row in rows if FLAG not in row["warnings"]]
    figures: dict = dict.fromkeys(FIGURES)
    figures["flagged"] = mean(float(FLAG in row["warnings"]) for row in rows)
    if segments and rows:
        figures["dice"] = for_json(segmentation_metrics(rows, segments))["dice"]["mean"]
        figures["dice_kept"] = for_json(segmentation_metrics(kept, segments))["dice"]["mean"] if kept else None
    for suffix, of_rows in (("", rows), ("_kept", kept)):
        units, _ = diagnosis_units(of_rows, reports, bundle)
        if classes and len(units):
            found = for_json(diagnosis_metrics(units.probabilities, units.labels, classes))
            figures |= {f"accuracy{suffix}": found["accuracy"]} | ({} if suffix else {"macro_auc": found["macro_auc"]})
    return figures


def _risk_coverage(rows: Sequence[Mapping], bundle: ModelBundle) -> dict:
    described = bundle.descriptor.get("out_of_distribution")
    if not described:
        return {"segmentation": None, "diagnosis": None}
    classes = [row["id"] for row in bundle.diagnoses]
    scores = [row["out_of_distribution_score"] for row in rows]
    dice = [1 - mean(row["dice"].values()) if row["dice"] else np.nan for row in rows]
    wrong = [
        float(row["diagnosis"]["label"] != row["label"]) if row["diagnosis"] and row["label"] in classes else np.nan
        for row in rows
    ]
    return {
        name: risk_coverage(scores, losses, described["threshold"])
        for name, losses in (("segmentation", dice), ("diagnosis", wrong))
    }
