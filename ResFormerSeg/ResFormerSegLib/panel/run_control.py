"""A run started by Apply, from the confirmation dialogs through progress and cancel to its result or error."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from functools import partial

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.pytorch import ensureOtherPackages
from ResFormerSegLib.panel.message_area import MessageArea
from ResFormerSegLib.panel.progress_display import ProgressDisplay
from ResFormerSegLib.runs.results import PatientResult
from ResFormerSegLib.scene.user_edits import hasManualEdits

NOT_OF_SEQUENCES = ("outputSegmentation", "probabilityMaps")


class RunControl:
    """One run at a time.

    onFinished: called with the result and its volume, unless the volume was removed or the run was abandoned.
    onChanged: called whenever a run begins or ends.
    """

    def __init__(
        self,
        ui,
        logic,
        requirementsFile: str,
        message: MessageArea,
        onFinished: Callable[[object, object], None],
        onChanged: Callable[[], None],
    ) -> None:
        self._ui = ui
        self._logic = logic
        self._requirementsFile = requirementsFile
        self._message = message
        self._onResult = onFinished
        self._onChanged = onChanged
        self.progress = ProgressDisplay(ui)
        self._job = None
        self._run: object | None = None  # token of the current run; callbacks of an abandoned run are ignored
        self._isStopping = False
        self._volumeId = ""
        self._started = 0.0

    @property
    def isRunning(self) -> bool:
        return self._run is not None

    @property
    def canCancel(self) -> bool:
        return self.isRunning and not self._isStopping

    def start(self, volumeNode, outputSegmentation, otherVolume=None, allFrames: bool = False, **options) -> None:
        """options: those of the logic's `process`; with another volume of its `processPatient`, which takes all slices.

        allFrames: of the sequence that the volume is shown from; the output is then always a new one.

        Errors are shown in the message area.
        """
        try:
            if allFrames:
                outputSegmentation = otherVolume = None
            if outputSegmentation is not None and not _mayReplace(outputSegmentation):
                self._message.showNotice(
                    _("Nothing was changed. To keep both, select “New segmentation” as output and press Apply again.")
                )
                return
            ensureOtherPackages(self._requirementsFile)
            run = self._run = object()
            self._isStopping = False
            self._volumeId = volumeNode.GetID()
            self._started = time.monotonic()
            self.progress.begin()
            volumes, process = [volumeNode], self._logic.process
            if otherVolume is not None:
                volumes, process = [volumeNode, otherVolume], self._logic.processPatient
                options.pop("slices", None)
            options["outputSegmentation"] = outputSegmentation
            if allFrames:
                process = self._logic.processSequence
                options = {name: value for name, value in options.items() if name not in NOT_OF_SEQUENCES}
            self._job = process(
                *volumes,
                wait=False,
                onProgress=partial(self._onProgress, run),
                onFinished=partial(self._onFinished, run),
                onFailed=partial(self._onFailed, run),
                **options,
            )
        except ResFormerSegError as error:
            self._end(error)
        except Exception as error:  # otherwise the run would seem to go on
            logging.exception("The run could not be started")
            message = _("The run could not be started: {reason}.").format(reason=f"{type(error).__name__}: {error}")
            hint = _("Please report it together with the details.")
            self._end(ResFormerSegError("INTERNAL", message, hint, traceback.format_exc()))
        self._onChanged()

    def cancel(self) -> None:
        """Asks the run to stop; it ends when the engine has stopped."""
        if self._job is not None:
            self._isStopping = True
            self._onChanged()
            self._job.cancel()

    def abandon(self) -> None:
        """Stops the run and ignores its outcome."""
        job, self._job, self._run = self._job, None, None
        if job is not None:
            job.cancel()
        self.progress.end()
        self._onChanged()

    def _onProgress(self, run: object, fraction: float, message: str, secondsLeft: float | None) -> None:
        if run is self._run:
            self.progress.show(fraction, message, secondsLeft)

    def _onFinished(self, run: object, result) -> None:
        if run is not self._run:
            return
        self._job = self._run = None
        self.progress.end(_("Done in {seconds} s.").format(seconds=max(1, round(time.monotonic() - self._started))))
        if isinstance(result, PatientResult):
            _hide(result.second.segmentationNode)
            result = result.forDisplay()
        volumeNode = slicer.mrmlScene.GetNodeByID(self._volumeId)
        if volumeNode is not None:
            self._onResult(result, volumeNode)
        self._onChanged()

    def _onFailed(self, run: object, error: ResFormerSegError) -> None:
        if run is self._run:
            self._end(error)
            self._onChanged()

    def _end(self, error: ResFormerSegError) -> None:
        self._job = self._run = None
        if error.code == "CANCELLED":
            self.progress.end(_("Cancelled; nothing was changed."))
        elif error.code == "PACKAGES_DECLINED":
            self.progress.end()
            self._message.showNotice(f"{error.message} {error.hint}")
        else:
            self.progress.end()
            self._message.showError(error)


def _hide(segmentationNode) -> None:
    """Hides the other phase: two overlapping segmentations of a heart are unreadable."""
    if segmentationNode is not None:
        segmentationNode.GetDisplayNode().SetVisibility(False)


def _mayReplace(segmentationNode) -> bool:
    if not hasManualEdits(segmentationNode):
        return True
    question = _(
        "“{name}” contains segments that were edited manually or not created by this module. Replace all its segments "
        "with the new result?"
    )
    return slicer.util.confirmOkCancelDisplay(
        question.format(name=segmentationNode.GetName()), windowTitle=_("Replace the segmentation?")
    )
