"""Runs of the module's logic in a real scene, with its real worker; a fault strikes each. A process of its own.

    python -m faults.scene_session MODEL SMALL_DISK

A line of JSON on standard input is a fault; the reply is one, too: how the run ended, and what is wrong. See
`faults.scene`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import slicer

import slicer_bed
from faults.records import DONE, SAID
from faults.scene_faults import CHANGES_SCENE, FAULTS
from helpers.paths import MODULE
from helpers.scene_helpers import later, sceneState, segmentArray, stateOf
from slicer_bed.watch import LOGGED, waitFor, watch

# Seconds; a worker that is stuck in a thread that found no memory to start counts as stuck after six minutes.
PATIENCE = 480.0
SLICERS_OWN = ("invalid orientation preset name: Reformat",)
SHAPE = (6, 40, 44)


class Session:
    """One application after its start; `inject` does one fault, with a scene of its own."""

    def __init__(self, model: Path, disk: Path) -> None:
        self.bed = slicer_bed.boot()
        self.model, self.disk = model, disk
        self.logic = slicer_bed.loadModule(MODULE).ResFormerSegLogic()
        self.folder = Path(self.bed.temporaryPath)
        self.volume = self.segmentation = self.job = None
        self.ends: list = []
        self.prepare()
        self.reference = masksOf(self.logic.process(self.volume, self.model, "cpu"), self.volume)
        begun = time.monotonic()
        self.prepare()
        self.logic.process(self.volume, self.model, "cpu")
        self.milliseconds = 1000 * (time.monotonic() - begun)

    def prepare(self) -> None:
        """An image, another one, a transform, and a segmentation of the user's."""
        slicer.mrmlScene.Clear(False)
        voxels = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.int16)
        for name in ("Other", "Image"):
            self.volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
            slicer.util.updateVolumeFromArray(self.volume, voxels)
            self.volume.CreateDefaultDisplayNodes()
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Shift")
        self.volume.SetAndObserveTransformNodeID(transform.GetID())
        self.segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
        self.segmentation.CreateDefaultDisplayNodes()
        self.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        slicer.app.processEvents()

    def inject(self, kind: str, seed: str) -> dict:
        draw = random.Random(seed)
        self.prepare()
        strike, undo = FAULTS[kind](self, draw)
        before, image, voxels = sceneState(), stateOf(self.volume), hashOf(self.volume)
        self.ends = []
        with watch(self.bed) as problems:
            try:
                self._run(draw, strike)
            finally:
                undo()
            self._settle()
        wrong = [problem for problem in problems if not any(words in problem for words in SLICERS_OWN)]
        wrong = [problem for problem in wrong if not problem.startswith(LOGGED) or "unexpectedly" in problem]
        outcome, more = self._check(kind, before, image, voxels)
        return {"outcome": outcome, "wrong": wrong + more + self._nextRun()}

    def _run(self, draw: random.Random, strike: Callable[[], None]) -> None:
        """The fault strikes at a report of progress, or at a moment of the clock."""
        count = draw.randrange(8) if draw.random() < 0.5 else None
        reports, struck = 0, False

        def strikeOnce() -> None:
            nonlocal struck
            if not struck:
                struck = True
                strike()

        def onProgress(fraction: float, message: str, secondsLeft: float | None) -> None:
            nonlocal reports
            if reports == count:
                later(0, strikeOnce)
            reports += 1

        isToOutput = draw.random() < 0.3
        self.job = self.logic.process(
            self.volume, self.modelOfRun, "cpu", wait=False, onProgress=onProgress,
            outputSegmentation=self.segmentation if isToOutput else None,
            onFinished=lambda result: self.ends.append(result), onFailed=lambda error: self.ends.append(error),
        )  # fmt: skip
        if count is None:
            later(round(self.milliseconds * draw.random()), strikeOnce)
        waitFor(lambda: self.job.isOver, PATIENCE, "the end of the run")
        strikeOnce()  # a run that was faster: the fault comes right after it

    @property
    def modelOfRun(self) -> Path:
        """A damaged copy, where the fault has made one."""
        copy = self.folder / "model"
        return copy if copy.exists() else self.model

    def _settle(self) -> None:
        for _round in range(5):
            slicer.app.processEvents()
        waitFor(lambda: not self.leftovers(), 60, f"the end of {self.leftovers()}")

    def removeLeftovers(self, folder: str) -> dict:
        """As the application does after its start, in the temporary folder of one that has died."""
        from ResFormerSegLib.engine.temporary_folder import removeLeftovers

        slicer.app.temporaryPath = folder
        removeLeftovers()
        slicer.app.temporaryPath = str(self.folder)
        return {}

    def leftovers(self) -> list[str]:
        return [path.name for folder in (self.folder, self.disk) for path in folder.glob("ResFormerSeg-*")]

    def _check(self, kind: str, before: tuple, image: tuple, voxels: str) -> tuple[str, list[str]]:
        if len(self.ends) != 1:
            return SAID, [f"ended {len(self.ends)} times: {self.ends}"]
        end, wrong = self.ends[0], []
        hasFailed = isinstance(end, BaseException)
        isSame = kind not in CHANGES_SCENE
        if hasFailed and (getattr(end, "code", "INTERNAL") == "INTERNAL" or len(str(end)) < 25):
            wrong.append(f"failed without a sentence: {end!r} {getattr(end, 'details', '')[-500:]}")
        if hasFailed and "Traceback" in str(end):
            wrong.append(f"a traceback for the user: {end}")
        if isSame and stateOf(self.volume)[:-1] != image[:-1]:
            wrong.append("the image was changed")
        if hasFailed and isSame and sceneState() != before:
            wrong.append(f"the scene was changed by a run that failed: {sceneState()} before: {before}")
        if not hasFailed and isSame and masksOf(end, self.volume) != self.reference:
            wrong.append("a wrong mask")
        if hasFailed and not isSame:
            wrong += halfResults()
        return (SAID if hasFailed else DONE), wrong

    def _nextRun(self) -> list[str]:
        self.prepare()
        try:
            result = self.logic.process(self.volume, self.model, "cpu")
        except Exception as error:
            return [f"next run: {error!r}"]
        return [] if masksOf(result, self.volume) == self.reference else ["next run: a wrong mask"]


