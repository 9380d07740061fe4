"""When a result is not to be relied on, and that every reader of a report is told the same."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.stand_ins import predict
from helpers.synthetic_images import blocks
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.inference.reliability import UNRELIABLE, reasons_of, reliability


def test_a_result_with_harmless_warnings_only_is_reliable():
    assert reliability(["LOW_CONFIDENCE", "TOUCHES_BORDER", "MODEL_OUTDATED"]) == {"reliable": True, "reasons": []}


def test_the_reasons_are_the_grave_warnings_each_once_the_gravest_first():
    codes = ["NOTHING_SEGMENTED", "TOUCHES_BORDER", "OUT_OF_DISTRIBUTION", "NOTHING_SEGMENTED"]
    assert reliability(codes) == {"reliable": False, "reasons": ["OUT_OF_DISTRIBUTION", "NOTHING_SEGMENTED"]}


def test_a_report_of_an_earlier_version_is_judged_by_its_warnings():
    assert reasons_of({"warnings": [{"code": "SAME_PHASE"}, {"code": "BATCH_HALVED"}]}) == ["SAME_PHASE"]
    assert reasons_of({"warnings": [{"code": "SAME_PHASE"}], "reasons": []}) == []
    assert reasons_of({}) == []


@pytest.mark.parametrize(
    ("voxels", "reasons"),
    [
        (blocks(), []),
        (np.zeros_like(blocks()) + np.arange(22, dtype=np.uint8), ["NOTHING_SEGMENTED"]),
        (np.where(blocks() > 127, 1000, -1000).astype(np.int16), ["OUT_OF_DISTRIBUTION"]),
    ],
    ids=["usual", "nothing segmented", "a CT for an MR model"],
)
def test_the_report_says_whether_it_may_be_relied_on(monkeypatch, voxels, reasons):
    report = predict(monkeypatch, image_from_array(voxels, np.eye(4), "x"), modality="MR").report
    assert [code for code in report["reasons"] if code != "UNUSUAL_INTENSITIES"] == reasons
    assert report["reliable"] is (not report["reasons"])
    assert set(report["reasons"]) == {row["code"] for row in report["warnings"]} & set(UNRELIABLE)
