"""Training sets as the panel shows them: read and changed by the engine's own rules, in milliseconds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt

from ResFormerSegLib.errors import ResFormerSegError

FOLDER_SETTING = "ResFormerSeg/TrainingFolder"
AUTHOR_SETTING = "ResFormerSeg/CorrectedBy"
_BUSY_SECONDS = 0.0  # another program that is changing the set is not waited for: the application would stand still


def lastFolder() -> str:
    """The training set that was used last; empty if there is none."""
    return str(qt.QSettings().value(FOLDER_SETTING, "") or "")


def rememberFolder(folder: str) -> None:
    qt.QSettings().setValue(FOLDER_SETTING, folder)


def lastAuthor() -> str:
    return str(qt.QSettings().value(AUTHOR_SETTING, "") or "")


def rememberAuthor(name: str) -> None:
    qt.QSettings().setValue(AUTHOR_SETTING, name)


def casesOf(folder: str | os.PathLike) -> list[dict[str, str]]:
    """Rows with id, label, split, group, corrected_by and added. Raises ResFormerSegError: DATASET_INVALID."""
    from dataclasses import asdict

    from resformer_unet.training_set.contents import list_cases

    return [asdict(case) for case in _asEngine(list_cases, Path(folder))]


def removeCase(folder: str | os.PathLike, name: str) -> None:
    """Removes a case and its files.

    Raises ResFormerSegError: CASE_NOT_FOUND, TRAINING_SET_BUSY, OUTPUT_NOT_WRITABLE.
    """
    from resformer_unet.training_set.removing import remove_case

    _asEngine(remove_case, Path(folder), name, seconds=_BUSY_SECONDS)


def countsText(folder: str | os.PathLike) -> str:
    """For instance "glioma: 3 train, 1 val, 1 test", a line for each class."""
    from resformer_unet.training_set.contents import counts_by_class, list_cases

    counts = counts_by_class(_asEngine(list_cases, Path(folder)))
    return "\n".join(
        f"{label or '–'}: " + ", ".join(f"{count} {split}" for split, count in splits.items())
        for label, splits in counts.items()
    )


def whyNoTraining(folder: str | os.PathLike, descriptor: dict) -> ResFormerSegError | None:
    """What the set lacks for training the model further; None if it suffices."""
    from resformer_unet.learning.readiness import why_not_ready
    from resformer_unet.training_set.contents import list_cases

    problem = why_not_ready(_asEngine(list_cases, Path(folder)), descriptor)
    return ResFormerSegError.fromEngine(problem) if problem is not None else None


def noTestCaseText(folder: str | os.PathLike) -> str:
    """Why a new model could not be compared with the old one; empty if it could."""
    from resformer_unet.learning.readiness import no_test_case_text
    from resformer_unet.training_set.contents import list_cases

    return no_test_case_text(_asEngine(list_cases, Path(folder)))


def fewCasesText(count: int) -> str:
    """What a model that was trained on so few cases says of itself; empty if they are many."""
    from resformer_unet.learning.readiness import few_cases_text

    return few_cases_text(count)


def unfinishedTraining(folder: str | os.PathLike) -> dict | None:
    """The last training on the set that was begun and not finished: output, initial, and whether it is running."""
    from resformer_unet.learning.run_state import unfinished
    from resformer_unet.training.setup.run_folder import is_running

    states = unfinished(modelsFolder(folder))
    if not states:
        return None
    return {
        "output": states[-1].output,
        "initial": states[-1].initial,
        "isRunning": is_running(states[-1].output),
    }


def modelsFolder(folder: str | os.PathLike) -> Path:
    """Where models that are trained on the set are written."""
    from resformer_unet.training_set.contents import MODELS

    return Path(folder) / MODELS


def freeOutput(folder: str | os.PathLike, modelId: str) -> Path:
    """A folder for a new model that is not there yet, nor being trained: "<model>-1", "<model>-2"..."""
    models = modelsFolder(folder)
    number = 1
    while any((models / f"{modelId}-{number}{ending}").exists() for ending in ("", ".training")):
        number += 1
    return models / f"{modelId}-{number}"


def discardTraining(output: str | os.PathLike) -> None:
    """Deletes what an unfinished training has written. Does nothing while another program trains into it."""
    import shutil

    from resformer_unet.training.setup.run_folder import is_running, run_folder

    if not is_running(output):
        shutil.rmtree(run_folder(Path(output)), ignore_errors=True)


def learningRows(output: str | os.PathLike) -> list[dict[str, float]]:
    """Metrics of each epoch of a training so far, as `metrics.csv` has them; none before the first epoch."""
    import csv

    path = Path(f"{os.fspath(output)}.training") / "metrics.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError:
        return []
    return [{name: float(value) for name, value in row.items() if value} for row in rows]


def _asEngine(function: Callable, *arguments, **options) -> Any:
    """Calls a function of the engine; its error becomes a ResFormerSegError."""
    from resformer_unet.errors import EngineError

    try:
        return function(*arguments, **options)
    except EngineError as error:
        raise ResFormerSegError.fromEngine(error) from error
