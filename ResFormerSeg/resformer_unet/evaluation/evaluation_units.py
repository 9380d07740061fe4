"""Evaluation units of the diagnosis: a picture, or a patient's volumes together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class EvaluationUnits:
    """Labelled evaluation units with the model's probabilities.

    Attributes:
        probabilities: (units, classes), calibrated if the model is.
        uncalibrated: the same before calibration; ``None`` for a model without one.
        labels: int (units,), index of the true class.
        groups: group of each unit.
        conflicts: groups whose cases have contradictory labels; their cases are units of their own.
    """

    probabilities: np.ndarray
    uncalibrated: np.ndarray | None
    labels: np.ndarray
    groups: list[str]
    conflicts: list[str]

    def __len__(self) -> int:
        return len(self.groups)


def evaluation_units(
    rows: Sequence[Mapping], classes: Sequence[str], patients: Mapping[str, Mapping[str, float]] | None = None
) -> EvaluationUnits:
    """The units of an evaluation's ``per_case`` rows, which all have a label among the classes and a diagnosis.

    Args:
        patients: probabilities by group, of a model with ``patient_diagnosis``; they replace the mean over the images.
    """
    units, conflicts = _units(rows)
    probabilities = _mean_probabilities(units, classes, "probabilities")
    for index, unit in enumerate(units):
        if unit[0]["group"] in (patients or {}) and unit[0]["group"] not in conflicts:
            probabilities[index] = [patients[unit[0]["group"]][name] for name in classes]
    uncalibrated = None
    if rows and not patients and all("uncalibrated" in row["diagnosis"] for row in rows):
        uncalibrated = _mean_probabilities(units, classes, "uncalibrated")
    labels = np.array([classes.index(unit[0]["label"]) for unit in units], int)
    return EvaluationUnits(probabilities, uncalibrated, labels, [unit[0]["group"] for unit in units], conflicts)


def diagnosed_together(rows: Sequence[Mapping]) -> set[str]:
    """The groups of several volumes, such as two phases of a patient's heart, each of which is one evaluation unit.

    Pictures of one group (slices of a patient, near-duplicates) are units of their own, as they are used one by one;
    so are the cases of a group that has pictures beside volumes.
    """
    volumes = Counter(row["group"] for row in rows if row["volume"])
    pictures = {row["group"] for row in rows if not row["volume"]}
    return {name for name, count in volumes.items() if count > 1 and name not in pictures}


def _units(rows: Sequence[Mapping]) -> tuple[list[list[Mapping]], list[str]]:
    """The rows of each evaluation unit, and the groups with contradictory labels."""
    of_several = diagnosed_together(rows)
    groups: dict[str, list[Mapping]] = {}
    for row in rows:
        if row["group"] in of_several:
            groups.setdefault(row["group"], []).append(row)
    conflicts = [name for name, group in groups.items() if len({row["label"] for row in group}) > 1]
    together = {name: group for name, group in groups.items() if name not in conflicts}
    return [*together.values(), *([row] for row in rows if row["group"] not in together)], conflicts


def _mean_probabilities(units: Sequence[Sequence[Mapping]], classes: Sequence[str], which: str) -> np.ndarray:
    means = [np.mean([[row["diagnosis"][which][name] for name in classes] for row in unit], axis=0) for unit in units]
    return np.array(means).reshape(len(units), len(classes))
