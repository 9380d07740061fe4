"""Slicer's own slice and 3D views, rendered offscreen with the displayable managers that the application uses.

Needs EGL (`VTK_DEFAULT_OPENGL_WINDOW=vtkEGLRenderWindow`) or another offscreen OpenGL: without any, VTK ends the
process. Close a view when done, it observes the scene until then.

    >>> with SliceView(bed, "Red", "Axial", (512, 512)) as view:
    ...     view.show(volumeNode)
    ...     pixels = view.grab()          # uint8 (height, width, 3), first row on top
"""

import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

SLICE_MANAGERS = ("vtkMRMLModelSliceDisplayableManager", "vtkMRMLSegmentationsDisplayableManager2D")
THREED_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
)


def grabWindow(window):
    """Renders a VTK window and returns its pixels: uint8 (height, width, 3), the first row is the top."""
    window.Render()
    grabber = vtk.vtkWindowToImageFilter()
    grabber.SetInput(window)
    grabber.SetInputBufferTypeToRGB()
    grabber.ReadFrontBufferOff()
    grabber.ShouldRerenderOff()
    grabber.Update()
    image = grabber.GetOutput()
    width, height, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)[::-1].copy()


class _View:
    """What both kinds of view share: render window, displayable managers, grabbing, closing.

    Subclasses set `logic` and `node`.
    """

    def __init__(self, bed, name: str, nodeClasses, factory, managers: tuple[str, ...], size: tuple[int, int]) -> None:
        self._applicationLogic = bed.applicationLogic
        self.size = size
        self.renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.SetSize(*size)
        self.window.AddRenderer(self.renderer)
        interactor = vtk.vtkRenderWindowInteractor()  # displayable managers ask for one; it is never started
        interactor.SetRenderWindow(self.window)
        for className in nodeClasses:  # a view that a loaded scene brought along gives way to this one
            bed.scene.RemoveNode(bed.scene.GetSingletonNode(name, className))
        factory.SetMRMLApplicationLogic(bed.applicationLogic)
        for manager in managers:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self._group = slicer.vtkMRMLDisplayableManagerGroup()
        self._group.SetRenderer(self.renderer)
        self._group.Initialize(factory, self.renderer)

    def grab(self):
        """Renders and returns the pixels: uint8 (height, width, 3), the first row is the top."""
        return grabWindow(self.window)

    def close(self) -> None:
        """Also takes the view's own nodes out of the scene: a later view of that name starts afresh."""
        self._group.SetMRMLDisplayableNode(None)
        for collection in (self._applicationLogic.GetSliceLogics(), self._applicationLogic.GetViewLogics()):
            collection.RemoveItem(self.logic)
        scene = self.node.GetScene()
        self.logic.SetMRMLScene(None)
        for node in self._ownNodes():
            scene.RemoveNode(node)
        self.window.Finalize()

    def _ownNodes(self) -> list:
        return [self.node]

    def __enter__(self):
        return self

    def __exit__(self, *exception) -> None:
        self.close()


class SliceView(_View):
    """name: in the layout, like "Red". orientation: "Axial", "Coronal" or "Sagittal".

    size: (width, height) in pixels.
    """

    def __init__(self, bed, name: str = "Red", orientation: str = "Axial", size: tuple[int, int] = (512, 512)) -> None:
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        super().__init__(bed, name, ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode"), factory, SLICE_MANAGERS, size)
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        # The slice logic's image fills the background, as ctkVTKLightBoxRendererManager does it in the application.
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._image = vtk.vtkActor2D()
        self._image.SetMapper(self._mapper)
        self._image.GetProperty().SetDisplayLocationToBackground()
        self._image.VisibilityOff()
        self.renderer.AddViewProp(self._image)
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(bed.applicationLogic)
        bed.applicationLogic.GetSliceLogics().AddItem(self.logic)
        self._modifiedTag = self.logic.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onLogicModified)
        self.logic.SetMRMLScene(bed.scene)
        self.node = self.logic.AddSliceNode(name)
        self.compositeNode = self.logic.GetSliceCompositeNode()
        self.node.SetOrientation(orientation)
        self.node.SetDimensions(size[0], size[1], 1)
        self.node.SetMappedInLayout(1)
        self._group.SetMRMLDisplayableNode(self.node)

    def _onLogicModified(self, caller, event) -> None:
        connection = self.logic.GetImageDataConnection()
        self._mapper.SetInputConnection(connection)
        self._image.SetVisibility(bool(connection))

    def show(self, volumeNode) -> None:
        """Shows the volume in the background layer, its slices parallel to the view, all of it in sight."""
        self.compositeNode.SetBackgroundVolumeID(volumeNode.GetID())
        self.logic.ResizeSliceNode(*self.size)
        self.logic.RotateSliceToLowestVolumeAxes(False)
        self.logic.FitSliceToBackground()
        self.logic.SnapSliceOffsetToIJK()

    def close(self) -> None:
        self.logic.RemoveObserver(self._modifiedTag)
        super().close()

    def _ownNodes(self) -> list:
        return [self.compositeNode, self.node]


class ThreeDView(_View):
    """`size` is (width, height) in pixels; the background is the application's."""

    def __init__(self, bed, name: str = "1", size: tuple[int, int] = (512, 512)) -> None:
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        super().__init__(bed, name, ("vtkMRMLViewNode",), factory, THREED_MANAGERS, size)
        self.logic = slicer.vtkMRMLViewLogic()
        self.logic.SetMRMLApplicationLogic(bed.applicationLogic)
        bed.applicationLogic.GetViewLogics().AddItem(self.logic)
        self.logic.SetMRMLScene(bed.scene)
        self.node = self.logic.AddViewNode(name)
        self.node.SetMappedInLayout(1)
        self._group.SetMRMLDisplayableNode(self.node)

    def lookFrom(self, direction: tuple[float, float, float], zoom: float = 1.0) -> None:
        """Looks at all that is shown from `direction` (RAS, of any length), head up; `zoom` > 1 comes closer."""
        camera = self.renderer.GetActiveCamera()
        camera.SetFocalPoint(0, 0, 0)
        camera.SetPosition(*direction)
        camera.SetViewUp(0, 0, 1)
        self.renderer.ResetCamera()
        camera.Zoom(zoom)
        self.renderer.ResetCameraClippingRange()
