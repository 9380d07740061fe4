"""The module's panel, opened as the user opens it, and what a user does with it."""

import pytest
from conftest import MODULE


@pytest.fixture
def click(bed):
    """`click(button)`: a real mouse click in the middle of a widget. Refused where a user could not click.

    The panel is scrolled to the widget first, as a user would.
    """
    from slicer_bed.mouse import clickOn

    return clickOn


@pytest.fixture
def waitFor(bed):
    """`waitFor(lambda: finished, timeout=10)`: lets Qt work until it is true."""
    from slicer_bed.watch import waitFor

    return waitFor


@pytest.fixture
def longestBlock(bed):
    """`with longestBlock() as block: ...`, then `block.seconds`: the longest that the event loop was blocked."""
    from slicer_bed.watch import LongestBlock

    return LongestBlock


@pytest.fixture
def openPanel(scene, module):
    """`openPanel()`: the module's widget, set up and entered, without a main window."""
    import slicer_bed

    opened = []

    def make():
        opened.append(slicer_bed.openWidget(MODULE))
        return opened[-1]

    yield make
    for widget in reversed(opened):
        slicer_bed.closeWidget(widget)


@pytest.fixture
def widget(openPanel):
    """The panel of an empty scene."""
    return openPanel()
