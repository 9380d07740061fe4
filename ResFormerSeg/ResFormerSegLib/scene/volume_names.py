"""How a volume is named to the user: by its name, and where several have the same name by its number among them."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _


def distinctName(volumeNode) -> str:
    """ "Head", or "Head (2 of 3)" when the scene has three volumes "Head" and this one was loaded second."""
    name = volumeNode.GetName() or ""
    alike = [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if node.GetName() == name]
    if len(alike) < 2 or volumeNode not in alike:
        return name
    return _("{name} ({number} of {count})").format(name=name, number=alike.index(volumeNode) + 1, count=len(alike))
