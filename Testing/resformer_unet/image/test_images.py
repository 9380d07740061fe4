"""Reading pictures and volumes: exact pixels, exact geometry, and plain words about files that cannot be read."""

import gc
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import resformer_unet
from helpers.nobody import as_nobody
from helpers.paths import SHARED_DATA
from helpers.synthetic_images import oblique_affine, truncate, volume, write_picture, write_volume
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import check_image, convert_channels, image_from_array
from resformer_unet.image.reading import read_image


def grey_picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (30, 40), np.uint8)


def colour_picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)


@pytest.mark.parametrize("suffix", [".nrrd", ".nii", ".nii.gz", ".mha", ".mhd"])
@pytest.mark.parametrize("flip", [1, -1])
def test_an_oblique_volume_keeps_its_voxels_and_geometry(tmp_path, suffix, flip):
    affine = oblique_affine()
    affine[:3, 1] *= flip
    image = read_image(write_volume(tmp_path / f"head{suffix}", volume(), affine))
    assert np.array_equal(image.voxels[..., 0], volume())
    # NIfTI stores its geometry in single precision
    assert np.allclose(image.affine, affine, atol=1e-5 if "nii" in suffix else 1e-10)
    assert np.allclose(image.spacing, (0.5, 0.7, 3.0), atol=1e-6)
    assert (image.name, image.shape, image.has_orientation) == ("head", (6, 20, 24), True)


def write_sform(path: Path, sform: np.ndarray) -> Path:
    """A NIfTI volume whose geometry is this (3, 4) affine in RAS, without a quaternion beside it."""
    write_volume(path, volume(), oblique_affine())  # for the spacing
    data = bytearray(path.read_bytes())
    data[252:256] = np.array([0, 2], "<i2").tobytes()  # qform_code, sform_code
    data[280:328] = sform.astype("<f4").tobytes()
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("askew", [0.0, 1e-4, 1e-2])
def test_a_nifti_volume_whose_directions_are_not_exactly_at_right_angles_keeps_them(tmp_path, askew):
    affine = oblique_affine()
    affine[0, 1:3] += askew
    affine[:3, :3] *= (0.5, 0.7, 3.0) / np.linalg.norm(affine[:3, :3], axis=0)
    image = read_image(write_sform(tmp_path / "registered.nii", np.diag([-1, -1, 1]) @ affine[:3]))
    assert np.array_equal(image.voxels[..., 0], volume())
    assert np.allclose(image.affine, affine, atol=2e-6)


@pytest.mark.parametrize("column", [0.0, np.nan])
def test_a_nifti_volume_with_directions_that_say_nothing_is_not_called_damaged(tmp_path, column):
    sform = np.eye(3, 4)
    sform[:, 1] = column
    error = error_of(write_sform(tmp_path / "x.nii", sform))
    assert error.code == "BAD_GEOMETRY" and "x" in error.message


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_a_colour_picture_is_one_slice_of_three_channels_without_orientation(tmp_path, suffix):
    image = read_image(write_picture(tmp_path / f"skin{suffix}", colour_picture()))
    assert np.array_equal(image.voxels[0], colour_picture())
    assert (image.name, image.shape, image.has_orientation) == ("skin", (1, 30, 40), False)


def test_a_jpeg_is_read(tmp_path):
    image = read_image(write_picture(tmp_path / "skin.jpg", colour_picture()))
    assert image.voxels.shape == (1, 30, 40, 3)


def test_a_16_bit_picture_keeps_its_values(tmp_path):
    picture = grey_picture().astype(np.uint16) * 257
    assert np.array_equal(read_image(write_picture(tmp_path / "x.png", picture)).voxels[0, ..., 0], picture)


def test_a_tiff_of_several_pages_is_a_stack_without_orientation(tmp_path):
    path = tmp_path / "stack.tif"
    sitk.WriteImage(sitk.GetImageFromArray(volume().astype(np.uint16)), str(path))
    image = read_image(path)
    assert image.shape == (6, 20, 24) and not image.has_orientation


@pytest.mark.parametrize("name", ["brain.seg.nrrd", "brain.NRRD"])
def test_the_case_is_named_without_suffixes(tmp_path, name):
    assert read_image(write_volume(tmp_path / name, volume(), np.eye(4))).name == "brain"


def test_a_file_that_is_named_only_by_its_suffix_is_called_image(tmp_path):
    assert read_image(write_volume(tmp_path / ".nrrd", volume(), np.eye(4))).name == "image"


def test_names_with_dots_keep_them(tmp_path):
    assert read_image(write_volume(tmp_path / "1.2.840.7.nrrd", volume(), np.eye(4))).name == "1.2.840.7"


def test_a_fourth_dimension_of_length_one_is_no_obstacle(tmp_path):
    pixels = sitk.JoinSeries([sitk.GetImageFromArray(volume())])
    sitk.WriteImage(pixels, str(tmp_path / "x.nii.gz"))
    assert np.array_equal(read_image(tmp_path / "x.nii.gz").voxels[..., 0], volume())


