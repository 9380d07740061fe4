"""Sound files with unusual names or of rarer kinds: read, or refused with the cause."""

from __future__ import annotations

import bz2
import gzip
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.dicom_files import stored_values, without_preamble, write_frames, write_report, write_slices
from helpers.synthetic_images import oblique_affine, volume, write_picture, write_volume
from resformer_unet.errors import EngineError
from resformer_unet.image.reading import read_image
from resformer_unet.image.writing import probability_file

NOT_UTF_8 = os.fsdecode(b"M\xfcller")  # Latin-1, as programs that unpack archives leave it


def error_of(path: Path) -> EngineError:
    with pytest.raises(EngineError) as caught:
        read_image(path)
    return caught.value


@pytest.mark.parametrize("name", ["UPPER.NII.GZ", "x.nii", "no-suffix", "x.png"])
def test_a_compressed_nifti_is_read_by_whatever_name(tmp_path, name):
    path = write_volume(tmp_path / "plain.nii.gz", volume(), oblique_affine())
    path.rename(tmp_path / name)
    assert np.array_equal(read_image(tmp_path / name).voxels[..., 0], volume())


@pytest.mark.parametrize("name", ["x.nii.gz", "no-suffix"])
def test_a_nifti_that_is_not_compressed_is_read_by_whatever_name(tmp_path, name):
    path = write_volume(tmp_path / "plain.nii", volume(), oblique_affine())
    path.rename(tmp_path / name)
    assert np.array_equal(read_image(tmp_path / name).voxels[..., 0], volume())


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX")
@pytest.mark.parametrize("kind", [".png", ".nii.gz", ".nrrd", ".tif"])
def test_a_name_that_is_no_utf_8_is_read(tmp_path, kind):
    write = write_picture if kind in (".png", ".tif") else lambda path, voxels: write_volume(path, voxels, np.eye(4))
    voxels = volume(1)[0].astype(np.uint8) if kind in (".png", ".tif") else volume()
    write(tmp_path / f"plain{kind}", voxels).rename(tmp_path / (NOT_UTF_8 + kind))
    image = read_image(tmp_path / (NOT_UTF_8 + kind))
    assert np.array_equal(np.squeeze(image.voxels), voxels) and image.name == NOT_UTF_8


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX")
def test_a_series_in_a_folder_whose_name_is_no_utf_8_is_read(tmp_path):
    write_slices(tmp_path / "series", stored_values())
    (tmp_path / "series" / "IM002.dcm").rename(tmp_path / "series" / NOT_UTF_8)
    (tmp_path / "series").rename(tmp_path / NOT_UTF_8)
    assert np.array_equal(read_image(tmp_path / NOT_UTF_8).voxels[..., 0], stored_values())


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX")
def test_results_are_written_into_a_folder_whose_name_is_no_utf_8(tmp_path):
    image = read_image(write_volume(tmp_path / "x.nrrd", volume(), oblique_affine()))
    folder = tmp_path / NOT_UTF_8
    with probability_file(folder / "x.nrrd", np.ones(image.shape, np.uint8), image):
        pass
    assert os.listdir(folder) == ["x.nrrd"] and (read_image(folder / "x.nrrd").voxels == 1).all()


def test_a_nifti_2_is_named(tmp_path):
    header = bytes(4) + b"n+2\0\r\n\x1a\n" + bytes(600)
    (tmp_path / "x.nii").write_bytes(header)
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(header))
    for name in ("x.nii", "x.nii.gz"):
        error = error_of(tmp_path / name)
        assert error.code == "UNSUPPORTED_FORMAT" and "NIfTI-2" in error.message


def bzip2_nrrd(path: Path, data: bytes | None = None, **fields: str) -> Path:
    """A file as pynrrd writes it."""
    written = write_volume(path, volume(), oblique_affine()).read_bytes()
    header, _, voxels = written.partition(b"\n\n")
    lines = [line for line in header.splitlines() if not line.startswith(b"encoding")]
    lines += [b"encoding: bzip2", *(f"{name}: {value}".encode() for name, value in fields.items())]
    path.write_bytes(b"\n".join(lines) + b"\n\n" + (bz2.compress(voxels) if data is None else data))
    return path


def test_a_bzip2_nrrd_is_read_with_its_geometry(tmp_path):
    image = read_image(bzip2_nrrd(tmp_path / "x.nrrd"))
    assert np.array_equal(image.voxels[..., 0], volume()) and image.name == "x" and image.has_orientation
    assert np.allclose(image.affine, oblique_affine())


