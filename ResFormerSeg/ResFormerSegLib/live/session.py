"""A live session: follows a volume, asks the engine about each image that comes onto the screen, and shows the answer.

    change -> (at once) a contour of another image is hidden -> (event loop) pixels into the ring, message to the worker
    answer -> contour, text and listeners, if the image is still the one on the screen

Nothing here waits: the worker takes the newest frame, and an answer to an older one is not drawn over a newer image.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator

import slicer
from slicer.i18n import tr as _

from resformer_unet.postprocessing.time_smoothing import TimeSmoothing
from ResFormerSegLib.engine.process import EngineProcess
from ResFormerSegLib.engine.temporary_folder import (
    makeTemporaryFolder,
    removeTemporaryFolder,
    temporaryFolderError,
)
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_loop import callSafely, onApplicationThread
from ResFormerSegLib.live.answer import SEPARATOR, LiveAnswer, ageText
from ResFormerSegLib.live.feed import LARGE, Frame, FrameFeed
from ResFormerSegLib.live.live_engine import LiveEngine, answerOf
from ResFormerSegLib.live.screen import LiveScreen
from ResFormerSegLib.live.source import LiveSource
from ResFormerSegLib.live.stepping import UNFINISHED, stepped
from ResFormerSegLib.live.waiting import Lag, WaitingFrames
from ResFormerSegLib.runs.input_watch import InputWatch, weakReference
from ResFormerSegLib.runs.task import invalidResult
from ResFormerSegLib.scene.result_display import showVolume
from ResFormerSegLib.timers import Later

AGE_MILLISECONDS = 200  # between two updates of the age, while the answer lags
PAUSE_SECONDS = 3.0  # after which smoothing begins anew


class LiveSession:
    """Runs from `start` to `stop`, or until it ends by itself.

    volumeNode: checked by the caller. command: the engine's `live`, without its folders. sliceAxis: by which the engine
    takes the slices. names: of the classes by id. isBusy: whether a run of the user is in progress; the session pauses
    meanwhile. makeEngine: makes a worker.

    onAnswer: called with a LiveAnswer for each answer. onText: called with the line in the corner. onStopped: called
    once, with the error if one ended the session, else None.
    """

    def __init__(
        self,
        volumeNode,
        command: dict,
        sliceAxis: str,
        names: dict[str, str],
        isBusy: Callable[[], bool] = lambda: False,
        makeEngine: Callable[[], EngineProcess] = EngineProcess,
    ) -> None:
        self.onAnswer: Callable[[LiveAnswer], None] = _ignore
        self.onText: Callable[[str], None] = _ignore
        self.onStopped: Callable[[ResFormerSegError | None], None] = _ignore
        self.onFrame: Callable[[Frame, LiveAnswer, object], None] = _ignore  # for recording
        self.isOver = False
        self.command = command
        self.answer: LiveAnswer | None = None  # the last one
        self.answered: tuple[Frame, dict, object] | None = None  # of the last one that was drawn: report, labels
        self.counts = {"changes": 0, "sent": 0, "answered": 0, "drawn": 0, "restarts": 0}
        self.names, self._isBusy, self._makeEngine = names, isBusy, makeEngine
        self._smoothing: TimeSmoothing | None = TimeSmoothing()
        self._lastFrame: Frame | None = None
        self._volume = weakReference(volumeNode)
        self._sliceAxis = sliceAxis
        self._folder = self._source = self._feed = self._engine = self._steps = None
        self._screen, self._waiting, self._lag = LiveScreen(), WaitingFrames(), Lag()
        self._seen = (None, 0.0)  # the place on the screen, and since when
        self._isStream = self._isReady = False
        self._notice = ""
        self._sendLater, self._ageLater = Later(self._send), Later(self._showText, AGE_MILLISECONDS)
        self._inputs = InputWatch([self._volume], self._fail)
        self._tag: int | None = None  # of the observer of the scene

    # --- for whoever started it

    @onApplicationThread
    def start(self) -> None:
        """Raises ResFormerSegError TEMPORARY_FOLDER_NOT_WRITABLE."""
        self._folder = makeTemporaryFolder()
        self._feed = FrameFeed(self._folder)
        self._source = LiveSource(self._volume.Get(), self._sliceAxis, self._onChanged)
        self._source.pictures = self._screen.picture.ids
        folders = {"output": str(self._folder), "temporary_folder": str(self._folder)}
        self._engine = LiveEngine({**self.command, **folders}, self._makeEngine)
        self._engine.onReady, self._engine.onAnswer = self._onReady, self._onAnswer
        self._engine.onRestarted, self._engine.onFailed = self._onRestarted, self._fail
        self._engine.onQuit = self.stop
        self._engine.start()
        self._inputs.start()
        if not self._source.views():
            showVolume(self._source.volumeNode)
        self._tag = slicer.mrmlScene.AddObserver(slicer.mrmlScene.StartCloseEvent, self._onSceneClose)
        self._onChanged()

    @onApplicationThread
    def stop(self, wait: bool = False) -> None:
        """Switches it off; nothing of it stays in the scene or the views. wait: until the worker has exited."""
        self._end(None)
        if wait and self._engine is not None:
            self._engine.stopNow()

    @property
    def smoothing(self) -> bool:
        """Whether the probabilities of a stream are smoothed over time, see `TimeSmoothing`; on at first."""
        return self._smoothing is not None

    @smoothing.setter
    def smoothing(self, on: bool) -> None:
        if on != self.smoothing:
            self._smoothing = TimeSmoothing() if on else None

    @property
    def text(self) -> str:
        """The line in the corner."""
        return self._screen.text.text

    @property
    def segmentationNode(self):
        """The one that is updated in place; None before the first answer."""
        return self._screen.contour.node

    @property
    def volumeNode(self):
        return self._source.volumeNode if self._source is not None else None

    @property
    def isStream(self) -> bool:
        """Whether the image has changed since the session began."""
        return self._isStream

    @property
    def isAnswered(self) -> bool:
        """Whether what is on the screen has its contour."""
        return not self.isOver and self._screen.isUpToDate(self._source.onScreen())

    def refresh(self) -> None:
        """What `isBusy` says may have changed."""
        if not self.isOver:
            self._onChanged()

    # --- a change, and its frame

    def _onChanged(self) -> None:
        """Called within changes of nodes, often several times for one."""
        if self.isOver or self._source is None or self._source.volumeNode is None:
            return
        place = self._source.onScreen()
        if place is None or self._isBusy():
            self._seen = None, 0.0
            self._screen.hide()
            self._waiting.askAgain()
        else:
            if place != self._seen[0]:
                if self._seen[0] is not None:
                    if not place.hasVoxelsOf(self._seen[0]):
                        self._isStream = True
                        self.counts["changes"] += 1
                    self._lag.leave(self._seen[0])
                self._seen = place, time.monotonic()
            self._screen.onChange(place, self._source.volumeNode)
            if self._screen.drawn is None:
                self._waiting.askAgain()
        self._sendLater.start()

    def _send(self) -> None:
        """Begins or goes on with the frame that is on the screen now."""
        if self.isOver or not self._isReady:
            self._showText()
            return
        if self._steps is None:
            place = self._source.onScreen() if self._source.volumeNode is not None else None
            self._showText()
            if place is None or self._isBusy() or place == self._waiting.asked or self._mustWait():
                return
            self._steps = self._feed.prepare(self._source, place, self._seen[1])
        try:
            frame = stepped(self._steps)
        except OSError as error:
            self._fail(temporaryFolderError(self._folder, error))
            return
        if frame is UNFINISHED:
            self._sendLater.start()
            return
        self._steps = None
        if frame is None:  # the image changed while it was written
            self._sendLater.start()
            return
        self._waiting.add(frame)
        self.counts["sent"] += 1
        self._engine.send(self._feed.message(frame))
        if self._source.onScreen() != frame.place:
            self._sendLater.start()

    def _mustWait(self) -> bool:
        """A large image is not copied again before the last one is answered."""
        scalars = self._source.volumeNode.GetImageData().GetPointData().GetScalars()
        return bool(self._waiting) and scalars.GetDataSize() * scalars.GetDataTypeSize() > LARGE

    # --- an answer

    def _onReady(self) -> None:
        self._isReady = True
        self._seen = self._seen[0], time.monotonic()  # an age counts from here
        self._onChanged()

    def _onAnswer(self, event: dict) -> None:
        frame = self._waiting.take(event.get("number"))
        if frame is None or self.isOver or self._source.volumeNode is None:
            return
        try:
            content = answerOf(event)
            if "report" in content:
                self._take(frame, content, float(event.get("seconds", 0)))
            else:
                self._refuse(frame, content["message"])
        except (ResFormerSegError, OSError, ValueError) as error:
            logging.exception("A live answer cannot be used")
            known = isinstance(error, ResFormerSegError)
            self._fail(error if known else invalidResult())
            return
        self._sendLater.start()

    def _take(self, frame: Frame, content: dict, seconds: float) -> None:
        place, now = self._source.onScreen(), time.monotonic()
        report, labels = content["report"], None
        if content["labels"]:
            labels = self._feed.labels(content["labels"], frame.number, content["shape"])
            if labels is None:
                return  # the next answer is there already
        if content["axis"] != frame.place.axis and report["segments"]:
            raise ValueError("the engine took the slices along another axis")
        self.counts["answered"] += 1
        self._notice = ""
        probabilities = self._smoothed(report, frame)
        self.answer = LiveAnswer(report, probabilities, place == frame.place, now - frame.seen, seconds)
        if not self._isBusy() and self._screen.draw(frame, labels, report["segments"], self._source, self._isStream):
            self.counts["drawn"] += 1
            self._lag.arrive(frame.place)
            self.answered = frame, report, labels
            callSafely(self.onFrame, frame, self.answer, labels)
        self._showText()
        callSafely(self.onAnswer, self.answer)

    def _refuse(self, frame: Frame, message: str) -> None:
        """The engine cannot use the frame, a black one for instance."""
        self.counts["answered"] += 1
        self._notice, self.answer = message, None
        self._screen.drawEmpty(frame, self._source, self._isStream)
        self._showText()

    def _smoothed(self, report: dict, frame: Frame) -> dict[str, float]:
        probabilities = dict((report.get("diagnosis") or {}).get("probabilities", {}))
        last, self._lastFrame = self._lastFrame, frame
        if self._smoothing is None or not self._isStream or not probabilities:
            return probabilities
        isSame = last is not None and frame.exported.shape == last.exported.shape
        if not isSame or not frame.place.isSameSlice(last.place) or frame.seen - last.seen > PAUSE_SECONDS:
            self._smoothing.forget()
        return self._smoothing.add(probabilities, frame.seen)

    # --- the line in the corner

    def _showText(self) -> None:
        if self.isOver or self._source is None:
            return
        text, isDoubtful = self._line()
        self._screen.text.show(text, self._source.views(), isDoubtful)
        callSafely(self.onText, text)

    def _line(self) -> tuple[str, bool]:
        if self._isBusy():
            return _("Live: paused during a run"), True
        if not self._isReady:
            return self._notice or _("Live: starting the engine"), False
        place = self._source.onScreen() if self._source.volumeNode is not None else None
        if place is None:
            return _("Live: show the volume in a slice view along its slices"), True
        if self._notice or self.answer is None:
            return self._notice or _("Live: computing"), bool(self._notice)
        drawn, behind = self._screen.drawn, 0.0
        if drawn != place:
            behind = time.monotonic() - (self._lag.left(drawn) or self._seen[1])
            self._ageLater.start()
        age = ageText(behind)
        isOther = drawn is not None and not drawn.isSameSlice(place) if self._isStream else drawn != place
        if isOther:  # another slice has another diagnosis
            return age or _("Live: computing"), False
        line = self.answer.line(self.names)
        return SEPARATOR.join(filter(None, (line, age))), not self.answer.reliable or bool(age)

    # --- ends

    def _onRestarted(self, error: ResFormerSegError) -> None:
        self.counts["restarts"] += 1
        logging.warning("Live mode goes on with a new engine: %s", error)
        self._notice = _("Live: the engine failed and was started again")
        self._isReady = False
        self._steps = None
        self._waiting.clear()
        self._feed.forget()
        self._showText()

    def _onSceneClose(self, caller=None, event=None) -> None:
        self._end(None)

    def _fail(self, error: ResFormerSegError) -> None:
        self._end(error)

    def _end(self, error: ResFormerSegError | None) -> None:
        if self.isOver:
            return
        self.isOver = True
        for later in (self._sendLater, self._ageLater):
            later.cleanup()
        self._inputs.stop()
        if self._tag is not None:
            slicer.mrmlScene.RemoveObserver(self._tag)
        steps: Generator | None = self._steps
        if steps is not None:
            steps.close()
        if self._source is not None:
            self._source.stop()
        self._screen.remove()
        if self._feed is not None:
            self._feed.close()
        folder = self._folder
        if self._engine is not None:
            self._engine.stop(then=lambda: removeTemporaryFolder(folder))
        else:
            removeTemporaryFolder(folder)
        onStopped = self.onStopped
        # Whoever keeps the session must not keep nodes and arrays with it.
        self.onAnswer = self.onText = self.onStopped = self.onFrame = _ignore
        self._steps = self.answered = self._lastFrame = None
        self._waiting.clear()
        callSafely(onStopped, error)


def _ignore(*arguments) -> None:
    """The default of a callback."""
