"""ONNX Runtime, which runs the models on the CPU without PyTorch: whether it is installed, and its installation.

It is what prediction needs first, an ordinary package from the package index. Nothing is installed unless the user has
agreed.
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
    """Whether an inference engine is installed: ONNX Runtime or PyTorch."""
    return isOnnxInstalled() or isTorchInstalled()


def installOnnx(requirementsFile: str) -> None:
    """Asks, then installs ONNX Runtime with the other packages of the engine; the application is busy meanwhile.

    requirementsFile: of the other packages.

    Raises ResFormerSegError: PACKAGES_DECLINED, NOT_INSTALLED.
    """
    files = [requirementsFile, str(Path(requirementsFile).with_name(REQUIREMENTS))]
    installPackages(files, [*missingOtherPackages(), PACKAGE])


def engineExplanation() -> str:
    """Says which inference engines can be installed, what each is for, and the size of the downloads."""
    if torchIsPending():
        return _(
            "The PyTorch extension was installed. Restart Slicer, then come back here to install PyTorch itself. Until "
            "then the models can run on the CPU."
        )
    return _(
        "No inference engine is installed. Install ONNX Runtime or PyTorch below. ONNX Runtime runs the models on the "
        "CPU: about 30 MB to download. PyTorch adds GPUs and explanations of a diagnosis: about 0.2 GB for the CPU "
        "only, up to 3 GB with support for NVIDIA GPUs. This needs the internet; PyTorch can be added later."
    )
