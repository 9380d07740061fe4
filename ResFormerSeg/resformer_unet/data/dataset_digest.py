"""Whether a data set is still the one that a training began with, also on another machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from resformer_unet.data.dataset import Case
from resformer_unet.image.first_bytes import opening_errors

_END = 1 << 16  # bytes at either end of a file; compressed formats have a checksum of their content in the last of them
_BESIDE = {".hdr": (".img", ".img.gz"), ".mhd": (".raw", ".zraw"), ".nhdr": (".raw", ".raw.gz")}  # a header's voxels


def dataset_digest(cases: Iterable[Case]) -> str:
    """SHA-256 of the cases' ids, labels, splits, groups and pixel aspects, and of the files of images and masks.

    Of a file its size, first and last 64 KiB count: a change in the middle of a large file that is not compressed goes
    unnoticed. Folder, names and modification times do not count, for a copy on another machine has others.

    Args:
        cases: in any order; their ids differ.

    Returns:
        64 hexadecimal digits.

    Raises:
        EngineError: NO_PERMISSION, FILE_NOT_FOUND or CORRUPT_IMAGE for a file that cannot be opened.
    """
    rows = [
        [case.id, case.label, case.split, case.group, case.pixel_aspect, _content(case.image), _content(case.mask)]
        for case in sorted(cases, key=lambda case: case.id)
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _content(path: Path | None) -> list[list] | None:
    """A row for each file of an image or mask."""
    if path is None:
        return None
    with opening_errors(path):
        if path.is_dir():
            files = [file for file in path.iterdir() if file.is_file()]
        else:
            beside = map(path.with_suffix, _BESIDE.get(path.suffix.lower(), ()))
            files = [path, *(file for file in beside if file.is_file())]
        return sorted(map(_facts, files))


def _facts(file: Path) -> list:
    size = file.stat().st_size
    with file.open("rb") as opened:
        digest = hashlib.sha256(opened.read(_END))
        opened.seek(max(0, size - _END))
        digest.update(opened.read(_END))
    return [size, digest.hexdigest()]
