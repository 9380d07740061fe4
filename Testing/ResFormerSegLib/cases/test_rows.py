"""The rows of the list: their order by each column, their texts, and the table for other programs."""

import csv
import io

import pytest

from resformer_unet.batch.case_row import CaseRow, SegmentSize, case_row


def facts(name: str, probability=0.9, uncertainty=0.2, reasons=(), alerts=(), volume=1000.0, seconds=1.0) -> CaseRow:
    size = SegmentSize("Tumour", 10, volume, None)
    warnings = tuple({"code": code, "message": f"{code}!"} for code in reasons)
    doubts = {"reasons": tuple(reasons), "alerts": tuple(alerts), "warnings": warnings}
    made = {"seconds": seconds, "model": "m", "model_version": "1", **doubts}
    return CaseRow(name, "a", "Glioma", probability, uncertainty, (size,), **made)


@pytest.fixture
def rows(bed, module):
    from ResFormerSegLib.cases.row import DONE, FAILED, Row
    from ResFormerSegLib.errors import ResFormerSegError

    def row(number: int, state=DONE, **given) -> Row:
        name = f"c{number}"
        return Row(name, number, None, state, name, facts(name, **given) if state == DONE else None)

    made = [
        row(0, uncertainty=0.9, volume=5.0),
        row(1, FAILED),
        row(2, uncertainty=0.1, reasons=("OUT_OF_DISTRIBUTION",), seconds=9.0),
        row(3, uncertainty=0.95, alerts=("Melanoma is not excluded.",), probability=0.4),
        row(4),
    ]
    made[1].error = ResFormerSegError("CORRUPT_IMAGE", "It is damaged.", "Copy it again.")
    return made


@pytest.mark.parametrize(
    ("column", "descending", "order"),
    [
        ("", False, [0, 1, 2, 3, 4]),
        ("uncertainty", True, [2, 3, 0, 4, 1]),  # what is not reliable is the least certain
        ("uncertainty", False, [4, 0, 3, 2, 1]),
        ("alerts", True, [3, 2, 0, 4, 1]),
        ("probability", False, [3, 0, 2, 4, 1]),
        ("segments", False, [0, 2, 3, 4, 1]),
        ("seconds", True, [2, 0, 3, 4, 1]),
        ("warnings", True, [2, 0, 3, 4, 1]),
        ("diagnosis", True, [2, 0, 3, 4, 1]),
        ("title", True, [4, 3, 2, 1, 0]),
    ],
)
def test_each_column_sorts_and_failed_cases_come_last(rows, column, descending, order):
    from ResFormerSegLib.cases.row import sortedRows

    assert [row.number for row in sortedRows(rows[::-1], column, descending)] == order


def test_an_unreliable_result_does_not_look_like_one(rows):
    from ResFormerSegLib.cases.row import textOf, toolTipTextOf

    assert textOf(rows[2], "diagnosis") == "Not reliable (Glioma)" and "OUT_OF_DISTRIBUTION!" in toolTipTextOf(rows[2])
    assert textOf(rows[1], "diagnosis") == "Failed" and toolTipTextOf(rows[1]) == "It is damaged. Copy it again."
    assert textOf(rows[3], "alerts") == "Melanoma is not excluded." and textOf(rows[4], "uncertainty") == "0.20"
    assert textOf(rows[0], "segments").startswith("Tumour 0.005")


def test_the_table_for_other_programs_has_numbers_in_the_order_given(rows):
    from ResFormerSegLib.cases.logic import csvOf

    rows[4].case = "=1+1"
    read = list(csv.DictReader(io.StringIO(csvOf([rows[3], rows[1], rows[4]]))))
    assert [row["case"] for row in read] == ["c3", "c1", "'=1+1"]
    assert read[0]["probability"] == "0.4" and read[0]["Tumour mm3"] == "1000.0" and read[0]["Tumour mm2"] == ""
    assert read[0]["alerts"] == "Melanoma is not excluded." and read[0]["reliable"] == "yes"
    assert read[1]["state"] == "failed" and read[1]["message"] == "It is damaged. Copy it again."


def test_the_uncertainty_is_the_entropy_of_the_probabilities():
    def report(*values) -> dict:
        probabilities = {str(number): value for number, value in enumerate(values)}
        diagnosis = {"label": "0", "name": "A", "probability": values[0], "probabilities": probabilities}
        return {
            "case": "x", "diagnosis": diagnosis, "segments": [], "slices": [], "warnings": [],
            "model": {"id": "m", "version": "1"},
        }  # fmt: skip

    assert case_row(report(0.5, 0.5)).uncertainty == pytest.approx(1)
    assert case_row(report(1.0, 0.0)).uncertainty == 0 and case_row(report(1.0)).uncertainty == 0
    assert case_row(report(0.7, 0.2, 0.1)).uncertainty == pytest.approx(0.7298, abs=1e-4)
    assert case_row({"case": "of a sequence"}) is None
