"""The DICOM objects of a patient's heart: a segmentation of each phase, and one structured report on both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resformer_unet.errors import EngineError
from resformer_unet.report import provenance
from resformer_unet.report.dicom_objects import (
    STRUCTURED_REPORT,
    checked,
    empty_segments,
    encoded,
    find_source,
    highdicom_errors,
    nothing_to_report,
    private_class,
    segmented,
)
from resformer_unet.report.patient_case import PHASES, PatientCase
from resformer_unet.report.source_images import import_dicom

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SEGMENTATIONS = (".ed.seg.dcm", ".es.seg.dcm")  # what the files of a patient end in
_PHASE_CODES = (
    {"scheme": "SCT", "value": "416190007", "meaning": "End diastole"},
    {"scheme": "SCT", "value": "416430001", "meaning": "End Systole"},
)
_EJECTION_FRACTION = {"scheme": "SCT", "value": "70822001", "meaning": "Cardiac ejection fraction"}
_STROKE_VOLUME = {"scheme": "SCT", "value": "90096001", "meaning": "Stroke Volume"}
# Of each ventricle: its finding site, and its volumes at end-diastole and end-systole (DICOM's CID 3468 and 3469).
_VENTRICLES = {
    "lv": (
        {"scheme": "SCT", "value": "87878005", "meaning": "Left ventricle"},
        {"scheme": "LN", "value": "8821-1", "meaning": "Left Ventricular ED Volume"},
        {"scheme": "LN", "value": "8823-7", "meaning": "Left Ventricular ES Volume"},
    ),
    "rv": (
        {"scheme": "SCT", "value": "53085002", "meaning": "Right ventricle"},
        {"scheme": "LN", "value": "8822-9", "meaning": "Right Ventricular ED Volume"},
        {"scheme": "LN", "value": "8824-5", "meaning": "Right Ventricular ES Volume"},
    ),
}
_MASS = {"scheme": "LN", "value": "18087-7", "meaning": "Left Ventricle Mass"}
_UNITS = {
    unit: {"scheme": "UCUM", "value": unit, "meaning": meaning}
    for unit, meaning in (("mL", "milliliter"), ("%", "Percent"), ("g", "gram"), ("mm", "millimeter"))
}
_WALL = {  # no public code says both phase and kind of mean
    "wall_thickness_ed_max_mm": "Largest wall thickness at end-diastole, mean of a slice",
    "wall_thickness_es_max_mm": "Largest wall thickness at end-systole, mean of a slice",
}


def make_patient_dicom(
    case: PatientCase, files: Sequence[Iterable[Path]], series: Sequence[str | None] = (None, None)
) -> tuple[dict[str, bytes], list[dict[str, str]]]:
    """The files of the objects by what their names end in, and notes; see :func:`.make_dicom`.

    Args:
        files, series: of the source of each phase, end-diastole first.

    Raises:
        EngineError: PHASES_OF_SEVERAL_STUDIES, and those of :func:`.make_dicom`.
    """
    import_dicom()
    from resformer_unet.report.dicom_report import diagnosis_group, report_of_groups, segment_groups

    sources, shown = zip(
        *(find_source(phase, own, uid) for phase, own, uid in zip(case.phases, files, series, strict=True)), strict=True
    )
    found = {header.SOPInstanceUID: header for source in sources for header in source.datasets}
    images = list(found.values())  # both phases may be in one file
    _check_one_study(images)
    if not any(shown) and not case.patient["diagnosis"]:
        raise nothing_to_report()
    made, notes, groups, evidence = {}, [], [], list(images)
    with highdicom_errors():
        for index, (phase, source, name) in enumerate(zip(case.phases, sources, PHASES, strict=True)):
            segmentation = segmented(phase, source, shown[index], name)
            if segmentation is not None:
                made[SEGMENTATIONS[index]] = checked(segmentation, phase, source, shown[index])
            groups += segment_groups(phase, source, segmentation, shown[index], (name, _PHASE_CODES[index]))
            evidence.append(segmentation)
            empty = empty_segments(phase, shown[index])
            notes += [{**row, "message": f"{name}: {row['message']}"} for row in empty]
        groups += _function_groups(case, images)
        if case.patient["diagnosis"]:
            groups.append(diagnosis_group(case.diagnosed, images))
        made[STRUCTURED_REPORT] = encoded(report_of_groups(case.phases[0].report, groups, evidence))
    return made, [*notes, *private_class(case.patient["diagnosis"])]


def _check_one_study(images: Sequence[Dataset]) -> None:
    if len({(str(header.StudyInstanceUID), str(header.PatientID)) for header in images}) > 1:
        raise EngineError(
            "PHASES_OF_SEVERAL_STUDIES",
            "The two phases are of different patients or studies, so one DICOM report cannot be on both.",
            "Check that they are of one heart. A page can be made all the same, or a report of each phase by itself.",
        )


def _function_groups(case: PatientCase, images: Sequence[Dataset]) -> list:
    """A group of TID 1501 for each ventricle; none where the function cannot be calculated."""
    from highdicom import sr

    from resformer_unet.report.dicom_report import algorithm, tracking

    function, report = case.patient["cardiac_function"], case.phases[0].report
    if function is None:
        return []
    groups = []
    for name, (site, diastolic, systolic) in _VENTRICLES.items():
        values = [
            (diastolic, function[f"{name}edv_ml"], "mL"),
            (systolic, function[f"{name}esv_ml"], "mL"),
            (_STROKE_VOLUME, function[f"{name}sv_ml"], "mL"),
            (_EJECTION_FRACTION, 100 * function[f"{name}ef"], "%"),
        ]
        if name == "lv":
            values.append((_MASS, function["lv_mass_g"], "g"))
            values += [(_private(key), function[key], "mm") for key in _WALL]
        groups.append(
            sr.MeasurementsAndQualitativeEvaluations(
                tracking_identifier=tracking(
                    report, images, f"function-{name}", f"Function, {site['meaning'].lower()}"
                ),
                finding_sites=[sr.FindingSite(provenance.concept(site))],
                algorithm_id=algorithm(report),
                measurements=[
                    sr.Measurement(provenance.concept(code), value, provenance.concept(_UNITS[unit]))
                    for code, value, unit in values
                ],
                source_images=[sr.SourceImageForMeasurementGroup.from_source_image(header) for header in images],
            )
        )
    return groups


def _private(key: str) -> Mapping[str, str]:
    return {"scheme": provenance.PRIVATE_SCHEME, "value": key.replace("_", "-"), "meaning": _WALL[key]}
