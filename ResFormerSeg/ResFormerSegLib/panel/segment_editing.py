"""Opens a result in the Segment Editor."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.scene.shown_frame import FRAME, showFrame


def openInSegmentEditor(segmentationNode, volumeNode) -> str:
    """Opens the segmentation in the Segment Editor, with its source volume and with undo enabled.

    Of a frame of a sequence, that frame is shown: nobody is to correct the contour of one frame over another one.
    Returns an explanation for the user when that is not possible, else an empty text. volumeNode: None, or without
    voxels, leaves the selection of the source volume to the user.
    """
    if segmentationNode is None or segmentationNode.GetScene() is None:
        return _("There is no segmentation to edit: the model does not segment, or it was deleted.")
    module = getattr(slicer.modules, "segmenteditor", None)
    if module is None:
        return _("This application has no Segment Editor module.")
    widget = module.widgetRepresentation() if slicer.util.mainWindow() is not None else None
    if widget is None:
        return _("The Segment Editor cannot be opened without the application's main window.")
    showFrame(volumeNode, segmentationNode.GetAttribute(FRAME))
    slicer.util.selectModule("SegmentEditor")
    editor = widget.self().editor
    editor.undoEnabled = True
    editor.setSegmentationNode(segmentationNode)
    if volumeNode is not None and volumeNode.GetImageData() is not None:
        editor.setSourceVolumeNode(volumeNode)
    return ""
