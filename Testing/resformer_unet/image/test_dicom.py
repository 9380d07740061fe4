"""DICOM files and series: order and geometry come from positions, never from names or numbers."""

import numpy as np
import pytest
import SimpleITK as sitk

from helpers.synthetic_images import oblique_affine, truncate, volume, write_series
from resformer_unet.errors import EngineError
from resformer_unet.image.dicom import holds_images
from resformer_unet.image.reading import read_image

SHUFFLED = [3, 1, 5, 0, 2, 4]


def error_of(path, **arguments) -> EngineError:
    with pytest.raises(EngineError) as caught:
        read_image(path, **arguments)
    assert "ITK" not in str(caught.value)
    return caught.value


def test_shuffled_files_are_sorted_by_position(tmp_path):
    image = read_image(write_series(tmp_path / "Kopf ä", volume(), oblique_affine(), order=SHUFFLED))
    assert np.array_equal(image.voxels[..., 0], volume())
    assert np.allclose(image.affine, oblique_affine(), atol=1e-8)
    assert (image.name, image.has_orientation, image.warnings) == ("Kopf ä", True, ())


def test_a_series_stored_downwards_keeps_every_voxel_where_it_is(tmp_path):
    downwards = oblique_affine()
    downwards[:3, 2] *= -1
    image = read_image(write_series(tmp_path / "s", volume(), downwards, order=SHUFFLED))
    assert np.array_equal(image.voxels[::-1, ..., 0], volume())
    # the same voxel at the same place: the last stored slice is the first one read
    assert np.allclose(image.affine @ [3, 4, 0, 1], downwards @ [3, 4, 5, 1], atol=1e-8)
    assert np.allclose(image.affine @ [3, 4, 5, 1], downwards @ [3, 4, 0, 1], atol=1e-8)


def test_a_tilted_gantry_gives_a_sheared_grid(tmp_path):
    positions = np.array([(oblique_affine() @ [0, 0, k, 1])[:3] + [0, 0.8 * k, 0] for k in range(6)])
    image = read_image(write_series(tmp_path / "s", volume(), oblique_affine(), positions=positions))
    assert np.allclose(image.affine[:3, 2], (0, 0.8, 3), atol=1e-8) and image.warnings == ()


def test_one_slice_keeps_its_place(tmp_path):
    folder = write_series(tmp_path / "s", volume(), oblique_affine(), order=[4])
    for path in (folder, folder / "IM0001.dcm"):
        image = read_image(path)
        assert image.shape == (1, 20, 24) and image.has_orientation
        assert np.allclose(image.affine[:3, 3], (oblique_affine() @ [0, 0, 4, 1])[:3], atol=1e-8)


def test_a_missing_slice_is_warned_of(tmp_path):
    folder = write_series(tmp_path / "s", volume(), oblique_affine())
    (folder / "IM0003.dcm").unlink()
    image = read_image(folder)
    assert image.shape[0] == 5 and [warning["code"] for warning in image.warnings] == ["UNEVEN_SPACING"]
    assert "3 to 6 mm" in image.warnings[0]["message"]


def test_a_link_to_a_file_of_the_series_that_is_gone_is_warned_of(tmp_path):
    folder = write_series(tmp_path / "s", volume(), oblique_affine())
    (folder / "IM0006.dcm").unlink()
    (folder / "IM0006.dcm").symlink_to(tmp_path / "archive" / "IM0006.dcm")
    image = read_image(folder)
    assert image.shape[0] == 5 and [warning["code"] for warning in image.warnings] == ["UNREADABLE_FILES"]
    assert "IM0006.dcm" in image.warnings[0]["message"]


def test_a_damaged_file_at_the_end_of_a_series_is_warned_of(tmp_path):
    folder = write_series(tmp_path / "s", volume(), oblique_affine())
    truncate(folder / "IM0006.dcm", 0.6)
    image = read_image(folder)
    assert image.shape[0] == 5 and [warning["code"] for warning in image.warnings] == ["UNREADABLE_FILES"]
    assert "IM0006.dcm" in image.warnings[0]["message"]


def test_a_damaged_file_by_itself_is_refused(tmp_path):
    folder = write_series(tmp_path / "s", volume(), oblique_affine())
    assert error_of(truncate(folder / "IM0006.dcm", 0.6)).code == "CORRUPT_IMAGE"


