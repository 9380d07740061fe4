"""Which patient a volume is of, as far as Slicer's DICOM database has told the scene."""

from __future__ import annotations

import slicer


def patientOf(volumeNode) -> str:
    """The patient ID of the volume's DICOM study, else the patient's name; empty for an image from elsewhere."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(volumeNode) if hierarchy and volumeNode is not None else 0
    while item and item != hierarchy.GetSceneItemID():
        for attribute in ("DICOM.PatientID", "DICOM.PatientName"):
            if value := hierarchy.GetItemAttribute(item, attribute):
                return value
        item = hierarchy.GetItemParent(item)
    return ""


def areOfDifferentPatients(firstVolume, secondVolume) -> bool:
    """As far as it is known of both."""
    first, second = patientOf(firstVolume), patientOf(secondVolume)
    return bool(first and second) and first != second
