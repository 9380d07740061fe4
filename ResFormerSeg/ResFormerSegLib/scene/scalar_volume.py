"""A volume node of figures that the engine has computed voxel by voxel, such as a probability."""

from __future__ import annotations

import vtk

from ResFormerSegLib.scene.volume_export import ExportedVolume


def fillScalarVolume(
    node, scalars: vtk.vtkDataArray, exported: ExportedVolume, valueRange: tuple[float, float]
) -> None:
    """Gives the node the values and the exported volume's geometry.

    scalars: VTK array in the order of the volume's voxels. valueRange: what is shown from black to white; Slicer's own
    choice would take a while for a large volume.
    """
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(exported.shape))
    image.GetPointData().SetScalars(scalars)
    node.SetIJKToRASMatrix(exported.ijkToRas)
    node.CreateDefaultDisplayNodes()
    display = node.GetScalarVolumeDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(*valueRange)
    node.SetAndObserveImageData(image)
