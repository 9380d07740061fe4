"""Tables of labels as they come from spreadsheets, and the images and masks that belong to them."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from helpers.generated_dataset import COLUMNS, write_discs, write_pixels, write_table
from helpers.synthetic_images import oblique_affine, volume, write_volume
from resformer_unet.data.dataset import (
    Case,
    load_dataset,
    read_case_image,
    read_case_mask,
    without_groups_of,
)
from resformer_unet.data.masks import segment_masks
from resformer_unet.errors import EngineError


def row(name: str, label: str = "benign", split: str = "train", group: str = "", **more) -> dict:
    return {"id": name, "label": label, "split": split, "group": group, **more}


def dataset(folder, *rows: dict, **options):
    """A table with an image for every line."""
    for entry in rows:
        write_pixels(folder / "images" / f"{entry['id'].strip()}.png", np.zeros((4, 4), np.uint8))
    return write_table(folder, rows, **options)


def refusal(folder, split: str | None = None) -> EngineError:
    with pytest.raises(EngineError) as caught:
        load_dataset(folder, split)
    assert caught.value.message.endswith(".") and caught.value.hint.endswith(".")
    return caught.value


def test_cases_come_in_the_order_of_the_table(tmp_path):
    folder = dataset(tmp_path, row("b", split="test"), row("a"), row("c", label=""))
    assert [case.id for case in load_dataset(folder)] == ["b", "a", "c"]
    assert [case.label for case in load_dataset(folder)] == ["benign", "benign", None]
    assert [case.id for case in load_dataset(folder, "test")] == ["b"]


def test_a_case_knows_its_image_and_its_mask_if_there_is_one(tmp_path):
    folder = dataset(tmp_path, row("a"), row("b"))
    mask = write_pixels(tmp_path / "masks" / "a.nrrd", np.zeros((4, 4), np.uint8))
    first, second = load_dataset(folder)
    assert (first.image, first.mask) == (tmp_path / "images" / "a.png", mask)
    assert second.mask is None


def test_a_set_may_have_no_masks_at_all(tmp_path):
    assert load_dataset(dataset(tmp_path, row("a")))[0].mask is None


def test_a_byte_order_mark_and_stray_spaces_do_no_harm(tmp_path):
    dataset(tmp_path, row("a"))
    (tmp_path / "labels.csv").write_text(
        "id , label, split,group \r\n a, benign ,test , p1\r\n\r\n,,,\r\n", "utf-8-sig"
    )
    assert load_dataset(tmp_path, "test") == [Case("a", tmp_path / "images" / "a.png", None, "benign", "test", "p1")]


def test_a_line_may_end_early(tmp_path):
    dataset(tmp_path, row("a"))
    (tmp_path / "labels.csv").write_text("id,split,label,group,orig_w\na,train\n")
    (case,) = load_dataset(tmp_path)
    assert (case.label, case.group) == (None, "a")


def test_names_may_hold_dots_and_any_letters(tmp_path):
    write_pixels(tmp_path / "images" / "1.2.840.7.png", np.zeros((4, 4), np.uint8))
    write_pixels(tmp_path / "images" / "Läsion 脳.nii.gz", np.zeros((4, 4), np.uint8))
    write_pixels(tmp_path / "masks" / "1.2.840.7.seg.nrrd", np.zeros((4, 4), np.uint8))
    first, second = load_dataset(write_table(tmp_path, [row("1.2.840.7"), row("Läsion 脳")]))
    assert first.image.name == "1.2.840.7.png" and first.mask.name == "1.2.840.7.seg.nrrd"
    assert second.image.name == "Läsion 脳.nii.gz"


def test_without_a_group_a_case_is_its_own(tmp_path):
    assert [case.group for case in load_dataset(dataset(tmp_path, row("a"), row("b", group="p")))] == ["a", "p"]


def test_cases_in_conflict_with_another_are_left_out(tmp_path):
    rows = [row("a", label_conflict_with=""), row("b", label_conflict_with="c"), row("c", label_conflict_with="b")]
    assert [case.id for case in load_dataset(dataset(tmp_path, *rows))] == ["a"]


def test_a_patient_of_a_later_split_is_taken_out_of_an_earlier_one(tmp_path):
    rows = [row("a", group="p1"), row("b", group="p2"), row("c", split="test", group="p1")]
    cases = load_dataset(dataset(tmp_path, *rows))
    assert [case.id for case in without_groups_of(cases[:2], cases[2:])] == ["b"]


def test_a_folder_without_a_table_is_no_data_set(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        error = refusal(folder)
        assert error.code == "DATASET_NOT_FOUND" and "labels.csv" in str(error)


@pytest.mark.parametrize("missing", COLUMNS)
def test_a_missing_column_is_named(tmp_path, missing):
    dataset(tmp_path, row("a"))
    table = ",".join(name for name in COLUMNS if name != missing) + "\na,a,a\n"
    (tmp_path / "labels.csv").write_text(table)
    error = refusal(tmp_path)
    assert error.code == "DATASET_INVALID" and f"no column {missing}." in error.message


def test_semicolons_instead_of_commas_are_explained(tmp_path):
    dataset(tmp_path, row("a"))
    (tmp_path / "labels.csv").write_text("id;label;split;group\na;x;train;a\n")
    assert "commas" in refusal(tmp_path).hint


def test_an_empty_table_is_refused(tmp_path):
    (tmp_path / "labels.csv").touch()
    assert refusal(tmp_path).code == "DATASET_INVALID"
    (tmp_path / "labels.csv").write_text("id,label,split,group\n")
    assert refusal(tmp_path).code == "DATASET_EMPTY"


def test_another_encoding_is_refused_with_advice(tmp_path):
    dataset(tmp_path, row("a", label="mélanome"), encoding="latin-1")
    error = refusal(tmp_path)
    assert error.code == "DATASET_INVALID" and "UTF-8" in error.hint


def test_a_case_without_an_image_is_named(tmp_path):
    dataset(tmp_path, row("a"), row("b"), row("c"))
    for name in ("b", "c"):
        (tmp_path / "images" / f"{name}.png").unlink()
    error = refusal(tmp_path)
    assert error.code == "DATASET_INVALID" and "2 cases" in str(error) and "“b”" in str(error)


def test_a_case_named_twice_is_refused(tmp_path):
    error = refusal(dataset(tmp_path, row("a"), row("a", split="test")))
    assert error.code == "DATASET_INVALID" and "“a” more than once" in str(error)


def test_a_split_without_cases_is_refused_with_the_splits_there_are(tmp_path):
    error = refusal(dataset(tmp_path, row("a"), row("b", split="val")), "test")
    assert error.code == "DATASET_EMPTY" and "train, val" in error.hint


def test_a_squashed_picture_gets_its_true_aspect_back(tmp_path):
    folder = dataset(tmp_path, row("a", orig_w="80", orig_h="60"), row("b", orig_w="", orig_h="x"))
    squashed, unknown = load_dataset(folder)
    assert squashed.pixel_aspect == (60, 80) and unknown.pixel_aspect is None
    column_mm, row_mm, _ = read_case_image(squashed).spacing  # 4 x 4 pixels
    assert column_mm / row_mm == pytest.approx(80 / 60)
    assert np.allclose(read_case_image(unknown).spacing[0], read_case_image(unknown).spacing[1])


def test_an_image_with_orientation_keeps_its_spacing(tmp_path):
    write_pixels(tmp_path / "images" / "a.nrrd", np.zeros((3, 8, 9), np.uint8), (0.5, 0.7, 4))
    (case,) = load_dataset(write_table(tmp_path, [row("a", orig_w="80", orig_h="60")]))
    assert read_case_image(case).spacing.tolist() == [0.5, 0.7, 4]


def test_a_mask_is_read_on_the_grid_of_its_image(tmp_path):
    case = load_dataset(write_discs(tmp_path, {"train": 1}))[0]
    mask = read_case_mask(case, read_case_image(case))
    assert mask.shape == (1, 40, 40) and mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 255}


def test_a_mask_of_another_size_is_refused(tmp_path):
    case = load_dataset(write_discs(tmp_path, {"train": 1}))[0]
    write_pixels(tmp_path / "masks" / "train-0.png", np.zeros((40, 41), np.uint8))
    with pytest.raises(EngineError) as caught:
        read_case_mask(case, read_case_image(case))
    assert caught.value.code == "MASK_SIZE" and "train-0" in str(caught.value) and "41" in str(caught.value)


def case_with_mask(folder, mask: np.ndarray, suffix: str = ".nrrd") -> Case:
    """A case of 8 x 9 pixels with this mask, (rows, columns[, channels])."""
    image = write_pixels(folder / "images" / "a.png", np.zeros((8, 9), np.uint8))
    (folder / "masks").mkdir()
    path = folder / "masks" / f"a{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(mask, isVector=mask.ndim == 3), str(path))
    return Case("a", image, path, None, "train", "a")


def drawn(value, dtype) -> np.ndarray:
    mask = np.zeros((8, 9), dtype)
    mask[2:5, 3:7] = value
    return mask


@pytest.mark.parametrize("mask", [drawn(2, np.int32), drawn(2, np.float64), drawn(1.99999, np.float32)])
def test_masks_of_any_number_type_keep_their_whole_values(tmp_path, mask):
    case = case_with_mask(tmp_path, mask)
    read = read_case_mask(case, read_case_image(case))
    assert read.dtype == np.uint8 and np.array_equal(read[0], drawn(2, np.uint8))


@pytest.mark.parametrize(
    "mask",
    [
        drawn(0.5, np.float32),
        drawn(0.999, np.float32),
        drawn(np.nan, np.float32),
        drawn(256, np.uint16),
        drawn(-1, np.int16),
    ],
)
def test_mask_values_that_are_no_whole_numbers_up_to_255_are_refused(tmp_path, mask):
    case = case_with_mask(tmp_path, mask)
    with pytest.raises(EngineError) as caught:
        read_case_mask(case, read_case_image(case))
    assert caught.value.code == "MASK_VALUES_UNKNOWN" and "mask of a" in str(caught.value)


def test_a_mask_may_be_grey_stored_as_colour_but_not_coloured(tmp_path):
    grey, nothing, opaque = drawn(255, np.uint8), drawn(0, np.uint8), np.full((8, 9), 255, np.uint8)
    case = case_with_mask(tmp_path, np.dstack([grey, grey, grey, opaque]), ".png")
    assert np.array_equal(read_case_mask(case, read_case_image(case))[0], grey)
    green = case_with_mask(tmp_path / "green", np.dstack([nothing, grey, nothing]), ".png")
    with pytest.raises(EngineError, match="colours") as caught:
        read_case_mask(green, read_case_image(green))
    assert caught.value.code == "MASK_VALUES_UNKNOWN"


def volume_case(folder, mask_affine: np.ndarray) -> Case:
    image = write_volume(folder / "image.nrrd", volume(), oblique_affine())
    mask = write_volume(folder / "mask.nii.gz", (volume() % 2).astype(np.uint8), mask_affine)
    return Case("a", image, mask, None, "train", "a")


def test_a_mask_written_with_other_digits_than_its_image_is_on_the_same_grid(tmp_path):
    case = volume_case(tmp_path, oblique_affine() @ np.diag([1 + 1e-5, 1, 1, 1]))
    assert read_case_mask(case, read_case_image(case)).any()


@pytest.mark.parametrize("change", ["flipped", "shifted", "thinner"])
def test_a_mask_that_lies_elsewhere_than_its_image_is_refused(tmp_path, change):
    affine = oblique_affine()
    if change == "flipped":
        affine[:3, :2] *= -1
    elif change == "shifted":
        affine[:3, 3] += affine[:3, 0] / 2
    else:
        affine[:3, 2] *= 0.9
    case = volume_case(tmp_path, affine)
    with pytest.raises(EngineError) as caught:
        read_case_mask(case, read_case_image(case))
    assert caught.value.code == "MASK_GEOMETRY" and "voxels away" in str(caught.value)


def segments(*values: int) -> list[dict]:
    return [{"value": value, "name": f"Segment {value}"} for value in values]


def test_stored_values_become_one_mask_a_segment():
    stored = np.array([[[0, 1, 2], [4, 1, 0]]], np.uint8)
    masks = segment_masks(stored, segments(1, 2, 4))
    assert masks.shape == (3, 1, 2, 3) and masks.dtype == bool
    assert [mask.sum() for mask in masks] == [2, 1, 1]
    assert not segment_masks(stored * 0, segments(1, 2)).any()


def test_a_single_segment_may_have_any_value():
    stored = np.array([[[0, 255, 255]]], np.uint8)
    assert segment_masks(stored, segments(1)).sum() == 2


@pytest.mark.parametrize(("stored", "known"), [((0, 3), (1, 2)), ((1, 255), (1,))])
def test_values_that_no_segment_has_are_refused(stored, known):
    with pytest.raises(EngineError) as caught:
        segment_masks(np.array(stored, np.uint8).reshape(1, 1, -1), segments(*known))
    assert caught.value.code == "MASK_VALUES_UNKNOWN"
