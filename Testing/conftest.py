"""Makes the test bed and the module importable, and lets Slicer's views render without a screen."""

import os
import sys
from pathlib import Path

TESTING = Path(__file__).resolve().parent

for folder in (TESTING / "scene", TESTING, TESTING.parent / "ResFormerSeg"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
