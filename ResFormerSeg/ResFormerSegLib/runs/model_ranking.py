"""Asks the engine which of several models knows images like a volume, by the volume's middle slice."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.engine.array_file import writeArray
from ResFormerSegLib.runs.task import Task, invalidResult
from ResFormerSegLib.scene.slice_positions import slicedAxis
from ResFormerSegLib.scene.volume_export import checkVolume, isPicture, lpsRows


class RankingTask(Task):
    """Runs in the background. The result: [(reference of a model, distance)], the nearest model first.

    distance: above 1, the image is foreign to the model; None for a model that cannot say.

    models: references, of models that can be used on the volume.
    """

    inBackground = True

    def __init__(self, volumeNode, models: Sequence[str]) -> None:
        checkVolume(volumeNode)
        super().__init__(volumeNode)
        self._models = list(models)

    def export(self, folder: Path) -> Generator[None, None, dict]:
        """Only the slice, so that a large volume takes no longer than a picture."""
        voxels, affine = _middleSlice(self.nodes[0].Get())
        path = folder / "image.npy"
        yield from writeArray(path, voxels)
        hasOrientation = not isPicture(self.nodes[0].Get())
        image = {"array": str(path), "affine_lps": affine, "name": "slice", "has_orientation": hasOrientation}
        return {"command": "rank", "models": self._models, "device": "cpu", "image": image}

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, list[tuple[str, float | None]]]:
        yield
        try:
            return [(str(row["model"]), row["distance"]) for row in event["ranking"]]
        except (KeyError, TypeError) as error:
            raise invalidResult() from error

    def describeProgress(self, done: int, total: int) -> str:
        return _("Model {done} of {total}").format(done=done, total=total)


def _middleSlice(volumeNode) -> tuple:
    """Voxels (slices, rows, columns[, components]), one of them along the axis of acquisition; rows of the affine."""
    from vtk.util.numpy_support import vtk_to_numpy

    image = volumeNode.GetImageData()
    shape, components = tuple(reversed(image.GetDimensions())), image.GetNumberOfScalarComponents()
    axis = slicedAxis(volumeNode, "acquisition")
    index = shape[axis] // 2
    voxels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape + ((components,) if components > 1 else ()))
    ijkToRas = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(ijkToRas)
    for row in range(3):
        start = ijkToRas.GetElement(row, 3) + index * ijkToRas.GetElement(row, 2 - axis)
        ijkToRas.SetElement(row, 3, start)
    return voxels.take([index], axis), lpsRows(ijkToRas)
