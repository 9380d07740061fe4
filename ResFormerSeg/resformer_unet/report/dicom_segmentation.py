"""A DICOM segmentation object (SEG) of a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.report import provenance
from resformer_unet.report.case import ReportCase
from resformer_unet.report.source_images import SourceImages

if TYPE_CHECKING:
    from highdicom.seg import Segmentation

SERIES_NUMBER = 901
# XYZ of sRGB (IEC 61966-2-1) and the white point D65
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = np.array([0.9505, 1.0, 1.089])


def make_segmentation(case: ReportCase, source: SourceImages, shown: Sequence[int], phase: str = "") -> Segmentation:
    """The segmentation object, in a new series of the source's study.

    Args:
        shown: indices of the segments that are not empty, which become the segments 1, 2, ...
        phase: of the heart, where the report is of several.

    Raises:
        EngineError: SEGMENT_WITHOUT_CODE.
    """
    import highdicom

    segments = [case.report["segments"][index] for index in shown]
    provenance.check_codes(segments)
    # (frames, rows, columns, segments), the frames in the order of the source's
    pixels = np.ascontiguousarray(np.moveaxis(case.masks[list(shown)][:, source.order], 0, -1)).astype(np.uint8)
    made = highdicom.seg.Segmentation(
        source_images=source.datasets,
        pixel_array=pixels,
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _describe(case, source, segment, number, phase) for number, segment in enumerate(segments, 1)
        ],
        series_instance_uid=highdicom.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        content_label="SEGMENTATION",
        content_description="Not a medical device; for research and teaching",
        series_description=provenance.shortened(
            " ".join(filter(None, (provenance.algorithm_name(case.report), "segmentation", phase.lower())))
        ),
        specific_character_set="ISO_IR 192",
        **provenance.equipment(case.report),
    )
    if not source.is_placed:
        made.PatientOrientation = ""  # the standard asks for it where there is no position
    return made


def _describe(case: ReportCase, source: SourceImages, segment: dict, number: int, phase: str):
    import highdicom
    from pydicom.sr.codedict import codes

    report = case.report
    kind = highdicom.seg.SegmentAlgorithmTypeValues
    series = str(source.datasets[0].SeriesInstanceUID)
    described = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=provenance.shortened(segment["name"]),
        segmented_property_category=provenance.concept(segment["terminology"]["category"]),
        segmented_property_type=provenance.concept(segment["terminology"]["type"]),
        algorithm_type=kind.SEMIAUTOMATIC if case.edited else kind.AUTOMATIC,
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name=provenance.algorithm_name(report),
            family=codes.DCM.ArtificialIntelligence,
            version=provenance.algorithm_version(report),
            source=provenance.MANUFACTURER,
            parameters=provenance.parameters(report),
        ),
        tracking_uid=provenance.tracking_uid(report, series, f"{segment['id']}\n{phase}" if phase else segment["id"]),
        tracking_id=provenance.shortened(f"{segment['name']}, {phase.lower()}" if phase else segment["name"]),
    )
    described.RecommendedDisplayCIELabValue = cielab(segment["color"])
    modifier = segment["terminology"].get("modifier")
    if modifier:
        described.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [
            provenance.concept(modifier)
        ]
    return described


def cielab(rgb: Sequence[int]) -> list[int]:
    """CIELab as DICOM encodes it (PS3.3, C.10.7.1.1), of red, green and blue from 0 to 255."""
    share = np.asarray(rgb, float) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    ratio = _TO_XYZ @ linear / _WHITE
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    lightness, a, b = 116 * y - 16, 500 * (x - y), 200 * (y - z)
    return [round(lightness / 100 * 65535), round((a + 128) / 255 * 65535), round((b + 128) / 255 * 65535)]
