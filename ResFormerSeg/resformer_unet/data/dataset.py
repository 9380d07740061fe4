"""Data sets on disk: a folder of images, masks and a table of labels.

Layout::

    DATASET/labels.csv      columns id, label, split, group; optional orig_w, orig_h, label_conflict_with
    DATASET/images/<id>.*   any format that `read_image` reads
    DATASET/masks/<id>.*    the same grid as the image; a missing file means that the case has no mask
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from resformer_unet.data.masks import masks_of_segments, own_labels
from resformer_unet.data.table import TABLE, read_table
from resformer_unet.errors import EngineError
from resformer_unet.image.guarded_reading import read_image_guarded
from resformer_unet.image.medical_image import MedicalImage, case_id

_ADDITION = re.compile(r"[_\-. ]")  # what may separate a case's name from “mask” or “segmentation”
_HEADERS = (".hdr", ".mhd", ".nhdr")  # whose voxels are in a file of the same name
_VOXELS = re.compile(r"\.(img|raw|zraw)(\.gz)?$", re.IGNORECASE)
_SAME_GRID = 0.01  # voxels that image and mask may lie apart


@dataclass(frozen=True)
class Case:
    """One image of a data set with its mask, label, split and group.

    Attributes:
        id: name of the files without their suffix.
        mask: ``None`` if the case has no mask (an empty mask is a mask: it means that there is no lesion).
        label: id of the diagnosis; ``None`` if unknown.
        group: patient or near-duplicate cluster; never crosses a split in training.
        pixel_aspect: relative height and width of a pixel of a picture that was squashed when the set was made.
    """

    id: str
    image: Path
    mask: Path | None
    label: str | None
    split: str
    group: str
    pixel_aspect: tuple[float, float] | None = None


def load_dataset(folder: str | Path, split: str | None = None) -> list[Case]:
    """The cases of a data set in the order of its table, without those whose label is in conflict with another's.

    Args:
        split: only the cases of this split.

    Raises:
        EngineError: DATASET_NOT_FOUND, DATASET_INVALID, DATASET_EMPTY, MASK_MISNAMED, FILE_AMBIGUOUS.
    """
    folder = Path(folder)
    rows = read_table(folder)
    images, masks = files_by_id(folder / "images"), files_by_id(folder / "masks")
    without_image = [row["id"] for row in rows if row["id"] not in images]
    if without_image:
        raise EngineError(
            "DATASET_INVALID",
            f"{len(without_image)} cases of {folder / TABLE} have no image, the first is “{without_image[0]}”.",
            f"Put a file of that name into {folder / 'images'}, or remove the row from the table.",
        )
    _refuse_ambiguous(folder, {row["id"] for row in rows})
    if misnamed := misnamed_masks((row["id"] for row in rows), masks):
        name, case = next(iter(misnamed.items()))
        raise EngineError(
            "MASK_MISNAMED",
            f"{len(misnamed)} files in {folder / 'masks'} belong to no case by their names, such as "
            f"“{masks[name].name}”; they would be ignored.",
            f"Call masks as their cases, here “{case}.png”.",
        )
    cases = [
        case_of(row, images, masks)
        for row in rows
        if not row.get("label_conflict_with") and split in (None, row["split"])
    ]
    if not cases:
        known = ", ".join(sorted({row["split"] for row in rows})) or "none"
        raise EngineError(
            "DATASET_EMPTY",
            f"{folder} has no case" + (f" in the split “{split}”." if split else "."),
            f"Splits in its table: {known}.",
        )
    return cases


def case_of(row: Mapping[str, str], images: Mapping[str, Path], masks: Mapping[str, Path]) -> Case:
    """The case of a row of the table; its id must be among the images."""
    return Case(
        id=row["id"],
        image=images[row["id"]],
        mask=masks.get(row["id"]),
        label=row["label"] or None,
        split=row["split"],
        group=row["group"] or row["id"],
        pixel_aspect=_original_size(row),
    )


def without_groups_of(cases: Iterable[Case], others: Iterable[Case]) -> list[Case]:
    """The cases whose patient (or near-duplicate cluster) does not appear among the others."""
    groups = {case.group for case in others}
    return [case for case in cases if case.group not in groups]


def read_case_image(case: Case) -> MedicalImage:
    """The image of a case; a picture that was squashed to another aspect gets its true pixel aspect as spacing."""
    image = read_image_guarded(case.image)
    if case.pixel_aspect is None or image.has_orientation:
        return image
    _, rows, columns = image.shape
    height, width = case.pixel_aspect[0] / rows, case.pixel_aspect[1] / columns
    affine = image.affine @ np.diag([width / height, 1.0, 1.0, 1.0])
    return replace(image, affine=affine)


def read_case_mask(case: Case, image: MedicalImage) -> np.ndarray:
    """Values of a case's mask as its file has them, uint8 (slices, rows, columns), on the image's grid.

    They are not always those of a model: for its segments see :func:`read_case_segments`.

    Raises:
        EngineError: those of :func:`read_mask_on_grid` and :func:`.own_labels`.
    """
    return own_labels(case.id, read_mask_on_grid(case, image))


def read_case_segments(
    case: Case, image: MedicalImage, segments: Sequence[dict], exclusive: bool = False
) -> np.ndarray:
    """A case's mask as one boolean mask a segment of a model, (segments, slices, rows, columns), on the image's grid.

    Args:
        segments, exclusive: as of :func:`.masks_of_segments`.

    Raises:
        EngineError: those of :func:`read_mask_on_grid` and :func:`.masks_of_segments`.
    """
    return masks_of_segments(case.id, read_mask_on_grid(case, image), segments, exclusive)


def read_mask_on_grid(case: Case, image: MedicalImage) -> MedicalImage:
    """The mask of a case as it is stored.

    Raises:
        EngineError: MASK_SIZE or MASK_GEOMETRY if the grids differ, or the errors of :func:`read_mask`.
    """
    mask = read_mask(case)
    if mask.shape != image.shape:
        raise EngineError(
            "MASK_SIZE",
            f"The mask of {case.id} has {mask.shape} voxels (slices, rows, columns), its image {image.shape}.",
            "Image and mask must lie on the same grid.",
        )
    if image.has_orientation and mask.has_orientation and (apart := _voxels_apart(mask, image)) > _SAME_GRID:
        raise EngineError(
            "MASK_GEOMETRY",
            f"The mask of {case.id} lies up to {apart:.2g} voxels away from its image: their origins, directions or "
            "spacings differ.",
            "Resample the mask onto the image's grid, or correct the geometry of the wrong file.",
        )
    return mask


def read_mask(case: Case) -> MedicalImage:
    """The mask of a case as it is stored; its grid is not compared to the image's.

    Raises:
        EngineError: those of :func:`.read_image_guarded`.
    """
    try:
        return read_image_guarded(case.mask)
    except EngineError as error:
        if error.code != "DICOM_WITHOUT_IMAGE":
            raise
        raise EngineError(error.code, error.message, "Save the mask as NRRD (.seg.nrrd) or NIfTI.") from None


def _voxels_apart(image: MedicalImage, other: MedicalImage) -> float:
    """Largest distance, in voxels along an axis, between the same corner in two images of the same shape."""
    slices, rows, columns = image.shape
    corners = np.array(list(itertools.product((0, columns - 1), (0, rows - 1), (0, slices - 1), (1,)))).T
    return float(np.abs(np.linalg.solve(other.affine, image.affine @ corners) - corners).max())


def misnamed_masks(ids: Iterable[str], masks: Mapping[str, Path]) -> dict[str, str]:
    """Masks that are named after a case without a mask, but not as it: in other capitals, or with something added.

    Args:
        ids: of the cases.
        masks: files by their names without suffix, as of :func:`files_by_id`.

    Returns:
        Ids of the cases by the names of their masks, such as “case_segmentation”, “CASE” or “case.gif”.
    """
    without = {name.casefold(): name for name in ids if name not in masks}
    found = {}
    for name in masks.keys() - set(ids):
        for end in [len(name), *(match.start() for match in reversed(list(_ADDITION.finditer(name))))]:
            if case := without.get(name[:end].casefold()):
                found[name] = case
                break
    return dict(sorted(found.items()))


def files_by_id(folder: Path) -> dict[str, Path]:
    """Files and folders of a folder by the id of their case, see :func:`.case_id`; hidden ones do not count.

    Of a header with its voxels in a file of the same name, the header is named; of several files, the first.
    """
    return {name: paths[0] for name, paths in _all_by_id(folder).items()}


def ambiguous_files(folder: Path) -> dict[str, list[Path]]:
    """Files of a folder that share the id of a case, by this id; a header and its voxels are one file."""
    return {name: paths for name, paths in _all_by_id(folder).items() if len(paths) > 1}


def _all_by_id(folder: Path) -> dict[str, list[Path]]:
    if not folder.is_dir():
        return {}
    paths = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    headers = {path.stem for path in paths if path.suffix.lower() in _HEADERS}
    found: dict[str, list[Path]] = {}
    for path in paths:
        if not (_VOXELS.search(path.name) and _VOXELS.sub("", path.name) in headers):
            found.setdefault(case_id(path), []).append(path)
    return found


def _refuse_ambiguous(folder: Path, ids: Set[str]) -> None:
    for kind in ("images", "masks"):
        several = {name: paths for name, paths in ambiguous_files(folder / kind).items() if name in ids}
        if several:
            name, paths = next(iter(several.items()))
            raise EngineError(
                "FILE_AMBIGUOUS",
                f"{len(several)} case{'s have' if len(several) > 1 else ' has'} several files in {folder / kind}, such "
                f"as “{name}”: {', '.join(path.name for path in paths)}.",
                "Keep one of them.",
            )


def _original_size(row: dict[str, str]) -> tuple[float, float] | None:
    try:
        size = float(row["orig_h"]), float(row["orig_w"])
    except (KeyError, ValueError):
        return None
    return size if all(0 < length < math.inf for length in size) else None
