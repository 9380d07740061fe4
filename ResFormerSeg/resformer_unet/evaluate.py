"""How good a model is on a data set with reference masks and labels.

Dice and Jaccard are computed for each case and segment, volumes in 3D, and averaged over the cases whose reference
holds the segment. Cases whose reference is empty give the false positive rate instead. Cases without a mask count for
the diagnosis only, cases without a label for the segmentation only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .atomic_files import atomic_write_text
from .bundle import ModelBundle
from .dataset import Case, load_dataset, read_case_image, read_case_mask, read_mask, segment_masks
from .errors import EngineError, unexpected
from .metrics import diagnosis_metrics, mean, overlap

if TYPE_CHECKING:
    from .predict import Predictor

Progress = Callable[[int, int], None]  # cases done, cases in total


def evaluate(
    folder: str | Path, predictor: Predictor, split: str | None = None, progress: Progress | None = None
) -> dict:
    """Evaluates the model on the data set in ``folder``, or on one split of it.

    Returns ``cases`` (number scored), ``segmentation{dice{mean, <segment>}, jaccard{}, false_positive_rate}``,
    ``diagnosis{accuracy, balanced_accuracy, macro_auc, sensitivity{}, specificity{}, ece}``, ``per_case[]``,
    ``failed[]``, ``warnings[]``, ``model{}`` and ``data{}``. ``segmentation`` or ``diagnosis`` is ``None`` for a model
    without that task; a figure without any case to measure it on is ``None``.

    Raises ``EngineError``: those of ``load_dataset``, MASK_VALUES_UNKNOWN, NO_CASE_EVALUATED. A case that cannot be
    read or predicted is listed in ``failed`` and the others go on.
    """
    report = evaluate_cases(load_dataset(folder, split), predictor, progress)
    return {**report, "data": {"folder": str(folder), "split": split}}


def evaluate_cases(cases: Sequence[Case], predictor: Predictor, progress: Progress | None = None) -> dict:
    """The same for a list of cases; the result lacks ``data``."""
    bundle = predictor.bundle
    _check_mask_values(cases, bundle)
    rows, failed = [], []
    for done, case in enumerate(cases, start=1):
        try:
            rows.append(_score_case(case, predictor))
        except Exception as error:  # whatever is wrong with this case, the others are none the worse for it
            failure = error if isinstance(error, EngineError) else unexpected(error)
            failed.append({"case": case.id, "code": failure.code, "message": str(failure)})
        if progress:
            progress(done, len(cases))
    if not rows:
        reason = f"The first reason: {failed[0]['message']}" if failed else "The data set or the split is empty."
        raise EngineError("NO_CASE_EVALUATED", f"None of the {len(cases)} cases could be evaluated.", reason)
    diagnosis, warnings = _diagnosis(rows, bundle)
    return {
        "cases": len(rows),
        "segmentation": _segmentation(rows, bundle) if bundle.segments else None,
        "diagnosis": diagnosis,
        "per_case": rows,
        "failed": failed,
        "warnings": warnings,
        "model": {
            "id": bundle.id,
            "version": bundle.descriptor["version"],
            "sha256": bundle.descriptor["weights"]["sha256"],
        },
    }


def write_evaluation(path: str | Path, report: dict) -> None:
    """Writes the report as JSON, whole or not at all."""
    atomic_write_text(path, json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _check_mask_values(cases: Sequence[Case], bundle: ModelBundle) -> None:
    """A set numbered for another model is refused before the long work begins, not after it."""
    for case in cases:
        if case.mask is None or not bundle.segments:
            continue
        try:
            stored = read_mask(case).voxels[..., 0]
        except Exception:  # whatever is wrong with one file is told when the case is scored
            continue
        try:
            segment_masks(stored, bundle.segments)
        except EngineError as error:
            raise EngineError(error.code, f"Case {case.id}: {error.message}", error.hint) from error


def _score_case(case: Case, predictor: Predictor) -> dict:
    image, segments = read_case_image(case), predictor.bundle.segments
    references = None
    if case.mask is not None and segments:  # read before predicting: a broken mask then costs no time
        references = segment_masks(read_case_mask(case, image), segments)
    prediction = predictor.predict(image)
    diagnosis = prediction.report["diagnosis"]
    row = {
        "case": case.id,
        "group": case.group,
        "volume": min(image.shape) > 1,
        "label": case.label,
        "diagnosis": diagnosis and {key: diagnosis[key] for key in ("label", "probabilities")},
        "dice": None,
        "jaccard": None,
        "false_positive": None,
        "warnings": [warning["code"] for warning in prediction.report["warnings"]],
    }
    if references is None:
        return row
    if not references.any():
        return {**row, "false_positive": bool(prediction.layers.any())}
    row["dice"], row["jaccard"] = {}, {}
    for segment, reference in zip(segments, references, strict=True):
        if reference.any():
            predicted = (prediction.layers == segment["value"]).any(axis=0)  # the value occurs in one layer only
            row["dice"][segment["id"]], row["jaccard"][segment["id"]] = overlap(predicted, reference)
    return row


def _segmentation(rows: list[dict], bundle: ModelBundle) -> dict:
    figures: dict = {}
    for figure in ("dice", "jaccard"):
        scored = [row[figure] for row in rows if row[figure]]
        each = {row["id"]: mean(case.get(row["id"]) for case in scored) for row in bundle.segments}
        figures[figure] = {"mean": mean(each.values()), **each}
    false_positives = [row["false_positive"] for row in rows if row["false_positive"] is not None]
    return {**figures, "false_positive_rate": mean(false_positives)}


def _diagnosis(rows: list[dict], bundle: ModelBundle) -> tuple[dict | None, list[dict]]:
    if not bundle.diagnoses:
        return None, []
    classes = [diagnosis["id"] for diagnosis in bundle.diagnoses]
    warnings = []
    labelled = [row for row in rows if row["label"] is not None]
    if unknown := {row["label"] for row in labelled} - set(classes):
        number = sum(row["label"] in unknown for row in labelled)
        names = f"{', '.join(sorted(unknown))} ({number} cases)"
        message = f"The model does not know the labels {names}; these cases count for the segmentation only."
        warnings.append({"code": "LABELS_UNKNOWN", "message": message})
    scored = [row for row in labelled if row["label"] in classes and row["diagnosis"]]
    if without := sum(row["label"] in classes for row in labelled) - len(scored):
        message = f"The model gave no diagnosis for {without} labelled cases; the figures leave them out."
        warnings.append({"code": "CASES_WITHOUT_DIAGNOSIS", "message": message})
    units, conflicts = _groups(scored)
    if conflicts:
        message = f"Cases of one group have different labels, and are scored separately: {', '.join(conflicts)}."
        warnings.append({"code": "GROUP_LABELS_CONFLICT", "message": message})
    probabilities = [
        np.mean([[row["diagnosis"]["probabilities"][name] for name in classes] for row in unit], axis=0)
        for unit in units
    ]
    labels = [classes.index(unit[0]["label"]) for unit in units]
    return diagnosis_metrics(np.array(probabilities), labels, classes), warnings


def _groups(rows: list[dict]) -> tuple[list[list[dict]], list[str]]:
    """The rows that make one diagnosis each, and the groups with contradicting labels.

    Volumes of one group, such as two phases of one patient's heart, make one diagnosis together. Pictures of one group
    (slices of one patient, near-duplicates) are diagnosed one by one, as they would be used.
    """
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    if not any(sum(row["volume"] for row in group) > 1 for group in groups.values()):
        return [[row] for row in rows], []
    conflicts = [name for name, group in groups.items() if len({row["label"] for row in group}) > 1]
    together = [group for name, group in groups.items() if name not in conflicts]
    alone = [[row] for name in conflicts for row in groups[name]]
    return together + alone, conflicts
