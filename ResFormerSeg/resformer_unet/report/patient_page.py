"""The page of a patient's heart: diagnosis, cardiac function, and pictures of both phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from resformer_unet import NOT_FOR_CLINICAL_USE
from resformer_unet.cardiac.function_parameters import MYOCARDIAL_DENSITY
from resformer_unet.report import sections
from resformer_unet.report.page import made_on, software, template
from resformer_unet.report.page_pictures import page_pictures, why_no_picture
from resformer_unet.report.page_warnings import patient_warnings
from resformer_unet.report.patient_case import PHASES, PatientCase

TEMPLATE = "patient_page.html.j2"
TITLE = "Heart: cardiac function and diagnosis"


def make_patient_page(
    case: PatientCase, identity: Sequence[tuple[str, str]] | None = None, day: date | None = None
) -> str:
    """The page as text; see :func:`.make_page`."""
    first, second = case.phases
    return template(TEMPLATE).render(
        title=TITLE,
        made=made_on(day),
        notice=NOT_FOR_CLINICAL_USE,
        warnings=patient_warnings(case, names_allowed=identity is not None),
        identity=identity,
        diagnosis=sections.diagnosis(case.diagnosed) if case.patient["diagnosis"] else None,
        function=_function(case.patient["cardiac_function"]),
        phases=[
            {
                "name": name,
                "pictures": page_pictures(phase),
                "no_picture": why_no_picture(phase),
                "segments": {**sections.segments(phase), **({} if phase is first else {"sentences": []})},
            }
            for name, phase in zip(PHASES, (first, second), strict=True)
        ],
        model=sections.model(first),
        limits=first.bundle.descriptor["limits"] if first.bundle else [],
        software=software(first.report),
    )


def _function(parameters: Mapping[str, float] | None) -> dict:
    """Column heads, rows of texts, and sentences."""
    if parameters is None:
        return {"head": [], "rows": [], "sentences": ["It cannot be calculated from the changed segments."]}
    sides, none = ("lv", "rv"), sections.NONE
    volumes = {"End-diastolic volume": "edv_ml", "End-systolic volume": "esv_ml", "Stroke volume": "sv_ml"}
    rows = [[name, *(f"{parameters[f'{side}{key}']:.0f} ml" for side in sides)] for name, key in volumes.items()]
    rows.append(["Ejection fraction", *(f"{100 * parameters[f'{side}ef']:.0f} %" for side in sides)])
    rows.append(["Mass of the myocardium", f"{parameters['lv_mass_g']:.0f} g", none])
    for key, phase in (("ed", "end-diastole"), ("es", "end-systole")):
        largest, mean = (parameters[f"wall_thickness_{key}_{what}_mm"] for what in ("max", "mean"))
        rows.append([f"Wall thickness at {phase}", f"{largest:.1f} mm (mean {mean:.1f} mm)", none])
    return {
        "head": ["", "Left ventricle", "Right ventricle"],
        "rows": rows,
        "sentences": [
            "Volumes by summation of slices; which slices at the base belong to a ventricle matters most. The mass is "
            f"that at end-diastole, at {MYOCARDIAL_DENSITY} g/ml. The wall thickness is the mean around the "
            "circumference of a slice: of the slice where it is largest and, in brackets, of all slices."
        ],
    }
