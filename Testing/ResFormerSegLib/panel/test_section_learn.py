"""The Learn section: collecting corrected results, what the set holds, and what stands in the way of a training."""

from dataclasses import replace

import numpy as np
import pytest
import slicer

from helpers.learn_fixtures import LESION


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
