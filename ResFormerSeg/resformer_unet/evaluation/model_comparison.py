"""Two models side by side on the same held-out cases, and whether the second is better, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.data.dataset import Case, load_dataset
from resformer_unet.errors import EngineError
from resformer_unet.evaluation.evaluate import evaluate_cases
from resformer_unet.evaluation.evaluation_units import EvaluationUnits, evaluation_units
from resformer_unet.evaluation.paired_bootstrap import FEWEST_GROUPS, compare_figures
from resformer_unet.model.bundle import ModelBundle

if TYPE_CHECKING:
    from resformer_unet.inference.predictor import Predictor

# What decides: one figure of each task, and one of the probabilities. The others are shown beside them.
DECIDING = ("dice", "macro_auc", "brier")
TASK_OF = {"dice": "the segmentation", "macro_auc": "the diagnosis", "brier": "the probabilities"}


def compare_models(
    folder: str | Path,
    first: Predictor,
    second: Predictor,
    split: str = "test",
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Evaluate both models on a split, and compare them.

    Args:
        split: ``test`` is held out; of another one the text does not say so, and warns of those of a training.

    Returns:
        ``figures`` as of :func:`.compare_figures`; ``verdict``: "better", "worse", "mixed" or "undecided", about the
        second model; ``text``: the same in sentences; ``cases``: each case's Dice and probability of the truth with
        both models, the worst of the second model first; ``patients``; ``failed``; ``models``; ``data``.

    Raises:
        EngineError: MODELS_NOT_COMPARABLE, NO_HELD_OUT_CASES, NO_CASE_EVALUATED and those of :func:`.load_dataset`.
    """
    segments, classes = _in_common(first.bundle, second.bundle)
    cases = load_dataset(folder)
    held_out = _held_out(cases, split)
    if not held_out:
        raise EngineError(
            "NO_HELD_OUT_CASES",
            f"{folder} has no case in the split “{split}” that was kept apart from the training.",
            "Add cases of other patients to it; without them nobody can tell which model is better.",
        )
    count = len(held_out)
    notify = progress or (lambda done, total: None)
    reports = [
        evaluate_cases(held_out, predictor, lambda done, _total, past=past: notify(past + done, 2 * count))
        for predictor, past in ((first, 0), (second, count))
    ]
    rows = _same_cases([report["per_case"] for report in reports])
    if not rows[0]:
        raise EngineError("NO_CASE_EVALUATED", "No case could be evaluated with both models.", "Check the images.")
    diagnosed = {a["case"] for a, b in zip(*rows, strict=True) if a["diagnosis"] and b["diagnosis"]}
    units = [_units(part, report, classes, diagnosed) for part, report in zip(rows, reports, strict=True)]
    figures = compare_figures(rows, segments, units, classes)
    verdict = _verdict(figures)
    patients = len({row["group"] for row in rows[0]})
    return {
        "verdict": verdict,
        "text": _sentences(verdict, figures, patients, split),
        "patients": patients,
        "figures": figures,
        "cases": _cases(rows, segments),
        "failed": [{"model": index, **row} for index, report in enumerate(reports) for row in report["failed"]],
        "models": [report["model"] for report in reports],
        "data": {"folder": str(folder), "split": split},
    }


def _in_common(first: ModelBundle, second: ModelBundle) -> tuple[list[str], list[str]]:
    """Segments of both, and the diagnoses if they are the same."""
    ours, theirs = ([row["id"] for row in bundle.segments] for bundle in (first, second))
    segments = [name for name in ours if name in theirs]
    diagnoses = [[row["id"] for row in bundle.diagnoses] for bundle in (first, second)]
    classes = diagnoses[0] if sorted(diagnoses[0]) == sorted(diagnoses[1]) else []
    if not segments and not classes:
        raise EngineError(
            "MODELS_NOT_COMPARABLE",
            f"The models {first.id} and {second.id} have no segment in common, and other diagnoses.",
            "Compare a model with the one that it was trained from.",
        )
    return segments, classes


