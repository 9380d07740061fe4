"""The errors shown to the user when the engine's worker process does not start, hangs or exits."""

from __future__ import annotations

import re
import signal

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError

GPU_BROKEN = 86  # the worker's exit code when the GPU cannot be used any more by this process


def notStarted(program: str, reason: str, log: str = "") -> ResFormerSegError:
    return ResFormerSegError(
        "ENGINE_NOT_STARTED",
        _("The engine could not be started: {program}: {reason}.").format(program=program, reason=reason),
        _("Reinstall the ResFormerSeg extension; check that no antivirus software blocks Slicer's Python."),
        log,
    )


def silent(seconds: float, log: str) -> ResFormerSegError:
    return ResFormerSegError(
        "ENGINE_SILENT",
        _("The engine did not respond for {seconds} seconds and was stopped.").format(seconds=round(seconds)),
        _("Try again; if it happens again, choose the CPU as device."),
        log,
    )


def garbled(log: str) -> ResFormerSegError:
    return ResFormerSegError(
        "ENGINE_GARBLED",
        _("The output of the engine could not be read."),
        _("Another program or package may be writing into it; reinstall the ResFormerSeg extension."),
        log,
    )


def ended(exitCode: int, crashed: bool, wasGarbled: bool, log: str) -> ResFormerSegError:
    """exitCode, crashed: as Qt reports them; after a crash on Linux and macOS the code is the number of the signal."""
    missing = re.search(r"ModuleNotFoundError: No module named '([\w.]+)'", log)
    if missing:
        return ResFormerSegError(
            "ENGINE_INCOMPLETE",
            _("The engine needs the Python package '{package}', which is not installed.").format(package=missing[1]),
            _("Install it; PyTorch (torch) comes with Slicer's PyTorch extension."),
            log,
        )
    if crashed and exitCode in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        return ResFormerSegError(
            "ENGINE_KILLED",
            _("The engine was terminated by the system, most often because the computer ran out of memory."),
            _("Close other programs or use a smaller volume, then try again."),
            log,
        )
    if crashed:
        return ResFormerSegError(
            "ENGINE_CRASHED",
            _("The engine crashed ({reason}).").format(reason=_signalName(exitCode)),
            _("Try again with the CPU as device; if it crashes again, reinstall PyTorch or the graphics driver."),
            log,
        )
    if exitCode == GPU_BROKEN:
        return ResFormerSegError(
            "ENGINE_GPU_BROKEN",
            _("The GPU failed during the run."),
            _("Choose the CPU as device, or restart the computer and update the graphics driver."),
            log,
        )
    if wasGarbled:
        return garbled(log)
    return ResFormerSegError(
        "ENGINE_STOPPED",
        _("The engine stopped without a result (exit code {code}).").format(code=exitCode),
        _("See the details; reinstall the ResFormerSeg extension if they do not help."),
        log,
    )


def _signalName(code: int) -> str:
    """Name of the signal, or on Windows the exception's status, which is no signal number."""
    try:
        return signal.Signals(code).name
    except ValueError:
        return hex(code & 0xFFFFFFFF)
