"""Ventricular volumes over the cardiac cycle, and the phases that are found from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from resformer_unet.cardiac.function_parameters import SEGMENTS
from resformer_unet.errors import EngineError

FEW_FRAMES = 10  # below, the largest and the smallest volume are easily missed
_KEPT = ("model", "segments", "grid", "slice_axis", "warnings", "reliable", "reasons")
_SPIKE = 0.3  # share of the stroke by which one frame may differ from both of its neighbours
_LEAST_FOR_SPIKES, _LEAST_FOR_BEATS = 8, 5  # frames
_HIGH, _LOW = 2 / 3, 1 / 3  # of the stroke: from above the one to below the other is a contraction
_RETURN = 0.5  # share of the stroke by which the last frame may differ from the first
_BEAT_S = (0.3, 2.0)  # 200 and 30 beats a minute


def heart_report(report: Mapping, case: str) -> dict:
    """What the evaluation of a cine needs of a frame's report; small enough to keep for hundreds of frames.

    Args:
        case: how messages call the frame.
    """
    kept = {name: report[name] for name in _KEPT if name in report}
    return {**kept, "case": case, "slices": [{"area_mm2": row["area_mm2"]} for row in report["slices"]]}


def volume_curves(reports: Sequence[Mapping | None]) -> dict[str, np.ndarray]:
    """Volume of each ventricle and of the myocardium in ml, float (frames,); NaN where it was not found or a frame
    failed.

    Args:
        reports: of each frame in order of time; ``None`` for a frame that has none.
    """
    curves = {name: np.full(len(reports), np.nan) for name in SEGMENTS}
    for index, report in enumerate(reports):
        for row in report["segments"] if report else ():
            if row["id"] in curves and row["volume_mm3"]:
                curves[row["id"]][index] = row["volume_mm3"] / 1000
    return curves


def spikes(volumes: np.ndarray) -> list[int]:
    """Frames whose volume stands out from both neighbours further than a heart moves: a failed segmentation."""
    known = np.flatnonzero(np.isfinite(volumes))
    if len(known) < _LEAST_FOR_SPIKES:
        return []
    curve = volumes[known]
    stroke = np.percentile(curve, 90) - np.percentile(curve, 10)
    before, after = np.roll(curve, 1), np.roll(curve, -1)  # a cine is a cycle
    away = np.minimum(np.abs(curve - before), np.abs(curve - after))
    same_side = (curve - before) * (curve - after) > 0
    return known[same_side & (away > _SPIKE * stroke)].tolist()


def find_phases(lv_ml: np.ndarray) -> tuple[int, int]:
    """The frames of end-diastole and end-systole: the largest and the smallest left ventricle.

    Frames that :func:`spikes` names, and those without a left ventricle, are left out.

    Raises:
        EngineError: HEART_NOT_FOUND if fewer than two frames show the left ventricle, HEART_NOT_BEATING if all show
            the same volume.
    """
    curve = lv_ml.astype(float)
    curve[spikes(lv_ml)] = np.nan
    if np.isfinite(curve).sum() < 2:
        raise EngineError(
            "HEART_NOT_FOUND",
            "Fewer than two frames show a left ventricle of known volume.",
            "Give a short-axis cine of the whole heart whose voxel size is known.",
        )
    if np.nanmax(curve) == np.nanmin(curve):
        raise EngineError(
            "HEART_NOT_BEATING",
            "The left ventricle has the same volume in all frames.",
            "Give a short-axis cine over a whole heart beat.",
        )
    return int(np.nanargmax(curve)), int(np.nanargmin(curve))


def curve_warnings(curves: Mapping[str, np.ndarray], frames: Sequence[int], times_s: Sequence[float] | None) -> list:
    """Whether the curve of the left ventricle is not that of one heart beat, as rows with ``code`` and ``message``.

    Args:
        curves: of :func:`volume_curves`.
        frames: the numbers of the frames, for messages.
        times_s: of the frames; ``None`` if unknown.
    """
    lv, found = curves["lv"], []
    missing = [frames[index] for index in np.flatnonzero(~np.isfinite(lv))]
    if missing:
        found.append(("FRAMES_WITHOUT_HEART", f"The left ventricle was not found in {_named(missing)}."))
    odd = spikes(lv)
    if odd:
        message = (
            f"The left ventricle's volume stands out in {_named([frames[index] for index in odd])} as no heart does; "
            "end-diastole and end-systole were looked for in the other frames."
        )
        found.append(("CURVE_UNEVEN", message))
    kept = np.delete(lv, odd)
    reasons = _not_one_beat(kept[np.isfinite(kept)], times_s)
    if reasons:
        message = (
            f"The volume curve is not that of one heart beat: {'; '.join(reasons)}. End-diastole and end-systole may "
            "be wrong; check them, and choose them yourself if need be."
        )
        found.append(("CURVE_NOT_ONE_BEAT", message))
    if 2 < len(lv) < FEW_FRAMES:
        message = f"With only {len(lv)} frames, the largest and the smallest volume may lie between two of them."
        found.append(("FEW_FRAMES", message))
    return [{"code": code, "message": message} for code, message in found]


def _not_one_beat(curve: np.ndarray, times_s: Sequence[float] | None) -> list[str]:
    reasons = []
    if times_s is not None and len(times_s) > 2:
        length = (times_s[-1] - times_s[0]) * len(times_s) / (len(times_s) - 1)
        if not _BEAT_S[0] <= length <= _BEAT_S[1]:
            reasons.append(f"its frames cover {length:.2g} s")
    if len(curve) < _LEAST_FOR_BEATS or np.ptp(curve) == 0:
        return reasons
    level = (curve - curve.min()) / np.ptp(curve)
    if (count := _contractions(level)) > 1:
        reasons.append(f"the left ventricle contracts {count} times")
    if abs(level[0] - level[-1]) > _RETURN:
        reasons.append("the last volume is far from the first")
    return reasons


def _contractions(level: np.ndarray) -> int:
    """How often a cyclic curve from 0 to 1 goes from above _HIGH to below _LOW."""
    states = [value > 0.5 for value in np.roll(level, -int(level.argmax())) if value > _HIGH or value < _LOW]
    return sum(before and not after for before, after in zip(states, states[1:], strict=False))


def _named(frames: Sequence[int]) -> str:
    return f"frame{'s' * (len(frames) > 1)} {', '.join(map(str, frames))}"
