"""What a training needs: PyTorch and a few packages. Nothing is installed unless the user has agreed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.pytorch import installPackages, installTorch, isTorchInstalled, lookAgain

REQUIREMENTS = "requirements-training.txt"  # beside the requirements of the engine
# Downloads in MB by import name, with what each package needs itself, of the largest of the three platforms' wheels.
MEGABYTES = {
    "PIL": 7, "jinja2": 1, "lightning": 4, "matplotlib": 18, "monai": 2, "onnx": 18, "onnxscript": 7, "skimage": 16,
    "torchmetrics": 1,
}  # fmt: skip


def missingTrainingPackages() -> list[str]:
    """Import names, without PyTorch's."""
    return [name for name in MEGABYTES if importlib.util.find_spec(name) is None]


def canTrain() -> bool:
    """Whether PyTorch and the other packages are installed."""
    return isTorchInstalled() and not missingTrainingPackages()


def trainingSizeText() -> str:
    """What is to be downloaded before a training is possible; empty if nothing is."""
    megabytes = sum(MEGABYTES[name] for name in missingTrainingPackages())
    if not isTorchInstalled():
        return _("Training needs PyTorch (0.2 to 3 GB) and a few packages (about {size} MB).").format(size=megabytes)
    return _("Training needs a few more packages (about {size} MB).").format(size=megabytes) if megabytes else ""


def installTrainingPackages(requirementsFile: str) -> bool:
    """Asks, then installs what is missing; the application is busy meanwhile. False when the user declined.

    requirementsFile: of the engine; that of training lies beside it. PyTorch comes first: it may take a restart of the
    application.

    Raises ResFormerSegError: NOT_INSTALLED.
    """
    if not isTorchInstalled() and not (installTorch() and isTorchInstalled()):
        return False
    lookAgain()
    if missing := missingTrainingPackages():
        try:
            installPackages([str(Path(requirementsFile).with_name(REQUIREMENTS))], missing)
        except ResFormerSegError as error:
            if error.code != "PACKAGES_DECLINED":
                raise
            return False
    return True
