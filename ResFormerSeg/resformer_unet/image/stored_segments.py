"""The segments that the header of a segmentation file (.seg.nrrd) names, and where in the file they are.

3D Slicer numbers segments anew when it saves, and gives those that overlap a layer each: only their ids and names tell
which structure a value is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

FIELD = re.compile(r"Segment(\d+)_(ID|Name|Layer|LabelValue)")
_MOST_SHOWN = 8


@dataclass(frozen=True)
class StoredSegment:
    """A segment of a file.

    Attributes:
        layer: the channel of the file's voxels that it is in.
        value: of its voxels there; ``None`` where the file does not state it.
    """

    id: str
    name: str
    layer: int
    value: int | None

    @property
    def title(self) -> str:
        """For messages, and by which segments of different files are compared: the name, without one the id."""
        return self.name or self.id


def stored_segments(fields: Mapping[str, str], layers: int) -> tuple[StoredSegment, ...]:
    """The segments that the fields of a header name, in their order; empty where they name none.

    Without a layer of its own, a segment is in the first one; in files with as many layers as segments, as 3D Slicer
    4.10 wrote them, in the one of its number.

    Args:
        fields: by their names, such as “Segment0_LabelValue”; others are ignored.
        layers: of the file.
    """
    rows: dict[int, dict[str, str]] = {}
    for key, value in fields.items():
        if match := FIELD.fullmatch(key):
            rows.setdefault(int(match[1]), {})[match[2]] = value.strip()
    named = [rows[number] for number in sorted(rows) if rows[number].get("ID") or rows[number].get("Name")]
    apart = len(named) == layers
    found = []
    for index, row in enumerate(named):
        layer = _whole(row.get("Layer"))
        identifier = row.get("ID") or row["Name"]
        place = layer if layer is not None else index if apart else 0
        value = _whole(row.get("LabelValue")) or None  # 0 is the background, no segment
        found.append(StoredSegment(identifier, row.get("Name", ""), place, value))
    return tuple(found)


def masks_of(
    voxels: np.ndarray, stored: Sequence[StoredSegment], known: Sequence[Mapping], only: bool = False
) -> np.ndarray:
    """Where the known segments are, found by their ids, and else by their names, in small or capital letters.

    Args:
        voxels: (slices, rows, columns, layers) of the file.
        stored: its segments.
        known: with ``id``, ``name`` and ``value``.
        only: whether a single segment under whatever name stands for a single known one.

    Returns:
        bool (known segments, slices, rows, columns); one that the file lacks is empty.

    Raises:
        ValueError: the reason, without a full stop, if a voxel belongs to no known segment.
    """
    masks = np.zeros((len(known), *voxels.shape[:3]), bool)
    left = voxels != 0
    unknown: list[tuple[StoredSegment, np.ndarray]] = []
    for segment in stored:
        index = _index_of(segment, known)
        mask = _mask_of(segment, voxels, stored, 1 if index is None else known[index]["value"])
        if 0 <= segment.layer < voxels.shape[-1]:
            left[..., segment.layer] &= ~mask
        if index is not None:
            masks[index] |= mask
        elif mask.any():
            unknown.append((segment, mask))
    if left.any():
        values = _listed(np.unique(voxels[left]).tolist())
        raise ValueError(f"it has voxels of the value {values}, which none of its segments has")
    if only and len(known) == len(unknown) == 1 and not masks.any():
        masks[0] = unknown[0][1]
    elif unknown:
        titles = _listed([f"“{segment.title}”" for segment, _ in unknown])
        names = _listed([f"“{row['name']}”" for row in known]) or "none"
        raise ValueError(f"it holds {titles}, but known are {names}")
    return masks


def values_among(stored: Sequence[StoredSegment], known: Sequence[Mapping]) -> list[int] | None:
    """The known segments' values of a file's segments; ``None`` if one of these is unknown."""
    found = [_index_of(segment, known) for segment in stored]
    return None if None in found else [known[index]["value"] for index in found]


def _mask_of(segment: StoredSegment, voxels: np.ndarray, stored: Sequence[StoredSegment], value: int) -> np.ndarray:
    """bool (slices, rows, columns). A segment whose value is not stated is all of its layer if it is alone there."""
    if not 0 <= segment.layer < voxels.shape[-1]:
        return np.zeros(voxels.shape[:3], bool)
    layer = voxels[..., segment.layer]
    if segment.value is not None:
        return layer == segment.value
    return layer != 0 if sum(other.layer == segment.layer for other in stored) == 1 else layer == value


def _index_of(segment: StoredSegment, known: Sequence[Mapping]) -> int | None:
    ids = [row["id"] for row in known]
    if segment.id in ids:
        return ids.index(segment.id)
    title = segment.title.casefold()
    alike = (index for index, row in enumerate(known) if title in (row["name"].casefold(), row["id"].casefold()))
    return next(alike, None)


def _listed(items: Sequence) -> str:
    return ", ".join(map(str, items[:_MOST_SHOWN])) + (" …" if len(items) > _MOST_SHOWN else "")


def _whole(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
