"""The Learn section: collecting corrected results, what the set holds, and what stands in the way of a training."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import slicer

from helpers.learn_fixtures import LESION
from helpers.scene_helpers import makeVolume


def choose(section, diagnosis: str, patient: str) -> None:
    section.collecting.diagnosis.setCurrentIndex(section.collecting.diagnosis.findData(diagnosis))
    section.collecting.patient.text = patient


def test_the_diagnosis_and_the_patient_must_be_stated_before_a_case_can_be_added(learn):
    part = learn().collecting
    assert part.diagnosis.currentIndex == -1 and not part.button.enabled
    assert part.status.text == "Choose the confirmed diagnosis."
    part.diagnosis.setCurrentIndex(part.diagnosis.findData("glioma"))
    assert part.status.text.startswith("Say which patient") and not part.button.enabled
    part.patient.text = "17"
    assert part.button.enabled and not part.status.isVisible()


def test_without_a_folder_or_a_result_the_reason_is_given(learn):
    section = learn(folder="")
    choose(section, "glioma", "17")
    assert section.collecting.status.text == "Choose a folder for the training set."
    assert not section.cases.openButton.enabled and not section.cases.table.isVisible()
    section.clear()
    assert "Press Apply first" in section.collecting.button.toolTip and not section.collecting.button.enabled


def test_a_corrected_result_comes_into_the_set_by_the_real_worker(learn, click, waitFor, longestBlock, tmp_path):
    from resformer_unet.data.dataset import load_dataset, read_case_image, read_case_mask

    section = learn()
    choose(section, "meningioma", "Doe")
    section.collecting.author.text = "Ada"
    with longestBlock() as block:
        click(section.collecting.button)
        waitFor(lambda: section.collecting._job is None, timeout=60)
    assert block.seconds < 2.0  # a generous bound for a busy machine
    assert section.collecting.status.text == "Added as case-0001, split “train”."
    [case] = load_dataset(tmp_path / "set")
    image = read_case_image(case)
    assert np.array_equal(image.voxels[..., 0], np.arange(4 * 16 * 20).reshape(4, 16, 20) % 100)
    expected = np.zeros((4, 16, 20))
    expected[LESION] = 1
    assert np.array_equal(read_case_mask(case, image), expected) and case.label == "meningioma"
    assert [section.cases.table.item(0, column).text() for column in range(4)] == [
        "case-0001", "meningioma", "train", "Ada",
    ]  # fmt: skip
    assert "1 train" in section.cases.counts.text

    click(section.collecting.button)  # the same image once more
    waitFor(lambda: section.collecting._job is None, timeout=60)
    assert "already" in section.collecting.status.text and section.cases.table.rowCount == 1


def test_a_case_is_removed_after_asking(learn, click, answering, tmp_path):
    import qt

    section = learn()
    addCases(tmp_path / "set", "glioma")
    section.refresh()
    section.cases.table.selectRow(0)
    with answering(qt.QMessageBox.Cancel):
        click(section.cases.removeButton)
    assert section.cases.table.rowCount == 1
    with answering(qt.QMessageBox.Ok) as seen:
        click(section.cases.removeButton)
    assert "case-0001" in seen[0] and section.cases.table.rowCount == 0
    assert not list((tmp_path / "set" / "images").iterdir())


def test_segments_that_the_model_does_not_have_are_named(learn, module, tmp_path):
    from ResFormerSegLib.errors import ResFormerSegError

    section = learn()
    result = section.collecting._result
    result.segmentationNode.GetSegmentation().AddEmptySegment("edema", "Edema")
    logic = module.ResFormerSegLogic()
    for changed, code in (
        (result, "SEGMENT_UNKNOWN"),
        (replace(result, segmentationNode=emptySegmentation()), "NO_SEGMENTS"),
    ):
        with pytest.raises(ResFormerSegError) as caught:
            logic.collect(changed, "glioma", "17", tmp_path / "set")
        assert caught.value.code == code
    with pytest.raises(ResFormerSegError) as caught:
        logic.collect(result, "benign", "17", tmp_path / "set")
    assert caught.value.code == "DIAGNOSIS_UNKNOWN" and "glioma" in caught.value.hint


def test_a_segmentation_that_was_erased_teaches_that_there_is_no_lesion(learn, module, tmp_path):
    section = learn()
    result = section.collecting._result
    segmentation = result.segmentationNode.GetSegmentation()
    segmentation.RemoveSegment(segmentation.GetNthSegmentID(0))
    segmentation.AddEmptySegment("lesion", "Lesion")
    case = module.ResFormerSegLogic().collect(result, None, "17", tmp_path / "set")
    assert case["isEmpty"] and case["label"] == ""


@pytest.mark.parametrize(
    ("labels", "words"),
    [((), "no cases yet"), (("glioma",), "1 of the cases"), (("glioma",) * 4, "the same diagnosis, Glioma")],
)
def test_what_the_set_lacks_for_a_training_is_said(learn, tmp_path, labels, words):
    addCases(tmp_path / "set", *labels)
    section = learn()
    assert words in section.training.intro.text and not section.training.trainButton.enabled


def test_that_nothing_is_kept_for_the_comparison_is_said_before_the_training(learn, tmp_path):
    labels = ("glioma", "meningioma", "pituitary")
    addCases(tmp_path / "set", *labels * 2)
    section = learn()
    assert "No case is kept for testing" in section.training.intro.text and section.training.trainButton.enabled
    addCases(tmp_path / "larger", *labels * 4)
    section = learn(folder=str(tmp_path / "larger"))
    assert section.training.intro.text.startswith("Trains “") and "testing" not in section.training.intro.text


def test_before_packages_are_installed_the_user_is_told_their_size(learn, click, answering, monkeypatch, tmp_path):
    import qt

    from ResFormerSegLib.install import training_packages

    addCases(tmp_path / "set", *("glioma", "meningioma", "pituitary") * 4)
    section = learn()
    monkeypatch.setattr(training_packages, "missingTrainingPackages", lambda: ["lightning", "monai"])
    with answering(qt.QMessageBox.Cancel) as seen:
        click(section.training.trainButton)
    assert "about 6 MB" in seen[0] and section.training.status.text == "Nothing was installed."
    assert not section.training.isRunning


def test_a_damaged_table_is_reported_in_its_place(learn, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "labels.csv").write_text("name,diagnosis\n")
    section = learn()
    assert "has no column" in section.cases.counts.text and "has no column" in section.training.intro.text


def addCases(folder, *labels: str) -> None:
    from resformer_unet.image.medical_image import image_from_array
    from resformer_unet.training_set.adding import add_case

    for number, label in enumerate(labels):
        voxels = number + np.arange(3 * 16 * 16, dtype=np.int16).reshape(3, 16, 16)
        image = image_from_array(voxels, np.eye(4), "x")
        add_case(folder, image, np.ones((3, 16, 16), np.uint8), label=label, patient=str(number))


def emptySegmentation():
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Empty")


def test_a_result_of_some_slices_says_that_the_others_come_into_the_set_as_well(learn):
    section = learn()
    part, result = section.collecting, section.collecting._result
    assert "analysed" not in part.status.text
    few = replace(result, report={**result.report, "slices": result.report["slices"][1:3]})
    section.showResult(few, result.volumeNode)
    assert "Only slices 1 to 2 of 0 to 3 were analysed" in part.status.text
    assert part.status.text.startswith("Choose the confirmed diagnosis.")
    section.showResult(result, result.volumeNode)
    assert "analysed" not in part.status.text


@pytest.mark.parametrize("isRefused", [False, True])
def test_a_case_that_was_added_meanwhile_is_not_taken_for_that_of_the_next_result(learn, click, isRefused):
    from ResFormerSegLib.errors import ResFormerSegError

    logic = SimpleNamespace(collect=lambda *arguments, **given: called.append(given))
    section, called = learn(logic=logic), []
    part, first = section.collecting, section.collecting._result
    for shown in (first, replace(first, volumeNode=makeVolume((4, 16, 20), name="Next patient"))):
        section.showResult(first, first.volumeNode)
        choose(section, "glioma", "17")
        part._job = None
        click(part.button)
        section.showResult(shown, shown.volumeNode)
        if isRefused:
            called[-1]["onFailed"](ResFormerSegError("CASE_KNOWN", "This image is in the set."))
        else:
            called[-1]["onFinished"]({"id": "case-0001", "split": "train", "isEmpty": False})
        words = "This image is in the set." if isRefused else "Added as case-0001, split “train”."
        assert part.status.text == (words if shown is first else f"“Brain”: {words}")


class Programs:
    """A logic whose long commands begin and never end by themselves."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []
        self.begun: list[SimpleNamespace] = []

    def _begin(self, *arguments, **options) -> SimpleNamespace:
        self.asked.append(arguments)
        self.begun.append(SimpleNamespace(stop=lambda then=lambda: None: None, stopNow=lambda: None))
        return self.begun[-1]

    estimateTraining = train = compareModels = _begin


