"""PyTorch and the other packages of the engine: whether they are installed, and their installation.

PyTorch is installed by Slicer's PyTorch extension, which picks the build for the GPU; never straight from a package
index. Nothing is installed unless the user has agreed.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import logging

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError

TORCH_REQUIREMENT = ">=2.5,<3"
PENDING_SETTING = "ResFormerSeg/PyTorchExtensionPending"
OTHER_PACKAGES = ("scipy", "safetensors")  # import names; as in requirements.txt


def isTorchInstalled() -> bool:
    """Looks for the package without importing it: PyTorch never enters the application's process."""
    return importlib.util.find_spec("torch") is not None


def lookAgain() -> None:
    """Python caches the content of folders; another module may have installed packages meanwhile."""
    importlib.invalidate_caches()


def torchIsPending() -> bool:
    """Whether PyTorch's extension was installed, and a restart is due before PyTorch itself can be."""
    return _isExtensionPending() and not _hasExtension()


def installTorch() -> bool:
    """Asks, then installs PyTorch; the application is busy meanwhile. False when the user declined.

    Without the PyTorch extension, that is installed first, which takes a restart of the application.

    Raises ResFormerSegError when the installation fails.
    """
    if not _hasExtension():
        return _installExtension()
    qt.QSettings().remove(PENDING_SETTING)
    import PyTorchUtils

    logic = PyTorchUtils.PyTorchUtilsLogic()
    wanted = {"askConfirmation": True, "torchVersionRequirement": TORCH_REQUIREMENT}
    known = inspect.signature(logic.installTorch).parameters  # older versions of the extension know fewer
    try:
        installed = logic.installTorch(**{name: value for name, value in wanted.items() if name in known})
    except Exception as error:
        raise _notInstalled("PyTorch", error) from error
    return installed is not None


def ensureOtherPackages(requirementsFile: str) -> None:
    """Installs the other packages of the engine, after asking; does nothing if all are installed.

    Raises ResFormerSegError: PACKAGES_DECLINED, NOT_INSTALLED.
    """
    lookAgain()
    if missing := missingOtherPackages():
        installPackages([requirementsFile], missing)


def missingOtherPackages() -> list[str]:
    return [name for name in OTHER_PACKAGES if importlib.util.find_spec(name) is None]


def installPackages(requirementsFiles: list[str], missing: list[str]) -> None:
    """Asks once, then installs the packages that the files list.

    missing: names for the error.

    Raises ResFormerSegError: PACKAGES_DECLINED, NOT_INSTALLED.
    """
    try:
        import slicer.packaging
    except ImportError:  # before Slicer 5.12
        _installTheOldWay(requirementsFiles, missing)
        return
    try:
        requirements = [one for file in requirementsFiles for one in slicer.packaging.load_requirements(file)]
        slicer.packaging.pip_ensure(requirements, requester="ResFormerSeg")
    except RuntimeError as error:
        raise _declined(missing) from error
    except Exception as error:
        raise _notInstalled(", ".join(missing), error) from error


def _installTheOldWay(requirementsFiles: list[str], missing: list[str]) -> None:
    question = _("ResFormerSeg needs a few more Python packages ({names}). Install them now?")
    if not slicer.util.confirmOkCancelDisplay(question.format(names=", ".join(missing))):
        raise _declined(missing)
    try:
        slicer.util.pip_install([part for file in requirementsFiles for part in ("-r", file)])
    except Exception as error:
        raise _notInstalled(", ".join(missing), error) from error


def _hasExtension() -> bool:
    return importlib.util.find_spec("PyTorchUtils") is not None


def _isExtensionPending() -> bool:
    return slicer.util.toBool(qt.QSettings().value(PENDING_SETTING, False))


def _installExtension() -> bool:
    if slicer.app.testingEnabled():  # a test must not change the application
        return False
    if not hasattr(slicer.app, "extensionsManagerModel"):  # Slicer can be built without it
        raise ResFormerSegError(
            "NOT_INSTALLED",
            _("This Slicer cannot install extensions, and PyTorch comes through one."),
            _("Install ONNX Runtime instead: it runs all models on the CPU."),
        )
    manager = slicer.app.extensionsManagerModel()
    question = _(
        "PyTorch comes through Slicer's PyTorch extension, which is not installed. Install the extension now? Slicer "
        "must be restarted after it; save your work first."
    )
    if not slicer.util.confirmOkCancelDisplay(question, windowTitle=_("Install the PyTorch extension")):
        return False
    wasInteractive = manager.interactive
    manager.interactive = False  # it would ask once more
    try:
        with slicer.util.WaitCursor():
            installed = manager.installExtensionFromServer("PyTorch", False)  # no restart of its own
    except Exception as error:
        raise _notInstalled(_("The PyTorch extension"), error) from error
    finally:
        manager.interactive = wasInteractive
    if not installed:
        raise _notInstalled(_("The PyTorch extension"), None)
    qt.QSettings().setValue(PENDING_SETTING, True)
    if slicer.util.confirmYesNoDisplay(_("The PyTorch extension is installed. Restart Slicer now?")):
        slicer.util.restart()
    return True


def _declined(missing: list[str]) -> ResFormerSegError:
    return ResFormerSegError(
        "PACKAGES_DECLINED",
        _("Python packages that the models need are not installed: {names}.").format(names=", ".join(missing)),
        _("Try again and agree to the installation; nothing was changed so far."),
    )


def _notInstalled(what: str, error: Exception | None) -> ResFormerSegError:
    logging.error("Installing %s failed: %s", what, error)
    return ResFormerSegError(
        "NOT_INSTALLED",
        _("{what} could not be installed.").format(what=what),
        _("Check the internet connection and the proxy settings, then try again. Everything else works as before."),
        "" if error is None else f"{type(error).__name__}: {error}",
    )
