"""Does what users do, in an order that nobody would think of, and checks after each action what must always hold.

    PYTHONPATH=Testing python -m bed.random_actions SEED ACTIONS [real]

In a process of its own: one of the actions reloads the module's classes, and a crash must not end the other tests. Each
action is written to stderr before it is done. With "real", the engine's own worker runs the smallest shipped images.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import slicer

import slicer_bed
from bed.random_session import (
    Images,
    checkPanel,
    checkTidy,
    countRuns,
    resultsOverOtherImages,
    settle,
)
from helpers.paths import MODULE, TESTING
from slicer_bed.main_window import MainWindow
from slicer_bed.processes import workers
from slicer_bed.watch import waitFor, watch

COLOUR, LABELS = "vtkMRMLVectorVolumeNode", "vtkMRMLLabelMapVolumeNode"
MOST_VOLUMES = 8
# What Slicer's core says by itself: of a loaded scene whose slice views were turned to an oblique volume.
SLICERS_OWN = ("invalid orientation preset name: Reformat",)
# What the fake worker does at the next run. "slow" works until it is cancelled or killed.
BEHAVIOURS = {
    "exclusive": 6, "overlapping": 3, "sparse values": 1, "only diagnosis": 1, "only segments": 1, "slow": 5,
    "error": 2, "segfault": 2, "killed": 1, "garbage": 1, "exit code": 1, "printing": 1, "answers and dies": 1,
    "broken gpu": 1, "lost labels": 1, "wrong shape": 1, "bad report": 1, "dies when cancelled": 2,
}  # fmt: skip


class User:
    """Its actions are named in ACTIONS, with how often each is done."""

    def __init__(self, bed, seed: int, folder: Path, isReal: bool) -> None:
        self.bed, self.folder, self.isReal = bed, folder, isReal
        self.random = random.Random(seed)
        self.images, self.runs, self.count, self.kills = Images(), [], 0, 0
        self.ends: Counter[str] = Counter()
        self.widget = slicer_bed.openWidget(MODULE)
        self._prepare()

    def _prepare(self) -> None:
        countRuns(self.widget.logic, self.runs)
        if self.isReal:
            return
        from ResFormerSegLib.engine.process import EngineProcess

        command = [sys.executable, str(TESTING / "helpers" / "fake_worker.py"), "as told", str(self.folder / "pid")]
        self.widget.logic._keeper._makeEngine = lambda: EngineProcess(command)

    def act(self) -> None:
        name = self.random.choices(list(ACTIONS), list(ACTIONS.values()))[0]
        print(f"{self.count}: {name}", file=sys.stderr, flush=True)
        self.count += 1
        getattr(self, name)()
        for _round in range(self.random.randrange(3)):
            slicer.app.processEvents()
        assert not self.images.changed(), f"voxels were changed: {self.images.changed()}"

    def settle(self) -> None:
        self.cancelEverything()
        self._settle()
        checkPanel(self.widget)
        assert not resultsOverOtherImages(), f"over another image: {resultsOverOtherImages()}"

    def cancelEverything(self) -> None:
        for run in self.runs:
            if run.job is not None:
                run.job.cancel()

    def any(self, nodes: list):
        return self.random.choice(nodes) if nodes else None

    def volume(self):
        return self.any(self.images.nodes())

    def segmentation(self):
        return self.any(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))

    # --- images

    def load(self) -> None:
        if len(self.images.nodes()) >= MOST_VOLUMES:
            self.delete()
        shape, kind, dtype = self.random.choice(
            [((4, 24, 30), "", np.int16), ((1, 24, 30), "", np.uint8), ((1, 24, 30, 3), COLOUR, np.uint8),
             ((3, 24, 30, 3), COLOUR, np.uint8), ((4, 24, 30), LABELS, np.uint8), ((24, 5, 30), "", np.float32)]
        )  # fmt: skip
        name = self.random.choice(["Brain", "IMG", "Übersicht <b>", "cardiac", "'; 50 %"]) + f" {self.count}"
        node = slicer.mrmlScene.AddNewNodeByClass(kind or "vtkMRMLScalarVolumeNode", name)
        voxels = np.random.default_rng(self.count).integers(0, 250, shape).astype(dtype)
        slicer.util.updateVolumeFromArray(node, voxels)
        node.SetSpacing(*self.random.choice([(1, 1, 1), (0.5, 0.8, 3.0)]))
        if self.random.random() < 0.3:
            node.SetIJKToRASDirections(0.8, 0.6, 0, -0.6, 0.8, 0, 0, 0, 1)
        self.images.remember(node)
        selection = slicer.app.applicationLogic().GetSelectionNode()  # as the application shows what it loads
        if kind == LABELS:
            selection.SetActiveLabelVolumeID(node.GetID())
        else:
            selection.SetActiveVolumeID(node.GetID())
        slicer.app.applicationLogic().PropagateVolumeSelection(1)

    def delete(self) -> None:
        """Not display nodes: in the application itself a segmentation without one crashes (issue 12, point 27)."""
        classes = ["vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLTableNode", "vtkMRMLTransformNode"]
        nodes = [node for name in classes for node in slicer.util.getNodesByClass(name) if not node.GetSingletonTag()]
        if node := self.any(nodes):
            slicer.mrmlScene.RemoveNode(node)

    def rename(self) -> None:
        if node := self.volume():
            old, new = node.GetName(), f"Renamed {self.count}"
            self.images.renamed(old, new)
            node.SetName(new)

    def transform(self) -> None:
        if node := self.volume():
            if node.GetTransformNodeID() and self.random.random() < 0.5:
                node.SetAndObserveTransformNodeID(None)
                return
            made = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
            made.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.diag([1.0, -1.0, 2.0, 1.0])))
            node.SetAndObserveTransformNodeID(made.GetID())

    # --- choices

    def chooseInput(self) -> None:
        self.widget.ui.inputSelector.setCurrentNode(self.any([*self.images.nodes(), None]))

    def chooseOther(self) -> None:
        self._parameter("otherVolume", self.any([*self.images.nodes(), None]))

    def chooseModel(self) -> None:
        self._take(self.widget.ui.modelSelector)

    def chooseOptions(self) -> None:
        ui = self.widget.ui
        self._take(self.random.choice([ui.sliceAxisSelector, ui.slicesSelector, ui.deviceSelector]))
        self._parameter("probabilityMaps", self.random.random() < 0.3)
        self._parameter("smoothingMm", self.random.choice([0.0, 1.0]))

    def chooseOutput(self) -> None:
        self._parameter("outputSegmentation", self.any([self.segmentation(), None]))

    def chooseReference(self) -> None:
        self.widget.panel.results.comparison.selector.setCurrentNode(self.any([self.segmentation(), None]))

    def _take(self, box) -> None:
        box.setCurrentIndex(self.random.randrange(box.count))

    def _parameter(self, name: str, value) -> None:
        if self.widget._parameterNode is not None:
            setattr(self.widget._parameterNode, name, value)

    # --- runs

    def _makeReady(self) -> None:
        """Mostly an image and a model that fits it, so that there is a run; sometimes whatever is selected."""
        if self.widget.ui.applyButton.enabled or self.random.random() < 0.2:
            return
        images = [node for node in self.images.nodes() if not node.IsA(LABELS)]
        self.widget.ui.inputSelector.setCurrentNode(self.any(images))
        volume = self.widget._parameterNode.inputVolume if self.widget._parameterNode else None
        if volume is not None and not self.widget.ui.applyButton.enabled:
            isColour = volume.GetImageData().GetNumberOfScalarComponents() > 1
            box = self.widget.ui.modelSelector
            box.setCurrentIndex(box.findData("skin-lesion" if isColour else "brain-tumor-mr"))
            self.widget._parameterNode.sliceSelection, self.widget._parameterNode.otherVolume = "all", None

    def apply(self) -> None:
        self._makeReady()
        names = list(BEHAVIOURS)
        (self.folder / "pid.next").write_text(self.random.choices(names, list(BEHAVIOURS.values()))[0])
        self._press(self.widget.ui.applyButton)

    def applyAndWait(self) -> None:
        self.cancelEverything()
        self._settle()
        self._makeReady()
        (self.folder / "pid.next").write_text("exclusive")
        self._press(self.widget.ui.applyButton)
        self._settle()

    def _settle(self) -> None:
        self.ends.update(settle(self.widget, self.runs))

    def cancel(self) -> None:
        self._press(self.widget.ui.cancelButton)

    def compare(self) -> None:
        self._press(self.widget.panel.results.comparison.compareButton)

    def explain(self) -> None:
        explanation = self.widget.panel.results.explanation
        self._press(self.random.choice([explanation.sliceButton, explanation.volumeButton, explanation.cancelButton]))

    def processFromConsole(self) -> None:
        """Also while the panel works: the logic is the same."""
        from ResFormerSegLib.errors import ResFormerSegError

        (self.folder / "pid.next").write_text("exclusive")
        try:
            self.widget.logic.process(self.volume(), wait=False)
        except ResFormerSegError as error:
            assert error.code != "INTERNAL", error

    def killWorker(self) -> None:
        for pid in workers():
            self.kills += 1
            os.kill(pid, self.random.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV]))

    def wait(self) -> None:
        waitFor(lambda: True)
        for _round in range(20):
            slicer.app.processEvents()

    def _press(self, button) -> None:
        if button.enabled:
            button.click()

    # --- the application

    def leave(self) -> None:
        self.widget.exit()
        self.wait()
        self.widget.enter()

    def closeScene(self) -> None:
        slicer.mrmlScene.Clear(False)

    def saveAndLoad(self) -> None:
        path = self.folder / f"scene{self.count}.mrb"
        assert slicer.util.saveScene(str(path), {})
        if self.random.random() < 0.7:
            slicer.mrmlScene.Clear(False)
        slicer.util.loadScene(str(path), {})
        path.unlink()

    def undo(self) -> None:
        slicer.mrmlScene.SaveStateForUndo()
        self.load()
        slicer.mrmlScene.Undo()
        if self.random.random() < 0.5:
            slicer.mrmlScene.Redo()

    def paint(self) -> None:
        """As the Segment Editor does: a block of voxels into a segment."""
        if (node := self.segmentation()) and (volume := self.volume()) and node.GetSegmentation().GetNumberOfSegments():
            segmentId = node.GetSegmentation().GetNthSegmentID(0)
            mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentId, volume)
            if mask is not None:
                mask[:, :5, :5] = 1
                slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segmentId, volume)

    def hide(self) -> None:
        if (node := self.segmentation()) and node.GetDisplayNode():
            node.GetDisplayNode().SetVisibility(False)  # who shows an old one over another image wants to see it there

    def reload(self) -> None:
        self.cancelEverything()
        self.widget = slicer_bed.reloadWidget(self.widget)
        self._prepare()


ACTIONS = {
    "load": 12, "delete": 6, "rename": 3, "transform": 4, "chooseInput": 10, "chooseOther": 2, "chooseModel": 8,
    "chooseOptions": 4, "chooseOutput": 3, "chooseReference": 3, "apply": 20, "applyAndWait": 8, "cancel": 5,
    "compare": 5, "explain": 5, "processFromConsole": 3, "killWorker": 6, "wait": 8, "leave": 3, "closeScene": 1.5,
    "saveAndLoad": 1.5, "undo": 2, "paint": 3, "hide": 2, "reload": 1.5,
}  # fmt: skip


def finish(user: User) -> None:
    """After all of it, an image can still be loaded and segmented."""
    user.settle()
    slicer.mrmlScene.Clear(False)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Brain, the last")
    slicer.util.updateVolumeFromArray(node, np.random.default_rng(0).integers(0, 250, (4, 24, 30)).astype(np.int16))
    slicer.app.processEvents()
    user.widget.ui.inputSelector.setCurrentNode(node)
    box = user.widget.ui.modelSelector
    box.setCurrentIndex(box.findData("brain-tumor-mr"))
    user.widget._parameterNode.sliceSelection, user.widget._parameterNode.device = "all", "auto"
    user.applyAndWait()
    assert user.widget._parameterNode.resultSegmentation is not None, user.widget.ui.messageLabel.text
    assert user.widget._parameterNode.resultVolume is node
    slicer_bed.closeWidget(user.widget)
    user.widget.logic.cleanup()


def checkLog(problems: list[str]) -> None:
    own = [problem for problem in problems if not any(words in problem for words in SLICERS_OWN)]
    assert not own, "\n".join(own)


def main(seed: int, actions: int, isReal: bool) -> None:
    bed = slicer_bed.boot()
    slicer_bed.loadModule(MODULE)
    with tempfile.TemporaryDirectory() as folder, watch(bed) as problems, MainWindow(bed):
        user = User(bed, seed, Path(folder), isReal)
        for index in range(actions):
            user.act()
            if index % 10 == 9:
                user.settle()
            checkLog(problems)
        finish(user)
        checkTidy(bed)
    checkLog(problems)
    print(json.dumps({"actions": actions, "kills": user.kills, "ends": user.ends}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), "real" in sys.argv[3:])
