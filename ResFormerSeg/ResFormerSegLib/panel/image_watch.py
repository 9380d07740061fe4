"""Notices that the image of the result that is shown was changed after the run, for instance filtered in place."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk

from ResFormerSegLib.scene.node_observer import NodeObserver
from ResFormerSegLib.scene.shown_frame import RunImage, isImageOf, runImageOf
from ResFormerSegLib.timers import Later

PAUSE_MILLISECONDS = 500  # after the last change: of a large volume a look takes some tenths of a second


class ImageWatch:
    """onLooked: called with whether the volume is another image than that of the run: soon after it is watched, for a
    saved result may be of an image that was changed before it was saved, and after each of its changes."""

    def __init__(self, onLooked: Callable[[bool], None]) -> None:
        self._onLooked = onLooked
        self._volumeId, self._run = "", RunImage()
        self._seen: tuple | None = None
        self._later = Later(self._look, PAUSE_MILLISECONDS)
        events = (vtk.vtkCommand.ModifiedEvent, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent)
        self._observers = [NodeObserver(event, self._onEvent) for event in events]

    def watch(self, result, volumeNode) -> None:
        """In place of the previous one. Of a frame of a sequence, the other frames are no changes of it."""
        self.stop()
        if volumeNode is None or result.frame is not None:
            return
        self._volumeId, self._run, self._seen = volumeNode.GetID(), runImageOf(result), _stateOf(volumeNode)
        for observer in self._observers:
            observer.observe(volumeNode)
        self._later.start()

    def stop(self) -> None:
        self._later.stop()
        for observer in self._observers:
            observer.stop()
        self._volumeId = ""

    def cleanup(self) -> None:
        self.stop()
        self._later.cleanup()

    def _onEvent(self, volumeNode, event) -> None:
        if _stateOf(volumeNode) != self._seen:
            self._later.start()

    def _look(self) -> None:
        volumeNode = slicer.mrmlScene.GetNodeByID(self._volumeId) if self._volumeId else None
        if volumeNode is not None:
            self._seen = _stateOf(volumeNode)
            self._onLooked(not isImageOf(volumeNode, self._run))


def _stateOf(volumeNode) -> tuple:
    """When the voxels were last touched, in VTK's count, and where they lie."""
    image, toRas = volumeNode.GetImageData(), vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(toRas)
    place = tuple(toRas.GetElement(*divmod(index, 4)) for index in range(16))
    return image.GetMTime() if image is not None else None, place
