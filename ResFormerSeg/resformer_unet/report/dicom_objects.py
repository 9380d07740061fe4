"""Both DICOM objects of a result: made in memory, checked by reading back, then written together or not at all."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.report.case import ReportCase
from resformer_unet.report.source_images import SourceImages, find_source_images, import_dicom

if TYPE_CHECKING:
    from highdicom.seg import Segmentation
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

    source, shown = find_source(case, files, series)
    if not shown and not case.report["diagnosis"]:
        raise nothing_to_report()
    with highdicom_errors():
        segmentation = segmented(case, source, shown)
        made = {STRUCTURED_REPORT: encoded(make_structured_report(case, source, segmentation, shown))}
        if segmentation is not None:
            made = {SEGMENTATION: checked(segmentation, case, source, shown), **made}
    return made, [*empty_segments(case, shown), *private_class(case.report["diagnosis"])]


def find_source(case: ReportCase, files: Iterable[Path], series: str | None) -> tuple[SourceImages, list[int]]:
    """The source images, and the indices of the segments that are not empty.

    Raises:
        EngineError: SOURCE_WITHOUT_POSITIONS, and those of :func:`.find_source_images`.
    """
    source = find_source_images(files, case.report["grid"], case.masks.shape[1:], series)
    if len(source.places) > 1 and not source.is_placed:
        raise EngineError(
            "SOURCE_WITHOUT_POSITIONS",
            "The images of this series do not state where in the patient they lie, as those of an ultrasound clip.",
            "DICOM objects can be made for single images and for volumes; the HTML report does not need positions.",
        )
    return source, [index for index, mask in enumerate(case.masks) if mask.any()]


def segmented(case: ReportCase, source: SourceImages, shown: list[int], phase: str = "") -> Segmentation | None:
    """``None`` if all segments are empty. Raises ``EngineError``: SEGMENT_WITHOUT_CODE."""
    from resformer_unet.report.dicom_segmentation import make_segmentation

    return make_segmentation(case, source, shown, phase) if shown else None


@contextmanager
def highdicom_errors() -> Iterator[None]:
    """Raises ``EngineError``: DICOM_NOT_MADE, about a source whose header lacks what its kind of image must have."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, NotImplementedError) as error:
        raise EngineError(
            "DICOM_NOT_MADE",
            f"No DICOM objects can be made for this series: {error}",
            "Export the series again from its source; the HTML report does not need it.",
        ) from error


def nothing_to_report() -> EngineError:
    return EngineError(
        "NOTHING_TO_REPORT",
        "Nothing is segmented and the model gives no diagnosis, so there is nothing to put into DICOM objects.",
    )


def empty_segments(case: ReportCase, shown: list[int]) -> list[dict[str, str]]:
    """{"code", "message"} on segments that are not in the objects."""
    names = [segment["name"] for index, segment in enumerate(case.report["segments"]) if index not in shown]
    return [
        {"code": "EMPTY_SEGMENT", "message": f"The segment “{name}” is empty and is not in the DICOM objects."}
        for name in names
    ]


def private_class(diagnosis: dict | None) -> list[dict[str, str]]:
    """{"code", "message"} on a diagnosis that only a private code names."""
    if not diagnosis or diagnosis["code"]:
        return []
    message = (
        f"The class “{diagnosis['name']}” has no code in a public terminology; the DICOM report has it with a "
        "private code, which other programs show by its name only."
    )
    return [{"code": "CLASS_WITHOUT_CODE", "message": message}]


def encoded(dataset: Dataset) -> bytes:
    """In memory: so nothing is left half-written, and pydicom's own errors do not hide that the disk is full."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def checked(segmentation: Segmentation, case: ReportCase, source: SourceImages, shown: list[int]) -> bytes:
    """The file of an object that says voxel for voxel what the masks say; a wrong one must never leave.

    Raises:
        EngineError: DICOM_NOT_MADE.
    """
    content = encoded(segmentation)
    if not np.array_equal(read_masks(content, source), case.masks[shown]):
        raise EngineError(
            "DICOM_NOT_MADE",
            "The DICOM segmentation did not read back as it was written.",
            "Please report it with the kind of the images; the HTML report is not concerned.",
        )
    return content


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