def hashOf(volume) -> str:
    return hashlib.sha256(slicer.util.arrayFromVolume(volume).tobytes()).hexdigest()


def masksOf(result, volume) -> str:
    masks = [segmentArray(result.segmentationNode, row["id"], volume) for row in result.report["segments"]]
    return hashlib.sha256(np.stack(masks).tobytes()).hexdigest()


def halfResults() -> list[str]:
    """Nodes of a result of which the rest is missing."""
    found = []
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        isOurs = any(name.startswith("ResFormerSeg.") for name in node.GetAttributeNames() or ())
        if isOurs and not node.GetSegmentation().GetNumberOfSegments():
            found.append(f"half a result: {node.GetName()}")
    return found


def main(model: str, disk: str) -> None:
    logging.getLogger().setLevel(logging.ERROR)
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    session = Session(Path(model), Path(disk))
    print(json.dumps({"ready": True, "temporary": str(session.folder)}), file=replies, flush=True)
    for line in sys.stdin:
        fault = json.loads(line)
        try:
            if "remove leftovers" in fault:
                reply = session.removeLeftovers(fault["remove leftovers"])
            else:
                reply = session.inject(fault["kind"], fault["seed"])
        except Exception:
            reply = {"outcome": SAID, "wrong": [traceback.format_exc()]}
        print(json.dumps(reply), file=replies, flush=True)
    session.logic.cleanup()


if __name__ == "__main__":
    main(*sys.argv[1:])