@pytest.fixture
def ready(learn, monkeypatch, tmp_path):
    """The section, with a set that suffices for a training, and its logic."""
    from ResFormerSegLib.panel import learn_training

    monkeypatch.setattr(learn_training, "canTrain", lambda: True)
    monkeypatch.setattr(learn_training, "whyNoTraining", lambda folder, descriptor: None)
    logic = Programs()
    return learn(logic=logic), logic


@pytest.mark.parametrize("change", ["set", "epochs"])
@pytest.mark.parametrize("isMeasuring", [False, True])
def test_what_was_not_measured_does_not_start(ready, click, tmp_path, change, isMeasuring):
    section, logic = ready
    part = section.training
    click(part.trainButton)
    changes = {
        "set": lambda: section.cases.setFolder(str(tmp_path / "other")),
        "epochs": lambda: part.epochs.setValue(7),
    }
    if isMeasuring:
        changes[change]()
    logic.begun[0].onFinished({"seconds": 60, "epochs": 30})
    if not isMeasuring:
        assert part.trainButton.text == "Start training" and "1 minute" in part.status.text
        changes[change]()
    assert part.trainButton.text == "Train…" and not part.status.text
    click(part.trainButton)
    assert part.status.text.startswith("Measuring")


def test_the_models_are_compared_on_the_set_that_the_new_one_was_trained_on(ready, click, tmp_path, monkeypatch):
    """In another set, a case of the same name is another patient's."""
    section, logic = ready
    own, part = section.cases.folder, section.training
    click(part.trainButton)
    logic.begun[0].onFinished({"seconds": 60, "epochs": 30})
    click(part.trainButton)
    for folder in (Path(own), tmp_path / "other"):
        (folder / "images").mkdir(parents=True)
        (folder / "images" / "case-0001.nrrd").touch()
    section.cases.setFolder(str(tmp_path / "other"))
    logic.begun[1].onFinished({"folder": "new"})
    click(section.comparison.compareButton)
    assert logic.asked[2][0] == own and own in section.comparison.compareButton.toolTip
    row = {f"{name}_{which}": 0.5 for name in ("dice", "probability") for which in ("first", "second")}
    logic.begun[2].onFinished({"comparison": {"cases": [{"case": "case-0001", **row}], "figures": [], "patients": 1}})
    loaded = []
    monkeypatch.setattr(slicer.util, "loadVolume", lambda file, properties: loaded.append(file))
    section.comparison._onWorst(0, 0)
    assert loaded == [str(Path(own) / "images" / "case-0001.nrrd")]


