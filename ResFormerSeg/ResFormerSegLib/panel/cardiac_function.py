"""The cardiac function parameters of a patient, as rich text."""

from __future__ import annotations

import html

from slicer.i18n import tr as _

from ResFormerSegLib.texts import withUnbrokenUnits


def cardiacFunctionText(patient: dict, names: list[str] | None = None) -> str:
    """patient: see `PatientResult`; parameters missing in one of another version are shown as a dash.

    names: of the volumes as they are named now, end-diastole first; else those of the run.
    """
    parameters = patient["cardiac_function"]
    rows = [
        ("", _("Left ventricle"), _("Right ventricle")),
        (
            _("End-diastolic volume"),
            _parameter(parameters, "lvedv_ml", _("{value:.0f} ml")),
            _parameter(parameters, "rvedv_ml", _("{value:.0f} ml")),
        ),
        (
            _("Ejection fraction"),
            _parameter(parameters, "lvef", _("{value:.0f} %"), 100),
            _parameter(parameters, "rvef", _("{value:.0f} %"), 100),
        ),
    ]
    cells = ["".join(f"<td style='padding-right: 12px'>{html.escape(cell)}</td>" for cell in row) for row in rows]
    wall = _("Maximum end-diastolic wall thickness: {thickness} (mean of the slice).").format(
        thickness=_parameter(parameters, "wall_thickness_ed_max_mm", _("{value:.1f} mm"))
    )
    first, second = names or patient["cases"]
    phases = _("End-diastole: “{first}”. End-systole: “{second}”.").format(first=first, second=second)
    table = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table cellspacing='0'>{table}</table>{html.escape(wall)}<br>{html.escape(phases)}"


def _parameter(parameters: dict, name: str, text: str, factor: float = 1) -> str:
    value = parameters.get(name)
    return "–" if value is None else withUnbrokenUnits(text.format(value=factor * value))
