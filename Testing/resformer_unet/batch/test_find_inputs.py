"""Folders and lists of studies."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.dicom_files import RT_DOSE, SEGMENTATION, stored_values, write_frames, write_report
from helpers.synthetic_images import oblique_affine, volume, write_series, write_volume
from resformer_unet.batch.find_inputs import find_studies, read_list
from resformer_unet.errors import EngineError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder: Path, output: str = "out") -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_studies([folder], folder / output)]


def test_a_folder_of_studies_is_searched_for_images_and_series_in_the_order_of_names(tmp_path):
    write_series(tmp_path / "p2" / "t1", volume(2), oblique_affine())
    write_series(tmp_path / "p1" / "t1", volume(2), oblique_affine())
    write_volume(tmp_path / "p1" / "flair.nii.gz", volume(2), np.eye(4))
    touch(tmp_path, "a.PNG", "readme.txt", "p1/t1/notes.txt", "p3/empty/x.csv")
    assert found(tmp_path) == ["a.PNG", "p1/flair.nii.gz", "p1/t1", "p2/t1"]


def test_a_folder_with_a_dicom_image_is_one_study_and_the_folders_within_are_searched_too(tmp_path):
    write_series(tmp_path / "study", volume(2), oblique_affine())
    write_series(tmp_path / "study" / "other", volume(2), oblique_affine())
    touch(tmp_path, "study/preview.png", "study/more/x.png")
    assert found(tmp_path) == ["study", "study/more/x.png", "study/other"]


def test_a_folder_of_dicom_files_without_an_image_is_no_study_and_they_are_no_cases(tmp_path):
    write_report(tmp_path / "x.sr.dcm")
    for name, sop_class in (("x.seg.dcm", SEGMENTATION), ("dose.dcm", RT_DOSE)):
        write_frames(tmp_path / name, stored_values(2), range(2), sop_class=sop_class)
    touch(tmp_path, "x.png")
    assert found(tmp_path) == ["x.png"]
    (tmp_path / "x.png").unlink()
    assert found(tmp_path) == ["."]  # so that reading it reports the error


@pytest.mark.parametrize("name", ["a.jfif", "a.jpe", "a.NII.GZ", "a.j2k"])
def test_rarer_suffixes_are_found(tmp_path, name):
    touch(tmp_path, name)
    assert found(tmp_path) == [name]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names as on POSIX")
def test_a_pipe_with_the_name_of_an_image_is_passed_over(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    touch(tmp_path, "y.png")
    assert found(tmp_path) == ["y.png"]


def test_results_and_hidden_files_are_skipped(tmp_path):
    touch(tmp_path, "x.nii.gz", "x.seg.nrrd", "x.probability.lesion.nrrd", "x.json", "._x.nii.gz", ".cache/y.png")
    touch(tmp_path, "out/y.nrrd", "pair.hdr", "pair.img", "alone.img")
    touch(tmp_path, "OLD.HDR", "OLD.IMG")
    assert found(tmp_path) == ["OLD.HDR", "alone.img", "pair.hdr", "x.nii.gz"]
    assert found(tmp_path, output=".") == ["OLD.HDR", "alone.img", "out/y.nrrd", "pair.hdr", "x.nii.gz"]


def test_an_image_that_is_named_twice_is_taken_once(tmp_path):
    touch(tmp_path, "in/x.png", "in/y.png")
    (tmp_path / "in" / "circle").symlink_to(tmp_path / "in")
    inputs = [tmp_path / "in" / "y.png", tmp_path / "in", tmp_path / "in" / "x.png"]
    assert find_studies(inputs, tmp_path) == [tmp_path / "in" / "y.png", tmp_path / "in" / "x.png"]


def test_a_link_to_an_image_that_is_gone_stays_to_be_reported(tmp_path):
    touch(tmp_path, "in/x.png")
    for name in ("gone.nii.gz", "gone", ".#x.png"):
        (tmp_path / "in" / name).symlink_to("nowhere")
    assert find_studies([tmp_path / "in"], tmp_path) == [tmp_path / "in" / "gone.nii.gz", tmp_path / "in" / "x.png"]


def test_a_missing_path_and_a_folder_without_images_stay_to_be_reported(tmp_path):
    (tmp_path / "empty").mkdir()
    inputs = [tmp_path / "absent.png", tmp_path / "empty"]
    assert find_studies(inputs, tmp_path / "out") == inputs


@pytest.mark.parametrize(
    "content",
    [
        b"a/x.png\nh\xc3\xa4d.nii\n",
        b"\xef\xbb\xbfa/x.png\r\n\r\n  h\xc3\xa4d.nii",
        'a/x.png\r\n"häd.nii"\r\n'.encode("utf-16"),
    ],
    ids=["UTF-8", "as of Windows' editor", "as of PowerShell, with quotation marks"],
)
def test_a_list_has_one_path_a_line(tmp_path, monkeypatch, content):
    (tmp_path / "list.txt").write_bytes(content)
    assert read_list(tmp_path / "list.txt") == [Path("a/x.png"), Path("häd.nii")]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert read_list(Path("-")) == [Path("a/x.png"), Path("häd.nii")]


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "LIST_NOT_READABLE"), (b"\n \r\n", "LIST_EMPTY"), (b"\xff\xfeabc", "LIST_NOT_READABLE")],
)
def test_a_list_without_a_path_is_refused(tmp_path, content, code):
    if content is not None:
        (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(EngineError) as caught:
        read_list(tmp_path / "list.txt")
    assert caught.value.code == code and str(tmp_path / "list.txt") in str(caught.value)


def test_a_list_from_a_closed_standard_input_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)  # as Python has it then
    with pytest.raises(EngineError, match="it is closed") as caught:
        read_list(Path("-"))
    assert caught.value.code == "LIST_NOT_READABLE"
