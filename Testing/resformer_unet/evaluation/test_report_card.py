"""The report card: the page shows the evaluation's figures and needs no other file."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from datetime import date
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("matplotlib")

from helpers.generated_dataset import write_discs, write_table  # noqa: E402
from helpers.tiny_model import save_tiny, tiny_descriptor  # noqa: E402
from resformer_unet.cli.main import main  # noqa: E402
from resformer_unet.data.dataset import load_dataset  # noqa: E402
from resformer_unet.errors import EngineError  # noqa: E402
from resformer_unet.evaluation.evaluate import evaluate  # noqa: E402
from resformer_unet.evaluation.report_card.example_cases import choose_examples  # noqa: E402
from resformer_unet.evaluation.report_card.page import beside, report_page, write_report_card  # noqa: E402
from resformer_unet.inference.predictor import Predictor  # noqa: E402

CALIBRATION = {"method": "temperature", "temperature": 0.5, "fitted_on": "a test"}
POINT = {
    "threshold": 0.375, "target_sensitivity": 0.9, "sensitivity": 0.89, "specificity": 0.6, "positives": 37,
    "negatives": 161, "fitted_on": "a test",
}  # fmt: skip


class Page(HTMLParser):
    """Tables (rows of cells), pictures and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables, self.images, self.tags, self.text, self._cell = [], [], set(), "", None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "img":
            self.images.append(dict(attributes))
        self._cell = tag if tag in ("td", "th") else self._cell

    def handle_endtag(self, tag):
        self._cell = None if tag in ("td", "th") else self._cell

    def handle_data(self, data):
        self.text += data
        if self._cell:
            self.tables[-1][-1][-1] += data

    def row(self, name: str) -> list[str]:
        return next(row for table in self.tables for row in table if row[0] == name)[1:]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The report and the page of a tiny model on discs, two of them in pairs of one group, one without a lesion."""
    folder = tmp_path_factory.mktemp("card")
    data = write_discs(folder / "data", {"test": 8})
    with (data / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    write_table(data, [{**row, "group": f"g{index // 2}"} for index, row in enumerate(rows)])
    empty = sitk.GetImageFromArray(np.zeros((40, 40), np.uint8))
    sitk.WriteImage(empty, str(data / "masks" / "test-7.png"))
    diagnosis = tiny_descriptor()["diagnosis"]
    diagnosis["classes"][1] |= {"alert": True, "operating_point": POINT}
    bundle = save_tiny(folder / "tiny", calibration=CALIBRATION, diagnosis=diagnosis)
    output = folder / "out" / "report.json"
    assert main(["evaluate", str(data), "--model", str(bundle.folder), "--output", str(output)]) == 0
    return json.loads(output.read_text("utf-8")), Page(output.with_suffix(".html").read_text("utf-8")), output


def shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def test_the_figures_of_the_page_are_those_of_the_json(written):
    report, page, _ = written
    intervals = report["confidence"]["figures"]

    def expected(value, name):
        bounds = intervals[name]
        return [shown(value), "–" if bounds is None else f"{bounds[0]:.3f} to {bounds[1]:.3f}"]

    dice = expected(report["segmentation"]["dice"]["lesion"], "dice_lesion")
    assert page.row("Dice, Lesion") == [*dice, "7 cases"]
    rate = expected(report["segmentation"]["false_positive_rate"], "false_positive_rate")
    assert page.row("False positives in cases without a segment") == [*rate, "1 cases"]
    diagnosis = report["diagnosis"]
    assert page.row("Accuracy") == [*expected(diagnosis["accuracy"], "accuracy"), "8 diagnoses"]
    assert page.row("Macro AUC")[:2] == expected(diagnosis["macro_auc"], "macro_auc")
    malignant = [
        expected(diagnosis[key]["malignant"], f"{key}_malignant") for key in ("sensitivity", "specificity", "auc")
    ]
    assert page.row("Malignant") == ["4", *sum(malignant, [])]
    before, after = (shown(report["calibration"][f"ece_{key}"]) for key in ("before", "after"))
    assert f"Expected calibration error {after}; {before} before calibration by the temperature 0.5." in page.text


def test_sensitivity_and_specificity_at_the_operating_point_have_intervals(written):
    report, page, _ = written
    assert report["operating_points"] == {"malignant": POINT}
    cells = ["0.375"]
    for key in ("alert_sensitivity", "alert_specificity"):
        low, high = report["confidence"]["figures"][f"{key}_malignant"]
        cells += [shown(report["diagnosis"][key]["malignant"]), f"{low:.3f} to {high:.3f}"]
    assert ["Malignant", *cells] in [row for table in page.tables for row in table]
    assert "90% sensitivity" in page.text


def test_the_confusion_matrix_of_the_page_is_that_of_the_json(written):
    report, page, _ = written
    matrix = next(table for table in page.tables if table[0][0].startswith("true \\ predicted"))
    assert [[int(cell) for cell in row[1:]] for row in matrix[1:]] == report["confusion"]["counts"]


def test_every_case_and_every_group_has_a_line(written):
    report, page, _ = written
    for row in report["per_case"]:
        assert page.row(row["case"])[1] == shown((row["dice"] or {}).get("lesion"))
    for row in report["per_group"]:
        assert page.row(row["group"]) == [str(len(row["cases"])), shown((row["dice"] or {}).get("lesion"))]


def test_the_page_names_model_and_data_and_is_marked_as_no_medical_device(written):
    report, page, _ = written
    for words in (
        "Not a medical device",
        "tiny, version 1.0.0",
        report["model"]["sha256"],
        date.today().isoformat(),
        "8, of 4 patients or groups",
        "percentile bootstrap over groups",
        "2000 resamples of 4 groups",
    ):
        assert words in page.text


def test_the_page_needs_no_script_and_no_other_file(written):
    _, page, output = written
    text = output.with_suffix(".html").read_text("utf-8")
    assert not page.tags & {"script", "link", "iframe", "object"}
    assert "http" not in re.sub(r"data:[^\"]*", "", text) and "@import" not in text and "url(" not in text
    assert page.images and all(image["src"].startswith("data:image/") and image["alt"] for image in page.images)


def test_its_pictures_are_plots_and_cases_with_contours(written):
    from matplotlib.image import imread

    _, page, _ = written
    kinds = {"svg+xml": [], "jpeg": []}
    for image in page.images:
        start, _, content = image["src"].partition(";base64,")
        kinds[start.removeprefix("data:image/")].append(base64.b64decode(content))
    assert len(kinds["svg+xml"]) == 6  # Dice, Jaccard, ROC, reliability before and after, groups
    assert all(b"</svg>" in plot for plot in kinds["svg+xml"])
    with_reference = 0
    for content in kinds["jpeg"]:
        picture = imread(io.BytesIO(content), format="jpeg").astype(int)
        height, width, _ = picture.shape
        assert width == 2 * height + 6
        with_reference += (np.abs(picture[:, :height] - [255, 0, 0]).sum(-1) < 120).any()
    assert with_reference == 6  # two best, two median and two worst of the seven with a lesion


def test_best_median_and_worst_cases_are_chosen_by_dice_and_none_twice():
    rows = [
        {"case": str(i), "dice": {"lesion": i / 20}, "false_positive": None, "diagnosis": None, "label": None}
        for i in range(20)
    ]
    rows.append({**rows[0], "case": "empty", "dice": None, "false_positive": True})
    chosen = choose_examples(rows)
    names = {kind: [row["case"] for other, row, _ in chosen if other == kind] for kind, _, _ in chosen}
    assert names == {
        "best": ["19", "18", "17"], "worst": ["2", "1", "0"], "median": ["11", "10", "9"], "false positive": ["empty"]
    }  # fmt: skip
    for count in range(5):
        few = [row["case"] for _, row, _ in choose_examples(rows[:count])]
        assert len(few) == len(set(few)) == min(count, 3)


def card_of(data, tmp_path, **changes) -> Page:
    predictor = Predictor(save_tiny(tmp_path / "model", **changes), "cpu")
    report = evaluate(data, predictor)
    write_report_card(tmp_path / "card.html", report, load_dataset(data), predictor)
    return Page((tmp_path / "card.html").read_text("utf-8"))


def test_a_set_without_masks_is_shown_by_its_diagnoses(tmp_path):
    page = card_of(write_discs(tmp_path / "data", {"test": 6}, masks=False), tmp_path)
    assert page.row("Dice, Lesion") == ["–", "–", "0 cases"]
    assert "No case has a reference segmentation." in page.text
    assert page.row("Accuracy")[2] == "6 diagnoses"
    assert "Best" in page.text and "Worst" in page.text


def test_a_set_without_labels_is_shown_by_its_segmentations(tmp_path):
    page = card_of(write_discs(tmp_path / "data", {"test": 4}, labels=False), tmp_path)
    assert "No case has a label among the model's classes." in page.text
    assert page.row("Dice, Lesion")[2] == "4 cases"


def test_a_set_of_one_class_has_a_card_without_roc(tmp_path):
    data = write_discs(tmp_path / "data", {"test": 4})
    with (data / "labels.csv").open(encoding="utf-8") as file:
        write_table(data, [{**row, "label": "benign"} for row in csv.DictReader(file)])
    page = card_of(data, tmp_path)
    assert page.row("Malignant") == ["0", "–", "–", *page.row("Malignant")[3:5], "–", "–"]
    assert page.row("Benign")[5] == "–" and "Receiver operating" not in page.text


@pytest.mark.parametrize("task", [{"segments": ()}, {"diagnoses": ()}], ids=["no segmentation", "no diagnosis"])
def test_a_model_with_one_task_has_a_card_of_that_task(tmp_path, task):
    page = card_of(write_discs(tmp_path / "data", {"test": 4}), tmp_path, **task)
    assert ("Segmentation" in page.text) == ("diagnoses" in task)
    assert ("Confusion matrix" in page.text) == ("segments" in task)


def test_volumes_of_one_patient_have_a_line_with_their_diagnosis(tmp_path):
    volume = lambda picture, mask: (np.stack([picture] * 3), np.stack([mask, mask, 0 * mask]))  # noqa: E731
    data = write_discs(tmp_path / "data", {"test": 4}, change=volume, suffix=".nii.gz")
    with (data / "labels.csv").open(encoding="utf-8") as file:
        rows = [{**row, "group": f"p{i % 2}"} for i, row in enumerate(csv.DictReader(file))]
    write_table(data, rows)
    page = card_of(data, tmp_path)
    assert page.row("p1")[0] == "2" and page.row("p1")[2] == "Malignant"
    assert page.row("Accuracy")[2] == "2 diagnoses"
    assert page.row("False positives in slices without a segment")[2] == "4 slices"


def test_names_from_outside_cannot_break_the_page(tmp_path):
    page = card_of(write_discs(tmp_path / "data", {"test": 4}), tmp_path, title="<script>alert(1)</script> & co")
    assert "script" not in page.tags and "<script>alert(1)</script> & co: report card" in page.text


def test_failed_cases_and_warnings_are_on_the_page(tmp_path):
    data = write_discs(tmp_path / "data", {"test": 4})
    (data / "images" / "test-2.png").write_text("no image")
    page = card_of(data, tmp_path)
    assert "Warnings and failures" in page.text and "test-2.png" in page.text


def test_the_page_lies_beside_the_json_and_never_over_it(tmp_path):
    assert beside(tmp_path / "report.json") == tmp_path / "report.html"
    assert beside(tmp_path / "report.html") == tmp_path / "report.html.html"


def test_a_page_that_cannot_be_written_is_an_error_and_an_older_one_stays(written, tmp_path, monkeypatch):
    report, _, _ = written
    (tmp_path / "card.html").write_text("older")
    predictor = SimpleNamespace(bundle=save_tiny(tmp_path / "model", calibration=CALIBRATION))
    monkeypatch.setattr("resformer_unet.evaluation.report_card.page.draw_examples", lambda *_: [])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(EngineError) as caught:
        write_report_card(tmp_path / "card.html", report, [], predictor)
    assert caught.value.code == "DISK_FULL" and (tmp_path / "card.html").read_text() == "older"


@pytest.mark.parametrize("step", ["drawing", "writing"])
def test_evaluation_and_page_are_replaced_both_or_neither(tmp_path, monkeypatch, capsys, step):
    data, model = write_discs(tmp_path / "data", {"test": 2}), save_tiny(tmp_path / "model").folder
    command = ["evaluate", str(data), "--model", str(model), "--output", str(tmp_path / "report.json")]
    for name in ("report.json", "report.html"):
        (tmp_path / name).write_text("older")

    def fail(*_):
        raise OSError(28, "No space left on device")

    page = "resformer_unet.evaluation.report_card.page"
    with monkeypatch.context() as patched:
        patched.setattr(f"{page}.draw_examples" if step == "drawing" else f"{page}.evaluation_text", fail)
        assert main(command) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert [(tmp_path / name).read_text() for name in ("report.json", "report.html")] == ["older", "older"]
    assert main(command) == 0
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["cases"] == 2
    assert "Cases" in Page((tmp_path / "report.html").read_text("utf-8")).text
    assert not list(tmp_path.glob(".*"))


def test_the_same_evaluation_gives_the_same_page(written, tmp_path):
    report, _, _ = written
    bundle = save_tiny(tmp_path / "model", calibration=CALIBRATION)
    assert report_page(report, bundle, []) == report_page(report, bundle, [])
