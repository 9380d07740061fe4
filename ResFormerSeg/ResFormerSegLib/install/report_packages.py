"""The packages that reports need: whether they are installed, and their installation after asking."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection
from pathlib import Path

from ResFormerSegLib.install.pytorch import installPackages, lookAgain

# Import names, as in the requirements' files, and downloads in MB with what each package needs itself.
PACKAGES = {"html": ("jinja2",), "pdf": ("jinja2",), "dicom": ("pydicom", "highdicom")}
MEGABYTES = {"jinja2": 1, "pydicom": 3, "highdicom": 10}
REQUIREMENTS = {"jinja2": "requirements-report.txt", "pydicom": "requirements-dicom.txt"}
REQUIREMENTS["highdicom"] = REQUIREMENTS["pydicom"]


def missingPackages(formats: Collection[str]) -> list[str]:
    """Without importing them: they run in the engine's process."""
    lookAgain()
    names = dict.fromkeys(name for one in formats for name in PACKAGES[one])
    return [name for name in names if importlib.util.find_spec(name) is None]


def megabytesOf(names: Collection[str]) -> int:
    return sum(MEGABYTES[name] for name in names)


def installReportPackages(folder: str, names: list[str]) -> None:
    """Asks, then installs; the application is busy meanwhile. folder: of the requirements' files.

    Raises ResFormerSegError: PACKAGES_DECLINED, NOT_INSTALLED.
    """
    files = dict.fromkeys(str(Path(folder) / REQUIREMENTS[name]) for name in names)
    installPackages(list(files), names)
    lookAgain()
