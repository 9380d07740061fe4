"""A DICOM structured report of a result: a Measurement Report (TID 1500) on segments and diagnosis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from resformer_unet import __version__
from resformer_unet.inference.reliability import reasons_of
from resformer_unet.report import provenance
from resformer_unet.report.case import ReportCase
from resformer_unet.report.source_images import SourceImages

if TYPE_CHECKING:
    from highdicom.seg import Segmentation
    from highdicom.sr import ComprehensiveSR

SERIES_NUMBER = 902
DIAGNOSIS = {"scheme": "SCT", "value": "439401001", "meaning": "Diagnosis"}
PROBABILITY = {"scheme": "DCM", "value": "122157", "meaning": "Probability"}
NOT_RELIABLE = "not-reliable"


def make_structured_report(
    case: ReportCase, source: SourceImages, segmentation: Segmentation | None, shown: Sequence[int]
) -> ComprehensiveSR:
    """The structured report, in a new series of the source's study.

    A segment has a group of TID 1411 (volumetric region, an extension of TID 1501) that refers to the segmentation; the
    diagnosis has one of TID 1501 that refers to the source. A result that is not reliable has no finding: its group
    says why, and has the probabilities alone.

    Args:
        segmentation: ``None`` if all segments are empty.
        shown: indices of the segments that are in it.
    """
    import highdicom
    from highdicom import sr
    from pydicom.sr.codedict import codes

    report = case.report
    groups = []
    for number, index in enumerate(shown, start=1):
        groups.append(_of_segment(case, source, segmentation, number, report["segments"][index]))
    if report["diagnosis"]:
        groups.append(_of_diagnosis(case, source))
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=provenance.tracking_uid(report, "", "device"),
        name=provenance.algorithm_name(report),
        manufacturer_name=provenance.MANUFACTURER,
        model_name=provenance.PRODUCT,
        serial_number=report["model"]["sha256"][:16],
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_device_context=sr.ObserverContext(
                observer_type=codes.DCM.Device, observer_identifying_attributes=device
            )
        ),
        procedure_reported=codes.SCT.ImagingProcedure,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    made = sr.ComprehensiveSR(
        evidence=[*source.datasets, *([segmentation] if segmentation is not None else [])],
        content=content[0],
        series_instance_uid=highdicom.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer=provenance.MANUFACTURER,
        is_complete=True,
        series_description="Research report, not for clinical use",
        manufacturer_model_name=provenance.PRODUCT,
        software_versions=__version__,
        specific_character_set="ISO_IR 192",
    )
    return made


def _of_segment(case: ReportCase, source: SourceImages, segmentation: Segmentation, number: int, segment: dict):
    from highdicom import sr
    from pydicom.sr.codedict import codes

    measurements = []
    if segment["volume_mm3"] is not None:
        measurements.append(sr.Measurement(codes.SCT.Volume, segment["volume_mm3"], codes.UCUM.CubicMillimeter))
    if segment["longest_diameter_mm"] is not None:
        measurements.append(sr.Measurement(codes.SCT.LongAxis, segment["longest_diameter_mm"], codes.UCUM.Millimeter))
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(case, source, segment["id"], segment["name"]),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=segmentation.SOPClassUID,
            sop_instance_uid=segmentation.SOPInstanceUID,
            segment_number=number,
            source_series=sr.SourceSeriesForSegmentation(source.datasets[0].SeriesInstanceUID),
        ),
        finding_type=provenance.concept(segment["terminology"]["type"]),
        finding_category=provenance.concept(segment["terminology"]["category"]),
        algorithm_id=_algorithm(case),
        measurements=measurements or None,
    )


def _of_diagnosis(case: ReportCase, source: SourceImages):
    from highdicom import sr
    from pydicom.sr.codedict import codes

    diagnosis, reasons = case.report["diagnosis"], reasons_of(case.report)
    names = {row["id"]: row["name"] for row in (case.bundle.diagnoses if case.bundle else ())}
    measurements = []
    if not reasons:
        name = provenance.concept(PROBABILITY)
        measurements.append(sr.Measurement(name, diagnosis["probability"], codes.UCUM.NoUnits))
    for label, probability in diagnosis["probabilities"].items():
        name = provenance.private_concept(f"probability-{label}", f"Probability of {names.get(label, label)}")
        measurements.append(sr.Measurement(name, probability, codes.UCUM.NoUnits))
    found = provenance.class_concept(diagnosis)
    evaluations = [sr.QualitativeEvaluation(provenance.concept(DIAGNOSIS), found)]
    if reasons:
        name = provenance.private_concept(NOT_RELIABLE, "Result not reliable")
        evaluations = [sr.QualitativeEvaluation(name, provenance.private_concept(code, code)) for code in reasons]
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracking(case, source, "diagnosis", "Diagnosis"),
        finding_type=None if reasons else found,
        finding_category=provenance.concept(DIAGNOSIS),
        algorithm_id=_algorithm(case),
        measurements=measurements,
        qualitative_evaluations=evaluations,
        source_images=[sr.SourceImageForMeasurementGroup.from_source_image(header) for header in source.datasets],
    )


def _tracking(case: ReportCase, source: SourceImages, what: str, name: str):
    from highdicom import sr

    series = str(source.datasets[0].SeriesInstanceUID)
    uid = provenance.tracking_uid(case.report, series, what)
    return sr.TrackingIdentifier(uid=uid, identifier=provenance.shortened(name))


def _algorithm(case: ReportCase):
    from highdicom import sr
    from pydicom.sr.codedict import codes

    return sr.AlgorithmIdentification(
        name=provenance.algorithm_name(case.report),
        version=provenance.algorithm_version(case.report),
        family=codes.DCM.ArtificialIntelligence,
        parameters=[f"{name}={value}" for name, value in provenance.parameters(case.report).items()],
        manufacturer=provenance.MANUFACTURER,
    )
