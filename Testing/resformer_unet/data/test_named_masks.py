"""Masks whose files name their segments, such as .seg.nrrd: the names count, for other programs renumber them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from helpers.generated_dataset import write_pixels, write_table
from helpers.named_masks import write_named
from helpers.tiny_model import tiny_descriptor
from resformer_unet.data.check.check_data import check_data
from resformer_unet.data.dataset import Case, load_dataset, read_case_image, read_case_mask, read_case_segments
from resformer_unet.data.draft_descriptor import draft_descriptor
from resformer_unet.errors import EngineError

SHAPE = (3, 16, 20)
IDS = ("rv", "myocardium", "lv")
SEGMENTS = [
    {"id": name, "name": title, "value": value}
    for value, (name, title) in enumerate(zip(IDS, ("Right ventricle", "Myocardium", "Left ventricle"), strict=True), 1)
]


def labels() -> np.ndarray:
    """Each segment of :data:`SEGMENTS` with its value, and one column of each more than of the one before."""
    found = np.zeros(SHAPE, np.uint8)
    found[1, 4:9, 1:3], found[1, 4:9, 5:8], found[1, 4:9, 10:14] = 1, 2, 3
    return found


def truth() -> np.ndarray:
    return np.stack([labels() == value for value in (1, 2, 3)])


def rows(*values: int, layers: tuple[int, ...] = (0, 0, 0)) -> list[tuple]:
    return [(s["id"], s["name"], layer, value) for s, layer, value in zip(SEGMENTS, layers, values, strict=True)]


def case_with(folder: Path, voxels: np.ndarray, segments: list[tuple], **more) -> Case:
    image = write_pixels(folder / "images" / "a.nrrd", np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE))
    mask = write_named(folder / "masks" / "a.seg.nrrd", voxels, segments, **more)
    return Case("a", image, mask, None, "train", "a")


def read(case: Case, segments=tuple(SEGMENTS), exclusive: bool = True) -> np.ndarray:
    return read_case_segments(case, read_case_image(case), segments, exclusive)


def renumbered() -> np.ndarray:
    return np.array([0, 3, 1, 2], np.uint8)[labels()]


def in_layers() -> np.ndarray:
    """The myocardium alone in the second layer, with the value of another segment of the first."""
    return np.stack([np.array([0, 1, 0, 2], np.uint8)[labels()], (labels() == 2).astype(np.uint8)], axis=-1)


@pytest.mark.parametrize(
    ("voxels", "segments"),
    [
        (labels(), rows(1, 2, 3)),
        (renumbered(), rows(3, 1, 2)),
        (renumbered(), rows(3, 1, 2)[::-1]),
        (renumbered().astype(np.int16), rows(3, 1, 2)),
        (in_layers(), rows(1, 1, 2, layers=(0, 1, 0))),
    ],
    ids=["as written here", "renumbered", "in another order", "of another type", "in layers"],
)
def test_segments_are_found_by_their_ids_whatever_their_values_and_layers(tmp_path, voxels, segments):
    assert np.array_equal(read(case_with(tmp_path, voxels, segments)), truth())


def test_segments_with_other_ids_are_found_by_their_names_in_any_capitals(tmp_path):
    segments = [("Segment_3", "right VENTRICLE", 0, 3), ("Segment_1", "Myocardium", 0, 1), ("x", "LV", 0, 2)]
    assert np.array_equal(read(case_with(tmp_path, renumbered(), segments)), truth())


def test_a_segment_that_the_model_does_not_have_is_named_unless_it_is_empty(tmp_path):
    segments = [*rows(3, 1, 2)[1:], ("Segment_9", "Aorta", 0, 3), ("Segment_8", "Atrium", 0, 9)]
    with pytest.raises(EngineError) as caught:
        read(case_with(tmp_path, renumbered(), segments))
    assert caught.value.code == "MASK_VALUES_UNKNOWN" and "“Aorta”" in caught.value.message
    assert "Right ventricle" in caught.value.message and "Atrium" not in caught.value.message
    without = np.where(renumbered() == 3, 0, renumbered()).astype(np.uint8)
    found = read(case_with(tmp_path, without, segments))
    assert not found[0].any() and np.array_equal(found[1:], truth()[1:])


def test_voxels_that_belong_to_no_named_segment_are_refused(tmp_path):
    case = case_with(tmp_path, renumbered(), rows(3, 1, 2)[:2])
    for function in (read, lambda case: read_case_mask(case, read_case_image(case))):
        with pytest.raises(EngineError, match="voxels of the value 2") as caught:
            function(case)
        assert caught.value.code == "MASK_VALUES_UNKNOWN"


@pytest.mark.parametrize("without", [["Layer"], ["LabelValue"], ["Layer", "LabelValue"], ["Name"], ["ID"]])
def test_fields_that_are_missing_have_a_plain_meaning(tmp_path, without):
    assert np.array_equal(read(case_with(tmp_path, labels(), rows(1, 2, 3), without=without)), truth())
    if without != ["Layer"]:  # one layer a segment, as 3D Slicer 4.10 wrote them, with the value 1 in each
        layers = np.stack([mask.astype(np.uint8) for mask in truth()[[2, 0, 1]]], axis=-1)
        segments = [(*rows(1, 1, 1)[index][:2], place, 1) for place, index in enumerate((2, 0, 1))]
        assert np.array_equal(read(case_with(tmp_path, layers, segments, without=without)), truth())


def test_segments_that_overlap_are_refused_where_they_exclude_each_other(tmp_path):
    both = np.stack([labels() == 1, (labels() == 1) | (labels() == 2)], axis=-1).astype(np.uint8)
    case = case_with(tmp_path, both, rows(1, 1, 1, layers=(0, 1, 1))[:2])
    found = read(case, exclusive=False)
    assert np.array_equal(found[1], (labels() == 1) | (labels() == 2)) and np.array_equal(found[0], labels() == 1)
    with pytest.raises(EngineError, match="10 voxels") as caught:
        read(case)
    assert caught.value.code == "SEGMENTS_OVERLAP"


def test_a_single_segment_stands_for_a_models_single_one_whatever_its_name(tmp_path):
    mask = (labels() == 2).astype(np.uint8) * 7
    case = case_with(tmp_path, mask, [("Segment_1", "Segment_1", 0, 7), ("Segment_2", "empty", 0, 8)])
    lesion = [{"id": "lesion", "name": "Brain tumour", "value": 1}]
    assert np.array_equal(read(case, lesion)[0], labels() == 2)
    with pytest.raises(EngineError, match="“Segment_1”"):
        read(case)


def data_set(folder: Path, *masks: tuple[np.ndarray, list[tuple]]) -> Path:
    """Cases of the training split but for the last, which is of the validation."""
    for index, (voxels, segments) in enumerate(masks):
        pixels = np.random.default_rng(index).integers(0, 200, SHAPE).astype(np.int16)
        write_pixels(folder / "images" / f"{index}.nrrd", pixels)
        write_named(folder / "masks" / f"{index}.seg.nrrd", voxels, segments)
    splits = ["train"] * (len(masks) - 1) + ["val"]
    return write_table(folder, [{"id": i, "label": "", "split": s, "group": i} for i, s in enumerate(splits)])


def findings(folder: Path, descriptor: dict | None = None) -> dict[str, bool]:
    return {finding.code: finding.error for finding in check_data(folder, descriptor).findings}


def test_a_training_sees_the_same_masks_before_and_after_a_renumbering(tmp_path):
    arrays = pytest.importorskip("resformer_unet.training.input.arrays", reason="torch is not installed")
    descriptor = tiny_descriptor(IDS)
    plain = data_set(tmp_path / "plain", *[(labels(), rows(1, 2, 3))] * 3)
    other = data_set(tmp_path / "other", *[(renumbered(), rows(3, 1, 2))] * 3)
    first, second = (arrays.load_arrays(load_dataset(folder), descriptor).masks for folder in (plain, other))
    assert first.any() and (first == second).all()
    assert "MASK_VALUES_UNKNOWN" not in findings(other, descriptor)
    assert check_data(other, descriptor).mask_values == {str(index): {1, 2, 3} for index in range(3)}


def test_a_check_notices_what_a_training_would_refuse(tmp_path):
    both = np.stack([labels() == 1, labels() > 0], axis=-1).astype(np.uint8)
    folder = data_set(tmp_path, *[(both, rows(1, 1, 1, layers=(0, 1, 1))[:2])] * 3)
    descriptor = tiny_descriptor(IDS)
    assert "SEGMENTS_OVERLAP" not in findings(folder, descriptor)
    descriptor["segmentation"]["exclusive"] = True
    assert findings(folder, descriptor)["SEGMENTS_OVERLAP"]


def test_without_a_model_masks_that_name_their_values_differently_are_an_error(tmp_path):
    alike = data_set(tmp_path / "alike", *[(labels(), rows(1, 2, 3))] * 4)
    assert "MASK_NAMES_DIFFER" not in findings(alike)
    mixed = data_set(tmp_path / "mixed", *[(labels(), rows(1, 2, 3))] * 3, (renumbered(), rows(3, 1, 2)))
    assert findings(mixed)["MASK_NAMES_DIFFER"] is True
    assert "MASK_NAMES_DIFFER" not in findings(mixed, tiny_descriptor(IDS))


def test_with_a_single_value_other_names_are_only_pointed_out(tmp_path):
    mask = (labels() == 2).astype(np.uint8)
    folder = data_set(tmp_path, *[(mask, [("a", name, 0, 1)]) for name in ("Tumour", "tumour", "Segment_1")])
    assert findings(folder)["MASK_NAMES_DIFFER"] is False


def test_a_drafted_model_has_the_names_of_the_masks_and_finds_them_again(tmp_path):
    folder = data_set(tmp_path, *[(renumbered(), rows(3, 1, 2))] * 3)
    cases = load_dataset(folder)
    segments = draft_descriptor("heart", cases, (32, 32))["segmentation"]["segments"]
    assert [(row["id"], row["name"], row["value"]) for row in segments] == [
        ("myocardium", "Myocardium", 1),
        ("left_ventricle", "Left ventricle", 2),
        ("right_ventricle", "Right ventricle", 3),
    ]
    again = read_case_segments(cases[0], read_case_image(cases[0]), segments, True)
    assert np.array_equal(again, truth()[[1, 2, 0]])
