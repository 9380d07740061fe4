"""Checks of a data set's table against its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from resformer_unet.data.check.findings import DataReport, counted
from resformer_unet.data.dataset import ambiguous_files, case_of, misnamed_masks
from resformer_unet.image.medical_image import case_id

PIXELS = (".raw", ".zraw", ".img", ".raw.gz")  # beside a header, whose name may be another


def check_files(
    report: DataReport, folder: Path, rows: Sequence[Mapping], images: Mapping[str, Path], masks: Mapping[str, Path]
) -> None:
    """Add findings about rows without files, files without rows, and several files for one case."""
    ids = [row["id"] for row in rows]
    if not ids:
        report.add(True, "DATASET_EMPTY", "labels.csv has no cases.", "Write one row for each image.")
    if missing := [name for name in ids if name not in images]:
        report.add(
            True,
            "CASE_WITHOUT_IMAGE",
            f"{counted(missing)} of labels.csv {'has' if len(missing) == 1 else 'have'} no image.",
            "Write the file's name without its suffix into the column id."
            if any(case_id(Path(name)) in images for name in missing)
            else "Put the files into images/, or remove the rows from the table.",
            missing,
        )
    misnamed = _check_mask_names(report, ids, masks)
    for name, found in (("images", images), ("masks", masks)):
        unknown = found.keys() - set(ids) - (misnamed if name == "masks" else set())
        if unlisted := sorted(name for name in unknown if not name.endswith(PIXELS)):
            what = "image" if name == "images" else "mask"
            report.add(
                False,
                f"{what.upper()}_WITHOUT_ROW",
                f"Files in {name}/ without a row in labels.csv: {len(unlisted)}.",
                "Add a row for each to labels.csv, or remove it; it is not used.",
                unlisted,
            )
        if twice := sorted(ambiguous_files(folder / name)):
            report.add(
                True,
                "FILE_AMBIGUOUS",
                f"{counted(twice)} {'has' if len(twice) == 1 else 'have'} several files in {name}/.",
                "Keep one of them.",
                twice,
            )
    if alone := [row["id"] for row in rows if not row["group"]]:
        report.add(
            False,
            "GROUP_MISSING",
            f"{counted(alone)} without a group: each counts as another patient, so that images of one may be in two "
            "splits.",
            "Fill the column group with a code of the patient.",
            alone,
        )
    sizes = [row for row in rows if row["id"] in images and (row.get("orig_w") or row.get("orig_h"))]
    if unusable := [row["id"] for row in sizes if case_of(row, images, masks).pixel_aspect is None]:
        report.add(
            False,
            "ORIGINAL_SIZE_INVALID",
            f"{counted(unusable)} whose orig_w and orig_h are not two numbers above 0: the squashing is not undone.",
            "Write both in pixels, such as 1024 and 768, or leave both empty.",
            unusable,
        )
    if conflicts := [row["id"] for row in rows if row.get("label_conflict_with")]:
        report.add(
            False,
            "LABEL_CONFLICT",
            f"{counted(conflicts)} left out: according to label_conflict_with, a near-duplicate has another label.",
            "No action needed; or decide which label is correct, and clear the column there.",
            conflicts,
        )


def _check_mask_names(report: DataReport, ids: Sequence[str], masks: Mapping[str, Path]) -> set[str]:
    """Add an error about masks that are meant for a case and called otherwise; returns the names of their files."""
    misnamed = misnamed_masks(ids, masks)
    if misnamed:
        name, case = next(iter(misnamed.items()))
        report.add(
            True,
            "MASK_MISNAMED",
            f"{len(misnamed)} of {len(masks)} files in masks/ belong to no case by their names, such as "
            f"“{masks[name].name}”: training would go without them.",
            f"Call masks as their cases, here “{case}.png”; PNG, TIFF, NRRD and NIfTI are read.",
            list(misnamed.values()),
        )
    elif masks and not masks.keys() & set(ids):
        report.add(
            True,
            "MASK_MISNAMED",
            f"None of the {len(masks)} files in masks/ belongs to a case, the first is "
            f"“{next(iter(masks.values())).name}”: training would go without them.",
            "Call masks as their cases, or remove them.",
        )
        return set(masks)
    return set(misnamed)
