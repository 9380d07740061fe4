"""ONNX Runtime, which runs the models on the processor without PyTorch: whether it is there, and how it comes.

It is an ordinary package from the package index, small enough to be had at once. Nothing is installed unless the user
has agreed.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from slicer.i18n import tr as _

from ResFormerSegLib.install.pytorch import installPackages, isTorchInstalled, missingOtherPackages, torchIsPending

PACKAGE = "onnxruntime"
REQUIREMENTS = "requirements-cpu.txt"  # beside the requirements of the others


def isOnnxInstalled() -> bool:
    """Looks for the package without importing it: it runs in the engine's process."""
    return importlib.util.find_spec(PACKAGE) is not None


def isEngineInstalled() -> bool:
    """Whether there is anything that runs models."""
    return isOnnxInstalled() or isTorchInstalled()


def installOnnx(requirementsFile: str) -> None:
    """Asks, then installs ONNX Runtime with what else the engine needs; the application is busy meanwhile.

    requirementsFile: of what else it needs.

    Raises ResFormerSegError: PACKAGES_DECLINED, NOT_INSTALLED.
    """
    files = [requirementsFile, str(Path(requirementsFile).with_name(REQUIREMENTS))]
    installPackages(files, [*missingOtherPackages(), PACKAGE])


def engineExplanation() -> str:
    """What is missing, what there is to choose from, and how much each is."""
    if torchIsPending():
        return _(
            "The PyTorch extension was installed. Restart Slicer, then come back here to install PyTorch itself. Until "
            "then the models can run on the processor."
        )
    return _(
        "What runs the models is not installed yet. ONNX Runtime runs them on the processor: about 30 MB to download. "
        "PyTorch runs them on a graphics card too and explains diagnoses: about 0.2 GB for the processor alone and up "
        "to 3 GB with support for an NVIDIA graphics card. Either needs the internet once; the other can follow later."
    )
