"""The head as a translucent surface in the 3D view, so that one sees where in it the lesion lies."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk


def addHeadSurface(volumeNode):
    """Adds a model node: the outer surface of everything that is not air, closed also where the image ends."""
    import SimpleITK as sitk

    voxels = sitk.GetImageFromArray(slicer.util.arrayFromVolume(volumeNode))
    head = sitk.OtsuThreshold(sitk.SmoothingRecursiveGaussian(sitk.Cast(voxels, sitk.sitkFloat32), 1.0), 0, 1)
    head = sitk.RelabelComponent(sitk.ConnectedComponent(head)) == 1
    head = sitk.BinaryMorphologicalClosing(head, [6, 6, 0])
    filled = np.stack([sitk.GetArrayFromImage(sitk.BinaryFillhole(head[:, :, k])) for k in range(head.GetDepth())])
    surface = _surface(np.pad(filled, 1).astype(np.float32))

    toRas = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(toRas)
    transform = vtk.vtkTransform()
    transform.SetMatrix(toRas)
    transform.Translate(-1, -1, -1)  # the padding
    placed = vtk.vtkTransformPolyDataFilter()
    placed.SetTransform(transform)
    placed.SetInputData(surface)
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(placed.GetOutputPort())
    normals.SplittingOff()
    normals.Update()

    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "Head")
    model.SetAndObservePolyData(normals.GetOutput())
    model.CreateDefaultDisplayNodes()
    display = model.GetDisplayNode()
    display.SetColor(0.93, 0.84, 0.76)
    display.SetScalarVisibility(False)
    display.SetOpacity(0.25)
    display.SetVisibility2D(False)
    return model


def _surface(mask: np.ndarray) -> vtk.vtkPolyData:
    """The smoothed surface of a mask (k, j, i) in voxel coordinates."""
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(mask.shape))
    image.GetPointData().SetScalars(numpy_to_vtk(mask.ravel(), deep=True))
    blur = vtk.vtkImageGaussianSmooth()
    blur.SetInputData(image)
    blur.SetStandardDeviations(2.5, 2.5, 0.8)  # voxels; slices are much thicker than pixels
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputConnection(blur.GetOutputPort())
    contour.SetValue(0, 0.5)
    smooth = vtk.vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(contour.GetOutputPort())
    smooth.SetNumberOfIterations(30)
    smooth.SetPassBand(0.02)
    smooth.Update()
    return smooth.GetOutput()
