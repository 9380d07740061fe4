"""What is wrong with the layout of widgets that are shown: parts that overlap, are cut off, or leave a hole."""

from PySide6 import QtWidgets

# Parts of one widget lie over one another on purpose there, and what does not fit is scrolled.
COMPOUND = (QtWidgets.QAbstractItemView, QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox, QtWidgets.QPlainTextEdit)


def layoutProblems(root) -> list[str]:
    """A sentence for each fault of the visible widgets below `root`; empty when all is well."""
    problems = []
    for widget in visibleBelow(root):
        name = widget.objectName or type(widget).__name__
        parent = widget.parentWidget()
        if widget.x + widget.width > parent.width or widget.y + widget.height > parent.height:
            problems.append(f"{name} ends outside {parent.objectName or type(parent).__name__}")
        least = widget.minimumSizeHint
        least = least() if callable(least) else least  # a substitute's own is a method
        if widget.width < (widget.minimumWidth or least.width()) and not isinstance(widget, COMPOUND):
            problems.append(f"{name} is cut off: {widget.width} pixels wide, needs {least.width()}")
        if isinstance(widget, QtWidgets.QLabel) and widget.height < widget.heightForWidth(widget.width):
            problems.append(f"{name} is cut off: {widget.height} high, needs {widget.heightForWidth(widget.width)}")
        below = [child for child in childrenOf(widget) if child.isVisible()]
        for number, child in enumerate(below):
            for other in below[number + 1 :]:
                if child.geometry.intersects(other.geometry):
                    problems.append(f"{_nameOf(child)} and {_nameOf(other)} overlap")
    return problems


def visibleBelow(root) -> list:
    found = []
    for child in childrenOf(root):
        if child.isVisible() and not child.isWindow():
            found += [child, *visibleBelow(child)]
    return found


def childrenOf(widget) -> list:
    """Of a plot none: its marker lies over it on purpose."""
    if isinstance(widget, COMPOUND) or "Plot" in widget.objectName:
        return []
    return [child for child in widget.children() if isinstance(child, QtWidgets.QWidget)]


def _nameOf(widget) -> str:
    return widget.objectName or type(widget).__name__
