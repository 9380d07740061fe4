"""Keeps a live answer as the ordinary result of a run; of a stream with a copy of its image."""

from __future__ import annotations

from dataclasses import replace

import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.engine.array_file import checksumOf
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.live.contour import LIVE
from ResFormerSegLib.live.feed import Frame
from ResFormerSegLib.live.session import LiveSession
from ResFormerSegLib.runs.prediction import PredictionOutput, PredictionTask
from ResFormerSegLib.runs.results import ProcessingResult
from ResFormerSegLib.runs.task import notImported
from ResFormerSegLib.scene.result_nodes import addNodeBeside
from ResFormerSegLib.scene.result_visibility import showOnly
from ResFormerSegLib.scene.scene_changes import allOrNothing
from ResFormerSegLib.scene.segmentation_import import makeLabelMaps
from ResFormerSegLib.scene.shown_frame import shownFrame, withFrame


def freeze(session: LiveSession | None) -> ProcessingResult:
    """The answer that is on the screen, as `process` would have given it for this slice; all nodes or none.

    Probabilities are those of the frame, not smoothed. The volume of a stream's result is a copy of the frame.

    Raises ResFormerSegError: NOTHING_TO_FREEZE, RESULT_NOT_IMPORTED.
    """
    if session is None or session.answered is None or session.volumeNode is None:
        raise ResFormerSegError(
            "NOTHING_TO_FREEZE", _("There is no answer yet."), _("Wait until the image shows its diagnosis.")
        )
    frame, report, labels = session.answered
    with allOrNothing():
        volumeNode = session.volumeNode
        if session.isStream:
            if frame.copy is None:
                raise ResFormerSegError(
                    "NOTHING_TO_FREEZE",
                    _("The frames of this stream are too large to be kept."),
                    _("Stop the stream and press Apply."),
                )
            volumeNode = _frozenVolume(frame, volumeNode)
        task = _FrozenTask(volumeNode, session.command, frame)
        result = task.resultOf({**report, "case": withFrame(volumeNode.GetName(), volumeNode, task.frame)}, labels)
    showOnly(result.segmentationNode)
    return result


class _FrozenTask(PredictionTask):
    def __init__(self, volumeNode, command: dict, frame: Frame) -> None:
        super().__init__(volumeNode, command["model"], command["device"], command["options"])
        self._exported, self._answered, self.frame = frame.exported, frame, shownFrame(volumeNode)

    def resultOf(self, report: dict, labels) -> ProcessingResult:
        import numpy as np

        labelMaps: list = []
        try:
            self._exported = replace(self._exported, voxels=_through(checksumOf(_voxelsOf(self.nodes[0].Get()))))
            if labels is not None:
                layers = np.zeros((len(labels), *self._exported.shape), np.uint8)
                np.moveaxis(layers, 1 + self._answered.place.axis, 1)[:, self._answered.place.index] = labels
                steps = makeLabelMaps(layers, report["segments"], self._exported)
                labelMaps = _through(steps)
        except Exception as error:
            raise notImported(error) from error
        return self.makeNodes(PredictionOutput(report, labelMaps, []), [])


def _voxelsOf(volumeNode):
    from vtk.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(volumeNode.GetImageData().GetPointData().GetScalars())


def _through(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def _frozenVolume(frame: Frame, volumeNode):
    node = addNodeBeside(
        volumeNode, volumeNode.GetClassName(), _("{name} frozen").format(name=volumeNode.GetName())
    )  # fmt: skip
    node.SetAttribute(LIVE, "frozen")
    image = vtk.vtkImageData()
    image.DeepCopy(frame.copy)
    node.SetIJKToRASMatrix(frame.exported.ijkToRas)
    node.SetAndObserveImageData(image)
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    node.CreateDefaultDisplayNodes()
    source, target = volumeNode.GetDisplayNode(), node.GetDisplayNode()
    if source is not None:
        target.SetAutoWindowLevel(False)
        target.SetWindowLevel(source.GetWindow(), source.GetLevel())
        target.SetAndObserveColorNodeID(source.GetColorNodeID())
    return node