def test_a_case_of_one_slice_is_loaded_alone_and_not_as_a_stack_of_all_patients(ready, tmp_path):
    """Slicer's reader makes one volume of neighbours with numbers in their names."""
    import SimpleITK as sitk

    section, _logic = ready
    (tmp_path / "images").mkdir()
    for number in (1, 2, 3):
        image = sitk.GetImageFromArray(np.full((1, 8, 8), number, np.int16))
        sitk.WriteImage(image, str(tmp_path / "images" / f"case-000{number}.nrrd"))
    row = {f"{name}_{which}": 0.5 for name in ("dice", "probability") for which in ("first", "second")}
    section.comparison.showTrained("new", "old", str(tmp_path))
    section.comparison._comparison = {"cases": [{"case": "case-0002", **row}], "figures": [], "patients": 3}
    section.comparison._fill()
    section.comparison._onWorst(0, 0)
    voxels = slicer.util.arrayFromVolume(slicer.util.getNode("case-0002"))
    assert voxels.shape == (1, 8, 8) and (voxels == 2).all()


def test_cancelling_deletes_the_training_that_was_cancelled_whatever_set_is_chosen_then(
    ready, answering, click, monkeypatch, tmp_path
):
    import qt

    from ResFormerSegLib.panel import learn_training

    section, logic = ready
    part, ended, deleted = section.training, [], []
    click(part.trainButton)
    logic.begun[0].onFinished({"seconds": 60, "epochs": 30})
    click(part.trainButton)
    logic.begun[1].stop = lambda then: ended.append(then)
    own, other = part._output, {"output": str(tmp_path / "other-1"), "initial": "x", "isRunning": False}
    with answering(qt.QMessageBox.Ok):
        part.discard()
    monkeypatch.setattr(learn_training, "unfinishedTraining", lambda folder: other)
    monkeypatch.setattr(learn_training, "discardTraining", deleted.append)
    section.cases.setFolder(str(tmp_path / "other"))
    ended[0]()
    assert deleted == [own]
