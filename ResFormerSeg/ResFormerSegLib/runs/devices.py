"""Lists the devices that the engine can compute on, and the versions of its packages."""

from __future__ import annotations

from collections.abc import Generator

from slicer.i18n import tr as _

from ResFormerSegLib.engine.keeper import LastRun
from ResFormerSegLib.runs.task import Task


class DevicesTask(Task):
    """Runs in the background: a run of the user waits for it instead of being refused.

    The result is {"devices": rows with id ("cpu", "cuda:0"), name, usable and reason (why not, or None), "versions": by
    package, None for one that is not installed}.
    """

    needsFolder = False
    inBackground = True

    def __init__(self, lastRun: LastRun) -> None:
        super().__init__()
        self._lastRun = lastRun

    def export(self, folder: None) -> Generator[None, None, dict]:
        yield
        return {"command": "devices"}

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, dict]:
        yield
        self._lastRun.devices = {"devices": list(event["devices"]), "versions": dict(event["versions"])}
        return self._lastRun.devices

    def describeProgress(self, done: int, total: int) -> str:
        return _("Device {done} of {total}").format(done=done, total=total)
