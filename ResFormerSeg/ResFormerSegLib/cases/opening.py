"""A result from the folder of results, brought into the scene with its image."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.cases.scene_volumes import CASE
from ResFormerSegLib.engine.array_file import PIECE, checksumOf, readArrays
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.input_watch import weakReference
from ResFormerSegLib.runs.prediction import PredictionOutput, PredictionTask
from ResFormerSegLib.runs.results import ProcessingResult
from ResFormerSegLib.runs.task import Task, invalidResult, notImported
from ResFormerSegLib.scene.dicom_source import INSTANCES
from ResFormerSegLib.scene.result_visibility import showOnly
from ResFormerSegLib.scene.scene_changes import allOrNothing
from ResFormerSegLib.scene.segmentation_import import makeLabelMaps
from ResFormerSegLib.scene.shown_frame import shownFrame
from ResFormerSegLib.scene.volume_export import ExportedVolume, checkVolume, isPicture, lpsRows

DARK, BRIGHT, SAMPLE = 1, 99, 50_000  # percentiles that are shown black and white, of that many voxels


class OpenCaseTask(PredictionTask):
    """The result is a ProcessingResult, as of a run.

    output: the folder of the results; case: the name of the files. volumeNode: of a case whose image is in the scene;
    None for one whose image is read from its files, by the engine and by the same rules as in the run. title: of that
    volume. instances: UIDs of its DICOM instances.

    Raises ResFormerSegError VOLUME_CHANGED, later, if the volume is not the one that the result was made from.
    """

    def __init__(self, output: str, case: str, title: str, volumeNode=None, instances: str = "") -> None:
        if volumeNode is not None:
            checkVolume(volumeNode)
        Task.__init__(self, volumeNode)
        self._outputHadDisplay = False
        self._title, self._instances = title, instances
        self._state: dict | None = None
        self._command = {"command": "open_case", "output": output, "name": case}

    def export(self, folder: Path) -> Generator[None, None, dict]:
        if self.nodes:
            self.frame = shownFrame(self.nodes[0].Get())
            self._exported, self._state = yield from _stateOf(self.nodes[0].Get())
        yield
        return {**self._command, "folder": str(folder)}

    def read(self, event: dict) -> Generator[None, None, PredictionOutput]:
        from vtk.util.numpy_support import vtk_to_numpy

        report = event["report"]
        if self.nodes:
            image = self.nodes[0].Get().GetImageData()
            isSame = image is not None and image.GetMTime() == self._exported.imageTime
            if not isSame or report.get("input_state") != self._state:
                raise ResFormerSegError(
                    "VOLUME_CHANGED",
                    _("The volume '{name}' is not the image that this result was made from.").format(name=self._title),
                    _("Run the model on it again."),
                )
        layers = yield from self._read(event["labels"])
        try:
            labels = [vtk_to_numpy(layer).reshape(self._exported.shape) for layer in layers]
            labelMaps = yield from makeLabelMaps(labels, report["segments"], self._exported)
        except Exception as error:
            raise notImported(error) from error
        return PredictionOutput(report, labelMaps, [])

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, ProcessingResult]:
        if not isinstance(event.get("report"), dict) or (event.get("image") is None) != bool(self.nodes):
            raise invalidResult()
        scalars = None
        if not self.nodes:
            scalars = yield from self._readImage(event["image"])
        output = yield from self.read(event)
        with allOrNothing():
            if scalars is not None:
                self.nodes = [weakReference(self._makeVolume(scalars))]
            result = self.makeNodes(output, notices)
        showOnly(result.segmentationNode)
        return result

    def _readImage(self, image: dict) -> Generator[None, None, vtk.vtkDataArray]:
        from vtk.util.numpy_support import vtk_to_numpy

        try:
            shape = tuple(int(length) for length in image["shape"])
            toRas = vtk.vtkMatrix4x4()
            for row, values in enumerate(lpsRows(_matrix(image["affine_lps"]))):
                for column, value in enumerate(values):
                    toRas.SetElement(row, column, value)
            [scalars] = yield from readArrays(image["array"], image["dtype"], shape)
        except (KeyError, OSError, ValueError, TypeError) as error:
            raise invalidResult() from error
        scalars.SetNumberOfComponents(shape[3] if len(shape) > 3 else 1)
        checksum = yield from checksumOf(vtk_to_numpy(scalars))
        self._exported = ExportedVolume(image, shape[:3], toRas, voxels=checksum)
        return scalars

    def _makeVolume(self, scalars: vtk.vtkDataArray):
        image = vtk.vtkImageData()
        image.SetDimensions(*reversed(self._exported.shape))
        image.GetPointData().SetScalars(scalars)
        isColour = scalars.GetNumberOfComponents() > 1
        className = "vtkMRMLVectorVolumeNode" if isColour else "vtkMRMLScalarVolumeNode"
        node = slicer.mrmlScene.AddNewNodeByClass(className, self._title)
        node.SetIJKToRASMatrix(self._exported.ijkToRas)
        node.CreateDefaultDisplayNodes()
        if not isColour:
            display = node.GetScalarVolumeDisplayNode()
            display.SetAutoWindowLevel(False)  # Slicer's own takes a while for a large volume
            display.SetWindowLevelMinMax(*_shownRange(scalars))
        node.SetAndObserveImageData(image)
        node.SetAttribute(CASE, self._title)
        if self._instances:
            node.SetAttribute(INSTANCES, self._instances)
        return node


def _stateOf(volumeNode) -> Generator[None, None, tuple[ExportedVolume, dict]]:
    """The volume as `exportVolume` describes it, without a file, and what the engine knows it again by."""
    import numpy as np
    from vtk.util.numpy_support import vtk_to_numpy

    from resformer_unet.batch.volume_state import VolumeDigest

    image, toRas = volumeNode.GetImageData(), vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(toRas)
    shape = tuple(reversed(image.GetDimensions()))
    components = image.GetNumberOfScalarComponents()
    message = {"has_orientation": not isPicture(volumeNode), "affine_lps": lpsRows(toRas)}
    time = image.GetMTime()
    voxels = vtk_to_numpy(image.GetPointData().GetScalars())
    full = shape + ((components,) if components > 1 else ())
    digest = VolumeDigest(full, voxels.dtype.str, message["affine_lps"], message["has_orientation"])
    content = np.ascontiguousarray(voxels).reshape(-1).view(np.uint8)
    for start in range(0, len(content), PIECE):
        digest.add(content[start : start + PIECE].data)
        yield
    checksum = yield from checksumOf(voxels)
    return ExportedVolume(message, shape, toRas, time, checksum), digest.state()


def _shownRange(scalars: vtk.vtkDataArray) -> tuple[float, float]:
    import numpy as np
    from vtk.util.numpy_support import vtk_to_numpy

    values = vtk_to_numpy(scalars)
    sample = values[:: max(1, len(values) // SAMPLE)].astype(float)
    sample = sample[np.isfinite(sample)]
    if not len(sample):
        return 0.0, 1.0
    low, high = np.percentile(sample, (DARK, BRIGHT))
    return float(low), float(high if high > low else low + 1)


def _matrix(rows: list[list[float]]) -> vtk.vtkMatrix4x4:
    matrix = vtk.vtkMatrix4x4()
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            matrix.SetElement(row, column, float(value))
    return matrix
