"""ONNX Runtime, which runs the models on the CPU without PyTorch: whether it is installed, and its installation.

It is what prediction needs first, an ordinary package from the package index. Nothing is installed unless the user has
agreed.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.pytorch import installPackages, isTorchInstalled, missingOtherPackages, torchIsPending

PACKAGE = "onnxruntime"
# Downloads in MB, with what each package needs itself, of the largest of the three platforms' wheels.
MEGABYTES = {PACKAGE: 30, "scipy": 37, "safetensors": 1}
REQUIREMENTS = "requirements-cpu.txt"  # beside the requirements of the others


def isOnnxInstalled() -> bool:
    """Looks for the package without importing it: it runs in the engine's process."""
    return importlib.util.find_spec(PACKAGE) is not None


def isEngineInstalled() -> bool:
    """Whether an inference engine is installed: ONNX Runtime or PyTorch."""
    return isOnnxInstalled() or isTorchInstalled()


def installOnnx(requirementsFile: str) -> bool:
    """Asks, then installs ONNX Runtime with the other packages of the engine; the application is busy meanwhile.

    requirementsFile: of the other packages. False when the user declined.

    Raises ResFormerSegError: NOT_INSTALLED.
    """
    files = [requirementsFile, str(Path(requirementsFile).with_name(REQUIREMENTS))]
    try:
        installPackages(files, [*missingOtherPackages(), PACKAGE])
    except ResFormerSegError as error:
        if error.code != "PACKAGES_DECLINED":
            raise
        return False
    return True


def onnxMegabytes() -> int:
    """What `installOnnx` downloads, in MB."""
    missing = [*missingOtherPackages(), *([] if isOnnxInstalled() else [PACKAGE])]
    return sum(MEGABYTES[name] for name in missing)


def engineExplanation() -> str:
    """Says what comes next while no inference engine is installed, and what each of them is for."""
    if torchIsPending():
        return _("The PyTorch extension was installed. Restart Slicer, then install PyTorch here.")
    return _(
        "First, install an inference engine. ONNX Runtime computes on the CPU. PyTorch (0.2 to 3 GB) also explains "
        "diagnoses and computes on a GPU; it can follow later."
    )
