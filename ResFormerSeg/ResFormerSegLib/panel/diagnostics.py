"""Diagnostics for a bug report: versions, devices, and the settings, error and log of the last run.

They may be posted in a public forum, so they identify neither patient nor user: no node names, no file names of images,
no paths.
"""

from __future__ import annotations

import os
import platform
import re
import sys

import slicer

from resformer_unet import __version__

LOG_LINES = 60


def diagnosticsText(logic) -> str:
    """logic: a ResFormerSegLogic. Before the first run there is less to report."""
    lastRun = logic.lastRun
    return withoutPaths(
        "\n".join(["### ResFormerSeg diagnostics", *_application(), *_engine(lastRun.devices), *_run(lastRun)])
    )


def withoutPaths(text: str) -> str:
    """Removes all paths except the names of source and library files, which show where an error occurred.

    Folder names may contain spaces: everything from the start of a path to its last separator is removed, and a path in
    quotation marks ends with them. Words between two paths in one line are removed as well.
    """
    quoted = re.compile(r"(?<=(['\"]))(?:[A-Za-z]:|~)?[\\/][^\n'\"]*?([^\\/\n'\"]*)(?=\1)")
    bare = re.compile(r"()(?:[A-Za-z]:|~)?[\\/][^\n:'\"<>|]*[\\/]([^\\/\s:'\"<>|,;)]*)")
    return bare.sub(_shortened, quoted.sub(_shortened, text))


def _shortened(match: re.Match) -> str:
    return f"…/{match[2]}" if match[2].endswith((".py", ".so", ".dll", ".dylib", ".pyd")) else "…"


def _application() -> list[str]:
    app = slicer.app
    return [
        f"Slicer: {getattr(app, 'applicationVersion', '?')} (revision {getattr(app, 'revision', '?')})",
        f"System: {platform.platform()}, {platform.machine()}, {os.cpu_count()} processors",
        f"Python: {sys.version.split()[0]}",
        f"ResFormerSeg: {__version__}",
    ]


def _engine(found: dict | None) -> list[str]:
    """found: the result of the command `devices`."""
    if not found:
        return ["Engine: not started yet"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
    lines = [f"Engine: {versions}"]
    for device in found["devices"]:
        state = "usable" if device["usable"] else f"not usable: {device.get('reason')}"
        lines.append(f"Device {device['id']}: {device['name']}, {state}")
    return lines


def _run(lastRun) -> list[str]:
    lines = []
    if lastRun.settings:
        lines.append("Last run: " + ", ".join(f"{name}={value!r}" for name, value in lastRun.settings.items()))
    if lastRun.error is not None:
        lines.append(f"Last error: {lastRun.error.code}")  # its message may name the volume
    if lastRun.log:
        lines += ["End of the engine's log:", *lastRun.log.splitlines()[-LOG_LINES:]]
    return lines
