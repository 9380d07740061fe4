"""The part of the Learn section that trains: how long it will take, progress and curves, pause, resume, discard."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.training_packages import canTrain, installTrainingPackages, trainingSizeText
from ResFormerSegLib.learning.training_sets import (
    discardTraining,
    freeOutput,
    learningRows,
    noTestCaseText,
    unfinishedTraining,
    whyNoTraining,
)
from ResFormerSegLib.panel.chart.learning_curves import HEIGHT, LearningCurves
from ResFormerSegLib.panel.widgets import makeButton, makeLabel, makeRow

EPOCHS, MOST_EPOCHS = 30, 1000
TRAINING = "training"  # the task, of those that the engine names, whose pace tells the time left


class TrainingPart:
    """folderOf: the training set. modelOf: the selected model, None without one. onTrained: called with the folder of
    the new model, the reference of the one that it was trained from, and the folder of the training set."""

    def __init__(
        self,
        layout,
        logic,
        requirementsFile: str,
        folderOf: Callable[[], str],
        modelOf: Callable,
        onTrained: Callable[[str, str, str], None],
    ) -> None:
        self._logic = logic
        self._requirementsFile = requirementsFile
        self._folderOf, self._modelOf, self._onTrained = folderOf, modelOf, onTrained
        self._program = None
        self._output = self._initial = self._set = ""  # of the training
        self._measured: tuple | None = None  # of what was said how long it will take: the next press starts just that
        self._isMeasuring = False
        self._begun: tuple[float, int] | None = None  # when the pace was first seen, and at which step
        self.intro = makeLabel("learnTrainingIntro")
        self.epochs = qt.QSpinBox()
        self.epochs.objectName = "learnEpochs"
        self.epochs.minimum, self.epochs.maximum = 1, MOST_EPOCHS
        self.epochs.value = EPOCHS
        self.epochs.toolTip = _("Passes over the training cases")
        self.epochs.connect("valueChanged(int)", self._onEpochs)
        self.trainButton = makeButton("learnTrainButton", _("Train…"), "", self.train)
        self.pauseButton = makeButton(
            "learnPauseButton", _("Pause"), _("Stops; at most the epoch that is running is lost"), self.pause
        )
        self.resumeButton = makeButton(
            "learnResumeButton", _("Resume"), _("Goes on after the last complete epoch"), self.resume
        )
        self.discardButton = makeButton(
            "learnDiscardButton", _("Cancel"), _("Stops, and deletes what the training has written"), self.discard
        )
        self.bar = qt.QProgressBar()
        self.bar.objectName = "learnProgress"
        self.bar.minimum, self.bar.maximum = 0, 100
        self.status = makeLabel("learnTrainingStatus")
        self.legend = makeLabel("learnLegend", qt.Qt.RichText)
        self.plots = qt.QWidget()
        self.plots.objectName = "learnPlots"
        self._plotLayout = qt.QVBoxLayout(self.plots)
        self._plotLayout.setContentsMargins(0, 0, 0, 0)
        self.view = self._curves = None  # made when first needed
        form = qt.QFormLayout()
        form.addRow(_("Epochs:"), self.epochs)
        layout.addWidget(self.intro)
        layout.addLayout(form)
        layout.addWidget(makeRow(self.trainButton, self.pauseButton))
        layout.addWidget(makeRow(self.resumeButton, self.discardButton))
        for widget in (self.bar, self.status, self.legend, self.plots):
            layout.addWidget(widget)
        self._say("")
        for widget in (self.pauseButton, self.resumeButton, self.discardButton, self.bar):
            widget.visible = False

    @property
    def isRunning(self) -> bool:
        return self._program is not None

    def refresh(self) -> None:
        """Reads the folder anew: another program may have gone on with a training."""
        folder, model = self._folderOf(), self._modelOf()
        left = unfinishedTraining(folder) if folder and not self.isRunning else None
        if left is not None:
            self._output, self._initial = left["output"], left["initial"]
        elsewhere = left is not None and left["isRunning"]
        reason = self._whyNot(folder, model)
        self.intro.text = (
            reason
            or " ".join(
                (_("Trains “{model}” further, as a new model.").format(model=model.title), noTestCaseText(folder))
            ).strip()
        )
        if elsewhere:
            self.intro.text = _("Another program is training on this training set at this moment.")
        self.trainButton.visible = self.epochs.enabled = not self.isRunning and left is None
        self.trainButton.enabled = not reason
        if self._measured is not None and not self._isMeasuring and self._measured != self._choices():
            self._measured = None
            self._say("")
        isMeasured = self._measured is not None and not self._isMeasuring
        self.trainButton.text = _("Start training") if isMeasured else _("Train…")
        self.trainButton.toolTip = reason or _("First measures how long it will take")
        self.pauseButton.visible = self.isRunning and not self._isMeasuring
        self.resumeButton.visible = left is not None and not elsewhere
        self.discardButton.visible = self.isRunning or (left is not None and not elsewhere)
        self.bar.visible = self.isRunning
        if left is not None and not elsewhere and not self.status.text:
            self._say(_("A training was interrupted. Resume goes on after its last complete epoch."))
        if left is not None:
            self._showCurves()

    def train(self) -> None:
        """The first press measures how long it will take, the second one starts."""
        folder, model = self._folderOf(), self._modelOf()
        if self.isRunning or self._whyNot(folder, model) or not self._hasPackages():
            self.refresh()
            return
        if self._measured == self._choices():
            self._output, self._initial = str(freeOutput(folder, model.id)), model.reference
            self._start(resume=False)
            return
        self._say(_("Measuring how long it will take…"))
        self._isMeasuring, self._measured = True, self._choices()
        self._program = self._logic.estimateTraining(folder, model.reference, epochs=self.epochs.value, wait=False)
        self._program.onProgress = self._onMeasuring
        self._program.onFinished, self._program.onFailed = self._onEstimated, self._onFailed
        self.bar.value = 0
        self.refresh()

    def pause(self) -> None:
        if self.isRunning:
            program, self._program = self._program, None
            self._say(_("Pausing…"))
            program.stop(then=self._onPaused)

    def resume(self) -> None:
        if not self.isRunning and self._hasPackages():
            self._start(resume=True)

    def discard(self) -> None:
        """Stops what is running; of a training all files are deleted, after asking."""
        if self._isMeasuring:
            program, self._program = self._program, None
            self._isMeasuring, self._measured = False, None
            program.stop()
            self._say("")
            self.refresh()
            return
        question = _("Stop the training and delete what it has learnt so far? Pause keeps it.")
        if not slicer.util.confirmOkCancelDisplay(question):
            return
        program, self._program = self._program, None
        output = self._output  # another set may be chosen before the program has ended
        if program is None:
            self._onStopped(output)
        else:
            self._say(_("Stopping…"))
            program.stop(then=lambda: self._onStopped(output))

    def cleanup(self) -> None:
        """The training pauses: another session can go on with it."""
        program, self._program = self._program, None
        if program is not None:
            program.stopNow()
        self.epochs.disconnect("valueChanged(int)", self._onEpochs)
        if self._curves is not None:
            self._curves.clear()
            self.view.setMRMLScene(None)

    def _choices(self) -> tuple:
        """By which a training would start now."""
        model = self._modelOf()
        return self._folderOf(), model.reference if model is not None else "", int(self.epochs.value)

    def _whyNot(self, folder: str, model) -> str:
        if not folder:
            return _("Choose a folder for the training set.")
        if model is None:
            return _("Select the model that is to be trained further.")
        try:
            problem = whyNoTraining(folder, model.descriptor)
        except ResFormerSegError as error:
            problem = error
        return f"{problem.message} {problem.hint}".strip() if problem is not None else ""

    def _hasPackages(self) -> bool:
        """Asks before anything is installed, and says how much it is."""
        if canTrain():
            return True
        question = _("{what} Install now? Slicer is busy meanwhile.").format(what=trainingSizeText())
        if not slicer.util.confirmOkCancelDisplay(question):
            self._say(_("Nothing was installed."))
            return False
        try:
            installed = installTrainingPackages(self._requirementsFile)
        except ResFormerSegError as error:
            self._say(f"{error.message} {error.hint}".strip())
            return False
        if not installed or not canTrain():
            self._say(_("The packages are not complete yet; nothing else was changed."))
        return canTrain()

    def _start(self, resume: bool) -> None:
        self._measured, self._begun, self._set = None, None, self._folderOf()
        self._program = self._logic.train(
            self._set, self._initial, self._output, epochs=self.epochs.value, resume=resume, wait=False
        )
        self._program.onProgress, self._program.onNote = self._onProgress, self._onNote
        self._program.onFinished, self._program.onFailed = self._onFinished, self._onFailed
        self.bar.value = 0
        self._say(_("Starting…"))
        self.refresh()

    def _onMeasuring(self, task: str, done: int, total: int) -> None:
        self.bar.value = int(100 * done / max(1, total))

    def _onEstimated(self, event: dict) -> None:
        self._program, self._isMeasuring = None, False
        self._say(
            _("It will take about {time} on this computer ({epochs} epochs).").format(
                time=durationText(event["seconds"]), epochs=event["epochs"]
            )
        )
        self.refresh()

    def _onProgress(self, task: str, done: int, total: int) -> None:
        self.bar.value = int(100 * done / max(1, total))
        text = _taskText(task)
        if task == TRAINING:
            if self._begun is None:
                self._begun = (time.monotonic(), done)
            since, first = self._begun
            if done > first:
                left = (time.monotonic() - since) / (done - first) * (total - done)
                text = _("{task}: about {time} left").format(task=text, time=durationText(left))
        self._say(text)

    def _onNote(self, text: str) -> None:
        self._showCurves()

    def _onFinished(self, event: dict) -> None:
        self._program = None
        self._showCurves()
        self._say(_("The training is complete: “{name}”.").format(name=Path(event["folder"]).name))
        self.refresh()
        self._onTrained(event["folder"], self._initial, self._set)

    def _onFailed(self, error: ResFormerSegError) -> None:
        self._program, self._isMeasuring, self._measured = None, False, None
        self._say(f"{error.message} {error.hint}".strip())
        self.refresh()

    def _onPaused(self) -> None:
        self._say(_("Paused. Resume goes on after the last complete epoch, also after Slicer was closed."))
        self.refresh()

    def _onStopped(self, output: str) -> None:
        discardTraining(output)
        self._say(_("The training was cancelled, and its files were deleted."))
        if self._curves is not None:
            self._curves.clear()
        self.legend.text = ""
        self.plots.visible = False
        self.refresh()

    def _onEpochs(self, value: int) -> None:
        if self._measured is not None and not self.isRunning:
            self.refresh()

    def _showCurves(self) -> None:
        rows = learningRows(self._output)
        if not rows or slicer.app.layoutManager() is None:
            return
        if self.view is None:
            self.view = slicer.qMRMLPlotView()
            self.view.objectName = "learnPlot"
            self.view.setMRMLScene(slicer.mrmlScene)
            self.view.setFixedHeight(HEIGHT)
            self._plotLayout.addWidget(self.view)
            self._curves = LearningCurves(self.view)
        self.legend.text = self._curves.show(rows)
        self.plots.visible = self.legend.visible = True

    def _say(self, text: str) -> None:
        self.status.text = text
        self.status.visible = bool(text)


def durationText(seconds: float) -> str:
    """Rounded, as nobody can know it better: "40 seconds", "12 minutes", "3.5 hours"."""
    if seconds < 50:
        return _("{count} seconds").format(count=max(10, int(round(seconds, -1))))
    if seconds < 90 * 60:
        minutes = max(1, round(seconds / 60))
        return _("1 minute") if minutes == 1 else _("{count} minutes").format(count=minutes)
    return _("{count} hours").format(count=f"{seconds / 3600:.1f}")


def _taskText(task: str) -> str:
    names = {
        "starting": _("Starting"),
        "checking the data": _("Checking the cases"),
        "reading training images": _("Reading the cases"),
        "reading validation images": _("Reading the cases"),
        TRAINING: _("Training"),
    }
    return names.get(task, _("Finishing: {task}").format(task=task))
