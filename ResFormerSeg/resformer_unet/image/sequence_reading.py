"""Opening sequences: 4D NIfTI, multi-frame DICOM, and DICOM series with several time points."""

from __future__ import annotations

from pathlib import Path

from resformer_unet.errors import EngineError
from resformer_unet.image import dicom_frames
from resformer_unet.image.file_kinds import kind_of
from resformer_unet.image.first_bytes import first_bytes, opening_errors
from resformer_unet.image.medical_image import corrupt
from resformer_unet.image.nifti import nifti_header
from resformer_unet.image.nifti_frames import open_nifti
from resformer_unet.image.sequence import Sequence, not_a_sequence


def open_sequence(path: str | Path, *, series: str | None = None) -> Sequence:
    """Open a sequence; its frames are read later, one at a time.

    Args:
        path: a 4D NIfTI file, a multi-frame DICOM file, or a folder with a DICOM series of several time points.
        series: as of :func:`.read_image`.

    Raises:
        EngineError: NOT_A_SEQUENCE, FRAMES_MISSING, and those of :func:`.read_image`.
    """
    path = Path(path)
    start = first_bytes(path)
    if start is None:
        with opening_errors(path):
            return dicom_frames.open_series(path, series)
    if not start:
        raise corrupt(path)
    kind = kind_of(start)
    if kind == "dicom":
        return dicom_frames.open_file(path)
    if kind in ("nifti", "nifti.gz") or nifti_header(path) is not None:
        return open_nifti(path, kind)
    if kind in ("nifti2", "nrrd", "metaimage"):
        raise EngineError(
            "UNSUPPORTED_FORMAT",
            f"The frames of “{path.name}” cannot be read from a file of this format.",
            "Export the sequence as 4D NIfTI-1, or each time point (frame) as a file of its own.",
        )
    raise not_a_sequence(path.name)