def test_a_series_asked_of_a_file_is_said_to_mean_nothing(tmp_path):
    path = write_picture(tmp_path / "x.png", grey_picture())
    (warning,) = read_image(path, series="1.2.3").warnings
    assert warning["code"] == "SERIES_IGNORED" and "1.2.3" in warning["message"]
    assert read_image(path).warnings == ()


def test_paths_with_any_letters_are_read(tmp_path):
    folder = tmp_path / "Köpfe 脳 ø"
    folder.mkdir()
    assert read_image(write_volume(folder / "Schädel ☤.nrrd", volume(), np.eye(4))).name == "Schädel ☤"
    assert read_image(write_picture(folder / "кожа.png", grey_picture())).name == "кожа"


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the public sets in ../shared/data are absent")
@pytest.mark.parametrize(
    ("name", "channels", "has_orientation"),
    [
        ("skin-lesion", 3, False),
        ("brain-tumor-mr", 1, False),
        ("breast-ultrasound", 1, False),
        ("retina-oct", 1, False),
        ("cardiac-mr", 1, True),
    ],
)
def test_every_kind_of_image_of_the_public_sets_is_read(name, channels, has_orientation):
    image = read_image(min((SHARED_DATA / name / "images").iterdir()))
    assert image.voxels.shape[-1] == channels and image.has_orientation == has_orientation
    assert check_image(image) == []


def error_of(path) -> EngineError:
    with pytest.raises(EngineError) as caught:
        read_image(path)
    assert "ITK" not in str(caught.value) and "itk::" not in str(caught.value)
    assert caught.value.message.endswith(".") and caught.value.hint.endswith(".")
    return caught.value


@pytest.mark.parametrize("name", ["absent.nrrd", "absent/x.png", "x" * 300, "nul\0character"])
def test_a_missing_file_is_named(tmp_path, name):
    assert error_of(tmp_path / name).code == "FILE_NOT_FOUND"


def test_a_text_file_is_not_an_image(tmp_path):
    for name in ("notes.txt", "notes.png", "notes"):
        (tmp_path / name).write_text("No image at all. " * 100)
        assert error_of(tmp_path / name).code == "NOT_AN_IMAGE"


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    (tmp_path / "x.nrrd").touch()
    error = error_of(tmp_path / "x.nrrd")
    assert error.code == "CORRUPT_IMAGE" and "0 bytes" in str(error)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
@pytest.mark.parametrize("suffix", [".nrrd", ".nii", ".nii.gz", ".mha"])
def test_a_truncated_volume_is_refused(tmp_path, suffix, share):
    noise = np.random.default_rng(0).integers(0, 4000, (6, 20, 24), np.int16)
    path = write_volume(tmp_path / f"x{suffix}", noise, oblique_affine())
    assert error_of(truncate(path, share)).code == "CORRUPT_IMAGE"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.98])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
def test_a_truncated_picture_is_refused(tmp_path, suffix, share):
    path = write_picture(tmp_path / f"x{suffix}", colour_picture())
    assert error_of(truncate(path, share)).code == "CORRUPT_IMAGE"


def test_a_stack_of_pages_that_lost_some_is_refused(tmp_path):
    path = tmp_path / "stack.tif"
    sitk.WriteImage(sitk.GetImageFromArray(volume().astype(np.uint16)), str(path))
    assert error_of(truncate(path, 0.6)).code == "CORRUPT_IMAGE"


def test_a_compressed_volume_with_a_wrong_byte_is_refused(tmp_path):
    path = write_volume(tmp_path / "x.nii.gz", volume(), np.eye(4))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    assert error_of(path).code == "CORRUPT_IMAGE"


def test_an_image_without_pixels_is_refused(tmp_path):
    path = tmp_path / "x.nrrd"
    path.write_bytes(b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 0 4 4\nencoding: raw\n\n")
    assert error_of(path).code in ("IMAGE_EMPTY", "CORRUPT_IMAGE")
    with pytest.raises(EngineError, match="no pixels"):
        image_from_array(np.zeros((0, 4, 4)), np.eye(4), "x")


def test_a_header_that_promises_more_than_any_memory_is_refused(tmp_path):
    path = tmp_path / "x.nrrd"
    path.write_bytes(b"NRRD0004\ntype: double\ndimension: 3\nsizes: 90000 90000 90000\nencoding: raw\n\n" + bytes(99))
    assert error_of(path).code in ("IMAGE_TOO_LARGE", "CORRUPT_IMAGE")


def test_a_volume_over_time_is_refused(tmp_path):
    pixels = sitk.JoinSeries([sitk.GetImageFromArray(volume())] * 3)
    sitk.WriteImage(pixels, str(tmp_path / "cine.nrrd"))
    error = error_of(tmp_path / "cine.nrrd")
    assert error.code == "IMAGE_4D" and "time" in error.hint


def test_complex_numbers_are_refused(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((4, 9, 9), np.complex64)), str(tmp_path / "x.nii"))
    assert error_of(tmp_path / "x.nii").code == "COMPLEX_IMAGE"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions as on POSIX")
