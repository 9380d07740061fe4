"""A DICOM structured report of a result: a Measurement Report (TID 1500) on segments and diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from resformer_unet import __version__
from resformer_unet.inference.reliability import reasons_of
from resformer_unet.report import provenance
from resformer_unet.report.case import ReportCase
from resformer_unet.report.source_images import SourceImages

if TYPE_CHECKING:
    from highdicom.seg import Segmentation
    from highdicom.sr import ComprehensiveSR
    from pydicom.dataset import Dataset

SERIES_NUMBER = 902
DIAGNOSIS = {"scheme": "SCT", "value": "439401001", "meaning": "Diagnosis"}
PROBABILITY = {"scheme": "DCM", "value": "122157", "meaning": "Probability"}
CYCLE_PHASE = {"scheme": "SCT", "value": "246092007", "meaning": "Cardiac cycle phase"}
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
    groups = segment_groups(case, source, segmentation, shown)
    if case.report["diagnosis"]:
        groups.append(diagnosis_group(case, source.datasets))
    return report_of_groups(case.report, groups, [*source.datasets, segmentation])


def report_of_groups(report: Mapping, groups: Sequence, evidence: Sequence[Dataset | None]) -> ComprehensiveSR:
    """A report of measurement groups by the model that ``report`` names, in the study of the first of ``evidence``."""
    import highdicom
    from highdicom import sr
    from pydicom.sr.codedict import codes

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
    return sr.ComprehensiveSR(
        evidence=[dataset for dataset in evidence if dataset is not None],
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


def segment_groups(
    case: ReportCase,
    source: SourceImages,
    segmentation: Segmentation | None,
    shown: Sequence[int],
    phase: tuple[str, Mapping] | None = None,
) -> list:
    """A group for each segment that is shown.

    Args:
        phase: of the heart, its name and its code, where the report is of several.
    """
    return [
        _of_segment(case, source, segmentation, number, case.report["segments"][index], phase)
        for number, index in enumerate(shown, start=1)
    ]


def _of_segment(
    case: ReportCase,
    source: SourceImages,
    segmentation: Segmentation,
    number: int,
    segment: dict,
    phase: tuple[str, Mapping] | None,
):
    from highdicom import sr
    from pydicom.sr.codedict import codes

    measurements = []
    if segment["volume_mm3"] is not None:
        measurements.append(sr.Measurement(codes.SCT.Volume, segment["volume_mm3"], codes.UCUM.CubicMillimeter))
    if segment["longest_diameter_mm"] is not None:
        measurements.append(sr.Measurement(codes.SCT.LongAxis, segment["longest_diameter_mm"], codes.UCUM.Millimeter))
    named, what, evaluations = segment["name"], segment["id"], None
    if phase is not None:
        named, what = f"{named}, {phase[0].lower()}", f"{what}\n{phase[0]}"
        cycle = sr.QualitativeEvaluation(provenance.concept(CYCLE_PHASE), provenance.concept(phase[1]))
        evaluations = [cycle]
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=tracking(case.report, source.datasets, what, named),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=segmentation.SOPClassUID,
            sop_instance_uid=segmentation.SOPInstanceUID,
            segment_number=number,
            source_series=sr.SourceSeriesForSegmentation(source.datasets[0].SeriesInstanceUID),
        ),
        finding_type=provenance.concept(segment["terminology"]["type"]),
        finding_category=provenance.concept(segment["terminology"]["category"]),
        algorithm_id=algorithm(case.report),
        measurements=measurements or None,
        qualitative_evaluations=evaluations,
    )


def diagnosis_group(case: ReportCase, sources: Sequence[Dataset]):
    """``sources``: headers of the images that the diagnosis was made from."""
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
        tracking_identifier=tracking(case.report, sources, "diagnosis", "Diagnosis"),
        finding_type=None if reasons else found,
        finding_category=provenance.concept(DIAGNOSIS),
        algorithm_id=algorithm(case.report),
        measurements=measurements,
        qualitative_evaluations=evaluations,
        source_images=[sr.SourceImageForMeasurementGroup.from_source_image(header) for header in sources],
    )


def tracking(report: Mapping, sources: Sequence[Dataset], what: str, name: str):
    from highdicom import sr

    series = "\n".join(dict.fromkeys(str(header.SeriesInstanceUID) for header in sources))
    uid = provenance.tracking_uid(report, series, what)
    return sr.TrackingIdentifier(uid=uid, identifier=provenance.shortened(name))


def algorithm(report: Mapping):
    from highdicom import sr
    from pydicom.sr.codedict import codes

    return sr.AlgorithmIdentification(
        name=provenance.algorithm_name(report),
        version=provenance.algorithm_version(report),
        family=codes.DCM.ArtificialIntelligence,
        parameters=[f"{name}={value}" for name, value in provenance.parameters(report).items()],
        manufacturer=provenance.MANUFACTURER,
    )
