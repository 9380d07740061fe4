"""The part of the logic that collects corrected results, trains a model further on them, and compares the two."""

from __future__ import annotations

import os

from ResFormerSegLib.engine.keeper import EngineKeeper
from ResFormerSegLib.event_loop import onApplicationThread
from ResFormerSegLib.learning import commands as learning
from ResFormerSegLib.learning.program import Program
from ResFormerSegLib.learning.training_sets import casesOf, freeOutput, removeCase
from ResFormerSegLib.runs.collecting import CollectTask
from ResFormerSegLib.runs.job import Job
from ResFormerSegLib.runs.results import ProcessingResult
from ResFormerSegLib.runs.run_task import runTask


class LearningLogic:
    """Methods of `ResFormerSegLogic`; see there for `wait` and what else each takes."""

    _keeper: EngineKeeper

    @onApplicationThread
    def collect(
        self,
        result: ProcessingResult,
        diagnosis: str | None,
        patient: str,
        folder: str | os.PathLike,
        *,
        split: str | None = None,
        by: str = "",
        **waiting,
    ) -> dict | Job:
        """Adds a result, its segmentation corrected meanwhile, to a training set; see `CollectTask`.

        diagnosis: the confirmed one, None if it is not known. folder: made with the first case.
        """
        task = CollectTask(result, diagnosis or "", patient, os.fspath(folder), split, by)
        return runTask(self._keeper, task, **waiting)

    def trainingCases(self, folder: str | os.PathLike) -> list[dict[str, str]]:
        """What a training set holds: rows with id, label, split, group, corrected_by and added."""
        return casesOf(folder)

    def removeTrainingCase(self, folder: str | os.PathLike, case: str) -> None:
        """Deletes a case from a training set."""
        removeCase(folder, case)

    @onApplicationThread
    def estimateTraining(
        self, folder: str | os.PathLike, modelId: str | os.PathLike, *, epochs: int | None = None, wait=True, **waiting
    ) -> dict | Program:
        """How long `train` will take, measured on a few steps: seconds, epochs, steps and step_seconds."""
        return learning.outcomeOf(learning.estimateProgram(folder, os.fspath(modelId), epochs), wait, **waiting)

    @onApplicationThread
    def train(
        self,
        folder: str | os.PathLike,
        modelId: str | os.PathLike,
        output: str | os.PathLike | None = None,
        *,
        epochs: int | None = None,
        resume: bool = False,
        wait: bool = True,
        **waiting,
    ) -> dict | Program:
        """Trains a model further on a training set, as a new model in `output`; None makes a name in the folder.

        It runs in a process of its own, and the application stays responsive. The result is a dict with the new model's
        `folder` and `results`. isCancelled: polled; True pauses the training, which `resume` goes on with. progress:
        called with the task, the steps done, and all of them. With `wait=False` the running `Program` is returned.
        """
        output = output or freeOutput(folder, os.path.basename(modelId))
        program = learning.trainProgram(folder, os.fspath(modelId), output, epochs, resume)
        return learning.outcomeOf(program, wait, **waiting)

    @onApplicationThread
    def compareModels(
        self, folder: str | os.PathLike, first: str | os.PathLike, second: str | os.PathLike, *, wait=True, **waiting
    ) -> dict | Program:
        """Two models on the held-out cases of a training set: the result's `comparison` tells whether the second is
        better, worse, or whether that cannot be told."""
        program = learning.compareProgram(folder, os.fspath(first), os.fspath(second))
        return learning.outcomeOf(program, wait, **waiting)
