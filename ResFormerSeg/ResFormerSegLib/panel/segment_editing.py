"""Opens a result in the Segment Editor."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.scene.result_display import showVolume
from ResFormerSegLib.scene.shown_frame import FRAME, showFrame
from ResFormerSegLib.scene.slice_positions import viewsWithImages


def openInSegmentEditor(segmentationNode, volumeNode) -> str:
    """Opens the segmentation in the Segment Editor, with its source volume and with undo enabled.

    Its own image is shown if no slice view does, and of a sequence its own frame: nobody is to correct a contour over
    another image, where it cannot be seen. Returns an explanation for the user when that is not possible, else an empty
    text. volumeNode: None, or without voxels, leaves the selection of the source volume to the user.
    """
    if segmentationNode is None or segmentationNode.GetScene() is None:
        return _("There is no segmentation to edit: the model does not segment, or it was deleted.")
    module = getattr(slicer.modules, "segmenteditor", None)
    if module is None:
        return _("This application has no Segment Editor module.")
    widget = module.widgetRepresentation() if slicer.util.mainWindow() is not None else None
    if widget is None:
        return _("The Segment Editor cannot be opened without the application's main window.")
    hasImage = volumeNode is not None and volumeNode.GetImageData() is not None
    if hasImage and not any(volumeNode.GetID() in shown for _view, shown in viewsWithImages()):
        showVolume(volumeNode)
    showFrame(volumeNode, segmentationNode.GetAttribute(FRAME))
    slicer.util.selectModule("SegmentEditor")
    editor = widget.self().editor
    editor.undoEnabled = True
    editor.setSegmentationNode(segmentationNode)
    if hasImage:
        editor.setSourceVolumeNode(volumeNode)
    return ""
