"""Whether a segmentation can take a result."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError


def checkOutput(node, hadDisplay: bool = False) -> None:
    """Raises ResFormerSegError: NOT_A_SEGMENTATION, OUTPUT_WITHOUT_DISPLAY.

    The application crashes when segments are added to a segmentation, or removed from it, whose display node was
    removed from the scene. One that never had a display node is fine as long as it is empty.

    hadDisplay: whether it was seen with a display node before.
    """
    if not isinstance(node, slicer.vtkMRMLSegmentationNode):
        raise ResFormerSegError(
            "NOT_A_SEGMENTATION",
            _("The output is not a segmentation."),
            _("Select a segmentation, or none to create a new one."),
        )
    hasDisplayReference = hadDisplay or node.GetNumberOfDisplayNodes() > 0
    if node.GetDisplayNode() is None and (hasDisplayReference or node.GetSegmentation().GetNumberOfSegments() > 0):
        raise ResFormerSegError(
            "OUTPUT_WITHOUT_DISPLAY",
            _("The segmentation '{name}' has lost its display settings, so nothing can be put into it.").format(
                name=node.GetName()
            ),
            _("Select another segmentation as output, or none to create a new one."),
        )
