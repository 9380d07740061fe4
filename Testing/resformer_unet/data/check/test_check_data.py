"""Checks of data sets: each problem is named with its cases and a fix, and intended peculiarities are none."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from helpers.generated_dataset import disc_picture, write_discs, write_pixels, write_table
from helpers.paths import SHARED_DATA
from helpers.tiny_model import tiny_descriptor
from resformer_unet.cli.main import main
from resformer_unet.data.check.check_data import check_data
from resformer_unet.data.check.findings import DataReport, Finding
from resformer_unet.data.check.near_duplicates import SIDE, near_duplicates, thumbnail
from resformer_unet.data.dataset import load_dataset
from resformer_unet.errors import EngineError


def discs(folder: Path, **counts: int) -> Path:
    return write_discs(folder, counts or {"train": 12, "val": 4, "test": 4})


def rewritten(folder: Path, change: Callable[[list[dict]], list[dict]]) -> Path:
    """The data set with another table."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return write_table(folder, change(rows))


def each(**columns: Callable[[dict], str]) -> Callable[[list[dict]], list[dict]]:
    """Columns of every row computed anew."""
    return lambda rows: [{**row, **{name: new(row) for name, new in columns.items()}} for row in rows]


def found(folder: Path, code: str, descriptor: dict | None = None) -> Finding:
    findings = {finding.code: finding for finding in check_data(folder, descriptor).findings}
    assert code in findings, sorted(findings)
    assert findings[code].what.endswith(".") and findings[code].fix.endswith(".")
    return findings[code]


def codes(folder: Path, descriptor: dict | None = None) -> set[str]:
    return {finding.code for finding in check_data(folder, descriptor).findings}


def test_a_sound_set_has_no_findings_and_is_described(tmp_path):
    progress = []
    report = check_data(discs(tmp_path), progress=lambda *counts: progress.append(counts))
    assert report.findings == [] and report.table() == [] and "ready" in report.verdict
    assert report.summary == [
        "12 train, 4 val, 4 test cases, 20 of them with a mask; pictures",
        "labels: benign 10, malignant 10",
        "mask values: 255",
    ]
    assert progress[-1] == ("checking the data", 20, 20)


def test_a_folder_that_is_no_data_set_is_an_error(tmp_path):
    assert found(tmp_path, "DATASET_NOT_FOUND").error
    (tmp_path / "labels.csv").write_text("id,label,split,group\n")
    assert found(tmp_path, "DATASET_EMPTY").error


def test_rows_without_files_and_files_without_rows_are_distinguished(tmp_path):
    data = discs(tmp_path)
    (data / "images" / "train-3.png").unlink()
    shutil.copy(data / "images" / "train-0.png", data / "images" / "stray.png")
    shutil.copy(data / "masks" / "train-0.png", data / "masks" / "other.png")
    missing = found(data, "CASE_WITHOUT_IMAGE")
    assert missing.error and missing.cases == ("train-3",)
    assert found(data, "IMAGE_WITHOUT_ROW").cases == ("stray",) and not found(data, "IMAGE_WITHOUT_ROW").error
    assert found(data, "MASK_WITHOUT_ROW").cases == ("other",)


def test_ids_with_the_files_suffix_are_explained(tmp_path):
    data = rewritten(discs(tmp_path), each(id=lambda row: row["id"] + ".png"))
    assert "without its suffix" in found(data, "CASE_WITHOUT_IMAGE").fix


def test_two_files_for_one_case_are_an_error(tmp_path):
    data = discs(tmp_path)
    write_pixels(data / "images" / "val-0.nrrd", disc_picture(1, True)[0])
    assert found(data, "FILE_AMBIGUOUS").error and found(data, "FILE_AMBIGUOUS").cases == ("val-0",)


def test_a_missing_mask_is_named(tmp_path):
    data = discs(tmp_path)
    (data / "masks" / "train-4.png").unlink()
    finding = found(data, "MASK_MISSING")
    assert not finding.error and finding.cases == ("train-4",)


def test_a_class_without_masks_is_fine(tmp_path):
    data = discs(tmp_path)
    for case in load_dataset(data):
        if case.label == "benign":
            case.mask.unlink()
    assert codes(data) == set()


def test_masks_of_other_sizes_and_unreadable_files_are_named_together(tmp_path):
    data = discs(tmp_path)
    for name in ("train-1", "val-1"):
        write_pixels(data / "masks" / f"{name}.png", np.zeros((40, 41), np.uint8))
    (data / "images" / "train-0.png").write_bytes((data / "images" / "train-0.png").read_bytes()[:200])
    write_pixels(data / "images" / "test-0.png", np.full((40, 40), 7, np.uint8))
    assert found(data, "MASK_SIZE").error and found(data, "MASK_SIZE").cases == ("train-1", "val-1")
    assert found(data, "CORRUPT_IMAGE").cases == ("train-0",)
    assert found(data, "CONSTANT_IMAGE").cases == ("test-0",)


