"""Where things lie in the source tree."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTING = ROOT / "Testing"
MODULE_FOLDER = ROOT / "ResFormerSeg"  # goes on the path: the engine and the Slicer side lie in it
MODULE = MODULE_FOLDER / "ResFormerSeg.py"
MODELS = MODULE_FOLDER / "Resources" / "Models"
BENCHMARKS = ROOT / "benchmarks"
SHARED_DATA = ROOT.parent / "shared" / "data"  # real images, which may be absent


def withHelpers() -> dict[str, str]:
    """The environment for a program that imports the helpers and the engine."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTING), str(MODULE_FOLDER)])}
