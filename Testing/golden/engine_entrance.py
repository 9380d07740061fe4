"""The engine from Python: the only file of the golden tests that names its modules."""

from __future__ import annotations

from functools import cache

from golden.cases import PATIENT, GoldenCase, golden_cases
from golden.figures import SegmentShape, figures, patient_figures


@cache
def engine_report_and_segments(name: str, device: str) -> tuple[dict, dict[str, SegmentShape]]:
    """Of the case of that name, given as an array."""
    from resformer_unet.image.medical_image import image_from_array

    case = golden_cases()[name]
    image = image_from_array(case.voxels, case.affine, case.name, has_orientation=not case.is_picture)
    prediction = _predictor(case.model, device).predict(image)
    report = prediction.report
    segments = {
        row["id"]: SegmentShape.of(prediction.layers[row["layer"]] == row["value"], case.affine)
        for row in report["segments"]
    }
    return report, segments


def engine_figures(case: GoldenCase, device: str) -> dict:
    report, segments = engine_report_and_segments(case.name, device)
    return figures(segments, report)


def engine_patient_figures(device: str) -> dict:
    from resformer_unet.cardiac.patient_diagnosis import diagnose_patient
    from resformer_unet.model.catalog import find_model

    reports = [engine_report_and_segments(name, device)[0] for name in PATIENT]
    return patient_figures(diagnose_patient(reports, find_model(golden_cases()[PATIENT[0]].model)))


@cache
def _predictor(model: str, device: str):
    from resformer_unet.inference.predictor import Predictor
    from resformer_unet.model.catalog import find_model

    return Predictor(find_model(model), device)
