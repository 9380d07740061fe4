"""Configures and installs the extension with CMake into a folder, with `slicer_stand_in` instead of Slicer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from helpers.paths import ROOT, TESTING

STAND_IN = TESTING / "extension" / "slicer_stand_in"
# There is nothing to compile: these options let CMake do without a compiler.
NO_COMPILER = [
    f"-DCMAKE_{language}_{what}" for language in ("C", "CXX") for what in ("COMPILER=true", "COMPILER_FORCED=1")
]


@dataclass(frozen=True)
class StagedExtension:
    """moduleFolder: where the module was installed, as it would lie in the user's Slicer.

    unitTests: the scripts that CMake registered as tests. description: the extension's description in CMake, by the
    variables' names without EXTENSION_.
    """

    moduleFolder: Path
    unitTests: list[Path]
    description: dict[str, str]


def stageExtension(folder: Path, source: Path = ROOT) -> StagedExtension:
    """Installs the extension in `source` below `folder`. Raises RuntimeError with CMake's output when it fails."""
    build, install = folder / "build", folder / "Slicer"
    _cmake("-S", source, "-B", build, f"-DSlicer_DIR={STAND_IN}", f"-DCMAKE_INSTALL_PREFIX={install}", *NO_COMPILER)
    _cmake("--install", build)
    lines = (build / "description.txt").read_text(encoding="utf-8").splitlines()
    return StagedExtension(
        moduleFolder=next(install.glob("lib/*/qt-scripted-modules")),
        unitTests=[Path(line) for line in (build / "unit_tests.txt").read_text(encoding="utf-8").splitlines()],
        description=dict(line.split(" ", 1) for line in lines),
    )


def _cmake(*arguments) -> None:
    searchPath = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # first the environment's own
    command = [shutil.which("cmake", path=searchPath) or "cmake", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{run.stdout}{run.stderr}")
