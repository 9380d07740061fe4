"""The tasks of a run over many cases: naming what a folder holds, one case, and the page of all."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

from ResFormerSegLib.cases.case_input import CaseInput
from ResFormerSegLib.runs.task import Task, invalidResult
from ResFormerSegLib.scene.transform_warnings import transformWarnings
from ResFormerSegLib.scene.volume_export import checkVolume, exportVolume


class FindTask(Task):
    """The images in files and folders, as inputs; also makes the folder of the results, and checks it.

    paths: may be empty. output: the folder of the results.
    """

    needsFolder = False

    def __init__(self, paths: list[str], output: str) -> None:
        super().__init__()
        self._command = {"command": "find_cases", "paths": paths, "output": output}

    def export(self, folder: Path | None) -> Generator[None, None, dict]:
        yield
        return self._command

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, list[CaseInput]]:
        yield
        try:
            return [CaseInput(row["name"], path=row["input"], isPlanned=True) for row in event["cases"]]
        except (KeyError, TypeError) as error:
            raise invalidResult() from error


class CaseTask(Task):
    """One case; the result is the engine's event, with `case`, `report`, `kept` and `seconds`.

    The result stays on the disk. taken: names of cases that are not to be used. settings: `model`, `device`, `options`.
    Raises ResFormerSegError, as `checkVolume` does.
    """

    def __init__(self, source: CaseInput, output: str, taken: list[str], settings: dict) -> None:
        node = source.volumeNode
        if source.isOfScene:
            checkVolume(node)
        super().__init__(node)
        self._command = {"command": "case", "output": output, "name": source.name, "taken": taken, **settings}
        if not source.isOfScene:
            self.needsFolder = False
            self._command |= {
                "input": source.path,
                "series": source.series or None,
                "planned": source.isPlanned,
            }

    def export(self, folder: Path | None) -> Generator[None, None, dict]:
        yield
        if not self.nodes:
            return self._command
        exported = yield from exportVolume(self.nodes[0].Get(), folder)
        return {**self._command, "image": exported.message}

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, dict]:
        yield
        if not isinstance(event.get("report"), dict) or not isinstance(event.get("case"), str):
            raise invalidResult()
        notices = [*notices, *(transformWarnings(self.nodes[0].Get()) if self.nodes else [])]
        warnings = event["report"].get("warnings", [])
        event["report"]["warnings"] = [*warnings, *(row for row in notices if row not in warnings)]
        return event


class PageTask(Task):
    """The list of cases as an HTML file. cases: rows with name, title, message and edited, in the order of the page."""

    needsFolder = False

    def __init__(self, output: str, cases: list[dict], file: str | os.PathLike) -> None:
        super().__init__()
        self._command = {"command": "cases_page", "output": output, "cases": cases, "file": os.fspath(file)}

    def export(self, folder: Path | None) -> Generator[None, None, dict]:
        yield
        return self._command

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, str]:
        yield
        return str(event.get("file", ""))
