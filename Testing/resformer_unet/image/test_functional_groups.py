"""Files with functional groups: geometry and rescaling of each frame; also compressed, and without preamble."""

from __future__ import annotations

import struct

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from helpers.dicom_files import ENHANCED_MR, stored_values, without_preamble, write_frames, write_slices
from helpers.dicom_studies import write_photograph
from resformer_unet.errors import EngineError
from resformer_unet.image.reading import read_image
from resformer_unet.image.sequence_reading import open_sequence

ORDER = [3, 1, 5, 0, 2, 4]
SLOPES, INTERCEPTS = [1, 2, 0.5, 3, 1, 4], [0, -10, 5, 0, 1, 2]  # of the frames as stored
VOXELS = stored_values()
_PREFIX = "1.2.840.10008.5.1.4.1.1."
KINDS = {
    "CT": "2.1",
    "converted CT": "2.2",
    "MR": "4.1",
    "colour MR": "4.3",
    "converted MR": "4.4",
    "PET": "130",
    "converted PET": "128.1",
    "X-ray 3D": "13.1.1",
    "tomosynthesis": "13.1.3",
    "ophthalmic tomography": "77.1.5.4",
    "secondary capture": "7.3",
    "photoacoustic": "6.3",
}


def rescaled(slopes, intercepts) -> np.ndarray:
    slices = np.empty(VOXELS.shape)
    for frame, k in enumerate(ORDER):
        slices[k] = VOXELS[k] * float(slopes[frame]) + intercepts[frame]
    return slices


def changed(path, edit):
    data = pydicom.dcmread(path)
    edit(data)
    data.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", ["of each frame", "of all frames"])
def test_frames_of_any_kind_of_image_are_placed_and_rescaled(kind, scale, tmp_path):
    def share(data) -> None:
        for groups in data.PerFrameFunctionalGroupsSequence:
            shared = groups.PixelValueTransformationSequence
            del groups.PixelValueTransformationSequence
        data.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence = shared

    slopes, intercepts = (SLOPES, INTERCEPTS) if scale == "of each frame" else ([2] * 6, [7] * 6)
    path = write_frames(
        tmp_path / "x.dcm", VOXELS, ORDER, slopes=slopes, intercepts=intercepts, sop_class=_PREFIX + KINDS[kind]
    )
    image = read_image(path if scale == "of each frame" else changed(path, share))
    assert np.array_equal(image.voxels[..., 0], rescaled(slopes, intercepts))
    assert np.allclose(image.affine, [[0.9, 0, 0, -10], [0, 1.1, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])


@pytest.mark.parametrize("kind", ["MR", "ophthalmic tomography"])
def test_compressed_frames_are_rescaled_too(kind, tmp_path):
    path = write_frames(
        tmp_path / "x.dcm", VOXELS, ORDER, slopes=SLOPES, intercepts=INTERCEPTS, sop_class=_PREFIX + KINDS[kind]
    )
    changed(path, lambda data: data.compress(RLELossless))
    assert np.array_equal(read_image(path).voxels[..., 0], rescaled(SLOPES, INTERCEPTS))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_dermoscopic_photograph_is_read_though_gdcm_does_not_know_its_kind(compressed, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (21, 30, 3)).astype(np.uint8)
    path = write_photograph(tmp_path / "x.dcm", pixels)

    def rename(data) -> None:
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = _PREFIX + "77.1.7"
        if compressed:
            data.compress(RLELossless)

    image = read_image(changed(path, rename))
    assert np.array_equal(image.voxels[0], pixels) and not image.has_orientation
    assert read_image(tmp_path).voxels.shape == image.voxels.shape  # as the only file of a series
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(EngineError):
        read_image(path)


def test_a_file_that_does_not_place_all_of_its_frames_is_refused(tmp_path):
    path = write_frames(tmp_path / "x.dcm", VOXELS, ORDER)
    changed(path, lambda data: data.PerFrameFunctionalGroupsSequence.pop())
    for read in (read_image, open_sequence):
        with pytest.raises(EngineError) as caught:
            read(path)
        assert caught.value.code == "CORRUPT_IMAGE" and "6 frames" in caught.value.message


def without_meta_information(path) -> None:
    """As older scanners wrote: neither preamble nor group 0002."""
    content = without_preamble(path).read_bytes()
    (length,) = struct.unpack("<I", content[8:12])
    path.write_bytes(content[12 + length :])


@pytest.mark.parametrize(
    ("syntax", "strip"),
    [
        (ImplicitVRLittleEndian, without_meta_information),  # nothing says how it is encoded
        (ImplicitVRLittleEndian, without_preamble),
        (DeflatedExplicitVRLittleEndian, without_preamble),
        (RLELossless, without_preamble),
    ],
)
def test_files_without_preamble_are_read_in_any_transfer_syntax(syntax, strip, tmp_path):
    def encode(data) -> None:
        if syntax == RLELossless:
            data.compress(RLELossless)
        else:
            data.file_meta.TransferSyntaxUID = syntax

    folder = write_slices(tmp_path / "series", VOXELS)
    frames = write_frames(tmp_path / "x.dcm", VOXELS, ORDER, sop_class=ENHANCED_MR)
    for path in (frames, *folder.iterdir()):
        strip(changed(path, encode))
    for given in (frames, folder):
        assert np.array_equal(read_image(given).voxels[..., 0], VOXELS)
