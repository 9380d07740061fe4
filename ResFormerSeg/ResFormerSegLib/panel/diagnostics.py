"""What a bug report needs, as text: versions, graphics card, the settings of the last run, its error and log.

It may end in a public forum, so it names no patient: no node names, no file names of images, and folders only as far as
the parts that do not tell who the user is.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path

import slicer

LOG_LINES = 60


def diagnosticsText(logic) -> str:
    """logic: a ResFormerSegLogic. Of what it does not know (nothing was run yet) nothing is said."""
    lastRun = logic.lastRun
    return withoutPersons(
        "\n".join(["### ResFormerSeg diagnostics", *_application(), *_engine(lastRun.devices), *_run(lastRun)])
    )


def withoutPersons(text: str) -> str:
    """Takes out all paths but for the names of source and library files, which tell where an error arose.

    A folder may have spaces in its name: all from the beginning of a path to its last separator is taken for one, and
    a path in quotation marks ends with them. Words between two paths in one line go as well.
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
        f"ResFormerSeg: {_extensionVersion()}",
    ]


def _extensionVersion() -> str:
    """The engine and the module come together; the number is read, since the application never imports the engine."""
    source = Path(__file__).resolve().parents[2] / "resformer_unet" / "__init__.py"
    try:
        found = re.search(r"__version__\s*=\s*[\"']([^\"']+)", source.read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else "?"


def _engine(answer: dict | None) -> list[str]:
    """answer: of the engine to the command `devices`."""
    if not answer:
        return ["Engine: not asked yet"]
    versions = ", ".join(f"{name} {version}" for name, version in answer["versions"].items() if version)
    lines = [f"Engine: {versions}"]
    for device in answer["devices"]:
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
        lines += ["Last lines of the engine's log:", *lastRun.log.splitlines()[-LOG_LINES:]]
    return lines
