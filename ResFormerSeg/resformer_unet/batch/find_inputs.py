"""The images in the folders and lists that a user gives."""

from __future__ import annotations

import codecs
import os.path
import sys
from collections.abc import Iterable
from pathlib import Path

from resformer_unet.batch.cases import SEGMENTATION, place_of
from resformer_unet.errors import EngineError
from resformer_unet.image.file_kinds import is_dead_link, is_dicom
from resformer_unet.image.medical_image import case_name


def find_studies(paths: Iterable[Path], output: Path) -> list[Path]:
    """Replace each folder of studies by its images, in the order of names; an image that is named twice is taken once.

    A folder that holds DICOM images is one study; reading it warns of other images in it. Any other is searched for
    image files. The folders within are searched in both cases. Hidden files, what is no file (a pipe), segmentations
    and probability maps as this package writes them, DICOM files without an image (reports, segmentations, doses), and
    the folder ``output`` are skipped. A folder without any image stays, and so does a link to a file that is gone, so
    that reading them reports the error.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        inside = _search(path, place_of(output), set()) if os.path.isdir(path) else []
        for study in inside or [path]:
            found.setdefault(place_of(study), study)
    return list(found.values())


def read_list(path: Path) -> list[Path]:
    """The paths in a text file, one a line, ``-`` for standard input; empty lines do not count.

    Raises:
        EngineError: LIST_NOT_READABLE, LIST_EMPTY.
    """
    name = "The list from standard input" if str(path) == "-" else f"The list “{path}”"
    try:
        if str(path) == "-" and sys.stdin is None:
            raise ValueError("it is closed")
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise EngineError("LIST_NOT_READABLE", f"{name} cannot be read ({reason}).", "Check its name.") from None
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as PowerShell writes lists
    try:
        text = content.decode("utf-16") if wide else content.decode("utf-8-sig", "surrogateescape")
    except UnicodeDecodeError:
        raise EngineError("LIST_NOT_READABLE", f"{name} is not text.", "Give a text file, one path a line.") from None
    lines = (line.strip().strip('"') for line in text.split("\n"))
    paths = [Path(line) for line in lines if line]
    if not paths:
        raise EngineError("LIST_EMPTY", f"{name} names no image.", "Write one path a line into it.")
    return paths


def _search(folder: Path, output: Path, seen: set[Path]) -> list[Path]:
    from resformer_unet.image.dicom import holds_images  # with SimpleITK, which a list of files does not need

    place = place_of(folder)
    if place in seen:  # links can lead in circles
        return []
    seen.add(place)
    try:
        is_study = holds_images(folder)
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        return [folder]  # reading it reports the error
    found = [folder] if is_study else []
    for entry in entries:
        if os.path.isdir(entry):
            found += _search(entry, output, seen) if place_of(entry) != output else []
        elif is_study or not (os.path.isfile(entry) or is_dead_link(entry)):
            continue
        elif case_name(entry) == entry.name or _is_result(entry.name) or _has_header(entry):
            continue
        elif not _is_dicom(entry):  # those of a folder that is no study hold no image
            found.append(entry)
    return found


def _is_result(name: str) -> bool:
    return name.endswith(SEGMENTATION) or (".probability." in name and name.endswith(".nrrd"))


def _is_dicom(path: Path) -> bool:
    try:
        return is_dicom(path)
    except OSError:  # reading it reports the error
        return False


def _has_header(path: Path) -> bool:
    """Whether this is the voxel file of an Analyze or NIfTI pair."""
    return path.suffix.lower() == ".img" and any(os.path.exists(path.with_suffix(end)) for end in (".hdr", ".HDR"))
