"""Cardiac function parameters from the segmentations of a heart at end-diastole and at end-systole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from resformer_unet.errors import EngineError

# Ids of the segments that the parameters are calculated from, and their names in messages.
SEGMENTS = {"rv": "the right ventricle", "myocardium": "the myocardium", "lv": "the left ventricle"}
MYOCARDIAL_DENSITY = 1.05  # g/ml


def cardiac_function(diastole: Mapping, systole: Mapping) -> dict[str, float]:
    """Cardiac function parameters of the reports of two predictions, of end-diastole (ED) and end-systole (ES).

    Volumes by summation of slices. The wall thickness of a slice is the mean around its circumference: the difference
    between the radii of two discs, one with the area of left ventricle and myocardium, one with that of the left
    ventricle alone.

    Returns:
        End-diastolic, end-systolic and stroke volume of the left ventricle, ``lvedv_ml``, ``lvesv_ml``, ``lvsv_ml``,
        and its ejection fraction ``lvef``, 0 to 1; the same of the right ventricle, ``rvedv_ml`` ...; the mass of the
        left ventricular myocardium at end-diastole, ``lv_mass_g``; the largest and the mean wall thickness of the
        slices in both phases, ``wall_thickness_ed_max_mm``, ``wall_thickness_ed_mean_mm``, ``wall_thickness_es_max_mm``
        and ``wall_thickness_es_mean_mm``.

    Raises:
        EngineError: HEART_NOT_FOUND if a ventricle or the myocardium is missing in one of the images.
    """
    ed, es = volumes_ml(diastole), volumes_ml(systole)
    wall_ed, wall_es = _wall_thickness_mm(diastole), _wall_thickness_mm(systole)
    return {
        **_ventricle("lv", ed["lv"], es["lv"]),
        **_ventricle("rv", ed["rv"], es["rv"]),
        "lv_mass_g": MYOCARDIAL_DENSITY * ed["myocardium"],
        "wall_thickness_ed_max_mm": float(wall_ed.max()),
        "wall_thickness_ed_mean_mm": float(wall_ed.mean()),
        "wall_thickness_es_max_mm": float(wall_es.max()),
        "wall_thickness_es_mean_mm": float(wall_es.mean()),
    }


def end_diastole_first(reports: Sequence[Mapping]) -> list[Mapping]:
    """Reports of one heart by the volume of the left ventricle, the largest first.

    Raises:
        EngineError: HEART_NOT_FOUND.
    """
    return sorted(reports, key=lambda report: -volumes_ml(report)["lv"])


def volumes_ml(report: Mapping) -> dict[str, float]:
    """Volume of each segment of a report, by its id.

    Raises:
        EngineError: HEART_NOT_FOUND if a ventricle or the myocardium is missing.
    """
    volumes = {row["id"]: (row["volume_mm3"] or 0) / 1000 for row in report["segments"]}
    missing = [text for name, text in SEGMENTS.items() if not volumes.get(name)]
    if missing:
        raise EngineError(
            "HEART_NOT_FOUND",
            f"In {report['case']}, {' and '.join(missing)} could not be found, or the voxel size is unknown.",
            "Give short-axis volumes of the whole heart at end-diastole and end-systole.",
        )
    return volumes


def _ventricle(name: str, edv: float, esv: float) -> dict[str, float]:
    return {f"{name}edv_ml": edv, f"{name}esv_ml": esv, f"{name}sv_ml": edv - esv, f"{name}ef": 1 - esv / edv}


def _wall_thickness_mm(report: Mapping) -> np.ndarray:
    """Mean thickness of the myocardium in each slice that shows it around the left ventricle."""
    areas = np.array([[row["area_mm2"]["lv"], row["area_mm2"]["myocardium"]] for row in report["slices"]])
    cavity, myocardium = areas[(areas > 0).all(1)].T
    if not cavity.size:
        raise EngineError(
            "HEART_NOT_FOUND",
            f"No slice of {report['case']} shows the left ventricle with myocardium around it.",
            "Give short-axis volumes of the whole heart at end-diastole and end-systole.",
        )
    return np.sqrt((cavity + myocardium) / np.pi) - np.sqrt(cavity / np.pi)
