"""The cardiac function parameters of a patient, as rich text."""

from __future__ import annotations

import html

from slicer.i18n import tr as _

from ResFormerSegLib.texts import SPACE, withUnbrokenUnits


def cardiacFunctionText(heart: dict, names: list[str] | None = None) -> str:
    """heart: `patient` of a `PatientResult`, or `heart` of a `SequenceResult`. Parameters that one of another version
    lacks are shown as a dash. With height and weight of the patient, volumes and mass are also given per m² of body
    surface.

    names: of the volumes as they are named now, end-diastole first; else those of the run.
    """
    parameters, indexed = heart["cardiac_function"], heart.get("indexed") or {}
    volume, mass = (_("{value:.0f} ml"), _("{value:.0f} ml/m²")), (_("{value:.0f} g"), _("{value:.0f} g/m²"))
    sides = ("lv", "rv")
    rows = [
        ("", _("Left ventricle"), _("Right ventricle")),
        (_("End-diastolic volume"), *(_size(parameters, indexed, f"{side}edv_ml", *volume) for side in sides)),
        (_("End-systolic volume"), *(_size(parameters, indexed, f"{side}esv_ml", *volume) for side in sides)),
        (_("Stroke volume"), *(_size(parameters, indexed, f"{side}sv_ml", *volume) for side in sides)),
        (_("Ejection fraction"), *(_parameter(parameters, f"{side}ef", _("{value:.0f} %"), 100) for side in sides)),
        (_("Myocardial mass"), _size(parameters, indexed, "lv_mass_g", *mass), ""),
    ]
    cells = ["".join(f"<td style='padding-right: 12px'>{html.escape(cell)}</td>" for cell in row) for row in rows]
    wall = _("Maximum end-diastolic wall thickness: {thickness} (mean of the slice).").format(
        thickness=_parameter(parameters, "wall_thickness_ed_max_mm", _("{value:.1f} mm"))
    )
    first, second = names or heart["cases"]
    phases = _("End-diastole: “{first}”. End-systole: “{second}”.").format(first=first, second=second)
    table = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table cellspacing='0'>{table}</table>{html.escape(wall)}<br>{html.escape(phases)}"


def _size(parameters: dict, indexed: dict, name: str, text: str, indexedText: str) -> str:
    """A volume or a mass, with its indexed value where there is one."""
    own, perArea = _parameter(parameters, name, text), indexed.get(f"{name}_m2")
    return own if perArea is None else f"{own} ({indexedText.format(value=perArea).replace(' ', SPACE)})"


def _parameter(parameters: dict, name: str, text: str, factor: float = 1) -> str:
    value = parameters.get(name)
    return "–" if value is None else withUnbrokenUnits(text.format(value=factor * value))
