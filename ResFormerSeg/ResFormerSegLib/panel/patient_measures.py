"""The measures of a heart that a cardiologist reads first, as rich text."""

from __future__ import annotations

import html

from slicer.i18n import tr as _


def measuresText(patient: dict) -> str:
    """patient: see `PatientResult`; what one of another version lacks is shown as a dash."""
    measures = patient["cardiac_function"]
    rows = [
        ("", _("Left ventricle"), _("Right ventricle")),
        (
            _("Volume at end-diastole"),
            _figure(measures, "lvedv_ml", _("{value:.0f} ml")),
            _figure(measures, "rvedv_ml", _("{value:.0f} ml")),
        ),
        (
            _("Ejection fraction"),
            _figure(measures, "lvef", _("{value:.0f} %"), 100),
            _figure(measures, "rvef", _("{value:.0f} %"), 100),
        ),
    ]
    cells = ["".join(f"<td style='padding-right: 12px'>{html.escape(cell)}</td>" for cell in row) for row in rows]
    wall = _("Thickest wall at end-diastole: {thickness} (mean around its slice).").format(
        thickness=_figure(measures, "wall_thickness_ed_max_mm", _("{value:.1f} mm"))
    )
    phases = _("End-diastole: “{first}”. End-systole: “{second}”.").format(
        first=patient["cases"][0], second=patient["cases"][1]
    )
    table = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table cellspacing='0'>{table}</table>{html.escape(wall)}<br>{html.escape(phases)}"


def _figure(measures: dict, name: str, text: str, factor: float = 1) -> str:
    value = measures.get(name)
    return "–" if value is None else text.format(value=factor * value)
