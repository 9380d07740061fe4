"""When the frames of DICOM files were taken, and which of them form one volume."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk

from resformer_unet.errors import EngineError
from resformer_unet.image.dicom_headers import Header, gdcm_reader
from resformer_unet.image.itk_paths import path_to_read
from resformer_unet.image.slice_geometry import Plane

_TRIGGER_TIME, _TEMPORAL_POSITION, _TIMES_OF_DAY = "0018|1060", "0020|0100", ("0008|0032", "0008|0033")
_SAME_PLACE_MM = 1e-3


def cine_times_s(data: Any, count: int) -> tuple[float, ...] | None:
    """Seconds of each frame of a cine, from FrameTimeVector, FrameTime or CineRate of its header (a pydicom dataset).

    ``None`` where none of them is stated.
    """
    vector = _numbers(data.get("FrameTimeVector"))
    if len(vector) == count and all(
        step >= 0 for step in vector
    ):  # milliseconds since the frame before; the first is 0
        return tuple((np.cumsum(vector) - vector[0]).astype(float) / 1000)
    step = _numbers(data.get("FrameTime"))
    if len(step) == 1 and step[0] > 0:
        return tuple(index * step[0] / 1000 for index in range(count))
    rate = _numbers(data.get("CineRate")) or _numbers(data.get("RecommendedDisplayFrameRate"))
    if len(rate) == 1 and rate[0] > 0:
        return tuple(index / rate[0] for index in range(count))
    return None


def frame_moments(data: Any) -> list[tuple[float, ...]] | None:
    """What the frames of an enhanced file are put in order of time by: for each the trigger delay in ms and its number
    in time. ``None`` if it has no functional groups.

    Args:
        data: a pydicom dataset.
    """
    groups = data.get("PerFrameFunctionalGroupsSequence")
    if not groups:
        return None
    moments = []
    for index, group in enumerate(groups):
        heart, content = _item(group, "CardiacSynchronizationSequence"), _item(group, "FrameContentSequence")
        delay = _numbers(heart.get("NominalCardiacTriggerDelayTime")) if heart is not None else []
        number = _numbers(content.get("TemporalPositionIndex")) if content is not None else []
        moments.append((delay[0] if delay else np.nan, number[0] if number else np.nan, float(index)))
    return moments


def moment_of_file(header: Header) -> tuple[float, ...]:
    """The same of a file with one slice: trigger time in ms, number in time, and what else rises with time."""
    with path_to_read(header.path) as readable:
        reader = gdcm_reader(readable)
        reader.ReadImageInformation()
        values = [_value(reader, tag) for tag in (_TRIGGER_TIME, _TEMPORAL_POSITION, *_TIMES_OF_DAY)]
    number = np.nan if header.number is None else float(header.number)
    return values[0], values[1], next((value for value in values[2:] if np.isfinite(value)), np.nan), number


def volumes_over_time(
    planes: Sequence[Plane], moments: Sequence[tuple[float, ...]], of: str
) -> tuple[list[list[int]], tuple[float, ...] | None]:
    """Which slices form the volume of each time point: of every place, the first in time, then the second ...

    The first entry of the moments that every slice has, and that tells the slices of one place apart, decides.

    Args:
        planes: of each slice, all of them placed.
        moments: of each slice; the first entry is a trigger time in ms, NaN where it is not stated.
        of: what has these slices, for messages.

    Returns:
        Indices of the slices of each time point, and the time points in seconds, ``None`` where they are not stated.

    Raises:
        EngineError: FRAMES_MISSING.
    """
    places: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, plane in enumerate(planes):
        key = np.concatenate([plane.position, 100 * plane.directions.ravel()]) / (10 * _SAME_PLACE_MM)
        places[tuple(np.rint(key).astype(int).tolist())].append(index)
    counts = sorted({len(members) for members in places.values()})
    if len(counts) > 1:
        raise EngineError(
            "FRAMES_MISSING",
            f"The slice positions of {of} have {counts[0]} to {counts[-1]} time points each; some are missing.",
            "Export the sequence again, or give each time point as a volume of its own.",
        )
    by = _deciding(list(places.values()), moments)
    ordered = [sorted(members, key=lambda index: moments[index][by]) for members in places.values()]
    volumes = [list(members) for members in zip(*ordered, strict=True)]
    if by != 0:
        return volumes, None
    times = [float(np.mean([moments[index][0] for index in members])) / 1000 for members in volumes]
    return volumes, tuple(times) if (np.diff(times) > 0).all() else None


def _deciding(places: list[list[int]], moments: Sequence[tuple[float, ...]]) -> int:
    for entry in range(len(moments[0])):
        if all(len({moments[index][entry] for index in members if np.isfinite(moments[index][entry])}) == len(members)
               for members in places):  # fmt: skip
            return entry
    return len(moments[0]) - 1


def _item(group: Any, name: str) -> Any:
    items = group.get(name)
    return items[0] if items else None


def _numbers(value: Any) -> list[float]:
    """Of an element with one or several values; none if it is absent or no number."""
    if value is None or value == "":
        return []
    try:
        found = [float(one) for one in (value if not isinstance(value, str | float | int) else [value])]
    except TypeError:
        found = [float(value)]
    except ValueError:
        return []
    return found if all(map(np.isfinite, found)) else []


def _value(reader: sitk.ImageFileReader, tag: str) -> float:
    try:
        return float(reader.GetMetaData(tag).strip(" \0")) if reader.HasMetaDataKey(tag) else np.nan
    except ValueError:
        return np.nan
