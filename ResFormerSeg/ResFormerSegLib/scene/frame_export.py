"""Writes a frame of a sequence for the engine, and checks later that it is still the same."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.engine.array_file import checksumOf
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.scene.sequences import VolumeSequence, isVolume
from ResFormerSegLib.scene.volume_export import ExportedVolume, exportVolume, isPicture, lpsRows


class FrameExport:
    """Exports frames one after the other, and remembers what they were like."""

    def __init__(self, source: VolumeSequence) -> None:
        self._source = source
        self._isPicture = isPicture(source.proxy)
        self._seen: dict[int, tuple] = {}
        self.exported: ExportedVolume | None = None  # the last one; all frames lie on its grid

    def export(self, index: int, folder: Path) -> Generator[None, None, ExportedVolume]:
        """Raises ResFormerSegError: SEQUENCE_CHANGED, FRAMES_DIFFER, and those of `exportVolume`."""
        self._checkSequence()
        node = self._source.frame(index)
        if not isVolume(node):
            raise ResFormerSegError(
                "FRAME_EMPTY",
                _("Frame {number} of '{name}' is not an image with voxels.").format(
                    number=index, name=self._source.sequence.GetName()
                ),
                _("Load the sequence again, or run a single frame."),
            )
        exported = yield from exportVolume(node, folder, self._isPicture)
        if self.exported is not None and not _sameGrid(exported, self.exported):
            raise ResFormerSegError(
                "FRAMES_DIFFER",
                _("The frames of '{name}' differ in size or position.").format(name=self._source.sequence.GetName()),
                _("Run the frames one by one, with “This frame”."),
            )
        self._seen[index] = (exported.imageTime, lpsRows(exported.ijkToRas), exported.voxels)
        self.exported = exported
        return exported

    def checkUnchanged(self) -> Generator[None, None, None]:
        """Raises ResFormerSegError SEQUENCE_CHANGED when a frame is not what was exported."""
        self._checkSequence()
        for index, (time, rows, checksum) in self._seen.items():
            yield
            node = self._source.frame(index)
            if not isVolume(node) or not self._hasGeometry(node, rows):
                raise self._changed()
            if node.GetImageData().GetMTime() != time and (yield from _checksum(node)) != checksum:
                raise self._changed()

    def _checkSequence(self) -> None:
        if not self._source.isUnchanged():
            raise self._changed()

    def _changed(self) -> ResFormerSegError:
        sequence = self._source.sequence
        return ResFormerSegError(
            "SEQUENCE_CHANGED",
            _("The sequence '{name}' was changed during the run, so the result no longer matches it.").format(
                name=sequence.GetName() if sequence is not None else ""
            ),
            _("Start the run again once the change is complete."),
        )

    @staticmethod
    def _hasGeometry(node, rows: list[list[float]]) -> bool:
        now = vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(now)
        return all(abs(a - b) < 1e-6 for left, right in zip(lpsRows(now), rows, strict=True)
                   for a, b in zip(left, right, strict=True))  # fmt: skip


def _sameGrid(first: ExportedVolume, second: ExportedVolume) -> bool:
    pairs = zip(lpsRows(first.ijkToRas), lpsRows(second.ijkToRas), strict=True)
    return first.shape == second.shape and all(
        abs(a - b) < 1e-3 for left, right in pairs for a, b in zip(left, right, strict=True)
    )


def _checksum(node) -> Generator[None, None, str]:
    from vtk.util.numpy_support import vtk_to_numpy

    return (yield from checksumOf(vtk_to_numpy(node.GetImageData().GetPointData().GetScalars())))
