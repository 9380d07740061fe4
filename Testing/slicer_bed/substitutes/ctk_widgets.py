"""The widgets of CTK that the panel uses. `import ctk` gives them."""

from PySide6 import QtCore, QtGui, QtWidgets

from slicer_bed.substitutes.api import stored, substitute

_SHOWN = "shownWhenOpen"  # property of what is in a section


@substitute
class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A heading that hides and shows what is below it."""

    contentsCollapsed = QtCore.Signal(bool)
    _internals = ("_forcing",)
    _headingHeight = 24

    def __init__(self, *args) -> None:
        super().__init__(next((arg for arg in args if isinstance(arg, QtWidgets.QWidget)), None))
        self._forcing = False
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QtWidgets.QSizePolicy.Minimum, QtWidgets.QSizePolicy.Preferred)
        self.setContentsMargins(4, self._headingHeight + 2, 4, 4)
        if args and isinstance(args[0], str):
            self.setText(args[0])
        self.toggled.connect(self._onToggled)

    def _onToggled(self, checked: bool) -> None:
        for child in self.children():
            if isinstance(child, QtWidgets.QWidget):
                self._fit(child)
        self.setMaximumHeight(16777215 if checked else self._headingHeight)
        self.updateGeometry()
        self.contentsCollapsed.emit(not checked)

    def _fit(self, child) -> None:
        """Hides a child while the section is closed; an open one shows those again that were not hidden otherwise."""
        if self.checked:
            shown = child.property(_SHOWN)
        else:
            shown = False
            explicit = child.testAttribute(QtCore.Qt.WA_WState_ExplicitShowHide)
            child.setProperty(_SHOWN, not (explicit and child.isHidden()))
        if shown is not None:
            self._forcing = True
            child.setVisible(shown)
            self._forcing = False

    def childEvent(self, event) -> None:
        if event.polished() and isinstance(event.child(), QtWidgets.QWidget):
            event.child().installEventFilter(self)
            if not self.checked:
                self._fit(event.child())

    def eventFilter(self, child, event) -> bool:
        """What is shown while the section is closed appears when it opens.

        What is hidden meanwhile appears, too: Qt sends no event for it, since it is hidden already.
        """
        if event.type() == QtCore.QEvent.ShowToParent and not self.checked and not self._forcing:
            child.setProperty(_SHOWN, True)
            self._forcing = True
            child.setVisible(False)
            self._forcing = False
        return False

    collapsed = QtCore.Property(bool, lambda self: not self.checked, lambda self, value: self.setChecked(not value))
    collapsedHeight = stored(int, "collapsedHeight", 10)
    flat = stored(bool, "flat", False)
    contentsLineWidth = stored(int, "contentsLineWidth", 1)

    def paintEvent(self, event) -> None:
        painter = QtWidgets.QStylePainter(self)
        heading = QtCore.QRect(0, 0, self.width, self._headingHeight)
        painter.fillRect(heading, self.palette.color(QtGui.QPalette.Button).darker(108))
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(6, 6, 12, 12)
        style = QtWidgets.QStyle
        painter.drawPrimitive(style.PE_IndicatorArrowDown if self.checked else style.PE_IndicatorArrowRight, arrow)
        font = QtGui.QFont(self.font)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(self.palette.color(QtGui.QPalette.WindowText))
        painter.drawText(heading.adjusted(24, 0, 0, 0), QtCore.Qt.AlignVCenter, self.text)
        painter.setPen(self.palette.color(QtGui.QPalette.Mid))
        painter.drawRect(self.rect.adjusted(0, 0, -1, -1))

    def minimumSizeHint(self):
        return self._size(self.layout().totalMinimumSize() if self.layout() else None)

    def sizeHint(self):
        return self._size(self.layout().totalSizeHint() if self.layout() else None)

    def _size(self, contents):
        if contents is None or not self.checked:
            return QtCore.QSize(120 if contents is None else contents.width(), self._headingHeight)
        return contents  # the layout counts the margins, and with them the heading

    def hitButton(self, position) -> bool:
        return position.y() < self._headingHeight


@substitute
class ctkComboBox(QtWidgets.QComboBox):
    """A combo box that can leave the mouse wheel to the panel around it, and shows a text while nothing is selected."""

    NeverScroll, AlwaysScroll, ScrollWithFocus, ScrollWithNoVScrollBar = range(4)
    defaultText = stored(str, "defaultText", "", lambda self, text: self.setPlaceholderText(text))
    scrollWheelEffect = stored(int, "scrollWheelEffect", AlwaysScroll)

    def wheelEvent(self, event) -> None:
        effect = self.scrollWheelEffect
        if effect == self.AlwaysScroll or effect == self.ScrollWithFocus and self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


@substitute
class ctkSliderWidget(QtWidgets.QWidget):
    """A slider of decimal numbers with a spin box beside it."""

    valueChanged = QtCore.Signal(float)
    valueIsChanging = QtCore.Signal(float)
    _internals = ("_slider", "_spinBox")
    _steps = 1000

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal)
        self._slider.setRange(0, self._steps)
        self._spinBox = QtWidgets.QDoubleSpinBox()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._spinBox)
        self._slider.valueChanged.connect(self._onSlider)
        self._spinBox.valueChanged.connect(self.setValue)

    def _onSlider(self, step: int) -> None:
        self.setValue(self.minimum + (self.maximum - self.minimum) * step / self._steps)

    def _onRange(self, _=None) -> None:
        self._spinBox.setRange(self.minimum, self.maximum)
        self.setValue(self.value)
        self._show()

    def _show(self) -> None:
        """Both parts show the value, silently."""
        span = (self.maximum - self.minimum) or 1.0
        for part, value in (
            (self._spinBox, self.value),
            (self._slider, round((self.value - self.minimum) / span * self._steps)),
        ):
            blocked = part.blockSignals(True)
            part.setValue(value)
            part.blockSignals(blocked)

    def _onValue(self, value: float) -> None:
        self._show()
        self.valueIsChanging.emit(value)
        self.valueChanged.emit(value)

    minimum = stored(float, "minimum", 0.0, _onRange)
    maximum = stored(float, "maximum", 99.0, _onRange)
    _storedValue = stored(float, "value", 0.0, _onValue)
    value = QtCore.Property(float, lambda self: self._storedValue, lambda self, value: self.setValue(value))
    decimals = stored(int, "decimals", 2, lambda self, value: self._spinBox.setDecimals(value))
    singleStep = stored(float, "singleStep", 1.0, lambda self, value: self._spinBox.setSingleStep(value))
    suffix = stored(str, "suffix", "", lambda self, value: self._spinBox.setSuffix(value))
    prefix = stored(str, "prefix", "", lambda self, value: self._spinBox.setPrefix(value))
    spinBoxVisible = stored(bool, "spinBoxVisible", True, lambda self, value: self._spinBox.setVisible(value))
    pageStep = stored(float, "pageStep", 10.0)
    tickInterval = stored(float, "tickInterval", 0.0)
    tracking = stored(bool, "tracking", True)

    def setValue(self, value: float) -> None:
        if not isinstance(value, int | float):
            raise ValueError(f"ctkSliderWidget.setValue() does not take an object of type {type(value).__name__}")
        self._storedValue = round(min(max(float(value), self.minimum), self.maximum), self.decimals)

    def setDecimals(self, decimals: int) -> None:
        self.decimals = decimals


@substitute
class ctkRangeWidget(QtWidgets.QWidget):
    """Two spin boxes for the ends of a range; the real one has a slider with two handles between them."""

    valuesChanged = QtCore.Signal(float, float)
    rangeChanged = QtCore.Signal(float, float)
    minimumValueChanged = QtCore.Signal(float)
    maximumValueChanged = QtCore.Signal(float)
    _internals = ("_low", "_high")

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._low, self._high = QtWidgets.QDoubleSpinBox(), QtWidgets.QDoubleSpinBox()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for box in (self._low, self._high):
            box.setRange(0.0, 99.0)
            layout.addWidget(box, 1)
        self._high.setValue(99.0)
        self._low.valueChanged.connect(self._onLow)
        self._high.valueChanged.connect(self._onHigh)

    def _onLow(self, value: float) -> None:
        if value > self._high.value:
            self._high.setValue(value)
        self.minimumValueChanged.emit(value)
        self.valuesChanged.emit(value, self._high.value)

    def _onHigh(self, value: float) -> None:
        if value < self._low.value:
            self._low.setValue(value)
        self.maximumValueChanged.emit(value)
        self.valuesChanged.emit(self._low.value, value)

    def setRange(self, minimum: float, maximum: float) -> None:
        for box in (self._low, self._high):
            box.setRange(minimum, maximum)
        self.rangeChanged.emit(minimum, maximum)

    def setValues(self, minimum: float, maximum: float) -> None:
        minimum, maximum = min(minimum, maximum), max(minimum, maximum)
        self._high.setValue(maximum)
        self._low.setValue(minimum)

    def setMinimumValue(self, value: float) -> None:
        self._low.setValue(value)

    def setMaximumValue(self, value: float) -> None:
        self._high.setValue(value)

    def setDecimals(self, decimals: int) -> None:
        self._low.setDecimals(decimals)
        self._high.setDecimals(decimals)

    def _setSingleStep(self, step: float) -> None:
        self._low.setSingleStep(step)
        self._high.setSingleStep(step)

    minimum = QtCore.Property(float, lambda s: s._low.minimum, lambda s, v: s.setRange(v, max(v, s._low.maximum)))
    maximum = QtCore.Property(float, lambda s: s._low.maximum, lambda s, v: s.setRange(min(v, s._low.minimum), v))
    minimumValue = QtCore.Property(float, lambda s: s._low.value, setMinimumValue)
    maximumValue = QtCore.Property(float, lambda s: s._high.value, setMaximumValue)
    decimals = QtCore.Property(int, lambda s: s._low.decimals, setDecimals)
    singleStep = QtCore.Property(float, lambda s: s._low.singleStep, _setSingleStep)


@substitute
class ctkPathLineEdit(QtWidgets.QWidget):
    """A line for a path with a button to browse."""

    currentPathChanged = QtCore.Signal(str)
    validInputChanged = QtCore.Signal(bool)
    _internals = ("_line",)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._line = QtWidgets.QLineEdit()
        button = QtWidgets.QToolButton()
        button.setText("…")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._line)
        layout.addWidget(button)
        self._line.textChanged.connect(self._onText)

    def _onText(self, text: str) -> None:
        self.currentPathChanged.emit(text)
        self.validInputChanged.emit(bool(text))

    def setCurrentPath(self, path: str) -> None:
        self._line.setText(path)

    def addCurrentPathToHistory(self) -> None:
        """The substitute keeps no history."""

    currentPath = QtCore.Property(str, lambda self: self._line.text, setCurrentPath)
    filters = stored(object, "filters", 0)
    nameFilters = stored(list, "nameFilters", [])
    settingKey = stored(str, "settingKey", "")
    label = stored(str, "label", "")
    showHistoryButton = stored(bool, "showHistoryButton", True)


@substitute
class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box with a box to tick against being asked again."""

    dontShowAgainSettingsKey = stored(str, "dontShowAgainSettingsKey", "")
    dontShowAgainVisible = stored(bool, "dontShowAgainVisible", False)
    dontShowAgain = stored(bool, "dontShowAgain", False)
