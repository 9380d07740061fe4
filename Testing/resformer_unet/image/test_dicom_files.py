"""Folders of DICOM files whose order and kind only their headers tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from helpers.dicom_files import RT_DOSE, SEGMENTATION, stored_values, write_frames, write_slices
from helpers.synthetic_images import oblique_affine, volume, write_series
from resformer_unet.errors import EngineError
from resformer_unet.image.reading import read_image
from resformer_unet.image.sequence_reading import open_sequence


def write_multiframe(path: Path, voxels: np.ndarray) -> None:
    """A file of all slices, of series 1.2.3."""
    image = sitk.GetImageFromArray(voxels.astype(np.uint16))
    image.SetMetaData("0020|000e", "1.2.3")
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetFileName(str(path))
    writer.Execute(image)


def test_one_file_of_several_frames_is_a_volume_and_two_of_them_are_refused(tmp_path):
    write_multiframe(tmp_path / "a.dcm", volume())
    assert np.array_equal(read_image(tmp_path).voxels[..., 0], volume())
    write_multiframe(tmp_path / "b.dcm", volume())
    with pytest.raises(EngineError) as caught:
        read_image(tmp_path)
    assert caught.value.code == "IMAGE_4D" and "2 files that are volumes themselves" in str(caught.value)


def test_a_folder_that_comes_before_the_files_is_passed_over(tmp_path):
    folder = write_series(tmp_path / "s", volume(), oblique_affine())
    (folder / "A folder").mkdir()
    assert read_image(folder).shape[0] == 6


def test_pictures_without_positions_follow_their_instance_numbers_and_not_their_names(tmp_path):
    folder = write_series(tmp_path / "s", volume(3), np.eye(4), oriented=False)
    for number, name in enumerate(("c", "a", "b"), start=1):
        (folder / f"IM{number:04d}.dcm").rename(folder / f"{name}.dcm")
    assert np.array_equal(read_image(folder).voxels[..., 0], volume(3))


@pytest.mark.parametrize(
    ("sop_class", "words"),
    [
        (SEGMENTATION, "Segmentation"),
        ("1.2.840.10008.5.1.4.1.1.66.7", "Label Map Segmentation"),  # which older versions of pydicom do not know
        ("1.2.840.10008.5.1.4.1.1.30", "Parametric Map"),
        ("1.2.840.10008.5.1.4.1.1.81.1", "Ophthalmic Thickness Map"),
        (RT_DOSE, "RT Dose"),
    ],
)
def test_pixels_that_are_no_image_are_refused_and_no_series_of_a_folder(tmp_path, sop_class, words):
    folder = write_slices(tmp_path / "s", stored_values())
    path = write_frames(folder / "x.dcm", stored_values(), range(6), sop_class=sop_class)
    data = pydicom.dcmread(path)
    data.SeriesInstanceUID = "1.2.3.77"
    data.save_as(path)
    for read in (read_image, open_sequence):
        with pytest.raises(EngineError) as caught:
            read(path)
        assert caught.value.code == "DICOM_WITHOUT_IMAGE" and f"({words})" in caught.value.message
    image = read_image(folder)
    assert np.array_equal(image.voxels[..., 0], stored_values()) and image.warnings == ()
