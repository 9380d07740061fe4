"""Checks for data sets with which a training would quietly do something else than was meant."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.generated_dataset import disc_picture, write_discs, write_table
from helpers.tiny_model import tiny_descriptor
from resformer_unet.data.check.check_data import check_data
from resformer_unet.data.check.findings import Finding
from resformer_unet.data.dataset import load_dataset, read_case_image, read_case_mask
from resformer_unet.errors import EngineError


@pytest.fixture
def discs(tmp_path) -> Path:
    return write_discs(tmp_path, {"train": 12, "val": 4, "test": 4})


def findings(data: Path, descriptor: dict | None = None) -> dict[str, Finding]:
    return {finding.code: finding for finding in check_data(data, descriptor).findings}


def with_rows(data: Path, change: Callable[[dict], dict]) -> Path:
    columns = ("id", "label", "split", "group")
    rows = [{name: getattr(case, name) or "" for name in columns} for case in load_dataset(data)]
    return write_table(data, [{**row, **change(row)} for row in rows])


def save_masks(data: Path, drawn: Callable[[np.ndarray], Image.Image], splits: str = "train val test") -> None:
    """Replace the masks of these splits; ``drawn`` gets the disc as 0 and 255."""
    for index, case in enumerate(load_dataset(data)):
        if case.split in splits:
            drawn(disc_picture(index, bool(index % 2))[1]).save(case.mask)


def test_a_validation_split_without_masks_and_labels_cannot_choose_the_best_epoch(discs):
    for case in load_dataset(discs, "val"):
        case.mask.unlink()
    assert "VALIDATION_WITHOUT_TARGETS" not in findings(discs)  # there are labels
    with_rows(discs, lambda row: {"label": "" if row["split"] == "val" else row["label"]})
    found = findings(discs)["VALIDATION_WITHOUT_TARGETS"]
    assert found.error and "a mask with a segment or a label" in found.what
    assert findings(discs, tiny_descriptor())["VALIDATION_WITHOUT_TARGETS"].error


def test_empty_masks_of_the_validation_split_are_no_measure_of_a_segmentation(discs):
    save_masks(discs, lambda disc: Image.fromarray(0 * disc), "val")
    found = findings(discs)["SEGMENTS_NOT_MEASURED"]
    assert not found.error and "No mask in val" in found.what and "by the diagnosis alone" in found.what
    with_rows(discs, lambda row: {"label": ""})
    assert findings(discs)["VALIDATION_WITHOUT_TARGETS"].error


def test_a_case_with_neither_label_nor_mask_is_not_said_to_be_used(discs):
    (discs / "masks" / "train-0.png").unlink()
    with_rows(discs, lambda row: {"label": "" if row["id"] in ("train-0", "train-2") else row["label"]})
    found = findings(discs)
    assert found["CASE_WITHOUT_TARGET"].cases == ("train-0",)
    assert found["LABEL_MISSING"].cases == ("train-2",)
    assert "MASK_MISSING" not in found


def test_masks_that_are_all_empty_are_pointed_out(discs):
    save_masks(discs, lambda disc: Image.fromarray(0 * disc))
    assert "All 12 training masks are empty" in findings(discs)["MASKS_EMPTY"].what
    assert "MASKS_EMPTY" in findings(discs, tiny_descriptor())
    for case in load_dataset(discs):
        case.mask.unlink()
    assert findings(discs) == {}  # a set for the diagnosis only
    assert "No training case has a mask" in findings(discs, tiny_descriptor())["MASKS_EMPTY"].what


def test_cases_of_unknown_patients_are_pointed_out(discs):
    with_rows(discs, lambda row: {"group": "" if row["id"] == "val-1" else row["group"]})
    found = findings(discs)["GROUP_MISSING"]
    assert not found.error and found.cases == ("val-1",)


def test_a_segment_of_the_recipe_that_no_training_mask_holds_is_named(discs):
    descriptor = tiny_descriptor(segments=("rim", "core"))
    save_masks(discs, lambda disc: Image.fromarray(disc // 255))
    assert "core" in findings(discs, descriptor)["SEGMENT_WITHOUT_CASES"].what.casefold()
    assert "SEGMENT_WITHOUT_CASES" not in findings(discs, tiny_descriptor())


def test_masks_without_any_background_are_pointed_out(discs):
    white = np.full((40, 40), 255, np.uint8)
    save_masks(discs, lambda disc: Image.fromarray(np.dstack([white, disc]), "LA"))
    assert "12 of 12 training masks" in findings(discs)["MASKS_FULL"].what


@pytest.mark.parametrize("grey", [0, 255])
def test_a_mask_that_is_drawn_by_transparency_is_refused(discs, grey):
    layer = np.full((40, 40), grey, np.uint8)
    save_masks(discs, lambda disc: Image.fromarray(np.dstack([layer, layer, layer, disc]), "RGBA"))
    found = findings(discs)["MASK_VALUES_UNKNOWN"]
    assert found.error and "transparency" in found.what
    case = load_dataset(discs)[0]
    with pytest.raises(EngineError, match="transparency"):
        read_case_mask(case, read_case_image(case))


@pytest.mark.parametrize("alpha", [lambda disc: disc, lambda disc: 0 * disc + 255, lambda disc: 0 * disc])
def test_transparency_that_agrees_with_the_values_or_says_nothing_does_not_matter(discs, alpha):
    save_masks(discs, lambda disc: Image.fromarray(np.dstack([disc, disc, disc, alpha(disc)]), "RGBA"))
    assert findings(discs) == {}
    case = load_dataset(discs)[0]
    assert np.array_equal(read_case_mask(case, read_case_image(case))[0], disc_picture(0, False)[1])


def test_values_along_smoothed_edges_are_told_from_segments(discs):
    def smoothed(disc: np.ndarray) -> Image.Image:
        return Image.fromarray((disc // 2 + np.roll(disc, 1, axis=1) // 2) // 127 * 127)

    save_masks(discs, smoothed)
    found = findings(discs)
    assert set(found) == {"MASK_VALUES_BLURRED"} and "hold 127" in found["MASK_VALUES_BLURRED"].what
    save_masks(discs, lambda disc: Image.fromarray(disc // 255 + (disc > 0) * (np.arange(40) > 20)))
    assert findings(discs) == {}


def test_lines_alone_are_segments(discs):
    def border(disc: np.ndarray) -> Image.Image:
        return Image.fromarray(np.where(disc != np.roll(disc, 1, axis=1), 1 + (np.arange(40) > 20), 0).astype(np.uint8))

    save_masks(discs, border)
    assert "MASK_VALUES_BLURRED" not in findings(discs)


def test_a_label_in_two_unicode_forms_is_one_diagnosis(discs):
    names = {"train": "NFC", "val": "NFD", "test": "NFD"}
    with_rows(discs, lambda row: {"label": unicodedata.normalize(names[row["split"]], row["label"] + "ä")})
    assert findings(discs) == {}
    assert {case.label for case in load_dataset(discs)} == {"benignä", "malignantä"}


@pytest.mark.parametrize(("first", "second"), [("P01", "p01"), ("007", "7"), ("Patient 3", "patient_3")])
def test_a_patient_in_two_spellings_in_two_splits_is_pointed_out(discs, first, second):
    groups = {"train-0": first, "val-0": second}
    with_rows(discs, lambda row: {"group": groups.get(row["id"], row["group"])})
    found = findings(discs)["GROUPS_ALIKE"]
    assert not found.error and found.cases == (" = ".join(sorted((first, second))),)
    with_rows(discs, lambda row: {"group": {"train-0": first, "train-1": second}.get(row["id"], row["id"])})
    assert "GROUPS_ALIKE" not in findings(discs)  # they are in one split


@pytest.mark.parametrize(("width", "height"), [("1024px", "768"), ("1024", ""), ("inf", "768"), ("1024", "nan")])
def test_an_original_size_that_cannot_be_used_is_pointed_out(discs, width, height):
    with_rows(discs, lambda row: {"orig_w": "80", "orig_h": "60"})
    assert findings(discs) == {}
    bad = {"orig_w": width, "orig_h": height}
    with_rows(discs, lambda row: bad if row["id"] == "val-0" else {"orig_w": "", "orig_h": ""})
    assert findings(discs)["ORIGINAL_SIZE_INVALID"].cases == ("val-0",)
    assert {case.pixel_aspect for case in load_dataset(discs)} == {None}
