"""Goes through the tutorial's part on learning as a user does, on synthetic spots, and takes its screenshots.

    python Testing/learning_screenshots.py [--output build/learning] [--cases 40] [--epochs 30]

Five results are corrected and added by hand, the other pictures as from the console; then the panel trains, pauses,
resumes, compares and uses the new model. Writes panel-collect.png, panel-train.png and panel-learn.png. The model that
it begins with is trained for a few epochs, and kept in the folder for the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import time
from pathlib import Path

import numpy as np

os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer  # noqa: E402

import slicer_bed  # noqa: E402
from draw_training_set import DARKNESS, drawTrainingSet  # noqa: E402
from helpers.paths import MODULE, ROOT  # noqa: E402
from helpers.synthetic_samples import skinSample  # noqa: E402
from screenshots import applyAndWait, grabWholePanel  # noqa: E402
from slicer_bed.dialogs import answering  # noqa: E402
from slicer_bed.main_window import MainWindow  # noqa: E402
from slicer_bed.mouse import clickOn  # noqa: E402
from slicer_bed.watch import LongestBlock, waitFor  # noqa: E402

LONGEST = 1800  # seconds
CORRECTED = 5


def main() -> None:
    parser = argparse.ArgumentParser(description="Goes through the tutorial's part on learning.")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "learning")
    parser.add_argument("--cases", type=int, default=40, help="pictures beside the five that are corrected")
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    model = spotModel(options.output)
    folder = options.output / "my-set"
    shutil.rmtree(folder, ignore_errors=True)
    bed = slicer_bed.boot()
    slicer_bed.loadModule(MODULE)
    with MainWindow(bed, (200, 200)):
        widget = slicer_bed.openWidget(MODULE)
        section = widget.panel.results.learn
        widget.panel.models.addFolder(str(model))
        widget.ui.learnCollapsibleButton.collapsed = False
        with answering(bed, str(folder)):
            clickOn(section.cases.chooseButton)
        for number in range(CORRECTED):
            correctAndAdd(widget, section, number)
            if number == CORRECTED - 2:
                save(widget, options.output / "panel-collect.png")
        addOthers(folder, options.cases)
        section.refresh()
        with LongestBlock() as block:
            figures = trainAndCompare(widget, section, options)
        figures["longest_block_seconds"] = round(block.seconds, 3)
        print(json.dumps(figures, indent=2))
        slicer_bed.closeWidget(widget)


def spotModel(folder: Path) -> Path:
    """The model of the tutorial's third part, as good as a few epochs make it."""
    from resformer_unet.cli.main import main as resformerUnet

    model, spots = folder / "spot-model", folder / "spots"
    if not (model / "model.json").exists():
        shutil.rmtree(spots, ignore_errors=True)
        drawTrainingSet(spots, 30)
        settings = "--epochs 4 --size 128 160 --batch-size 8 --learning-rate 0.003 --workers 0".split()
        assert resformerUnet(["train", str(spots), "--output", str(model), *settings]) == 0
    return model


def picture(number: int):
    return skinSample(seed=5000 + number, darkness=list(DARKNESS.values())[number % 2])


def correctAndAdd(widget, section, number: int) -> None:
    """Load, Apply, correct, and add; the correction is the spot as it was drawn."""
    sample = picture(number)
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", f"Spot {number + 1}")
    slicer.util.updateVolumeFromArray(volume, sample.voxels)
    widget.ui.inputSelector.setCurrentNode(volume)
    widget.ui.modelSelector.setCurrentIndex(widget.ui.modelSelector.count - 1)
    applyAndWait(widget)
    part = section.collecting
    waitFor(lambda: part._result is not None and part._result.volumeNode is volume)
    node = part._result.segmentationNode
    identifier = node.GetSegmentation().GetNthSegmentID(0)
    slicer.util.updateSegmentBinaryLabelmapFromArray(sample.lesion.astype(np.uint8), node, identifier, volume)
    part.diagnosis.setCurrentIndex(part.diagnosis.findData(list(DARKNESS)[number % 2]))
    part.patient.text, part.author.text = f"patient {number}", "Ada"
    clickOn(part.button)
    waitFor(lambda: part._job is None, 120)
    if not part.status.text.startswith("Added"):
        raise SystemExit(part.status.text)


def addOthers(folder: Path, count: int) -> None:
    from resformer_unet.image.medical_image import image_from_array
    from resformer_unet.training_set.adding import add_case

    for number in range(CORRECTED, CORRECTED + count):
        sample = picture(number)
        image = image_from_array(sample.voxels, np.eye(4), "spot", has_orientation=False)
        label = list(DARKNESS)[number % 2]
        add_case(folder, image, sample.lesion.astype(np.uint8), label=label, patient=str(number), by="Ada")


def epochOf(legend: str) -> int:
    """The number in “Epoch 3 of 30 ...”; 0 before the first."""
    return int(("".join(re.findall(r"^Epoch (\d+)", legend))) or 0)


def trainAndCompare(widget, section, options) -> dict:
    part, figures = section.training, {}
    part.epochs.value = options.epochs
    started = time.monotonic()
    clickOn(part.trainButton)
    waitFor(lambda: not part.isRunning, LONGEST)
    figures |= {"measuring_seconds": round(time.monotonic() - started), "said": part.status.text}
    started = time.monotonic()
    clickOn(part.trainButton)
    waitFor(lambda: epochOf(part.legend.text) >= 3 or not part.isRunning, LONGEST)
    save(widget, options.output / "panel-train.png")
    clickOn(part.pauseButton)
    waitFor(lambda: part.resumeButton.isVisible(), 60)
    clickOn(part.resumeButton)
    waitFor(lambda: not part.isRunning, LONGEST)
    figures |= {"training_seconds": round(time.monotonic() - started), "trained": part.status.text}
    clickOn(section.comparison.compareButton)
    waitFor(lambda: section.comparison._program is None, LONGEST)
    save(widget, options.output / "panel-learn.png")
    clickOn(section.comparison.useButton)
    figures |= {"verdict": section.comparison.status.text, "model": widget.panel.models.model().title}
    return figures


def save(widget, path: Path) -> None:
    """The section, without what the panel shows above it."""
    panel = grabWholePanel(widget)
    top = widget.ui.learnCollapsibleButton.mapTo(widget.parent, slicer_bed.pythonqt.QtCore.QPoint(0, 0)).y()
    bottom = top + widget.ui.learnCollapsibleButton.height
    few = panel.crop((0, top, panel.width, min(bottom, panel.height))).quantize(128)
    few.save(path, optimize=True)
    print(f"Written: {path} ({path.stat().st_size // 1024} KB)")


if __name__ == "__main__":
    main()
