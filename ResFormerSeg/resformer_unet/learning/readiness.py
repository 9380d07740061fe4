"""Whether a training set suffices to train a model further, in words for whoever collects the cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resformer_unet.data.table import FEWEST_TRAINING_CASES
from resformer_unet.errors import EngineError
from resformer_unet.training_set.contents import CollectedCase

FEW_CASES = 50  # training cases below which a model says of itself that it has learnt from few


def why_not_ready(cases: Sequence[CollectedCase], descriptor: Mapping) -> EngineError | None:
    """What the set lacks, or ``None``.

    Args:
        cases: of the training set.
        descriptor: of the model that is to be trained further.

    Returns:
        An error TRAINING_SET_EMPTY, TRAINING_SET_TOO_SMALL, ONE_CLASS, CLASS_WITHOUT_CASES or LABELS_UNKNOWN.
    """
    if not cases:
        return EngineError("TRAINING_SET_EMPTY", "The training set has no cases yet.", "Add corrected results to it.")
    classes = {row["id"]: row["name"] for row in (descriptor["diagnosis"] or {}).get("classes", [])}
    if classes and (unknown := sorted({case.label for case in cases if case.label} - classes.keys())):
        return EngineError(
            "LABELS_UNKNOWN",
            f"The training set has diagnoses that the model does not know: {', '.join(unknown)}.",
            "Choose the model whose results were collected there.",
        )
    trained, selected = ([case for case in cases if case.split == split] for split in ("train", "val"))
    if len(trained) < FEWEST_TRAINING_CASES or not selected:
        return EngineError(
            "TRAINING_SET_TOO_SMALL",
            f"{len(trained)} of the cases can be trained on, and {len(selected)} can select the best epoch.",
            f"At least {FEWEST_TRAINING_CASES} and 1 are needed, of different patients. Add cases.",
        )
    labels = {case.label for case in trained if case.label}
    missing = [name for identifier, name in classes.items() if identifier not in labels]
    if labels and len(labels) == 1 and missing:
        return EngineError(
            "ONE_CLASS",
            f"All training cases have the same diagnosis, {classes[next(iter(labels))]}.",
            f"The model would forget the others. Add cases of: {', '.join(missing)}.",
        )
    if missing:
        return EngineError(
            "CLASS_WITHOUT_CASES",
            f"No training case has the diagnosis {', '.join(missing)}.",
            "The model would forget it. Add cases with it.",
        )
    return None


def no_test_case_text(cases: Sequence[CollectedCase]) -> str:
    """Said before a training whose model could not be compared with the old one; empty if there is a test case."""
    if any(case.split == "test" for case in cases):
        return ""
    return (
        "No case is kept for testing yet, so the new model could not be compared with this one. Add cases of further "
        "patients; they need not be there before the training."
    )


def few_cases_text(count: int) -> str:
    """What a model that was trained on ``count`` cases says of itself; empty if they are many."""
    if count >= FEW_CASES:
        return ""
    return (
        f"Trained further on only {count} cases: it may have become worse on other images. Compare it with the model "
        "that it was trained from."
    )
