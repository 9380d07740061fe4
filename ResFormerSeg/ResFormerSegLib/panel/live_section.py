"""The button Live, and while it is on: the answer in words and bars, Freeze, Record, and smoothing over time."""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.live.recording import MOST_FRAMES, LiveRecording
from ResFormerSegLib.panel.live_choices import LiveChoices
from ResFormerSegLib.panel.message_area import MessageArea
from ResFormerSegLib.panel.probability_bars import ProbabilityBars
from ResFormerSegLib.panel.widgets import makeButton, makeLabel, makeRow
from ResFormerSegLib.texts import toolTipOf


class LiveSection:
    """onResult: called with a result and its volume, as after a run. onSwitched: called with whether it is on."""

    def __init__(
        self,
        ui,
        logic,
        message: MessageArea,
        choices: LiveChoices,
        onResult: Callable[[object, object], None],
        onSwitched: Callable[[bool], None],
    ) -> None:
        self._ui, self._logic, self._message = ui, logic, message
        self._choices, self._onResult, self._onSwitched = choices, onResult, onSwitched
        self._session = self._started = self._recording = None
        self._mustFreeze = self._isFreezing = False
        layout = qt.QVBoxLayout(ui.liveFrame)
        layout.setContentsMargins(4, 2, 4, 2)
        self.line = makeLabel("liveLine")
        self.bars = ProbabilityBars("liveBars")
        self.freezeButton = makeButton(
            "freezeButton", _("Freeze"),
            _("Keeps the image with its segmentation and diagnosis as a result, and switches Live off"), self.freeze,
        )  # fmt: skip
        self.recordButton = makeButton(
            "recordButton", _("Record"),
            _(
                "Records the images of a sequence or stream with their segmentations, until it is pressed again; Live "
                "is then switched off, and a new sequence browser replays them"
            ),
            self.record,
        )  # fmt: skip
        self.recordButton.checkable = True
        self.smoothingBox = qt.QCheckBox()
        self.smoothingBox.objectName = "liveSmoothing"
        self.smoothingBox.text = _("Smooth over time")
        self.smoothingBox.toolTip = _(
            "Shows the mean of the probabilities of a sequence or stream over time: an image counts e times less with "
            "each half second. What is frozen or recorded is not smoothed."
        )
        self.smoothingBox.checked = True
        self.smoothingBox.connect("toggled(bool)", self._onSmoothing)
        for part in (self.line, self.bars.widget, makeRow(self.freezeButton, self.recordButton, self.smoothingBox)):
            layout.addWidget(part)
        ui.liveButton.connect("clicked()", self.switch)
        self._show(False)

    @property
    def isOn(self) -> bool:
        return self._session is not None

    @property
    def session(self):
        return self._session

    def enable(self) -> None:
        """It can always be switched off."""
        reason = self._choices.whyNot()
        self._ui.liveButton.enabled = self.isOn or not reason
        toolTip = _(
            "Segments and diagnoses what the slice view shows, again with each slice that you scroll to and each new "
            "image of a sequence that plays or a stream"
        )
        self._ui.liveButton.toolTip = toolTipOf(reason or toolTip)

    def follow(self) -> None:
        """The user's choices may have changed: a session that runs by other ones is started anew."""
        if self.isOn and self._choices.get() != self._started:
            self.stop()
            if self._choices.get() is not None:
                self._start()

    def switch(self) -> None:
        if self.isOn:
            self.stop()
        else:
            self._message.clear()
            self._start()

    def stop(self) -> None:
        if self.isOn:
            self._logic.stopLive()  # calls back

    def freeze(self) -> None:
        """At once, or as soon as the slice on the screen has its answer."""
        session = self._session
        if session is None:
            return
        if not session.isStream and not session.isAnswered:
            self._mustFreeze = True
            return
        self._mustFreeze, self._isFreezing = False, True
        try:
            result = self._logic.freezeLive()
        except ResFormerSegError as error:
            self._message.showError(error)
            return
        finally:
            self._isFreezing = False
        self._onResult(result, result.volumeNode)

    def record(self) -> None:
        """Begins a recording, or ends it and Live with it: the views then show what was recorded."""
        if self._recording is not None:
            self.stop()
        elif self._session is not None:
            self._recording = LiveRecording(self._session)
        self._showRecording()

    def cleanup(self) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.abandon()
        self._logic.stopLive(wait=True)
        self._ui.liveButton.disconnect("clicked()", self.switch)
        self.freezeButton.disconnect("clicked()", self.freeze)
        self.recordButton.disconnect("clicked()", self.record)
        self.smoothingBox.disconnect("toggled(bool)", self._onSmoothing)

    def _start(self) -> None:
        choices = self._choices.get()
        if choices is None:
            self._show(False)
            return
        try:
            self._session = self._logic.live(
                **choices, smoothing=bool(self.smoothingBox.checked), onAnswer=self._onAnswer, onText=self._onText,
                onStopped=self._onStopped,
            )  # fmt: skip
            self._started = choices
        except ResFormerSegError as error:
            self._message.showError(error)
        self._show(self.isOn)
        self._onSwitched(self.isOn)

    def _onAnswer(self, answer) -> None:
        if self._session is None:
            return
        names = self._session.names
        if answer.probabilities:
            self.bars.show(answer.probabilities, {name: names.get(name, name) for name in answer.probabilities})
        self.bars.widget.enabled = answer.reliable
        self._showRecording()
        if self._mustFreeze and self._session.isAnswered:
            self.freeze()

    def _onText(self, text: str) -> None:
        if str(self.line.text) != text:
            self.line.text = text

    def _onSmoothing(self, on: bool) -> None:
        if self._session is not None:
            self._session.smoothing = bool(on)

    def _onStopped(self, error: ResFormerSegError | None) -> None:
        isClosing = slicer.mrmlScene.IsClosing()
        self._session = self._started = None
        self._mustFreeze = False
        if self._recording is not None and isClosing:
            self._recording.abandon()
            self._recording = None
        elif self._recording is not None:
            self._endRecording()
        self._show(False)
        self._onSwitched(False)
        if error is not None:
            self._message.showError(error)

    def _endRecording(self) -> None:
        recording, self._recording = self._recording, None
        isAside = self._isFreezing  # the panel shows the frozen image

        def show(result) -> None:
            if isAside:
                name = result.browserNode.GetName()
                self._message.showNotice(_("The recording is in the sequence browser “{name}”.").format(name=name))
            else:
                self._onResult(result, result.volumeNode)

        recording.finish(show, self._message.showError)

    def _showRecording(self) -> None:
        isOn, isStream = self._recording is not None, self._session is not None and self._session.isStream
        self.recordButton.checked = isOn
        self.recordButton.enabled = isOn or isStream
        count = len(self._recording) if isOn else 0
        self.recordButton.text = _("Recording ({count})").format(count=count) if isOn else _("Record")
        if count >= MOST_FRAMES:
            self.record()

    def _show(self, on: bool) -> None:
        self._ui.liveButton.checked = on
        self._ui.liveFrame.visible = on
        if not on:
            self.bars.clear()
            self.line.text = ""
        self._showRecording()
