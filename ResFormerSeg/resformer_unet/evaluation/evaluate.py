"""Evaluates a model on a data set with reference masks and labels.

Dice and Jaccard are computed for each case and segment, volumes in 3D, and averaged over the cases whose reference
contains the segment. Cases whose reference is empty give the false positive rate instead. Cases without a mask count
for the diagnosis only, cases without a label for the segmentation only.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resformer_unet.atomic_files import atomic_write_text
from resformer_unet.cardiac.patient_diagnosis import diagnose_patient
from resformer_unet.data.dataset import Case, load_dataset, read_mask
from resformer_unet.data.masks import masks_of_segments
from resformer_unet.errors import EngineError, unexpected
from resformer_unet.evaluation.bootstrap import confidence_intervals
from resformer_unet.evaluation.case_scoring import Change, score_case
from resformer_unet.evaluation.evaluation_units import EvaluationUnits, diagnosed_together, evaluation_units
from resformer_unet.evaluation.metrics import calibration_error, confusion_matrix, defined, mean, reliability
from resformer_unet.evaluation.reported_metrics import diagnosis_metrics, for_json, segmentation_metrics
from resformer_unet.model.bundle import ModelBundle

if TYPE_CHECKING:
    from resformer_unet.inference.predictor import Predictor

Progress = Callable[[int, int], None]  # cases done, cases in total


def evaluate(
    folder: str | Path, predictor: Predictor, split: str | None = None, progress: Progress | None = None
) -> dict:
    """Evaluates the model on the data set in ``folder``, or on one split of it.

    ``docs/evaluation.md`` explains what is returned. ``segmentation`` or ``diagnosis`` is ``None`` for a model without
    that task; a figure without any case to measure it on is ``None``.

    Raises ``EngineError``: those of ``load_dataset``, MASK_VALUES_UNKNOWN, NO_CASE_EVALUATED. A case that cannot be
    read or predicted is listed in ``failed``; the others are still evaluated.
    """
    report = evaluate_cases(load_dataset(folder, split), predictor, progress)
    return {**report, "data": {"folder": str(folder), "split": split}}


def evaluate_cases(cases: Sequence[Case], predictor: Predictor, progress: Progress | None = None) -> dict:
    """The same for a list of cases; the result lacks ``data``."""
    bundle = predictor.bundle
    _check_mask_values(cases, bundle)
    rows, reports, failed = score_cases(cases, predictor, progress)
    if not rows:
        reason = f"The first reason: {failed[0]['message']}" if failed else "The data set or the split is empty."
        raise EngineError("NO_CASE_EVALUATED", f"None of the {len(cases)} cases could be evaluated.", reason)
    units, warnings = diagnosis_units(rows, reports, bundle)
    segments = [segment["id"] for segment in bundle.segments]
    classes = [diagnosis["id"] for diagnosis in bundle.diagnoses]
    points = bundle.operating_points
    thresholds = {name: point["threshold"] for name, point in points.items()}
    figures = diagnosis_metrics(units.probabilities, units.labels, classes, None, thresholds) if classes else None
    return {
        "cases": len(rows),
        "segmentation": for_json(segmentation_metrics(rows, segments)) if segments else None,
        "diagnosis": for_json(figures) if figures else None,
        "operating_points": points,
        "confusion": _confusion(units, classes) if classes else None,
        "calibration": _calibration(units) if classes else None,
        "confidence": confidence_intervals(rows, segments, units, classes, thresholds=thresholds),
        "per_case": rows,
        "per_group": _groups(rows, units, classes),
        "failed": failed,
        "warnings": warnings,
        "model": {
            "id": bundle.id,
            "version": bundle.descriptor["version"],
            "sha256": bundle.descriptor["weights"]["sha256"],
        },
    }


def score_cases(
    cases: Sequence[Case], predictor: Predictor, progress: Progress | None = None, change: Change | None = None
) -> tuple[list[dict], dict[str, dict], list[dict]]:
    """Rows of ``per_case``, the predictions' reports by case, and rows on the cases that failed.

    ``change`` as in :func:`.score_case`.
    """
    rows, reports, failed = [], {}, []
    for done, case in enumerate(cases, start=1):
        try:
            row, reports[case.id] = score_case(case, predictor, change)
            rows.append(row)
        except Exception as error:  # one faulty case must not stop the evaluation of the others
            failure = error if isinstance(error, EngineError) else unexpected(error)
            failed.append({"case": case.id, "code": failure.code, "message": str(failure)})
        if progress:
            progress(done, len(cases))
    return rows, reports, failed


def write_evaluation(path: str | Path, report: dict) -> None:
    """Writes the report as JSON, whole or not at all."""
    atomic_write_text(path, evaluation_text(report))


def evaluation_text(report: dict) -> str:
    """The content of a report's JSON file."""
    return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _check_mask_values(cases: Sequence[Case], bundle: ModelBundle) -> None:
    """Refuse a data set with another model's mask values before anything is predicted."""
    for case in cases:
        if case.mask is None or not bundle.segments:
            continue
        try:
            mask = read_mask(case)
        except Exception:  # a file that cannot be read is reported when its case is scored
            continue
        try:
            masks_of_segments(case.id, mask, bundle.segments)
        except EngineError as error:
            raise EngineError(error.code, f"Case {case.id}: {error.message}", error.hint) from error


