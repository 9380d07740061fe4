"""The loop as a user goes through it, with real trainings of a tiny model: train, pause, resume, compare, use."""

from pathlib import Path

import pytest
import slicer

from helpers.generated_dataset import write_discs
from helpers.tiny_model import save_tiny

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

PATIENCE = 600  # seconds, on a computer that may be busy


@pytest.fixture
def tiny(tmp_path) -> Path:
    return save_tiny(tmp_path / "tiny").folder


@pytest.fixture
def discs(tmp_path) -> Path:
    return write_discs(tmp_path / "discs", {"train": 6, "val": 2, "test": 3})


def test_train_pause_resume_compare_and_use(mainWindow, learn, click, waitFor, longestBlock, discs, tiny):
    section = learn(model=tiny, folder=discs)
    part = section.training
    part.epochs.value = 40  # enough to be still training when the pause comes
    assert part.trainButton.text == "Train…" and not section.comparison.widget.isVisible()
    with longestBlock() as block:
        click(part.trainButton)
        assert part.isRunning and not part.pauseButton.isVisible()
        waitFor(lambda: not part.isRunning, PATIENCE)
        assert part.status.text.startswith("It will take about") and part.trainButton.text == "Start training"
        assert not (discs / "models").exists()  # nothing is written before the user has agreed

        click(part.trainButton)
        # Qt shows a widget that is new in a layout with the next pass of the event loop.
        waitFor(lambda: part.legend.text.startswith("Epoch") and part.view.isVisible(), PATIENCE)
        waitFor(lambda: "left" in part.status.text, PATIENCE)
        click(part.pauseButton)
        waitFor(lambda: part.resumeButton.isVisible(), PATIENCE)
    assert block.seconds < 2.0  # a generous bound for a busy machine
    assert part.status.text.startswith("Paused") and not part.trainButton.isVisible()

    click(part.resumeButton)  # and Slicer is closed in the midst of it
    waitFor(lambda: part.bar.value > 0 and "Training" in part.status.text, PATIENCE)
    section.cleanup()
    before = learn.nodes()

    section = learn(model=tiny, folder=discs)  # another session
    part = section.training
    assert "was interrupted" in part.status.text and part.legend.text.startswith("Epoch")
    click(part.resumeButton)
    waitFor(lambda: not part.isRunning, PATIENCE)
    assert part.status.text == "The training is complete: “tiny-1”."
    assert part.legend.text.startswith("Epoch 40") and part.trainButton.isVisible()

    comparison = section.comparison
    assert comparison.compareButton.isVisible() and not comparison.useButton.isVisible()
    click(comparison.compareButton)
    waitFor(lambda: comparison._program is None, PATIENCE)
    assert "cannot be told with so few cases: 3 held-out patients" in comparison.status.text
    assert comparison.table.rowCount >= 4 and comparison.worst.rowCount == 3
    assert "only 6 cases" in comparison.fewCases.text
    click(comparison.useButton)
    assert section.used == [str(discs / "models" / "tiny-1")]
    section.cleanup()
    assert not any(kind in name for name in learn.nodes() - before for kind in ("Plot", "Table"))


def test_cancelling_deletes_what_was_learnt_after_asking(learn, click, waitFor, answering, discs, tiny):
    import qt

    part = learn(model=tiny, folder=discs).training
    part.epochs.value = 500
    part._measured = part._choices()  # as after the measurement
    click(part.trainButton)
    output = Path(part._output)
    waitFor(lambda: "Training" in part.status.text, PATIENCE)
    with answering(qt.QMessageBox.Cancel) as seen:
        click(part.discardButton)
    assert "delete" in seen[0] and part.isRunning
    with answering(qt.QMessageBox.Ok):
        click(part.discardButton)
    waitFor(lambda: part.trainButton.isVisible(), PATIENCE)
    assert not output.exists() and not Path(f"{output}.training").exists()


def test_a_training_of_another_slicer_on_the_same_set_is_not_disturbed(learn, discs, tiny):
    from resformer_unet.learning.run_state import LearningState
    from resformer_unet.training.setup.run_folder import running

    (discs / "models" / "tiny-1.training").mkdir(parents=True)
    LearningState(str(discs), str(discs / "models" / "tiny-1"), str(tiny), {}, ()).save()
    with running(discs / "models" / "tiny-1"):
        part = learn(model=tiny, folder=discs).training
        assert part.intro.text.startswith("Another program is training")
        for button in (part.trainButton, part.resumeButton, part.discardButton):
            assert not button.isVisible()


def test_the_console_trains_and_compares(module, scene, discs, tiny):
    logic = module.ResFormerSegLogic()
    cases = logic.trainingCases(discs)
    assert len(cases) == 11 and cases[0]["split"] == "train"
    seen = []
    trained = logic.train(discs, tiny, epochs=1, progress=lambda *arguments: seen.append(arguments))
    assert ("training", 1, 1) in seen and Path(trained["folder"]).name == "tiny-1"
    comparison = logic.compareModels(discs, tiny, trained["folder"])["comparison"]
    assert comparison["verdict"] == "undecided"


def test_a_worst_case_is_loaded_on_click(learn, tmp_path, tiny):
    folder = write_discs(tmp_path / "volumes", {"test": 1}, suffix=".nrrd")  # slicer-core reads no PNG
    comparison = learn(model=tiny, folder=folder).comparison
    row = {
        "case": "test-0",
        "dice_first": 0.5,
        "dice_second": None,
        "probability_first": 0.2,
        "probability_second": 0.1,
    }
    comparison.showTrained("new", "old", str(folder))
    comparison._comparison = {"cases": [row], "figures": [], "patients": 1}
    comparison._fill()
    assert comparison.worst.item(0, 1).text() == "0.50 → –"
    before = slicer.mrmlScene.GetNumberOfNodes()
    comparison._onWorst(0, 0)
    assert slicer.mrmlScene.GetNumberOfNodes() > before, comparison.status.text
