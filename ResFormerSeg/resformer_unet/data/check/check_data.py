"""Looking a data set over before anything is trained on it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from resformer_unet.data.check.case_facts import CaseFacts, look_at
from resformer_unet.data.check.findings import DataReport, Finding
from resformer_unet.data.check.mask_values import check_mask_values
from resformer_unet.data.check.near_duplicates import alike
from resformer_unet.data.dataset import SPLITS, Case, case_of, files_by_id, read_table
from resformer_unet.data.draft_descriptor import nothing_to_learn
from resformer_unet.data.splits import Splits
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import case_name

PIXELS = (".raw", ".zraw", ".img")  # beside a header of the same name
FEW_CASES = 5  # training cases of a class, below which little can be learnt of it


def check_data(
    dataset: str | Path,
    descriptor: Mapping | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> DataReport:
    """Find what is wrong with a data set: table, files, masks, classes, splits. Every image is read once.

    Args:
        descriptor: of the model to be trained, where a recipe has one: its classes and segments are then the only
            ones allowed. Without it they are those of the training split.
        progress: called with (what is being done, done, total).
    """
    folder = Path(dataset)
    report = DataReport(str(folder))
    try:
        rows = read_table(folder)
    except EngineError as error:
        report.findings.append(Finding.of(error))
        return report
    images, masks = files_by_id(folder / "images"), files_by_id(folder / "masks")
    _check_files(report, folder, rows, images, masks)
    used = [row for row in rows if row["id"] in images and not row.get("label_conflict_with")]
    cases = [case_of(row, images, masks) for row in used]
    _check_splits(report, cases)
    _check_labels(report, cases)

    facts = look_at(cases, progress and (lambda done, total: progress("checking the data", done, total)))
    report.mask_values = {fact.case.id: fact.values for fact in facts if fact.values is not None}
    _check_reading(report, facts)
    check_mask_values(report, facts, descriptor)
    _check_learnable(report, facts, descriptor, folder)
    _check_missing_masks(report, facts)
    _check_twins(report, facts)
    _summarise(report, facts)
    report.sort()
    return report


def _check_files(
    report: DataReport, folder: Path, rows: Sequence[Mapping], images: Mapping[str, Path], masks: Mapping[str, Path]
) -> None:
    """Lines of the table against the files."""
    ids = [row["id"] for row in rows]
    if not ids:
        report.add(True, "DATASET_EMPTY", "labels.csv has no cases.", "Write one line for each image.")
    if missing := [name for name in ids if name not in images]:
        report.add(
            True,
            "CASE_WITHOUT_IMAGE",
            f"{_cases(missing)} of labels.csv {'has' if len(missing) == 1 else 'have'} no image.",
            "Write the file's name without its suffix into the column id."
            if any(case_name(Path(name)) in images for name in missing)
            else "Put the files into images/, or take the lines out of the table.",
            missing,
        )
    for name, found in (("images", images), ("masks", masks)):
        if strange := sorted(name for name in found.keys() - set(ids) if not name.endswith(PIXELS)):
            what = "image" if name == "images" else "mask"
            report.add(
                False,
                f"{what.upper()}_WITHOUT_LINE",
                f"Files in {name}/ that no line of labels.csv names: {len(strange)}.",
                "Give each a line in labels.csv, or take it away; it is not used.",
                strange,
            )
        stored = Counter(case_name(path) for path in _visible(folder / name) if path.suffix.lower() not in PIXELS)
        if twice := sorted(case for case, count in stored.items() if count > 1):
            report.add(
                True,
                "FILE_AMBIGUOUS",
                f"{_cases(twice)} {'has' if len(twice) == 1 else 'have'} several files in {name}/.",
                "Leave one of them.",
                twice,
            )
    if conflicts := [row["id"] for row in rows if row.get("label_conflict_with")]:
        report.add(
            False,
            "LABEL_CONFLICT",
            f"{_cases(conflicts)} left out: label_conflict_with says that a twin has another label.",
            "Nothing to do; or decide which label is right, and empty the column there.",
            conflicts,
        )


def _check_splits(report: DataReport, cases: Sequence[Case]) -> None:
    if strange := [case.id for case in cases if case.split not in SPLITS]:
        words = sorted({case.split for case in cases} - set(SPLITS))
        report.add(
            False,
            "SPLIT_UNKNOWN",
            f"{_cases(strange)} not used, the split being {', '.join(f'“{word}”' for word in words)}.",
            "Write train, val or test, in small letters.",
            strange,
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
            "There are no test cases: nothing will tell how good the model is on images it was not chosen by.",
            "Put about a sixth of the patients into the split test.",
        )


def _check_labels(report: DataReport, cases: Sequence[Case]) -> None:
    labels = {case.label for case in cases if case.label}
    if labels and (without := [case.id for case in cases if not case.label]):
        report.add(
            False,
            "LABEL_MISSING",
            f"{_cases(without)} without a label: only the outline is learnt from them.",
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
                False, "LABELS_ALIKE", f"{named} count as different diagnoses.", "Write the same one the same way."
            )
    counts = Counter((case.label, case.split) for case in cases)
    trained = [label for label in sorted(labels) if counts[label, "train"]]
    if len(trained) == 1:
        report.add(
            False,
            "ONE_CLASS",
            f"All training cases with a label have the same, “{trained[0]}”: no diagnosis can be learnt.",
            "Add cases with another diagnosis, or let the model learn the outline alone.",
        )
        return
    for label in trained:
        if counts[label, "train"] < FEW_CASES:
            report.add(
                False,
                "CLASS_RARE",
                f"“{label}” has only {counts[label, 'train']} training cases.",
                "Add cases, or join it with another class.",
            )
        if absent := [split for split in ("val", "test") if not counts[label, split] and _has(cases, split)]:
            report.add(
                False,
                "CLASS_NOT_MEASURED",
                f"“{label}” has no cases in {' and '.join(absent)}: there it cannot be told how well it is known.",
                "Move some of its patients there.",
            )
    if tested := sorted({case.label for case in cases if case.label and case.split == "test"} - set(trained)):
        report.add(
            False,
            "CLASS_ONLY_IN_TEST",
            f"{', '.join(tested)}: in the test split, but not in the training split.",
            "Move some of these patients into the split train.",
        )


def _check_reading(report: DataReport, facts: Iterable[CaseFacts]) -> None:
    """Files that cannot be used, those of one kind in one finding."""
    failed = defaultdict(list)
    for fact in facts:
        if fact.error:
            failed[fact.error.code].append(fact)
    for same in failed.values():
        finding = Finding.of(same[0].error, [fact.case.id for fact in same])
        report.findings.append(finding)


def _check_learnable(report: DataReport, facts: Sequence[CaseFacts], descriptor: Mapping | None, folder: Path) -> None:
    """Whether the splits have what a training needs."""
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


def _check_missing_masks(report: DataReport, facts: Sequence[CaseFacts]) -> None:
    """A class without any mask (the healthy, often) may be meant so; single masks that are missing hardly are."""
    with_masks = {fact.case.label for fact in facts if fact.case.mask}
    if without := [fact.case.id for fact in facts if not fact.case.mask and fact.case.label in with_masks]:
        report.add(
            False,
            "MASK_MISSING",
            f"{_cases(without)} without a mask, though others of the class have one: only the diagnosis is learnt.",
            "Add the masks; where nothing is to be outlined, an empty one (all 0).",
            without,
        )


def _check_twins(report: DataReport, facts: Sequence[CaseFacts]) -> None:
    """Near-duplicates that no group joins, in two splits or under two labels."""
    seen = [fact for fact in facts if fact.thumbnail is not None and fact.case.split in SPLITS]
    if not seen:
        return
    pairs = alike(np.stack([fact.thumbnail for fact in seen]))
    splits, groups, labels = (
        np.unique([getattr(fact.case, name) or "" for fact in seen], return_inverse=True)[1]
        for name in ("split", "group", "label")
    )
    first, second = pairs.T
    strangers = groups[first] != groups[second]

    def named(chosen: np.ndarray) -> list[str]:
        return [f"{seen[a].case.id} = {seen[b].case.id}" for a, b in pairs[chosen]]

    if across := named(strangers & (splits[first] != splits[second])):
        report.add(
            False,
            "TWINS_ACROSS_SPLITS",
            f"{len(across)} pair{'s' if len(across) > 1 else ''} of nearly the same picture in different splits: the "
            "figures will be better than they should.",
            "Give both the same group in labels.csv; training then leaves one out.",
            across,
        )
    if disagreeing := named(labels[first] != labels[second]):
        report.add(
            False,
            "TWINS_DISAGREE",
            f"{len(disagreeing)} pair{'s' if len(disagreeing) > 1 else ''} of nearly the same picture with different "
            "labels.",
            "Correct the label, or name the twin in the column label_conflict_with to leave both out.",
            disagreeing,
        )


def _summarise(report: DataReport, facts: Sequence[CaseFacts]) -> None:
    cases = [fact.case for fact in facts]
    splits = Counter(case.split for case in cases)
    masks = sum(case.mask is not None for case in cases)
    kinds = sum(fact.volume for fact in facts)
    report.summary.append(
        ", ".join(f"{splits[split]} {split}" for split in SPLITS)
        + f" cases, {masks} of them with a mask; "
        + (f"{kinds} volumes" if kinds else "pictures")
        + (f" and {len(facts) - kinds} pictures" if 0 < kinds < len(facts) else "")
    )
    labels = Counter(case.label or "(none)" for case in cases)
    report.summary.append("labels: " + ", ".join(f"{label} {count}" for label, count in labels.most_common()))
    values = sorted(set().union(*(fact.values or () for fact in facts)))
    report.summary.append("mask values: " + (", ".join(map(str, values[:20])) or "none but 0"))


def _has(cases: Iterable[Case], split: str) -> bool:
    return any(case.split == split for case in cases)


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []


def _cases(names: Sequence[str]) -> str:
    return f"{len(names)} case{'s' if len(names) > 1 else ''}"
