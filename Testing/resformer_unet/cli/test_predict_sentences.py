"""What ``resformer-unet predict`` says of a result: one line, and a line for each alert and warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from resformer_unet.batch.cases import Outcome
from resformer_unet.cli.predict import _print_outcome


def outcome(*codes: str, alerts: tuple[str, ...] = (), diagnosis: bool = True) -> Outcome:
    found = {"name": "Nevus", "probability": 0.823, "alerts": [{"text": text} for text in alerts]}
    report = {
        "case": "mole",
        "diagnosis": found if diagnosis else None,
        "segments": [{"name": "Lesion", "voxels": 7, "volume_mm3": None}],
        "warnings": [{"code": code, "message": f"Because of {code}."} for code in codes],
    }
    return Outcome(Path("mole.png"), report, "mole", 1.0)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (outcome("TOUCHES_BORDER"), "mole: Nevus (probability 0.82), lesion 7 pixels"),
        (
            outcome("NOTHING_SEGMENTED", "OUT_OF_DISTRIBUTION"),
            "mole: NOT RELIABLE (OUT_OF_DISTRIBUTION, NOTHING_SEGMENTED), model output Nevus (probability 0.82), "
            "lesion 7 pixels",
        ),
        (outcome(diagnosis=False), "mole: lesion 7 pixels"),
        (outcome("DIMENSION_MISMATCH", diagnosis=False), "mole: NOT RELIABLE (DIMENSION_MISMATCH), lesion 7 pixels"),
    ],
    ids=["reliable", "flagged", "no diagnosis", "no diagnosis, flagged"],
)
def test_a_flagged_result_does_not_begin_with_a_diagnosis(capsys, given, line):
    _print_outcome(given, debug=False)
    said = capsys.readouterr()
    assert said.out == line + "\n"
    assert said.err.splitlines() == [f"  warning: {row['message']}" for row in given.result["warnings"]]


def test_alerts_are_part_of_the_result_and_warnings_are_not(capsys):
    _print_outcome(outcome("LOW_CONFIDENCE", alerts=("Melanoma not excluded.",)), debug=False)
    printed = capsys.readouterr()
    assert printed.out.endswith("\n  alert: Melanoma not excluded.\n")
    assert printed.err == "  warning: Because of LOW_CONFIDENCE.\n"