@pytest.mark.parametrize("data", [b"", b"BZh", b"no bzip2", bz2.compress(bytes(100)), bz2.compress(bytes(9000))[:-30]])
def test_a_damaged_bzip2_nrrd_is_called_damaged(tmp_path, data):
    assert error_of(bzip2_nrrd(tmp_path / "x.nrrd", data)).code == "CORRUPT_IMAGE"


def test_a_bzip2_nrrd_with_a_file_for_its_voxels_is_named(tmp_path):
    error = error_of(bzip2_nrrd(tmp_path / "x.nhdr", **{"data file": "x.raw.bz2"}))
    assert error.code == "UNSUPPORTED_FORMAT" and "bzip2" in error.message


def test_a_tiff_with_12_bits_is_read(tmp_path):
    pixels = np.arange(20 * 24, dtype=np.uint16).reshape(20, 24) * 8
    a, b = pixels[:, ::2], pixels[:, 1::2]  # two pixels lie in three bytes, the most significant bits first
    packed = np.stack([a >> 4, (a & 15) << 4 | b >> 8, b & 255], axis=-1).astype(np.uint8).tobytes()
    values = {256: 24, 257: 20, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 20, 279: len(packed)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in values.items())
    directory = struct.pack("<H", len(values)) + entries + bytes(4)
    (tmp_path / "x.tif").write_bytes(struct.pack("<2sHI", b"II", 42, 8 + len(packed)) + packed + directory)
    assert np.array_equal(read_image(tmp_path / "x.tif").voxels[0, :, :, 0], pixels)


@pytest.mark.parametrize(("name", "data"), [("x.nhdr", "x.raw"), ("x.mhd", "x.raw")])
def test_a_header_without_its_voxels_names_the_missing_file(tmp_path, name, data):
    if name == "x.mhd":
        write_volume(tmp_path / name, volume(), np.eye(4))
        (tmp_path / data).unlink()
    else:
        text = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 9 9 9\nencoding: raw\ndata file: x.raw\n\n"
        (tmp_path / name).write_text(text)
    error = error_of(tmp_path / name)
    assert error.code == "DATA_FILE_MISSING" and data in error.message


def test_dicom_without_preamble_is_read(tmp_path):
    folder = write_slices(tmp_path / "s", stored_values())
    for file in folder.iterdir():
        without_preamble(file)
    assert np.array_equal(read_image(folder).voxels[..., 0], stored_values())
    assert np.array_equal(read_image(folder / "IM003.dcm").voxels[0, ..., 0], stored_values()[2])


@pytest.mark.parametrize(
    ("sop_class", "words"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.11", "Basic Text SR"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "RT Structure Set"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "Presentation State"),
        ("1.2.840.10008.1.3.10", "Media Storage Directory"),
        ("1.2.840.10008.5.1.4.1.1.30", "Parametric Map"),
    ],
)
def test_dicom_without_an_image_says_what_it_is(tmp_path, sop_class, words):
    error = error_of(write_report(tmp_path / "x.dcm", sop_class))
    assert error.code == "DICOM_WITHOUT_IMAGE" and words in error.message


def test_reports_beside_a_series_are_no_missing_slices(tmp_path):
    folder = write_slices(tmp_path / "s", stored_values())
    write_report(folder / "report.dcm")
    assert read_image(folder).warnings == ()


def test_pictures_beside_a_dicom_file_are_not_dropped_without_a_word(tmp_path):
    folder = write_slices(tmp_path / "s", stored_values())
    for index in range(5):
        write_picture(folder / f"p{index}.png", np.zeros((9, 9), np.uint8))
    (warning,) = read_image(folder).warnings
    assert warning["code"] == "OTHER_IMAGES_SKIPPED"
    assert "5 other image files" in warning["message"] and "p0.png, p1.png, p2.png and 2 more" in warning["message"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names as on POSIX")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    assert error_of(tmp_path / "x.png").code == "NOT_A_FILE"


@pytest.mark.parametrize(
    ("package", "write"),
    [
        ("pydicom", lambda folder: write_frames(folder / "x.dcm", stored_values(), range(6))),
        ("tifffile", lambda folder: write_picture(folder / "x.tif", np.zeros((9, 9), np.uint8))),
        ("PIL.Image", lambda folder: write_picture(folder / "x.bmp", np.zeros((9, 9), np.uint8))),
        ("PIL.Image", lambda folder: write_picture(folder / "x.jpg", np.zeros((9, 9), np.uint8))),
    ],
)
def test_a_package_that_is_not_installed_is_named(tmp_path, monkeypatch, package, write):
    path = write(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)  # as Python has it for a package that is not found
    monkeypatch.delattr("PIL.Image", raising=False)
    error = error_of(path)
    assert error.code == "PACKAGE_MISSING" and error.hint.startswith("Get it with: pip install p") == (
        package != "tifffile"
    )
