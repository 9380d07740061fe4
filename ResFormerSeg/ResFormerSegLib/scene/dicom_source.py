"""The DICOM files that a volume was loaded from, and new objects for the application's DICOM database."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError

INSTANCES = "DICOM.instanceUIDs"  # attribute of a volume, as Slicer's DICOM plugins set it: those that were loaded


def isFromDicom(volumeNode) -> bool:
    known = bool(_instancesOf(volumeNode) or _seriesOf(volumeNode))
    return known and getattr(slicer, "dicomDatabase", None) is not None


def sourceFiles(volumeNode) -> list[str]:
    """Of the images that were loaded; of the whole series where the volume does not say which.

    Raises ResFormerSegError: NOT_FROM_DICOM, NOT_IN_DATABASE, SOURCE_MISSING.
    """
    if not isFromDicom(volumeNode):
        raise ResFormerSegError(
            "NOT_FROM_DICOM",
            _("The volume '{name}' was not loaded from Slicer's DICOM database.").format(name=volumeNode.GetName()),
            _("Choose another format, or load the series with the DICOM module and run the model on it."),
        )
    instances = _instancesOf(volumeNode)
    if instances:
        files = [slicer.dicomDatabase.fileForInstance(uid) for uid in instances]
    else:
        files = list(slicer.dicomDatabase.filesForSeries(_seriesOf(volumeNode)))
    if not all(files) or not files:
        raise ResFormerSegError(
            "NOT_IN_DATABASE",
            _("Slicer's DICOM database does not hold all images of the series of '{name}'.").format(
                name=volumeNode.GetName()
            ),
            _("Import the series (DICOM module), or open the database that it was loaded from."),
        )
    missing = sum(1 for file in files if not os.path.isfile(file))
    if missing:
        raise ResFormerSegError(
            "SOURCE_MISSING",
            _("{missing} of {count} DICOM files of '{name}' are not where they were imported from.").format(
                missing=missing, count=len(files), name=volumeNode.GetName()
            ),
            _("Put them back, or import the series again (DICOM module)."),
        )
    return list(dict.fromkeys(files))  # the frames of one file have one instance


def anyFileOf(volumeNode) -> str:
    """A file of the series that a volume or a sequence was loaded from; empty where there is none.

    The frames of a sequence need not name their instances; the subject hierarchy then has their series.
    """
    database = getattr(slicer, "dicomDatabase", None)
    if database is None or volumeNode is None:
        return ""
    files = [database.fileForInstance(uid) for uid in _instancesOf(volumeNode)[:1]]
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(volumeNode) if hierarchy is not None else 0
    series = hierarchy.GetItemUID(item, "DICOM") if item else ""
    if series:
        files += database.filesForSeries(series)
    return next((file for file in files if file and os.path.isfile(file)), "")


def addToDatabase(files: Sequence[str]) -> None:
    """Copies the objects into the database, under the study that they name.

    Raises ResFormerSegError: NOT_ADDED.
    """
    from DICOMLib import DICOMUtils

    folder = tempfile.mkdtemp(prefix="ResFormerSeg-dicom-")
    try:
        for file in files:
            shutil.copy(file, Path(folder) / Path(file).name)
        added = DICOMUtils.importDicom(folder, slicer.dicomDatabase, copyFiles=True)
    except Exception as error:
        raise _notAdded(f"{type(error).__name__}: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if added is False:
        raise _notAdded("")


def _instancesOf(volumeNode) -> list[str]:
    return (volumeNode.GetAttribute(INSTANCES) or "").split()


def _seriesOf(volumeNode) -> str:
    """The series instance UID that the subject hierarchy keeps of a volume; empty without."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(volumeNode) if hierarchy is not None else 0
    constants = slicer.vtkMRMLSubjectHierarchyConstants
    return hierarchy.GetItemUID(item, constants.GetDICOMUIDName()) if item else ""


def _notAdded(details: str) -> ResFormerSegError:
    return ResFormerSegError(
        "NOT_ADDED",
        _("The DICOM objects could not be added to the DICOM database."),
        _("The files were saved; import them with the DICOM module."),
        details,
    )
