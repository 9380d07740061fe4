"""Whether two images show the two phases of one heart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from resformer_unet.cardiac.function_parameters import volumes_ml

LOWEST_LVEF = 0.03  # the lowest of ACDC's 100 training patients is 0.10
LARGEST_DISTANCE_MM = 30.0  # between the left ventricle's centroids in both phases; ACDC's are at most 14 mm apart
SAME_GRID_MM = 1e-3  # by which voxels may differ


def phase_warnings(diastole: Mapping, systole: Mapping) -> list[dict]:
    """Whether two reports are unlikely to be of the two phases of one heart, as rows with ``code`` and ``message``.

    Reports without ``grid`` or ``center_lps``, as older versions wrote them, are judged by what they contain.

    Raises:
        EngineError: HEART_NOT_FOUND if a ventricle or the myocardium is missing.
    """
    names = f"“{diastole['case']}” and “{systole['case']}”"
    lvef = 1 - volumes_ml(systole)["lv"] / volumes_ml(diastole)["lv"]
    if lvef < LOWEST_LVEF:
        message = (
            f"The left ventricle has nearly the same volume in {names}: an ejection fraction of {100 * lvef:.0f} % is "
            "implausible. Both images probably show the same phase; choose end-diastole and end-systole."
        )
        return [{"code": "SAME_PHASE", "message": message}]
    distance = _distance_mm(diastole, systole)
    if _same_grid(diastole, systole) and distance <= LARGEST_DISTANCE_MM:
        return []
    reason = "differ in matrix size, voxel size or orientation"
    if distance > LARGEST_DISTANCE_MM:
        reason = f"show left ventricles that lie {distance:.0f} mm apart"
    message = (
        f"{names} {reason}: they may be of different patients or examinations. Check that they belong together; "
        "otherwise cardiac function parameters and diagnosis are invalid."
    )
    return [{"code": "PHASES_MISMATCH", "message": message}]


def _distance_mm(first: Mapping, second: Mapping) -> float:
    centres = [row.get("center_lps") for report in (first, second) for row in report["segments"] if row["id"] == "lv"]
    return 0.0 if None in centres else float(np.linalg.norm(np.subtract(*centres)))


def _same_grid(first: Mapping, second: Mapping) -> bool:
    """Whether matrix size, voxel size and directions agree; the position may have been changed by hand."""
    one, other = first.get("grid"), second.get("grid")
    if not (one and other):
        return True
    directions = [np.array(grid["affine_lps"])[:3, :3] for grid in (one, other)]
    return one["size"] == other["size"] and np.allclose(*directions, rtol=0, atol=SAME_GRID_MM)
