"""Stands for qSlicerModulePanel: the scroll area in the application's window that a module's panel lives in.

As seen in the application (Slicer 5.13, Qt 5.15), which differs from a plain QScrollArea:

- It asks the panel for its height only when its width changes, or when the panel's own size limits do. When only the
  content gets higher or lower, the panel stays as it is: parts overlap, or a hole is left.
- The panel's horizontal size policy is Minimum, so that its size hint is the least width of the window's dock.
"""

from slicer_bed.pythonqt import QtCore, QtWidgets


class ModulePanel(QtWidgets.QScrollArea):
    """Shows one module's panel; `leastWidth` is how narrow the user can make the dock."""

    def __init__(self, moduleWidget) -> None:
        super().__init__()
        self._moduleWidget = moduleWidget
        self._asked = self._height = None  # (width, least and greatest height of the panel), and the height for them
        contents = QtWidgets.QWidget()
        layout = QtWidgets.QVBoxLayout(contents)
        layout.setContentsMargins(0, 0, 0, 0)
        moduleWidget.layout().setContentsMargins(0, 0, 0, 0)
        moduleWidget.setSizePolicy(QtWidgets.QSizePolicy.Minimum, moduleWidget.sizePolicy.verticalPolicy())
        layout.addWidget(moduleWidget, 1)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarAlwaysOff)
        self.setFrameShape(QtWidgets.QFrame.NoFrame)
        self.setWidget(contents)
        contents.show()
        contents.installEventFilter(self)

    @property
    def leastWidth(self) -> int:
        """In pixels, with the scroll bar."""
        return self.widget().layout().totalMinimumSize().width() + self.verticalScrollBar().sizeHint.width()

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._place()

    def eventFilter(self, watched, event) -> bool:
        if event.type() == QtCore.QEvent.LayoutRequest:
            self._place()
        return False

    def _place(self) -> None:
        contents, width, panel = self.widget(), self.viewport().width, self._moduleWidget
        asked = (width, panel.minimumHeight, panel.maximumHeight)
        if asked != self._asked:
            layout = contents.layout()
            self._asked = asked
            self._height = max(layout.totalHeightForWidth(width), layout.totalMinimumSize().height())
        contents.resize(width, max(self.viewport().height, self._height))
