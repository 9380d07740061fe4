"""The engine from Python answers as it always did, with either of its two engines."""

from __future__ import annotations

import numpy as np
import pytest

from golden.cases import golden_cases
from golden.engine_entrance import engine_figures, engine_patient_figures, engine_report_and_segments
from golden.figures import differences, expected, patient_differences

with_each_engine = pytest.mark.parametrize("device", ["cpu:onnx", "cpu:torch"])
of_each_case = pytest.mark.parametrize("name", golden_cases())


@with_each_engine
@of_each_case
def test_an_image_is_shaped_and_diagnosed_as_before(name: str, device: str):
    case = golden_cases()[name]
    found = differences(engine_figures(case, device), case)
    assert not found, "\n".join(found)


@with_each_engine
@of_each_case
def test_the_report_tells_what_the_segments_are(name: str, device: str):
    report, segments = engine_report_and_segments(name, device)
    for row in report["segments"]:
        shape = segments[row["id"]]
        assert row["voxels"] == shape.voxels
        centre = None if golden_cases()[name].is_picture else shape.centre
        assert row["center_lps"] == (None if centre is None else pytest.approx(centre, abs=1e-6))


@with_each_engine
def test_a_patient_is_diagnosed_as_before(device: str):
    found = patient_differences(engine_patient_figures(device))
    assert not found, "\n".join(found)


@of_each_case
def test_every_segment_lies_away_from_the_middle(name: str):
    """Else a mirror image would go unnoticed."""
    case = golden_cases()[name]
    middle = (np.array(case.voxels.shape[2::-1]) - 1) / 2
    for segment in expected(name)["segments"].values():
        place = (np.linalg.inv(case.affine) @ [*segment["centre"], 1])[:3]
        assert segment["voxels"] > 100 and (np.abs(place - middle)[:2] > 0.3).all()
