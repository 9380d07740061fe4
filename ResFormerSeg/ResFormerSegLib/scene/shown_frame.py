"""Which frame of a sequence a volume shows, and whether the volume still is the image that a result was made from.

A sequence browser shows all frames by one volume node: a result of that node is one of the frame that was run.
"""

from __future__ import annotations

from dataclasses import dataclass

import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.engine.array_file import wholeChecksumOf
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.scene.sequences import sequenceOf
from ResFormerSegLib.scene.volume_export import ExportedVolume, lpsRows

FRAME = "ResFormerSeg.Frame"  # attribute of segmentation and table: index value of the frame that was run
OTHER_FRAME = "ResFormerSeg.OtherFrame"  # of both: that of the image of the other cardiac phase
VOXELS = "ResFormerSeg.Voxels"  # of both: checksum of the voxels that were run
SAME_PLACE = 1e-3  # mm between two geometries that are the same: a file may round them


@dataclass(frozen=True)
class RunImage:
    """The image that a result was made from: its checksum, its frame, its size and geometry as the report has them.

    None for what is not known, as of results of earlier versions; a picture has no geometry.
    """

    voxels: str | None = None
    frame: str | None = None
    grid: dict | None = None


def runImageOf(result) -> RunImage:
    """result: a ProcessingResult."""
    return RunImage(result.voxels, result.frame, result.report.get("grid"))


def shownFrame(volumeNode) -> str | None:
    """Index value of the frame that the volume shows; None for an ordinary volume."""
    source = sequenceOf(volumeNode)
    index = source.selected() if source is not None else -1
    return source.indexValues[index] if index >= 0 else None


def showsFrame(volumeNode, frame: str | None) -> bool | None:
    """Whether the volume shows the frame; of a frame of None, the only image of an ordinary volume, it always does.

    None when that cannot be told: the sequence was deleted, and the volume kept one of its frames.
    """
    if frame is None:
        return True
    source = sequenceOf(volumeNode)
    return None if source is None else 0 <= _numberOf(source, frame) == source.selected()


def showFrame(volumeNode, frame: str | None) -> None:
    """Turns the browser to the frame, if there is one."""
    source = sequenceOf(volumeNode) if frame is not None else None
    if source is not None:
        source.select(_numberOf(source, frame))


def withFrame(name: str, volumeNode, frame: str | None) -> str:
    """The name of an image with the number of its frame, counted from 0, as far as that can be told."""
    source = sequenceOf(volumeNode) if frame is not None else None
    number = _numberOf(source, frame) if source is not None else -1
    return name if number < 0 else _("{name}, frame {number}").format(name=name, number=number)


def checkImage(volumeNode, exported: ExportedVolume, run: RunImage) -> None:
    """Raises ResFormerSegError VOLUME_CHANGED when voxels or geometry of the volume are not those of a run.

    exported: as the volume is now.
    """
    hasVoxels = run.voxels is None or exported.voxels == run.voxels
    hasGrid = run.grid is None or _hasGrid(exported, run.grid)
    if hasVoxels and hasGrid:
        return
    name = volumeNode.GetName()
    if showsFrame(volumeNode, run.frame) is False:
        own = withFrame(name, volumeNode, run.frame)
        raise ResFormerSegError(
            "VOLUME_CHANGED",
            _("The result is one of “{own}”, but another frame is shown.").format(own=own),
            _("Show that frame in the sequence browser, then try again."),
        )
    if hasVoxels:
        text = _("Spacing, position or orientation of '{name}' were changed after the run, so the result is elsewhere.")
    else:
        text = _("The voxels of '{name}' were changed after the run, so the result no longer matches them.")
    raise ResFormerSegError(
        "VOLUME_CHANGED",
        text.format(name=name),
        _("Undo the change, or run the model on the volume again."),
    )


def isImageOf(volumeNode, run: RunImage) -> bool:
    """Whether the volume has voxels and geometry of a run; of a large one it takes some tenths of a second to tell."""
    from vtk.util.numpy_support import vtk_to_numpy

    image, toRas = volumeNode.GetImageData(), vtk.vtkMatrix4x4()
    if image is None or image.GetPointData().GetScalars() is None:
        return False
    volumeNode.GetIJKToRASMatrix(toRas)
    checksum = wholeChecksumOf(vtk_to_numpy(image.GetPointData().GetScalars()))
    now = ExportedVolume({}, tuple(reversed(image.GetDimensions())), toRas, voxels=checksum)
    try:
        checkImage(volumeNode, now, run)
    except ResFormerSegError:
        return False
    return True


def _hasGrid(exported: ExportedVolume, grid: dict) -> bool:
    """grid: of a report."""
    if list(exported.shape[::-1]) != list(grid["size"]):
        return False
    pairs = zip(lpsRows(exported.ijkToRas), grid["affine_lps"], strict=True)
    return all(abs(a - b) <= SAME_PLACE for left, right in pairs for a, b in zip(left, right, strict=True))


def _numberOf(source, frame: str) -> int:
    """-1 when the sequence has no such frame any more. Numbers are compared as numbers: a file may write them anew."""
    return source.sequence.GetItemNumberFromIndexValue(frame, True)
