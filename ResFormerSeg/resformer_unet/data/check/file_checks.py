"""Checks of a data set's table against its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from resformer_unet.data.check.findings import DataReport, counted
from resformer_unet.image.medical_image import case_name

PIXELS = (".raw", ".zraw", ".img")  # beside a header of the same name


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
            if any(case_name(Path(name)) in images for name in missing)
            else "Put the files into images/, or remove the rows from the table.",
            missing,
        )
    for name, found in (("images", images), ("masks", masks)):
        if unlisted := sorted(name for name in found.keys() - set(ids) if not name.endswith(PIXELS)):
            what = "image" if name == "images" else "mask"
            report.add(
                False,
                f"{what.upper()}_WITHOUT_ROW",
                f"Files in {name}/ without a row in labels.csv: {len(unlisted)}.",
                "Add a row for each to labels.csv, or remove it; it is not used.",
                unlisted,
            )
        stored = Counter(case_name(path) for path in _visible(folder / name) if path.suffix.lower() not in PIXELS)
        if twice := sorted(case for case, count in stored.items() if count > 1):
            report.add(
                True,
                "FILE_AMBIGUOUS",
                f"{counted(twice)} {'has' if len(twice) == 1 else 'have'} several files in {name}/.",
                "Keep one of them.",
                twice,
            )
    if conflicts := [row["id"] for row in rows if row.get("label_conflict_with")]:
        report.add(
            False,
            "LABEL_CONFLICT",
            f"{counted(conflicts)} left out: according to label_conflict_with, a near-duplicate has another label.",
            "No action needed; or decide which label is correct, and clear the column there.",
            conflicts,
        )


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
