"""What is known of a training that was begun: enough to go on with it in another session.

It lies in ``learning.json`` in the folder that the training keeps beside its model, and says nothing of patients.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from resformer_unet.atomic_files import atomic_write_text
from resformer_unet.training.setup.run_folder import ENDING, run_folder

STATE = "learning.json"


@dataclass(frozen=True)
class LearningState:
    """A training that was begun.

    Attributes:
        initial: id or folder of the model that is trained further.
        options: as given: epochs, batch_size, learning_rate, workers; ``None`` for the default.
        cases: names of the training set's cases when it began.
        finished: whether the model is complete.
        data: of :func:`.dataset_digest` when it began; ``None`` in states that earlier versions wrote.
    """

    dataset: str
    output: str
    initial: str
    options: Mapping[str, float | None]
    cases: tuple[str, ...]
    finished: bool = False
    data: str | None = None

    @property
    def work(self) -> Path:
        return run_folder(Path(self.output))

    def save(self) -> None:
        """Raises ``EngineError`` OUTPUT_NOT_WRITABLE or DISK_FULL."""
        atomic_write_text(self.work / STATE, json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n")

    def as_finished(self) -> LearningState:
        return replace(self, finished=True)


def read_state(output: str | Path) -> LearningState | None:
    """The state of the training into ``output``; ``None`` without a readable one.

    The folders may have been moved together: the state then speaks of where they are now.
    """
    output = Path(output).resolve()
    try:
        entries = json.loads((run_folder(output) / STATE).read_text(encoding="utf-8"))
        state = LearningState(**{**entries, "cases": tuple(entries["cases"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return replace(state, output=str(output))


def unfinished(models: str | Path) -> list[LearningState]:
    """Trainings in a folder of models that were begun and not finished, the newest last."""
    models = Path(models)
    found = sorted(models.glob(f"*{ENDING}/{STATE}"), key=lambda path: path.stat().st_mtime)
    states = [read_state(models / path.parent.name.removesuffix(ENDING)) for path in found]
    return [state for state in states if state is not None and not state.finished]
