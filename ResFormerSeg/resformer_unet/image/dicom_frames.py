"""DICOM cines: multi-frame files and series of slices at several times, read one time point after the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.dicom import image_of_slices, read_slices, series_headers
from resformer_unet.image.dicom_headers import Header, check_frames, read_header, why_no_pixels
from resformer_unet.image.dicom_pixel_data import PixelData
from resformer_unet.image.dicom_times import moment_of_file, volumes_over_time
from resformer_unet.image.medical_image import MedicalImage, case_name, corrupt
from resformer_unet.image.sequence import Sequence, SequenceInfo, not_a_sequence
from resformer_unet.image.slice_geometry import check_pixel_sizes, sort_planes


def open_file(path: Path) -> Sequence:
    """The frames of a multi-frame file: those of an ultrasound cine one by one; of an enhanced file with positions and
    times, a volume for each time.

    Raises:
        EngineError: NOT_A_SEQUENCE, FRAMES_MISSING, PACKAGE_MISSING, UNSUPPORTED_FORMAT, MIXED_SERIES, CORRUPT_IMAGE,
            DICOM_WITHOUT_IMAGE.
    """
    header = read_header(path)
    if header is None:
        raise why_no_pixels(path) or corrupt(path)
    return _open(header, case_name(path), [])


def open_series(folder: Path, series: str | None = None) -> Sequence:
    """The time points of a series of slices, or the frames of its only file.

    Raises:
        EngineError: those of :func:`open_file` and :func:`.read_series`.
    """
    headers, warnings = series_headers(folder, series)
    name, of = folder.resolve().name, f"the series in “{folder.name}”"
    if len(headers) == 1:
        return _open(headers[0], name, warnings)
    if any(header.size[2] > 1 for header in headers) or not all(header.plane.is_placed for header in headers):
        raise EngineError(
            "UNSUPPORTED_FORMAT",
            f"The files of {of} are several sequences, or do not state the positions of their slices.",
            "Give one multi-frame file, or a 4D NIfTI file.",
        )
    volumes, times = volumes_over_time(
        [header.plane for header in headers], [moment_of_file(header) for header in headers], of
    )
    if len(volumes) == 1:
        raise not_a_sequence(folder.name)

    def read(index: int) -> MedicalImage:
        return read_slices([headers[number] for number in volumes[index]], of, name, list(warnings))

    return Sequence(SequenceInfo(name, len(volumes), times), read)


def _open(header: Header, name: str, warnings: list[dict[str, str]]) -> Sequence:
    file = PixelData(header)
    planes = [frame.plane for frame in header.frames]
    of = f"“{header.path.name}”"
    if file.count == 1:
        raise not_a_sequence(header.path.name)
    check_frames(header, file.count)
    if planes and all(plane.is_placed for plane in planes):
        check_pixel_sizes(planes, of)
        volumes, times = volumes_over_time(planes, file.moments, of)
        if len(volumes) == 1:
            raise not_a_sequence(header.path.name)
    else:
        volumes, times, planes = [[index] for index in range(file.count)], file.times_s, []

    def read(index: int) -> MedicalImage:
        members, found, first, step = volumes[index], list(warnings), header, None
        if planes:
            order, step = sort_planes([planes[number] for number in members], of, found)
            members = [members[number] for number in order]
            frame = header.frames[members[0]]
            first = replace(header, plane=frame.plane, thickness=frame.thickness or header.thickness)
        pixels = np.concatenate([file.read(number) for number in members])
        return image_of_slices(first, pixels, step, name, found)

    return Sequence(SequenceInfo(name, len(volumes), times), read)
