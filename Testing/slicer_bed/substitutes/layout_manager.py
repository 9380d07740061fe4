"""The layout manager with its slice, 3D and plot views, over views that really render (`slicer_bed.views`)."""

import vtk

from slicer_bed.substitutes.api import substitute


class ctkVTKAbstractView:
    """What scripts use of every rendered view. A render happens when the view is grabbed."""

    def __init__(self, view) -> None:
        self._view = view
        self._annotation = vtk.vtkCornerAnnotation()
        view.renderer.AddViewProp(self._annotation)

    def renderWindow(self):
        return self._view.window

    def cornerAnnotation(self):
        return self._annotation

    def scheduleRender(self) -> None:
        """Nothing to do until somebody looks."""

    def forceRender(self) -> None:
        self._view.window.Render()


substitute(ctkVTKAbstractView)


@substitute
class qMRMLSliceView(ctkVTKAbstractView):
    def mrmlSliceNode(self):
        return self._view.node


@substitute
class qMRMLThreeDView(ctkVTKAbstractView):
    def mrmlViewNode(self):
        return self._view.node

    def resetFocalPoint(self) -> None:
        self._view.renderer.ResetCamera()

    def resetCamera(self, resetRotation=True, resetTranslation=True, resetDistance=True) -> None:
        self._view.renderer.ResetCamera()


@substitute
class qMRMLSliceWidget:
    def __init__(self, view) -> None:
        self._view, self._sliceView = view, qMRMLSliceView(view)

    def sliceLogic(self):
        return self._view.logic

    def sliceView(self):
        return self._sliceView

    def mrmlSliceNode(self):
        return self._view.node

    def mrmlSliceCompositeNode(self):
        return self._view.compositeNode

    def fitSliceToBackground(self) -> None:
        self._view.logic.FitSliceToBackground()


@substitute
class qMRMLThreeDWidget:
    def __init__(self, view) -> None:
        self._view, self._threeDView = view, qMRMLThreeDView(view)

    def threeDView(self):
        return self._threeDView

    def viewLogic(self):
        return self._view.logic

    def mrmlViewNode(self):
        return self._view.node


@substitute
class qMRMLLayoutManager:
    """Three slice views and a 3D view, whatever layout is set."""

    def __init__(self, scene, sliceViews: dict, threeDViews: list) -> None:
        self._scene = scene
        self._sliceWidgets = {name: qMRMLSliceWidget(view) for name, view in sliceViews.items()}
        self._threeDWidgets = [qMRMLThreeDWidget(view) for view in threeDViews]
        self._layout = 3  # four-up

    def setLayout(self, layout: int) -> None:
        self._layout = layout

    layout = property(lambda self: self._layout, setLayout)
    threeDViewCount = property(lambda self: len(self._threeDWidgets))
    plotViewCount = tableViewCount = property(lambda self: 0)

    def mrmlScene(self):
        return self._scene

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._sliceWidgets)

    def sliceWidget(self, name: str):
        return self._sliceWidgets.get(name)

    def threeDWidget(self, index: int):
        return self._threeDWidgets[index] if 0 <= index < len(self._threeDWidgets) else None

    def plotWidget(self, index: int) -> None:
        """No plot view in the layout."""

    def resetSliceViews(self) -> None:
        for widget in self._sliceWidgets.values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self) -> None:
        for widget in self._threeDWidgets:
            widget.threeDView().resetFocalPoint()


@substitute
class qSlicerLayoutManager(qMRMLLayoutManager):
    """The class of `slicer.app.layoutManager()`."""
