"""Which frame of a sequence a volume shows, and whether the volume still is the image that a result was made from.

A sequence browser shows all frames by one volume node: a result of that node is one of the frame that was run.
"""

from __future__ import annotations

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.scene.sequences import sequenceOf
from ResFormerSegLib.scene.volume_export import ExportedVolume

FRAME = "ResFormerSeg.Frame"  # attribute of segmentation and table: index value of the frame that was run
OTHER_FRAME = "ResFormerSeg.OtherFrame"  # of both: that of the image of the other cardiac phase
VOXELS = "ResFormerSeg.Voxels"  # of both: checksum of the voxels that were run


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


def checkVoxels(volumeNode, exported: ExportedVolume, voxels: str | None, frame: str | None) -> None:
    """Raises ResFormerSegError VOLUME_CHANGED when the volume has other voxels than in the run of a result.

    exported: as the volume is now. voxels, frame: of the result; None for one of an earlier version, which lacks them.
    """
    if voxels is None or exported.voxels == voxels:
        return
    name = volumeNode.GetName()
    if showsFrame(volumeNode, frame) is False:
        own = withFrame(name, volumeNode, frame)
        raise ResFormerSegError(
            "VOLUME_CHANGED",
            _("The result is one of “{own}”, but another frame is shown.").format(own=own),
            _("Show that frame in the sequence browser, then try again."),
        )
    raise ResFormerSegError(
        "VOLUME_CHANGED",
        _("The voxels of '{name}' were changed after the run, so the result no longer matches them.").format(name=name),
        _("Undo the change, or run the model on the volume again."),
    )


def _numberOf(source, frame: str) -> int:
    """-1 when the sequence has no such frame any more. Numbers are compared as numbers: a file may write them anew."""
    return source.sequence.GetItemNumberFromIndexValue(frame, True)
