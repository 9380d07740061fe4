"""Packages for a machine without internet: wheels in the ignored folder benchmarks/wheels, unpacked beside the others.

On a machine with internet, for Python 3.12 on 64-bit Linux; ones in pure Python serve every version:

    python -m pip download --no-deps --only-binary=:all: --dest benchmarks/wheels \\
        monai==1.6.1 dynamic-network-architectures==0.4.4 einops==0.8.2
    python -m pip download --no-deps --only-binary=:all: --dest benchmarks/wheels \\
        --python-version 3.12 --platform manylinux_2_17_x86_64 SimpleITK

The pure ones take 2 MB, SimpleITK 53 MB, onnxruntime-gpu some 300 MB. Keep one version of each.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
WHEELS = HERE / "wheels"
ENGINE = HERE.parent / "ResFormerSeg"


def unpack_wheels(folder: Path, target: Path) -> None:
    """Raises ValueError for a wheel that must be installed by pip, since parts of it belong elsewhere."""
    for path in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(path) as wheel:
            if any(name.partition("/")[0].endswith(".data") for name in wheel.namelist()):
                raise ValueError(f"{path.name} cannot simply be unpacked: install it with pip.")
            wheel.extractall(target)


def use_packages(target: Path) -> None:
    """For this process and those that it starts: the carried packages, and the engine of this checkout."""
    folders = [str(target), str(ENGINE)]
    sys.path[:0] = folders
    importlib.invalidate_caches()
    os.environ["PYTHONPATH"] = os.pathsep.join([*folders, *filter(None, [os.environ.get("PYTHONPATH")])])


def missing(modules: Iterable[str]) -> list[str]:
    return [name for name in modules if importlib.util.find_spec(name) is None]