def stored_as(data: Path, name: str, values: Callable[[np.ndarray], np.ndarray]) -> None:
    mask = disc_picture(1, True)[1]
    write_pixels(data / "masks" / f"{name}.png", values(mask > 0).astype(np.uint8))


def test_mask_values_that_no_segment_has_are_an_error(tmp_path):
    data = discs(tmp_path)
    stored_as(data, "val-2", lambda inside: 7 * inside + 1)
    finding = found(data, "MASK_VALUES_UNKNOWN")
    assert finding.error and finding.cases == ("val-2",) and "1, 8" in finding.what
    assert found(data, "MASK_VALUES_UNKNOWN", tiny_descriptor()).cases == ("val-2",)


def test_a_single_segment_may_have_any_value(tmp_path):
    data = discs(tmp_path)
    assert codes(data, tiny_descriptor()) == set()  # 255, where the recipe says 1
    stored_as(data, "val-2", lambda inside: 3 * inside)
    assert codes(data) == set()


def test_masks_that_were_compressed_as_photographs_are_refused(tmp_path):
    data = discs(tmp_path)
    for index in range(6):
        stored_as(
            data, f"train-{index}", lambda inside: np.where(inside, 100 + 2 * np.arange(40)[:, None] + np.arange(40), 0)
        )
    assert found(data, "MASK_VALUES_MANY").error and "JPEG" in found(data, "MASK_VALUES_MANY").fix


def test_doubtful_mask_values_are_pointed_out(tmp_path):
    data = discs(tmp_path)
    stored_as(data, "train-3", lambda inside: 1 * inside)
    assert found(data, "MASK_VALUES_MIXED").cases == ("train-3",)
    stored_as(data, "train-3", lambda inside: np.where(inside, 255, 4))
    finding = found(data, "MASK_VALUE_RARE")
    assert not finding.error and finding.cases == ("train-3",) and "value 4" in finding.what


def test_a_group_in_two_splits_is_a_warning(tmp_path):
    data = rewritten(discs(tmp_path), each(group=lambda row: "p" if row["id"] in ("train-0", "val-1") else row["id"]))
    assert found(data, "GROUP_CROSSES").cases == ("p",) and not found(data, "GROUP_CROSSES").error


def with_near_duplicate(data: Path, of: str, name: str, **changes: str) -> Path:
    """Another case that is a brighter copy of one."""
    picture, mask = disc_picture(0, False)
    assert of == "train-0"
    write_pixels(data / "images" / f"{name}.png", (picture * 0.9 + 10).astype(np.uint8))
    write_pixels(data / "masks" / f"{name}.png", mask)
    row = {"id": name, "label": "benign", "split": "test", "group": name, **changes}
    return rewritten(data, lambda rows: [*rows, row])


def test_near_duplicates_in_two_splits_are_a_warning_unless_a_group_joins_them(tmp_path):
    finding = found(with_near_duplicate(discs(tmp_path / "a"), "train-0", "copy"), "NEAR_DUPLICATES_ACROSS_SPLITS")
    assert finding.cases == ("train-0 = copy",) and not finding.error
    joined = with_near_duplicate(discs(tmp_path / "b"), "train-0", "copy", group="train-0")
    assert codes(joined) == {"GROUP_CROSSES"}


def test_near_duplicates_with_two_labels_are_a_warning_unless_they_are_left_out(tmp_path):
    data = with_near_duplicate(discs(tmp_path), "train-0", "copy", split="train", label="malignant")
    assert found(data, "NEAR_DUPLICATES_DISAGREE").cases == ("train-0 = copy",)
    other = {"train-0": "copy", "copy": "train-0"}
    data = rewritten(data, each(label_conflict_with=lambda row: other.get(row["id"], "")))
    assert codes(data) == {"LABEL_CONFLICT"} and found(data, "LABEL_CONFLICT").cases == ("train-0", "copy")


def test_near_duplicates_share_the_fine_structure_and_not_the_rough_shape():
    random = np.random.default_rng(0)
    blob = np.exp(-((np.mgrid[-1:1:64j, -1:1:64j] ** 2).sum(0)))
    first, second = (100 * blob + random.normal(0, 10, (64, 64)) for _ in range(2))
    stored = [first, second, first * 0.5 + 20, 0 * first]
    thumbnails = np.stack([thumbnail(picture[None, ..., None]) for picture in stored])
    assert thumbnails.shape == (4, SIDE, SIDE) and near_duplicates(thumbnails).tolist() == [[0, 2]]
    assert thumbnail(first[None, :20, :9, None]).shape == (SIDE, SIDE)