def _held_out(cases: Sequence[Case], split: str) -> list[Case]:
    """Without patients that the training has seen, as a set may have them that was not made by :mod:`.training_set`."""
    seen = {case.group for case in cases if case.split in ("train", "val") and case.split != split}
    return [case for case in cases if case.split == split and case.group not in seen]


def _same_cases(both: Sequence[Sequence[Mapping]]) -> list[list[Mapping]]:
    """The rows of the cases that both models were scored on, in the same order."""
    by_case = [{row["case"]: row for row in rows} for rows in both]
    names = [name for name in by_case[0] if name in by_case[1]]
    return [[rows[name] for name in names] for rows in by_case]


def _units(rows: Sequence[Mapping], report: Mapping, classes: Sequence[str], diagnosed: set[str]) -> EvaluationUnits:
    """Evaluation units in the order of the classes; patients that were diagnosed as a whole keep that diagnosis.

    Args:
        diagnosed: cases for which both models gave a diagnosis.
    """
    scored = [row for row in rows if row["label"] in classes and row["case"] in diagnosed]
    joint = {row["group"]: row["diagnosis"]["probabilities"] for row in report["per_group"] if row["diagnosis"]}
    return evaluation_units(scored, classes, joint)


def _cases(rows: Sequence[Sequence[Mapping]], segments: Sequence[str]) -> list[dict]:
    found = []
    for first, second in zip(*rows, strict=True):
        row = {"case": first["case"], "label": first["label"]}
        for name, scored in (("first", first), ("second", second)):
            values = [(scored["dice"] or {}).get(segment) for segment in segments]
            values = [value for value in values if value is not None]
            row[f"dice_{name}"] = float(np.mean(values)) if values else None
            probabilities = (scored["diagnosis"] or {}).get("probabilities", {})
            row[f"probability_{name}"] = probabilities.get(first["label"])
        found.append(row)
    return sorted(found, key=_score)


def _score(row: Mapping) -> float:
    known = [row[name] for name in ("dice_second", "probability_second") if row[name] is not None]
    return float(np.mean(known)) if known else np.inf


def _verdict(figures: Sequence[Mapping]) -> str:
    found = {row["verdict"] for row in figures if row["figure"] in DECIDING} - {"undecided"}
    return "mixed" if len(found) > 1 else next(iter(found), "undecided")


def _sentences(verdict: str, figures: Sequence[Mapping], patients: int, split: str = "test") -> str:
    counted = f"patient{'' if patients == 1 else 's'}"
    for_whom = (
        f"on {patients} held-out {counted}" if split == "test" else f"on {patients} {counted} of the split “{split}”"
    )
    text = _verdict_text(verdict, figures, patients, for_whom)
    if split in ("train", "val"):
        text += " A model that was trained on this data set has used these patients: only others tell how good it is."
    return text


def _verdict_text(verdict: str, figures: Sequence[Mapping], patients: int, for_whom: str) -> str:
    by_verdict = {
        word: [TASK_OF[row["figure"]] for row in figures if row["figure"] in DECIDING and row["verdict"] == word]
        for word in ("better", "worse")
    }
    if verdict == "mixed":
        return (
            f"The new model is better at {_listed(by_verdict['better'])} and worse at "
            f"{_listed(by_verdict['worse'])}, {for_whom}."
        )
    if verdict in ("better", "worse"):
        return f"The new model is {verdict} at {_listed(by_verdict[verdict])}, {for_whom}."
    if patients < FEWEST_GROUPS:
        return (
            f"Which model is better cannot be told {for_whom}: at least {FEWEST_GROUPS} are needed. Collect more cases."
        )
    measured = max((row["groups"] for row in figures if row["figure"] in DECIDING), default=0)
    if measured < FEWEST_GROUPS:
        return (
            f"Which model is better cannot be told {for_whom}: masks or diagnoses measure it on {measured} of them, "
            f"and at least {FEWEST_GROUPS} are needed."
        )
    return f"No difference between the models was shown {for_whom}: what was measured may be due to chance."


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
