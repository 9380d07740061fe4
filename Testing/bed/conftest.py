"""The test bed is tested with the fixtures that the panel's tests use."""

from helpers.logic_fixtures import logicWith  # noqa: F401
from helpers.panel_fixtures import (  # noqa: F401
    answering,
    choose,
    click,
    longestBlock,
    mainWindow,
    openPanel,
    waitFor,
    widget,
    workerThat,
)