def test_what_may_not_be_read_is_said_so(tmp_path):
    path = write_volume(tmp_path / "secret.nrrd", volume(), np.eye(4))
    path.chmod(0)
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0)
    with as_nobody():
        assert error_of(path).code == "NO_PERMISSION"
        assert error_of(folder).code == "NO_PERMISSION"
    folder.chmod(0o700)


def test_geometry_that_is_flat_or_not_a_number_is_refused():
    for affine in (np.diag([1.0, 0, 1, 1]), np.full((4, 4), np.nan), np.eye(3)):
        with pytest.raises(EngineError) as caught:
            image_from_array(volume(), affine, "x")
        assert caught.value.code == "BAD_GEOMETRY"


def test_a_memory_mapped_array_is_not_copied(tmp_path):
    np.save(tmp_path / "x.npy", volume())
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.shares_memory(image_from_array(mapped, np.eye(4), "x").voxels, mapped)


def refusal(voxels: np.ndarray) -> str:
    with pytest.raises(EngineError) as caught:
        check_image(image_from_array(voxels, np.eye(4), "x"))
    return caught.value.code


def test_images_that_show_nothing_are_refused():
    assert refusal(np.zeros((1, 1, 1))) == "IMAGE_TOO_SMALL"
    assert refusal(np.zeros((5, 7, 1))) == "IMAGE_TOO_SMALL"
    assert refusal(np.full((2, 20, 20), 7, np.int16)) == "CONSTANT_IMAGE"
    assert refusal(np.full((2, 20, 20), np.nan)) == "NO_FINITE_VALUES"
    half = np.full((2, 20, 20), np.inf)
    half[0] = 3
    assert refusal(half) == "CONSTANT_IMAGE"


def test_a_few_values_that_are_no_numbers_are_counted():
    voxels = volume().astype(np.float32)
    voxels[0, 0, :3] = np.nan, np.inf, -np.inf
    (warning,) = check_image(image_from_array(voxels, np.eye(4), "x"))
    assert warning["code"] == "NON_FINITE_VALUES" and warning["message"].startswith("3 ")
    assert check_image(image_from_array(volume(), np.eye(4), "x")) == []


def channels_of(pixels: np.ndarray, channels: int):
    return convert_channels(image_from_array(pixels[None], np.eye(4), "x", has_orientation=False), channels)


def test_colour_becomes_brightness_with_a_warning():
    image, (warning,) = channels_of(colour_picture(), 1)
    assert warning["code"] == "CONVERTED_TO_GREY"
    assert np.allclose(image.voxels[0, ..., 0], colour_picture() @ [0.299, 0.587, 0.114], atol=0.5)
    assert image.voxels.dtype == np.uint8


def test_grey_stored_as_colour_becomes_grey_silently():
    picture = np.repeat(grey_picture()[..., None], 4, axis=-1)
    picture[..., 3] = 255
    image, warnings = channels_of(picture, 1)
    assert warnings == [] and np.array_equal(image.voxels[0, ..., 0], grey_picture())


def test_grey_becomes_colour_without_a_copy():
    image, (warning,) = channels_of(grey_picture()[..., None], 3)
    assert warning["code"] == "CONVERTED_TO_RGB" and image.voxels.shape == (1, 30, 40, 3)
    assert image.voxels.strides[-1] == 0


def test_alpha_is_dropped():
    picture = np.dstack([colour_picture(), grey_picture()])
    image, warnings = channels_of(picture, 3)
    assert warnings == [] and np.array_equal(image.voxels[0], colour_picture())


def test_more_components_than_the_model_takes_are_refused():
    with pytest.raises(EngineError) as caught:
        channels_of(np.zeros((9, 9, 7), np.uint8), 1)
    assert caught.value.code == "TOO_MANY_COMPONENTS" and "7 values per pixel" in str(caught.value)


def test_voxels_outlive_the_reader_and_cannot_be_written_to(tmp_path):
    array = volume()
    first = read_image(write_volume(tmp_path / "first.nrrd", array, np.eye(4))).voxels[2:5, ::-1]
    gc.collect()
    for _ in range(3):  # what would come to lie in its memory
        read_image(write_volume(tmp_path / "second.nrrd", 1 + array, np.eye(4)))
    assert np.array_equal(first[..., 0], array[2:5, ::-1])
    assert not first.flags.writeable


def test_a_volume_is_read_without_a_second_copy(tmp_path):
    path = write_volume(tmp_path / "large.nrrd", volume(60, 128, 128), np.eye(4))
    tracemalloc.start()
    try:
        image = read_image(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < image.voxels.nbytes / 4  # numpy tells tracemalloc of its arrays; the one copy is SimpleITK's


@pytest.mark.parametrize("module", ["inference.predictor", "batch.run", "batch.find_inputs"])
def test_what_works_on_images_read_elsewhere_does_without_simpleitk(module):
    code = f"import sys, resformer_unet.{module}; sys.exit(bool({{'SimpleITK', 'skimage'}} & set(sys.modules)))"
    engine = Path(resformer_unet.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=engine, check=False).returncode == 0
