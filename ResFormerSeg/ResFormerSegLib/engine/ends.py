"""Why the engine's worker process ended, in words for the user."""

from __future__ import annotations

import re
import signal

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError

GPU_BROKEN = 86  # the worker's exit code when its graphics card fails until the process has ended


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
        _("The engine has not answered for {seconds} seconds and was stopped.").format(seconds=round(seconds)),
        _("Try again; if it happens again, choose the CPU as device."),
        log,
    )


def garbled(log: str) -> ResFormerSegError:
    return ResFormerSegError(
        "ENGINE_GARBLED",
        _("The engine's answer could not be understood."),
        _("Another program or package writes into it; reinstall the ResFormerSeg extension."),
        log,
    )


def ended(exitCode: int, crashed: bool, wasGarbled: bool, log: str) -> ResFormerSegError:
    """exitCode, crashed: as Qt tells them; of a crash on Linux and macOS, the code is the number of the signal."""
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
            _("The engine was ended from outside, most often because the computer ran out of memory."),
            _("Close other programs or use a smaller volume, then try again."),
            log,
        )
    if crashed:
        return ResFormerSegError(
            "ENGINE_CRASHED",
            _("The engine crashed ({reason}).").format(reason=_signalName(exitCode)),
            _("Try again with the CPU as device; if it crashes again, PyTorch or the graphics driver is broken."),
            log,
        )
    if exitCode == GPU_BROKEN:
        return ResFormerSegError(
            "ENGINE_GPU_BROKEN",
            _("The graphics card failed during the run."),
            _("Choose the CPU as device, or restart the computer and update the driver of the graphics card."),
            log,
        )
    if wasGarbled:
        return garbled(log)
    return ResFormerSegError(
        "ENGINE_STOPPED",
        _("The engine stopped without a result (exit code {code}).").format(code=exitCode),
        _("Its last messages say why; reinstall the ResFormerSeg extension if they do not help."),
        log,
    )


def _signalName(code: int) -> str:
    """Of a signal, or on Windows the status of an exception, which is beyond the numbers of signals."""
    try:
        return signal.Signals(code).name
    except ValueError:
        return hex(code & 0xFFFFFFFF)
