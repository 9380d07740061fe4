"""Checks of a data set's splits and labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from resformer_unet.data.check.case_facts import CaseFacts
from resformer_unet.data.check.findings import DataReport, Finding, counted
from resformer_unet.data.dataset import Case
from resformer_unet.data.draft_descriptor import nothing_to_learn
from resformer_unet.data.splits import Splits
from resformer_unet.data.table import SPLITS
from resformer_unet.errors import EngineError

FEW_CASES = 5  # training cases of a class, below which little can be learnt of it


def check_splits(report: DataReport, cases: Sequence[Case]) -> None:
    """Add findings about unknown splits, groups in several splits, and a missing test split."""
    if unknown := [case.id for case in cases if case.split not in SPLITS]:
        words = sorted({case.split for case in cases} - set(SPLITS))
        report.add(
            False,
            "SPLIT_UNKNOWN",
            f"{counted(unknown)} not used: unknown split {', '.join(f'“{word}”' for word in words)}.",
            "Write train, val or test, in lower case.",
            unknown,
        )
    where = defaultdict(set)
    for case in cases:
        where[case.group].add(case.split)
    if crossing := sorted(group for group, splits in where.items() if len(splits & set(SPLITS)) > 1):
        report.add(
            False,
            "GROUP_CROSSES",
            f"{len(crossing)} group{'s are' if len(crossing) > 1 else ' is'} in more than one split. Training leaves "
            "out the cases of the earlier one.",
            "Put all cases of a patient into one split.",
            crossing,
        )
    if cases and not any(case.split == "test" for case in cases):
        report.add(
            False,
            "NO_TEST_CASES",
            "There are no test cases: the model will not be evaluated on images that did not select it.",
            "Put about a sixth of the patients into the split test.",
        )


def check_labels(report: DataReport, cases: Sequence[Case]) -> None:
    """Add findings about missing, misspelt and rare labels, and classes that cannot be learnt or measured."""
    labels = {case.label for case in cases if case.label}
    if labels and (without := [case.id for case in cases if not case.label]):
        report.add(
            False,
            "LABEL_MISSING",
            f"{counted(without)} without a label: used for the segmentation only.",
            "Fill the column label where the diagnosis is known.",
            without,
        )
    spellings = defaultdict(set)
    for label in labels:
        spellings["".join(letter for letter in label.casefold() if letter.isalnum())].add(label)
    for alternatives in spellings.values():
        if len(alternatives) > 1:
            named = " and ".join(f"“{label}”" for label in sorted(alternatives))
            report.add(
                False, "LABELS_ALIKE", f"{named} count as different diagnoses.", "Use one spelling for each diagnosis."
            )
    counts = Counter((case.label, case.split) for case in cases)
    trained = [label for label in sorted(labels) if counts[label, "train"]]
    if len(trained) == 1:
        report.add(
            False,
            "ONE_CLASS",
            f"All training cases with a label have the same, “{trained[0]}”: no diagnosis can be learnt.",
            "Add cases with another diagnosis, or train for the segmentation only.",
        )
        return
    for label in trained:
        if counts[label, "train"] < FEW_CASES:
            report.add(
                False,
                "CLASS_RARE",
                f"“{label}” has only {counts[label, 'train']} training cases.",
                "Add cases, or merge it with another class.",
            )
        if absent := [split for split in ("val", "test") if not counts[label, split] and _has(cases, split)]:
            report.add(
                False,
                "CLASS_NOT_MEASURED",
                f"“{label}” has no cases in {' and '.join(absent)}: the metrics there leave it out.",
                "Move some of its patients there.",
            )
    if tested := sorted({case.label for case in cases if case.label and case.split == "test"} - set(trained)):
        report.add(
            False,
            "CLASS_ONLY_IN_TEST",
            f"{', '.join(tested)}: in the test split, but not in the training split.",
            "Move some of these patients into the split train.",
        )


def check_learnable(report: DataReport, facts: Sequence[CaseFacts], descriptor: Mapping | None, folder: Path) -> None:
    """Add an error if the splits lack the cases that a training needs."""
    try:
        splits = Splits.of([fact.case for fact in facts], folder)
        classes = sorted({case.label for case in splits.train if case.label})
        if descriptor is None:
            learnt = {case.id for case in splits.train}
            if len(classes) < 2 and not any(fact.values for fact in facts if fact.case.id in learnt):
                raise nothing_to_learn()
            drafted = {"classes": [{"id": name} for name in classes]} if len(classes) > 1 else None
            descriptor = {"diagnosis": drafted}
        splits.check_labels(descriptor)
    except EngineError as error:
        report.findings.append(Finding.of(error))


def _has(cases: Iterable[Case], split: str) -> bool:
    return any(case.split == split for case in cases)
