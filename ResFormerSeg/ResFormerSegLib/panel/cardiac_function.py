"""The cardiac function parameters of a patient, as rich text."""

from __future__ import annotations

import html

from slicer.i18n import tr as _


def measuresText(patient: dict) -> str:
    """patient: see `PatientResult`; parameters missing in one of another version are shown as a dash."""
    measures = patient["measures"]
    rows = [
        ("", _("Left ventricle"), _("Right ventricle")),
        (
            _("End-diastolic volume"),
            _figure(measures, "lv_volume_ml", _("{value:.0f} ml")),
            _figure(measures, "rv_volume_ml", _("{value:.0f} ml")),
        ),
        (
            _("Ejection fraction"),
            _figure(measures, "lv_ejection_fraction", _("{value:.0f} %"), 100),
            _figure(measures, "rv_ejection_fraction", _("{value:.0f} %"), 100),
        ),
    ]
    cells = ["".join(f"<td style='padding-right: 12px'>{html.escape(cell)}</td>" for cell in row) for row in rows]
    wall = _("Maximum end-diastolic wall thickness: {thickness} (mean of the slice).").format(
        thickness=_figure(measures, "wall_diastole_max_mm", _("{value:.1f} mm"))
    )
    phases = _("End-diastole: “{first}”. End-systole: “{second}”.").format(
        first=patient["cases"][0], second=patient["cases"][1]
    )
    table = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table cellspacing='0'>{table}</table>{html.escape(wall)}<br>{html.escape(phases)}"


def _figure(measures: dict, name: str, text: str, factor: float = 1) -> str:
    value = measures.get(name)
    return "–" if value is None else text.format(value=factor * value)
