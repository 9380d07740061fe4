"""The extension as CMake installs it, and the module as the application would load it."""

import pytest

from helpers import staging
from helpers.paths import MODULE


@pytest.fixture(scope="session")
def staged(tmp_path_factory) -> staging.StagedExtension:
    return staging.stageExtension(tmp_path_factory.mktemp("staged"))


@pytest.fixture(scope="session")
def module():
    """The scripted module of the source tree, in the test bed."""
    import slicer_bed

    return slicer_bed.loadModule(MODULE)
