"""What live mode shows in the slice views: contour, line of text, and in a stream the image of the answer."""

from __future__ import annotations

from ResFormerSegLib.live.contour import LiveContour
from ResFormerSegLib.live.corner_text import CornerText
from ResFormerSegLib.live.feed import Frame
from ResFormerSegLib.live.picture import LivePicture
from ResFormerSegLib.live.source import LiveSource, OnScreen


class LiveScreen:
    """drawn: the place whose answer is on the screen; None while there is none."""

    def __init__(self) -> None:
        self.contour, self.text, self.picture = LiveContour(), CornerText(), LivePicture()
        self.drawn: OnScreen | None = None

    def isUpToDate(self, place: OnScreen | None) -> bool:
        """Whether nothing on the screen contradicts the place, which the source shows now."""
        return self.drawn is not None and (self.picture.isShown or self.drawn == place)

    def hide(self) -> None:
        self.contour.hide()
        self.drawn = None

    def onChange(self, place: OnScreen, volumeNode) -> None:
        """At once when the source shows another place: a contour of the last one must not be seen over it."""
        if self.picture.isShown:
            self.picture.cover(volumeNode)
        elif self.drawn != place:
            self.hide()

    def draw(self, frame: Frame, labels, segments: list[dict], source: LiveSource, isStream: bool) -> bool:
        """Whether the frame's answer could be drawn over its own image.

        A stream may have moved on: its views are then given the image of the answer, too.
        """
        mayLag = isStream and frame.copy is not None and bool(source.views())
        if not mayLag and source.onScreen() != frame.place:
            return False
        self.drawn = frame.place  # first: the views tell of the image that they are given
        if mayLag:
            self.picture.show(frame.copy, frame.exported.ijkToRas, source.volumeNode)
        if labels is not None:
            self.contour.show(frame, labels, segments, source.volumeNode)
        return True

    def drawEmpty(self, frame: Frame, source: LiveSource, isStream: bool) -> None:
        """For a frame without an answer."""
        self.hide()
        if isStream and frame.copy is not None and source.views():
            self.picture.show(frame.copy, frame.exported.ijkToRas, source.volumeNode)

    def remove(self) -> None:
        """The views are as before."""
        self.picture.remove()
        self.contour.remove()
        self.text.remove()
        self.drawn = None
