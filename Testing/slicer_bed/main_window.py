"""The application with its main window: rendered views and a module selector, for as long as the context is open.

>>> with MainWindow(bed) as window:
...     slicer.app.layoutManager().sliceWidget("Red").sliceLogic()
...     pixels = window.grab("Red")                 # uint8 (height, width, 3)
...     slicer.util.selectModule("Segmentations")   # window.selectedModules == ["Segmentations"]
"""

import slicer

from slicer_bed.pythonqt import QtWidgets
from slicer_bed.views import SliceView, ThreeDView

SLICE_VIEWS = {"Red": "Axial", "Green": "Coronal", "Yellow": "Sagittal"}


class ModuleSelector(QtWidgets.QWidget):
    """Stands for qSlicerModuleSelectorToolBar: notes which modules were asked for."""

    def __init__(self, parent) -> None:
        super().__init__(parent)
        self.selected: list[str] = []

    def selectModule(self, name: str) -> None:
        if slicer.app.moduleManager().module(name) is None:
            raise RuntimeError(f"There is no module {name}")
        self.selected.append(name)


class _Window(QtWidgets.QMainWindow):
    """Stands for qSlicerMainWindow, which is found by its object name."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self._selector = ModuleSelector(self)

    def moduleSelector(self) -> ModuleSelector:
        return self._selector


class MainWindow:
    def __init__(self, bed, size: tuple[int, int] = (320, 320)) -> None:
        self._bed, self._size = bed, size

    def __enter__(self):
        bed = self._bed
        self._window = _Window()
        self.views = {name: SliceView(bed, name, plane, self._size) for name, plane in SLICE_VIEWS.items()}
        self.views["1"] = ThreeDView(bed, "1", self._size)
        slices = {name: self.views[name] for name in SLICE_VIEWS}
        bed.app._layoutManager = slicer.qSlicerLayoutManager(bed.scene, slices, [self.views["1"]])
        return self

    @property
    def selectedModules(self) -> list[str]:
        return self._window.moduleSelector().selected

    def grab(self, name: str):
        """What the view shows now: "Red", "Green", "Yellow" or "1" (3D); uint8 (height, width, 3)."""
        return self.views[name].grab()

    def __exit__(self, *exception) -> None:
        self._bed.app._layoutManager = None
        for view in self.views.values():
            view.close()
        self._window.delete()
        self._window = None
