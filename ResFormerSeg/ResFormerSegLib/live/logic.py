"""The part of the logic that follows an image while it changes."""

from __future__ import annotations

import os
from collections.abc import Callable

from ResFormerSegLib.engine.keeper import EngineKeeper
from ResFormerSegLib.engine.process import EngineProcess
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_loop import onApplicationThread
from ResFormerSegLib.live.answer import LiveAnswer
from ResFormerSegLib.live.freeze import freeze
from ResFormerSegLib.live.session import LiveSession
from ResFormerSegLib.models.catalog import findModel
from ResFormerSegLib.runs.prediction import modelReference, predictionOptions
from ResFormerSegLib.runs.results import ProcessingResult
from ResFormerSegLib.runs.task import checkedDevice
from ResFormerSegLib.scene.volume_export import checkVolume

makeEngine: Callable[[], EngineProcess] = EngineProcess  # tests put their own here


class LiveLogic:
    """Methods of `ResFormerSegLogic`."""

    _keeper: EngineKeeper
    _live: LiveSession | None = None

    @onApplicationThread
    def live(
        self,
        volumeNode,
        modelId: str | os.PathLike,
        device: str = "auto",
        *,
        sliceAxis: str | None = None,
        minimumAreaMm2: float | None = None,
        smoothingMm: float = 0.0,
        smoothing: bool = True,
        onAnswer: Callable[[LiveAnswer], None] | None = None,
        onText: Callable[[str], None] | None = None,
        onStopped: Callable[[ResFormerSegError | None], None] | None = None,
    ) -> LiveSession:
        """Segments and diagnoses what is on the screen, again whenever it changes; returns the session at once.

        volumeNode: its slice in a slice view that lies along the model's slices; or, of a sequence that plays or a
        stream, each image that the node is given. Where no slice view shows it, all of them do then. smoothing: of the
        probabilities of a stream over time; may be changed later, as `session.smoothing`. onAnswer, onText, onStopped:
        see `LiveSession`, whose `stop` ends it. Otherwise as `process`. Only one session at a time: another one ends
        the first.
        """
        checkVolume(volumeNode)
        options = predictionOptions(sliceAxis, None, minimumAreaMm2, smoothingMm, False)
        reference = modelReference(modelId)
        model = findModel(reference)
        axis = sliceAxis or (model.sliceAxis if model is not None else "acquisition")
        command = {"command": "live", "model": reference, "device": checkedDevice(device), "options": options}
        self.stopLive()
        session = LiveSession(
            volumeNode, command, axis, model.diagnoses if model is not None else {}, self._keeper.isBusy, makeEngine
        )
        session.smoothing = smoothing
        for name, function in (("onAnswer", onAnswer), ("onText", onText), ("onStopped", onStopped)):
            if function is not None:
                setattr(session, name, function)
        session.start()
        self._live = session
        self._keeper.listeners.append(session.refresh)
        return session

    @onApplicationThread
    def freezeLive(self) -> ProcessingResult:
        """Keeps the image on the screen with its answer as a result, as of `process`, and switches the session off.

        Probabilities are not smoothed. The volume of a stream's result is a copy of the image. Raises
        ResFormerSegError NOTHING_TO_FREEZE.
        """
        result = freeze(self._live)
        self.stopLive()
        return result

    @onApplicationThread
    def stopLive(self, wait: bool = False) -> None:
        """Switches the live session off, if there is one. wait: until its worker has exited."""
        session, self._live = self._live, None
        if session is not None:
            self._keeper.listeners.remove(session.refresh)
            session.stop(wait)
