"""What a job carries out: each task writes its input for the engine and imports the engine's result into the scene."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.input_watch import weakReference


class Task:
    """The interface. `export` and `finish` are generators: each step takes some milliseconds, between two of them the
    application handles its events.

    nodes: weak references to the nodes that the run needs; the user may delete them meanwhile. needsFolder: whether
    files are exchanged. inBackground: not started by the user, who may start a run meanwhile. passes: how many images
    the engine processes one after the other.
    """

    needsFolder = True
    inBackground = False
    passes = 1

    def __init__(self, *nodes) -> None:
        """Raises ResFormerSegError NOT_IN_SCENE."""
        for node in filter(None, nodes):
            _checkInScene(node)
        self.nodes = [weakReference(node) for node in nodes if node is not None]

    def export(self, folder: Path | None) -> Generator[None, None, dict]:
        """Writes the input into the folder; returns the engine's command, without its id."""
        raise NotImplementedError

    def follow(self, event: dict, folder: Path | None) -> Generator[None, None, dict | None]:
        """The next command, after the `result` event of one; None when there is none."""
        yield from ()

    def afterError(self, error: ResFormerSegError, folder: Path | None) -> Generator[None, None, dict | None] | None:
        """How the run goes on although the engine has refused the last command: as `follow`. None ends the run."""
        return None

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, Any]:
        """Imports the engine's last `result` event; returns the result.

        notices: warnings for the user, rows with code and message. When it fails, the scene is as before.
        """
        raise NotImplementedError

    def describeProgress(self, done: int, total: int) -> str:
        return _("Slice {done} of {total}").format(done=done, total=total)


def invalidResult() -> ResFormerSegError:
    return ResFormerSegError(
        "RESULT_INVALID",
        _("The result of the engine is unreadable or does not match the volume."),
        _("Try again; reinstall the ResFormerSeg extension if it happens again."),
    )


def notImported(error: Exception) -> ResFormerSegError:
    return ResFormerSegError(
        "RESULT_NOT_IMPORTED",
        _("The result could not be added to the scene: {reason}.").format(reason=error or type(error).__name__),
        _("Close other programs to free memory, then try again."),
    )


def checkedDevice(device: str | None) -> str:
    """The name of a device, None for that of the engine's choice. Raises ResFormerSegError: DEVICE_UNKNOWN."""
    from resformer_unet.errors import EngineError
    from resformer_unet.inference.backends.devices import check_device_name

    try:
        return check_device_name("auto" if device is None else device)
    except EngineError as error:
        raise ResFormerSegError.fromEngine(error) from error


def _checkInScene(node) -> None:
    if node.GetScene() is not slicer.mrmlScene:
        raise ResFormerSegError(
            "NOT_IN_SCENE",
            _("'{name}' is not in the scene.").format(name=node.GetName()),
            _("Add it with slicer.mrmlScene.AddNode(), or make it with AddNewNodeByClass()."),
        )


def checkedOptions(kind: type, options: dict) -> dict:
    """Options as the engine takes them, checked by the engine's own rules before a worker is asked.

    kind: the engine's dataclass of the command's options. Raises ResFormerSegError: BAD_OPTION.
    """
    from resformer_unet.errors import EngineError

    try:
        return asdict(kind.from_dict(options))
    except EngineError as error:
        raise ResFormerSegError.fromEngine(error) from error
