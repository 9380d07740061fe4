"""Runs the scripts that CMake registered as tests, as Slicer would, but in the test bed.

python -m extension.run_unit_tests [--without PACKAGE]... MODULE_FOLDER SCRIPT...   ends with 1 if a test failed

MODULE_FOLDER is the folder with ResFormerSeg.py: the source tree's, or one that CMake installed. --without makes a
Python package look as if it were not installed.
"""

import argparse
import os
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import slicer_bed  # noqa: E402


def main(moduleFolder: Path, scripts: list[Path]) -> int:
    slicer_bed.boot()
    slicer_bed.openWidget(moduleFolder / "ResFormerSeg.py")  # the application makes the panel when it is asked for
    import ResFormerSegLib

    if Path(ResFormerSegLib.__file__).resolve().parent.parent != moduleFolder:
        raise SystemExit(f"the library came from {ResFormerSegLib.__file__}, not from {moduleFolder}")
    sys.path.append(str(HERE / "slicer_modules"))
    sys.path += [str(script.parent) for script in scripts]
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromName(script.stem) for script in scripts)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Runs Slicer's unit tests of the module in the test bed.")
    what = "package that is to look as if it were not installed"
    parser.add_argument("--without", action="append", default=[], help=what)
    parser.add_argument("moduleFolder", type=Path)
    parser.add_argument("scripts", type=Path, nargs="+")
    options = parser.parse_args()
    sys.modules |= dict.fromkeys(options.without)
    sys.exit(main(options.moduleFolder.resolve(), options.scripts))
