"""Both DICOM objects of a result: made in memory, checked by reading back, then written together or not at all."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.report.case import ReportCase
from resformer_unet.report.source_images import SourceImages, find_source_images, import_dicom

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SEGMENTATION, STRUCTURED_REPORT = ".seg.dcm", ".sr.dcm"  # what the files of a case end in


def make_dicom(
    case: ReportCase, files: Iterable[Path], series: str | None = None
) -> tuple[dict[str, bytes], list[dict[str, str]]]:
    """The files of both objects by what their names end in, and notes {"code", "message"} on what they leave out.

    Args:
        files: of the source series; see :func:`.find_source_images`.
        series: its instance UID, needed where the files are of several.

    Raises:
        EngineError: DICOM_EXTRA_MISSING, SOURCE_WITHOUT_POSITIONS, NOTHING_TO_REPORT, SEGMENT_WITHOUT_CODE,
            DICOM_NOT_MADE, and those of :func:`.find_source_images`.
    """
    import_dicom()
    from resformer_unet.report.dicom_report import make_structured_report
    from resformer_unet.report.dicom_segmentation import make_segmentation

    source = find_source_images(files, case.report["grid"], case.masks.shape[1:], series)
    shown = [index for index, mask in enumerate(case.masks) if mask.any()]
    if len(source.places) > 1 and not source.is_placed:
        raise EngineError(
            "SOURCE_WITHOUT_POSITIONS",
            "The images of this series do not state where in the patient they lie, as those of an ultrasound clip.",
            "DICOM objects can be made for single images and for volumes; the HTML report does not need positions.",
        )
    if not shown and not case.report["diagnosis"]:
        raise EngineError(
            "NOTHING_TO_REPORT",
            "Nothing is segmented and the model gives no diagnosis, so there is nothing to put into DICOM objects.",
        )
    try:
        segmentation = make_segmentation(case, source, shown) if shown else None
        report = make_structured_report(case, source, segmentation, shown)
        files_made = {STRUCTURED_REPORT: _encoded(report)}
        if segmentation is not None:
            files_made = {SEGMENTATION: _encoded(segmentation), **files_made}
    except (AttributeError, KeyError, TypeError, ValueError, NotImplementedError) as error:
        # Of highdicom, about a source whose header lacks what its kind of image must have.
        raise EngineError(
            "DICOM_NOT_MADE",
            f"No DICOM objects can be made for this series: {error}",
            "Export the series again from its source; the HTML report does not need it.",
        ) from error
    if segmentation is not None:
        _check(files_made[SEGMENTATION], case, source, shown)
    return files_made, _notes(case, shown)


def _notes(case: ReportCase, shown: list[int]) -> list[dict[str, str]]:
    notes = []
    for index, segment in enumerate(case.report["segments"]):
        if index not in shown:
            message = f"The segment “{segment['name']}” is empty and is not in the DICOM objects."
            notes.append({"code": "EMPTY_SEGMENT", "message": message})
    diagnosis = case.report["diagnosis"]
    if diagnosis and not diagnosis["code"]:
        message = (
            f"The class “{diagnosis['name']}” has no code in a public terminology; the DICOM report has it with a "
            "private code, which other programs show by its name only."
        )
        notes.append({"code": "CLASS_WITHOUT_CODE", "message": message})
    return notes


def _encoded(dataset: Dataset) -> bytes:
    """In memory: so nothing is left half-written, and pydicom's own errors do not hide that the disk is full."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _check(content: bytes, case: ReportCase, source: SourceImages, shown: list[int]) -> None:
    """Whether the object says voxel for voxel what the masks say; a wrong one must never leave.

    Raises:
        EngineError: DICOM_NOT_MADE.
    """
    if not np.array_equal(read_masks(content, source), case.masks[shown]):
        raise EngineError(
            "DICOM_NOT_MADE",
            "The DICOM segmentation did not read back as it was written.",
            "Please report it with the kind of the images; the HTML report is not concerned.",
        )


def read_masks(content: bytes, source: SourceImages) -> np.ndarray:
    """bool (segments, slices, rows, columns) of a segmentation object, the slices in the order of the grid."""
    from highdicom.seg import segread

    read = segread(io.BytesIO(content))
    known = {"ignore_spatial_locations": True, "assert_missing_frames_are_empty": True}
    if source.is_multiframe:
        header = source.datasets[0]
        frames = [frame + 1 for _, frame in source.places]
        pixels = read.get_pixels_by_source_frame(header.SOPInstanceUID, frames, **known)
    else:
        uids = [source.datasets[index].SOPInstanceUID for index, _ in source.places]
        pixels = read.get_pixels_by_source_instance(uids, **known)
    return np.moveaxis(pixels, -1, 0).astype(bool)
