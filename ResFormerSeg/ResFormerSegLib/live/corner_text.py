"""A line of text in the corner of slice views.

By an actor of its own: the data probe rewrites the view's corner annotation.
"""

from __future__ import annotations

import slicer
import vtk

from ResFormerSegLib.live.answer import SEPARATOR

FONT_SIZE = 15
LETTER_WIDTH = 0.5 * FONT_SIZE  # in the mean
COLORS = {"plain": (1.0, 1.0, 0.6), "doubtful": (1.0, 0.65, 0.2)}


class CornerText:
    def __init__(self) -> None:
        self.text = ""
        self._actors: dict[str, tuple] = {}  # by name of the view: the view, its renderer, the actor

    def show(self, text: str, views: list, isDoubtful: bool = False) -> None:
        """views: slice nodes; others lose the text. Does nothing where the application has no window."""
        self.text = text
        manager = slicer.app.layoutManager()
        names = {view.GetLayoutName() for view in views} if manager is not None else set()
        for name in list(self._actors):
            if name not in names:
                self._remove(name)
        for name in names:
            widget = manager.sliceWidget(name)
            if widget is None:
                continue
            if name not in self._actors:
                self._actors[name] = self._made(widget.sliceView())
            view, renderer, actor = self._actors[name]
            fitted = linesThatFit(text, renderer.GetSize()[0])
            if (actor.GetInput() or "") != fitted:
                actor.SetInput(fitted)
                actor.GetTextProperty().SetColor(*COLORS["doubtful" if isDoubtful else "plain"])
                view.scheduleRender()

    def remove(self) -> None:
        self.text = ""
        for name in list(self._actors):
            self._remove(name)

    @staticmethod
    def _made(view) -> tuple:
        actor = vtk.vtkTextActor()
        actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
        actor.SetPosition(0.98, 0.02)  # the data probe uses the other corners
        style = actor.GetTextProperty()
        style.SetFontSize(FONT_SIZE)
        style.SetBold(True)
        style.SetBackgroundColor(0.0, 0.0, 0.0)
        style.SetBackgroundOpacity(0.6)
        style.SetJustificationToRight()
        style.SetVerticalJustificationToBottom()
        renderer = view.renderWindow().GetRenderers().GetFirstRenderer()
        renderer.AddViewProp(actor)
        return view, renderer, actor

    def _remove(self, name: str) -> None:
        view, renderer, actor = self._actors.pop(name)
        renderer.RemoveViewProp(actor)
        view.scheduleRender()


def linesThatFit(text: str, width: int) -> str:
    """The text in one line, or a line for each of its parts where a view of so many pixels is too narrow."""
    return text if len(text) * LETTER_WIDTH <= width else text.replace(SEPARATOR, "\n")
