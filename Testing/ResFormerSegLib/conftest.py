"""What the tests of the Slicer side share: a logic with a worker of the test's choice, and the panel with its user."""

from helpers.learn_fixtures import learn  # noqa: F401
from helpers.live_fixtures import live, liveWorker  # noqa: F401
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
from helpers.slice_views import views, watch  # noqa: F401
