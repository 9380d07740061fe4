"""What is remembered of the last run, for bug reports."""

from __future__ import annotations

from dataclasses import dataclass

from ResFormerSegLib.errors import ResFormerSegError


@dataclass
class LastRun:
    """settings: command, model, device and options; nothing of the image. error: None when it went well. log: the
    engine's last lines. devices: the engine's last answer to that question, whichever run it was; None before."""

    settings: dict | None = None
    error: ResFormerSegError | None = None
    log: str = ""
    devices: dict | None = None

    def remember(self, command: dict, error: Exception | None, log: str) -> None:
        shown = ("command", "model", "device", "options")
        self.settings = {name: command[name] for name in shown if name in command}
        self.error = error if isinstance(error, ResFormerSegError) else None
        self.log = log
