"""What a job can do: each task writes its input for the engine and takes the engine's answer over into the scene."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.scene.scene_changes import placeBeside


class Task:
    """The interface. `export` and `finish` are generators: each step takes some milliseconds, between two of them the
    application handles its events.

    nodes: weak references to the nodes without which the run makes no sense; the user may delete them meanwhile.
    needsFolder: whether files are exchanged. inBackground: not asked for by the user, who may start a run meanwhile.
    passes: how often the engine goes over an image. passesDone: how often it has done so.
    """

    needsFolder = True
    inBackground = False
    passes = 1
    passesDone = 0

    def __init__(self, *nodes) -> None:
        self.nodes = [weakReference(node) for node in nodes if node is not None]

    def export(self, folder: Path | None) -> Generator[None, None, dict]:
        """Writes the input into the folder; returns the engine's command, without its id."""
        raise NotImplementedError

    def follow(self, event: dict, folder: Path | None) -> Generator[None, None, dict | None]:
        """The next command, after the `result` event of one; None when the task asks for no more."""
        yield from ()

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, Any]:
        """Takes over the engine's last `result` event; returns the result.

        notices: what the user should know, rows with code and message. When it fails, the scene is as before.
        """
        raise NotImplementedError

    def describeProgress(self, done: int, total: int) -> str:
        return _("Slice {done} of {total}").format(done=done, total=total)


def weakReference(node) -> vtk.vtkWeakReference:
    reference = vtk.vtkWeakReference()
    reference.Set(node)
    return reference


def addNodeBeside(volumeNode, className: str, name: str):
    """A new node of an unused name, beside the volume in the subject hierarchy."""
    node = slicer.mrmlScene.AddNewNodeByClass(className, slicer.mrmlScene.GenerateUniqueName(name))
    placeBeside(node, volumeNode)
    return node


def invalidResult() -> ResFormerSegError:
    return ResFormerSegError(
        "RESULT_INVALID",
        _("The engine's answer is unreadable or does not fit the volume."),
        _("Try again; reinstall the ResFormerSeg extension if it happens again."),
    )


def notImported(error: Exception) -> ResFormerSegError:
    return ResFormerSegError(
        "RESULT_NOT_IMPORTED",
        _("The result could not be put into the scene: {reason}.").format(reason=error or type(error).__name__),
        _("Close other programs if memory is short, then try again."),
    )
