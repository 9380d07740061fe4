"""Whether the slices at the heart's base agree: between the phases, from frame to frame, and between the ventricles.

The basal slice holds a large part of a ventricle's volume; whether it belongs to the ventricle or to the atrium is the
largest source of error in volumes from short-axis slices. From end-diastole to end-systole the base moves towards the
apex, by 12 to 15 mm in healthy hearts, so that the ventricle is seen in one or two slices less, never in more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

MOST_MM = 20.0  # that the base moves from end-diastole to end-systole
_JUMP_MM = 10.0  # that it moves from one frame to the next


def basal_warnings(
    reports: Sequence[Mapping | None], frames: Sequence[int], end_diastole: int, end_systole: int
) -> list[dict]:
    """Rows with ``code`` and ``message``; none for reports of a single slice.

    Args:
        reports: of each frame, with ``slices`` and, for lengths, ``grid`` and ``slice_axis``.
        frames: the numbers of the frames, for messages.
        end_diastole, end_systole: indices into ``reports``.
    """
    diastole = reports[end_diastole]
    if len(diastole["slices"]) < 3:
        return []
    step = _slice_mm(diastole)
    sign = _towards_the_base(diastole)
    bases = [None if report is None else _base(report, "lv", sign) for report in reports]
    reasons = []
    moved = bases[end_diastole] - bases[end_systole]
    if moved < 0:
        further = f"{-moved} slice{'s' * (moved < -1)} further towards the base"
        reasons.append(f"at end-systole the left ventricle reaches {further} than at end-diastole")
    elif moved * step > MOST_MM and moved > 1:
        reasons.append(f"the left ventricle's base moves by {moved * step:.0f} mm between end-diastole and end-systole")
    known = [(frames[index], base) for index, base in enumerate(bases) if base is not None]
    jumps = [
        after[0]
        for before, after in zip(known, known[1:], strict=False)
        if abs(after[1] - before[1]) > 1 and abs(after[1] - before[1]) * step > _JUMP_MM
    ]
    if jumps and len(reports) > 2:
        reasons.append(f"the basal slice jumps at frame{'s' * (len(jumps) > 1)} {', '.join(map(str, jumps))}")
    right = _base(diastole, "rv", sign)
    if right is not None and abs(right - bases[end_diastole]) * step > MOST_MM:
        reasons.append("at end-diastole the ventricles end in different slices")
    if not reasons:
        return []
    message = (
        f"The slices at the heart's base disagree: {'; '.join(reasons)}. Check there what was taken as ventricle; "
        "volumes may be wrong by a whole slice."
    )
    return [{"code": "BASAL_SLICES_DISAGREE", "message": message}]


def _towards_the_base(report: Mapping) -> int:
    """1 where the base is at the last slices, -1 where it is at the first: the heart is wider there."""
    areas = np.array([row["area_mm2"]["lv"] + row["area_mm2"]["myocardium"] for row in report["slices"]])
    occupied = areas[areas > 0]
    half = max(1, len(occupied) // 2)
    return 1 if occupied[-half:].sum() >= occupied[:half].sum() else -1


def _base(report: Mapping, segment: str, sign: int) -> int | None:
    """Index of the slice nearest to the base that shows a segment, counted towards the base."""
    found = [sign * index for index, row in enumerate(report["slices"]) if row["area_mm2"][segment]]
    return max(found, default=None)


def _slice_mm(report: Mapping) -> float:
    grid, axis = report.get("grid"), report.get("slice_axis")
    if not (grid and axis):
        return 10.0  # the usual distance of short-axis slices
    return float(np.linalg.norm(np.array(grid["affine_lps"])[:3, 2 - axis["array_axis"]]))
