"""Which file belongs to which case: several of one name, headers with their voxels, and letters in two forms."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from helpers.generated_dataset import write_discs, write_pixels, write_table
from resformer_unet.data.check.check_data import check_data
from resformer_unet.data.dataset import files_by_id, load_dataset, read_case_image
from resformer_unet.errors import EngineError
from resformer_unet.training_set.contents import list_cases
from resformer_unet.training_set.removing import remove_case

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "müller") for form in ("NFC", "NFD"))
PICTURE = np.arange(64, dtype=np.uint8).reshape(8, 8)


def dataset(folder: Path, *names: str) -> Path:
    """A table of these cases, whose images are there already."""
    return write_table(folder, [{"id": name, "label": "x", "split": "test", "group": name} for name in names])


@pytest.mark.parametrize("kind", ["images", "masks"])
@pytest.mark.parametrize("other", ["b.tif", "b.PNG", "b.seg.nrrd", "b"])
def test_several_files_for_one_case_are_refused_and_named(tmp_path, kind, other):
    for name in ("a", "b"):
        write_pixels(tmp_path / "images" / f"{name}.png", PICTURE)
        write_pixels(tmp_path / "masks" / f"{name}.png", PICTURE)
    if other == "b":
        (tmp_path / kind / other).mkdir()  # of DICOM files
    else:
        (tmp_path / kind / "b.png").with_name(other).write_bytes((tmp_path / kind / "b.png").read_bytes())
    with pytest.raises(EngineError) as caught:
        load_dataset(dataset(tmp_path, "a", "b"))
    assert caught.value.code == "FILE_AMBIGUOUS" and str(tmp_path / kind) in caught.value.message
    assert "“b”" in caught.value.message and "b.png" in caught.value.message and other in caught.value.message


def test_files_of_no_case_may_share_their_name(tmp_path):
    for name in ("a.png", "stray.png", "stray.tif"):
        write_pixels(tmp_path / "images" / name, PICTURE)
    assert [case.id for case in load_dataset(dataset(tmp_path, "a"))] == ["a"]


@pytest.mark.parametrize(
    ("header", "compressed"), [("a.hdr", False), ("a.mhd", False), ("a.mhd", True), ("a.nhdr", False), ("a.nhdr", True)]
)
def test_a_header_and_its_voxels_are_one_file(tmp_path, header, compressed):
    (tmp_path / "images").mkdir()
    voxels = np.arange(512, dtype=np.int16).reshape(8, 8, 8)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "images" / header), useCompression=compressed)
    assert len(list((tmp_path / "images").iterdir())) == 2
    (case,) = load_dataset(dataset(tmp_path, "a"))
    assert case.image.name == header and np.array_equal(read_case_image(case).voxels[..., 0], voxels)
    assert not {"FILE_AMBIGUOUS", "IMAGE_WITHOUT_ROW"} & {row.code for row in check_data(tmp_path).findings}


def test_the_packed_voxels_of_an_analyze_pair_are_no_second_file(tmp_path):
    for name in ("a.hdr", "a.img.gz", "b.img"):
        (tmp_path / name).touch()
    assert {name: path.name for name, path in files_by_id(tmp_path).items()} == {"a": "a.hdr", "b": "b.img"}


@pytest.mark.parametrize(("in_table", "on_disk"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_names_that_differ_in_their_unicode_form_only_are_the_same(tmp_path, in_table, on_disk):
    write_pixels(tmp_path / "images" / f"{COMPOSED}.png", PICTURE)
    mask = write_pixels(tmp_path / "masks" / f"{on_disk}.png", PICTURE)
    (case,) = load_dataset(dataset(tmp_path, in_table))
    assert case.id == case.group == COMPOSED and case.mask is not None and case.mask.samefile(mask)
    assert not {"MASK_WITHOUT_ROW", "MASK_MISNAMED", "MASK_MISSING"} & {
        row.code for row in check_data(tmp_path).findings
    }


def test_a_name_in_two_unicode_forms_is_no_two_cases(tmp_path):
    write_pixels(tmp_path / "images" / f"{COMPOSED}.png", PICTURE)
    with pytest.raises(EngineError, match="more than once"):
        load_dataset(dataset(tmp_path, COMPOSED, DECOMPOSED))


def test_a_case_is_removed_by_its_name_in_either_unicode_form(tmp_path):
    for name in ("a", DECOMPOSED):
        write_pixels(tmp_path / "images" / f"{name}.png", PICTURE)
    remove_case(dataset(tmp_path, "a", COMPOSED), DECOMPOSED)
    assert [case.id for case in list_cases(tmp_path)] == ["a"]
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["a.png"]


def test_a_training_refuses_a_case_of_two_files(tmp_path):
    data = write_discs(tmp_path / "data")
    write_pixels(data / "masks" / "test-0.tif", np.zeros((40, 40), np.uint8))
    report = check_data(data)
    assert [row.cases for row in report.errors if row.code == "FILE_AMBIGUOUS"] == [("test-0",)]
    with pytest.raises(EngineError) as caught:
        load_dataset(data, "train")
    assert caught.value.code == "FILE_AMBIGUOUS"
