"""Checks of a data set's splits and labels."""

from __future__ import annotations

import re
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
    spellings = defaultdict(set)
    for group in where:
        spellings[_spelling(group)].add(group)
    alike = [sorted(names) for names in spellings.values() if len(set().union(*map(where.get, names))) > 1 < len(names)]
    if alike:
        report.add(
            False,
            "GROUPS_ALIKE",
            f"{' and '.join(f'“{name}”' for name in alike[0])} count as different patients, and are in different "
            "splits.",
            "Use one spelling for each patient, else the model is tested on patients whom it has learnt.",
            [" = ".join(names) for names in alike],
        )
    if cases and not any(case.split == "test" for case in cases):
        report.add(
            False,
            "NO_TEST_CASES",
            "There are no test cases: the model will not be evaluated on images that did not select it.",
            "Put about a sixth of the patients into the split test.",
        )


def _spelling(group: str) -> str:
    """The same for names that differ in capitals, separators or leading zeros, which spreadsheets drop."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\s_-]+", "-", group.casefold()))


def check_labels(report: DataReport, cases: Sequence[Case]) -> None:
    """Add findings about missing, misspelt and rare labels, and classes that cannot be learnt or measured."""
    labels = {case.label for case in cases if case.label}
    if nothing := [case.id for case in cases if not case.label and not case.mask]:
        report.add(
            False,
            "CASE_WITHOUT_TARGET",
            f"{counted(nothing)} with neither a label nor a mask: nothing is learnt from or measured on them.",
            "Fill the column label or add masks; or remove them from the table.",
            nothing,
        )
    if labels and (without := [case.id for case in cases if not case.label and case.mask]):
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
    """Add findings if the splits lack the cases that a training needs, to learn or to choose the best epoch by."""
    try:
        splits = Splits.of([fact.case for fact in facts], folder)
        classes = sorted({case.label for case in splits.train if case.label})
        if descriptor is None:
            segmented = _any_filled(facts, splits.train)
            if len(classes) < 2 and not segmented:
                raise nothing_to_learn()
            drafted = {"classes": [{"id": name} for name in classes]} if len(classes) > 1 else None
            descriptor = {"diagnosis": drafted, "segmentation": segmented}
        splits.check_labels(descriptor)
        if not any(fact.error for fact in facts):
            _check_measurable(report, splits, facts, descriptor)
    except EngineError as error:
        report.findings.append(Finding.of(error))


def _check_measurable(report: DataReport, splits: Splits, facts: Sequence[CaseFacts], descriptor: Mapping) -> None:
    """Whether masks and labels of the validation split tell a good epoch from a bad one."""
    segmented, diagnosed = bool(descriptor.get("segmentation")), bool(descriptor.get("diagnosis"))
    filled = _any_filled(facts, splits.val)
    if not (segmented and filled) and not (diagnosed and any(case.label for case in splits.val)):
        raise EngineError(
            "VALIDATION_WITHOUT_TARGETS",
            "No validation case has "
            + " or ".join(["a mask with a segment"] * segmented + ["a label"] * diagnosed)
            + ": the best epoch could not be told from the others.",
            "Put cases that have one into the split val.",
        )
    absent = [
        name
        for name, cases in (("val", splits.val), ("test", splits.test))
        if cases and segmented and not _any_filled(facts, cases)
    ]
    if absent:
        report.add(
            False,
            "SEGMENTS_NOT_MEASURED",
            f"No mask in {' and '.join(absent)} holds a segment: Dice is not measured there"
            + (", and the best epoch is chosen by the diagnosis alone." if "val" in absent else "."),
            "Move some patients with a segment there.",
        )


def _any_filled(facts: Sequence[CaseFacts], cases: Sequence[Case]) -> bool:
    ids = {case.id for case in cases}
    return any(fact.values for fact in facts if fact.case.id in ids)


def _has(cases: Iterable[Case], split: str) -> bool:
    return any(case.split == split for case in cases)
