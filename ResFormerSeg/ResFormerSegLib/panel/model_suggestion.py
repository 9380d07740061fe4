"""The model that knows images like the selected one best: asked of the engine in the background, and only shown."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.models.catalog import ModelDescription


class ModelSuggestion:
    """Asks once for each volume and list of models. A run of the user stops the question, which is then asked again.

    logic: a ResFormerSegLogic. onSuggested: called when there is an answer.
    """

    def __init__(self, logic, onSuggested: Callable[[], None]) -> None:
        self._logic = logic
        self._onSuggested = onSuggested
        self._question: tuple | None = None  # the volume's id and the references of the models
        self._ranking: list[tuple[str, float | None]] = []
        self._job = None
        self._stopTimer = qt.QTimer()  # a listener must not end a job: the logic is in the midst of admitting another
        self._stopTimer.setSingleShot(True)
        self._stopTimer.connect("timeout()", self.stop)
        logic.watch(self._stopForRun)

    def request(self, volumeNode, models: list[ModelDescription]) -> None:
        """models: those that can be used on the volume. Does nothing if that was asked before."""
        question = (volumeNode.GetID(), tuple(model.reference for model in models))
        if question == self._question or len(models) < 2 or self._logic.isBusy:
            return
        self.stop()
        self._question = question
        try:
            self._job = self._logic.rankModels(
                volumeNode, question[1], wait=False, onFinished=self._onRanking, onFailed=self._onFailed
            )
        except Exception as error:
            self._onFailed(error)

    def stop(self) -> None:
        """Forgets question and answer."""
        job, self._job = self._job, None
        self._question, self._ranking = None, []
        if job is not None:
            job.onFinished = job.onFailed = _ignore
            job.cancel()

    def text(self, models: list[ModelDescription]) -> str:
        """Rich text with a link that carries the reference of the model; empty without an answer."""
        known = [(reference, distance) for reference, distance in self._ranking if distance is not None]
        if not known:
            return ""
        reference, distance = known[0]
        title = next((model.title for model in models if model.reference == reference), None)
        if title is not None and distance <= 1:
            link = f"<a href='{html.escape(reference)}'>{html.escape(title)}</a>"
            return _("Suggested: {model}, which knows such images best.").format(model=link)
        return _("None of the models knows such images.") if len(known) == len(self._ranking) else ""

    def cleanup(self) -> None:
        self._logic.unwatch(self._stopForRun)
        self._stopTimer.stop()
        self._stopTimer.disconnect("timeout()", self.stop)
        self.stop()

    def _stopForRun(self) -> None:
        if self._logic.isBusy and self._job is not None:
            self._stopTimer.start(0)

    def _onRanking(self, ranking: list[tuple[str, float | None]]) -> None:
        self._job, self._ranking = None, ranking
        self._onSuggested()

    def _onFailed(self, error: Exception) -> None:
        """Only logged: the user can choose without a suggestion."""
        self._job = None
        logging.info("The models could not be ranked: %s", error)


def _ignore(outcome) -> None:
    """What was asked is no longer of interest."""