def test_classes_that_cannot_be_learnt_or_measured_are_named(tmp_path):
    labels = {"train-0": "cyst", "val-0": "scar", "test-0": "mole"}
    data = rewritten(discs(tmp_path), each(label=lambda row: labels.get(row["id"], row["label"])))
    assert "scar" in found(data, "LABELS_UNKNOWN").what and found(data, "LABELS_UNKNOWN").error
    assert "mole" in found(data, "CLASS_ONLY_IN_TEST").what
    assert "“cyst” has only 1" in found(data, "CLASS_RARE").what
    assert "“cyst” has no cases in val and test" in found(data, "CLASS_NOT_MEASURED").what
    other = tiny_descriptor(diagnoses=("benign", "malignant", "cyst", "scar", "wart"))
    assert "wart" in found(data, "CLASS_WITHOUT_CASES", other).what


def test_one_class_is_a_warning_as_long_as_there_is_something_to_segment(tmp_path):
    data = rewritten(discs(tmp_path), each(label=lambda row: "benign"))
    assert codes(data) == {"ONE_CLASS"} and not found(data, "ONE_CLASS").error
    shutil.rmtree(data / "masks")
    assert "nothing to learn" in found(data, "DATASET_INVALID").what


def test_spellings_and_missing_labels_are_pointed_out(tmp_path):
    labels = {"train-0": "Benign", "train-2": ""}
    data = rewritten(discs(tmp_path), each(label=lambda row: labels.get(row["id"], row["label"])))
    assert "“Benign” and “benign”" in found(data, "LABELS_ALIKE").what
    assert found(data, "LABEL_MISSING").cases == ("train-2",)


def test_one_training_case_and_unknown_splits(tmp_path):
    assert "1 training and 2 validation cases" in found(discs(tmp_path / "a", train=1, val=2), "DATASET_INVALID").what
    data = rewritten(discs(tmp_path / "b"), each(split=lambda row: row["split"].replace("test", "Test")))
    assert "“Test”" in found(data, "SPLIT_UNKNOWN").what
    assert found(data, "NO_TEST_CASES").cases == ()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_tables_as_spreadsheets_save_them_are_read(tmp_path, encoding):
    data = discs(tmp_path)
    text = (data / "labels.csv").read_text("utf-8").replace(",", " , ").replace("benign", "Mélanome")
    (data / "labels.csv").write_text(text, encoding)
    assert codes(data) == set()
    assert {case.label for case in load_dataset(data)} == {"Mélanome", "malignant"}
    (data / "labels.csv").write_text(text, "latin-1")
    finding = found(data, "DATASET_INVALID")
    assert finding.error and "UTF-8" in finding.fix


def test_the_table_names_errors_first_and_the_exit_code_distinguishes_them_from_warnings(tmp_path, capsys):
    data = discs(tmp_path)
    (data / "masks" / "train-4.png").unlink()
    assert main(["check-data", str(data)]) == 0
    printed = capsys.readouterr().out
    assert "0 errors, 1 warning: ready for training." in printed and "(train-4)" in printed
    write_pixels(data / "masks" / "train-1.png", np.zeros((40, 41), np.uint8))
    assert main(["check-data", str(data)]) == 1
    printed = capsys.readouterr().out
    assert "how to fix it" in printed and printed.index("ERROR") < printed.index("warning   |")
    assert main(["check-data", str(tmp_path / "nothing")]) == 1


def test_a_training_begins_with_the_check(tmp_path, capsys):
    pytest.importorskip("monai", reason="the extra “train” is not installed")
    pytest.importorskip("lightning", reason="the extra “train” is not installed")
    data = discs(tmp_path / "data")
    for name in ("train-1", "val-1"):
        write_pixels(data / "masks" / f"{name}.png", np.zeros((40, 41), np.uint8))
    (data / "images" / "test-0.png").write_text("no image")
    assert main(["train", str(data), "--output", str(tmp_path / "model"), "--device", "cpu"]) == 1
    printed = capsys.readouterr().err
    assert "how to fix it" in printed and "Cases: train-1, val-1. 1 other error was found." in printed
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_many_cases_are_cut_short():
    report = DataReport("x")
    report.add(True, "BROKEN", "Broken.", "Fix it.", [str(number) for number in range(9)])
    assert "(0, 1, 2, 3, 4 and 4 more)" in " ".join(report.table())
    with pytest.raises(EngineError, match="Broken. Cases: 0, 1, 2, 3, 4 and 4 more. Fix it."):
        report.raise_first_error()


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the public sets in ../shared/data are absent")
def test_known_near_duplicates_of_a_public_set_are_warnings_that_do_not_stop_a_training(tmp_path):
    source = SHARED_DATA / "skin-lesion"
    with (source / "labels.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    splits = {group: {row["split"] for row in table if row["group"] == group} for group in {r["group"] for r in table}}
    rows = [row for row in table if len(splits[row["group"]]) > 1] + table[:30] + table[-10:]
    rows = list({row["id"]: row for row in rows}.values())
    for name in ("images", "masks"):
        (tmp_path / name).symlink_to(source / name)
    data = write_table(tmp_path, rows)
    assert check_data(data).errors == [] and "GROUP_CROSSES" in codes(data)
    assert "NEAR_DUPLICATES_ACROSS_SPLITS" in codes(rewritten(data, each(group=lambda row: row["id"])))
