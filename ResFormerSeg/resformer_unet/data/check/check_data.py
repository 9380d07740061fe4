"""Checks a data set before training."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from resformer_unet.data.check.case_facts import CaseFacts, read_cases
from resformer_unet.data.check.file_checks import check_files
from resformer_unet.data.check.findings import DataReport, Finding
from resformer_unet.data.check.mask_checks import (
    check_extents,
    check_mask_names,
    check_mask_values,
    check_missing_masks,
)
from resformer_unet.data.check.near_duplicate_checks import check_near_duplicates
from resformer_unet.data.check.split_checks import check_labels, check_learnable, check_splits
from resformer_unet.data.dataset import case_of, files_by_id
from resformer_unet.data.table import SPLITS, read_table
from resformer_unet.errors import EngineError
from resformer_unet.image.pictures import EXIF_ORIENTATION


def check_data(
    dataset: str | Path,
    descriptor: Mapping | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> DataReport:
    """Check a data set's table, files, masks, classes and splits. Every image is read once.

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
    check_files(report, folder, rows, images, masks)
    used = [row for row in rows if row["id"] in images and not row.get("label_conflict_with")]
    cases = [case_of(row, images, masks) for row in used]
    check_splits(report, cases)
    check_labels(report, cases)

    shown = progress and (lambda done, total: progress("checking the data", done, total))
    facts = read_cases(cases, shown, descriptor and descriptor.get("segmentation"))
    report.mask_values = {fact.case.id: fact.values for fact in facts if fact.values is not None}
    report.mask_segments = {fact.case.id: fact.segments for fact in facts if fact.segments}
    _check_reading(report, facts)
    _pass_on_warnings(report, facts)
    check_mask_values(report, facts, descriptor)
    check_mask_names(report, facts)
    check_learnable(report, facts, descriptor, folder)
    check_missing_masks(report, facts)
    check_extents(report, facts, descriptor)
    check_near_duplicates(report, facts)
    _summarise(report, facts)
    report.sort()
    return report


def _check_reading(report: DataReport, facts: Iterable[CaseFacts]) -> None:
    """Add an error for each kind of unreadable files."""
    failed = defaultdict(list)
    for fact in facts:
        if fact.error:
            failed[fact.error.code].append(fact)
    for same in failed.values():
        finding = Finding.of(same[0].error, [fact.case.id for fact in same])
        report.findings.append(finding)


def _pass_on_warnings(report: DataReport, facts: Iterable[CaseFacts]) -> None:
    """Add a warning for each kind of doubt that the reader had about images."""
    doubtful = defaultdict(list)
    for fact in facts:
        for warning in fact.warnings:
            doubtful[warning["code"]].append((fact.case.id, warning["message"]))
    for code, cases in doubtful.items():
        fix = "Check that these images, and their masks, are read as you mean them."
        if code == EXIF_ORIENTATION:
            fix = "Check that the masks lie on the pictures as viewers show them, not as they are stored."
        report.add(False, code, cases[0][1], fix, [name for name, _ in cases])


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