def diagnosis_units(
    rows: list[dict], reports: dict[str, dict], bundle: ModelBundle
) -> tuple[EvaluationUnits, list[dict]]:
    """Evaluation units of the diagnosis, and warnings about cases that are left out."""
    classes = [diagnosis["id"] for diagnosis in bundle.diagnoses]
    if not classes:
        return evaluation_units([], []), []
    warnings = []
    labelled = [row for row in rows if row["label"] is not None]
    if unknown := {row["label"] for row in labelled} - set(classes):
        number = sum(row["label"] in unknown for row in labelled)
        names = f"{', '.join(sorted(unknown))} ({number} cases)"
        message = f"The model has no class for the labels {names}; these cases count for the segmentation only."
        warnings.append({"code": "LABELS_UNKNOWN", "message": message})
    scored = [row for row in labelled if row["label"] in classes and row["diagnosis"]]
    if without := sum(row["label"] in classes for row in labelled) - len(scored):
        message = f"The model gave no diagnosis for {without} labelled cases; the metrics leave them out."
        warnings.append({"code": "CASES_WITHOUT_DIAGNOSIS", "message": message})
    patients, not_diagnosed = _patients(scored, reports, bundle)
    warnings += not_diagnosed
    units = evaluation_units(scored, classes, patients)
    if units.conflicts:
        conflicts = ", ".join(units.conflicts)
        message = f"Cases of one group have different labels, and are scored separately: {conflicts}."
        warnings.append({"code": "GROUP_LABELS_CONFLICT", "message": message})
    return units, warnings


def _patients(
    rows: list[dict], reports: dict[str, dict], bundle: ModelBundle
) -> tuple[dict[str, dict[str, float]], list[dict]]:
    """Probabilities by group, of a model with ``patient_diagnosis``, and a warning about patients without one."""
    if not bundle.descriptor.get("patient_diagnosis"):
        return {}, []
    found, reasons = {}, {}
    for group in dict.fromkeys(row["group"] for row in rows):
        try:
            both = [reports[row["case"]] for row in rows if row["group"] == group]
            found[group] = diagnose_patient(both, bundle)["diagnosis"]["probabilities"]
        except EngineError as error:
            reasons[group] = error.message
    if not reasons:
        return found, []
    group, reason = next(iter(reasons.items()))
    message = (
        f"{len(reasons)} patients could not be diagnosed from their images together; the mean of the probabilities of "
        f"their images is used instead. The first, {group}: {reason}"
    )
    return found, [{"code": "PATIENT_NOT_DIAGNOSED", "message": message}]


def _confusion(units: EvaluationUnits, classes: list[str]) -> dict:
    return {"classes": classes, "counts": confusion_matrix(units.probabilities, units.labels)}


def _calibration(units: EvaluationUnits) -> dict | None:
    """ECE and reliability before and after calibration; before is ``None`` for a model without one."""
    if not len(units):
        return None
    found = {}
    for name, probabilities in (("before", units.uncalibrated), ("after", units.probabilities)):
        known = probabilities is not None
        found[f"ece_{name}"] = defined(calibration_error(probabilities, units.labels)) if known else None
        found[f"bins_{name}"] = reliability(probabilities, units.labels) if known else None
    return found


def _groups(rows: list[dict], units: EvaluationUnits, classes: list[str]) -> list[dict]:
    """Means over the cases of each group, and its joint diagnosis; empty if no group has several cases."""
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    if all(len(group) == 1 for group in groups.values()):
        return []
    joint = {}
    if diagnosed_together(rows):
        count, of_volumes = Counter(units.groups), {row["group"] for row in rows if row["volume"]}
        known = zip(units.groups, units.labels, units.probabilities, strict=True)
        joint = {
            name: {
                "truth": classes[label],
                "label": classes[int(probabilities.argmax())],
                "probabilities": dict(zip(classes, probabilities.tolist(), strict=True)),
            }
            for name, label, probabilities in known
            if count[name] == 1 and name in of_volumes
        }
    return [
        {
            "group": name,
            "cases": [row["case"] for row in group],
            "diagnosis": joint.get(name),
            "dice": _means_by_segment(group, "dice"),
            "jaccard": _means_by_segment(group, "jaccard"),
        }
        for name, group in groups.items()
    ]


def _means_by_segment(rows: list[dict], figure: str) -> dict | None:
    scored = [row[figure] for row in rows if row[figure]]
    segments = dict.fromkeys(name for case in scored for name in case)
    return {name: mean(case.get(name) for case in scored) for name in segments} if segments else None
