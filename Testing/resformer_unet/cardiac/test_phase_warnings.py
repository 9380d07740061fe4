"""What is said of two images that may not be the two phases of one heart."""

from __future__ import annotations

import pytest

from helpers.tiny_heart import heart_report
from resformer_unet.cardiac.phase_warnings import phase_warnings


def at(report: dict, center: list[float] | None) -> dict:
    """The report with the centroid of its left ventricle."""
    next(row for row in report["segments"] if row["id"] == "lv")["center_lps"] = center
    return report


def test_a_percentage_is_given_of_an_ejection_fraction_that_is_too_low():
    diastole, systole = heart_report("d", 25, 9), heart_report("s", 25, 9)
    systole["segments"][2]["volume_mm3"] *= 0.9752  # an LVEF of 2.48 %
    (row,) = phase_warnings(diastole, systole)
    assert row["code"] == "SAME_PHASE" and "fraction of 2 %" in row["message"]


@pytest.mark.parametrize(("millimetres", "codes"), [(30, []), (31, ["PHASES_MISMATCH"])])
def test_ventricles_may_lie_thirty_millimetres_apart(millimetres, codes):
    diastole = at(heart_report("d", 25, 9), [1.0, 2, 3])
    systole = at(heart_report("s", 17, 12), [1.0, 2, 3 + millimetres])
    found = phase_warnings(diastole, systole)
    assert [row["code"] for row in found] == codes
    assert all(f"{millimetres} mm apart" in row["message"] for row in found)
    assert phase_warnings(diastole, at(systole, None)) == []
