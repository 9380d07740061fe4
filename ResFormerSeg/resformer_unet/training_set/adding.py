"""Adds a case to a training set: image, mask and row of the table, all of them or nothing."""

from __future__ import annotations

import hashlib
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import numpy as np

from resformer_unet.atomic_files import disk_full
from resformer_unet.errors import NO_ROOM, EngineError
from resformer_unet.image.medical_image import MedicalImage, check_image
from resformer_unet.training_set.case_numbers import free_name, remember_number
from resformer_unet.training_set.contents import CollectedCase, rows_of, set_locked, write_rows
from resformer_unet.training_set.patients import choose_split, patient_code
from resformer_unet.training_set.staging import FILES, place, remove_unfinished, staging_folder


def add_case(
    folder: str | Path,
    image: MedicalImage,
    mask: np.ndarray | None,
    *,
    label: str,
    patient: str,
    split: str | None = None,
    by: str = "",
    now: datetime | None = None,
) -> CollectedCase:
    """Add an image with its mask and confirmed diagnosis; nothing that is there is overwritten.

    The names of the files say nothing of the patient, and no header of the image's file is copied.

    Args:
        folder: of the training set; made where it is missing.
        mask: whole numbers from 0 to 255 (slices, rows, columns) on the image's grid; all 0 means that there is no
            lesion; ``None`` that the case is for the diagnosis only.
        label: id of the diagnosis; empty if unknown.
        patient: name or number, of which a code is stored, see :func:`.patient_code`.
        split: see :func:`.choose_split`.
        by: who has confirmed mask and diagnosis.

    Raises:
        EngineError: MASK_SIZE, MASK_VALUES_UNKNOWN, NOTHING_TO_LEARN, CASE_KNOWN, TRAINING_SET_BUSY,
            OUTPUT_NOT_WRITABLE, DISK_FULL; those of :func:`.check_image`, :func:`.patient_code`,
            :func:`.choose_split` and :func:`.read_table`.
    """
    folder, label = Path(folder), unicodedata.normalize("NFC", label)  # as the table will be read
    check_image(image)
    mask = None if mask is None else _checked_mask(mask, image)
    if mask is None and not label:
        raise EngineError(
            "NOTHING_TO_LEARN", "The case has neither a mask nor a diagnosis.", "Give at least one of them."
        )
    _make(folder)
    with set_locked(folder):
        rows = rows_of(folder)
        remove_unfinished(folder, rows)
        digest = _digest(image)
        _check_unknown(rows, digest)
        group = patient_code(folder, patient)
        chosen = choose_split(rows, group, label, split)
        name = free_name(folder, rows)
        row = {
            "id": name,
            "label": label,
            "split": chosen,
            "group": group,
            "corrected_by": " ".join(by.split()),
            "added": (now or datetime.now()).astimezone().isoformat(timespec="seconds"),
            "image_digest": digest,
        }
        _write(folder, name, image, mask, [*rows, row])
        with suppress(EngineError):  # the case is in the set, and its removal would remember the number, too
            remember_number(folder, [name])
    return CollectedCase.of(row)


def _write(folder: Path, name: str, image: MedicalImage, mask: np.ndarray | None, rows: Sequence[Mapping]) -> None:
    """The row comes last: a case is in the set from the moment that the table names it."""
    from resformer_unet.training_set.case_files import write_grid

    staging = staging_folder(folder, name)
    try:
        staging.mkdir()
        write_grid(staging / "images", name, image.voxels, image)
        if mask is not None:
            write_grid(staging / "masks", name, mask[..., None], image)
        place(folder, staging)
        write_rows(folder, rows)
    except BaseException as error:
        with suppress(OSError):
            remove_unfinished(folder, rows[:-1])
        if isinstance(error, OSError):
            raise _not_written(folder, error) from None
        raise
    shutil.rmtree(staging, ignore_errors=True)


def _checked_mask(mask: np.ndarray, image: MedicalImage) -> np.ndarray:
    if mask.shape != image.shape:
        raise EngineError(
            "MASK_SIZE",
            f"The mask has {mask.shape} voxels (slices, rows, columns), its image {image.shape}.",
            "Image and mask must lie on the same grid.",
        )
    values = np.rint(mask).clip(0, 255)
    if not (values == mask).all():
        raise EngineError(
            "MASK_VALUES_UNKNOWN",
            "The mask holds values that are not whole numbers from 0 to 255.",
            "Give a label map: 0 for the background, and one value for each segment.",
        )
    return values.astype(np.uint8)


def _check_unknown(rows: Sequence[Mapping[str, str]], digest: str) -> None:
    known = next((row["id"] for row in rows if row.get("image_digest") == digest), None)
    if known is not None:
        raise EngineError(
            "CASE_KNOWN",
            f"This image is in the training set already, as {known}.",
            f"Remove {known} first to replace it.",
        )


def _digest(image: MedicalImage) -> str:
    """Of the voxels, by which the same image is recognised."""
    voxels = np.ascontiguousarray(image.voxels)
    text = f"{voxels.dtype.str} {voxels.shape} ".encode()
    return hashlib.sha256(text + voxels.tobytes()).hexdigest()


def _make(folder: Path) -> None:
    try:
        for kind in FILES:
            (folder / kind).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_written(folder, error) from None


def _not_written(folder: Path, error: OSError) -> EngineError:
    if error.errno in NO_ROOM:
        return disk_full(folder)
    return EngineError(
        "OUTPUT_NOT_WRITABLE",
        f"The training set “{folder}” cannot be written to ({error.strerror}).",
        "Choose a folder in which you may write, or ask for the right to write there.",
    )