def test_other_files_and_folders_are_passed_over(tmp_path):
    folder = write_series(tmp_path / "s", volume(), oblique_affine())
    (folder / "README.txt").write_text("Notes about the scan. " * 20)
    (folder / "more").mkdir()
    assert read_image(folder).shape[0] == 6


def test_several_series_are_refused_with_their_list_unless_one_is_named(tmp_path):
    folder = write_series(tmp_path / "s", volume(), oblique_affine(), uid="1.2.3", description="T1")
    for path in folder.iterdir():
        path.rename(path.with_stem("a" + path.stem))
    write_series(folder, volume(4), oblique_affine(), uid="1.2.4", description="FLAIR")
    error = error_of(folder)
    assert error.code == "SEVERAL_SERIES" and "--series UID" in error.hint
    for part in ("1.2.3 (T1, 6 files)", "1.2.4 (FLAIR, 4 files)"):
        assert part in str(error)
    assert read_image(folder, series="1.2.4").shape[0] == 4
    assert error_of(folder, series="9.9").code == "SERIES_NOT_FOUND"


def test_several_times_at_one_position_are_refused(tmp_path):
    positions = np.array([(oblique_affine() @ [0, 0, k // 2, 1])[:3] for k in range(6)])
    folder = write_series(tmp_path / "s", volume(), oblique_affine(), positions=positions)
    assert error_of(folder).code == "IMAGE_4D"


def test_a_scout_among_the_slices_is_refused(tmp_path):
    folder = write_series(tmp_path / "s", volume(), oblique_affine())
    write_series(tmp_path / "scout", volume(1), np.diag([1.0, 1, 1, 1]), uid="1.2.826.0.1")
    (tmp_path / "scout" / "IM0001.dcm").rename(folder / "scout.dcm")
    assert error_of(folder).code == "MIXED_SERIES"
    folder = write_series(tmp_path / "t", volume(), oblique_affine())
    write_series(tmp_path / "other", volume(1, 30, 30), oblique_affine(), uid="1.2.826.0.1")
    (tmp_path / "other" / "IM0001.dcm").rename(folder / "other.dcm")
    assert error_of(folder).code == "MIXED_SERIES"


def test_ultrasound_pictures_have_no_orientation(tmp_path):
    folder = write_series(tmp_path / "s", volume(3), np.eye(4), oriented=False)
    image = read_image(folder)
    assert not image.has_orientation and np.array_equal(image.voxels[..., 0], volume(3))
    assert not read_image(folder / "IM0001.dcm").has_orientation


def test_a_folder_without_dicom_says_what_to_give(tmp_path):
    assert error_of(tmp_path).code == "EMPTY_FOLDER"
    write_series(tmp_path / "within", volume(), oblique_affine())
    error = error_of(tmp_path)
    assert error.code == "EMPTY_FOLDER" and "directly above" in error.hint


def write_multiframe(path, slices: int) -> None:
    """One DICOM file of several frames; all such files are of one series."""
    pixels = sitk.GetImageFromArray(volume(slices).astype(np.uint8))
    tags = {"0008|0060": "MR", "0020|000d": "1.2.826.0", "0020|000e": "1.2.826.0.1"}
    for tag, value in tags.items():
        pixels.SetMetaData(tag, value)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetFileName(str(path))
    writer.Execute(pixels)


def test_one_file_of_several_frames_is_a_volume(tmp_path):
    write_multiframe(tmp_path / "a.dcm", 5)
    assert read_image(tmp_path).shape == (5, 20, 24)


def test_several_files_that_are_volumes_are_refused(tmp_path):
    write_multiframe(tmp_path / "a.dcm", 5)
    write_multiframe(tmp_path / "b.dcm", 5)
    error = error_of(tmp_path)
    assert error.code == "IMAGE_4D" and "2 files that are volumes" in error.message and "one of the files" in error.hint


def test_a_folder_holds_images_if_a_file_in_it_is_a_dicom_image(tmp_path):
    series = write_series(tmp_path / "series", volume(1), oblique_affine())
    assert holds_images(series) and not holds_images(tmp_path)
    (series / "A first.txt").write_text("Notes about the scan.")
    (series / "B folder").mkdir()
    assert holds_images(series)
    truncate(series / "IM0001.dcm", 0.02)
    assert not holds_images(series)
