"""An image that a run over many cases takes: a volume of the scene, a DICOM series, a file, or a folder to search."""

from __future__ import annotations

import os
from dataclasses import dataclass

import slicer
import vtk

from ResFormerSegLib.runs.input_watch import weakReference


@dataclass(eq=False)
class CaseInput:
    """name: what the files of its case are called; title: in the list, where that is another one. volume: of the scene,
    None for an image on the disk. path: of that one; series: its UID, if it was chosen from several; instances: UIDs of
    its DICOM instances, if they are known. isPlanned: whether the engine has named the case."""

    name: str
    volume: vtk.vtkWeakReference | None = None
    path: str = ""
    series: str = ""
    instances: str = ""
    isPlanned: bool = False
    title: str = ""

    @property
    def volumeNode(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """None when it has left the scene."""
        node = self.volume.Get() if self.volume is not None else None
        return node if node is not None and node.GetScene() is slicer.mrmlScene else None

    @property
    def isOfScene(self) -> bool:
        return self.volume is not None

    @property
    def isToBeSearched(self) -> bool:
        """Whether a path may be a folder with several images."""
        return not (self.isOfScene or self.series or self.isPlanned)


def inputOfVolume(volumeNode) -> CaseInput:
    return CaseInput(volumeNode.GetName() or "image", volume=weakReference(volumeNode))


def inputOfPath(path: str | os.PathLike) -> CaseInput:
    """A file, a folder with a series, or one that is searched for both."""
    path = os.path.abspath(os.fspath(path))
    return CaseInput(os.path.basename(path), path=path)
