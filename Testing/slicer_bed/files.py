"""Stands for qSlicerCoreIOManager, on which `slicer.util.loadVolume`, `saveNode`, `saveScene` and the like rest.

Only the file types that the project uses: volumes, segmentations, tables and scenes. The wheel reads NRRD, NIfTI and
MetaImage; it has no reader for PNG or JPEG, so tests fill the voxels of a 2D picture into a node themselves.
"""

import os

import slicer

SUFFIXES = {
    ".seg.nrrd": "SegmentationFile",
    ".mrml": "SceneFile",
    ".mrb": "SceneFile",
    ".nrrd": "VolumeFile",
    ".nii": "VolumeFile",
    ".nii.gz": "VolumeFile",
    ".mha": "VolumeFile",
    ".csv": "TableFile",
    ".tsv": "TableFile",
}
# Of vtkSlicerVolumesLogic.
VOLUME_OPTIONS = {"labelmap": 1, "center": 2, "singleFile": 4, "autoWindowLevel": 8, "discardOrientation": 16}


class CoreIOManager:
    def __init__(self, bed) -> None:
        self._scene = bed.scene
        self._logics = bed.logics

    def fileType(self, fileName: str) -> str:
        lower = str(fileName).lower()
        longestFirst = sorted(SUFFIXES, key=len, reverse=True)
        return next((SUFFIXES[suffix] for suffix in longestFirst if lower.endswith(suffix)), "NoFile")

    def loadNodes(self, fileType: str, properties: dict, collection=None, userMessages=None) -> bool:
        messages = userMessages or slicer.vtkMRMLMessageCollection()
        fileName = str(properties["fileName"])
        name = properties.get("name") or os.path.basename(fileName).split(".")[0]
        if fileType == "VolumeFile":
            options = sum(bit for name, bit in VOLUME_OPTIONS.items() if properties.get(name))
            node = self._logics["Volumes"].AddArchetypeVolume(fileName, name, options)
        elif fileType == "SegmentationFile":
            node = self._logics["Segmentations"].LoadSegmentationFromFile(fileName, True, name, None, messages)
        elif fileType == "TableFile":
            node = self._logics["Tables"].AddTable(fileName, name, True)
        elif fileType == "SceneFile":
            return self._loadScene(fileName, bool(properties.get("clear", False)), messages)
        else:
            raise ValueError(f"slicer_bed has no reader for {fileName}")
        if node and collection is not None:
            collection.AddItem(node)
        return node is not None

    def _loadScene(self, fileName: str, clear: bool, messages) -> bool:
        if fileName.lower().endswith(".mrb"):
            return bool(self._scene.ReadFromMRB(os.path.abspath(fileName), clear, messages))
        self._scene.SetURL(fileName)
        return bool(self._scene.Connect(messages) if clear else self._scene.Import(messages))

    def fileWriterFileType(self, node) -> str:
        return "NodeFile"

    def saveNodes(self, fileType: str, properties: dict, userMessages=None) -> bool:
        messages = userMessages or slicer.vtkMRMLMessageCollection()
        fileName = os.path.abspath(str(properties["fileName"]))
        if fileType == "SceneFile":
            return self._saveScene(fileName, messages)
        node = self._scene.GetNodeByID(properties["nodeID"])
        if not node.GetStorageNode():
            node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(fileName)
        written = bool(storage.WriteData(node))
        messages.AddMessages(storage.GetUserMessages())
        return written

    def _saveScene(self, fileName: str, messages) -> bool:
        if not fileName.lower().endswith(".mrb"):
            raise ValueError("slicer_bed saves scenes as .mrb only: a .mrml file would come without its data files")
        self._scene.SetURL(fileName)
        self._scene.SetRootDirectory(os.path.dirname(fileName))
        return bool(self._scene.WriteToMRB(fileName, None, messages))
