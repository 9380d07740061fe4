"""Patients of a training set: a code in the place of a name, and the split that all of a patient's cases share."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from resformer_unet.atomic_files import atomic_write_text, text_bytes
from resformer_unet.data.table import SPLITS
from resformer_unet.errors import EngineError, shown

KEY = "patient-codes.key"
SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}  # of the patients of each class
_CODE_LENGTH = 16  # hexadecimal digits: 64 bits


def patient_code(folder: Path, patient: str) -> str:
    """The code of a patient, the same each time: an HMAC-SHA256 of the name or number under the set's secret key.

    Without the key nobody can find out whose code it is, nor recognise a known patient in a new case. The set's lock
    must be held: the key is made where it is missing.

    Args:
        patient: name or number; capitals, spaces at its ends and the Unicode form do not matter.

    Raises:
        EngineError: PATIENT_MISSING; OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    name = unicodedata.normalize("NFC", " ".join(patient.split()).casefold())
    if not name:
        raise EngineError(
            "PATIENT_MISSING",
            "It is not stated which patient the image is of.",
            "Give a name or number, so that all images of a patient stay in one split; only a code of it is stored.",
        )
    file = folder / KEY
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii"))
    except FileNotFoundError:
        key = secrets.token_bytes(32)
        atomic_write_text(file, key.hex())
    except (OSError, ValueError) as error:
        raise EngineError(
            "PATIENT_KEY_INVALID",
            f"“{file}”, which the patients' codes are made with, cannot be read ({error}).",
            "Restore the file. Without it, new images of known patients could come into another split.",
        ) from None
    return "patient-" + hmac.new(key, text_bytes(name), hashlib.sha256).hexdigest()[:_CODE_LENGTH]


def choose_split(rows: Sequence[Mapping[str, str]], group: str, label: str, wanted: str | None) -> str:
    """The split of a new case: that of the patient's other cases, else the one that its class needs most.

    Args:
        rows: of the table.
        wanted: by the user; ``None`` leaves the choice to this function.

    Raises:
        EngineError: PATIENT_IN_OTHER_SPLIT; BAD_OPTION for an unknown split.
    """
    if wanted is not None and wanted not in SPLITS:
        raise EngineError(
            "BAD_OPTION", f"The split must be one of {', '.join(SPLITS)}, but is {shown(wanted)}.", "Correct it."
        )
    for row in rows:
        if row["group"] == group:
            if wanted not in (None, row["split"]):
                raise EngineError(
                    "PATIENT_IN_OTHER_SPLIT",
                    f"This patient's case {row['id']} is in the split {row['split']}; {shown(wanted)} was asked for.",
                    "All cases of a patient must be in one split, else the model is tested on what it has learnt.",
                )
            return row["split"]
    if wanted is not None:
        return wanted
    patients = {(row["group"], row["split"]) for row in rows if row["label"] == label}
    number = len(patients) + 1
    missing = {split: share * number - sum(s == split for _, s in patients) for split, share in SHARES.items()}
    return max(SPLITS, key=lambda split: round(missing[split], 9))
